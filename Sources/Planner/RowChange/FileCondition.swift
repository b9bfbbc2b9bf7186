package import Columnar
package import SQLSyntax

/// A condition on columns that may have one value per file (identity partitions): of such a file it can be told as a whole.
package struct FileCondition: Sendable {
  private let condition: BoundExpression
  private let columnCount: Int
  private let context: QueryContext
  /// Table indices of the columns it reads.
  package let columns: Set<Int>

  /// - Parameter columnCount: visible and hidden columns of the table that the condition was bound over (`Binder.bind(_:over:name:)`).
  package init(_ condition: BoundExpression, columnCount: Int, context: QueryContext) {
    self.condition = condition
    self.columnCount = columnCount
    self.context = context
    var columns: Set<Int> = []
    condition.collectColumns(into: &columns)
    self.columns = columns
  }

  /// Whether rows with these values satisfy the condition; NULL is no.
  ///
  /// - Parameter values: one for each of `columns`.
  package func holds(_ values: [Int: Scalar]) throws(SQLError) -> Bool {
    let row = (0..<columnCount).map { index in BoundExpression.literal(values[index] ?? .null(), condition.range) }
    let result = try ConstantEvaluator(context: context).evaluate(condition.substitutingColumns(row))
    return result.value == .boolean(true)
  }
}
