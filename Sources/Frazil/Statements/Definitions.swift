import Catalogs
import Columnar
import Planner
import SQLSyntax
import Storage

/// Databases, views, USE and DROP TABLE.
extension StatementRunner {
  func runUse(_ name: QualifiedName) async throws -> StatementResult {
    let (catalog, database) = try resolveDatabase(name)
    do { _ = try await catalog.database(database) } catch { throw SQLError(wrapping: error).located(at: name.range) }
    session.use(NamePlace(catalog: engine.catalogs.shownName(catalog), database: database))
    return StatementResult()
  }

  func runCreateSchema(_ create: CreateSchemaStatement) async throws -> StatementResult {
    let (catalog, name) = try resolveDatabase(create.name)
    var parameters: [String: String] = [:]
    var location = create.location?.value
    for property in create.withProperties {
      guard property.name.folded == "location", case .string(let text) = property.value.kind else {
        throw SQLError(
          .invalidSchemaProperty, "Schema property '\(property.name.folded)' does not exist, or has no text as its value", range: property.name.range,
          hint: "There is location.")
      }
      location = text
    }
    for entry in create.properties { parameters[entry.key.value] = entry.value.value }
    do {
      try await catalog.createDatabase(
        CatalogDatabase(
          name: name, description: create.comment?.value, location: location, parameters: parameters))
    } catch {
      if error.kind == .databaseAlreadyExists && create.ifNotExists { return StatementResult() }
      throw SQLError(wrapping: error).located(at: create.name.range)
    }
    return StatementResult()
  }

  func runDropSchema(_ drop: DropSchemaStatement) async throws -> StatementResult {
    let (catalog, name) = try resolveDatabase(drop.name)
    var notes: [String] = []
    do {
      if drop.isCascade {
        let tables = try await catalog.tables(in: name)
        // Asked once for all of them.
        var neighbours = tables.contains { $0.isIceberg } && catalog.keeping == nil ? try await FolderNeighbours(of: catalog) : nil
        for table in tables {
          notes += try await dropEntry(table, among: neighbours)
          neighbours?.remove(table)
        }
      }
      try await catalog.dropDatabase(name)
    } catch {
      if (error as? CatalogError)?.kind == .databaseNotFound && drop.ifExists { return StatementResult() }
      throw SQLError(wrapping: error).located(at: drop.name.range)
    }
    return StatementResult(notes: notes)
  }

  func runCreateView(_ create: CreateViewStatement) async throws -> StatementResult {
    let (catalog, database, name) = try resolve(create.name)
    var runner = self
    runner.viewBeingDefined = TableIdentity(catalog: catalog.name, database: database, name: name)
    let bound = try await runner.bind(create.query)
    let columns = bound.outputColumns
    if let count = create.columns.isEmpty ? nil : create.columns.count, count != columns.count {
      throw SQLError(
        .mismatchedColumnAliases,
        "Column alias list has \(count) entries but relation has \(columns.count) columns", range: create.name.range)
    }
    for (index, column) in bound.columns.enumerated() where create.columns.isEmpty && column.name == nil {
      throw SQLError(
        .missingColumnName, "Column name not specified at position \(index + 1)", range: column.range,
        hint: "Give the expression a name with AS.")
    }
    var names: Set<String> = []
    for (index, column) in columns.enumerated() {
      let name = create.columns.isEmpty ? column.name.lowercased() : create.columns[index].name.folded
      let range = create.columns.isEmpty ? bound.columns[index].range : create.columns[index].name.range
      guard names.insert(name).inserted else {
        throw SQLError(.duplicateColumnName, "Column name '\(name)' specified more than once", range: range)
      }
      guard column.type != .unknown else {
        throw SQLError(
          .columnTypeUnknown, "Column type is unknown: \(name)", range: range, hint: "Give NULL a type: CAST(NULL AS varchar).")
      }
    }
    // The text by itself has to give the names that the statement lists: whoever reads the view (Athena too) has only the text.
    var sql = script.cut(create.query.range)
    if !create.columns.isEmpty {
      sql = "SELECT * FROM (\n\(sql)\n) AS v (\(create.columns.map { SQLPrinter.print($0.name) }.joined(separator: ", ")))"
    }
    let encoding = ViewEncoding(
      sql: sql, catalog: try viewPlace(catalog), database: place.database,
      columns: columns.enumerated().map { index, column in
        ViewEncoding.Column(
          name: create.columns.isEmpty ? column.name.lowercased() : create.columns[index].name.folded,
          type: "\(column.type)")
      }, comment: create.comment?.value)
    var entry = CatalogTable(
      catalog: catalog.name, database: database, name: name, description: create.comment?.value, tableType: "VIRTUAL_VIEW",
      parameters: ["presto_view": "true"],
      storage: StorageDescriptor(
        columns: encoding.columns.enumerated().map { index, column in
          CatalogColumn(name: column.name, type: HiveType.text(columns[index].type) ?? "string")
        }), viewOriginalText: encoding.encoded, viewExpandedText: "/* Presto View */")
    do {
      try await catalog.createTable(entry)
    } catch {
      guard error.kind == .tableAlreadyExists else { throw SQLError(wrapping: error).located(at: create.name.range) }
      if create.ifNotExists { return StatementResult() }
      guard create.orReplace else {
        throw SQLError(.tableAlreadyExists, "View '\(database).\(name)' already exists", range: create.name.range)
      }
      let current = try await catalog.table(name, in: database)
      guard current.isView else {
        throw SQLError(.tableAlreadyExists, "'\(database).\(name)' is a table, not a view", range: create.name.range)
      }
      entry.version = current.version
      try await catalog.updateTable(entry)
    }
    return StatementResult()
  }

  /// The catalog of the session as a view's definition has it. There `awsdatacatalog` is the catalog that holds the view, as for Athena.
  private func viewPlace(_ holder: any Catalog) throws(SQLError) -> String {
    let catalog = try engine.catalog(named: place.catalog)
    return catalog.name == holder.name ? CatalogRegistry.standardName : catalog.name
  }

  func runDropView(_ name: QualifiedName, ifExists: Bool) async throws -> StatementResult {
    if name.isSimple, session.dropTemporaryView(name.folded) { return StatementResult() }
    let (catalog, database, table) = try resolve(name)
    do {
      guard try await catalog.table(table, in: database).isView else {
        throw SQLError(
          .tableNotFound, "'\(database).\(table)' is a table, not a view", range: name.range, hint: "Use DROP TABLE.")
      }
      try await catalog.dropTable(table, in: database)
    } catch {
      if (error as? CatalogError)?.kind == .tableNotFound {
        if ifExists { return StatementResult() }
        throw SQLError(.tableNotFound, "View '\(database).\(table)' does not exist", range: name.range)
      }
      throw SQLError(wrapping: error).located(at: name.range)
    }
    return StatementResult()
  }
}
