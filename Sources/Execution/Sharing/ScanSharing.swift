import Columnar
import Planner

/// Which scans of a plan take rows that an earlier scan of the same table has read, instead of reading them again.
///
/// The source of an SCD2 MERGE joins the target to find what has changed, and is then joined with the target: both scans want the rows
/// whose key arrives. Queries that compare rows with an aggregate of the same table scan twice, too.
///
/// What is found here is only likely to pay. Whether the earlier scan has really kept every row that the later one wants is asked when the
/// later one starts (`KeptRows`).
struct ScanSharing {
  /// By the number of the scan that keeps rows, counted in the order of the plan's leaves: table columns that it reads for others.
  private(set) var keepers: [Int: [Int]] = [:]
  /// By the number of the scan that takes rows: the one that keeps them.
  private(set) var takers: [Int: Int] = [:]

  private struct Origin: Hashable {
    let table: String
    let column: Int
  }

  private struct Candidate {
    let node: ScanNode
    let identity: String
    /// What the filters right above demand, over table columns.
    let conditions: Set<BoundExpression>
    /// By table column: where the keys come from that joins will look for in it.
    var keyOrigins: [Int: [Set<Origin>]] = [:]
  }

  private var candidates: [Int: Candidate] = [:]
  /// By scan: which pipeline it belongs to. Pipelines run one after the other.
  private var pipelines: [Int: Int] = [:]
  private var pipelineCount = 0
  private let usesRuntimeFilters: Bool

  /// A table without filter on its keys is kept whole: only if its files are this small.
  private static let mostBytesKeptWhole = 16 << 20

  init(_ plan: LogicalPlan, usesRuntimeFilters: Bool) {
    self.usesRuntimeFilters = usesRuntimeFilters
    guard plan.scanCount > 1 else { return }
    close(visit(plan, 0))
    let numbers = candidates.keys.sorted { (pipelines[$0] ?? 0, $0) < (pipelines[$1] ?? 0, $1) }
    for (place, later) in numbers.enumerated() where keepers[later] == nil {
      guard let taker = candidates[later] else { continue }
      let earlier = numbers[..<place].first { number in
        guard takers[number] == nil, pipelines[number] != pipelines[later], let keeper = candidates[number] else { return false }
        return Self.mayServe(keeper, taker)
      }
      guard let earlier, let keeper = candidates[earlier] else { continue }
      takers[later] = earlier
      let known = keeper.node.tableColumns + keepers[earlier, default: []]
      keepers[earlier, default: []] += taker.node.tableColumns.filter { !known.contains($0) }
    }
  }

  private static func mayServe(_ keeper: Candidate, _ taker: Candidate) -> Bool {
    guard keeper.identity == taker.identity, keeper.node.limit == nil, keeper.conditions.isSubset(of: taker.conditions),
      Set(keeper.node.predicates).isSubset(of: taker.node.predicates)
    else { return false }
    if keeper.keyOrigins.isEmpty && keeper.conditions.isEmpty {
      guard let bytes = keeper.node.table.statistics.byteCount, bytes <= mostBytesKeptWhole else { return false }
    }
    return keeper.keyOrigins.allSatisfy { column, origins in
      origins.allSatisfy { origin in taker.keyOrigins[column]?.contains { $0.isSubset(of: origin) } ?? false }
    }
  }

  /// Notes what there is to know of the scans of a plan, in the order in which `PhysicalPlanner` makes its pipelines.
  ///
  /// - Parameters:
  ///   - first: the number of the plan's first scan.
  ///   - conditions: of the filters right above.
  /// - Returns: the scans of the pipeline that the plan's rows come out of.
  private mutating func visit(_ plan: LogicalPlan, _ first: Int, conditions: [BoundExpression] = []) -> [Int] {
    switch plan {
    case .scan(let node):
      if let identity = node.table.identity, conditions.allSatisfy(\.isDeterministic) {
        candidates[first] = Candidate(
          node: node, identity: identity, conditions: Set(conditions.map { $0.mappingColumns { node.tableColumns[$0] } }))
      }
      return [first]
    case .filter(let input, let condition):
      return visit(input, first, conditions: input.isFilteredScan ? conditions + condition.conjuncts : [])
    case .join(let join):
      let right = first + join.left.scanCount
      let (built, probed) = join.buildsLeft ? ((join.left, first), (join.right, right)) : ((join.right, right), (join.left, first))
      close(visit(built.0, built.1))
      let open = visit(probed.0, probed.1)
      if usesRuntimeFilters { noteFilters(join, firstProbed: probed.1) }
      return open
    case .commonTable(_, _, let definition, let body):
      close(visit(definition, first))
      return visit(body, first + definition.scanCount)
    case .recursive:
      // The step runs again and again.
      return []
    case .project, .limit, .unionAll, .unnest, .sample: return visitInputs(plan, first)
    case .values, .aggregate, .sort, .topN, .setOperation, .window, .pivot, .singleRow, .commonTableScan:
      close(visitInputs(plan, first))
      return []
    }
  }

  private mutating func visitInputs(_ plan: LogicalPlan, _ first: Int) -> [Int] {
    var open: [Int] = []
    var number = first
    for input in plan.inputs {
      open += visit(input, number)
      number += input.scanCount
    }
    return open
  }

  /// The pipeline of these scans ends here.
  private mutating func close(_ scans: [Int]) {
    for scan in scans { pipelines[scan] = pipelineCount }
    pipelineCount += 1
  }

  private mutating func noteFilters(_ join: JoinNode, firstProbed: Int) {
    let oriented = join.buildsLeft ? join.mirrored : join
    for target in RuntimeFilter.targets(of: join) {
      let scan = target.path.reduce((plan: oriented.left, number: firstProbed)) { place, step in
        let inputs = place.plan.inputs
        return (inputs[step], place.number + inputs[..<step].reduce(0) { $0 + $1.scanCount })
      }
      guard case .scan(let node) = scan.plan else { continue }
      let key = oriented.keys[target.key].right
      // A key from somewhere unknown is in no other scan's keys.
      let origins = Self.origins(key, oriented.right) ?? [Origin(table: "", column: scan.number)]
      candidates[scan.number]?.keyOrigins[node.tableColumns[target.column], default: []].append(origins)
    }
  }

  /// The table columns that hold every value of an expression, other than NULL; nil when that cannot be told.
  private static func origins(_ expression: BoundExpression, _ input: LogicalPlan) -> Set<Origin>? {
    if case .cast(let operand, _, _, _) = expression, operand.isNullLiteral { return [] }
    if expression.isNullLiteral { return [] }
    return expression.columnIndex.flatMap { origins($0, input) }
  }

  private static func origins(_ column: Int, _ plan: LogicalPlan) -> Set<Origin>? {
    switch plan {
    case .scan(let node): return node.table.identity.map { [Origin(table: $0, column: node.tableColumns[column])] }
    case .filter(let input, _): return origins(column, input)
    case .project(let input, let expressions): return origins(expressions[column].expression, input)
    case .join(let join):
      let leftWidth = join.left.columns.count
      if column < leftWidth { return origins(column, join.left) }
      return column < leftWidth + join.right.columns.count ? origins(column - leftWidth, join.right) : nil
    case .aggregate(let node):
      return column < node.keys.count ? origins(node.keys[column].expression, node.input) : nil
    case .unionAll(let inputs):
      var all: Set<Origin> = []
      for input in inputs {
        guard let some = origins(column, input) else { return nil }
        all.formUnion(some)
      }
      return all
    default: return nil
    }
  }
}

extension LogicalPlan {
  /// A scan, perhaps below filters.
  fileprivate var isFilteredScan: Bool {
    switch self {
    case .scan: true
    case .filter(let input, _): input.isFilteredScan
    default: false
    }
  }

  fileprivate var scanCount: Int {
    if case .scan = self { return 1 }
    return inputs.reduce(0) { $0 + $1.scanCount }
  }
}
