import Columnar
import Functions
import SQLSyntax

/// Turns `left expression = right expression` in a join's condition into a key, so that the join can hash.
enum JoinKeyExtraction {
  static func apply(_ plan: LogicalPlan) -> LogicalPlan {
    guard case .join(var node) = plan, let residual = node.residual, !node.isNullAware, node.kind != .nullAwareAnti
    else { return plan }
    let leftWidth = node.left.columns.count
    var rest: [BoundExpression] = []
    for term in residual.conjuncts {
      if let key = key(term, leftWidth: leftWidth) { node.keys.append(key) } else { rest.append(term) }
    }
    node.residual = BoundExpression.conjunction(rest)
    return .join(node)
  }

  /// The key that a condition over both sides' columns amounts to.
  static func key(_ term: BoundExpression, leftWidth: Int) -> JoinKey? {
    var call = term
    var matchesNulls = false
    if case .not(let inner, _) = term {
      guard case .call(let function, _, _) = inner, function.name == OperatorName.isDistinctFrom else { return nil }
      call = inner
      matchesNulls = true
    }
    guard case .call(let function, let arguments, _) = call, arguments.count == 2, matchesNulls || function.name == "=",
      call.isDeterministic
    else { return nil }
    let sides = arguments.map { JoinSide($0.columnIndices, leftWidth: leftWidth) }
    switch (sides[0], sides[1]) {
    case (.left, .right):
      return JoinKey(left: arguments[0], right: arguments[1].shiftingColumns(by: -leftWidth), matchesNulls: matchesNulls)
    case (.right, .left):
      return JoinKey(left: arguments[1], right: arguments[0].shiftingColumns(by: -leftWidth), matchesNulls: matchesNulls)
    default: return nil
    }
  }
}

/// Which inputs of a join some columns come from.
enum JoinSide {
  case none, left, right, both

  init(_ columns: Set<Int>, leftWidth: Int) {
    let readsLeft = columns.contains { $0 < leftWidth }
    let readsRight = columns.contains { $0 >= leftWidth }
    self = readsLeft ? (readsRight ? .both : .left) : (readsRight ? .right : .none)
  }
}
