import Catalogs
import Storage

/// Where the tables of a catalog lie, as their entries say: no metadata is read.
struct FolderNeighbours {
  private struct Neighbour: Sendable {
    let database: String
    let table: String
    let location: Location
  }

  private var neighbours: [Neighbour] = []

  /// Databases that are asked for at once.
  private static let parallelism = 8

  init(of catalog: any Catalog) async throws {
    var rest = try await catalog.databases().map(\.name)[...]
    neighbours = try await withThrowingTaskGroup(of: [Neighbour].self) { group in
      func ask(_ database: String) {
        group.addTask { try await Self.neighbours(in: database, of: catalog) }
      }
      for _ in 0..<Self.parallelism { if let database = rest.popFirst() { ask(database) } }
      var found: [Neighbour] = []
      while let some = try await group.next() {
        found += some
        if let database = rest.popFirst() { ask(database) }
      }
      // The order of answers is not that of the catalog.
      return found.sorted { ($0.database, $0.table) < ($1.database, $1.table) }
    }
  }

  private static func neighbours(in database: String, of catalog: any Catalog) async throws(CatalogError) -> [Neighbour] {
    do {
      return try await catalog.tables(in: database).compactMap { table in
        table.storage.location.map { Neighbour(database: table.database, table: table.name, location: Location($0)) }
      }
    } catch {
      // It was dropped meanwhile.
      if error.kind == .databaseNotFound { return [] }
      throw error
    }
  }

  /// Forgets a table that was dropped.
  mutating func remove(_ entry: CatalogTable) { neighbours.removeAll { $0.database == entry.database && $0.table == entry.name } }

  /// Why the folder of a table must stay although the table goes; nil when nothing else lies in it.
  func keeper(ofFilesOf entry: CatalogTable, warehouse: String) -> String? {
    guard let text = entry.storage.location else { return nil }
    let location = Location(text)
    guard location.parent != nil, !location.path.isEmpty else { return "the location is no folder of its own" }
    if Location(warehouse).isWithin(location) { return "the warehouse lies in it" }
    return neighbours.first { other in
      (other.database != entry.database || other.table != entry.name) && other.location.isWithin(location)
    }.map { "those of table \($0.database).\($0.table) are among them" }
  }
}

extension StatementRunner {
  /// Why the folder of a table must stay although the table goes; nil when nothing else lies in it.
  func keeper(ofFilesOf entry: CatalogTable) async throws -> String? {
    let catalog = engine.catalog(of: entry)
    return try await FolderNeighbours(of: catalog).keeper(ofFilesOf: entry, warehouse: engine.warehousePath(of: catalog))
  }
}

extension Location {
  /// Whether this is `folder` or lies below it.
  fileprivate func isWithin(_ folder: Location) -> Bool {
    Location(folderText).canonicalText == Location(folder.folderText).canonicalText || relativePath(below: folder) != nil
  }
}
