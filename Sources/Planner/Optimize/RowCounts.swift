import Columnar
import Functions
import SQLSyntax

extension LogicalPlan {
  /// Answers `SELECT count(*) FROM t` from metadata where the table knows its exact row count. Runs after `Optimizer`, because it asks
  /// tables, which may do I/O.
  package func answeringRowCounts() async throws -> LogicalPlan {
    switch self {
    case .aggregate(let node):
      if let scan = node.countedScan, let count = try await scan.table.exactRowCount() {
        let row = node.aggregates.map { BoundExpression.literal(.bigint(Int64(count)), $0.range) }
        return .values(rows: [row], columns: columns)
      }
    default: break
    }
    // Inputs one after the other: plans have few scans, and order keeps errors stable.
    var mapped: [LogicalPlan] = []
    for input in inputs { mapped.append(try await input.answeringRowCounts()) }
    var next = 0
    return mapInputs { _ in
      defer { next += 1 }
      return mapped[next]
    }
  }
}

extension AggregateNode {
  /// The scan whose rows the node counts, if that is all it does.
  fileprivate var countedScan: ScanNode? {
    guard keys.isEmpty, groupingSets == [[]], !aggregates.isEmpty,
      aggregates.allSatisfy({ $0.function.name == "count" && $0.arguments.isEmpty && $0.filter == nil && !$0.isDistinct })
    else { return nil }
    var plan = input
    while case .project(let below, _) = plan { plan = below }
    guard case .scan(let scan) = plan, scan.predicates.isEmpty, scan.limit == nil else { return nil }
    return scan
  }
}
