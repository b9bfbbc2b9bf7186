import Columnar
import Functions
import SQLSyntax

/// Finds aggregates that spread one column over many and makes them one `pivot` node, whose cost per row does not grow with them:
///
/// ```
/// max(CASE WHEN k = 'a' THEN v END), max(CASE k WHEN 'b' THEN v END), sum(v) FILTER (WHERE k = 'c'), max(IF('d' = k, v))
/// ```
///
/// All aggregates of the node must be of this form over one and the same `k`; otherwise nothing changes. Runs after constant folding,
/// which has brought the constants to the type of `k`.
enum PivotRecognition {
  static func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedBottomUp { node in
      guard case .aggregate(let aggregate) = node, let pivot = recognised(aggregate) else { return node }
      return .pivot(pivot)
    }
  }

  /// Below this the general aggregate is as good.
  private static let minimumCells = 2

  private static let functions: Set<String> = ["max", "min", "sum", "avg", "count", "any_value", "arbitrary"]

  private static func recognised(_ node: AggregateNode) -> PivotNode? {
    guard node.groupingSets.count == 1, node.groupingSets[0].count == node.keys.count,
      node.aggregates.count >= minimumCells
    else { return nil }
    var key: BoundExpression?
    var cells: [PivotCell] = []
    cells.reserveCapacity(node.aggregates.count)
    for call in node.aggregates {
      guard let found = cell(call) else { return nil }
      if let key {
        guard key == found.key else { return nil }
      } else {
        guard found.key.isDeterministic else { return nil }
        key = found.key
      }
      cells.append(
        PivotCell(value: found.value, aggregate: call.function, arguments: found.arguments, name: call.name))
    }
    return key.map { PivotNode(input: node.input, keys: node.keys, pivotKey: $0, cells: cells) }
  }

  private struct FoundCell {
    var key: BoundExpression
    var value: Scalar
    var arguments: [BoundExpression]
  }

  private static func cell(_ call: AggregateCall) -> FoundCell? {
    guard functions.contains(call.function.name), !call.isDistinct, call.order.isEmpty, call.arguments.count <= 1 else {
      return nil
    }
    if let filter = call.filter {
      guard let (key, value) = equality(filter) else { return nil }
      return FoundCell(key: key, value: value, arguments: call.arguments)
    }
    guard let argument = call.arguments.first, let (condition, value) = conditional(argument),
      let (key, constant) = equality(condition)
    else { return nil }
    return FoundCell(key: key, value: constant, arguments: [value])
  }

  /// `CASE WHEN condition THEN value ELSE NULL END`, also under casts, which then belong to the value.
  private static func conditional(_ expression: BoundExpression) -> (condition: BoundExpression, value: BoundExpression)? {
    switch expression {
    case .caseWhen(let branches, let otherwise, _, _):
      guard branches.count == 1, otherwise.isNullLiteral else { return nil }
      return (branches[0].condition, branches[0].result)
    case .cast(let operand, let type, let isTry, let range):
      guard let inner = conditional(operand) else { return nil }
      return (inner.condition, .cast(inner.value, to: type, isTry: isTry, range))
    default: return nil
    }
  }

  /// `key = constant`, either way around. NaN equals nothing, so it is no cell's value.
  private static func equality(_ condition: BoundExpression) -> (BoundExpression, Scalar)? {
    guard case .call(let function, let arguments, _) = condition, function.name == "=", arguments.count == 2 else {
      return nil
    }
    for (key, constant) in [(arguments[0], arguments[1]), (arguments[1], arguments[0])] {
      guard let scalar = constant.literalValue, key.literalValue == nil, !scalar.isNull, scalar.type == key.type else {
        continue
      }
      switch scalar.value {
      case .double(let value) where value.isNaN: return nil
      case .real(let value) where value.isNaN: return nil
      default: return (key, scalar)
      }
    }
    return nil
  }
}
