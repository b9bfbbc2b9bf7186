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

  /// - Parameter neighbours: where other tables lie, when that is known already.
  /// - Returns: what the user should know: files that were left.
  func dropEntry(_ entry: CatalogTable, among neighbours: FolderNeighbours? = nil) async throws -> [String] {
    let catalog = engine.catalog(of: entry)
    var keeper: String?
    // A catalog that keeps the states knows best which files are the table's.
    if entry.isIceberg, catalog.keeping == nil {
      let neighbours = if let neighbours { neighbours } else { try await FolderNeighbours(of: catalog) }
      keeper = neighbours.keeper(ofFilesOf: entry, warehouse: engine.warehousePath(of: catalog))
    }
    if entry.isIceberg, await !mayDeleteFiles(of: entry) { keeper = "its property gc.enabled is false" }
    if entry.isIceberg, let keeping = catalog.keeping {
      try await keeping.dropTable(entry.name, in: entry.database, isPurging: keeper == nil)
      if let location = entry.storage.location {
        engine.footers.forget(below: Location(location))
        if keeper == nil { engine.store.forget(below: Location(location)) }
      }
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
}
