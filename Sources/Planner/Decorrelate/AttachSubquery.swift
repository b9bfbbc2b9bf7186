import Columnar
import Functions
import SQLSyntax

extension Binder {
  /// Joins the subqueries in `used` to `plan` and says what stands for their placeholders. Columns are only added at the end, so
  /// expressions over the plan stay right.
  ///
  /// - Parameter mapping: brings expressions over the rows of FROM to the plan's columns; nil when these are the same.
  func attachSubqueries(
    _ collector: SelectCollector, _ used: [Int], to plan: inout LogicalPlan, mapping: ExpressionMapping?
  ) throws(SQLError) -> [Int: BoundExpression] {
    var values: [Int: BoundExpression] = [:]
    if let last = used.last { try checkCount(used.count, of: "subqueries", range: collector.subqueries[last].range) }
    for index in used {
      try attach(index, collector, to: &plan, mapping, &values)
    }
    return values
  }

  private func attach(
    _ index: Int, _ collector: SelectCollector, to plan: inout LogicalPlan, _ mapping: ExpressionMapping?,
    _ values: inout [Int: BoundExpression]
  ) throws(SQLError) {
    guard values[index] == nil else { return }
    let subquery = collector.subqueries[index]
    // The value tested may itself contain subqueries.
    var inner: [Int] = []
    switch subquery.test {
    case .scalar, .exists: break
    case .matches(let expression), .membership(let expression): inner = placeholders(in: [expression], collector)
    }
    for other in inner where other != index { try attach(other, collector, to: &plan, mapping, &values) }

    /// An expression over the rows of the query around, over the plan's columns.
    func mapped(_ expression: BoundExpression, _ values: [Int: BoundExpression]) throws(SQLError) -> BoundExpression {
      let result = if let mapping { try mapping.map(expression) } else { expression }
      return result.replacingPlaceholders(Placeholder.subquery, values)
    }
    var right = subquery.plan.applied()
    if let mapping { right = try mapping.mapApplied(right) }
    let join = SubqueryJoin(binder: self, range: subquery.range)
    switch subquery.test {
    case .scalar: values[index] = try join.scalar(right, to: &plan)
    case .exists: values[index] = try join.exists(right, to: &plan)
    case .membership(let value):
      values[index] = join.membership(try mapped(value, values), right, to: &plan)
    case .matches(let test):
      // Outer columns of level 1 are the plan's; level 2 and more lie outside of the query around.
      let known = values
      let condition = try test.applied().replacing { (node) throws(SQLError) -> BoundExpression? in
        switch node {
        case .outerColumn(Placeholder.applied, let column, let type, let range):
          let result = try mapped(.column(column, type, range), known)
          return result.asApplied
        case .outerColumn(let level, _, _, _) where level < 0: return try mapped(node, known).asApplied
        default: return nil
        }
      }
      values[index] = try join.matches(condition, right, to: &plan)
    }
  }
}

extension ExpressionMapping {
  /// Brings the applied columns of a subquery to the columns of the groups; only keys can be read there.
  fileprivate func mapApplied(_ plan: LogicalPlan) throws(SQLError) -> LogicalPlan {
    var failure: SQLError?
    func mapped(_ expression: BoundExpression) -> BoundExpression {
      if case .outerColumn(Placeholder.applied, let index, let type, let range) = expression {
        do throws(SQLError) {
          if case .column(let key, _, _) = try map(.column(index, type, range)) {
            return .outerColumn(level: Placeholder.applied, index: key, type, range)
          }
        } catch {
          failure = failure ?? error
        }
      }
      return expression.mapOperands(mapped)
    }
    let result = plan.transformedBottomUp { $0.mapExpressions(mapped) }
    if let failure { throw failure }
    return result
  }
}

extension BoundExpression {
  /// Prepares a subquery's expression for being joined: level 1 becomes `Placeholder.applied`, further levels come one nearer.
  func applied() -> BoundExpression {
    switch self {
    case .outerColumn(1, let index, let type, let range):
      .outerColumn(level: Placeholder.applied, index: index, type, range)
    case .outerColumn(let level, let index, let type, let range) where level > 1:
      .outerColumn(level: level - 1, index: index, type, range)
    default: mapOperands { $0.applied() }
    }
  }

  /// Plain columns become applied ones.
  var asApplied: BoundExpression {
    if case .column(let index, let type, let range) = self {
      return .outerColumn(level: Placeholder.applied, index: index, type, range)
    }
    return mapOperands { $0.asApplied }
  }

  var readsApplied: Bool { hasOuterColumns(level: Placeholder.applied) }
  var readsOwnColumns: Bool { contains { if case .column = $0 { true } else { false } } }

  /// Applied columns become the left side's columns, own ones the right side's, of a join whose left side has `width` columns.
  func joined(leftWidth width: Int) -> BoundExpression {
    switch self {
    case .outerColumn(Placeholder.applied, let index, let type, let range): .column(index, type, range)
    case .column(let index, let type, let range): .column(index + width, type, range)
    default: mapOperands { $0.joined(leftWidth: width) }
    }
  }
}

extension LogicalPlan {
  func applied() -> LogicalPlan { transformedBottomUp { $0.mapExpressions { $0.applied() } } }
  var readsApplied: Bool { hasOuterColumns(level: Placeholder.applied) }
}
