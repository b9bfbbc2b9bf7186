import Catalogs
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// DROP TABLE: the entry goes first, then, for Iceberg tables, the files (Athena's rule; those of an external table stay).
extension StatementRunner {
  func runDropTable(_ drop: DropTableStatement) async throws -> StatementResult {
    let (catalog, database, name) = try resolve(drop.name)
    do {
      let entry = try await catalog.table(name, in: database)
      if entry.isView {
        throw SQLError(
          .tableNotFound, "'\(database).\(name)' is a view, not a table", range: drop.name.range, hint: "Use DROP VIEW.")
      }
      return StatementResult(notes: try await dropEntry(entry))
    } catch {
      if let error = error as? CatalogError, error.kind == .tableNotFound || error.kind == .databaseNotFound, drop.ifExists {
        return StatementResult()
      }
      throw SQLError(wrapping: error).located(at: drop.name.range)
    }
  }

  /// - Returns: what the user should know: files that were left.
  func dropEntry(_ entry: CatalogTable) async throws -> [String] {
    // A catalog that keeps the states knows best which files are the table's.
    var keeper = entry.isIceberg && engine.catalog(of: entry).keeping == nil ? try await keeper(ofFilesOf: entry) : nil
    if entry.isIceberg, await !mayDeleteFiles(of: entry) { keeper = "its property gc.enabled is false" }
    let catalog = engine.catalog(of: entry)
    if entry.isIceberg, let keeping = catalog.keeping {
      try await keeping.dropTable(entry.name, in: entry.database, isPurging: keeper == nil)
      if let location = entry.storage.location { engine.footers.forget(below: Location(location)) }
      return keeper.map { ["the files at \(entry.storage.location ?? "its location") were kept: \($0)"] } ?? []
    }
    try await catalog.dropTable(entry.name, in: entry.database)
    guard entry.isIceberg, let location = entry.storage.location else { return [] }
    if let keeper { return ["the files at \(location) were kept: \(keeper)"] }
    engine.footers.forget(below: Location(location))
    do {
      try await engine.store.deleteFolder(Location(location))
      return []
    } catch {
      // The table is gone already; what is left of it is not worth a failed statement.
      return ["table \(entry.database).\(entry.name) was dropped, but its files were not removed: \(error)"]
    }
  }

  /// A table whose metadata cannot be read can be dropped as well, with all that is left of it.
  private func mayDeleteFiles(of entry: CatalogTable) async -> Bool {
    guard let metadata = try? await engine.currentState(entry) else { return true }
    return TableProperties(metadata.properties).mayDeleteFiles
  }

  /// Why the folder of a table must stay although the table goes; nil when nothing else lies in it.
  func keeper(ofFilesOf entry: CatalogTable) async throws -> String? {
    guard let text = entry.storage.location else { return nil }
    let location = Location(text)
    guard location.parent != nil, !location.path.isEmpty else { return "the location is no folder of its own" }
    let warehouse = Location(engine.warehousePath(of: engine.catalog(of: entry)))
    if warehouse.isWithin(location) { return "the warehouse lies in it" }
    let catalog = engine.catalog(of: entry)
    for database in try await catalog.databases() {
      for other in try await catalog.tables(in: database.name) {
        guard other.database != entry.database || other.name != entry.name, let place = other.storage.location else { continue }
        if Location(place).isWithin(location) { return "those of table \(other.database).\(other.name) are among them" }
      }
    }
    return nil
  }
}

extension Location {
  /// Whether this is `folder` or lies below it.
  fileprivate func isWithin(_ folder: Location) -> Bool {
    Location(folderText).canonicalText == Location(folder.folderText).canonicalText || relativePath(below: folder) != nil
  }
}
