/// A SQL type as the engine computes with it (Trino's vocabulary; sql.md section 3).
///
/// `varchar(length: nil)` is unbounded. Precisions of times and timestamps are fractional digits, 0...9.
package indirect enum SQLType: Hashable, Sendable {
  /// The type of a bare NULL; coerces to every other type.
  case unknown
  case boolean
  case tinyint, smallint, integer, bigint
  case real, double
  case decimal(precision: Int, scale: Int)
  case varchar(length: Int?)
  case char(length: Int)
  case varbinary
  case json
  case uuid
  case ipaddress
  case sketch(SketchType)
  /// Of text on a terminal: red, green and blue in a byte each, or one of the terminal's own colors as -1...-8.
  case color
  case date
  case time(precision: Int)
  case timeTZ(precision: Int)
  case timestamp(precision: Int)
  case timestampTZ(precision: Int)
  case intervalDayToSecond
  case intervalYearToMonth
  case array(SQLType)
  case map(key: SQLType, value: SQLType)
  case row([RowField])

  package static let varchar = SQLType.varchar(length: nil)
  /// The largest precision of a decimal.
  package static let maxDecimalPrecision = 38
}

/// One field of a `row` type; anonymous fields have no name.
package struct RowField: Hashable, Sendable {
  package var name: String?
  package var type: SQLType

  package init(name: String?, type: SQLType) {
    self.name = name
    self.type = type
  }
}

/// How the values of a column lie in memory.
///
/// | physical | bytes | SQL types |
/// |---|---|---|
/// | boolean | 1 (0 or 1) | boolean, unknown |
/// | int8, int16, int32, int64 | 1, 2, 4, 8 | tinyint, smallint, integer and date (days) and year-month interval (months) and color, bigint and decimal up to 18 digits and time and timestamp and day-second interval (milliseconds) |
/// | int128 | 16 | decimal of 19...38 digits; uuid and ipaddress (big-endian value, top bit flipped, so that signed order is byte order) |
/// | float, double | 4, 8 | real, double |
/// | string | 16 (`StringView`) | varchar, char, varbinary, json, sketches |
/// | timestampTZ | 16 (`TimestampTZ`) | timestamp with time zone; time with time zone (its instant is the time of day in UTC, its zone an offset) |
/// | list | 8 (`ListEntry`) | array (one child), map (two children: keys, values) |
/// | row | 0 | row (a child per field, as long as the column) |
///
/// Times and timestamps up to 6 fractional digits count microseconds; 7...9 digits count nanoseconds.
package enum PhysicalType: Hashable, Sendable {
  case boolean, int8, int16, int32, int64, int128, float, double, string, timestampTZ, list, row

  /// Bytes per value in the value buffer; zero for rows, which have children only.
  package var byteWidth: Int {
    switch self {
    case .boolean, .int8: 1
    case .int16: 2
    case .int32, .float: 4
    case .int64, .double, .list: 8
    case .int128, .string, .timestampTZ: 16
    case .row: 0
    }
  }
}

extension SQLType {
  package var physical: PhysicalType {
    switch self {
    case .unknown, .boolean: .boolean
    case .tinyint: .int8
    case .smallint: .int16
    case .integer, .date, .intervalYearToMonth, .color: .int32
    case .bigint, .time, .timestamp, .intervalDayToSecond: .int64
    case .decimal(let precision, _): precision <= 18 ? .int64 : .int128
    case .real: .float
    case .double: .double
    case .varchar, .char, .varbinary, .json, .sketch: .string
    case .uuid, .ipaddress: .int128
    case .timestampTZ, .timeTZ: .timestampTZ
    case .array, .map: .list
    case .row: .row
    }
  }

  /// Types of the child columns: element; key and value; fields.
  package var children: [SQLType] {
    switch self {
    case .array(let element): [element]
    case .map(let key, let value): [key, value]
    case .row(let fields): fields.map(\.type)
    default: []
    }
  }

  package var isNested: Bool {
    switch self {
    case .array, .map, .row: true
    default: false
    }
  }

  package var isInteger: Bool {
    switch self {
    case .tinyint, .smallint, .integer, .bigint: true
    default: false
    }
  }

  package var isNumeric: Bool {
    switch self {
    case .tinyint, .smallint, .integer, .bigint, .real, .double, .decimal: true
    default: false
    }
  }

  /// Character types, whose bytes are UTF-8 text.
  package var isText: Bool {
    switch self {
    case .varchar, .char, .json: true
    default: false
    }
  }

  /// Ticks per second of a time or timestamp with this many fractional digits.
  package static func ticksPerSecond(precision: Int) -> Int64 { precision <= 6 ? 1_000_000 : 1_000_000_000 }
}

extension SQLType: CustomStringConvertible {
  /// Trino's display form, as `typeof` gives it.
  package var description: String {
    switch self {
    case .unknown: "unknown"
    case .boolean: "boolean"
    case .tinyint: "tinyint"
    case .smallint: "smallint"
    case .integer: "integer"
    case .bigint: "bigint"
    case .real: "real"
    case .double: "double"
    case .decimal(let precision, let scale): "decimal(\(precision),\(scale))"
    case .varchar(nil): "varchar"
    case .varchar(let length?): "varchar(\(length))"
    case .char(let length): "char(\(length))"
    case .varbinary: "varbinary"
    case .json: "json"
    case .uuid: "uuid"
    case .ipaddress: "ipaddress"
    case .sketch(let type): "\(type)"
    case .color: "color"
    case .date: "date"
    case .time(let precision): "time(\(precision))"
    case .timeTZ(let precision): "time(\(precision)) with time zone"
    case .timestamp(let precision): "timestamp(\(precision))"
    case .timestampTZ(let precision): "timestamp(\(precision)) with time zone"
    case .intervalDayToSecond: "interval day to second"
    case .intervalYearToMonth: "interval year to month"
    case .array(let element): "array(\(element))"
    case .map(let key, let value): "map(\(key), \(value))"
    case .row(let fields):
      "row("
        + fields.map { field in
          guard let name = field.name else { return "\(field.type)" }
          return "\(Self.quotedIfNeeded(name)) \(field.type)"
        }.joined(separator: ", ") + ")"
    }
  }

  /// A field name as it must be written in a type: quoted unless it is a plain lower-case identifier.
  private static func quotedIfNeeded(_ name: String) -> String {
    let isPlain =
      !name.isEmpty
      && name.utf8.enumerated().allSatisfy { index, byte in
        (byte >= 0x61 && byte <= 0x7A) || byte == 0x5F || (index > 0 && byte >= 0x30 && byte <= 0x39)
      }
    if isPlain { return name }
    var quoted = "\""
    for character in name {
      if character == "\"" { quoted += "\"" }
      quoted.append(character)
    }
    return quoted + "\""
  }
}
