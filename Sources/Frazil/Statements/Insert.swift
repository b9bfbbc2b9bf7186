import Catalogs
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// INSERT INTO.
extension StatementRunner {
  func runInsert(_ insert: InsertStatement, range: SourceRange) async throws -> StatementResult {
    let (table, plan) = try await bindInsert(insert, range: range)
    let write = try await located(insert.table.range) {
      if let external = table as? ExternalTable { return try external.beginAppend(catalog: catalog, context: context) }
      return try await table.beginWrite(.append)
    }
    return StatementResult(rowsAffected: try await self.write(plan, into: write))
  }

  /// The target, and a plan that gives its columns.
  func bindInsert(_ insert: InsertStatement, range: SourceRange) async throws -> (table: any Table, plan: LogicalPlan) {
    guard !insert.isOverwrite else {
      throw SQLError.notSupported("INSERT OVERWRITE is not supported yet", range: range, hint: "INSERT INTO is.")
    }
    let table = try await writableTable(insert.table)
    let bound = try await bind(insert.query)
    let binder = Binder(relations: ResolvedRelations(), settings: binderSettings())
    // The place of the error is the query when its columns are wrong, as in Trino.
    return (table, try binder.insertion(of: bound, into: table, columns: insert.columns, range: insert.query.range))
  }

  /// A table that rows can be added to: no view, no metadata table.
  private func writableTable(_ name: QualifiedName) async throws -> any Table {
    let (database, table) = try resolve(name)
    let entry: CatalogTable
    do { entry = try await catalog.table(table, in: database) } catch {
      if error.kind == .tableNotFound {
        throw SQLError(.tableNotFound, "Table '\(Engine.catalogName).\(database).\(table)' does not exist", range: name.range)
      }
      throw SQLError(wrapping: error).located(at: name.range)
    }
    if entry.isView { throw SQLError.notSupported("Inserting into views is not supported", range: name.range) }
    guard entry.isIceberg, let location = entry.metadataLocation else {
      return try await located(name.range) { try await externalTable(entry) }
    }
    let metadata = try await located(name.range) { try await TableMetadata.load(Location(location), from: engine.store) }
    let writer = IcebergWriter(
      CatalogPointer(catalog, database: database, table: table), name: "\(database).\(table)", base: location, store: engine.store,
      context: context, clock: engine.clock)
    return try IcebergTable(metadata: metadata, store: engine.store, footers: engine.footers, writing: writer)
  }

  /// Runs `body`; its errors point at `range` unless they have a place.
  func located<Value>(_ range: SourceRange, _ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch { throw SQLError(wrapping: error).located(at: range) }
  }
}
