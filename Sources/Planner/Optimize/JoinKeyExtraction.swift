import Columnar
import Functions
import SQLSyntax

/// Turns `left expression = right expression` in a join's condition into a key, so that the join can hash. NULL meets NULL with
/// `IS NOT DISTINCT FROM` and with what says the same in longer words.
enum JoinKeyExtraction {
  static func apply(_ plan: LogicalPlan) -> LogicalPlan {
    guard case .join(var node) = plan, let residual = node.residual, !node.isNullAware, node.kind != .nullAwareAnti
    else { return plan }
    let leftWidth = node.left.columns.count
    var rest: [BoundExpression] = []
    for term in residual.conjuncts {
      if let key = key(term, leftWidth: leftWidth) {
        node.keys.append(key)
      } else if let found = nullSafeKey(term, leftWidth: leftWidth) {
        node.keys.append(found.key)
        if !found.isWhole { rest.append(term) }
      } else {
        rest.append(term)
      }
    }
    node.residual = BoundExpression.conjunction(rest)
    return .join(node)
  }

  /// The key of `a = b OR (a IS NULL AND b IS NULL)`: `IS NOT DISTINCT FROM` written out.
  ///
  /// `isWhole` is false when the key lets through more than the condition does: NaN is not distinct from NaN but does not equal it, and
  /// `=` of values with a NULL inside is NULL.
  private static func nullSafeKey(_ term: BoundExpression, leftWidth: Int) -> (key: JoinKey, isWhole: Bool)? {
    let branches = term.disjuncts
    guard branches.count == 2 else { return nil }
    for (equality, nulls) in [(branches[0], branches[1]), (branches[1], branches[0])] {
      guard case .call(_, let arguments, _) = equality, var key = key(equality, leftWidth: leftWidth), !key.matchesNulls
      else { continue }
      let tested = nulls.conjuncts.compactMap { if case .isNull(let operand, _) = $0 { operand } else { nil } }
      guard tested.count == 2, nulls.conjuncts.count == 2,
        [tested, [tested[1], tested[0]]].contains(where: { isNullLike(arguments[0], $0[0]) && isNullLike(arguments[1], $0[1]) })
      else { continue }
      key.matchesNulls = true
      let type = arguments[0].type
      return (key, isWhole: type != .double && type != .real && !type.isNested)
    }
    return nil
  }

  /// `compared` is `tested` itself, or a wider form of it that is NULL where it is.
  private static func isNullLike(_ compared: BoundExpression, _ tested: BoundExpression) -> Bool {
    if compared == tested { return true }
    guard case .cast(let inner, let type, _, _) = compared, ConstantFolding.isExactWidening(from: inner.type, to: type) else {
      return false
    }
    return isNullLike(inner, tested)
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
