import Columnar
import Functions
import SQLSyntax

/// Removes columns that nobody reads, down to the scans, and projections that only pass columns on.
struct ProjectionPruning {
  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    let columns = plan.columns
    let all = Array(columns.indices)
    // A common table's definition is cut to what all its scans read, which is known after one walk.
    let needs = Pruner(phase: .collecting)
    _ = needs.prune(plan, Set(all))
    let pruner = Pruner(phase: .rewriting(needs.commonTableNeeds))
    let pruned = pruner.narrowed(plan, all)
    return merged(pruned)
  }

  /// One projection instead of two, where no work is repeated.
  private func merged(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedBottomUp { node in
      guard case .project(.project(let input, let inner), let outer) = node else { return node }
      var uses = [Int](repeating: 0, count: inner.count)
      for named in outer {
        named.expression.forEachNode { if case .column(let index, _, _) = $0 { uses[index] += 1 } }
      }
      for (number, named) in inner.enumerated() {
        switch named.expression {
        case .column, .literal: continue
        default: if uses[number] > 1 || !named.expression.isDeterministic { return node }
        }
      }
      let definitions = inner.map(\.expression)
      let expressions = outer.map {
        NamedExpression($0.expression.substitutingColumns(definitions), name: $0.name)
      }
      return input.isPassedOn(by: expressions) ? input : .project(input, expressions)
    }
  }
}

extension LogicalPlan {
  /// The projection has this plan's columns, in order and under their names.
  fileprivate func isPassedOn(by expressions: [NamedExpression]) -> Bool {
    let columns = self.columns
    return columns.count == expressions.count
      && zip(columns, expressions).enumerated().allSatisfy {
        $1.1.expression.columnIndex == $0 && $1.0.name == $1.1.name
      }
  }
}

/// One walk from the root. Class, because scans of common tables report to it from anywhere.
private final class Pruner {
  enum Phase {
    /// Only finds out what is read of common tables.
    case collecting
    /// Cuts them to the given columns.
    case rewriting([Int: Set<Int>])
  }

  let phase: Phase
  private(set) var commonTableNeeds: [Int: Set<Int>] = [:]
  /// Columns of cut common tables, and where the old ones are among them.
  private var layouts: [Int: (columns: [OutputColumn], positions: [Int])] = [:]

  init(phase: Phase) { self.phase = phase }

  /// A plan with at least the needed columns, and where they are; -1 for columns that are gone.
  typealias Pruned = (plan: LogicalPlan, positions: [Int])

  /// Exactly these columns of `plan`, in this order.
  func narrowed(_ plan: LogicalPlan, _ columns: [Int]) -> LogicalPlan {
    let names = plan.columns
    let pruned = prune(plan, Set(columns))
    let outputs = columns.map {
      NamedExpression(.column(pruned.positions[$0], names[$0].type, .unknown), name: names[$0].name)
    }
    return pruned.plan.isPassedOn(by: outputs) ? pruned.plan : .project(pruned.plan, outputs)
  }

  /// The needed columns and no others, in their old order.
  private func exactly(_ plan: LogicalPlan, _ needed: Set<Int>) -> Pruned {
    let columns = needed.sorted()
    var positions = [Int](repeating: -1, count: plan.columns.count)
    for (position, column) in columns.enumerated() { positions[column] = position }
    return (narrowed(plan, columns), positions)
  }

  private func columns(_ expressions: [BoundExpression], _ needed: Set<Int> = []) -> Set<Int> {
    var result = needed
    for expression in expressions { expression.collectColumns(into: &result) }
    return result
  }

  func prune(_ plan: LogicalPlan, _ needed: Set<Int>) -> Pruned {
    switch plan {
    case .scan(var scan):
      let kept = needed.sorted()
      var positions = [Int](repeating: -1, count: scan.columns.count)
      for (position, column) in kept.enumerated() { positions[column] = position }
      scan.tableColumns = kept.map { scan.tableColumns[$0] }
      scan.columns = kept.map { scan.columns[$0] }
      return (.scan(scan), positions)
    case .values(let rows, let columns):
      let kept = needed.sorted()
      var positions = [Int](repeating: -1, count: columns.count)
      for (position, column) in kept.enumerated() { positions[column] = position }
      return (.values(rows: rows.map { row in kept.map { row[$0] } }, columns: kept.map { columns[$0] }), positions)
    case .filter(let input, let predicate):
      let below = prune(input, columns([predicate], needed))
      return (.filter(below.plan, predicate.mappingColumns { below.positions[$0] }), below.positions)
    case .project(let input, let expressions): return project(input, expressions, needed)
    case .aggregate(let node): return aggregate(node, needed)
    case .pivot(let node): return pivot(node, needed)
    case .join(let node): return join(node, needed)
    case .sort(let input, let keys):
      let below = exactly(input, columns(keys.map(\.expression), needed))
      return (.sort(below.plan, moved(keys, below.positions)), below.positions)
    case .topN(let input, let keys, let offset, let count, let withTies):
      let below = exactly(input, columns(keys.map(\.expression), needed))
      return (
        .topN(below.plan, moved(keys, below.positions), offset: offset, count: count, withTies: withTies),
        below.positions
      )
    case .limit(let input, let offset, let count):
      let below = prune(input, needed)
      return (.limit(below.plan, offset: offset, count: count), below.positions)
    case .sample(let input, let fraction):
      let below = prune(input, needed)
      return (.sample(below.plan, fraction: fraction), below.positions)
    case .singleRow(let input, let range):
      let below = prune(input, needed)
      return (.singleRow(below.plan, range), below.positions)
    case .unionAll(let inputs):
      let kept = needed.sorted()
      var positions = [Int](repeating: -1, count: plan.columns.count)
      for (position, column) in kept.enumerated() { positions[column] = position }
      return (.unionAll(inputs.map { narrowed($0, kept) }), positions)
    case .setOperation(let kind, let isDistinct, let left, let right):
      // Every column decides whether rows are equal.
      let all = Array(left.columns.indices)
      return (.setOperation(kind, isDistinct: isDistinct, narrowed(left, all), narrowed(right, all)), all)
    case .window(let node): return window(node, needed)
    case .unnest(let node): return unnest(node, needed)
    case .commonTable(let id, let name, let definition, let body):
      switch phase {
      case .collecting:
        // The body first: it says what is needed of the definition.
        _ = prune(body, needed)
        _ = prune(definition, commonTableNeeds[id] ?? [])
        return (plan, Array(plan.columns.indices))
      case .rewriting(let needs):
        let kept = exactly(definition, needs[id] ?? [])
        layouts[id] = (kept.plan.columns, kept.positions)
        let below = prune(body, needed)
        return (.commonTable(id: id, name: name, definition: kept.plan, body: below.plan), below.positions)
      }
    case .recursive(var node):
      // Every column of a round may be read by the next one.
      let all = Array(node.seed.columns.indices)
      node.seed = narrowed(node.seed, all)
      node.step = narrowed(node.step, all)
      return (.recursive(node), all)
    case .commonTableScan(let id, let name, let columns):
      commonTableNeeds[id, default: []].formUnion(needed)
      guard let layout = layouts[id] else { return (plan, Array(columns.indices)) }
      return (.commonTableScan(id: id, name: name, columns: layout.columns), layout.positions)
    }
  }

  private func moved(_ keys: [SortKey], _ positions: [Int]) -> [SortKey] {
    keys.map {
      SortKey(
        $0.expression.mappingColumns { positions[$0] }, isDescending: $0.isDescending, nullsFirst: $0.nullsFirst)
    }
  }

  private func project(_ input: LogicalPlan, _ expressions: [NamedExpression], _ needed: Set<Int>) -> Pruned {
    let kept = needed.sorted()
    var positions = [Int](repeating: -1, count: expressions.count)
    for (position, column) in kept.enumerated() { positions[column] = position }
    let below = prune(input, columns(kept.map { expressions[$0].expression }))
    let outputs = kept.map {
      NamedExpression(expressions[$0].expression.mappingColumns { below.positions[$0] }, name: expressions[$0].name)
    }
    return (below.plan.isPassedOn(by: outputs) ? below.plan : .project(below.plan, outputs), positions)
  }

  private func aggregate(_ node: AggregateNode, _ needed: Set<Int>) -> Pruned {
    let keyCount = node.keys.count
    let kept = node.aggregates.indices.filter { needed.contains(keyCount + $0) }
    var positions = Array(0..<keyCount) + [Int](repeating: -1, count: node.aggregates.count)
    for (position, number) in kept.enumerated() { positions[keyCount + number] = keyCount + position }
    if node.groupingSets.count > 1 { positions.append(keyCount + kept.count) }
    if keyCount == 0, kept.isEmpty, node.groupingSets == [[]] {
      return (.values(rows: [[]], columns: []), positions)
    }
    var result = node
    result.aggregates = kept.map { node.aggregates[$0] }
    var used: Set<Int> = []
    LogicalPlan.aggregate(result).forEachExpression { $0.collectColumns(into: &used) }
    let below = prune(node.input, used)
    guard case .aggregate(var mapped) = LogicalPlan.aggregate(result).mapExpressions({ $0.mappingColumns { below.positions[$0] } })
    else { return (.aggregate(node), Array(LogicalPlan.aggregate(node).columns.indices)) }
    mapped.input = below.plan
    return (.aggregate(mapped), positions)
  }

  private func pivot(_ node: PivotNode, _ needed: Set<Int>) -> Pruned {
    let keyCount = node.keys.count
    var kept = node.cells.indices.filter { needed.contains(keyCount + $0) }
    // The node needs one cell to stay what it is.
    if kept.isEmpty, !node.cells.isEmpty { kept = [0] }
    var positions = Array(0..<keyCount) + [Int](repeating: -1, count: node.cells.count)
    for (position, number) in kept.enumerated() { positions[keyCount + number] = keyCount + position }
    var result = node
    result.cells = kept.map { node.cells[$0] }
    var used: Set<Int> = []
    LogicalPlan.pivot(result).forEachExpression { $0.collectColumns(into: &used) }
    let below = prune(node.input, used)
    guard case .pivot(var mapped) = LogicalPlan.pivot(result).mapExpressions({ $0.mappingColumns { below.positions[$0] } })
    else { return (.pivot(node), Array(LogicalPlan.pivot(node).columns.indices)) }
    mapped.input = below.plan
    return (.pivot(mapped), positions)
  }

  private func join(_ node: JoinNode, _ needed: Set<Int>) -> Pruned {
    let leftWidth = node.left.columns.count
    // The mark adds a column and nothing else.
    if node.kind == .mark, !needed.contains(leftWidth) {
      let below = prune(node.left, needed)
      return (below.plan, below.positions + [-1])
    }
    let hasRightColumns =
      switch node.kind {
      case .semi, .anti, .nullAwareAnti, .mark: false
      case .inner, .left, .right, .full, .leftSingle: true
      }
    var leftNeeds = needed.filter { $0 < leftWidth }
    var rightNeeds: Set<Int> = []
    if hasRightColumns { for column in needed where column >= leftWidth { rightNeeds.insert(column - leftWidth) } }
    for key in node.keys {
      key.left.collectColumns(into: &leftNeeds)
      key.right.collectColumns(into: &rightNeeds)
    }
    for column in node.residual?.columnIndices ?? [] {
      if column < leftWidth { leftNeeds.insert(column) } else { rightNeeds.insert(column - leftWidth) }
    }
    let left = exactly(node.left, leftNeeds)
    let right = exactly(node.right, rightNeeds)
    let newLeftWidth = leftNeeds.count
    var result = node
    result.left = left.plan
    result.right = right.plan
    result.keys = node.keys.map { key in
      JoinKey(
        left: key.left.mappingColumns { left.positions[$0] }, right: key.right.mappingColumns { right.positions[$0] },
        matchesNulls: key.matchesNulls)
    }
    result.residual = node.residual.map { residual in
      residual.mappingColumns {
        $0 < leftWidth ? left.positions[$0] : newLeftWidth + right.positions[$0 - leftWidth]
      }
    }
    var positions = left.positions
    if node.kind == .mark { positions.append(newLeftWidth) }
    if hasRightColumns { positions += right.positions.map { $0 < 0 ? -1 : newLeftWidth + $0 } }
    return (.join(result), positions)
  }

  private func window(_ node: WindowNode, _ needed: Set<Int>) -> Pruned {
    let width = node.input.columns.count
    let kept = node.functions.indices.filter { needed.contains(width + $0) }
    if kept.isEmpty {
      let below = prune(node.input, needed.filter { $0 < width })
      return (below.plan, below.positions + [Int](repeating: -1, count: node.functions.count))
    }
    var result = node
    result.functions = kept.map { node.functions[$0] }
    var used = needed.filter { $0 < width }
    LogicalPlan.window(result).forEachExpression { $0.collectColumns(into: &used) }
    let below = exactly(node.input, used)
    guard case .window(var mapped) = LogicalPlan.window(result).mapExpressions({ $0.mappingColumns { below.positions[$0] } })
    else { return (.window(node), Array(0..<(width + node.functions.count))) }
    mapped.input = below.plan
    var positions = below.positions + [Int](repeating: -1, count: node.functions.count)
    for (position, number) in kept.enumerated() { positions[width + number] = used.count + position }
    return (.window(mapped), positions)
  }

  private func unnest(_ node: UnnestNode, _ needed: Set<Int>) -> Pruned {
    let width = node.input.columns.count
    let below = exactly(node.input, columns(node.expressions, needed.filter { $0 < width }))
    var result = node
    result.input = below.plan
    result.expressions = node.expressions.map { $0.mappingColumns { below.positions[$0] } }
    let newWidth = below.plan.columns.count
    return (.unnest(result), below.positions + node.columns.indices.map { newWidth + $0 })
  }
}
