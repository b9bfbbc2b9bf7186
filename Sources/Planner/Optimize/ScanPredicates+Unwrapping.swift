import Columnar
import Functions

/// Conditions on a column inside a cast or `year(…)`, said of the column itself.
///
/// ```
/// CAST(ts AS date) = DATE '2026-01-05'     ts >= 2026-01-05 00:00 and ts < 2026-01-06 00:00
/// year(ts) <= 2025                         ts < 2026-01-01 00:00
/// CAST(n AS bigint) > 7                    n > 7
/// ```
///
/// Timestamps with time zone come from files in UTC, so that their dates are those of UTC.
extension ScanPredicates {
  static func unwrapped(_ name: String, _ expression: BoundExpression, _ constant: BoundExpression) -> [ColumnPredicate]? {
    guard let scalar = constant.literalValue, case .int(let value) = scalar.value else { return nil }
    switch expression {
    case .cast(.column(let column, let type, _), to: .date, isTry: _, _):
      return days(column, type, name, from: value, to: value + 1)
    case .call(let function, let arguments, _):
      guard arguments.count == 1, case .column(let column, let type, _) = arguments[0] else { return nil }
      switch function.name {
      case "date": return days(column, type, name, from: value, to: value + 1)
      case "year":
        guard (1...9_998).contains(value) else { return nil }
        return days(column, type, name, from: firstDay(ofYear: value), to: firstDay(ofYear: value + 1))
      default: return nil
      }
    case .cast(.column(let column, let type, _), to: let target, isTry: _, _) where type.isInteger && target.isInteger:
      guard let test = comparison(name, Scalar(type, .int(value))), fits(value, type) else { return nil }
      return [ColumnPredicate(column: column, test: test)]
    default: return nil
    }
  }

  private static func comparison(_ name: String, _ scalar: Scalar) -> ColumnPredicate.Test? {
    switch name {
    case "=": .equal(scalar)
    case "<>": .notEqual(scalar)
    case "<": .less(scalar)
    case "<=": .lessOrEqual(scalar)
    case ">": .greater(scalar)
    case ">=": .greaterOrEqual(scalar)
    default: nil
    }
  }

  private static func fits(_ value: Int64, _ type: SQLType) -> Bool {
    switch type {
    case .tinyint: Int8(exactly: value) != nil
    case .smallint: Int16(exactly: value) != nil
    case .integer: Int32(exactly: value) != nil
    default: true
    }
  }

  /// A comparison with the days `from ..< to` as one on the column's own values; nil for a column that counts no days.
  private static func days(_ column: Int, _ type: SQLType, _ name: String, from: Int64, to: Int64) -> [ColumnPredicate]? {
    let ticks: Int64
    switch type {
    case .date: ticks = 1
    case .timestamp(let precision), .timestampTZ(let precision): ticks = 86_400 * SQLType.ticksPerSecond(precision: precision)
    default: return nil
    }
    func scalar(_ day: Int64) -> Scalar? {
      let (value, overflow) = day.multipliedReportingOverflow(by: ticks)
      if overflow { return nil }
      if case .timestampTZ = type { return Scalar(type, .timestampTZ(TimestampTZ(instant: value))) }
      return Scalar(type, .int(value))
    }
    guard let start = scalar(from), let end = scalar(to) else { return nil }
    let tests: [ColumnPredicate.Test]
    switch name {
    case "=": tests = [.greaterOrEqual(start), .less(end)]
    case "<": tests = [.less(start)]
    case "<=": tests = [.less(end)]
    case ">": tests = [.greaterOrEqual(end)]
    case ">=": tests = [.greaterOrEqual(start)]
    default: return nil
    }
    return tests.map { ColumnPredicate(column: column, test: $0) }
  }

  /// Days since 1970 of January 1st, in the proleptic Gregorian calendar.
  private static func firstDay(ofYear year: Int64) -> Int64 {
    let before = year - 1
    return 365 * before + before / 4 - before / 100 + before / 400 - 719_162
  }
}
