import Columnar
import Digests
import Frazil
import JSONText
import TestSupport

/// A table made by another engine, with what other readers agree it holds.
struct CorpusTable {
  let name: String
  let folder: String
  /// What the table's MANIFEST line promises: ok, error, unsupported.
  let outcome: String
  let expected: JSONDocument
  let configuration: Configuration

  static func all(_ test: String = #function) throws -> [CorpusTable] {
    guard let root = Corpus.folder("iceberg", test) else { return [] }
    let only = Corpus.environment("FRAZIL_CORPUS_ONLY")
    return try Corpus.table(root + "/MANIFEST.tsv").compactMap { line in
      guard let name = line["table"], only.map({ name.contains($0) }) ?? true,
        let bytes = Corpus.bytes("\(root)/expected/\(name).json")
      else { return nil }
      return try CorpusTable(name, root, line["outcome"] ?? "", JSONDocument(bytes))
    }
  }

  private init(_ name: String, _ root: String, _ outcome: String, _ expected: JSONDocument) throws {
    self.name = name
    self.outcome = outcome
    self.expected = expected
    let folder = "\(root)/tables/\(name)"
    self.folder = folder
    var configuration = Configuration(warehouse: folder + "/none")
    configuration.workers = 2
    configuration.mounts = try expected.root.requireElements("location_map").map { entry in
      let to = try entry.requireString("to").dropFirst().drop { $0 == "/" }
      return Configuration.Mount(prefix: try entry.requireString("from"), folder: to.isEmpty ? folder : folder + "/" + to)
    }
    self.configuration = configuration
  }

  /// `iceberg_table('…')` for one of its metadata files.
  func relation(_ metadata: String) -> String { "iceberg_table('\(folder)/\(metadata)')" }
}

/// What a query gave, in the corpus' form.
struct QueryRows: Sendable {
  /// `name type` of each column.
  var columns: [String]
  /// Sorted by their JSON text, as bytes.
  var lines: [String] = []

  var digest: String { MessageDigest.sha256.hexadecimal(of: lines.flatMap { Array($0.utf8) + [10] }) }

  static func run(_ sql: String, _ configuration: Configuration) async throws -> QueryRows {
    let result = try await Engine(configuration).makeSession().run(sql)
    var rows = QueryRows(columns: [])
    var types: [SQLType]?
    for try await batch in result.rows {
      types = types ?? batch.batch.columns.map(\.type)
      rows.lines += CanonicalRow.lines(batch.batch)
    }
    if let types { rows.columns = zip(result.columns, types).map { "\($0.name) \(CanonicalRow.name($1))" } }
    rows.lines.sort { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    return rows
  }
}
