import Catalogs
import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// CREATE OR REPLACE TABLE and REPLACE TABLE of a table that is there: one commit, after which older snapshots can still be read.
extension StatementRunner {
  /// The table that a statement replaces; nil when there is none and it makes one.
  func replacedEntry(_ create: CreateTableStatement) async throws -> CatalogTable? {
    let entry: CatalogTable
    do { entry = try await writableEntry(create.name) } catch let error as SQLError where error.code == .tableNotFound && create.mode == .createOrReplace {
      guard transaction == nil else {
        throw SQLError.notSupported(
          "A table cannot be made inside a transaction, only replaced", range: create.name.range, hint: "COMMIT or ROLLBACK first.")
      }
      return nil
    }
    guard entry.isIceberg else {
      throw SQLError.notSupported(
        "'\(entry.database).\(entry.name)' is not an Iceberg table: it cannot be replaced", range: create.name.range,
        hint: "DROP TABLE, then CREATE TABLE.")
    }
    return entry
  }

  func bindReplacement(of entry: CatalogTable, by create: CreateTableStatement, parameters: [Scalar]) async throws -> TableCreation {
    let range = create.name.range
    let location = try entry.currentMetadata().text
    // Before the query is bound: rows that it reads are of this state, or of a newer one, which the commit refuses.
    let base = try await located(range) { try await icebergMetadata(entry) }
    let rows = try await bindRows(for: create, parameters: parameters)
    let definition = try IcebergDefinition(
      create, columns: rows.map { .ofQuery($0) } ?? .declared(create.columns), replacing: base, binder: constantBinder)
    try checkLocation(definition.location, of: base)
    let replacement = TableDefinition(
      schema: definition.schema, spec: definition.spec, properties: definition.properties, formatVersion: definition.formatVersion)
    let planned: TableMetadata
    do { planned = try replacement.replacing(base) } catch { throw SQLError(wrapping: error).located(at: range) }
    let writer = icebergWriter(entry, at: location)
    let details = [PlanDescription.Detail(label: "", text: engine.shownName(entry))] + WriteTarget.details(of: planned)
    return TableCreation(
      plan: try insertion(of: rows, into: planned, create),
      target: WriteTarget(name: "ReplaceTableAs", details: details) { try writer.beginReplacement(of: base, by: replacement, planned) },
      makeEmpty: { _ = try await writer.committer.commit(TableReplacement(replacement), expectedUUID: base.tableUUID) }, newLocation: nil)
  }

  private func checkLocation(_ stated: StringLiteral?, of base: TableMetadata) throws(SQLError) {
    guard let stated else { return }
    var text = stated.value
    while text.count > 1, text.hasSuffix("/") { text.removeLast() }
    guard text == base.location else {
      throw SQLError(
        .invalidTableProperty, "The provided location '\(stated.value)' does not match the existing table location '\(base.location)'",
        range: stated.range, hint: "Leave the location out: a table that is replaced stays where it is.")
    }
  }
}
