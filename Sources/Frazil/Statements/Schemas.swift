import Catalogs
import Planner
import SQLSyntax

/// What databases say of themselves, and how that is changed.
extension StatementRunner {
  /// A statement that makes the database again; Trino's column, Athena's clauses.
  func runShowCreateSchema(_ name: QualifiedName) async throws -> StatementResult {
    let database = try await schema(name).database
    var lines = ["CREATE SCHEMA \(Self.ddlName(database.name))"]
    if let comment = database.description { lines.append("COMMENT \(SQLPrinter.quoted(comment))") }
    if let location = database.location { lines.append("LOCATION \(SQLPrinter.quoted(location))") }
    if !database.parameters.isEmpty {
      let entries = database.parameters.sorted { $0.key < $1.key }.map { "\(SQLPrinter.quoted($0.key)) = \(SQLPrinter.quoted($0.value))" }
      lines.append("WITH DBPROPERTIES (\(entries.joined(separator: ", ")))")
    }
    return textResult(["Create Schema"], [[lines.joined(separator: "\n")]], isLaidOut: true)
  }

  /// Spark's rows. EXTENDED adds the properties, as `((key,value), (key,value))`.
  func runDescribeSchema(_ name: QualifiedName, isExtended: Bool) async throws -> StatementResult {
    let (catalog, database) = try await schema(name)
    var rows = [
      ["Catalog Name", engine.catalogs.shownName(catalog)], ["Namespace Name", database.name], ["Comment", database.description ?? ""],
      ["Location", database.location ?? ""],
    ]
    if isExtended {
      let pairs = database.parameters.sorted { $0.key < $1.key }.map { "(\($0.key),\($0.value))" }
      rows.append(["Properties", pairs.isEmpty ? "" : "(\(pairs.joined(separator: ", ")))"])
    }
    return textResult(["info_name", "info_value"], rows)
  }

  func runAlterSchema(_ name: QualifiedName, _ action: AlterSchemaAction) async throws -> StatementResult {
    var (catalog, database) = try await schema(name)
    switch action {
    case .setProperties(let entries): for entry in entries { database.parameters[entry.key.value] = entry.value.value }
    case .setLocation(let location): database.location = location.value
    case .rename(let newName):
      throw SQLError.notSupported(
        "Databases cannot be renamed", range: newName.range, hint: "ALTER TABLE … RENAME TO db.t moves an Iceberg table to another one.")
    }
    return try await replace(database, in: catalog, name.range)
  }

  /// COMMENT ON SCHEMA.
  func setSchemaComment(_ name: QualifiedName, to comment: String?) async throws -> StatementResult {
    var (catalog, database) = try await schema(name)
    database.description = comment
    return try await replace(database, in: catalog, name.range)
  }

  private func replace(_ database: CatalogDatabase, in catalog: any Catalog, _ range: SourceRange) async throws -> StatementResult {
    try await located(range) {
      try await catalog.updateDatabase(database)
      return StatementResult()
    }
  }

  private func schema(_ name: QualifiedName) async throws -> (catalog: any Catalog, database: CatalogDatabase) {
    let (catalog, database) = try resolveDatabase(name)
    return try await located(name.range) { (catalog, try await catalog.database(database)) }
  }
}
