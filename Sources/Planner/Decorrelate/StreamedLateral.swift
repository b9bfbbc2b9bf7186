import Columnar
import SQLSyntax

/// LATERAL over UNNESTs alone: the elements of a row are expanded in place, without a join.
///
/// ```
/// t, LATERAL (SELECT f(e, t.a) FROM UNNEST(t.x) AS u (e))
///
/// project [t's columns, f(e, a)]
///   unnest x
///     t
/// ```
///
/// A LEFT JOIN keeps rows without elements: the ordinality of the lowest UNNEST is NULL there, and what is computed above it becomes NULL too.
struct StreamedLateral {
  private let left: LogicalPlan
  private let width: Int
  private let keepsLeft: Bool
  /// Where the ordinality of the lowest UNNEST is in the plan so far; nil without LEFT JOIN.
  private var marker: Int?

  private init(_ left: LogicalPlan, keepsLeft: Bool) {
    self.left = left
    width = left.columns.count
    self.keepsLeft = keepsLeft
  }

  /// The left plan's columns, then those of `right`; nil when `right` is something else than projections, filters and UNNESTs over nothing.
  static func plan(_ right: LogicalPlan, on left: LogicalPlan, keepsLeft: Bool) -> LogicalPlan? {
    var streamed = StreamedLateral(left, keepsLeft: keepsLeft)
    guard let plan = streamed.plan(right) else { return nil }
    // Without an UNNEST there was nothing to mark.
    if keepsLeft, streamed.marker == nil { return nil }
    guard plan.columns.count > streamed.width + right.columns.count else { return plan }
    return .project(plan, Array(LogicalPlan.passingColumns(of: plan).prefix(streamed.width + right.columns.count)))
  }

  private mutating func plan(_ right: LogicalPlan) -> LogicalPlan? {
    switch right {
    case .values(let rows, let columns): return rows.count == 1 && columns.isEmpty ? left : nil
    case .filter(let input, let predicate):
      guard !keepsLeft, let below = plan(input) else { return nil }
      return .filter(below, predicate.joined(leftWidth: width))
    case .project(let input, let expressions):
      guard let below = plan(input) else { return nil }
      let passing = LogicalPlan.passingColumns(of: below)
      var outputs = Array(passing.prefix(width))
      outputs += expressions.map { NamedExpression(marked($0.expression.joined(leftWidth: width)), name: $0.name) }
      if let place = marker {
        marker = outputs.count
        outputs.append(passing[place])
      }
      return .project(below, outputs)
    case .unnest(let node): return unnest(node)
    default: return nil
    }
  }

  private mutating func unnest(_ node: UnnestNode) -> LogicalPlan? {
    guard let below = plan(node.input) else { return nil }
    let isLowest = keepsLeft && marker == nil
    // The marker stands behind the columns of `below`, and the new ones would come after it.
    if keepsLeft, !isLowest { return above(node, below) }
    var result = node
    result.input = below
    result.expressions = node.expressions.map { $0.joined(leftWidth: width) }
    guard isLowest else { return .unnest(result) }
    result.keepsEmpty = true
    if !node.withOrdinality {
      result.withOrdinality = true
      result.columns.append(OutputColumn(name: "ordinality", type: .bigint))
    }
    marker = below.columns.count + result.columns.count - 1
    return .unnest(result)
  }

  /// An UNNEST over another one under a LEFT JOIN: it has no elements where the lower one has none, and must keep such rows.
  private mutating func above(_ node: UnnestNode, _ below: LogicalPlan) -> LogicalPlan? {
    guard node.keepsEmpty, let place = marker else { return nil }
    var result = node
    result.input = below
    result.expressions = node.expressions.map { marked($0.joined(leftWidth: width)) }
    let unnested = LogicalPlan.unnest(result)
    let hasOwnMarker = place == below.columns.count - 1 && below.columns.count > width + node.input.columns.count
    guard hasOwnMarker else { return unnested }
    // Back to its place behind all columns of `right`.
    var outputs = LogicalPlan.passingColumns(of: unnested)
    outputs.append(outputs.remove(at: place))
    marker = outputs.count - 1
    return .project(unnested, outputs)
  }

  /// NULL in rows that the LEFT JOIN keeps.
  private func marked(_ expression: BoundExpression) -> BoundExpression {
    guard let marker else { return expression }
    if case .column(let index, _, _) = expression, index >= width { return expression }
    let range = expression.range
    return .caseWhen(
      [CaseBranch(condition: .isNull(.column(marker, .bigint, range), range), result: .literal(.null(expression.type), range))],
      otherwise: expression, type: expression.type, range)
  }
}
