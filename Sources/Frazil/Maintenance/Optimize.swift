import Catalogs
import Columnar
import Connectors
import Execution
import Iceberg
import Planner
import SQLSyntax
import Storage

/// OPTIMIZE … REWRITE DATA USING BIN_PACK, and what `rewrite_data_files` shares with it.
extension StatementRunner {
  func runOptimize(_ optimize: OptimizeStatement) async throws -> StatementResult {
    let entry = try await icebergEntry(optimize.table)
    let outcome = try await located(optimize.table.range) {
      try await compact(entry, filter: optimize.filter, name: optimize.table) { CompactionPlan.Limits($0) }
    }
    return StatementResult(
      notes: outcome.rewrittenFiles == 0
        ? ["nothing to rewrite"]
        : ["\(outcome.rewrittenFiles) files (\(outcome.rewrittenBytes) bytes) rewritten as \(outcome.addedFiles)"])
  }

  /// Rewrites the files that are worth it, one group after the other, and commits once.
  func compact(
    _ entry: (entry: CatalogTable, location: String), filter: Expression?, name: QualifiedName,
    limits: (TableMetadata) -> CompactionPlan.Limits
  ) async throws -> IcebergCompaction.Outcome {
    let table = try await writableTable(entry.entry, at: entry.location, name.range)
    var predicates: [ColumnPredicate] = []
    if let filter { predicates = try compactionFilter(filter, table, name) }
    let compaction = try await icebergWriter(entry.entry, at: entry.location)
      .beginCompaction(of: table, predicates: predicates, limits(table.metadata))
    guard !compaction.groups.isEmpty else { return IcebergCompaction.Outcome() }
    // One writer per group, so that its rows end in as few files as they fit; its columns are encoded side by side.
    let executor = QueryExecutor(context: context.withWorkers(1), options: executor.options)
    var written: [any WrittenFiles] = []
    do {
      for group in compaction.groups.indices {
        let rows = try compaction.rows(of: group)
        written += try await executor.run(
          try await executor.prepare(sorted(scan(rows.table, "rows of group \(group)"), table.metadata)), into: rows.write)
      }
    } catch {
      await compaction.abort()
      throw error
    }
    return try await compaction.commit(written)
  }

  /// A plan that reads a whole table.
  func scan(_ table: any Table, _ name: String) -> LogicalPlan {
    let fields = table.schema.fields
    return .scan(
      ScanNode(
        table: table, tableName: name, tableColumns: Array(fields.indices),
        columns: fields.map { OutputColumn(name: $0.name, type: $0.type) }, range: .unknown))
  }

  /// Rows in the order that the table asks for (`WRITE ORDERED BY`); orders by transforms other than identity leave them as they come.
  func sorted(_ plan: LogicalPlan, _ metadata: TableMetadata) -> LogicalPlan {
    var keys: [SortKey] = []
    for field in metadata.sortOrder.fields {
      guard field.transform == .identity, let index = metadata.schema.fields.firstIndex(where: { $0.id == field.sourceID }) else {
        return plan
      }
      keys.append(
        SortKey(.column(index, plan.columns[index].type, .unknown), isDescending: !field.isAscending, nullsFirst: field.nullsFirst))
    }
    return keys.isEmpty ? plan : .sort(plan, keys)
  }

  /// Files are chosen by what metadata tells of them; a condition that it tells nothing of would choose them all.
  private func compactionFilter(
    _ filter: Expression, _ table: IcebergTable, _ name: QualifiedName
  ) throws -> [ColumnPredicate] {
    let binder = Binder(relations: ResolvedRelations(), settings: binderSettings())
    let condition = try binder.bind(filter, over: table, name: name)
    let found = metadataPredicates(of: condition, table, name)
    guard !found.isEmpty else {
      throw SQLError.notSupported(
        "OPTIMIZE by this condition: it does not tell files apart", range: filter.range,
        hint: "compare columns with constants: WHERE day >= DATE '2026-01-01'")
    }
    return found
  }

  /// What metadata can be tested against of a condition over a table's columns, visible and hidden.
  func metadataPredicates(of condition: BoundExpression, _ table: IcebergTable, _ name: QualifiedName) -> [ColumnPredicate] {
    var found: [ColumnPredicate] = []
    func collect(_ plan: LogicalPlan) {
      if case .scan(let node) = plan { found = node.predicates }
      plan.inputs.forEach(collect)
    }
    let fields = table.schema.fields + table.hiddenColumns
    let whole = ScanNode(
      table: table, tableName: name.spelling, tableColumns: Array(fields.indices),
      columns: fields.map { OutputColumn(name: $0.name, type: $0.type) }, range: name.range)
    // Whatever rules the session switches off for its queries.
    collect(Optimizer(settings: OptimizerSettings(context: context)).optimize(.filter(.scan(whole), condition)))
    return found
  }

  /// The catalog's entry of an Iceberg table, with its metadata file.
  func icebergEntry(_ name: QualifiedName) async throws -> (entry: CatalogTable, location: String) {
    let entry = try await writableEntry(name)
    guard entry.isIceberg, let location = entry.metadataLocation else {
      throw SQLError.notSupported("'\(entry.database).\(entry.name)' is not an Iceberg table", range: name.range)
    }
    return (entry, location)
  }
}
