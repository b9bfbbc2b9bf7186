import Columnar
import Functions
import SQLSyntax

/// Computes a correlated subquery for all different values of the columns it reads from the row it is applied to.
///
/// The *domain* is the set of those values: `D = SELECT DISTINCT columns FROM the query around`. It is pushed down the subquery to the
/// places that read it; every operator on the way works per domain value, and the result is joined back on the domain columns.
/// Source: Neumann and Kemper, "Unnesting Arbitrary Queries" (BTW 2015).
struct PushDown {
  let binder: Binder
  let range: SourceRange

  /// - Parameter plan: the query around. When it is costly to read twice it is replaced by a scan of a common table, whose definition
  ///   comes back in `Decorrelated.shared`.
  func run(_ right: LogicalPlan, _ plan: inout LogicalPlan) throws(SQLError) -> Decorrelated {
    var used: Set<Int> = []
    right.forEachNode { node in
      node.forEachExpression { expression in
        expression.forEachNode {
          if case .outerColumn(Placeholder.applied, let index, _, _) = $0 { used.insert(index) }
        }
      }
    }
    let columns = used.sorted()
    let outer = plan.columns
    var shared: Decorrelated.Shared?
    if !plan.isCheapToRepeat, !plan.hasAnyOuterColumns {
      let id = binder.makeCommonTableID()
      shared = Decorrelated.Shared(id: id, name: "outer\(id)", definition: plan)
      plan = .commonTableScan(id: id, name: "outer\(id)", columns: outer)
    }
    let domain = LogicalPlan.project(
      plan, columns.map { NamedExpression(.column($0, outer[$0].type, range), name: outer[$0].name) }
    ).distinct()
    let walk = DomainWalk(
      binder: binder, range: range, domain: domain, types: columns.map { outer[$0].type },
      numbers: Dictionary(uniqueKeysWithValues: columns.enumerated().map { ($1, $0) }))
    let pushed = try walk.push(right)
    let keys = columns.enumerated().map { number, column in
      JoinKey(
        left: .column(column, outer[column].type, range),
        right: .column(pushed.domain[number], outer[column].type, range), matchesNulls: true)
    }
    var result = Decorrelated(
      plan: pushed.plan, positions: pushed.positions, terms: [], keys: keys, isUnique: right.hasExactlyOneRow)
    result.shared = shared
    return result
  }
}

/// A part of a subquery, computed for every row of the domain.
private struct PushedPlan {
  var plan: LogicalPlan
  /// Where the columns of the original are.
  var positions: [Int]
  /// Where the domain's columns are.
  var domain: [Int]
}

private struct DomainWalk {
  let binder: Binder
  let range: SourceRange
  let domain: LogicalPlan
  let types: [SQLType]
  /// The domain column for a column of the query around.
  let numbers: [Int: Int]

  func push(_ plan: LogicalPlan) throws(SQLError) -> PushedPlan {
    let width = types.count
    guard plan.readsApplied else {
      return PushedPlan(
        plan: cross(domain, plan), positions: plan.columns.indices.map { width + $0 }, domain: Array(0..<width))
    }
    switch plan {
    case .values(let rows, let columns):
      // Every row of values becomes a projection of the domain.
      let inputs = rows.map { row in
        LogicalPlan.project(
          domain,
          zip(row, columns).map { NamedExpression(replaced($0, positions: [], domain: Array(0..<width)), name: $1.name) }
            + LogicalPlan.passingColumns(of: domain))
      }
      return PushedPlan(
        plan: inputs.count == 1 ? inputs[0] : .unionAll(inputs), positions: Array(columns.indices),
        domain: (0..<width).map { columns.count + $0 })
    case .filter(let input, let predicate):
      var pushed = try push(input)
      pushed.plan = .filter(pushed.plan, replaced(predicate, pushed))
      return pushed
    case .project(let input, let expressions):
      let pushed = try push(input)
      let outputs = expressions.map { NamedExpression(replaced($0.expression, pushed), name: $0.name) }
      return PushedPlan(
        plan: .project(pushed.plan, outputs + domainOutputs(pushed)), positions: Array(expressions.indices),
        domain: (0..<width).map { expressions.count + $0 })
    case .aggregate(let node): return try aggregate(node)
    case .pivot(let node): return try pivot(node)
    case .join(let node): return try join(node)
    case .sort(let input, _): return try push(input)
    case .limit(let input, let offset, let count):
      return try limited(input, [], offset: offset, count: count)
    case .topN(let input, let keys, let offset, let count, let withTies):
      guard !withTies else { throw unsupported("FETCH FIRST WITH TIES in it") }
      return try limited(input, keys, offset: offset, count: count)
    case .unionAll(let inputs):
      var aligned: [LogicalPlan] = []
      for input in inputs { aligned.append(try alignedPlan(input)) }
      return self.aligned(.unionAll(aligned), plan)
    case .setOperation(let kind, let isDistinct, let left, let right):
      let alignedLeft = try alignedPlan(left)
      return aligned(.setOperation(kind, isDistinct: isDistinct, alignedLeft, try alignedPlan(right)), plan)
    case .window(let node):
      let pushed = try push(node.input)
      guard case .window(var moved) = mapped(plan, pushed) else { throw unsupported("this window") }
      moved.input = pushed.plan
      moved.partition += domainColumns(pushed)
      let inputWidth = pushed.plan.columns.count
      return PushedPlan(
        plan: .window(moved), positions: pushed.positions + node.functions.indices.map { inputWidth + $0 },
        domain: pushed.domain)
    case .unnest(let node):
      let pushed = try push(node.input)
      var moved = node
      moved.input = pushed.plan
      moved.expressions = node.expressions.map { replaced($0, pushed) }
      let inputWidth = pushed.plan.columns.count
      return PushedPlan(
        plan: .unnest(moved), positions: pushed.positions + node.columns.indices.map { inputWidth + $0 },
        domain: pushed.domain)
    case .singleRow(let input, let place):
      // At most one row per domain value, a row of NULLs where there is none.
      let pushed = try push(input)
      let plan = LogicalPlan.join(
        JoinNode(
          kind: .leftSingle, left: domain, right: pushed.plan, keys: domainKeys(left: Array(0..<width), pushed.domain),
          residual: nil, range: place))
      return PushedPlan(plan: plan, positions: pushed.positions.map { width + $0 }, domain: Array(0..<width))
    case .sample(let input, let fraction):
      var pushed = try push(input)
      pushed.plan = .sample(pushed.plan, fraction: fraction)
      return pushed
    case .commonTable(let id, let name, let definition, let body):
      guard !definition.readsApplied else { throw unsupported("a WITH query that reads columns of the query around") }
      var pushed = try push(body)
      pushed.plan = .commonTable(id: id, name: name, definition: definition, body: pushed.plan)
      return pushed
    case .scan, .commonTableScan: throw unsupported("this relation")
    case .recursive: throw unsupported("a recursive query")
    }
  }

  private func unsupported(_ what: String) -> SQLError {
    SQLError.notSupported(
      "Given correlated subquery is not supported: \(what)", range: range, hint: "rewrite it as a join")
  }

  // MARK: Expressions

  /// Own columns to where they are now, applied ones to the domain's.
  private func replaced(_ expression: BoundExpression, positions: [Int], domain: [Int]) -> BoundExpression {
    switch expression {
    case .column(let index, let type, let range): return .column(positions[index], type, range)
    case .outerColumn(Placeholder.applied, let index, let type, let range):
      guard let number = numbers[index] else { return expression }
      return .column(domain[number], type, range)
    default: return expression.mapOperands { replaced($0, positions: positions, domain: domain) }
    }
  }

  private func replaced(_ expression: BoundExpression, _ pushed: PushedPlan) -> BoundExpression {
    replaced(expression, positions: pushed.positions, domain: pushed.domain)
  }

  private func mapped(_ node: LogicalPlan, _ pushed: PushedPlan) -> LogicalPlan {
    node.mapExpressions { replaced($0, pushed) }
  }

  private func domainColumns(_ pushed: PushedPlan) -> [BoundExpression] {
    zip(pushed.domain, types).map { .column($0, $1, range) }
  }

  private func domainOutputs(_ pushed: PushedPlan) -> [NamedExpression] {
    zip(domainColumns(pushed), domain.columns).map { NamedExpression($0, name: $1.name) }
  }

  private func domainKeys(left: [Int], _ right: [Int]) -> [JoinKey] {
    types.indices.map { number in
      JoinKey(
        left: .column(left[number], types[number], range), right: .column(right[number], types[number], range),
        matchesNulls: true)
    }
  }

  private func cross(_ left: LogicalPlan, _ right: LogicalPlan) -> LogicalPlan {
    // One row without columns adds nothing: UNNEST of an outer column stands over it.
    if case .values(let rows, let columns) = right, rows.count == 1, columns.isEmpty { return left }
    return crossJoin(left, right)
  }

  private func crossJoin(_ left: LogicalPlan, _ right: LogicalPlan) -> LogicalPlan {
    .join(JoinNode(kind: .inner, left: left, right: right, keys: [], residual: nil, range: range))
  }

  // MARK: Nodes

  private func aggregate(_ node: AggregateNode) throws(SQLError) -> PushedPlan {
    let pushed = try push(node.input)
    guard case .aggregate(var moved) = mapped(.aggregate(node), pushed) else { throw unsupported("this grouping") }
    moved.input = pushed.plan
    let width = types.count
    let keyCount = node.keys.count
    moved.keys += domainOutputs(pushed)
    moved.groupingSets = node.groupingSets.map { $0 + (0..<width).map { keyCount + $0 } }
    var positions = Array(0..<keyCount) + node.aggregates.indices.map { keyCount + width + $0 }
    if node.groupingSets.count > 1 { positions.append(keyCount + width + node.aggregates.count) }
    let grouped = PushedPlan(
      plan: .aggregate(moved), positions: positions, domain: (0..<width).map { keyCount + $0 })
    let empty = node.groupingSets.indices.filter { node.groupingSets[$0].isEmpty }
    guard let first = empty.first else { return grouped }
    guard empty.count == 1 else { throw unsupported("several empty grouping sets") }
    // The row of the empty set: no keys, aggregates over nothing, and the number of the set.
    var defaults = node.keys.map { BoundExpression.literal(.null($0.expression.type), range) }
    defaults += node.aggregates.map { $0.function.emptyValue(range) }
    if node.groupingSets.count > 1 { defaults.append(.literal(.bigint(Int64(first)), range)) }
    return withEmptyGroups(grouped, defaults: defaults)
  }

  private func pivot(_ node: PivotNode) throws(SQLError) -> PushedPlan {
    let pushed = try push(node.input)
    guard case .pivot(var moved) = mapped(.pivot(node), pushed) else { throw unsupported("this PIVOT") }
    moved.input = pushed.plan
    let width = types.count
    let keyCount = node.keys.count
    moved.keys += domainOutputs(pushed)
    let grouped = PushedPlan(
      plan: .pivot(moved), positions: Array(0..<keyCount) + node.cells.indices.map { keyCount + width + $0 },
      domain: (0..<width).map { keyCount + $0 })
    guard node.keys.isEmpty else { return grouped }
    return withEmptyGroups(grouped, defaults: node.cells.map { $0.aggregate.emptyValue(range) })
  }

  /// A global aggregate has a row for every domain value, also for those without input.
  private func withEmptyGroups(_ grouped: PushedPlan, defaults: [BoundExpression]) -> PushedPlan {
    let width = types.count
    let joined = LogicalPlan.join(
      JoinNode(
        kind: .left, left: domain, right: grouped.plan, keys: domainKeys(left: Array(0..<width), grouped.domain),
        residual: nil, range: range))
    let columns = joined.columns
    var outputs = Array(LogicalPlan.passingColumns(of: domain))
    for (position, empty) in zip(grouped.positions, defaults) {
      let column = BoundExpression.column(width + position, columns[width + position].type, range)
      let value: BoundExpression =
        empty.isNullLiteral ? column : .coalesce([column, empty], type: column.type, range)
      outputs.append(NamedExpression(value, name: columns[width + position].name))
    }
    return PushedPlan(
      plan: .project(joined, outputs), positions: defaults.indices.map { width + $0 }, domain: Array(0..<width))
  }

  private func join(_ original: JoinNode) throws(SQLError) -> PushedPlan {
    let rightReads = original.right.readsApplied
    let node = rightReads ? original : try withoutAppliedKeys(original)
    let width = types.count
    let conditionReads = LogicalPlan.join(node).directlyReadsApplied
    var result = node
    if !rightReads, node.kind != .right, node.kind != .full {
      // The domain goes to the left side, whose columns the conditions see.
      let left = try push(node.left)
      let leftWidth = left.plan.columns.count
      result.left = left.plan
      let positions = joinPositions(node, left: left.positions, leftWidth: leftWidth, right: Array(node.right.columns.indices))
      replaceConditions(&result, left: left, right: nil, leftWidth: leftWidth, oldLeftWidth: node.left.columns.count)
      return PushedPlan(plan: .join(result), positions: positions, domain: left.domain)
    }
    if !node.left.readsApplied, !conditionReads, node.kind == .inner || node.kind == .right {
      let right = try push(node.right)
      let leftWidth = node.left.columns.count
      result.right = right.plan
      replaceConditions(&result, left: nil, right: right, leftWidth: leftWidth, oldLeftWidth: leftWidth)
      return PushedPlan(
        plan: .join(result),
        positions: joinPositions(node, left: Array(0..<leftWidth), leftWidth: leftWidth, right: right.positions),
        domain: right.domain.map { leftWidth + $0 })
    }
    // Both sides are computed per domain value and joined on it.
    let left = try push(node.left)
    let right = try push(node.right)
    let leftWidth = left.plan.columns.count
    result.left = left.plan
    result.right = right.plan
    replaceConditions(&result, left: left, right: right, leftWidth: leftWidth, oldLeftWidth: node.left.columns.count)
    if node.isNullAware || node.kind == .nullAwareAnti { throw unsupported("NOT IN over a correlated subquery") }
    result.keys += domainKeys(left: left.domain, right.domain)
    let positions = joinPositions(node, left: left.positions, leftWidth: leftWidth, right: right.positions)
    guard node.kind == .right || node.kind == .full else {
      return PushedPlan(plan: .join(result), positions: positions, domain: left.domain)
    }
    // Rows of either side may be the only ones: take the domain value from the side that is there.
    let joined = LogicalPlan.join(result)
    var outputs = LogicalPlan.passingColumns(of: joined)
    let marker = leftWidth + right.plan.columns.count
    for number in 0..<width {
      outputs.append(
        NamedExpression(
          .coalesce(
            [
              .column(left.domain[number], types[number], range),
              .column(leftWidth + right.domain[number], types[number], range),
            ], type: types[number], range), name: domain.columns[number].name))
    }
    return PushedPlan(
      plan: .project(joined, outputs), positions: positions, domain: (0..<width).map { marker + $0 })
  }

  /// Keys whose right side reads the applied row become part of the residual when the domain goes to the left side: only the residual
  /// sees its columns there.
  private func withoutAppliedKeys(_ node: JoinNode) throws(SQLError) -> JoinNode {
    var result = node
    result.keys = []
    var terms = node.residual?.conjuncts ?? []
    let leftWidth = node.left.columns.count
    for key in node.keys {
      guard key.right.readsApplied else {
        result.keys.append(key)
        continue
      }
      if node.isNullAware || node.kind == .nullAwareAnti { throw unsupported("NOT IN over a correlated subquery") }
      let operands = [key.left, key.right.shiftingColumns(by: leftWidth)]
      terms.append(
        key.matchesNulls
          ? .not(try binder.call(OperatorName.isDistinctFrom, operands, range: range), range)
          : try binder.call("=", operands, range: range))
    }
    result.residual = BoundExpression.conjunction(terms)
    return result
  }

  private func joinPositions(_ node: JoinNode, left: [Int], leftWidth: Int, right: [Int]) -> [Int] {
    switch node.kind {
    case .semi, .anti, .nullAwareAnti: left
    case .mark: left + [leftWidth]
    case .inner, .left, .right, .full, .leftSingle: left + right.map { leftWidth + $0 }
    }
  }

  /// Rewrites keys and residual for moved inputs; nil for a side that stayed as it was.
  private func replaceConditions(
    _ node: inout JoinNode, left: PushedPlan?, right: PushedPlan?, leftWidth: Int, oldLeftWidth: Int
  ) {
    func position(_ index: Int) -> Int {
      if index < oldLeftWidth { return left?.positions[index] ?? index }
      let own = index - oldLeftWidth
      return leftWidth + (right?.positions[own] ?? own)
    }
    func domainPosition(_ number: Int) -> Int {
      left?.domain[number] ?? leftWidth + (right?.domain[number] ?? 0)
    }
    func moved(_ expression: BoundExpression) -> BoundExpression {
      switch expression {
      case .column(let index, let type, let range): return .column(position(index), type, range)
      case .outerColumn(Placeholder.applied, let index, let type, let range):
        guard let number = numbers[index] else { return expression }
        return .column(domainPosition(number), type, range)
      default: return expression.mapOperands(moved)
      }
    }
    node.residual = node.residual.map(moved)
    for i in node.keys.indices {
      if let left { node.keys[i].left = replaced(node.keys[i].left, left) }
      if let right { node.keys[i].right = replaced(node.keys[i].right, right) }
    }
  }

  private func limited(
    _ input: LogicalPlan, _ keys: [SortKey], offset: Int, count: Int?
  ) throws(SQLError) -> PushedPlan {
    var keys = keys
    var input = input
    var expressions: [NamedExpression]?
    if keys.isEmpty {
      switch input {
      case .sort(let below, let order): (input, keys) = (below, order)
      case .project(.sort(let below, let order), let outputs): (input, keys, expressions) = (below, order, outputs)
      default: break
      }
    }
    var pushed = try push(input)
    let order = keys.map {
      SortKey(replaced($0.expression, pushed), isDescending: $0.isDescending, nullsFirst: $0.nullsFirst)
    }
    pushed.plan = try binder.numbered(
      pushed.plan, partition: domainColumns(pushed), order: order, offset: offset, count: count, range: range)
    guard let expressions else { return pushed }
    let outputs = expressions.map { NamedExpression(replaced($0.expression, pushed), name: $0.name) }
    return PushedPlan(
      plan: .project(pushed.plan, outputs + domainOutputs(pushed)), positions: Array(expressions.indices),
      domain: types.indices.map { expressions.count + $0 })
  }

  // MARK: Unions

  /// The input for every domain value: its own columns first, then the domain's.
  private func alignedPlan(_ input: LogicalPlan) throws(SQLError) -> LogicalPlan {
    let pushed = try push(input)
    let columns = input.columns
    return .project(
      pushed.plan,
      columns.enumerated().map { NamedExpression(.column(pushed.positions[$0], $1.type, range), name: $1.name) }
        + domainOutputs(pushed))
  }

  private func aligned(_ plan: LogicalPlan, _ original: LogicalPlan) -> PushedPlan {
    let count = original.columns.count
    return PushedPlan(
      plan: plan, positions: Array(0..<count), domain: types.indices.map { count + $0 })
  }
}
