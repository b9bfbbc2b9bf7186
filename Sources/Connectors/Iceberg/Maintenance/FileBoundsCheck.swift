package import Columnar
import Functions
package import Iceberg
package import Planner
import SQLSyntax

/// Compares what a manifest says of a data file's columns with its rows: counts, bounds and partition values.
///
/// The caller runs `plan`, which gives one row, and hands it to `problems`.
package struct FileBoundsCheck {
  private struct Column {
    let field: IcebergField
    let index: Int
  }

  package let plan: LogicalPlan
  /// One column of all rows per bucketed partition field: unlike those of other transforms its values do not follow from the extremes.
  package let bucketScans: [(field: PartitionField, value: Scalar, plan: LogicalPlan)]
  private let task: FileScanTask
  private let columns: [Column]

  /// One row per file: count(*), then per column count, min and max.
  package init(_ task: FileScanTask, _ table: IcebergTable) throws {
    self.task = task
    // Bounds speak of all rows of a file, deleted ones too.
    var whole = task
    whole.deletes = []
    let rows = try RemainingRows(
      [ChangedFiles.File(task: whole, positions: PositionSet(), losesAllRows: false)], table.metadata, table.opener, lineage: [])
    var columns: [Column] = []
    for (index, field) in table.metadata.schema.fields.enumerated() where !field.type.isNested {
      columns.append(Column(field: field, index: index))
    }
    self.columns = columns
    let fields = rows.schema.fields
    let scan = LogicalPlan.scan(
      ScanNode(
        table: rows, tableName: task.file.path, tableColumns: Array(fields.indices),
        columns: fields.map { OutputColumn(name: $0.name, type: $0.type) }, range: .unknown))
    var calls = [try Self.call("count", [])]
    for column in columns {
      let type = fields[column.index].type
      let argument = BoundExpression.column(column.index, type, .unknown)
      for name in ["count", "min", "max"] { calls.append(try Self.call(name, [argument])) }
    }
    var buckets: [(PartitionField, Scalar, LogicalPlan)] = []
    for (field, value) in zip(task.spec.fields, task.file.partition) {
      guard case .bucket = field.transform, let index = table.metadata.schema.fields.firstIndex(where: { $0.id == field.sourceID })
      else { continue }
      buckets.append(
        (
          field, value,
          .scan(
            ScanNode(
              table: rows, tableName: task.file.path, tableColumns: [index],
              columns: [OutputColumn(name: fields[index].name, type: fields[index].type)], range: .unknown))
        ))
    }
    bucketScans = buckets
    plan = .aggregate(AggregateNode(input: scan, keys: [], groupingSets: [[]], aggregates: calls))
  }

  private static func call(_ name: String, _ arguments: [BoundExpression]) throws -> AggregateCall {
    let function = try FunctionLibrary.standard.resolveAggregate(name, arguments.map(\.type))
    return AggregateCall(function: function, arguments: arguments, name: name, range: .unknown)
  }

  package func problems(_ row: [ScalarValue]) -> [TableProblem] {
    var problems: [TableProblem] = []
    func report(_ message: String) { problems.append(TableProblem(.error, task.file.path, message)) }
    guard case .int(let count)? = row.first else { return [] }
    if count != task.file.recordCount { report("the manifest says \(task.file.recordCount) rows, the file has \(count)") }
    let source = task.file.metricsSource
    for (number, column) in columns.enumerated() {
      let id = column.field.id
      guard case .int(let values) = row[1 + number * 3] else { continue }
      if let stated = source.count(.values, of: id), stated != count {
        report("column '\(column.field.name)': the manifest says \(stated) values, the file has \(count)")
      }
      if let stated = source.count(.nulls, of: id), stated != count - values {
        report("column '\(column.field.name)': the manifest says \(stated) nulls, the file has \(count - values)")
      }
      if column.field.isRequired, values < count {
        report("column '\(column.field.name)' is required, the file has \(count - values) nulls")
      }
      let (minimum, maximum) = (row[2 + number * 3], row[3 + number * 3])
      if minimum != .null, !SingleValue.isNaN(minimum), let lower = source.bound(isUpper: false, of: id, column.field.type),
        SingleValue.compare(minimum, lower) < 0
      {
        report("column '\(column.field.name)': a value is below the lower bound")
      }
      if maximum != .null, !SingleValue.isNaN(maximum), let upper = source.bound(isUpper: true, of: id, column.field.type),
        SingleValue.compare(maximum, upper) > 0
      {
        report("column '\(column.field.name)': a value is above the upper bound")
      }
      problems += partitionProblems(column.field, minimum, maximum)
    }
    return problems
  }

  /// - Parameter column: some rows of a bucket scan.
  /// - Returns: the first row that belongs elsewhere, if any.
  package func problem(_ field: PartitionField, _ value: Scalar, _ column: Columnar.Column) -> TableProblem? {
    let buckets = field.transform.apply(column)
    for row in 0..<column.count where buckets.scalarValue(at: row) != value.value {
      return TableProblem(.error, task.file.path, "a row of partition field '\(field.name)' belongs to another partition")
    }
    return nil
  }

  /// All rows of a file have its partition's value; for transforms that keep the order the extremes tell.
  private func partitionProblems(_ field: IcebergField, _ minimum: ScalarValue, _ maximum: ScalarValue) -> [TableProblem] {
    var problems: [TableProblem] = []
    for (index, partition) in task.spec.fields.enumerated() where partition.sourceID == field.id && partition.transform != .void {
      if case .bucket = partition.transform { continue }
      guard minimum != .null, index < task.file.partition.count, let type = try? field.type.sqlType() else { continue }
      for value in [minimum, maximum] {
        let found = partition.transform.apply(Scalar(type, value))
        if found.value != task.file.partition[index].value, !(SingleValue.isNaN(found.value) && SingleValue.isNaN(task.file.partition[index].value)) {
          problems.append(
            TableProblem(.error, task.file.path, "a row of partition field '\(partition.name)' belongs to another partition"))
          break
        }
      }
    }
    return problems
  }
}
