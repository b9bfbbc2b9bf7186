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
  fileprivate static let swapFactor = 2.0

  // MARK: Inner joins

  /// One input of a tree of inner joins, with the place of its columns among all.
  fileprivate struct Leaf {
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
    return JoinTree(leaves, terms, width: offset).plan
  }

  /// A condition of the tree, over the columns of all leaves.
  fileprivate struct Term {
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
}

/// An order for the inputs of inner joins, and the plan that follows it.
///
/// The largest input streams through the hash tables of the others, always the smallest first that a key connects; where few of its rows are
/// left, they become a hash table themselves, for the next input to stream through. What hangs on another input
/// alone (customers on orders, nations on customers) is joined to that one before: its table then has the rows that are left, and tells the
/// larger scan to read fewer.
private struct JoinTree {
  typealias Leaf = JoinOrder.Leaf
  typealias Term = JoinOrder.Term

  private let leaves: [Leaf]
  private let terms: [Term]
  private let width: Int
  /// By leaf: those that a key connects with it.
  private var connected: [Set<Int>]

  init(_ leaves: [Leaf], _ terms: [Term], width: Int) {
    self.leaves = leaves
    self.terms = terms
    self.width = width
    connected = Array(repeating: [], count: leaves.count)
    for term in terms where term.leaves.count > 1 {
      if case .key = term.content { for leaf in term.leaves { connected[leaf].formUnion(term.leaves.subtracting([leaf])) } }
    }
  }

  var plan: LogicalPlan {
    var used = [Bool](repeating: false, count: terms.count)
    var hung: [Int: [Int]] = [:]
    let order = order(&hung)
    var part = part(order[0], hung, &used)
    for leaf in order.dropFirst() {
      let next = self.part(leaf, hung, &used)
      part = isMuchSmaller(part, than: next) ? joined(next, part, &used) : joined(part, next, &used)
    }
    return inScriptOrder(part)
  }

  /// Whether so few rows are left of what has been joined that the next input is to stream past them.
  private func isMuchSmaller(_ part: Part, than next: Part) -> Bool {
    guard let rows = RowEstimate.of(part.plan), let others = RowEstimate.of(next.plan) else { return false }
    return rows * JoinOrder.swapFactor < others
  }

  // MARK: The order

  /// Leaves in the order in which they are joined.
  ///
  /// - Parameter hung: for leaves, those that are joined to them first; they are not in the order.
  private func order(_ hung: inout [Int: [Int]]) -> [Int] {
    guard leaves.count > 1, leaves.count <= Self.maxLeaves else { return Array(leaves.indices) }
    let known = leaves.compactMap(\.rows)
    guard known.count == leaves.count else { return greedy(from: 0, Array(leaves.indices), connected, rows: nil) }
    var rows = known
    var first = 0
    for leaf in leaves.indices where rows[leaf] > rows[first] { first = leaf }
    var connected = connected
    var left = Set(leaves.indices)
    while let leaf = left.sorted().first(where: { leaf in
      guard leaf != first, connected[leaf].count == 1, let only = connected[leaf].first, only != first else { return false }
      return rows[leaf] <= rows[only]
    }), let only = connected[leaf].first {
      hung[only, default: []].append(leaf)
      rows[only] = max(1, rows[only] * min(1, rows[leaf] / max(1, RowEstimate.unfiltered(leaves[leaf].plan) ?? rows[leaf])))
      connected[only].remove(leaf)
      left.remove(leaf)
    }
    return greedy(from: first, left.sorted(), connected, rows: rows)
  }

  /// Always the smallest that a key connects; without one, or without sizes, the next of the script.
  private func greedy(from first: Int, _ all: [Int], _ connected: [Set<Int>], rows: [Double]?) -> [Int] {
    var order = [first]
    var reachable = connected[first]
    var left = Set(all).subtracting([first])
    while !left.isEmpty {
      let candidates = left.filter { reachable.contains($0) }.sorted()
      let pool = candidates.isEmpty ? left.sorted() : candidates
      var best = pool[0]
      if let rows { for leaf in pool where rows[leaf] < rows[best] { best = leaf } }
      order.append(best)
      left.remove(best)
      reachable.formUnion(connected[best])
    }
    return order
  }

  /// Greedy choice is quadratic in the inputs.
  private static let maxLeaves = 64

  // MARK: The plan

  /// Some leaves, joined.
  private struct Part {
    var plan: LogicalPlan
    /// By leaf: the place of its first column.
    var starts: [Int: Int]
    var width: Int
  }

  private func part(_ leaf: Int, _ hung: [Int: [Int]], _ used: inout [Bool]) -> Part {
    var part = Part(plan: leaves[leaf].plan, starts: [leaf: 0], width: leaves[leaf].width)
    for other in hung[leaf] ?? [] { part = joined(part, self.part(other, hung, &used), &used) }
    return part
  }

  /// Every condition goes to the first join that has its columns.
  private func joined(_ left: Part, _ right: Part, _ used: inout [Bool]) -> Part {
    let starts = left.starts.merging(right.starts.mapValues { $0 + left.width }) { first, _ in first }
    let places = columnPlaces(starts)
    var node = JoinNode(kind: .inner, left: left.plan, right: right.plan, keys: [], residual: nil, range: .unknown)
    var residual: [BoundExpression] = []
    for (number, term) in terms.enumerated() where !used[number] && term.leaves.allSatisfy({ starts[$0] != nil }) {
      used[number] = true
      switch term.content {
      case .condition(let condition): residual.append(condition.mappingColumns { places[$0] })
      case .key(let key):
        let first = key.left.mappingColumns { places[$0] }
        let second = key.right.mappingColumns { places[$0] }
        switch (JoinSide(first.columnIndices, leftWidth: left.width), JoinSide(second.columnIndices, leftWidth: left.width)) {
        case (.left, .right):
          node.keys.append(JoinKey(left: first, right: second.shiftingColumns(by: -left.width), matchesNulls: key.matchesNulls))
        case (.right, .left):
          node.keys.append(JoinKey(left: second, right: first.shiftingColumns(by: -left.width), matchesNulls: key.matchesNulls))
        default: residual.append(equality(first, second, key.matchesNulls))
        }
      }
    }
    node.residual = BoundExpression.conjunction(residual)
    return Part(plan: .join(node), starts: starts, width: left.width + right.width)
  }

  /// Where each column of the script's order is; those of leaves that are not there have no meaning.
  private func columnPlaces(_ starts: [Int: Int]) -> [Int] {
    var places = [Int](repeating: 0, count: width)
    for (leaf, start) in starts {
      for column in 0..<leaves[leaf].width { places[leaves[leaf].offset + column] = start + column }
    }
    return places
  }

  private func inScriptOrder(_ part: Part) -> LogicalPlan {
    let places = columnPlaces(part.starts)
    if places == Array(0..<width) { return part.plan }
    let columns = part.plan.columns
    return .project(
      part.plan, places.map { NamedExpression(.column($0, columns[$0].type, .unknown), name: columns[$0].name) })
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
        predicate.conjuncts.reduce(rows) { $0 * selectivity($1, input) }
      }
    case .project(let input, _), .sort(let input, _): return of(input)
    case .window(let node): return of(node.input)
    case .aggregate(let node):
      if node.keys.isEmpty { return 1 }
      guard let rows = of(node.input) else { return nil }
      var groups = 1.0
      for key in node.keys {
        // Groups are fewer than rows; a distinct keeps more of them.
        guard let count = node.input.distinctCount(of: key.expression) else {
          return rows * (node.aggregates.isEmpty ? 0.5 : node.keys.count == 1 ? 0.1 : 0.3)
        }
        groups *= max(1, count)
      }
      return min(rows, groups)
    case .pivot(let node): return node.keys.isEmpty ? 1 : of(node.input).map { $0 / Double(max(1, node.cells.count)) }
    case .join(let node):
      switch node.kind {
      case .semi:
        // As along a foreign key: the rows whose partner has not been filtered away.
        let kept = of(node.right).flatMap { rows in unfiltered(node.right).map { rows / max(1, $0) } } ?? 0.5
        return of(node.left).map { $0 * min(0.5, kept) }
      case .anti, .nullAwareAnti: return of(node.left).map { $0 * 0.5 }
      case .mark, .leftSingle: return of(node.left)
      case .inner, .left, .right, .full:
        guard let left = of(node.left), let right = of(node.right) else { return nil }
        if node.keys.isEmpty { return left * right }
        if node.kind == .inner, let values = distinctKeys(node) { return max(1, left * right / values) }
        guard node.kind == .inner, let leftBase = unfiltered(node.left), let rightBase = unfiltered(node.right) else { return max(left, right) }
        // As along a foreign key: each row of the larger side has one in the smaller, if that has not been filtered away.
        return max(1, left * right / max(1, min(leftBase, rightBase)))
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

  /// Rows without any filter: the most that a key of the plan's rows can have values.
  static func unfiltered(_ plan: LogicalPlan) -> Double? {
    switch plan {
    case .filter(let input, _), .project(let input, _), .sort(let input, _): unfiltered(input)
    case .join(let node):
      switch node.kind {
      case .semi, .anti, .nullAwareAnti, .mark, .leftSingle: unfiltered(node.left)
      case .inner, .left, .right, .full:
        unfiltered(node.left).flatMap { left in unfiltered(node.right).map { max(left, $0) } }
      }
    default: of(plan)
    }
  }

  /// By how much the best key of a join tells rows apart: of two sides with different numbers of values the smaller has them all in common.
  private static func distinctKeys(_ node: JoinNode) -> Double? {
    node.keys.compactMap { key -> Double? in
      guard let left = node.left.distinctCount(of: key.left), let right = node.right.distinctCount(of: key.right) else { return nil }
      return max(1, left, right)
    }.max()
  }

  private static func selectivity(_ term: BoundExpression, _ input: LogicalPlan) -> Double {
    switch term {
    case .call(let function, let arguments, _):
      guard function.name == "=" else { return function.name == "like" ? 0.05 : 0.3 }
      return arguments.compactMap { input.distinctCount(of: $0) }.max().map { 1 / max(1, $0) } ?? 0.1
    case .inList(let value, let list, _):
      return input.distinctCount(of: value).map { min(1, Double(list.count) / max(1, $0)) } ?? min(0.5, 0.1 * Double(list.count))
    case .isNull: return 0.1
    default: return 0.5
    }
  }
}
