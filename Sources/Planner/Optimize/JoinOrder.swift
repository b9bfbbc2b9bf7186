import Columnar
import Functions
import SQLSyntax

/// Chooses the order of inner joins and the side of outer ones: the executor builds its hash table on the right input, so the smaller side
/// goes there, and no cross product is made while a condition connects.
///
/// Sizes are estimates from `TableStatistics`; where they are unknown the order of the script stays, except for cross products.
struct JoinOrder {
  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    switch plan {
    case .join(let node) where node.kind == .inner: return ordered(node)
    case .join(var node):
      node.left = apply(node.left)
      node.right = apply(node.right)
      return swapped(node)
    default: return plan.mapInputs(apply)
    }
  }

  // MARK: Outer joins

  /// A left join whose left side is much smaller is a right join the other way around; a semi or anti join makes its table of the left side.
  private func swapped(_ node: JoinNode) -> LogicalPlan {
    guard !node.keys.isEmpty, let left = RowEstimate.of(node.left), let right = RowEstimate.of(node.right), left * Self.swapFactor < right
    else { return .join(node) }
    switch node.kind {
    case .semi, .anti:
      var result = node
      result.buildsLeft = true
      return .join(result)
    case .left, .right, .full: break
    case .inner, .nullAwareAnti, .mark, .leftSingle: return .join(node)
    }
    let rightWidth = node.right.columns.count
    var result = node.mirrored
    result.kind = node.kind == .left ? .right : node.kind == .right ? .left : .full
    let joined = LogicalPlan.join(result)
    let columns = LogicalPlan.passingColumns(of: joined)
    return .project(joined, Array(columns[rightWidth...] + columns[..<rightWidth]))
  }

  /// How much larger the build side must be before a swap is worth its projection.
  private static let swapFactor = 2.0

  // MARK: Inner joins

  /// One input of a tree of inner joins, with the place of its columns among all.
  private struct Leaf {
    var plan: LogicalPlan
    var offset: Int
    var width: Int
    var rows: Double?
  }

  private func ordered(_ node: JoinNode) -> LogicalPlan {
    var leaves: [Leaf] = []
    var terms: [Term] = []
    var offset = 0
    collect(.join(node), &leaves, &terms, &offset)
    let order = chosenOrder(leaves, terms)
    return built(order, leaves, terms, width: offset)
  }

  /// A condition of the tree, over the columns of all leaves.
  private struct Term {
    enum Content {
      case key(JoinKey)
      case condition(BoundExpression)
    }
    var content: Content
    var leaves: Set<Int>
  }

  private func collect(_ plan: LogicalPlan, _ leaves: inout [Leaf], _ terms: inout [Term], _ offset: inout Int) {
    guard case .join(let node) = plan, node.kind == .inner else {
      let own = apply(plan)
      let width = own.columns.count
      leaves.append(Leaf(plan: own, offset: offset, width: width, rows: RowEstimate.of(own)))
      offset += width
      return
    }
    let start = offset
    collect(node.left, &leaves, &terms, &offset)
    let middle = offset
    collect(node.right, &leaves, &terms, &offset)
    func leafSet(_ columns: Set<Int>) -> Set<Int> {
      Set(columns.compactMap { column in leaves.lastIndex { $0.offset <= column && $0.width > 0 && column < $0.offset + $0.width } })
    }
    for key in node.keys {
      let moved = JoinKey(
        left: key.left.shiftingColumns(by: start), right: key.right.shiftingColumns(by: middle),
        matchesNulls: key.matchesNulls)
      terms.append(
        Term(content: .key(moved), leaves: leafSet(moved.left.columnIndices.union(moved.right.columnIndices))))
    }
    for term in node.residual?.conjuncts ?? [] {
      let moved = term.shiftingColumns(by: start)
      terms.append(Term(content: .condition(moved), leaves: leafSet(moved.columnIndices)))
    }
  }

  /// Greedy: the largest input first (it streams through), then always the smallest that a key connects; without one, the next of the
  /// script.
  private func chosenOrder(_ leaves: [Leaf], _ terms: [Term]) -> [Int] {
    guard leaves.count > 1, leaves.count <= Self.maxLeaves else { return Array(leaves.indices) }
    let isKnown = leaves.allSatisfy { $0.rows != nil }
    func rows(_ leaf: Int) -> Double { leaves[leaf].rows ?? 0 }
    var connected: [Set<Int>] = Array(repeating: [], count: leaves.count)
    for term in terms where term.leaves.count > 1 {
      if case .key = term.content { for leaf in term.leaves { connected[leaf].formUnion(term.leaves) } }
    }
    var first = 0
    if isKnown { for leaf in leaves.indices where rows(leaf) > rows(first) { first = leaf } }
    var order = [first]
    var reachable = connected[first]
    var left = Set(leaves.indices).subtracting([first])
    while !left.isEmpty {
      let candidates = left.filter { reachable.contains($0) }.sorted()
      let pool = candidates.isEmpty ? left.sorted() : candidates
      var best = pool[0]
      if isKnown { for leaf in pool where rows(leaf) < rows(best) { best = leaf } }
      order.append(best)
      left.remove(best)
      reachable.formUnion(connected[best])
    }
    return order
  }

  /// Greedy choice is quadratic in the inputs.
  private static let maxLeaves = 64

  /// A left-deep tree in the given order, every condition at the first join that has its columns, and the columns in their old order.
  private func built(_ order: [Int], _ leaves: [Leaf], _ terms: [Term], width: Int) -> LogicalPlan {
    var plan = leaves[order[0]].plan
    var present: Set<Int> = [order[0]]
    /// Where each column of the script's order is now.
    var positions = [Int](repeating: 0, count: width)
    func place(_ leaf: Leaf, at start: Int) {
      for column in 0..<leaf.width { positions[leaf.offset + column] = start + column }
    }
    place(leaves[order[0]], at: 0)
    var builtWidth = leaves[order[0]].width
    var used = [Bool](repeating: false, count: terms.count)
    for next in order.dropFirst() {
      let leaf = leaves[next]
      place(leaf, at: builtWidth)
      present.insert(next)
      var node = JoinNode(
        kind: .inner, left: plan, right: leaf.plan, keys: [], residual: nil, range: .unknown)
      var residual: [BoundExpression] = []
      for (number, term) in terms.enumerated() where !used[number] && term.leaves.isSubset(of: present) {
        used[number] = true
        switch term.content {
        case .condition(let condition): residual.append(condition.mappingColumns { positions[$0] })
        case .key(let key):
          let left = key.left.mappingColumns { positions[$0] }
          let right = key.right.mappingColumns { positions[$0] }
          // The side that reads only the new input is the right one.
          let leftSide = JoinSide(left.columnIndices, leftWidth: builtWidth)
          let rightSide = JoinSide(right.columnIndices, leftWidth: builtWidth)
          switch (leftSide, rightSide) {
          case (.left, .right):
            node.keys.append(
              JoinKey(left: left, right: right.shiftingColumns(by: -builtWidth), matchesNulls: key.matchesNulls))
          case (.right, .left):
            node.keys.append(
              JoinKey(left: right, right: left.shiftingColumns(by: -builtWidth), matchesNulls: key.matchesNulls))
          default:
            residual.append(equality(left, right, key.matchesNulls))
          }
        }
      }
      node.residual = BoundExpression.conjunction(residual)
      plan = .join(node)
      builtWidth += leaf.width
    }
    if positions == Array(0..<width) { return plan }
    let columns = plan.columns
    return .project(
      plan,
      positions.map { NamedExpression(.column($0, columns[$0].type, .unknown), name: columns[$0].name) })
  }

  /// A key that an order made a condition of.
  private func equality(_ left: BoundExpression, _ right: BoundExpression, _ matchesNulls: Bool) -> BoundExpression {
    let name = matchesNulls ? OperatorName.isDistinctFrom : "="
    guard let function = try? FunctionLibrary.standard.resolveScalar(name, [left.type, right.type]) else {
      preconditionFailure("join keys have comparable types")
    }
    let call = BoundExpression.call(function, [left, right], left.range)
    return matchesNulls ? .not(call, left.range) : call
  }
}

/// Rough row counts, for choosing between plans only.
enum RowEstimate {
  /// Nil when a table below does not know.
  static func of(_ plan: LogicalPlan) -> Double? {
    switch plan {
    case .scan(let node): return node.table.statistics.rowCount.map(Double.init)
    case .values(let rows, _): return Double(rows.count)
    case .filter(let input, let predicate):
      return of(input).map { rows in
        predicate.conjuncts.reduce(rows) { $0 * selectivity($1) }
      }
    case .project(let input, _), .sort(let input, _): return of(input)
    case .window(let node): return of(node.input)
    case .aggregate(let node):
      if node.keys.isEmpty { return 1 }
      // Groups are fewer than rows; a distinct keeps more of them.
      return of(node.input).map { $0 * (node.aggregates.isEmpty ? 0.5 : 0.1) }
    case .pivot(let node): return node.keys.isEmpty ? 1 : of(node.input).map { $0 / Double(max(1, node.cells.count)) }
    case .join(let node):
      switch node.kind {
      case .semi, .anti, .nullAwareAnti: return of(node.left).map { $0 * 0.5 }
      case .mark, .leftSingle: return of(node.left)
      case .inner, .left, .right, .full:
        guard let left = of(node.left), let right = of(node.right) else { return nil }
        return node.keys.isEmpty ? left * right : max(left, right)
      }
    case .topN(let input, _, _, let count, _): return min(Double(count), of(input) ?? Double(count))
    case .limit(let input, _, let count):
      guard let count else { return of(input) }
      return min(Double(count), of(input) ?? Double(count))
    case .unionAll(let inputs):
      var total = 0.0
      for input in inputs {
        guard let rows = of(input) else { return nil }
        total += rows
      }
      return total
    case .setOperation(_, _, let left, _): return of(left)
    case .unnest(let node): return of(node.input).map { $0 * 4 }
    case .singleRow: return 1
    case .commonTable(_, _, _, let body): return of(body)
    case .commonTableScan, .recursive: return nil
    case .sample(let input, let fraction): return of(input).map { $0 * fraction }
    }
  }

  private static func selectivity(_ term: BoundExpression) -> Double {
    switch term {
    case .call(let function, _, _): function.name == "=" ? 0.1 : 0.3
    case .inList(_, let list, _): min(0.5, 0.1 * Double(list.count))
    case .isNull: 0.1
    default: 0.5
    }
  }
}
