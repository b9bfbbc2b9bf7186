import Functions

/// Takes what all branches of an OR have in common out of it: `(a AND x) OR (a AND y)` is `a AND (x OR y)`, in three-valued logic too.
///
/// What comes out can be a join key or be pushed to a scan, which nothing inside an OR can.
enum OrFactoring {
  static func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedBottomUp { node in
      switch node {
      case .filter(let input, let predicate): return .filter(input, factored(predicate))
      case .join(var join):
        join.residual = join.residual.map(factored)
        return .join(join)
      default: return node
      }
    }
  }

  static func factored(_ condition: BoundExpression) -> BoundExpression {
    switch condition {
    case .and(let operands, let range): return .and(operands.map(factored), range)
    case .not(let operand, let range): return .not(factored(operand), range)
    case .or(_, let range):
      let branches = condition.disjuncts.map { factored($0).conjuncts }
      let common = commonTerms(branches)
      if common.isEmpty { return condition }
      let shared = Set(common)
      var rests: [BoundExpression] = []
      for branch in branches {
        guard let rest = BoundExpression.conjunction(branch.filter { !shared.contains($0) && !shared.contains($0.mirrored) })
        else {
          // The branch says no more than the others do: `a OR (a AND y)` is `a`.
          return BoundExpression.conjunction(common) ?? condition
        }
        rests.append(rest)
      }
      return .and(common + [.or(rests, range)], range)
    default: return condition
    }
  }

  /// The first branch's terms that every other branch has as well.
  ///
  /// A term that may fail stays where the terms before it keep it from failing, unless all of those come out too.
  private static func commonTerms(_ branches: [[BoundExpression]]) -> [BoundExpression] {
    guard branches.count > 1, var common = branches.first?.filter(\.isDeterministic), !common.isEmpty else { return [] }
    for branch in branches.dropFirst() {
      let terms = Set(branch)
      common.removeAll { !terms.contains($0) && !terms.contains($0.mirrored) }
      if common.isEmpty { return [] }
    }
    var taken: Set<BoundExpression> = []
    return common.filter { term in
      let isTaken =
        !term.mayFail
        || branches.allSatisfy { branch in
          branch.prefix { $0 != term && $0 != term.mirrored }.allSatisfy { taken.contains($0) || taken.contains($0.mirrored) }
        }
      if isTaken { taken.insert(term) }
      return isTaken
    }
  }
}

extension BoundExpression {
  /// The operands of a disjunction, or the expression itself.
  var disjuncts: [BoundExpression] {
    if case .or(let operands, _) = self { return operands.flatMap(\.disjuncts) }
    return [self]
  }

  /// `b = a` for `a = b`, the same for `<>`; anything else is its own mirror image.
  fileprivate var mirrored: BoundExpression {
    guard case .call(let function, let arguments, let range) = self, arguments.count == 2,
      function.name == "=" || function.name == "<>"
    else { return self }
    return .call(function, [arguments[1], arguments[0]], range)
  }
}
