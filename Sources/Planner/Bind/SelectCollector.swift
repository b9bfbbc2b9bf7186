import Columnar
import Functions
import SQLSyntax

/// What the expressions of one query contain besides scalar computation. Each is referred to by a placeholder until the query has
/// put it into a node of its own.
final class SelectCollector {
  /// Aggregate calls over the rows of FROM, each different one once.
  private(set) var aggregates: [AggregateCall] = []
  private var aggregatePositions: [AggregateCallKey: Int] = [:]
  /// Window calls; their arguments may hold aggregate placeholders.
  private(set) var windows: [PendingWindow] = []
  /// `grouping(…)` operations, as the keys they ask about.
  private(set) var groupings: [PendingGrouping] = []
  /// Subqueries, in order of appearance.
  private(set) var subqueries: [PendingSubquery] = []

  func add(_ call: AggregateCall) -> BoundExpression {
    let key = AggregateCallKey(call: call)
    let position: Int
    if let known = aggregatePositions[key] {
      position = known
    } else {
      position = aggregates.count
      aggregatePositions[key] = position
      aggregates.append(call)
    }
    return .outerColumn(level: Placeholder.aggregate, index: position, call.function.resultType, call.range)
  }

  func add(_ window: PendingWindow) -> BoundExpression {
    windows.append(window)
    return .outerColumn(
      level: Placeholder.window, index: windows.count - 1, window.call.function.resultType, window.call.range)
  }

  func add(_ grouping: PendingGrouping) -> BoundExpression {
    groupings.append(grouping)
    return .outerColumn(level: Placeholder.grouping, index: groupings.count - 1, .integer, grouping.range)
  }

  func add(_ subquery: PendingSubquery) -> BoundExpression {
    subqueries.append(subquery)
    return .outerColumn(level: Placeholder.subquery, index: subqueries.count - 1, subquery.type, subquery.range)
  }
}

/// Levels of `outerColumn` that stand for things still to be computed; real levels count from 1.
enum Placeholder {
  static let aggregate = -1
  static let window = -2
  static let grouping = -3
  static let subquery = -4
  /// The row of the query that a subquery is being joined to, see `Decorrelator`.
  static let applied = -5
}

/// A window call with the window it is computed over.
struct PendingWindow {
  var partition: [BoundExpression]
  var order: [SortKey]
  var call: WindowCall
}

struct PendingGrouping {
  var arguments: [BoundExpression]
  var range: SourceRange
}

/// A bound subquery that an expression needs the result of. Outer columns of level 1 in it are columns of the query around.
struct PendingSubquery {
  enum Test {
    /// The only column of the only row.
    case scalar
    /// Whether there is a row.
    case exists
    /// Whether a row makes `condition` true; over the columns of the query around (as outer columns of level 1) and the subquery's.
    case matches(BoundExpression)
    /// `value IN (query)` with its three-valued result; the value is over the query around.
    case membership(BoundExpression)
  }

  var test: Test
  var plan: LogicalPlan
  var type: SQLType
  var range: SourceRange
}

extension BoundExpression {
  /// The placeholder that this expression is, if it is one of the given level.
  func placeholder(_ level: Int) -> Int? {
    if case .outerColumn(level, let index, _, _) = self { index } else { nil }
  }
}
