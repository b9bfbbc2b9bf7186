package import Columnar

/// A condition that all wanted rows satisfy, in the table format's terms: fields by id, values of the column's type.
///
/// SQL's three values hold: a row counts only when the condition is true, so NULL fails everything but `isNull`. There is no NOT; push
/// it down to the tests before.
package indirect enum IcebergPredicate: Sendable, Hashable {
  case always(Bool)
  case all([IcebergPredicate])
  case any([IcebergPredicate])
  case test(fieldID: Int32, Test)

  package enum Test: Sendable, Hashable {
    case equal(Scalar)
    case notEqual(Scalar)
    case less(Scalar)
    case lessOrEqual(Scalar)
    case greater(Scalar)
    case greaterOrEqual(Scalar)
    case oneOf([Scalar])
    case noneOf([Scalar])
    case isNull
    case isNotNull
    case isNaN
    case isNotNaN
    /// Text or binary that begins with these bytes.
    case startsWith([UInt8])
    case notStartsWith([UInt8])
  }

  package static let everything = IcebergPredicate.always(true)

  /// Maps every test to a condition of another kind, keeping the structure.
  func map<Leaf>(_ leaf: (Int32, Test) -> Condition<Leaf>) -> Condition<Leaf> {
    switch self {
    case .always(let value): .always(value)
    case .all(let parts): Condition.all(parts.map { $0.map(leaf) })
    case .any(let parts): Condition.any(parts.map { $0.map(leaf) })
    case .test(let fieldID, let test): leaf(fieldID, test)
    }
  }

  /// True for the rows that this is not true for: false or, by a NULL, unknown.
  package var opposite: IcebergPredicate {
    switch self {
    case .always(let value): .always(!value)
    case .all(let parts): .any(parts.map(\.opposite))
    case .any(let parts): .all(parts.map(\.opposite))
    case .test(let fieldID, let test): .any(test.opposites.map { .test(fieldID: fieldID, $0) })
    }
  }

  /// The same condition without the tests whose values do not have the field's type, which would compare apples and oranges.
  package func checked(_ schema: IcebergSchema) -> IcebergPredicate {
    switch self {
    case .always: return self
    case .all(let parts): return .all(parts.map { $0.checked(schema) })
    case .any(let parts): return .any(parts.map { $0.checked(schema) })
    case .test(let fieldID, let test):
      guard let type = schema.field(id: fieldID)?.type, let sqlType = try? type.sqlType(), test.fits(sqlType) else { return .everything }
      return self
    }
  }
}

/// A tree of conditions over some kind of test.
indirect enum Condition<Leaf: Sendable>: Sendable {
  case always(Bool)
  case all([Condition])
  case any([Condition])
  case leaf(Leaf)

  /// True unless the tests rule it out.
  func evaluate(_ test: (Leaf) -> Bool) -> Bool {
    switch self {
    case .always(let value): value
    case .all(let parts): parts.allSatisfy { $0.evaluate(test) }
    case .any(let parts): parts.contains { $0.evaluate(test) }
    case .leaf(let leaf): test(leaf)
    }
  }

  /// Whether it is true without any test.
  var isAlwaysTrue: Bool {
    switch self {
    case .always(let value): value
    case .all(let parts): parts.allSatisfy(\.isAlwaysTrue)
    case .any(let parts): parts.contains { $0.isAlwaysTrue }
    case .leaf: false
    }
  }
}

extension IcebergPredicate.Test {
  /// Of a value that fails the test, one of these is true. NaN fails comparisons, and passes `notEqual` and `noneOf`.
  var opposites: [IcebergPredicate.Test] {
    switch self {
    case .equal(let value): [.notEqual(value), .isNull, .isNaN]
    case .notEqual(let value): [.equal(value), .isNull]
    case .less(let value): [.greaterOrEqual(value), .isNull, .isNaN]
    case .lessOrEqual(let value): [.greater(value), .isNull, .isNaN]
    case .greater(let value): [.lessOrEqual(value), .isNull, .isNaN]
    case .greaterOrEqual(let value): [.less(value), .isNull, .isNaN]
    case .oneOf(let values): [.noneOf(values), .isNull, .isNaN]
    case .noneOf(let values): [.oneOf(values), .isNull]
    case .isNull: [.isNotNull]
    case .isNotNull: [.isNull]
    case .isNaN: [.isNotNaN]
    case .isNotNaN: [.isNaN]
    case .startsWith(let prefix): [.notStartsWith(prefix), .isNull]
    case .notStartsWith(let prefix): [.startsWith(prefix), .isNull]
    }
  }

  /// The values compared with.
  var scalars: [Scalar] {
    switch self {
    case .equal(let value), .notEqual(let value), .less(let value), .lessOrEqual(let value), .greater(let value),
      .greaterOrEqual(let value):
      [value]
    case .oneOf(let values), .noneOf(let values): values
    case .isNull, .isNotNull, .isNaN, .isNotNaN, .startsWith, .notStartsWith: []
    }
  }

  func fits(_ type: SQLType) -> Bool {
    switch self {
    case .startsWith, .notStartsWith: type.physical == .string
    default: scalars.allSatisfy { $0.isNull || Self.comparable($0.type, type) }
    }
  }

  private static func comparable(_ left: SQLType, _ right: SQLType) -> Bool {
    switch (left, right) {
    case (.decimal(_, let leftScale), .decimal(_, let rightScale)): leftScale == rightScale
    case (.timestamp(let left), .timestamp(let right)), (.timestampTZ(let left), .timestampTZ(let right)), (.time(let left), .time(let right)):
      SQLType.ticksPerSecond(precision: left) == SQLType.ticksPerSecond(precision: right)
    case (.varchar, .varchar), (.varchar, .char), (.char, .varchar), (.char, .char): true
    case (let left, let right) where left.isInteger && right.isInteger: true
    default: left == right
    }
  }

  /// Whether the test is true for one value.
  package func holds(_ value: Scalar) -> Bool {
    if value.isNull { return self == .isNull }
    let value = value.value
    switch self {
    case .isNull: return false
    case .isNotNull: return true
    case .isNaN: return SingleValue.isNaN(value)
    case .isNotNaN: return !SingleValue.isNaN(value)
    case .equal(let scalar): return Self.order(value, scalar) == 0
    case .notEqual(let scalar): return !scalar.isNull && Self.order(value, scalar) != 0
    case .less(let scalar): return Self.order(value, scalar).map { $0 < 0 } ?? false
    case .lessOrEqual(let scalar): return Self.order(value, scalar).map { $0 <= 0 } ?? false
    case .greater(let scalar): return Self.order(value, scalar).map { $0 > 0 } ?? false
    case .greaterOrEqual(let scalar): return Self.order(value, scalar).map { $0 >= 0 } ?? false
    case .oneOf(let scalars): return scalars.contains { Self.order(value, $0) == 0 }
    case .noneOf(let scalars): return scalars.allSatisfy { !$0.isNull && Self.order(value, $0) != 0 }
    case .startsWith(let prefix): return Self.bytes(value).starts(with: prefix)
    case .notStartsWith(let prefix): return !Self.bytes(value).starts(with: prefix)
    }
  }

  package static func bytes(_ value: ScalarValue) -> [UInt8] { if case .bytes(let bytes) = value { bytes } else { [] } }

  /// SQL's order: zeros are equal; nil with NULL or NaN, which compare false with everything.
  static func order(_ value: ScalarValue, _ scalar: Scalar) -> Int? {
    guard !scalar.isNull, !SingleValue.isNaN(value), !SingleValue.isNaN(scalar.value) else { return nil }
    switch (value, scalar.value) {
    case (.real(let left), .real(let right)): return left < right ? -1 : left > right ? 1 : 0
    case (.double(let left), .double(let right)): return left < right ? -1 : left > right ? 1 : 0
    default: return SingleValue.compare(value, scalar.value)
    }
  }

  /// Whether some value between two bounds may pass; nil bounds are open.
  ///
  /// - Parameters:
  ///   - mayHoldOthers: NULLs, NaNs or unknown values may be there besides those between the bounds.
  func mayHold(lower: ScalarValue?, upper: ScalarValue?, mayHoldOthers: Bool) -> Bool {
    // Bounds that are NaN come from writers that got them wrong.
    let lower = lower.flatMap { SingleValue.isNaN($0) ? nil : $0 }
    let upper = upper.flatMap { SingleValue.isNaN($0) ? nil : $0 }
    func below(_ scalar: Scalar, orEqual: Bool) -> Bool {
      guard !scalar.isNull else { return false }
      guard let lower, let order = Self.order(lower, scalar) else { return !SingleValue.isNaN(scalar.value) }
      return orEqual ? order <= 0 : order < 0
    }
    func above(_ scalar: Scalar, orEqual: Bool) -> Bool {
      guard !scalar.isNull else { return false }
      guard let upper, let order = Self.order(upper, scalar) else { return !SingleValue.isNaN(scalar.value) }
      return orEqual ? order >= 0 : order > 0
    }
    func isOnly(_ scalar: Scalar) -> Bool {
      guard let lower, let upper, !mayHoldOthers else { return false }
      return Self.order(lower, scalar) == 0 && Self.order(upper, scalar) == 0
    }
    switch self {
    case .isNull, .isNotNull, .isNaN, .isNotNaN: return true
    case .equal(let scalar): return below(scalar, orEqual: true) && above(scalar, orEqual: true)
    case .less(let scalar): return below(scalar, orEqual: false)
    case .lessOrEqual(let scalar): return below(scalar, orEqual: true)
    case .greater(let scalar): return above(scalar, orEqual: false)
    case .greaterOrEqual(let scalar): return above(scalar, orEqual: true)
    case .oneOf(let scalars):
      // Long lists cost more than they save.
      return scalars.count > 200 || scalars.contains { below($0, orEqual: true) && above($0, orEqual: true) }
    case .notEqual(let scalar): return !scalar.isNull && !isOnly(scalar)
    case .noneOf(let scalars): return !scalars.contains { $0.isNull || isOnly($0) }
    case .startsWith(let prefix):
      if let lower, Self.bytes(lower).prefix(prefix.count).lexicographicallyPrecedes(prefix) == false,
        !Self.bytes(lower).prefix(prefix.count).elementsEqual(prefix)
      {
        return false
      }
      if let upper, Self.bytes(upper).prefix(prefix.count).lexicographicallyPrecedes(prefix) { return false }
      return true
    case .notStartsWith(let prefix):
      guard let lower, let upper, !mayHoldOthers else { return true }
      return !(Self.bytes(lower).starts(with: prefix) && Self.bytes(upper).starts(with: prefix))
    }
  }
}
