/// What an OR over both inputs of a join says of one of them alone: `(a.x = 1 AND b.y = 2) OR (a.x = 3 AND b.y > 4)` holds only where
/// `a.x = 1 OR a.x = 3` does. The narrower condition goes below the join, the OR stays.
struct ImpliedPredicates {
  /// Columns of the left input.
  let leftWidth: Int

  /// OR with more branches costs more per row than it is likely to save.
  private static let mostBranches = 64

  /// Conditions on `side` alone that hold wherever all of `terms` do; over the same columns as these.
  func implied(by terms: [BoundExpression], on side: JoinSide) -> [BoundExpression] {
    terms.compactMap { implied(by: $0, on: side) }
  }

  private func implied(by term: BoundExpression, on side: JoinSide) -> BoundExpression? {
    guard case .or(_, let range) = term, term.isDeterministic else { return nil }
    let branches = term.disjuncts
    guard branches.count <= Self.mostBranches else { return nil }
    var known: Set<BoundExpression> = []
    var narrower: [BoundExpression] = []
    for branch in branches {
      let own = branch.conjuncts.compactMap { conjunct in
        if JoinSide(conjunct.columnIndices, leftWidth: leftWidth) != side { return implied(by: conjunct, on: side) }
        // Below the join it meets rows that the other side's conditions keep from it.
        return conjunct.mayFail ? nil : conjunct
      }
      // A branch that says nothing of this side lets all its rows through.
      guard let condition = BoundExpression.conjunction(own) else { return nil }
      if known.insert(condition).inserted { narrower.append(condition) }
    }
    return narrower.count == 1 ? narrower[0] : .or(narrower, range)
  }
}
