import Columnar
import Functions
import SQLSyntax

/// Moves conditions towards the scans: fewer rows reach joins and aggregates, and scans can skip files.
///
/// On its way a condition turns outer joins whose extra rows it refuses into inner ones (`outer_to_inner`), mark joins whose mark it tests
/// into semi and anti joins (`semi_join`), and equalities of both sides of a join into its keys (`join_keys`). What an OR over both sides
/// says of one of them goes there as well (`implied_predicates`).
struct PredicatePushdown {
  let optimizer: Optimizer

  func apply(_ plan: LogicalPlan) -> LogicalPlan { push([], into: plan) }

  /// The plan with `terms` (over its columns) applied as far down as they go.
  private func push(_ terms: [BoundExpression], into plan: LogicalPlan) -> LogicalPlan {
    if terms.contains(where: { $0.isFalseLiteral || $0.isNullLiteral }) {
      return .values(rows: [], columns: plan.columns)
    }
    switch plan {
    case .filter(let input, let predicate): return push(predicate.conjuncts + terms, into: input)
    case .project(let input, let expressions):
      let definitions = expressions.map(\.expression)
      let (moved, kept) = split(terms) { term in
        term.columnIndices.allSatisfy { definitions[$0].isDeterministic }
      }
      return filtered(
        .project(push(moved.map { $0.substitutingColumns(definitions) }, into: input), expressions), kept)
    case .aggregate(var node):
      let shared = node.groupingSets.dropFirst().reduce(Set(node.groupingSets.first ?? [])) { $0.intersection($1) }
      let keys = node.keys.map(\.expression)
      let (moved, kept) = split(terms) { term in
        let columns = term.columnIndices
        return !columns.isEmpty && columns.isSubset(of: shared) && columns.allSatisfy { keys[$0].isDeterministic }
      }
      node.input = push(moved.map { $0.substitutingColumns(keys) }, into: node.input)
      return filtered(.aggregate(node), kept)
    case .pivot(var node):
      let keys = node.keys.map(\.expression)
      let (moved, kept) = split(terms) { term in
        let columns = term.columnIndices
        return !columns.isEmpty && columns.allSatisfy { $0 < keys.count && keys[$0].isDeterministic }
      }
      node.input = push(moved.map { $0.substitutingColumns(keys) }, into: node.input)
      return filtered(.pivot(node), kept)
    case .window(var node):
      let partition = Set(node.partition.compactMap(\.columnIndex))
      let (moved, kept) = split(terms) { term in
        let columns = term.columnIndices
        return !columns.isEmpty && columns.isSubset(of: partition)
      }
      node.input = push(moved, into: node.input)
      return filtered(.window(node), kept)
    case .unnest(var node):
      let width = node.input.columns.count
      let (moved, kept) = split(terms) { term in
        let columns = term.columnIndices
        return !columns.isEmpty && columns.allSatisfy { $0 < width }
      }
      node.input = push(moved, into: node.input)
      return filtered(.unnest(node), kept)
    case .join(let node): return pushJoin(terms, node)
    case .unionAll(let inputs):
      let (moved, kept) = split(terms) { _ in true }
      return filtered(.unionAll(inputs.map { push(moved, into: $0) }), kept)
    case .setOperation(let kind, let isDistinct, let left, let right):
      let (moved, kept) = split(terms) { _ in true }
      return filtered(.setOperation(kind, isDistinct: isDistinct, push(moved, into: left), push(moved, into: right)), kept)
    case .sort(let input, let keys): return .sort(push(terms, into: input), keys)
    case .commonTable(let id, let name, let definition, let body):
      return .commonTable(id: id, name: name, definition: push([], into: definition), body: push(terms, into: body))
    case .recursive(var node):
      node.seed = push([], into: node.seed)
      node.step = push([], into: node.step)
      return filtered(.recursive(node), terms)
    case .scan, .values, .commonTableScan: return filtered(plan, terms)
    case .limit, .topN, .singleRow, .sample: return filtered(plan.mapInputs { push([], into: $0) }, terms)
    }
  }

  private func filtered(_ plan: LogicalPlan, _ terms: [BoundExpression]) -> LogicalPlan {
    guard let predicate = BoundExpression.conjunction(terms) else { return plan }
    return .filter(plan, predicate)
  }

  /// Terms that may move and those that stay; one that is not deterministic always stays.
  private func split(
    _ terms: [BoundExpression], _ mayMove: (BoundExpression) -> Bool
  ) -> (moved: [BoundExpression], kept: [BoundExpression]) {
    var moved: [BoundExpression] = []
    var kept: [BoundExpression] = []
    for term in terms {
      if term.isDeterministic, mayMove(term) { moved.append(term) } else { kept.append(term) }
    }
    return (moved, kept)
  }

  // MARK: Joins

  private func pushJoin(_ terms: [BoundExpression], _ original: JoinNode) -> LogicalPlan {
    var node = original
    let leftWidth = node.left.columns.count
    if optimizer.isEnabled(.outerToInner) { node.kind = reduced(node.kind, by: terms, leftWidth: leftWidth) }

    var toLeft: [BoundExpression] = []
    var toRight: [BoundExpression] = []
    var residual: [BoundExpression] = []
    var above: [BoundExpression] = []
    var markIsTrue: Bool?

    for term in terms {
      let side = JoinSide(term.columnIndices, leftWidth: leftWidth)
      guard term.isDeterministic else {
        above.append(term)
        continue
      }
      switch (node.kind, side) {
      case (.inner, .left), (.left, .left), (.semi, _), (.anti, _), (.nullAwareAnti, _), (.mark, .left), (.leftSingle, .left):
        toLeft.append(term)
      case (.inner, .right), (.right, .right): toRight.append(term)
      case (.inner, .both), (.inner, .none): residual.append(term)
      case (.mark, _):
        if let wanted = testsMark(term, leftWidth), markIsTrue == nil, optimizer.isEnabled(.semiJoin) {
          markIsTrue = wanted
        } else {
          above.append(term)
        }
      default: above.append(term)
      }
    }
    // The join's own condition: what speaks of one side only narrows that side, where the join does not keep its rows anyway.
    for term in node.residual?.conjuncts ?? [] {
      let side = JoinSide(term.columnIndices, leftWidth: leftWidth)
      switch (node.kind, side) {
      case (.inner, .left), (.right, .left), (.semi, .left): toLeft.append(term)
      case (.inner, .right), (.left, .right), (.semi, .right), (.anti, .right), (.mark, .right), (.leftSingle, .right):
        if node.isNullAware { residual.append(term) } else { toRight.append(term) }
      default: residual.append(term)
      }
    }
    if optimizer.isEnabled(.impliedPredicates), !node.isNullAware {
      let found = implied(node.kind, residual: residual, above: above, leftWidth: leftWidth)
      toLeft += found.left
      toRight += found.right
    }
    toRight = toRight.map { $0.shiftingColumns(by: -leftWidth) }
    if node.kind == .inner { residual.removeAll(where: \.isTrueLiteral) }
    node.residual = BoundExpression.conjunction(residual)
    if optimizer.isEnabled(.joinKeys), case .join(let extracted) = JoinKeyExtraction.apply(.join(node)) { node = extracted }
    copyAcrossKeys(node, &toLeft, &toRight)

    node.left = push(toLeft, into: node.left)
    node.right = push(toRight, into: node.right)
    guard let markIsTrue else { return filtered(.join(node), above) }
    return filtered(withoutMark(node, isTrue: markIsTrue), above)
  }

  /// What conditions over both sides say of one, on the sides whose rows may go: by the join's own condition those that the join does not
  /// keep, by conditions above it those that come out with their values only.
  private func implied(
    _ kind: JoinKind, residual: [BoundExpression], above: [BoundExpression], leftWidth: Int
  ) -> (left: [BoundExpression], right: [BoundExpression]) {
    let predicates = ImpliedPredicates(leftWidth: leftWidth)
    switch kind {
    case .inner, .semi:
      return (predicates.implied(by: residual, on: .left), predicates.implied(by: residual, on: .right))
    case .left: return (predicates.implied(by: above, on: .left), predicates.implied(by: residual, on: .right))
    case .right: return (predicates.implied(by: residual, on: .left), predicates.implied(by: above, on: .right))
    case .anti, .mark, .leftSingle: return ([], predicates.implied(by: residual, on: .right))
    case .full, .nullAwareAnti: return ([], [])
    }
  }

  /// `mark` or `NOT mark`.
  private func testsMark(_ term: BoundExpression, _ leftWidth: Int) -> Bool? {
    switch term {
    case .column(leftWidth, _, _): true
    case .not(.column(leftWidth, _, _), _): false
    default: nil
    }
  }

  /// A mark join of which only rows with a true (or false) mark are wanted is a semi (or anti) join; the mark becomes a constant.
  private func withoutMark(_ node: JoinNode, isTrue: Bool) -> LogicalPlan {
    var join = node
    join.kind = isTrue ? .semi : node.isNullAware ? .nullAwareAnti : .anti
    join.isNullAware = false
    let outputs =
      LogicalPlan.passingColumns(of: node.left)
      + [NamedExpression(.literal(.boolean(isTrue), node.range), name: "mark")]
    return .project(.join(join), outputs)
  }

  /// `a.k = b.k AND a.k = 5` also says `b.k = 5`.
  private func copyAcrossKeys(_ node: JoinNode, _ toLeft: inout [BoundExpression], _ toRight: inout [BoundExpression]) {
    let copiesRight: Bool
    let copiesLeft: Bool
    switch node.kind {
    case .inner, .semi: (copiesRight, copiesLeft) = (true, true)
    case .left, .leftSingle: (copiesRight, copiesLeft) = (true, false)
    case .right: (copiesRight, copiesLeft) = (false, true)
    case .full, .anti, .nullAwareAnti, .mark: return
    }
    var leftKnown = Set(toLeft)
    var rightKnown = Set(toRight)
    let leftTerms = toLeft
    let rightTerms = toRight
    for key in node.keys where !key.matchesNulls {
      guard let left = key.left.columnIndex, let right = key.right.columnIndex, key.left.type == key.right.type else { continue }
      if copiesRight {
        for term in leftTerms where Self.isConstantTest(term, of: left) {
          let copy = term.mappingColumns { _ in right }
          if rightKnown.insert(copy).inserted { toRight.append(copy) }
        }
      }
      if copiesLeft {
        for term in rightTerms where Self.isConstantTest(term, of: right) {
          let copy = term.mappingColumns { _ in left }
          if leftKnown.insert(copy).inserted { toLeft.append(copy) }
        }
      }
    }
  }

  /// A comparison of one column with constants.
  private static func isConstantTest(_ term: BoundExpression, of column: Int) -> Bool {
    switch term {
    case .call(let function, let arguments, _):
      ["=", "<", "<=", ">", ">="].contains(function.name)
        && arguments.contains { $0.columnIndex == column } && arguments.contains { $0.literalValue != nil }
    case .inList(let value, let list, _): value.columnIndex == column && list.allSatisfy { $0.literalValue != nil }
    default: false
    }
  }

  // MARK: Outer joins

  /// The kind that gives the same rows once `terms` have refused some: rows that an outer join fills with NULL.
  private func reduced(_ kind: JoinKind, by terms: [BoundExpression], leftWidth: Int) -> JoinKind {
    func rejects(_ isColumn: @escaping (Int) -> Bool) -> Bool {
      terms.contains { NullRejection.refuses($0, where: isColumn) }
    }
    switch kind {
    case .left: return rejects { $0 >= leftWidth } ? .inner : .left
    case .right: return rejects { $0 < leftWidth } ? .inner : .right
    case .full:
      let needsRight = rejects { $0 >= leftWidth }
      let needsLeft = rejects { $0 < leftWidth }
      return needsLeft ? (needsRight ? .inner : .left) : (needsRight ? .right : .full)
    case .inner, .semi, .anti, .nullAwareAnti, .mark, .leftSingle: return kind
    }
  }
}

/// Whether a condition can be true when certain columns are NULL.
enum NullRejection {
  /// False or NULL whenever all columns of the set are NULL.
  static func refuses(_ term: BoundExpression, where isColumn: (Int) -> Bool) -> Bool {
    switch term {
    case .and(let operands, _): operands.contains { refuses($0, where: isColumn) }
    case .or(let operands, _): operands.allSatisfy { refuses($0, where: isColumn) }
    case .not(.isNull(let operand, _), _): isNull(operand, where: isColumn)
    case .not(let operand, _): isNull(operand, where: isColumn)
    default: isNull(term, where: isColumn)
    }
  }

  /// NULL whenever all columns of the set are.
  private static func isNull(_ expression: BoundExpression, where isColumn: (Int) -> Bool) -> Bool {
    switch expression {
    case .column(let index, _, _): isColumn(index)
    case .literal(let scalar, _): scalar.isNull
    case .call(let function, let arguments, _):
      function.propagatesNulls && arguments.contains { isNull($0, where: isColumn) }
    case .cast(let operand, _, _, _), .not(let operand, _), .tryCatch(let operand, _), .field(let operand, _, _, _):
      isNull(operand, where: isColumn)
    case .inList(let value, _, _): isNull(value, where: isColumn)
    case .coalesce(let operands, _, _): operands.allSatisfy { isNull($0, where: isColumn) }
    case .and, .or, .isNull, .caseWhen, .makeRow, .lambda, .outerColumn: false
    }
  }
}
