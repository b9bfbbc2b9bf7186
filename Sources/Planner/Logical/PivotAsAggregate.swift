import Columnar
import Functions
package import SQLSyntax

extension PivotNode {
  /// The same columns from the general aggregate, a FILTER for each cell: for keys that the pivot operator does not take, and for
  /// matrices that are too large to be held, because the general aggregate can spill.
  package func asAggregate() throws(SQLError) -> AggregateNode {
    let type = pivotKey.type
    let comparison: ResolvedScalar
    do { comparison = try FunctionLibrary.standard.resolveScalar(OperatorName.isDistinctFrom, [type, type]) } catch {
      throw SQLError(functionError: error, range: pivotKey.range)
    }
    return AggregateNode(
      input: input, keys: keys, groupingSets: [Array(keys.indices)],
      aggregates: cells.map { cell in
        let value = BoundExpression.literal(cell.value, pivotKey.range)
        // Not `=`: a cell may be that of NaN, which equals nothing.
        let isCell = BoundExpression.not(.call(comparison, [pivotKey, value], pivotKey.range), pivotKey.range)
        return AggregateCall(
          function: cell.aggregate, arguments: cell.arguments, filter: isCell, name: cell.name, range: pivotKey.range)
      })
  }
}
