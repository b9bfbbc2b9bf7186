package import Columnar

/// A column type of the Iceberg specification ("Schemas and Data Types").
package indirect enum IcebergType: Hashable, Sendable {
  case boolean, int, long, float, double, date, time
  /// Microseconds since 1970, without and with UTC adjustment.
  case timestamp, timestampTZ
  /// Nanoseconds since 1970 (format version 3).
  case timestampNanos, timestampTZNanos
  case string, uuid, binary
  case fixed(Int)
  case decimal(precision: Int, scale: Int)
  /// Always null, never stored (version 3).
  case unknown
  case variant
  /// Coordinate reference system as written; nil where none is.
  case geometry(String?)
  /// What stands in parentheses; nil for the bare word.
  case geography(String?)
  case structure([IcebergField])
  /// The element, a field named `element`.
  case list(IcebergField)
  /// Key and value, fields named `key` and `value`; keys are required.
  case map(key: IcebergField, value: IcebergField)
}

/// A column, struct field, list element, map key or map value, identified by `id` for ever.
package struct IcebergField: Hashable, Sendable {
  package var id: Int32
  package var name: String
  package var isRequired: Bool
  package var type: IcebergType
  package var documentation: String?
  /// The value of rows in files that lack the column (version 3).
  package var initialDefault: ScalarValue?
  /// The value a writer takes when the statement gives none (version 3).
  package var writeDefault: ScalarValue?

  package init(
    id: Int32, name: String, type: IcebergType, isRequired: Bool = false, documentation: String? = nil,
    initialDefault: ScalarValue? = nil, writeDefault: ScalarValue? = nil
  ) {
    self.id = id
    self.name = name
    self.type = type
    self.isRequired = isRequired
    self.documentation = documentation
    self.initialDefault = initialDefault
    self.writeDefault = writeDefault
  }
}

extension IcebergType {
  /// The fields directly inside a nested type.
  package var children: [IcebergField] {
    switch self {
    case .structure(let fields): fields
    case .list(let element): [element]
    case .map(let key, let value): [key, value]
    default: []
    }
  }

  package var isNested: Bool {
    switch self {
    case .structure, .list, .map: true
    default: false
    }
  }

  /// This type or one inside it, if the engine has no values of it: they are not read.
  package var unreadable: IcebergType? {
    switch self {
    case .variant, .geometry, .geography: self
    default: children.lazy.compactMap(\.type.unreadable).first
    }
  }

  package var isFloating: Bool { self == .float || self == .double }

  /// The lowest format version that knows the type.
  package var minimumFormatVersion: Int {
    switch self {
    case .timestampNanos, .timestampTZNanos, .unknown, .variant, .geometry, .geography: 3
    default: children.map(\.type.minimumFormatVersion).max() ?? 1
    }
  }

  /// The engine's type for values of this one.
  ///
  /// - Throws: `unsupported` for variant, geometry and geography.
  package func sqlType() throws(IcebergError) -> SQLType {
    switch self {
    case .boolean: return .boolean
    case .int: return .integer
    case .long: return .bigint
    case .float: return .real
    case .double: return .double
    case .date: return .date
    case .time: return .time(precision: 6)
    case .timestamp: return .timestamp(precision: 6)
    case .timestampTZ: return .timestampTZ(precision: 6)
    case .timestampNanos: return .timestamp(precision: 9)
    case .timestampTZNanos: return .timestampTZ(precision: 9)
    case .string: return .varchar
    case .uuid: return .uuid
    case .binary, .fixed: return .varbinary
    case .decimal(let precision, let scale): return .decimal(precision: precision, scale: scale)
    case .unknown: return .unknown
    case .structure(let fields):
      var row: [RowField] = []
      for field in fields { row.append(RowField(name: field.name, type: try field.type.sqlType())) }
      return .row(row)
    case .list(let element): return .array(try element.type.sqlType())
    case .map(let key, let value): return .map(key: try key.type.sqlType(), value: try value.type.sqlType())
    case .variant, .geometry, .geography: throw .unsupported("columns of type \(self) are not supported")
    }
  }

  /// The Iceberg type for a column of an SQL type; nested fields take ids from `nextID`, all optional.
  ///
  /// - Throws: `unsupported` for types without an Iceberg counterpart (intervals, json, ipaddress, times below microseconds).
  package init(_ type: SQLType, nextID: inout Int32) throws(IcebergError) {
    switch type {
    case .boolean: self = .boolean
    case .tinyint, .smallint, .integer: self = .int
    case .bigint: self = .long
    case .real: self = .float
    case .double: self = .double
    case .decimal(let precision, let scale): self = .decimal(precision: precision, scale: scale)
    case .varchar, .char: self = .string
    case .varbinary: self = .binary
    case .uuid: self = .uuid
    case .date: self = .date
    case .time(let precision) where precision <= 6: self = .time
    case .timestamp(let precision): self = precision <= 6 ? .timestamp : .timestampNanos
    case .timestampTZ(let precision): self = precision <= 6 ? .timestampTZ : .timestampTZNanos
    case .array(let element):
      let id = Self.take(&nextID)
      self = .list(IcebergField(id: id, name: "element", type: try IcebergType(element, nextID: &nextID)))
    case .map(let key, let value):
      let keyID = Self.take(&nextID)
      let valueID = Self.take(&nextID)
      self = .map(
        key: IcebergField(id: keyID, name: "key", type: try IcebergType(key, nextID: &nextID), isRequired: true),
        value: IcebergField(id: valueID, name: "value", type: try IcebergType(value, nextID: &nextID)))
    case .row(let fields):
      // The fields of one struct are numbered before those inside them, as Iceberg's writers do.
      let ids = fields.map { _ in Self.take(&nextID) }
      var list: [IcebergField] = []
      for (id, field) in zip(ids, fields) {
        guard let name = field.name else { throw .unsupported("a row column needs names for all its fields") }
        list.append(IcebergField(id: id, name: name, type: try IcebergType(field.type, nextID: &nextID)))
      }
      self = .structure(list)
    case .unknown, .time, .json, .ipaddress, .timeTZ, .sketch, .color, .intervalDayToSecond, .intervalYearToMonth:
      throw .unsupported("Iceberg tables have no type for \(type)")
    }
  }

  private static func take(_ nextID: inout Int32) -> Int32 {
    defer { nextID &+= 1 }
    return nextID
  }

  /// Bytes of a `fixed` that holds any decimal of that precision: the least n with 2^(8n-1) > 10^precision - 1.
  package static func decimalByteCount(precision: Int) -> Int {
    var limit: Double = 1
    for _ in 0..<min(38, max(1, precision)) { limit *= 10 }
    var bytes = 1
    var capacity: Double = 128
    while capacity < limit {
      capacity *= 256
      bytes += 1
    }
    return bytes
  }
}

extension IcebergType: CustomStringConvertible {
  /// The specification's text of a primitive type, as Java writes it; nested types as `struct<a: int>`.
  package var description: String {
    switch self {
    case .boolean: "boolean"
    case .int: "int"
    case .long: "long"
    case .float: "float"
    case .double: "double"
    case .date: "date"
    case .time: "time"
    case .timestamp: "timestamp"
    case .timestampTZ: "timestamptz"
    case .timestampNanos: "timestamp_ns"
    case .timestampTZNanos: "timestamptz_ns"
    case .string: "string"
    case .uuid: "uuid"
    case .binary: "binary"
    case .fixed(let length): "fixed[\(length)]"
    case .decimal(let precision, let scale): "decimal(\(precision), \(scale))"
    case .unknown: "unknown"
    case .variant: "variant"
    case .geometry(let parameters): parameters.map { "geometry(\($0))" } ?? "geometry"
    case .geography(let parameters): parameters.map { "geography(\($0))" } ?? "geography"
    case .structure(let fields): "struct<" + fields.map { "\($0.name): \($0.type)" }.joined(separator: ", ") + ">"
    case .list(let element): "list<\(element.type)>"
    case .map(let key, let value): "map<\(key.type), \(value.type)>"
    }
  }

  /// A primitive type from its text; blanks and case do not matter.
  static func primitive(_ text: String) -> IcebergType? {
    let word = text.filter { $0 != " " }.lowercased()
    switch word {
    case "boolean": return .boolean
    case "int": return .int
    case "long": return .long
    case "float": return .float
    case "double": return .double
    case "date": return .date
    case "time": return .time
    case "timestamp": return .timestamp
    case "timestamptz": return .timestampTZ
    case "timestamp_ns": return .timestampNanos
    case "timestamptz_ns": return .timestampTZNanos
    case "string": return .string
    case "uuid": return .uuid
    case "binary": return .binary
    case "unknown": return .unknown
    case "variant": return .variant
    case "geometry": return .geometry(nil)
    case "geography": return .geography(nil)
    default: break
    }
    if let inner = parameters(of: word, "fixed", "[", "]"), let length = Int(inner), length >= 0, length <= 1 << 30 {
      return .fixed(length)
    }
    if let inner = parameters(of: word, "decimal", "(", ")") {
      let parts = inner.split(separator: ",")
      guard parts.count == 2, let precision = Int(parts[0]), let scale = Int(parts[1]), (1...38).contains(precision),
        (0...precision).contains(scale)
      else { return nil }
      return .decimal(precision: precision, scale: scale)
    }
    if parameters(of: word, "geometry", "(", ")") != nil { return .geometry(insideParentheses(text)) }
    if parameters(of: word, "geography", "(", ")") != nil { return .geography(insideParentheses(text)) }
    return nil
  }

  private static func parameters(of word: String, _ name: String, _ open: String, _ close: String) -> String? {
    guard word.hasPrefix(name + open), word.hasSuffix(close) else { return nil }
    return String(word.dropFirst(name.count + 1).dropLast())
  }

  private static func insideParentheses(_ text: String) -> String {
    guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"), open < close else { return "" }
    return String(text[text.index(after: open)..<close])
  }
}
