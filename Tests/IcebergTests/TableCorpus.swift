import Iceberg
import JSONText
import Storage
import TestSupport

/// Tables made by other engines, with what readers agree they hold.
struct CorpusTable {
  let name: String
  let folder: String
  /// What the table's MANIFEST line promises: ok, error, unsupported.
  let outcome: String
  let expected: JSONDocument
  let store: StoreRouter
  /// A prefix that reaches the table's folder through the mounts.
  let base: Location

  static func all(_ test: String = #function) throws -> [CorpusTable] {
    guard let root = Corpus.folder("iceberg", test) else { return [] }
    return try Corpus.table(root + "/MANIFEST.tsv").compactMap { line in
      guard let name = line["table"], let bytes = Corpus.bytes("\(root)/expected/\(name).json") else { return nil }
      return try CorpusTable(name: name, root: root, outcome: line["outcome"] ?? "", expected: JSONDocument(bytes))
    }
  }

  static func named(_ name: String, _ test: String = #function) throws -> CorpusTable? { try all(test).first { $0.name == name } }

  private init(name: String, root: String, outcome: String, expected: JSONDocument) throws {
    self.name = name
    self.outcome = outcome
    self.expected = expected
    folder = "\(root)/tables/\(name)"
    var mounts = MountTable()
    for entry in try expected.root.requireElements("location_map") {
      let to = try entry.requireString("to").dropFirst().drop { $0 == "/" }
      mounts.mount(
        from: Location(try entry.requireString("from")), to: Location(to.isEmpty ? folder : folder + "/" + to))
    }
    store = StoreRouter(mounts: mounts)
    base = Location(folder)
  }

  var metadataLocation: Location {
    get throws { base.appending(try expected.root.requireString("metadata")) }
  }

  func load() async throws -> TableMetadata { try await TableMetadata.load(metadataLocation, from: store) }
}
