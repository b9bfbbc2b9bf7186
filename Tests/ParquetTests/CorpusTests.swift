import Columnar
import Digests
import JSONText
import Parquet
import Storage
import TestSupport
import Testing

/// The files of the corpus and what must come of them.
struct CorpusEntry {
  var file: String
  var outcome: String

  static func all(_ folder: String) -> [CorpusEntry] {
    let text = String(decoding: Corpus.bytes(folder + "/MANIFEST.tsv") ?? [], as: UTF8.self)
    return text.split(separator: "\n").dropFirst().map { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      return CorpusEntry(file: String(fields[0]), outcome: String(fields[5]))
    }
  }
}

/// What reading a whole file gave.
private struct Outcome {
  var rowCount = 0
  var problems: [String] = []
}

@Suite("The Parquet corpus")
struct CorpusTests {
  /// Reads every row of every column, checking them against the expected columns if there are any.
  private static func read(_ path: String, expected: [(name: String, type: String, nulls: Int64?, digest: String)]?)
    throws(ParquetError) -> Outcome
  {
    var outcome = Outcome()
    let wantsNanoseconds = expected?.contains { $0.type.contains("timestamp(ns)") } ?? false
    let reader: LocalFileReader
    do {
      reader = try LocalFileReader(Location(path), path: path)
    } catch {
      throw ParquetError(.inputOutput, "\(error)")
    }
    let file = try ParquetFile.open(reader, options: ParquetFile.Options(int96InNanoseconds: wantsNanoseconds))
    let types = expected.map { $0.map { ExpectedType($0.type) } }
    var texts = expected.map { $0.map { _ in CanonicalText() } }
    var nulls = Array(repeating: Int64(0), count: file.columns.count)
    if let expected, let types {
      guard expected.count == file.columns.count else {
        outcome.problems.append("\(file.columns.count) columns, expected \(expected.count)")
        return outcome
      }
      for (column, wanted) in zip(file.columns, expected) where column.name != wanted.name {
        outcome.problems.append("column \(column.name), expected \(wanted.name)")
      }
      for (column, wanted) in zip(file.columns, zip(expected, types)) where wanted.1?.matches(column.type) != true {
        outcome.problems.append("\(column.name) is \(column.type), expected \(wanted.0.type)")
      }
      if !outcome.problems.isEmpty { return outcome }
    }
    for group in 0..<file.rowGroupCount {
      let rows = try RowGroupReader(file, rowGroup: group, columns: file.columns, context: QueryContext())
      // Odd batch sizes cross page borders; large ones keep hostile row counts quick.
      while let batch = try rows.next(maxRows: expected == nil ? 65_536 : 1_000) {
        outcome.rowCount += batch.count
        guard let types else { continue }
        for (index, column) in batch.columns.enumerated() {
          guard let type = types[index] else { continue }
          texts?[index].appendRows(column, type)
          let view = ColumnView(column)
          if view.mayHaveNulls { for row in 0..<column.count where !view.isValid(row) { nulls[index] += 1 } }
        }
      }
    }
    guard let expected, let texts else { return outcome }
    for (index, wanted) in expected.enumerated() {
      if let count = wanted.nulls, count != nulls[index] {
        outcome.problems.append("\(wanted.name): \(nulls[index]) nulls, expected \(count)")
      }
      if MessageDigest.sha256.hexadecimal(of: texts[index].bytes) != wanted.digest {
        let start = String(decoding: texts[index].bytes.prefix(300), as: UTF8.self)
        outcome.problems.append("\(wanted.name) (\(wanted.type)) differs; it starts \(start)")
      }
    }
    return outcome
  }

  private static func check(_ entry: CorpusEntry, folder: String) -> [String] {
    let path = folder + "/data/" + entry.file
    do {
      let document = try JSONDocument(Corpus.bytes(folder + "/expected/" + entry.file + ".json") ?? [])
      let columns = document.root["columns"]?.elements.map { column in
        (
          name: column["name"]?.string ?? "", type: column["type"]?.string ?? "", nulls: column["null_count"]?.int64,
          digest: column["sha256"]?.string ?? ""
        )
      }
      let isStrict = entry.outcome == "ok"
      do throws(ParquetError) {
        let outcome = try read(path, expected: isStrict ? columns : nil)
        switch entry.outcome {
        case "ok":
          var problems = outcome.problems
          if let rows = document.root["row_count"]?.int64, rows != Int64(outcome.rowCount) {
            problems.append("\(outcome.rowCount) rows, expected \(rows)")
          }
          return problems
        case "error": return ["read without an error, which is wrong"]
        case "unsupported":
          // Supporting more than asked is fine when the content is known.
          return columns == nil ? ["read without an error, which is wrong"] : try read(path, expected: columns).problems
        default: return []
        }
      } catch {
        switch entry.outcome {
        case "ok": return ["error: \(error)"]
        case "unsupported": return error.kind == .unsupported ? [] : ["should be unsupported, but: \(error)"]
        default: return []
        }
      }
    } catch {
      return ["the expectation cannot be read: \(error)"]
    }
  }

  @Test("every file is read as other readers read it, or refused as it must be")
  func wholeCorpus() async throws {
    guard let folder = Corpus.folder("parquet") else { return }
    let only = Corpus.environment("FRAZIL_CORPUS_ONLY")
    let chosen = CorpusEntry.all(folder).filter { only == nil || $0.file.contains(only ?? "") }
    var failures: [String] = []
    await withTaskGroup(of: [String].self) { group in
      for worker in 0..<2 {
        group.addTask {
          var found: [String] = []
          for index in stride(from: worker, to: chosen.count, by: 2) {
            let problems = Self.check(chosen[index], folder: folder)
            if !problems.isEmpty { found.append("\(chosen[index].file): \(problems.joined(separator: "; "))") }
          }
          return found
        }
      }
      for await found in group { failures += found }
    }
    print("Parquet corpus: \(chosen.count - failures.count) of \(chosen.count) files as expected")
    for failure in failures.sorted() { Issue.record("\(failure)") }
  }
}
