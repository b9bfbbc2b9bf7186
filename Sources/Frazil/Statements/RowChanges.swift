import Catalogs
import Columnar
import Connectors
import Execution
import Iceberg
import Planner
import SQLSyntax
import Storage

/// DELETE, UPDATE and MERGE: each is one snapshot of one table.
extension StatementRunner {
  func runRowChange(_ statement: Statement, parameters: [Scalar] = []) async throws -> StatementResult {
    var opened: RowTarget?
    if case .delete(let delete) = statement.kind, delete.alias == nil {
      let target = try await openTarget(delete.table)
      if let result = try await runDeleteByMetadata(delete, target, parameters: parameters) { return result }
      opened = target
    }
    let (target, plan) = try await bindRowChange(statement, parameters: parameters, opened: opened)
    let summary = try await write(try await writingExecutor.prepare(plan), into: try await target.beginWrite())
    return StatementResult(rowsAffected: summary.rowCount)
  }

  /// TRUNCATE TABLE: all files go, in a snapshot of its own.
  func runTruncate(_ name: QualifiedName) async throws -> StatementResult {
    let target = try await openTarget(name)
    guard let table = target.iceberg?.table else {
      throw SQLError.notSupported("'\(target.name)' is not an Iceberg table", range: name.range)
    }
    return try await located(name.range) {
      _ = try await table.beginWrite(.overwrite(.all)).commit([])
      return StatementResult()
    }
  }

  /// The target, and the optimised plan that says what happens to its rows.
  ///
  /// - Parameter opened: the target, if somebody has opened it already.
  func bindRowChange(
    _ statement: Statement, parameters: [Scalar] = [], opened: RowTarget? = nil
  ) async throws -> (target: WriteTarget, plan: LogicalPlan) {
    let name: QualifiedName
    var expressions: [Expression] = []
    var source: Relation?
    switch statement.kind {
    case .delete(let delete):
      name = delete.table
      if let filter = delete.filter { expressions.append(filter) }
    case .update(let update):
      name = update.table
      expressions = update.assignments.map(\.value) + (update.filter.map { [$0] } ?? [])
    case .merge(let merge):
      name = merge.target
      source = merge.source
      expressions = [merge.condition] + merge.clauses.flatMap(\.expressions)
    default: throw SQLError.notSupported("\(statement.kindName) as a change of rows", range: statement.range)
    }
    let settings = binderSettings(parameters: parameters)
    var relations = ResolvedRelations()
    relations[TableReferenceCollector(settings: settings).request(for: name)] = await changeTarget(name, opened)
    relations = try await loadRelations(relations, settings: settings) { collector, known in
      try collector.missing(in: expressions, given: known) + (source.map { try collector.missing(in: $0, given: known) } ?? [])
    }
    let binder = Binder(relations: relations, settings: settings)
    var bound = try DeepStack.run(throwing: { () throws(SQLError) -> BoundRowChange in
      switch statement.kind {
      case .delete(let delete): return try binder.bindDelete(delete)
      case .update(let update): return try binder.bindUpdate(update)
      case .merge(let merge): return try binder.bindMerge(merge)
      default: throw SQLError.notSupported("\(statement.kindName) as a change of rows", range: statement.range)
      }
    })
    // What contradicts the statement does not depend on the rules that the session switches off.
    let predicates = bound.scanPredicates(optimize(bound.plan, disabledRules: []))
    bound.plan = optimize(bound.plan)
    let change = bound
    let detail = PlanDescription.Detail(label: "", text: change.targetName)
    return (
      WriteTarget(name: change.command.operatorName, details: [detail]) {
        try await located(change.range) {
          try await change.target.beginWrite(
            .rowChange(RowChange(change.command, writesRows: change.writesRows, predicates: predicates)))
        }
      }, change.plan
    )
  }

  /// Runs the rows that copy-on-write has to write again; they are committed with the change.
  func writeRemainder(of write: any RowChangeWrite, after written: [any WrittenFiles]) async throws -> [any WrittenFiles] {
    guard let rest = try await write.remainder(after: written) else { return [] }
    let fields = rest.table.schema.fields
    let scan = ScanNode(
      table: rest.table, tableName: "rows that stay", tableColumns: Array(fields.indices),
      columns: fields.map { OutputColumn(name: $0.name, type: $0.type) }, range: .unknown)
    return try await writingExecutor.run(try await writingExecutor.prepare(.scan(scan)), into: rest.write)
  }

  /// The target, with the means to write it where it is an Iceberg table.
  private func changeTarget(_ name: QualifiedName, _ opened: RowTarget?) async -> ResolvedRelation {
    do {
      let target = if let opened { opened } else { try await openTarget(name) }
      guard let table = target.iceberg?.table else {
        let request = TableReferenceCollector(settings: binderSettings()).request(for: name)
        return await RelationLoader(engine: engine, context: context, transaction: transaction).load(request)
      }
      transaction?.staged(target.entry)?.noteRead(table.branch)
      // Without the branch: every other reading of the table has this name, by which `scanPredicates` tells that there is one.
      return .table(table, name: engine.shownName(target.entry))
    } catch {
      return .failed(SQLError(wrapping: error).located(at: name.range))
    }
  }
}

extension MergeClause {
  /// Everything in it that can hold a subquery.
  fileprivate var expressions: [Expression] {
    var found = condition.map { [$0] } ?? []
    switch action {
    case .update(let assignments): found += assignments.map(\.value)
    case .insert(_, let values): found += values
    case .updateAll, .insertAll, .delete: break
    }
    return found
  }
}

extension BoundRowChange {
  /// What the scan of the target is pruned by: only rows like these were looked at. Nothing when the target is read more than once.
  fileprivate func scanPredicates(_ plan: LogicalPlan) -> [ColumnPredicate] {
    var scans: [ScanNode] = []
    func collect(_ plan: LogicalPlan) {
      if case .scan(let node) = plan, node.tableName == targetName { scans.append(node) }
      plan.inputs.forEach(collect)
    }
    collect(plan)
    return scans.count == 1 ? scans[0].predicates : []
  }
}
