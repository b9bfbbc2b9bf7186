import Catalogs
import Columnar
import Connectors
import Execution
import Iceberg
import Planner
import SQLSyntax
import Storage

/// INSERT INTO.
extension StatementRunner {
  func runInsert(_ insert: InsertStatement, parameters: [Scalar] = [], range: SourceRange) async throws -> StatementResult {
    let (target, plan) = try await bindInsert(insert, parameters: parameters, range: range)
    let prepared = try await writingExecutor.prepare(optimize(plan))
    let summary = try await write(prepared, into: try await target.beginWrite())
    return StatementResult(rowsAffected: summary.rowCount)
  }

  /// The target, and a plan that gives its columns.
  func bindInsert(
    _ insert: InsertStatement, parameters: [Scalar] = [], range: SourceRange
  ) async throws -> (target: WriteTarget, plan: LogicalPlan) {
    let target = try await openTarget(insert.table)
    let (entry, name) = (target.entry, target.name)
    let binder = Binder(relations: ResolvedRelations(), settings: binderSettings())
    let place = insert.table.range
    guard let table = target.iceberg?.table else {
      if insert.isOverwrite { throw SQLError.notSupported("INSERT OVERWRITE is for Iceberg tables", range: range) }
      let table = try await located(place) { try await externalTable(entry) }
      let keys = table.schema.count - entry.partitionKeys.count..<table.schema.count
      let partition = try PartitionClause(insert.partition, of: table, identities: Set(keys), binder, context)
      let bound = try await bindRows(of: insert, into: table, partition, parameters: parameters)
      let plan = try binder.insertion(
        of: bound, into: table, columns: insert.columns, fixed: partition.values, range: insert.query.range)
      return (
        WriteTarget(name: "Insert", details: [PlanDescription.Detail(label: "", text: name)]) {
          try await located(place) { try await table.beginAppend(catalog: engine.catalog(of: entry), context: context) }
        }, plan
      )
    }
    let identities = identityPartitions(of: table.metadata)
    let partition = try PartitionClause(insert.partition, of: table, identities: identities, binder, context)
    let kind = insert.isOverwrite ? WriteKind.overwrite(replacedRows(by: partition, identities)) : .append
    let bound = try await bindRows(of: insert, into: table, partition, parameters: parameters)
    let plan = sorted(
      try binder.insertion(
        of: bound, into: table, columns: insert.columns, fixed: partition.values, range: insert.query.range), table.metadata)
    return (
      WriteTarget(name: insert.isOverwrite ? "InsertOverwrite" : "Insert", details: [PlanDescription.Detail(label: "", text: name)] + WriteTarget.details(of: table.metadata)) {
        try await located(place) { try await table.beginWrite(kind) }
      }, plan
    )
  }

  private func bindRows(
    of insert: InsertStatement, into table: any Table, _ partition: PartitionClause, parameters: [Scalar]
  ) async throws -> BoundQuery {
    let binder = Binder(relations: ResolvedRelations(), settings: binderSettings())
    let (query, defaults) = try binder.resolvingDefaults(
      in: insert.query, into: table, columns: insert.columns, fixed: partition.values, parameterCount: parameters.count)
    return try await bind(query, parameters: parameters + defaults)
  }

  /// Spark's two modes. Dynamic replaces the partitions that new rows fall into, when the PARTITION clause leaves any open; static
  /// replaces what the clause names, or everything.
  private func replacedRows(by partition: PartitionClause, _ identities: Set<Int>) -> ReplacedRows {
    let namesOne = !identities.isEmpty && partition.values.count == identities.count
    if session.settings.spark[.partitionOverwriteMode] == "dynamic", !namesOne { return .writtenPartitions }
    return partition.values.isEmpty ? .all : .having(partition.values)
  }

  /// Table positions of the columns that the table is partitioned by as they are.
  private func identityPartitions(of metadata: TableMetadata) -> Set<Int> {
    let sources = Set(metadata.partitionSpec.fields.filter { $0.transform == .identity }.map(\.sourceID))
    return Set(metadata.schema.fields.indices.filter { sources.contains(metadata.schema.fields[$0].id) })
  }

  /// Runs a plan into a table and commits what was written.
  func write(_ plan: PreparedPlan, into write: any TableWrite) async throws -> WriteSummary {
    var written = try await writingExecutor.run(plan, into: write)
    if let change = write as? any RowChangeWrite {
      do { written += try await writeRemainder(of: change, after: written) } catch {
        await write.abort(written)
        throw error
      }
    }
    do { try checkPartitionCount(of: write, written) } catch {
      await write.abort(written)
      throw error
    }
    return try await write.commit(written)
  }

  /// `AthenaRule.partitionCount`
  private func checkPartitionCount(of write: any TableWrite, _ written: [any WrittenFiles]) throws(SQLError) {
    let limit = 100
    guard session.settings.isStrict, let partitioned = write as? any PartitionedWrite, partitioned.partitionCount(of: written) > limit else { return }
    if write is IcebergTableWrite {
      throw AthenaRule.refused(.icebergTooManyOpenPartitions, "Exceeded limit of \(limit) open writers for partitions", at: .unknown)
    }
    throw AthenaRule.refused(.hiveTooManyOpenPartitions, "Exceeded limit of \(limit) open writers for partitions/buckets", at: .unknown)
  }

  /// With a fixed seed one worker runs the whole statement: which rows end in which file must not depend on who was faster.
  var writingExecutor: QueryExecutor {
    guard context.seed != nil, context.workerCount > 1 else { return executor }
    return QueryExecutor(context: context.withWorkers(1), options: executor.options)
  }

  /// A table that rows can be added to: no view, no metadata table.
  func writableEntry(_ name: QualifiedName) async throws -> CatalogTable {
    let (catalog, database, table) = try resolve(name)
    if let touched = transaction?.entry(table, in: database, of: catalog) { return touched }
    let entry: CatalogTable
    do { entry = try await catalog.table(table, in: database) } catch {
      if error.kind == .tableNotFound {
        throw engine.missingTable(table, in: database, of: catalog).located(at: name.range)
      }
      throw SQLError(wrapping: error).located(at: name.range)
    }
    if entry.isView { throw SQLError.notSupported("Writing to views is not supported", range: name.range) }
    if let transaction {
      guard entry.isIceberg else {
        throw SQLError.notSupported(
          "'\(entry.database).\(entry.name)' is not an Iceberg table: it cannot be changed inside a transaction", range: name.range,
          hint: "COMMIT or ROLLBACK first.")
      }
      _ = try await located(name.range) { try await transaction.touch(entry, context) }
    }
    return entry
  }

  func writableTable(_ entry: CatalogTable, at location: String, _ place: SourceRange) async throws -> IcebergTable {
    let metadata = try await located(place) { try await icebergMetadata(entry) }
    return try IcebergTable(metadata: metadata, store: engine.store, footers: engine.footers, writing: icebergWriter(entry, at: location))
  }

  /// Runs `body`; its errors point at `range` unless they have a place.
  func located<Value>(_ range: SourceRange, _ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch { throw SQLError(wrapping: error).located(at: range) }
  }
}

/// Where the rows of a statement go, for running and for EXPLAIN.
struct WriteTarget: Sendable {
  /// What EXPLAIN calls the top of the plan.
  let name: String
  let details: [PlanDescription.Detail]
  let beginWrite: @Sendable () async throws -> any TableWrite

  /// How rows are split into files.
  static func details(of metadata: TableMetadata) -> [PlanDescription.Detail] {
    let fields = metadata.partitionSpec.fields
    if fields.isEmpty { return [] }
    let terms = fields.map { field in
      let column = metadata.schema.fullName(id: field.sourceID) ?? "?"
      return field.transform == .identity ? column : "\(field.transform.text)(\(column))"
    }
    return [PlanDescription.Detail(label: "partitioning", text: "[\(terms.joined(separator: ", "))]")]
  }
}
