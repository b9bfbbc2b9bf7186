import Catalogs
import Columnar
import Connectors
import Execution
import Functions
import Iceberg
import Planner
import SQLSyntax
import Storage

/// SHOW, DESCRIBE and EXPLAIN.
extension StatementRunner {
  func runExplain(_ explain: ExplainStatement, parameters: [Scalar] = []) async throws -> StatementResult {
    if explain.isAnalyze { return try await runExplainAnalyze(explain, parameters: parameters) }
    let subject = try await explained(explain.statement, parameters: parameters)
    let plan = optimize(subject.plan)
    switch explain.type {
    case .validate:
      let column = ResultColumn(name: "Valid", type: "boolean")
      let batch = Batch(columns: [Column.constant(Scalar(.boolean, .boolean(true)), count: 1)], count: 1)
      return StatementResult(columns: [column], rows: .of([ResultBatch(batch, columns: [column])]))
    case .io:
      guard explain.format != .graphviz else {
        throw SQLError.notSupported("EXPLAIN (TYPE IO, FORMAT GRAPHVIZ) is not supported", range: explain.statement.range)
      }
      return planResult(IOPlan(plan, target: subject.target, catalogs: engine.catalogs).json)
    // One machine: the distributed plan is the logical one.
    case .logical, .distributed, nil: break
    }
    var description = try await executor.prepare(plan).description
    if let target = subject.target { description = PlanDescription(name: target.name, details: target.details, inputs: [description]) }
    switch explain.format {
    case .json: return planResult(description.json)
    case .graphviz: return planResult(description.graphviz)
    case .text, nil: return planResult(description.text())
    }
  }

  private func runExplainAnalyze(_ explain: ExplainStatement, parameters: [Scalar]) async throws -> StatementResult {
    let traffic = StatementTraffic()
    return try await StorageTraffic.$current.withValue(traffic.whole) {
      try await runExplainAnalyze(explain, parameters: parameters, counting: traffic)
    }
  }

  private func runExplainAnalyze(
    _ explain: ExplainStatement, parameters: [Scalar], counting traffic: StatementTraffic
  ) async throws -> StatementResult {
    let subject = try await traffic.planning { try await explained(explain.statement, parameters: parameters) }
    let plan = optimize(subject.plan)
    if explain.format == .graphviz {
      throw SQLError.notSupported("EXPLAIN ANALYZE (FORMAT GRAPHVIZ) is not supported", range: explain.statement.range)
    }
    if let type = explain.type, [.io, .validate].contains(type) {
      throw SQLError.notSupported("EXPLAIN ANALYZE (TYPE \(type.rawValue)) is not supported", range: explain.statement.range)
    }
    let isJSON = explain.format == .json
    guard let target = subject.target else {
      let prepared = try await traffic.planning { try await executor.prepare(plan) }
      var rows = 0
      for try await batch in executor.run(prepared) { rows += batch.count }
      let analyzed = AnalyzedPlan(prepared, resultRows: rows, context: context, traffic: traffic)
      return planResult(isJSON ? analyzed.json() : analyzed.text)
    }
    // As in Trino, ANALYZE does what it explains.
    let prepared = try await traffic.planning { try await writingExecutor.prepare(plan) }
    let summary = try await write(prepared, into: try await target.beginWrite())
    let analyzed = AnalyzedPlan(prepared, resultRows: 0, context: context, traffic: traffic)
    if isJSON { return planResult(analyzed.json(target, written: summary)) }
    let inner = analyzed.text.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }
    return planResult(
      ([PlanDescription(name: target.name, details: target.details, inputs: []).text(), "  (rows: \(summary.rowCount), files: \(summary.fileCount))"] + inner)
        .joined(separator: "\n"))
  }

  /// What a statement that can be explained does: a query, and where its rows go.
  private func explained(
    _ statement: Statement, parameters: [Scalar]
  ) async throws -> (plan: LogicalPlan, target: WriteTarget?) {
    switch statement.kind {
    case .query(let query): return (try await bind(query, parameters: parameters).plan, nil)
    case .insert(let insert):
      let (target, plan) = try await bindInsert(insert, parameters: parameters, range: statement.range)
      return (plan, target)
    case .unload(let unload): return try await bindUnload(unload, parameters: parameters)
    case .createTable(let create) where create.query != nil:
      if try TableFamily(create) == .hive { return try await bindHiveCreation(create) }
      let creation = try await bindCreation(create, range: statement.range)
      guard let plan = creation.plan else { break }
      return (plan, creation.target)
    case .delete, .update, .merge:
      let (target, plan) = try await bindRowChange(statement, parameters: parameters)
      return (plan, target)
    default: break
    }
    throw SQLError.notSupported("EXPLAIN of \(statement.kindName)", range: statement.range)
  }

  /// A plan's text, a row per line.
  private func planResult(_ text: String) -> StatementResult {
    textResult(["Query Plan"], text.split(separator: "\n", omittingEmptySubsequences: false).map { [String($0)] }, isLaidOut: true)
  }

  func runShow(_ show: ShowStatement, range: SourceRange) async throws -> StatementResult {
    switch show {
    case .catalogs(let pattern):
      return textResult(["Catalog"], NamePattern(pattern).matching(engine.catalogs.shownNames).map { [$0] })
    case .schemas(let name, let pattern):
      let catalog = try catalog(name)
      return textResult(["database_name"], NamePattern(pattern).matching(try await catalog.databases().map(\.name)).map { [$0] })
    case .tables(let name, let pattern):
      let (catalog, database) = try database(name)
      let names =
        database == InformationSchemaTable.schemaName
        ? InformationSchemaTable.entries(of: catalog).map(\.name)
        : try await located(name?.range ?? range) { try await catalog.listing(in: database).map(\.name) }
      return textResult(["tab_name"], NamePattern(pattern).matching(names).map { [$0] })
    case .views(let name, let pattern):
      let (catalog, database) = try database(name)
      let names = try await located(name?.range ?? range) {
        try await catalog.listing(in: database).filter(\.isView).map(\.name)
      }
      return textResult(["views"], NamePattern(pattern).matching(names).map { [$0] })
    case .columns(let name):
      return textResult(["field"], try await columns(of: name).map { [$0.name] })
    case .createTable(let name): return try await runShowCreateTable(name)
    case .tableProperties(let name, let key):
      let entry = try await entry(name)
      var parameters = entry.parameters
      if entry.isIceberg {
        let metadata = try await located(name.range) { try await icebergMetadata(entry) }
        parameters = AthenaProperties.shown(metadata)
      }
      let properties = parameters.sorted { $0.key < $1.key }
      if let key {
        let value = parameters[key.value]
        return textResult(["prpt_name"], [[value ?? "Table \(entry.database).\(entry.name) does not have property: \(key.value)"]])
      }
      return textResult(["prpt_name", "prpt_value"], properties.map { [$0.key, $0.value] })
    case .partitions(let name, let specification): return try await runShowPartitions(name, specification)
    case .createView(let name):
      let entry = try await entry(name)
      guard let text = entry.viewOriginalText, let view = try ViewEncoding(text) else {
        throw SQLError(.notSupported, "'\(name.spelling)' is not a view", range: name.range)
      }
      return textResult(["Create View"], [["CREATE VIEW \(engine.shownName(entry)) AS\n\(view.sql)"]], isLaidOut: true)
    case .functions(let pattern):
      let library = FunctionLibrary.standard.listing
      let wanted = Set(NamePattern(pattern).matching(library.map(\.name)))
      return textResult(
        ["Function", "Return Type", "Argument Types", "Function Type", "Deterministic", "Description"],
        library.filter { wanted.contains($0.name) }.map {
          [$0.name, $0.returnType, $0.argumentTypes, $0.kind.rawValue, $0.isDeterministic ? "true" : "false", $0.description]
        })
    case .session(let pattern): return runShowSession(pattern)
    case .createSchema(let name): return try await runShowCreateSchema(name)
    case .tableExtended(let name, let pattern, let partition): return try await runShowTableExtended(name, pattern, partition, range)
    case .roles, .roleGrants, .grants:
      throw SQLError.notSupported(
        "\(Statement(.show(show)).kindName): there are no roles and privileges here", range: range,
        hint: "Whoever can read the files can read the tables.")
    case .statistics(let relation): return try await runShowStatistics(relation)
    }
  }

  /// Spark's rows: what DESCRIBE EXTENDED says, as one text.
  private func runShowTableExtended(
    _ name: QualifiedName?, _ pattern: StringLiteral, _ partition: PartitionSpecification?, _ range: SourceRange
  ) async throws -> StatementResult {
    if let partition { throw SQLError.notSupported("SHOW TABLE EXTENDED of one partition", range: partition.range, hint: "SHOW PARTITIONS lists them.") }
    let (catalog, database) = try database(name)
    let entries = try await located(name?.range ?? range) { try await catalog.tables(in: database) }
    let wanted = NamePattern(pattern)
    var rows: [[String]] = []
    for entry in entries where wanted.matches(entry.name) {
      let details = try await detailRows(entry, range).dropFirst(2).map { row in row.filter { !$0.isEmpty }.joined(separator: " ") }
      let columns = entry.allColumns.map { " |-- \($0.name): \($0.type)" }
      rows.append([database, entry.name, "false", (details + ["Schema:"] + columns).joined(separator: "\n")])
    }
    return textResult(["namespace", "tableName", "isTemporary", "information"], rows)
  }

  func runDescribe(_ describe: DescribeStatement) async throws -> StatementResult {
    let entry = try await entry(describe.name)
    var columns = entry.allColumns
    if let wanted = describe.column {
      columns = columns.filter { $0.name == wanted.folded }
      guard !columns.isEmpty else {
        throw SQLError(.columnNotFound, "Column '\(wanted.spelling)' cannot be resolved", range: wanted.range)
      }
    }
    var rows = columns.map { [$0.name, $0.type, $0.comment ?? ""] }
    if entry.isIceberg, describe.column == nil {
      rows += partitionRows(try await located(describe.name.range) { try await icebergMetadata(entry) })
    }
    if !entry.isIceberg, !entry.partitionKeys.isEmpty, describe.column == nil {
      rows += [["", "", ""], ["# Partition Information", "", ""], ["# col_name", "data_type", "comment"]]
      rows += entry.partitionKeys.map { [$0.name, $0.type, $0.comment ?? ""] }
    }
    if describe.style != .plain, describe.column == nil { rows += try await detailRows(entry, describe.name.range) }
    return textResult(["col_name", "data_type", "comment"], rows)
  }

  /// What DESCRIBE EXTENDED and FORMATTED say besides.
  private func detailRows(_ entry: CatalogTable, _ range: SourceRange) async throws -> [[String]] {
    var location = entry.storage.location
    var parameters = entry.parameters
    if entry.isIceberg {
      let metadata = try await located(range) { try await icebergMetadata(entry) }
      location = metadata.location
      parameters = AthenaProperties.shown(metadata)
    }
    var rows = [
      ["", "", ""], ["# Detailed Table Information", "", ""], ["Database:", entry.database, ""], ["Table:", entry.name, ""],
      ["Table Type:", entry.tableType, ""],
    ]
    if let location { rows.append(["Location:", location, ""]) }
    if let description = entry.description { rows.append(["Comment:", description, ""]) }
    if !parameters.isEmpty { rows.append(["Table Parameters:", "", ""]) }
    rows += parameters.sorted { $0.key < $1.key }.map { ["", $0.key, $0.value] }
    return rows
  }

  /// The catalog that a SHOW names, or the session's.
  private func catalog(_ name: Identifier?) throws(SQLError) -> any Catalog {
    do throws(SQLError) { return try engine.catalog(named: name?.folded ?? place.catalog) } catch {
      throw name.map { error.located(at: $0.range) } ?? error
    }
  }

  /// The database that a SHOW names, or the session's.
  private func database(_ name: QualifiedName?) throws(SQLError) -> (catalog: any Catalog, database: String) {
    if let name { return try resolveDatabase(name) }
    return (try engine.catalog(named: place.catalog), place.database)
  }

  func entry(_ name: QualifiedName) async throws -> CatalogTable {
    let (catalog, database, table) = try resolve(name)
    if let touched = transaction?.entry(table, in: database, of: catalog) { return touched }
    if database == InformationSchemaTable.schemaName, let entry = InformationSchemaTable.entries(of: catalog).first(where: { $0.name == table }) {
      return entry
    }
    return try await located(name.range) { try await catalog.table(table, in: database) }
  }

  private func columns(of name: QualifiedName) async throws -> [CatalogColumn] {
    try await entry(name).allColumns
  }
}
