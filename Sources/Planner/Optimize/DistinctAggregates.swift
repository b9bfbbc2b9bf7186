import Columnar
import SQLSyntax

/// `count(DISTINCT x) … GROUP BY k` counts the groups of `k, x`:
///
/// ```
/// Aggregate keys=[k] aggregates=[count(x)]
///   Aggregate keys=[k, x]
/// ```
///
/// The values of all groups are then keys of one hash table, which can be spilled and divided; sets of values inside accumulators cannot.
/// Applies when every aggregate is DISTINCT over the same arguments.
enum DistinctAggregates {
  static func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedBottomUp { node in
      guard case .aggregate(let aggregate) = node, let split = split(aggregate) else { return node }
      return .aggregate(split)
    }
  }

  private static func split(_ node: AggregateNode) -> AggregateNode? {
    guard node.groupingSets.count == 1, node.groupingSets[0].count == node.keys.count, let first = node.aggregates.first,
      !first.arguments.isEmpty
    else { return nil }
    for call in node.aggregates {
      guard call.isDistinct, call.arguments == first.arguments, call.filter == nil, call.order.isEmpty,
        call.arguments.allSatisfy(\.isDeterministic)
      else { return nil }
    }
    let keyCount = node.keys.count
    let values = first.arguments.enumerated().map { NamedExpression($1, name: "value\($0)") }
    let inner = AggregateNode(
      input: node.input, keys: node.keys + values, groupingSets: [Array(0..<keyCount + values.count)], aggregates: [])
    var calls = node.aggregates
    for index in calls.indices {
      calls[index].isDistinct = false
      calls[index].arguments = values.enumerated().map { .column(keyCount + $0, $1.expression.type, $1.expression.range) }
    }
    return AggregateNode(
      input: .aggregate(inner),
      keys: node.keys.enumerated().map {
        NamedExpression(.column($0, $1.expression.type, $1.expression.range), name: $1.name)
      }, groupingSets: node.groupingSets, aggregates: calls)
  }
}
