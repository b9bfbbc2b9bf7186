import Columnar
import SQLSyntax

/// Fuses sort and limit into top-N, and moves limits below projections, into the branches of a union and into scans.
enum LimitPushdown {
  static func apply(_ plan: LogicalPlan) -> LogicalPlan {
    switch plan {
    case .limit(let input, let offset, let count): return limited(apply(input), offset: offset, count: count)
    case .topN(let input, let keys, let offset, let count, let withTies):
      return top(apply(input), keys, offset: offset, count: count, withTies: withTies)
    default: return plan.mapInputs(apply)
    }
  }

  private static func limited(_ input: LogicalPlan, offset: Int, count: Int?) -> LogicalPlan {
    guard let count else { return .limit(input, offset: offset, count: nil) }
    let (needed, overflow) = offset.addingReportingOverflow(count)
    if count == 0 { return .values(rows: [], columns: input.columns) }
    switch input {
    case .sort(let below, let keys): return top(below, keys, offset: offset, count: count, withTies: false)
    case .project(let below, let expressions):
      return .project(limited(below, offset: offset, count: count), expressions)
    case .limit(let below, 0, let other?):
      return limited(below, offset: offset, count: min(count, max(0, other - offset)))
    case .unionAll(let inputs) where !overflow:
      return .limit(
        .unionAll(inputs.map { limited($0, offset: 0, count: needed) }), offset: offset, count: count)
    case .scan(var scan) where !overflow:
      scan.limit = min(needed, scan.limit ?? needed)
      return .limit(.scan(scan), offset: offset, count: count)
    default: return .limit(input, offset: offset, count: count)
    }
  }

  /// A projection that passes the sort's columns on is done for the few rows that are left.
  private static func top(
    _ input: LogicalPlan, _ keys: [SortKey], offset: Int, count: Int, withTies: Bool
  ) -> LogicalPlan {
    guard case .project(let below, let expressions) = input else {
      return .topN(input, keys, offset: offset, count: count, withTies: withTies)
    }
    var moved: [SortKey] = []
    for key in keys {
      guard let column = key.expression.columnIndex, case .column = expressions[column].expression else {
        return .topN(input, keys, offset: offset, count: count, withTies: withTies)
      }
      moved.append(
        SortKey(expressions[column].expression, isDescending: key.isDescending, nullsFirst: key.nullsFirst))
    }
    return .project(
      top(below, moved, offset: offset, count: count, withTies: withTies), expressions)
  }
}
