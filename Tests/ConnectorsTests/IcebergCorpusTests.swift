import Frazil
import JSONText
import TestSupport
import Testing

@Suite("The Iceberg corpus through the engine")
struct IcebergCorpusTests {
  /// Compares one query with one entry of `results` or `row_lineage`.
  private static func check(
    _ table: CorpusTable, _ sql: String, _ result: JSONValue, comparesColumns: Bool = true
  ) async throws -> [String] {
    let promised = result["outcome"]?.string ?? table.outcome
    do {
      let rows = try await QueryRows.run(sql, table.configuration)
      guard let count = result["row_count"]?.int64, let digest = result["sha256_sorted_rows"]?.string else {
        return promised.contains("error") && !promised.contains("unsupported") ? ["read without an error, which is wrong"] : []
      }
      var problems: [String] = []
      if comparesColumns, !rows.columns.isEmpty {
        let columns = result["columns"]?.elements.map { column in
          let type = column["type"]?.string ?? ""
          return "\(column["name"]?.string ?? "") \(type.replacingFixed)"
        }
        if columns != rows.columns { problems.append("columns \(rows.columns), expected \(columns ?? [])") }
      }
      if Int64(rows.lines.count) != count { problems.append("\(rows.lines.count) rows, expected \(count)") }
      if rows.digest != digest {
        let wanted = result["rows_sorted"]?.elements.map { $0.compactText } ?? []
        let first = zip(rows.lines, wanted).first { $0 != $1 }
        problems.append("rows differ: \(first?.0 ?? rows.lines.first ?? "none"), expected \(first?.1 ?? "others")")
      }
      return problems
    } catch let error as SQLError {
      if result["row_count"] != nil, promised == "ok" { return ["error: \(error.code) \(error.message) \(error.notes)"] }
      if promised == "unsupported", error.code != .notSupported { return ["should be unsupported, but: \(error.message)"] }
      return error.code == .genericInternalError ? ["an internal error: \(error.message)"] : []
    }
  }

  private static func check(_ table: CorpusTable) async -> [String] {
    var failures: [String] = []
    do {
      let root = table.expected.root
      let current = try root.requireString("metadata")
      for result in try root.requireElements("results") {
        var sql = "SELECT * FROM \(table.relation(current))"
        if let id = result.present("snapshot_id")?.int64 { sql += " FOR VERSION AS OF \(id)" }
        for problem in try await check(table, sql, result) { failures.append("\(sql): \(problem)") }
      }
      for result in root["row_lineage"]?.elements.map({ $0 }) ?? [] {
        guard let id = result.present("snapshot_id")?.int64, result["row_count"] != nil else { continue }
        let sql =
          "SELECT *, _row_id, _last_updated_sequence_number FROM \(table.relation(current)) FOR VERSION AS OF \(id)"
        for problem in try await check(table, sql, result, comparesColumns: false) { failures.append("\(sql): \(problem)") }
      }
    } catch { failures.append("\(error)") }
    return failures.map { "\(table.name): \($0)" }
  }

  @Test("every table gives the rows that other readers find, now and at each snapshot, or the error it must")
  func everyState() async throws {
    let tables = try CorpusTable.all()
    var failures: [String] = []
    for table in tables { failures += await Self.check(table) }
    print("Iceberg corpus: \(tables.count) tables, \(failures.count) differences")
    for failure in failures { Issue.record("\(failure)") }
  }

  @Test("Avro data files: stored values, an initial default for the older file, inherited row lineage")
  func avroDataFiles() async throws {
    guard let table = try CorpusTable.all().first(where: { $0.name == "im_v3_default_value_avro" }) else { return }
    // No reader of the corpus reads it: one file holds i = 1 and was written before j, whose initial default is -1; the other (2, 2).
    let sql = "SELECT *, _row_id, _last_updated_sequence_number FROM \(table.relation("metadata/v4.metadata.json"))"
    #expect(try await QueryRows.run(sql, table.configuration).lines == ["[1,-1,0,1]", "[2,2,1,2]"])
    #expect(try await QueryRows.run(sql + " WHERE j = -1", table.configuration).lines == ["[1,-1,0,1]"])
  }

  @Test("older metadata files open the table as it was, or say which file is gone")
  func otherMetadata() async throws {
    for table in try CorpusTable.all() where table.outcome == "ok" {
      let root = table.expected.root
      for file in try root.requireElements("other_metadata").map({ try $0.requireString() }) {
        // A converter's leftover without a format version.
        if table.name == "dk_big_query", file == "metadata/v0.metadata.json" { continue }
        do {
          let rows = try await QueryRows.run("SELECT * FROM \(table.relation(file))", table.configuration)
          let counted = try await QueryRows.run("SELECT count(*) FROM \(table.relation(file))", table.configuration)
          #expect(counted.lines == ["[\(rows.lines.count)]"], "\(table.name) \(file)")
        } catch let error as SQLError {
          #expect(error.message.contains("No such file") || error.message.contains("not found"), "\(table.name) \(file): \(error.message)")
        }
      }
    }
  }
}

extension String {
  /// `fixed(16)` as `binary`: SQL has one type for both.
  fileprivate var replacingFixed: String {
    guard let start = range(of: "fixed(") else { return self }
    let end = self[start.upperBound...].firstIndex(of: ")") ?? index(before: endIndex)
    return (self[..<start.lowerBound] + "binary" + self[index(after: end)...]).replacingFixed
  }

  private func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
extension JSONValue {
  /// The value without blanks between tokens.
  fileprivate var compactText: String {
    var result = ""
    var isText = false
    var isEscaped = false
    for character in String(decoding: sourceBytes, as: UTF8.self) {
      if isText {
        result.append(character)
        if isEscaped { isEscaped = false } else if character == "\\" { isEscaped = true } else if character == "\"" { isText = false }
      } else if character == "\"" {
        isText = true
        result.append(character)
      } else if !character.isWhitespace {
        result.append(character)
      }
    }
    return result
  }
}
