import Columnar
import Functions
package import Planner
import SQLSyntax
import Storage

/// A logical plan whose scans have chosen their files, with a place for the statistics of every node.
///
/// This is the last asynchronous step: from here on everything runs on the workers.
package final class PreparedPlan: Sendable {
  package let plan: LogicalPlan
  package let statistics: PlanStatistics
  let children: [PreparedPlan]
  /// Of a scan node.
  let scan: (any Scan)?
  let sharing: Sharing?

  /// Of a scan whose rows others take, or that takes another's. Scans go by their number.
  enum Sharing: Sendable {
    /// The scan delivers these table columns: its own, then those that only others want.
    case keeps(Int, tableColumns: [Int])
    /// The same of the scan that keeps them.
    case takes(Int, tableColumns: [Int])
  }

  private init(_ plan: LogicalPlan, children: [PreparedPlan], scan: (any Scan)?, sharing: Sharing?) {
    self.plan = plan
    self.children = children
    self.scan = scan
    self.sharing = sharing
    statistics = PlanStatistics(
      name: Self.operatorName(plan), children: children.map(\.statistics), storage: scan == nil ? nil : StorageTraffic.current?.makePart())
  }

  /// Plans all scans of a plan at the same time.
  package static func prepare(_ plan: LogicalPlan, _ options: ExecutionOptions) async throws -> PreparedPlan {
    let plan = try await CountFromMetadata.rewrite(plan)
    let sharing = options.sharesScans ? ScanSharing(plan, usesRuntimeFilters: options.usesRuntimeFilters) : nil
    var nodes: [ScanNode] = []
    func collect(_ plan: LogicalPlan) {
      if case .scan(let node) = plan { nodes.append(node) }
      plan.inputs.forEach(collect)
    }
    collect(plan)
    let scans = try await withThrowingTaskGroup(of: (Int, any Scan).self) { group in
      for (index, node) in nodes.enumerated() {
        group.addTask {
          let columns = node.tableColumns + (sharing?.keepers[index] ?? [])
          let request = ScanRequest(columns: columns, predicates: node.predicates, limit: node.limit)
          do { return (index, try await node.table.planScan(request)) } catch {
            throw SQLError.of(error, at: node.range)
          }
        }
      }
      var planned: [(any Scan)?] = nodes.map { _ in nil }
      for try await (index, scan) in group { planned[index] = scan }
      return planned
    }
    var next = 0
    func build(_ plan: LogicalPlan) -> PreparedPlan {
      guard case .scan = plan else { return PreparedPlan(plan, children: plan.inputs.map(build), scan: nil, sharing: nil) }
      let number = next
      next += 1
      let keeper = sharing?.takers[number] ?? number
      var role: Sharing?
      if let others = sharing?.keepers[keeper] {
        let columns = nodes[keeper].tableColumns + others
        role = keeper == number ? .keeps(number, tableColumns: columns) : .takes(keeper, tableColumns: columns)
      }
      return PreparedPlan(plan, children: [], scan: scans[number], sharing: role)
    }
    return build(plan)
  }

  /// The scan at the end of a chain of filters, if its rows are kept.
  var keptScan: PreparedPlan? {
    switch plan {
    case .filter: return children[0].keptScan
    case .scan: if case .keeps? = sharing { return self } else { return nil }
    default: return nil
    }
  }

  /// The plan as EXPLAIN shows it, each scan with what it will read and what it passes over.
  package var description: PlanDescription {
    var result = PlanDescription(plan)
    result.inputs = children.map(\.description)
    if let notes = scan?.notes, !notes.isEmpty {
      let text = notes.map { "\($0.label): \($0.count)" }.joined(separator: ", ")
      result.details.append(PlanDescription.Detail(label: "plan", text: "[\(text)]"))
    }
    return result
  }

  private static func operatorName(_ plan: LogicalPlan) -> String {
    switch plan {
    case .scan: "Scan"
    case .values: "Values"
    case .filter: "Filter"
    case .project: "Project"
    case .aggregate: "HashAggregate"
    case .join(let node): node.keys.isEmpty ? "NestedLoopJoin" : "HashJoin"
    case .sort: "Sort"
    case .topN: "TopN"
    case .limit: "Limit"
    case .unionAll: "UnionAll"
    case .setOperation: "SetOperation"
    case .window: "Window"
    case .unnest: "Unnest"
    case .pivot: "Pivot"
    case .singleRow: "SingleRow"
    case .commonTable: "CommonTable"
    case .commonTableScan: "CommonTableScan"
    case .recursive: "Recursion"
    case .sample: "Sample"
    }
  }
}

/// `SELECT count(*) FROM t`: answered from metadata when the table knows its exact number of rows.
enum CountFromMetadata {
  static func rewrite(_ plan: LogicalPlan) async throws -> LogicalPlan {
    guard case .aggregate(let node) = plan, let scan = bareScan(node.input), isCountOfRows(node) else {
      return try await rewriteInput(plan)
    }
    let rows: Int?
    do { rows = try await scan.table.exactRowCount() } catch { throw SQLError.of(error, at: scan.range) }
    guard let rows else { return plan }
    let literal = BoundExpression.literal(.bigint(Int64(rows)), scan.range)
    return .values(rows: [node.aggregates.map { _ in literal }], columns: plan.columns)
  }

  /// Only through the operators that stand above a single count.
  private static func rewriteInput(_ plan: LogicalPlan) async throws -> LogicalPlan {
    switch plan {
    case .project(let input, let expressions): .project(try await rewrite(input), expressions)
    case .limit(let input, let offset, let count): .limit(try await rewrite(input), offset: offset, count: count)
    case .unionAll(let inputs):
      .unionAll(try await rewriteAll(inputs))
    default: plan
    }
  }

  private static func rewriteAll(_ plans: [LogicalPlan]) async throws -> [LogicalPlan] {
    var rewritten: [LogicalPlan] = []
    for plan in plans { rewritten.append(try await rewrite(plan)) }
    return rewritten
  }

  private static func bareScan(_ plan: LogicalPlan) -> ScanNode? {
    switch plan {
    case .scan(let node): node.predicates.isEmpty && node.limit == nil ? node : nil
    case .project(let input, _): bareScan(input)
    default: nil
    }
  }

  private static func isCountOfRows(_ node: AggregateNode) -> Bool {
    node.keys.isEmpty && node.groupingSets.count == 1 && !node.aggregates.isEmpty
      && node.aggregates.allSatisfy {
        $0.function.name == "count" && $0.arguments.isEmpty && $0.filter == nil && !$0.isDistinct
      }
  }
}
