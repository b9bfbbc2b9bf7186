/// SQL's three-valued logic and comparisons over optionals: nil is NULL, or unknown.
enum Logic {
  static func and(_ left: Bool?, _ right: Bool?) -> Bool? {
    if left == false || right == false { return false }
    return left == nil || right == nil ? nil : true
  }

  static func or(_ left: Bool?, _ right: Bool?) -> Bool? {
    if left == true || right == true { return true }
    return left == nil || right == nil ? nil : false
  }

  static func not(_ value: Bool?) -> Bool? { value.map { !$0 } }

  /// `value IN (list)`: unknown when it is not there but a NULL is; false for an empty list, whatever the value.
  static func isIn(_ value: Value?, _ list: [Value?]) -> Bool? {
    list.reduce(false) { or($0, compare(.equal, value, $1)) }
  }

  static func compare(_ comparison: Comparison, _ left: Value?, _ right: Value?) -> Bool? {
    guard let left, let right else { return nil }
    // NaN is equal to nothing and neither less nor greater.
    guard let order = order(left, right) else { return comparison == .notEqual }
    return switch comparison {
    case .equal: order == 0
    case .notEqual: order != 0
    case .less: order < 0
    case .lessOrEqual: order <= 0
    case .greater: order > 0
    case .greaterOrEqual: order >= 0
    }
  }

  /// `IS DISTINCT FROM`: NULL is like NULL, and NaN like NaN.
  static func isDistinct(_ left: Value?, _ right: Value?) -> Bool {
    switch (left, right) {
    case (nil, nil): return false
    case (nil, _), (_, nil): return true
    case (.row(let left)?, .row(let right)?): return zip(left, right).contains { isDistinct($0, $1) }
    case (let left?, let right?):
      guard let order = order(left, right) else { return !(left.isNaN && right.isNaN) }
      return order != 0
    }
  }

  /// Negative, zero or positive; nil when NaN is one of them. Texts go by code points, numbers of different types by value.
  private static func order(_ left: Value, _ right: Value) -> Int? {
    switch (left, right) {
    case (.integer(let left), .integer(let right)), (.decimal(let left), .decimal(let right)),
      (.date(let left), .date(let right)), (.timestamp(let left), .timestamp(let right)):
      return order(left, right)
    case (.text(let left), .text(let right)):
      if left.utf8.elementsEqual(right.utf8) { return 0 }
      return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
    case (.boolean(let left), .boolean(let right)): return order(left ? 1 : 0, right ? 1 : 0)
    case (.integer(let left), .decimal(let right)): return order(Int128(left) * 100, Int128(right))
    case (.decimal(let left), .integer(let right)): return order(Int128(left), Int128(right) * 100)
    case (.date(let left), .timestamp(let right)): return order(left * Value.microsecondsPerDay, right)
    case (.timestamp(let left), .date(let right)): return order(left, right * Value.microsecondsPerDay)
    default:
      guard let left = left.asDouble, let right = right.asDouble, !left.isNaN, !right.isNaN else { return nil }
      return order(left, right)
    }
  }

  private static func order<Number: Comparable>(_ left: Number, _ right: Number) -> Int {
    left < right ? -1 : left == right ? 0 : 1
  }
}

enum Comparison: String, Sendable, CaseIterable {
  case equal = "="
  case notEqual = "<>"
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
}

extension Value {
  fileprivate var isNaN: Bool { if case .double(let value) = self { value.isNaN } else { false } }

  /// Numbers only.
  var asDouble: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .double(let value): value
    case .decimal(let hundredths): Double(hundredths) / 100
    case .text, .date, .timestamp, .boolean, .row: nil
    }
  }
}
