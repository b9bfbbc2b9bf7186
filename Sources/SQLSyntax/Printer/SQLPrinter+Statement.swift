extension SQLPrinter {
  static func render(_ statement: Statement) -> String {
    switch statement.kind {
    case .query(let query): render(query)
    case .insert, .update, .delete, .merge, .truncate, .unload, .optimize, .vacuum, .analyze, .repairTable, .call:
      manipulation(statement.kind)
    case .createTable, .createTableLike, .createView, .createSchema, .alterTable, .alterView, .alterSchema, .dropTable, .dropView,
      .dropSchema, .comment:
      definition(statement.kind)
    case .show(let show): "SHOW \(render(show))"
    case .describe(let describe): render(describe)
    case .describeSchema(let name, let isExtended): words("DESCRIBE DATABASE", isExtended ? "EXTENDED" : nil, render(name))
    case .refresh(let name): "REFRESH TABLE \(render(name))"
    case .describeInput(let name): "DESCRIBE INPUT \(render(name))"
    case .describeOutput(let name): "DESCRIBE OUTPUT \(render(name))"
    case .explain(let explain): render(explain)
    case .prepare(let name, let inner): "PREPARE \(render(name)) FROM \(render(inner))"
    case .execute(let name, let values): words("EXECUTE", render(name), clause("USING", values, render))
    case .executeImmediate(let text, let values): words("EXECUTE IMMEDIATE", render(text), clause("USING", values, render))
    case .deallocate(let name): "DEALLOCATE PREPARE \(render(name))"
    case .setSession(let name, let value): "SET SESSION \(render(name)) = \(render(value))"
    case .resetSession(let name): "RESET SESSION \(render(name))"
    case .setTimeZone(let zone): "SET TIME ZONE \(zone.map(renderValue) ?? "LOCAL")"
    case .use(let name): "USE \(render(name))"
    case .startTransaction(let mode): render(mode)
    case .commit: "COMMIT"
    case .rollback: "ROLLBACK"
    }
  }

  private static func render(_ explain: ExplainStatement) -> String {
    let options = [explain.format.map { "FORMAT \($0.rawValue)" }, explain.type.map { "TYPE \($0.rawValue)" }].compactMap { $0 }
    return words(
      "EXPLAIN", explain.isAnalyze ? "ANALYZE" : nil, explain.isVerbose ? "VERBOSE" : nil,
      options.isEmpty ? nil : group(options) { $0 }, render(explain.statement))
  }

  private static func render(_ describe: DescribeStatement) -> String {
    words("DESCRIBE", describe.style.rawValue, render(describe.name), describe.partition.map(render), describe.column.map(render))
  }

  private static func render(_ mode: TransactionMode) -> String {
    let modes = [
      mode.isReadOnly.map { $0 ? "READ ONLY" : "READ WRITE" }, mode.isolation.map { "ISOLATION LEVEL \($0.rawValue)" },
    ].compactMap { $0 }
    return words("START TRANSACTION", list(modes) { $0 })
  }

  private static func render(_ show: ShowStatement) -> String {
    func like(_ pattern: StringLiteral?) -> String? { pattern.map { "LIKE \(render($0))" } }
    func inside(_ schema: QualifiedName?) -> String? { schema.map { "IN \(render($0))" } }
    return switch show {
    case .catalogs(let pattern): words("CATALOGS", like(pattern))
    case .schemas(let catalog, let pattern): words("DATABASES", catalog.map { "IN \(render($0))" }, like(pattern))
    case .tables(let schema, let pattern): words("TABLES", inside(schema), like(pattern))
    case .views(let schema, let pattern): words("VIEWS", inside(schema), like(pattern))
    case .columns(let table): "COLUMNS FROM \(render(table))"
    case .createTable(let name): "CREATE TABLE \(render(name))"
    case .createView(let name): "CREATE VIEW \(render(name))"
    case .createSchema(let name): "CREATE SCHEMA \(render(name))"
    case .tableProperties(let name, let key): words("TBLPROPERTIES", render(name), key.map { "(\(render($0)))" })
    case .partitions(let name, let partition): words("PARTITIONS", render(name), partition.map(render))
    case .functions(let pattern): words("FUNCTIONS", like(pattern))
    case .session(let pattern): words("SESSION", like(pattern))
    case .tableExtended(let schema, let pattern, let partition): words("TABLE EXTENDED", inside(schema), like(pattern), partition.map(render))
    case .statistics(let relation): "STATS FOR \(render(relation))"
    case .roles(let isCurrent, let catalog): words(isCurrent ? "CURRENT ROLES" : "ROLES", catalog.map { "IN \(render($0))" })
    case .roleGrants(let catalog): words("ROLE GRANTS", catalog.map { "IN \(render($0))" })
    case .grants(let table): words("GRANTS", table.map { "ON TABLE \(render($0))" })
    }
  }

  // MARK: Data

  private static func manipulation(_ kind: StatementKind) -> String {
    switch kind {
    case .insert(let insert):
      words(
        insert.isOverwrite ? "INSERT OVERWRITE" : "INSERT INTO", render(insert.table), insert.partition.map(render),
        insert.columns.isEmpty ? nil : group(insert.columns, render), render(insert.query))
    case .update(let update):
      words(
        "UPDATE", target(update.table, update.alias), clause("SET", update.assignments, render),
        update.filter.map { "WHERE \(render($0))" })
    case .delete(let delete):
      words("DELETE FROM", target(delete.table, delete.alias), delete.filter.map { "WHERE \(render($0))" })
    case .merge(let merge): render(merge)
    case .truncate(let name): "TRUNCATE TABLE \(render(name))"
    case .unload(let unload):
      words(
        "UNLOAD (\(render(unload.query))) TO", render(unload.location),
        unload.properties.isEmpty ? nil : "WITH \(group(unload.properties, render))")
    case .optimize(let optimize):
      words("OPTIMIZE", render(optimize.table), "REWRITE DATA USING BIN_PACK", optimize.filter.map { "WHERE \(render($0))" })
    case .vacuum(let name): "VACUUM \(render(name))"
    case .analyze(let analyze): render(analyze)
    case .repairTable(let name, let mode): words("MSCK REPAIR TABLE", render(name), mode.map { "\($0.rawValue) PARTITIONS" })
    case .call(let call): "CALL \(render(call.name))\(group(call.arguments, render))"
    default: ""
    }
  }

  private static func target(_ table: QualifiedName, _ alias: Identifier?) -> String {
    words(render(table), alias.map { "AS \(render($0))" })
  }

  private static func render(_ assignment: Assignment) -> String { "\(render(assignment.target)) = \(render(assignment.value))" }

  private static func render(_ merge: MergeStatement) -> String {
    words(
      "MERGE INTO", target(merge.target, merge.alias), "USING", render(merge.source), "ON", render(merge.condition),
      merge.clauses.map(render).joined(separator: " "))
  }

  private static func render(_ clause: MergeClause) -> String {
    words("WHEN", clause.match.rawValue, clause.condition.map { "AND \(render($0))" }, "THEN", render(clause.action))
  }

  private static func render(_ action: MergeClause.Action) -> String {
    switch action {
    case .update(let assignments): "UPDATE SET \(list(assignments, render))"
    case .updateAll: "UPDATE SET *"
    case .delete: "DELETE"
    case .insert(let columns, let values):
      words("INSERT", columns.isEmpty ? nil : group(columns, render), "VALUES", group(values, render))
    case .insertAll: "INSERT *"
    }
  }

  private static func render(_ analyze: AnalyzeStatement) -> String {
    let scope: String? =
      switch analyze.scope {
      case .table: nil
      case .noScan: "COMPUTE STATISTICS NOSCAN"
      case .columns(let columns): "COMPUTE STATISTICS FOR COLUMNS \(list(columns, render))"
      case .allColumns: "COMPUTE STATISTICS FOR ALL COLUMNS"
      }
    return words(
      "ANALYZE", render(analyze.name), analyze.properties.isEmpty ? nil : "WITH \(group(analyze.properties, render))",
      analyze.partition.map(render), scope)
  }
}
