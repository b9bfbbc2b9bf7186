import Catalogs
import Columnar
import Connectors
import Execution
import Iceberg
import Planner
import SQLSyntax
import Storage

/// CREATE TABLE and CREATE TABLE AS, also with OR REPLACE. The first thing to find out is which family a statement belongs to: Iceberg tables, which this file
/// makes, or Hive's.
extension StatementRunner {
  func runCreateTable(
    _ create: CreateTableStatement, parameters: [Scalar] = [], range: SourceRange
  ) async throws -> StatementResult {
    guard try TableFamily(create) != .hive else { return try await runCreateHiveTable(create, parameters: parameters, range: range) }
    let (catalog, database, name) = try resolve(create.name)
    if create.ifNotExists {
      guard create.mode == .create else {
        throw SQLError(.syntaxError, "'\(create.mode.rawValue)' and 'IF NOT EXISTS' clauses can not be used together", range: create.name.range)
      }
      if try await tableExists(name, in: database, of: catalog) { return StatementResult(rowsAffected: create.query == nil ? nil : 0) }
    }
    let creation = try await bindCreation(create, parameters: parameters, range: range)
    do {
      guard let plan = creation.plan else {
        try await creation.makeEmpty()
        return StatementResult(rowsAffected: create.query == nil ? nil : 0)
      }
      let prepared = try await writingExecutor.prepare(optimize(plan))
      let summary = try await write(prepared, into: try await creation.target.beginWrite())
      return StatementResult(rowsAffected: summary.rowCount)
    } catch {
      // The folder was empty or absent before, so empty folders in it are this statement's, unless somebody else makes the same table.
      let kind = (error as? IcebergError)?.kind
      if let location = creation.newLocation, kind != .commitStateUnknown, kind != .alreadyExists {
        await removeEmptyFolders(at: Location(location))
      }
      throw SQLError(wrapping: error).located(at: create.name.range)
    }
  }

  /// A table that is about to be made or replaced.
  struct TableCreation {
    /// The rows of the query; nil for an empty table.
    let plan: LogicalPlan?
    let target: WriteTarget
    /// What there is to do without rows.
    let makeEmpty: @Sendable () async throws -> Void
    /// The folder of a table that is not there yet.
    let newLocation: String?
  }

  /// Checks a statement whole, without writing anything.
  func bindCreation(
    _ create: CreateTableStatement, parameters: [Scalar] = [], range: SourceRange
  ) async throws -> TableCreation {
    if create.mode != .create, let entry = try await replacedEntry(create) {
      return try await bindReplacement(of: entry, by: create, parameters: parameters)
    }
    let (catalog, database, name) = try resolve(create.name)
    let exists = try await located(create.name.range) {
      _ = try await catalog.database(database)
      return try await tableExists(name, in: database, of: catalog)
    }
    if exists {
      throw create.query == nil
        ? SQLError(.tableAlreadyExists, "Table '\(database).\(name)' already exists", range: create.name.range)
        : SQLError(
          .tableAlreadyExists, "Destination table '\(engine.catalogs.shownName(catalog)).\(database).\(name)' already exists", range: create.name.range)
    }
    let rows = try await bindRows(for: create, parameters: parameters)
    let definition = try IcebergDefinition(create, columns: rows.map { .ofQuery($0) } ?? .declared(create.columns), binder: constantBinder)
    // A catalog that keeps the states also says where, once it knows what, and may be alone in having access to it.
    let location =
      catalog.keeping == nil
      ? try await tableLocation(definition.location, database: database, name: name, in: catalog) : definition.location?.value ?? ""
    let writer = IcebergWriter(
      CatalogPointer(catalog, database: database, table: name, description: definition.comment), name: engine.shownName(name, in: database, of: catalog),
      base: location, store: engine.store, context: context, clock: engine.clock)
    var metadata = TableMetadata(
      newTableAt: location, uuid: writer.makeUUID(), schema: definition.schema, spec: definition.spec,
      properties: definition.properties, formatVersion: definition.formatVersion, nowMilliseconds: engine.now / 1_000)
    if let keeping = catalog.keeping, rows != nil, create.withData {
      let draft = metadata
      let staged = try await located(create.name.range) { try await keeping.stageTable(name, in: database, draft) }
      metadata.location = staged.location
      metadata.tableUUID = staged.uuid ?? metadata.tableUUID
    }
    let first = metadata
    let details = [PlanDescription.Detail(label: "", text: engine.shownName(name, in: database, of: catalog))] + WriteTarget.details(of: first)
    return TableCreation(
      plan: try insertion(of: rows, into: first, create), target: WriteTarget(name: "CreateTableAs", details: details) { try writer.beginCreation(first) },
      makeEmpty: { _ = try await writer.catalogCommitter.create(first) }, newLocation: first.location)
  }

  /// The rows of a CTAS; nil without a query.
  func bindRows(for create: CreateTableStatement, parameters: [Scalar]) async throws -> BoundQuery? {
    guard let query = create.query else { return nil }
    let rows = try await bindRows(of: query, for: create, parameters: parameters)
    if session.settings.isStrict { try checkTimestamps(rows.columns) }
    return rows
  }

  /// A plan that gives the columns of a table's first rows; nil when it gets none.
  func insertion(of rows: BoundQuery?, into metadata: TableMetadata, _ create: CreateTableStatement) throws -> LogicalPlan? {
    guard let rows, create.withData else { return nil }
    let table = try IcebergTable(metadata: metadata, store: engine.store, footers: engine.footers)
    return try constantBinder.insertion(of: rows, into: table, columns: [], range: create.name.range)
  }

  /// `AthenaRule.timestampPrecision`
  private func checkTimestamps(_ columns: [BoundColumn]) throws(SQLError) {
    for column in columns {
      switch column.type {
      case .timestamp(let precision) where precision != 6:
        throw AthenaRule.refused(
          .notSupported, "Timestamp precision (\(precision)) not supported for Iceberg. Use \"timestamp(6)\" instead.", at: column.range)
      case .timestampTZ:
        throw AthenaRule.refused(.notSupported, "Unsupported Hive type: \(column.type)", at: column.range)
      default: continue
      }
    }
  }

  var constantBinder: Binder { Binder(relations: ResolvedRelations(), settings: binderSettings()) }

  func tableExists(_ name: String, in database: String, of catalog: any Catalog) async throws(CatalogError) -> Bool {
    do {
      _ = try await catalog.table(name, in: database)
      return true
    } catch where error.kind == .tableNotFound {
      return false
    }
  }

  /// The query of a CTAS with the names its columns will have.
  func bindRows(
    of query: Query, for create: CreateTableStatement, parameters: [Scalar] = []
  ) async throws -> BoundQuery {
    guard create.columns.isEmpty else {
      throw SQLError(
        .syntaxError, "CREATE TABLE AS takes its columns from the query", range: create.columns[0].range,
        hint: "Remove the column list, and cast in the query where a type must be another.")
    }
    var bound = try await bind(query, parameters: parameters)
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

  // MARK: Locations

  /// The folder of a new table: as stated, or below its database's.
  func tableLocation(_ stated: StringLiteral?, database: String, name: String, in catalog: any Catalog) async throws -> String {
    var location: String
    if let stated {
      location = stated.value
    } else if let base = try await catalog.database(database).location {
      location = Location(base).appending(Self.pathComponent(name)).text
    } else {
      location = engine.warehousePath(of: catalog) + "/" + Self.pathComponent(database) + "/" + Self.pathComponent(name)
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

  func removeEmptyFolders(at location: Location) async {
    guard !location.text.isEmpty else { return }
    do { try await engine.store.deleteEmptyFolders(location) } catch { return }  // They are harmless; the statement's own error matters more.
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
    } else if create.mode != .create {
      // Trino's form, which does not say of which kind: only Iceberg tables can be replaced.
      guard stated == nil, !create.isExternal, create.rowFormat == nil, create.storedAs == nil else {
        throw SQLError.notSupported(
          "\(create.mode.rawValue) TABLE makes Iceberg tables only", range: stated?.range ?? create.name.range, hint: "DROP TABLE IF EXISTS, then CREATE TABLE.")
      }
      self = .athenaIceberg
    } else if !create.isExternal, create.query == nil, create.rowFormat == nil, create.storedAs == nil {
      throw SQLError(
        .syntaxError, "External keyword required for table type HIVE", range: create.name.range,
        hint: "For an Iceberg table add TBLPROPERTIES ('table_type' = 'ICEBERG').")
    } else {
      self = .hive
    }
  }
}
