package import Columnar

/// What a parameter of a function accepts, and how its result type follows.
///
/// Type variables are bound by the first argument that meets them and widened by later ones; a lambda's parameter types are
/// read from the variables that the plain arguments bound.
package indirect enum TypePattern: Sendable, Hashable {
  /// This type, or what coerces to it.
  case exact(SQLType)
  /// Any type, the same wherever the name occurs.
  case variable(String)
  /// Any type, each argument its own.
  case any
  /// `varchar(n)` of any length, which the argument keeps.
  case varchar
  case char
  case decimal
  case time
  case timestamp
  case timestampTZ
  case timeTZ
  /// Any row type.
  case row(String)
  case array(TypePattern)
  case map(TypePattern, TypePattern)
  /// A lambda with these parameter types and this result type.
  case function([TypePattern], TypePattern)

  static let boolean = TypePattern.exact(.boolean)
  static let integer = TypePattern.exact(.integer)
  static let bigint = TypePattern.exact(.bigint)
  static let double = TypePattern.exact(.double)
  static let real = TypePattern.exact(.real)
  static let varbinary = TypePattern.exact(.varbinary)
  static let json = TypePattern.exact(.json)
  static let date = TypePattern.exact(.date)
  static let text = TypePattern.exact(.varchar)
}

extension TypePattern: CustomStringConvertible {
  package var description: String {
    switch self {
    case .exact(let type): "\(type)"
    case .variable(let name), .row(let name): name
    case .any: "any"
    case .varchar: "varchar(x)"
    case .char: "char(x)"
    case .decimal: "decimal(p,s)"
    case .time: "time(p)"
    case .timestamp: "timestamp(p)"
    case .timestampTZ: "timestamp(p) with time zone"
    case .timeTZ: "time(p) with time zone"
    case .array(let element): "array(\(element))"
    case .map(let key, let value): "map(\(key),\(value))"
    case .function(let parameters, let result):
      "function(\((parameters + [result]).map(\.description).joined(separator: ",")))"
    }
  }
}

/// The type variables found so far while arguments are matched against patterns.
package struct TypeBinding: Sendable {
  private(set) var variables: [String: SQLType] = [:]
  /// Sum of the coercion distances of all arguments; the overload with the least wins.
  private(set) var cost = 0

  package subscript(_ name: String) -> SQLType { variables[name] ?? .unknown }

  /// Matches one argument type and remembers what its variables stand for. False when it does not fit.
  mutating func match(_ pattern: TypePattern, _ type: SQLType) -> Bool {
    switch (pattern, type) {
    case (.exact(let wanted), _):
      guard let distance = Self.distance(from: type, to: wanted) else { return false }
      cost += distance
      return true
    case (.variable(let name), _):
      guard let known = variables[name] else {
        variables[name] = type
        cost += 1
        return true
      }
      guard let common = TypeCoercion.commonSuperType(known, type) else { return false }
      variables[name] = common
      cost += 1 + (common == known ? 0 : 1) + (common == type ? 0 : 1)
      return true
    case (.any, _):
      cost += 1
      return true
    case (.row(let name), .row):
      variables[name] = type
      return true
    case (.varchar, .varchar), (.char, .char), (.decimal, .decimal), (.time, .time), (.timestamp, .timestamp),
      (.timestampTZ, .timestampTZ), (.timeTZ, .timeTZ):
      return true
    case (.array(let element), .array(let type)): return match(element, type)
    case (.map(let key, let value), .map(let keyType, let valueType)):
      return match(key, keyType) && match(value, valueType)
    case (_, .unknown):
      cost += 1
      return true
    case (.varchar, .char):
      // Trino has no such coercion; for function arguments the padded text is what every caller means.
      cost += 6
      return true
    case (.char, .varchar):
      cost += 8
      return true
    case (.decimal, .tinyint), (.decimal, .smallint), (.decimal, .integer), (.decimal, .bigint):
      cost += 2 * (5 - (TypeCoercion.numericRank(type) ?? 0))
      return true
    case (.timestamp, .date):
      cost += 2
      return true
    case (.timestampTZ, .timestamp), (.timestampTZ, .date), (.timeTZ, .time):
      cost += 4
      return true
    default: return false
    }
  }

  private static func distance(from source: SQLType, to target: SQLType) -> Int? {
    if case .char = source, target == .varchar { return 6 }
    return TypeCoercion.cost(from: source, to: target)
  }

  /// The type an argument of type `type` is cast to for a parameter of this pattern.
  func substitute(_ pattern: TypePattern, for type: SQLType?) -> SQLType {
    switch pattern {
    case .exact(let wanted): return wanted
    case .variable(let name): return variables[name] ?? .unknown
    case .any: return type ?? .unknown
    case .row(let name): return variables[name] ?? type ?? .unknown
    case .varchar:
      switch type {
      case .varchar: return type ?? .varchar
      case .char(let length): return .varchar(length: length)
      default: return .varchar
      }
    case .char:
      switch type {
      case .char: return type ?? .char(length: 1)
      case .varchar(let length?): return .char(length: length)
      default: return .char(length: TypeCoercion.maxCharLength)
      }
    case .decimal:
      guard let type, let shape = TypeCoercion.decimal(of: type) else { return .decimal(precision: 1, scale: 0) }
      return .decimal(precision: shape.precision, scale: shape.scale)
    case .time: if case .time = type { return type ?? .time(precision: 3) } else { return .time(precision: 3) }
    case .timeTZ:
      switch type {
      case .timeTZ: return type ?? .timeTZ(precision: 3)
      case .time(let precision): return .timeTZ(precision: precision)
      default: return .timeTZ(precision: 3)
      }
    case .timestamp:
      if case .timestamp = type { return type ?? .timestamp(precision: 3) } else { return .timestamp(precision: 3) }
    case .timestampTZ:
      switch type {
      case .timestampTZ: return type ?? .timestampTZ(precision: 3)
      case .timestamp(let precision): return .timestampTZ(precision: precision)
      default: return .timestampTZ(precision: 3)
      }
    case .array(let element):
      if case .array(let elementType) = type { return .array(substitute(element, for: elementType)) }
      return .array(substitute(element, for: nil))
    case .map(let key, let value):
      if case .map(let keyType, let valueType) = type {
        return .map(key: substitute(key, for: keyType), value: substitute(value, for: valueType))
      }
      return .map(key: substitute(key, for: nil), value: substitute(value, for: nil))
    case .function(_, let result): return substitute(result, for: type)
    }
  }
}
