import Columnar
import Functions
import SQLSyntax

/// Lifts the conditions that read the row a subquery is applied to up to the top of the subquery, where they become join conditions.
///
/// ```
/// aggregate [] max(x)                 aggregate [k] max(x)      term: applied t.k = k
///   filter k = applied t.k      =>      scan s (k, x)
///     scan s (k, x)
/// ```
///
/// An aggregate, a limit or a window on the way is computed per value of the lifted columns instead of per row, which is right when every
/// lifted condition is an equality.
struct PullUp {
  let binder: Binder
  let range: SourceRange

  /// Nil when the plan has a shape that conditions cannot be lifted through.
  func run(_ plan: LogicalPlan) throws(SQLError) -> Decorrelated? {
    guard plan.readsApplied else { return Decorrelated(unrelated: plan) }
    switch plan {
    case .filter(let input, let predicate): return try filter(input, predicate)
    case .project(let input, let expressions): return try project(input, expressions)
    case .aggregate(let node): return try aggregate(node)
    case .join(let node): return try join(node)
    case .sort(let input, _): return try run(input)
    case .limit(let input, let offset, let count):
      return try limited(input, [], offset: offset, count: count)
    case .topN(let input, let keys, let offset, let count, let withTies):
      return withTies ? nil : try limited(input, keys, offset: offset, count: count)
    case .window(let node): return try window(node)
    case .unnest(let node): return try unnest(node)
    case .commonTable(let id, let name, let definition, let body):
      guard !definition.readsApplied, var found = try run(body) else { return nil }
      found.plan = .commonTable(id: id, name: name, definition: definition, body: found.plan)
      return found
    case .scan, .values, .unionAll, .setOperation, .pivot, .singleRow, .commonTableScan, .recursive, .sample: return nil
    }
  }

  private func filter(_ input: LogicalPlan, _ predicate: BoundExpression) throws(SQLError) -> Decorrelated? {
    // A filter over a global aggregate may refuse the row of an empty group; only `PushDown` keeps such rows.
    guard var found = try run(input), found.defaults == nil else { return nil }
    var kept: [BoundExpression] = []
    let positions = found.positions
    for term in predicate.conjuncts {
      let moved = term.mappingColumns { positions[$0] }
      if moved.readsApplied { found.terms.append(moved) } else { kept.append(moved) }
    }
    if let condition = BoundExpression.conjunction(kept) { found.plan = .filter(found.plan, condition) }
    return found
  }

  private func project(_ input: LogicalPlan, _ expressions: [NamedExpression]) throws(SQLError) -> Decorrelated? {
    guard !expressions.contains(where: { $0.expression.readsApplied }), var found = try run(input) else { return nil }
    let positions = found.positions
    var outputs = expressions.map {
      NamedExpression($0.expression.mappingColumns { positions[$0] }, name: $0.name)
    }
    // The lifted conditions need their columns above the projection.
    var moved: [Int: Int] = [:]
    let columns = found.plan.columns
    for index in found.terms.reduce(into: Set<Int>(), { $1.collectColumns(into: &$0) }).sorted() {
      moved[index] = outputs.count
      outputs.append(NamedExpression(.column(index, columns[index].type, range), name: columns[index].name))
    }
    found.terms = found.terms.map { term in term.mappingColumns { moved[$0] ?? $0 } }
    found.defaults = found.defaults.map { defaults in
      expressions.map { $0.expression.substitutingColumns(defaults) }
    }
    found.plan = .project(found.plan, outputs)
    found.positions = Array(expressions.indices)
    return found
  }

  /// The lifted conditions, if all are equalities.
  private func equalities(_ found: Decorrelated) -> [CorrelatedEquality]? {
    var result: [CorrelatedEquality] = []
    for term in found.terms {
      guard let equality = CorrelatedEquality(term) else { return nil }
      result.append(equality)
    }
    return result
  }

  /// The same condition with its own side replaced by a column.
  private func term(_ equality: CorrelatedEquality, column: Int) throws(SQLError) -> BoundExpression {
    let own = BoundExpression.column(column, equality.inner.type, equality.inner.range)
    if equality.matchesNulls {
      return .not(try binder.call(OperatorName.isDistinctFrom, [equality.outer, own], range: range), range)
    }
    return try binder.call("=", [equality.outer, own], range: range)
  }

  private func aggregate(_ node: AggregateNode) throws(SQLError) -> Decorrelated? {
    guard node.groupingSets.count == 1, !LogicalPlan.aggregate(node).directlyReadsApplied,
      var found = try run(node.input), found.defaults == nil, let equalities = equalities(found)
    else { return nil }
    let positions = found.positions
    var moved = node
    guard case .aggregate(let mapped) = LogicalPlan.aggregate(node).mapExpressions({ $0.mappingColumns { positions[$0] } })
    else { return nil }
    moved = mapped
    moved.input = found.plan
    let keyCount = node.keys.count
    for (number, equality) in equalities.enumerated() {
      moved.keys.append(NamedExpression(equality.inner, name: "correlated\(number)"))
      moved.groupingSets[0].append(keyCount + number)
    }
    found.terms = []
    for (number, equality) in equalities.enumerated() {
      found.terms.append(try term(equality, column: keyCount + number))
    }
    found.positions =
      Array(0..<keyCount) + node.aggregates.indices.map { keyCount + equalities.count + $0 }
    if node.groupingSets[0].isEmpty {
      found.defaults = node.aggregates.map { $0.function.emptyValue(range) }
      found.isUnique = true
    } else {
      found.isUnique = false
    }
    found.plan = .aggregate(moved)
    return found
  }

  private func join(_ node: JoinNode) throws(SQLError) -> Decorrelated? {
    guard !node.keys.contains(where: { $0.left.readsApplied || $0.right.readsApplied }) else { return nil }
    let residual = node.residual?.conjuncts ?? []
    switch node.kind {
    case .inner: break
    case .left, .semi, .anti, .nullAwareAnti, .mark, .leftSingle:
      guard !node.right.readsApplied, !residual.contains(where: \.readsApplied) else { return nil }
    case .right, .full: return nil
    }
    guard let left = try run(node.left), left.defaults == nil, let right = try run(node.right), right.defaults == nil
    else { return nil }
    let leftWidth = left.plan.columns.count
    let oldLeftWidth = node.left.columns.count
    func moved(_ index: Int) -> Int {
      index < oldLeftWidth ? left.positions[index] : leftWidth + right.positions[index - oldLeftWidth]
    }
    var result = node
    result.left = left.plan
    result.right = right.plan
    result.keys = node.keys.map { key in
      JoinKey(
        left: key.left.mappingColumns { left.positions[$0] }, right: key.right.mappingColumns { right.positions[$0] },
        matchesNulls: key.matchesNulls)
    }
    var terms = left.terms + right.terms.map { $0.shiftingColumns(by: leftWidth) }
    var kept: [BoundExpression] = []
    for term in residual {
      let mapped = term.mappingColumns(moved)
      if mapped.readsApplied { terms.append(mapped) } else { kept.append(mapped) }
    }
    result.residual = BoundExpression.conjunction(kept)
    var positions = (0..<oldLeftWidth).map(moved)
    switch node.kind {
    case .mark: positions.append(leftWidth)
    case .semi, .anti, .nullAwareAnti: break
    case .inner, .left, .right, .full, .leftSingle:
      positions += node.right.columns.indices.map { moved(oldLeftWidth + $0) }
    }
    return Decorrelated(plan: .join(result), positions: positions, terms: terms, isUnique: false)
  }

  /// LIMIT per value of the lifted columns: numbers the rows of each and keeps the first.
  private func limited(
    _ input: LogicalPlan, _ keys: [SortKey], offset: Int, count: Int?
  ) throws(SQLError) -> Decorrelated? {
    var input = input
    var keys = keys
    if keys.isEmpty, case .sort(let below, let order) = input {
      input = below
      keys = order
    }
    // A projection that drops the columns of the sort stands between LIMIT and sort.
    if keys.isEmpty, case .project(.sort(let below, let order), let expressions) = input {
      guard let inner = try limited(below, order, offset: offset, count: count) else { return nil }
      return try projected(inner, expressions)
    }
    guard !keys.contains(where: { $0.expression.readsApplied }), var found = try run(input), found.defaults == nil,
      let equalities = equalities(found)
    else { return nil }
    let positions = found.positions
    let order = keys.map {
      SortKey($0.expression.mappingColumns { positions[$0] }, isDescending: $0.isDescending, nullsFirst: $0.nullsFirst)
    }
    found.plan = try binder.numbered(
      found.plan, partition: equalities.map(\.inner), order: order, offset: offset, count: count, range: range)
    found.isUnique = found.isUnique || count == 1
    return found
  }

  private func projected(_ found: Decorrelated, _ expressions: [NamedExpression]) throws(SQLError) -> Decorrelated? {
    guard !expressions.contains(where: { $0.expression.readsApplied }) else { return nil }
    var result = found
    let width = found.plan.columns.count
    result.plan = .project(
      found.plan,
      LogicalPlan.passingColumns(of: found.plan)
        + expressions.map { NamedExpression($0.expression.mappingColumns { found.positions[$0] }, name: $0.name) })
    result.positions = expressions.indices.map { width + $0 }
    return result
  }

  private func window(_ node: WindowNode) throws(SQLError) -> Decorrelated? {
    guard !LogicalPlan.window(node).directlyReadsApplied, var found = try run(node.input), found.defaults == nil,
      let equalities = equalities(found)
    else { return nil }
    let positions = found.positions
    guard case .window(var moved) = LogicalPlan.window(node).mapExpressions({ $0.mappingColumns { positions[$0] } })
    else { return nil }
    moved.input = found.plan
    moved.partition += equalities.map(\.inner)
    let width = found.plan.columns.count
    found.plan = .window(moved)
    found.positions += node.functions.indices.map { width + $0 }
    return found
  }

  private func unnest(_ node: UnnestNode) throws(SQLError) -> Decorrelated? {
    guard !LogicalPlan.unnest(node).directlyReadsApplied, var found = try run(node.input), found.defaults == nil
    else { return nil }
    let positions = found.positions
    var moved = node
    moved.input = found.plan
    moved.expressions = node.expressions.map { $0.mappingColumns { positions[$0] } }
    let width = found.plan.columns.count
    found.plan = .unnest(moved)
    found.positions += node.columns.indices.map { width + $0 }
    found.isUnique = false
    return found
  }
}

extension LogicalPlan {
  /// Whether an expression of this very node reads the applied row.
  var directlyReadsApplied: Bool {
    var found = false
    forEachExpression { found = found || $0.readsApplied }
    return found
  }
}

extension ResolvedAggregate {
  /// The result over no rows.
  func emptyValue(_ range: SourceRange) -> BoundExpression {
    switch name {
    case "entropy": .literal(.double(0), range)
    case "count", "count_if", "approx_distinct", "regr_count": .literal(Scalar(resultType, .int(0)), range)
    default: .literal(.null(resultType), range)
    }
  }
}

extension Binder {
  /// The rows after `offset`, at most `count`, of each partition.
  func numbered(
    _ plan: LogicalPlan, partition: [BoundExpression], order: [SortKey], offset: Int, count: Int?, range: SourceRange
  ) throws(SQLError) -> LogicalPlan {
    let function = try windowFunction("row_number", [], range: range)
    let column = BoundExpression.column(plan.columns.count, .bigint, range)
    let window = LogicalPlan.window(
      WindowNode(
        input: plan, partition: partition, order: order,
        functions: [WindowCall(function: function, arguments: [], frame: .standard, name: "row_number", range: range)]))
    var terms: [BoundExpression] = []
    if offset > 0 { terms.append(try call(">", [column, .literal(.bigint(Int64(offset)), range)], range: range)) }
    if let count {
      let (last, overflow) = offset.addingReportingOverflow(count)
      terms.append(
        try call("<=", [column, .literal(.bigint(Int64(overflow ? Int.max : last)), range)], range: range))
    }
    return BoundExpression.conjunction(terms).map { .filter(window, $0) } ?? window
  }
}
