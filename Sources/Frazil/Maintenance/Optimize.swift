import Catalogs
import Columnar
import Connectors
import Execution
import Iceberg
import Planner
import SQLSyntax
import Storage
import Synchronization

/// What a compaction is asked to do, beside which table.
struct CompactionRequest {
  var filter: Expression?
  var limits: CompactionPlan.Limits
  /// nil: the table's own.
  var order: RowOrder?
  /// New files keep the sequence number of the state that was read.
  var keepsSequenceNumber = true
  /// Commits on the way instead of one at the end.
  var partialProgress: PartialProgress?

  struct PartialProgress {
    var maximumCommits: Int
    /// Commits that others may make impossible before the statement fails.
    var maximumFailures: Int
  }

  init(limits: CompactionPlan.Limits, filter: Expression? = nil) {
    self.limits = limits
    self.filter = filter
  }
}

/// OPTIMIZE … REWRITE DATA USING BIN_PACK, and what `rewrite_data_files` and VACUUM share with it.
extension StatementRunner {
  func runOptimize(_ optimize: OptimizeStatement) async throws -> StatementResult {
    let entry = try await icebergEntry(optimize.table)
    let outcome = try await located(optimize.table.range) {
      let table = try await writableTable(entry.entry, at: entry.location, optimize.table.range)
      if session.settings.isStrict, let filter = optimize.filter { try checkPartitionColumns(filter, table.metadata) }
      let request = CompactionRequest(limits: CompactionPlan.Limits(table.metadata), filter: optimize.filter)
      return try await compact(table, entry, name: optimize.table, request)
    }
    return StatementResult(
      notes: outcome.rewrittenFiles == 0
        ? ["nothing to rewrite"]
        : ["\(outcome.rewrittenFiles) files (\(outcome.rewrittenBytes) bytes) rewritten as \(outcome.addedFiles)"])
  }

  /// `AthenaRule.optimizeFilter`
  private func checkPartitionColumns(_ filter: Expression, _ metadata: TableMetadata) throws(SQLError) {
    let partitioned = Set(metadata.partitionSpec.fields.compactMap { metadata.schema.fullName(id: $0.sourceID)?.lowercased() })
    var pending = [filter]
    while let expression = pending.popLast() {
      if case .name(let name) = expression.kind, !partitioned.contains(name.parts.map(\.folded).joined(separator: ".")),
        !partitioned.contains(name.last.folded)
      {
        throw AthenaRule.refused(
          .notSupported, "Unexpected FilterNode found in plan; probably connector was not able to handle provided WHERE expression",
          at: name.range)
      }
      expression.forEachChild { child in if case .expression(let inner) = child { pending.append(inner) } }
    }
  }

  /// Rewrites the files that are worth it, one group after the other.
  func compact(
    _ table: IcebergTable, _ entry: (entry: CatalogTable, location: String), name: QualifiedName, _ request: CompactionRequest
  ) async throws -> IcebergCompaction.Outcome {
    let compaction = try await beginCompaction(table, entry, name: name, request)
    let groups = compaction.groups
    var outcome = IcebergCompaction.Outcome()
    guard !groups.isEmpty else { return outcome }
    context.progress.filesPlanned.add(groups.reduce(0) { $0 + $1.count }, ordering: .relaxed)
    context.progress.fileBytesPlanned.add(
      groups.joined().reduce(0) { $0 &+ Int(clamping: $1.file.fileSize) }, ordering: .relaxed)
    let partSize = request.partialProgress.map { (groups.count + $0.maximumCommits - 1) / $0.maximumCommits } ?? groups.count
    var failures = 0
    for start in stride(from: 0, to: groups.count, by: max(1, partSize)) {
      let part = try compaction.part(start..<min(groups.count, start + partSize))
      do { outcome.add(try await rewrite(part, table.metadata, request.order)) } catch let error as IcebergError {
        guard let partial = request.partialProgress, error.kind == .validation || error.kind == .conflict else { throw error }
        failures += 1
        outcome.failedFiles += part.groups.reduce(0) { $0 + $1.count }
        if failures > partial.maximumFailures { throw error }
      }
    }
    return outcome
  }

  /// Chooses the files; nothing is written yet.
  func beginCompaction(
    _ table: IcebergTable, _ entry: (entry: CatalogTable, location: String), name: QualifiedName, _ request: CompactionRequest
  ) async throws -> IcebergCompaction {
    var layout = IcebergCompaction.Layout(targetFileSize: request.limits.targetFileSize)
    layout.specID = request.limits.outputSpecID
    layout.keepsSequenceNumber = request.keepsSequenceNumber
    layout.sortOrderID = table.metadata.sortOrderID(of: request.order)
    let predicates = try request.filter.map { try compactionFilter($0, table, name) } ?? []
    return try await icebergWriter(entry.entry, at: entry.location)
      .beginCompaction(of: table, predicates: predicates, request.limits, layout)
  }

  private func rewrite(
    _ part: IcebergCompaction.Part, _ metadata: TableMetadata, _ order: RowOrder?
  ) async throws -> IcebergCompaction.Outcome {
    var written: [any WrittenFiles] = []
    do {
      for (index, group) in part.groups.enumerated() {
        let rows = try part.rows(of: group)
        let scan = scan(rows.table, "rows of group \(index)")
        let sorted = order.map { $0.sort(scan, metadata.schema) ?? scan } ?? sorted(scan, metadata)
        // Rows that come in order come from one worker. Others are read by one, so that they end in as few files as they fit; the columns
        // of a file are encoded side by side.
        let executor = if case .sort = sorted { writingExecutor } else {
          QueryExecutor(context: context.withWorkers(1), options: executor.options)
        }
        written += try await executor.run(try await executor.prepare(sorted), into: rows.write)
      }
    } catch {
      await part.abort()
      throw error
    }
    return try await part.commit(written)
  }

  /// A plan that reads a whole table.
  func scan(_ table: any Table, _ name: String) -> LogicalPlan {
    let fields = table.schema.fields
    return .scan(
      ScanNode(
        table: table, tableName: name, tableColumns: Array(fields.indices),
        columns: fields.map { OutputColumn(name: $0.name, type: $0.type) }, range: .unknown))
  }

  /// Rows in the order that the table asks for (`WRITE ORDERED BY`); an order by a transform that is not known leaves them as they come.
  func sorted(_ plan: LogicalPlan, _ metadata: TableMetadata) -> LogicalPlan {
    RowOrder.fields(metadata.sortOrder.fields).sort(plan, metadata.schema) ?? plan
  }

  /// Files are chosen by what metadata tells of them; a condition that it tells nothing of would choose them all.
  private func compactionFilter(
    _ filter: Expression, _ table: IcebergTable, _ name: QualifiedName
  ) throws -> [ColumnPredicate] {
    let binder = Binder(relations: ResolvedRelations(), settings: binderSettings())
    let condition = try binder.bind(filter, over: table, name: name)
    let found = optimizedFilter(condition, table, name).scanPredicates
    guard !found.isEmpty else {
      throw SQLError.notSupported(
        "OPTIMIZE by this condition: it does not tell files apart", range: filter.range,
        hint: "compare columns with constants: WHERE day >= DATE '2026-01-01'")
    }
    return found
  }

  /// The rows of a table that satisfy a condition over its columns, visible and hidden; optimised by all rules, whatever the session
  /// switches off for its queries.
  func optimizedFilter(_ condition: BoundExpression, _ table: IcebergTable, _ name: QualifiedName) -> LogicalPlan {
    let fields = table.schema.fields + table.hiddenColumns
    let whole = ScanNode(
      table: table, tableName: name.spelling, tableColumns: Array(fields.indices),
      columns: fields.map { OutputColumn(name: $0.name, type: $0.type) }, range: name.range)
    return Optimizer(settings: OptimizerSettings(context: context)).optimize(.filter(.scan(whole), condition))
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

extension LogicalPlan {
  /// What metadata can be tested against, of a plan that reads one table.
  var scanPredicates: [ColumnPredicate] {
    if case .scan(let node) = self { return node.predicates }
    return inputs.flatMap(\.scanPredicates)
  }
}

extension TableMetadata {
  /// The id of the table's sort order that rows are written in; nil where they follow none of its orders.
  ///
  /// - Parameter order: nil is the table's own.
  fileprivate func sortOrderID(of order: RowOrder?) -> Int32? {
    let fields: [IcebergSortOrder.SortField]
    switch order {
    case nil: fields = sortOrder.fields
    case .fields(let own): fields = own
    case .zOrder: return nil
    }
    let isKnown = fields.allSatisfy { if case .unknown = $0.transform { false } else { true } }
    guard isKnown, !fields.isEmpty else { return nil }
    return ([sortOrder] + sortOrders).first { $0.fields == fields }?.id
  }
}
