package import Columnar

/// Which values change type on their own: Trino's coercion lattice (sql.md 4.1).
package enum TypeCoercion {
  /// The type that values of both types are brought to when they meet in one place; nil when there is none.
  package static func commonSuperType(_ left: SQLType, _ right: SQLType) -> SQLType? {
    if left == right { return left }
    switch (left, right) {
    case (.unknown, _): return right
    case (_, .unknown): return left
    case (.varchar(let first), .varchar(let second)):
      guard let first, let second else { return .varchar }
      return .varchar(length: max(first, second))
    case (.char(let first), .char(let second)): return .char(length: max(first, second))
    case (.char(let fixed), .varchar(let length)), (.varchar(let length), .char(let fixed)):
      return .char(length: max(fixed, length ?? maxCharLength))
    case (.timeTZ(let first), .timeTZ(let second)), (.time(let first), .timeTZ(let second)), (.timeTZ(let first), .time(let second)):
      return .timeTZ(precision: max(first, second))
    case (.time(let first), .time(let second)): return .time(precision: max(first, second))
    case (.timestamp(let first), .timestamp(let second)): return .timestamp(precision: max(first, second))
    case (.timestampTZ(let first), .timestampTZ(let second)),
      (.timestamp(let first), .timestampTZ(let second)), (.timestampTZ(let first), .timestamp(let second)):
      return .timestampTZ(precision: max(first, second))
    case (.date, .timestamp), (.date, .timestampTZ): return right
    case (.timestamp, .date), (.timestampTZ, .date): return left
    case (.array(let first), .array(let second)):
      return commonSuperType(first, second).map { .array($0) }
    case (.map(let firstKey, let firstValue), .map(let secondKey, let secondValue)):
      guard let key = commonSuperType(firstKey, secondKey), let value = commonSuperType(firstValue, secondValue) else {
        return nil
      }
      return .map(key: key, value: value)
    case (.row(let first), .row(let second)):
      guard first.count == second.count else { return nil }
      var fields: [RowField] = []
      for (one, other) in zip(first, second) {
        guard let type = commonSuperType(one.type, other.type) else { return nil }
        fields.append(RowField(name: one.name == other.name ? one.name : nil, type: type))
      }
      return .row(fields)
    default: return commonNumericType(left, right)
    }
  }

  /// The common super type of several types; nil when two of them have none or the list is empty.
  package static func commonSuperType(_ types: some Sequence<SQLType>) -> SQLType? {
    var result: SQLType?
    for type in types {
      guard let known = result else {
        result = type
        continue
      }
      guard let common = commonSuperType(known, type) else { return nil }
      result = common
    }
    return result
  }

  /// Whether a value of one type becomes the other without a CAST.
  package static func canCoerce(from source: SQLType, to target: SQLType) -> Bool {
    switch (source, target) {
    case (.row(let first), .row(let second)):
      first.count == second.count && zip(first, second).allSatisfy { canCoerce(from: $0.type, to: $1.type) }
    case (.array(let first), .array(let second)): canCoerce(from: first, to: second)
    case (.map(let firstKey, let firstValue), .map(let secondKey, let secondValue)):
      canCoerce(from: firstKey, to: secondKey) && canCoerce(from: firstValue, to: secondValue)
    default: commonSuperType(source, target) == target
    }
  }

  /// What `char` against unbounded `varchar` compares as.
  static let maxCharLength = 65_536

  /// The decimal that holds every value of an integer type.
  package static func decimal(of integer: SQLType) -> (precision: Int, scale: Int)? {
    switch integer {
    case .tinyint: (3, 0)
    case .smallint: (5, 0)
    case .integer: (10, 0)
    case .bigint: (19, 0)
    case .decimal(let precision, let scale): (precision, scale)
    default: nil
    }
  }

  private static func commonNumericType(_ left: SQLType, _ right: SQLType) -> SQLType? {
    guard let leftRank = numericRank(left), let rightRank = numericRank(right) else { return nil }
    if case .decimal = leftRank >= rightRank ? left : right,
      let first = decimal(of: left), let second = decimal(of: right)
    {
      let scale = max(first.scale, second.scale)
      let whole = max(first.precision - first.scale, second.precision - second.scale)
      return .decimal(precision: min(SQLType.maxDecimalPrecision, whole + scale), scale: scale)
    }
    return leftRank >= rightRank ? left : right
  }

  /// The order in which numbers widen.
  static func numericRank(_ type: SQLType) -> Int? {
    switch type {
    case .tinyint: 1
    case .smallint: 2
    case .integer: 3
    case .bigint: 4
    case .decimal: 5
    case .real: 6
    case .double: 7
    default: nil
    }
  }

  /// How far a value moves on the lattice; overload choice prefers the shortest way. Nil when it cannot get there.
  static func cost(from source: SQLType, to target: SQLType) -> Int? {
    if source == target { return 0 }
    guard canCoerce(from: source, to: target) else { return nil }
    if source == .unknown { return 1 }
    if let from = numericRank(source), let to = numericRank(target) { return from == to ? 1 : (to - from) * 2 }
    switch (source, target) {
    case (.date, .timestamp): return 2
    case (.date, .timestampTZ), (.timestamp, .timestampTZ), (.time, .timeTZ): return 4
    case (.varchar, .char): return 8
    default: return 1
    }
  }
}
