import Catalogs
import Planner
import SQLSyntax

/// ALTER VIEW: a view gets another name, other properties or another query.
extension StatementRunner {
  func runAlterView(_ name: QualifiedName, _ action: AlterViewAction) async throws -> StatementResult {
    let entry = try await viewEntry(name)
    switch action {
    case .rename(let target):
      let place = try target.isSimple ? (catalog: engine.catalog(of: entry), database: entry.database, table: target.last.folded) : resolve(target)
      guard place.catalog.name == entry.catalog else {
        throw SQLError.notSupported("A view cannot be moved to another catalog by its name", range: target.range)
      }
      return try await located(target.range) {
        try await place.catalog.renameTable(entry.name, in: entry.database, to: place.table, in: place.database)
        return StatementResult()
      }
    case .setProperties(let properties):
      return try await located(name.range) {
        try await changeEntry(entry) { entry in for property in properties { entry.parameters[property.key.value] = property.value.value } }
      }
    case .unsetProperties(let keys, let ifExists):
      if !ifExists, let missing = keys.first(where: { entry.parameters[$0.value] == nil }) {
        throw SQLError(
          .invalidTableProperty, "View \(entry.database).\(entry.name) does not have property: \(missing.value)", range: missing.range)
      }
      return try await located(name.range) { try await changeEntry(entry) { entry in for key in keys { entry.parameters[key.value] = nil } } }
    case .replaceQuery(let query):
      return try await runCreateView(CreateViewStatement(replacing: name, comment: entry.description, with: query))
    }
  }

  /// The entry of a view; anything else is an error.
  func viewEntry(_ name: QualifiedName) async throws -> CatalogTable {
    let (catalog, database, view) = try resolve(name)
    do {
      let entry = try await catalog.table(view, in: database)
      guard entry.isView else {
        throw SQLError(.tableNotFound, "'\(database).\(view)' is a table, not a view", range: name.range)
      }
      return entry
    } catch let error as CatalogError where error.kind == .tableNotFound {
      throw SQLError(.tableNotFound, "View '\(database).\(view)' does not exist", range: name.range)
    } catch { throw SQLError(wrapping: error).located(at: name.range) }
  }
}
