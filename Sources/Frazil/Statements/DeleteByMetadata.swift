import Catalogs
import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// DELETE of whole files: when the condition only asks for identity partition columns, or for nothing, or the bounds of the columns it asks
/// for say that it is true for all rows of each file or for none, no file needs to be opened.
extension StatementRunner {
  /// - Returns: nil when rows have to be looked at; then nothing has happened.
  func runDeleteByMetadata(_ delete: DeleteStatement, _ target: RowTarget, parameters: [Scalar]) async throws -> StatementResult? {
    guard let (table, writer) = target.iceberg, table.rowIdentity != nil else { return nil }
    transaction?.staged(target.entry)?.noteRead(table.branch)
    var condition: FileCondition?
    var predicates: [ColumnPredicate] = []
    var exactly: [ColumnPredicate]?
    if let filter = delete.filter {
      let binder = Binder(relations: ResolvedRelations(), settings: binderSettings(parameters: parameters))
      let bound: BoundExpression
      do { bound = try binder.bind(filter, over: table, name: delete.table) } catch {
        // A subquery, or a mistake: the general way knows what to make of it.
        return nil
      }
      guard bound.type == .boolean else { return nil }
      let rows = optimizedFilter(bound, table, delete.table)
      predicates = rows.scanPredicates
      let files = FileCondition(bound, columnCount: table.schema.count + table.hiddenColumns.count, context: context)
      exactly = ScanPredicates.exactly(rows)
      // Most conditions that ask for more end here, before any manifest is read.
      guard exactly != nil || files.columns.isSubset(of: identityColumns(table)) else { return nil }
      condition = files
    }
    let (wanted, exact) = (predicates, exactly)
    return try await located(delete.table.range) {
      var removed: [FileScanTask] = []
      for task in try await table.tasks(matching: wanted) {
        if let condition {
          if let values = identityValues(of: task, condition.columns, table) {
            guard try condition.holds(values) else { continue }
          } else {
            guard let exact, table.satisfiesInAllRows(task, exact) else { return nil }
          }
        }
        // How many rows of it are still there, only its deletes could tell.
        guard task.deletes.isEmpty else { return nil }
        removed.append(task)
      }
      if !removed.isEmpty { try await writer.remove(removed, from: table, matching: wanted) }
      return StatementResult(rowsAffected: removed.reduce(0) { $0 + Int(clamping: $1.file.recordCount) })
    }
  }

  /// Indices of the columns that some partition spec of the table takes as they are.
  private func identityColumns(_ table: IcebergTable) -> Set<Int> {
    let sources = Set(table.metadata.partitionSpecs.flatMap(\.fields).filter { $0.transform == .identity }.map(\.sourceID))
    let fields = table.metadata.schema.fields
    return Set(fields.indices.filter { sources.contains(fields[$0].id) })
  }

  /// The values that columns have in all rows of a file; nil when they may differ.
  private func identityValues(of task: FileScanTask, _ columns: Set<Int>, _ table: IcebergTable) -> [Int: Scalar]? {
    let known = task.identityValues
    var values: [Int: Scalar] = [:]
    for column in columns {
      guard column < table.metadata.schema.fields.count, let value = known[table.metadata.schema.fields[column].id],
        value.type == table.schema.fields[column].type
      else { return nil }
      values[column] = value
    }
    return values
  }
}
