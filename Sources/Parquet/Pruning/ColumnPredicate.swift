package import Columnar

/// A simple condition on one leaf column. Conditions given together must all hold.
package struct ColumnPredicate: Sendable, Hashable {
  package enum Test: Sendable, Hashable {
    case equal(Scalar)
    case less(Scalar)
    case lessOrEqual(Scalar)
    case greater(Scalar)
    case greaterOrEqual(Scalar)
    case isIn([Scalar])
    case isNull
    case isNotNull
  }

  /// Index of the leaf in `ParquetFile.leaves`.
  package var leaf: Int
  /// Its scalars have the leaf's type; others never prune.
  package var test: Test

  package init(leaf: Int, _ test: Test) {
    self.leaf = leaf
    self.test = test
  }
}

/// What is known of the values of a column chunk or page.
struct ValueBounds {
  /// No value lies below or above; nil when unknown.
  var minimum: ScalarValue?
  var maximum: ScalarValue?
  var nullCount: Int64?
  /// Values with nulls; nil when unknown.
  var valueCount: Int64?

  /// False only when certainly no value meets the test.
  func mayMatch(_ test: ColumnPredicate.Test, type: SQLType) -> Bool {
    if case .isNull = test {
      // A null count of 0 without bounds is a mistake of some old writers.
      return !(nullCount == 0 && minimum != nil)
    }
    if let nullCount, let valueCount, nullCount == valueCount { return false }
    switch test {
    case .isNull, .isNotNull: return true
    case .equal(let scalar): return mayEqual(scalar, type)
    case .isIn(let scalars): return scalars.contains { mayEqual($0, type) }
    case .less(let scalar): return compare(minimum, scalar, type) { $0 < 0 }
    case .lessOrEqual(let scalar): return compare(minimum, scalar, type) { $0 <= 0 }
    case .greater(let scalar): return compare(maximum, scalar, type) { $0 > 0 }
    case .greaterOrEqual(let scalar): return compare(maximum, scalar, type) { $0 >= 0 }
    }
  }

  private func mayEqual(_ scalar: Scalar, _ type: SQLType) -> Bool {
    compare(minimum, scalar, type) { $0 <= 0 } && compare(maximum, scalar, type) { $0 >= 0 }
  }

  /// Whether a bound stands to the scalar as asked; true when one of them says nothing. NULL matches nothing.
  private func compare(_ bound: ScalarValue?, _ scalar: Scalar, _ type: SQLType, _ holds: (Int) -> Bool) -> Bool {
    if scalar.isNull { return false }
    guard scalar.type == type || scalar.type.physical == type.physical && !type.hasParameters, let bound,
      let order = bound.order(scalar.value)
    else { return true }
    return holds(order)
  }
}

extension SQLType {
  /// Whether values of the same physical type can mean different things under different parameters.
  var hasParameters: Bool {
    switch self {
    case .decimal, .time, .timestamp, .timestampTZ: true
    default: false
    }
  }
}

extension ScalarValue {
  /// Negative, zero or positive as this comes before, with or after the other; nil for values of different kinds and for NaN.
  func order(_ other: ScalarValue) -> Int? {
    func compared<Value: Comparable>(_ left: Value, _ right: Value) -> Int { left < right ? -1 : (left == right ? 0 : 1) }
    switch (self, other) {
    case (.boolean(let left), .boolean(let right)): return compared(left ? 1 : 0, right ? 1 : 0)
    case (.int(let left), .int(let right)): return compared(left, right)
    case (.int128(let left), .int128(let right)): return compared(left, right)
    case (.int128(let left), .int(let right)): return compared(left, Int128(right))
    case (.int(let left), .int128(let right)): return compared(Int128(left), right)
    case (.real(let left), .real(let right)): return left.isNaN || right.isNaN ? nil : compared(left, right)
    case (.double(let left), .double(let right)): return left.isNaN || right.isNaN ? nil : compared(left, right)
    case (.timestampTZ(let left), .timestampTZ(let right)): return compared(left.instant, right.instant)
    case (.bytes(let left), .bytes(let right)):
      if left == right { return 0 }
      return left.lexicographicallyPrecedes(right) ? -1 : 1
    default: return nil
    }
  }
}
