import Columnar
import Functions
import SQLSyntax

/// Joins one subquery to the query around it.
///
/// The subquery's plan speaks of the row it is applied to through outer columns of level `Placeholder.applied`. Two ways lead to a join:
/// `PullUp` lifts the conditions that do so up to the join, which suits nearly every query people write; where it cannot, `PushDown` computes
/// the subquery for all different values of those columns at once.
struct SubqueryJoin {
  let binder: Binder
  let range: SourceRange

  /// The value of a scalar subquery: NULL without rows, an error with several.
  func scalar(_ right: LogicalPlan, to plan: inout LogicalPlan) throws(SQLError) -> BoundExpression {
    let type = right.columns[0].type
    let width = plan.columns.count
    guard right.readsApplied else {
      let row = right.hasExactlyOneRow ? right : .singleRow(right, range)
      plan = join(.inner, plan, row, keys: [], residual: nil)
      return .column(width, type, range)
    }
    let found = try decorrelated(right, &plan)
    let kind: JoinKind = found.isUnique ? .left : .leftSingle
    guard let defaults = found.defaults, !defaults[0].isNullLiteral else {
      plan = join(kind, plan, found)
      return .column(width + found.positions[0], type, range)
    }
    // A count over no rows is 0, not NULL: a marker tells rows with a partner from rows without.
    var marked = found
    let marker = found.plan.columns.count
    marked.plan = .project(
      found.plan,
      LogicalPlan.passingColumns(of: found.plan) + [NamedExpression(.literal(.boolean(true), range), name: "matched")])
    plan = join(kind, plan, marked)
    return .caseWhen(
      [CaseBranch(condition: .isNull(.column(width + marker, .boolean, range), range), result: defaults[0])],
      otherwise: .column(width + found.positions[0], type, range), type: type, range)
  }

  /// Whether the subquery has a row.
  func exists(_ right: LogicalPlan, to plan: inout LogicalPlan) throws(SQLError) -> BoundExpression {
    guard let rows = right.strippedForExistence else { return .literal(.boolean(true), range) }
    let width = plan.columns.count
    guard rows.readsApplied else {
      // Counting one row answers for all rows at once.
      let count = try binder.aggregateFunction("count", [], range: range)
      let node = AggregateNode(
        input: .limit(rows, offset: 0, count: 1), keys: [], groupingSets: [[]],
        aggregates: [AggregateCall(function: count, arguments: [], name: "count", range: range)])
      plan = join(.inner, plan, .aggregate(node), keys: [], residual: nil)
      return try binder.call(
        "<>", [.column(width, .bigint, range), .literal(.bigint(0), range)], range: range)
    }
    let found = try decorrelated(rows, &plan)
    if found.defaults != nil { return .literal(.boolean(true), range) }
    plan = join(.mark, plan, found)
    return .column(width, .boolean, range)
  }

  /// `value IN (right)` for a subquery that does not depend on the row.
  func membership(_ value: BoundExpression, _ right: LogicalPlan, to plan: inout LogicalPlan) -> BoundExpression {
    let width = plan.columns.count
    let key = JoinKey(left: value, right: .column(0, right.columns[0].type, range))
    plan = .join(
      JoinNode(kind: .mark, left: plan, right: right, keys: [key], residual: nil, isNullAware: true, range: range))
    return .column(width, .boolean, range)
  }

  /// Whether `condition` (applied columns and the subquery's) is true for any row.
  func matches(
    _ condition: BoundExpression, _ right: LogicalPlan, to plan: inout LogicalPlan
  ) throws(SQLError) -> BoundExpression {
    let width = plan.columns.count
    var found = right.readsApplied ? try decorrelated(right, &plan) : Decorrelated(unrelated: right)
    if found.defaults != nil { found = try PushDown(binder: binder, range: range).run(right, &plan) }
    found.terms += condition.mappingColumns { found.positions[$0] }.conjuncts
    plan = join(.mark, plan, found)
    return .column(width, .boolean, range)
  }

  /// `plan CROSS|LEFT JOIN LATERAL right ON condition`. Output: the plan's columns, then the subquery's.
  func lateral(
    _ right: LogicalPlan, to plan: LogicalPlan, keepsLeft: Bool, condition: BoundExpression?
  ) throws(SQLError) -> LogicalPlan {
    if condition == nil, let streamed = StreamedLateral.plan(right, on: plan, keepsLeft: keepsLeft) { return streamed }
    var left = plan
    let width = plan.columns.count
    let columns = right.columns
    var found = right.readsApplied ? try decorrelated(right, &left) : Decorrelated(unrelated: right)
    // With a condition of its own the join must see the rows of empty groups, which only `PushDown` makes.
    if condition != nil, found.defaults != nil {
      left = plan
      found = try PushDown(binder: binder, range: range).run(right, &left)
    }
    if let condition {
      let positions = found.positions
      let moved = condition.replacing { node -> BoundExpression? in
        guard case .column(let index, let type, let range) = node else { return nil }
        return index < width
          ? .outerColumn(level: Placeholder.applied, index: index, type, range)
          : .column(positions[index - width], type, range)
      }
      found.terms += moved.conjuncts
    }
    // A global aggregate has a row for every left row, also where no group was found.
    let kind: JoinKind = keepsLeft || found.defaults != nil ? .left : .inner
    var marker: Int?
    if let defaults = found.defaults, defaults.contains(where: { !$0.isNullLiteral }) {
      marker = width + found.plan.columns.count
      found.plan = .project(
        found.plan,
        LogicalPlan.passingColumns(of: found.plan) + [NamedExpression(.literal(.boolean(true), range), name: "matched")])
    }
    let joined = join(kind, left, found)
    var outputs = Array(LogicalPlan.passingColumns(of: joined).prefix(width))
    for (index, column) in columns.enumerated() {
      var value = BoundExpression.column(width + found.positions[index], column.type, range)
      if let marker, let defaults = found.defaults, !defaults[index].isNullLiteral {
        value = .caseWhen(
          [CaseBranch(condition: .isNull(.column(marker, .boolean, range), range), result: defaults[index])],
          otherwise: value, type: column.type, range)
      }
      outputs.append(NamedExpression(value, name: column.name))
    }
    return .project(joined, outputs)
  }

  // MARK: Joining

  private func decorrelated(_ right: LogicalPlan, _ plan: inout LogicalPlan) throws(SQLError) -> Decorrelated {
    if let found = try PullUp(binder: binder, range: range).run(right) { return found }
    return try PushDown(binder: binder, range: range).run(right, &plan)
  }

  private func join(_ kind: JoinKind, _ left: LogicalPlan, _ right: Decorrelated) -> LogicalPlan {
    var keys: [JoinKey] = right.keys
    var rest: [BoundExpression] = []
    let width = left.columns.count
    for term in right.terms {
      if let equality = CorrelatedEquality(term) {
        keys.append(
          JoinKey(
            left: equality.outer.joined(leftWidth: width), right: equality.inner, matchesNulls: equality.matchesNulls))
      } else {
        rest.append(term.joined(leftWidth: width))
      }
    }
    let joined = join(kind, left, right.plan, keys: keys, residual: BoundExpression.conjunction(rest))
    guard let shared = right.shared else { return joined }
    return .commonTable(id: shared.id, name: shared.name, definition: shared.definition, body: joined)
  }

  private func join(
    _ kind: JoinKind, _ left: LogicalPlan, _ right: LogicalPlan, keys: [JoinKey], residual: BoundExpression?
  ) -> LogicalPlan {
    .join(JoinNode(kind: kind, left: left, right: right, keys: keys, residual: residual, range: range))
  }
}

/// A subquery that no longer depends on the row, and the conditions that tie it to one.
struct Decorrelated {
  var plan: LogicalPlan
  /// Where the subquery's own columns are among the plan's.
  var positions: [Int]
  /// Over the plan's columns and applied columns.
  var terms: [BoundExpression]
  /// Left: over the columns of the query around. Right: over the plan's.
  var keys: [JoinKey] = []
  /// A global aggregate was turned into a grouped one: what each of the subquery's columns is for a row without a group.
  var defaults: [BoundExpression]?
  /// At most one row of the plan fits each row.
  var isUnique: Bool
  /// The query around, kept once because the plan reads it too.
  var shared: Shared?

  struct Shared {
    let id: Int
    let name: String
    let definition: LogicalPlan
  }

  init(
    plan: LogicalPlan, positions: [Int], terms: [BoundExpression], keys: [JoinKey] = [],
    defaults: [BoundExpression]? = nil, isUnique: Bool
  ) {
    self.plan = plan
    self.positions = positions
    self.terms = terms
    self.keys = keys
    self.defaults = defaults
    self.isUnique = isUnique
  }

  init(unrelated plan: LogicalPlan) {
    self.init(plan: plan, positions: Array(plan.columns.indices), terms: [], isUnique: plan.hasExactlyOneRow)
  }
}

/// `applied expression = own expression`, either way around.
struct CorrelatedEquality {
  var outer: BoundExpression
  var inner: BoundExpression
  var matchesNulls = false

  init?(_ term: BoundExpression) {
    var call = term
    if case .not(let inner, _) = term {
      guard case .call(let function, _, _) = inner, function.name == OperatorName.isDistinctFrom else { return nil }
      matchesNulls = true
      call = inner
    }
    guard case .call(let function, let arguments, _) = call, arguments.count == 2,
      matchesNulls || function.name == "="
    else { return nil }
    for (outer, inner) in [(arguments[0], arguments[1]), (arguments[1], arguments[0])]
    where outer.readsApplied && !outer.readsOwnColumns && inner.readsOwnColumns && !inner.readsApplied {
      self.outer = outer
      self.inner = inner
      return
    }
    return nil
  }
}

extension BoundExpression {
  package var isNullLiteral: Bool { literalValue?.isNull ?? false }
}

extension LogicalPlan {
  /// One row whatever the data holds.
  var hasExactlyOneRow: Bool {
    switch self {
    case .aggregate(let node): node.groupingSets == [[]]
    case .values(let rows, _): rows.count == 1
    case .singleRow: true
    case .project(let input, _), .sort(let input, _): input.hasExactlyOneRow
    case .commonTable(_, _, _, let body): body.hasExactlyOneRow
    case .window(let node): node.input.hasExactlyOneRow
    case .pivot(let node): node.keys.isEmpty
    case .join(let node):
      switch node.kind {
      case .inner: node.keys.isEmpty && node.residual == nil && node.left.hasExactlyOneRow && node.right.hasExactlyOneRow
      case .mark, .leftSingle: node.left.hasExactlyOneRow
      case .left, .right, .full, .semi, .anti, .nullAwareAnti: false
      }
    case .scan, .filter, .topN, .limit, .unionAll, .setOperation, .unnest, .commonTableScan, .recursive, .sample: false
    }
  }

  /// A plan that has rows exactly when this one has, without what only shapes them; nil when there always are some.
  fileprivate var strippedForExistence: LogicalPlan? {
    if hasExactlyOneRow { return nil }
    switch self {
    case .project(let input, _), .sort(let input, _): return input.strippedForExistence
    case .limit(let input, 0, let count) where count ?? 1 > 0: return input.strippedForExistence
    case .topN(let input, _, 0, let count, _) where count > 0: return input.strippedForExistence
    case .aggregate(let node) where node.groupingSets.count == 1 && !node.groupingSets[0].isEmpty:
      return node.input.strippedForExistence
    case .window(let node): return node.input.strippedForExistence
    default: return self
    }
  }
}
