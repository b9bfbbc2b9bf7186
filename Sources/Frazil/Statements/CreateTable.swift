import Catalogs
import Columnar
import Connectors
import Execution
import Iceberg
import Planner
import SQLSyntax
import Storage

/// CREATE TABLE and CREATE TABLE AS. The first thing to find out is which family a statement belongs to: Iceberg tables, which this file
/// makes, or Hive's.
extension StatementRunner {
  func runCreateTable(_ create: CreateTableStatement, range: SourceRange) async throws -> StatementResult {
    guard create.mode == .create else {
      throw SQLError.notSupported(
        "\(create.mode.rawValue) TABLE is not supported yet", range: range, hint: "DROP TABLE IF EXISTS, then CREATE TABLE.")
    }
    let family = try TableFamily(create)
    guard family != .hive else { return try await runCreateHiveTable(create, range: range) }
    let (database, name) = try resolve(create.name)
    do { _ = try await catalog.database(database) } catch { throw SQLError(wrapping: error).located(at: create.name.range) }
    if try await tableExists(name, in: database) {
      if create.ifNotExists { return StatementResult(rowsAffected: create.query == nil ? nil : 0) }
      throw create.query == nil
        ? SQLError(.tableAlreadyExists, "Table '\(database).\(name)' already exists", range: create.name.range)
        : SQLError(
          .tableAlreadyExists, "Destination table '\(Engine.catalogName).\(database).\(name)' already exists", range: create.name.range)
    }
    guard let query = create.query else {
      let definition = try IcebergDefinition(create, columns: .declared(create.columns), binder: constantBinder)
      return try await makeIcebergTable(definition, database: database, name: name, create, rows: nil)
    }
    guard create.columns.isEmpty else {
      throw SQLError(
        .syntaxError, "CREATE TABLE AS takes its columns from the query", range: create.columns[0].range,
        hint: "Remove the column list, and cast in the query where a type must be another.")
    }
    let bound = try await bindRows(of: query, for: create)
    let definition = try IcebergDefinition(create, columns: .ofQuery(bound), binder: constantBinder)
    return try await makeIcebergTable(definition, database: database, name: name, create, rows: create.withData ? bound : nil)
  }

  private var constantBinder: Binder { Binder(relations: ResolvedRelations(), settings: binderSettings()) }

  func tableExists(_ name: String, in database: String) async throws(CatalogError) -> Bool {
    do {
      _ = try await catalog.table(name, in: database)
      return true
    } catch where error.kind == .tableNotFound {
      return false
    }
  }

  /// The query of a CTAS with the names its columns will have.
  func bindRows(of query: Query, for create: CreateTableStatement) async throws -> BoundQuery {
    var bound = try await bind(query)
    if !create.columnAliases.isEmpty {
      guard create.columnAliases.count == bound.columns.count else {
        throw SQLError(
          .mismatchedColumnAliases,
          "Column alias list has \(create.columnAliases.count) entries but relation has \(bound.columns.count) columns",
          range: create.name.range)
      }
      for (index, alias) in create.columnAliases.enumerated() { bound.columns[index].name = alias.folded }
    }
    return try bound.checkedForStorage()
  }

  /// Writes the first metadata file, with the rows of a CTAS in it, and makes the catalog entry.
  private func makeIcebergTable(
    _ definition: IcebergDefinition, database: String, name: String, _ create: CreateTableStatement, rows: BoundQuery?
  ) async throws -> StatementResult {
    let location = try await tableLocation(definition.location, database: database, name: name)
    let pointer = CatalogPointer(catalog, database: database, table: name, description: definition.comment)
    let writer = IcebergWriter(
      pointer, name: "\(database).\(name)", base: location, store: engine.store, context: context, clock: engine.clock)
    let metadata = TableMetadata(
      newTableAt: location, uuid: writer.makeUUID(), schema: definition.schema, spec: definition.spec,
      properties: definition.properties, formatVersion: definition.formatVersion, nowMilliseconds: engine.now / 1_000)
    do {
      guard let rows else {
        _ = try await writer.committer.create(metadata)
        return StatementResult(rowsAffected: create.query == nil ? nil : 0)
      }
      let table = try IcebergTable(metadata: metadata, store: engine.store, footers: engine.footers)
      let binder = Binder(relations: ResolvedRelations(), settings: binderSettings())
      let plan = try binder.insertion(of: rows, into: table, columns: [], range: create.name.range)
      return StatementResult(rowsAffected: try await write(plan, into: try writer.beginCreation(metadata)))
    } catch {
      // The folder was empty or absent before, so nothing in it is anybody else's.
      if (error as? IcebergError)?.kind != .commitStateUnknown { await removeEmptyFolders(at: Location(location)) }
      throw error
    }
  }

  /// Runs a plan into a table and commits what was written.
  ///
  /// - Returns: rows written.
  func write(_ plan: LogicalPlan, into write: any TableWrite) async throws -> Int {
    let executor = writingExecutor
    let prepared = try await executor.prepare(optimize(plan))
    let written = try await executor.run(prepared, into: write)
    return try await write.commit(written).rowCount
  }

  /// With a fixed seed one worker runs the whole statement: which rows end in which file must not depend on who was faster.
  var writingExecutor: QueryExecutor {
    guard context.seed != nil, context.workerCount > 1 else { return executor }
    return QueryExecutor(context: context.withWorkers(1), options: executor.options)
  }

  // MARK: Locations

  /// The folder of a new table: as stated, or below its database's.
  func tableLocation(_ stated: StringLiteral?, database: String, name: String) async throws -> String {
    var location: String
    if let stated {
      location = stated.value
    } else if let base = try await catalog.database(database).location {
      location = Location(base).appending(Self.pathComponent(name)).text
    } else {
      location = engine.warehousePath + "/" + Self.pathComponent(database) + "/" + Self.pathComponent(name)
    }
    while location.count > 1, location.hasSuffix("/") { location.removeLast() }
    guard !location.isEmpty else { throw SQLError(.invalidTableProperty, "The location is empty", range: stated?.range) }
    let existing = try await engine.store.list(Location(location), after: nil).objects
    if let object = existing.first {
      throw SQLError(
        .hivePathAlreadyExists, "Cannot create a table on a non-empty location: \(location)", range: stated?.range,
        hint: object.location.text.hasSuffix(".metadata.json") || existing.contains { $0.location.text.contains("/metadata/") }
          ? "A table lies there already: CALL system.register_table opens it. Otherwise choose another location."
          : "Choose another location, or remove the files there.")
    }
    return location
  }

  /// A name as one component of a path: letters, digits, `_` and `-` stay, other bytes become `%XX`.
  private static func pathComponent(_ name: String) -> String {
    var text = ""
    for byte in name.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D: text.unicodeScalars.append(UnicodeScalar(byte))
      default: text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return text
  }

  private func removeEmptyFolders(at location: Location) async {
    do {
      guard try await engine.store.listAll(location).isEmpty else { return }
      try await engine.store.deleteFolder(location)
    } catch { return }  // Empty folders are harmless, and the statement's own error matters more.
  }
}

/// Which kind of table a CREATE TABLE makes.
enum TableFamily {
  /// Athena's `'table_type' = 'ICEBERG'`, in TBLPROPERTIES or in the WITH of a CTAS.
  case athenaIceberg
  /// Spark's `USING iceberg`.
  case sparkIceberg
  case hive

  init(_ create: CreateTableStatement) throws(SQLError) {
    let property = create.tableProperties.first { $0.key.value.lowercased() == "table_type" }
    let option = create.withProperties.first { $0.name.folded == "table_type" }
    let stated: (text: String, range: SourceRange)?
    if let property {
      stated = (property.value.value, property.range)
    } else if let option, case .string(let text) = option.value.kind {
      stated = (text, option.range)
    } else {
      stated = nil
    }
    if let provider = create.provider {
      guard provider.folded == "iceberg" else {
        throw SQLError.notSupported("tables USING \(provider.spelling) are not supported", range: provider.range, hint: "USING iceberg is.")
      }
      self = .sparkIceberg
    } else if let stated, stated.text.lowercased() == "iceberg" {
      guard !create.isExternal else {
        throw SQLError(
          .syntaxError, "External keyword not supported for table type ICEBERG", range: create.name.range,
          hint: "Write CREATE TABLE without EXTERNAL.")
      }
      self = .athenaIceberg
    } else if let stated, stated.text.lowercased() != "hive" {
      throw SQLError(.invalidTableProperty, "table_type '\(stated.text)' is not known", range: stated.range, hint: "'ICEBERG' or 'HIVE'")
    } else if !create.isExternal, create.query == nil, create.rowFormat == nil, create.storedAs == nil {
      throw SQLError(
        .syntaxError, "External keyword required for table type HIVE", range: create.name.range,
        hint: "For an Iceberg table add TBLPROPERTIES ('table_type' = 'ICEBERG').")
    } else {
      self = .hive
    }
  }
}
