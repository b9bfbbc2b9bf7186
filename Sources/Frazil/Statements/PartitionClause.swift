import Columnar
import Functions
import Planner
import SQLSyntax

/// The PARTITION clause of an INSERT: `PARTITION (day = DATE '2026-01-01', region)` gives one column a value and leaves the other to the
/// query.
///
/// As in Spark only columns that the table is partitioned by as they are can stand in it: rows find the partitions of other transforms by
/// themselves.
struct PartitionClause {
  /// By table column, of the column's type. The query has no such columns.
  private(set) var values: [Int: Scalar] = [:]

  /// - Parameter identities: table positions of the columns that the table is partitioned by as they are.
  init(_ specification: PartitionSpecification?, of table: any Table, identities: Set<Int>, _ binder: Binder, _ context: QueryContext) throws(SQLError) {
    var seen: Set<Int> = []
    for entry in specification?.entries ?? [] {
      let name = entry.column.folded
      guard let column = table.schema.index(of: entry.column.spelling), identities.contains(column) else {
        let known = identities.sorted().map { table.schema.fields[$0].name }
        throw SQLError(
          .invalidPartitionBy, "PARTITION clause cannot contain a non-partition column: \(name)", range: entry.column.range,
          hint: known.isEmpty
            ? "No column of the table is a partition as it is; rows find the partitions of transforms by themselves."
            : "The table is partitioned by the values of " + known.joined(separator: ", ") + ".")
      }
      guard seen.insert(column).inserted else {
        throw SQLError(.duplicateColumnName, "Partition column '\(name)' is given twice", range: entry.column.range)
      }
      guard let expression = entry.value else { continue }
      guard entry.comparison == .equal else {
        throw SQLError(.syntaxError, "Only key = value can be written here", range: entry.column.range)
      }
      let type = table.schema.fields[column].type
      let value = try binder.evaluateConstant(expression)
      do {
        values[column] = Scalar(
          type, try castColumn(.constant(value, count: 1), to: type, isTry: false, context: context).scalar(at: 0).value)
      } catch {
        throw SQLError(
          .typeMismatch, "The value of partition column '\(name)' cannot be cast to \(type)", range: expression.range)
      }
    }
  }
}
