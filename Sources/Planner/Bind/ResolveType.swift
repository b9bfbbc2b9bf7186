package import Columnar
package import SQLSyntax

extension Binder {
  /// The type that a written type names. Hive's words (`string`, `int`, `struct<…>`) are taken too.
  package func resolve(_ name: TypeName) throws(SQLError) -> SQLType { try SQLType.resolved(name) }
}

extension SQLType {
  /// The type that a written type names, in Trino's reading: `timestamp` is `timestamp(3)`, `decimal` is `decimal(38,0)`.
  package static func resolved(_ name: TypeName) throws(SQLError) -> SQLType {
    switch name.kind {
    case .array(let element): return .array(try resolved(element))
    case .map(let key, let value): return .map(key: try resolved(key), value: try resolved(value))
    case .row(let fields):
      var result: [RowField] = []
      for field in fields {
        // Unquoted field names fold to lower case, quoted ones keep their case (sql.md 2).
        result.append(
          RowField(name: field.name.map { $0.isQuoted ? $0.spelling : $0.folded }, type: try resolved(field.type)))
      }
      return .row(result)
    case .time(let precision, let withTimeZone):
      let precision = try checked(precision ?? 3, name)
      return withTimeZone ? .timeTZ(precision: precision) : .time(precision: precision)
    case .timestamp(let precision, let withTimeZone):
      let precision = try checked(precision ?? 3, name)
      return withTimeZone ? .timestampTZ(precision: precision) : .timestamp(precision: precision)
    case .interval(let from, let to):
      switch (from, to) {
      case (.year, .month): return .intervalYearToMonth
      case (.day, .second): return .intervalDayToSecond
      default: throw unknown(name)
      }
    case .named(let identifier, let arguments): return try resolved(identifier, arguments, name)
    }
  }

  private static func checked(_ precision: Int, _ name: TypeName) throws(SQLError) -> Int {
    guard (0...9).contains(precision) else {
      throw SQLError.notSupported(
        "Type \(name.displayName) is not supported: at most 9 fraction digits", range: name.range)
    }
    return precision
  }

  private static func resolved(
    _ identifier: Identifier, _ arguments: [TypeArgument], _ name: TypeName
  ) throws(SQLError) -> SQLType {
    var numbers: [Int] = []
    var types: [SQLType] = []
    for argument in arguments {
      switch argument {
      case .number(let number):
        guard let value = number.int64Value, value >= 0, value <= Int64(Int32.max) else { throw unknown(name) }
        numbers.append(Int(value))
      case .type(let type): types.append(try resolved(type))
      }
    }
    func plain(_ type: SQLType) throws(SQLError) -> SQLType {
      guard arguments.isEmpty else { throw unknown(name) }
      return type
    }
    switch identifier.folded {
    case "boolean", "bool": return try plain(.boolean)
    case "tinyint", "byte": return try plain(.tinyint)
    case "smallint", "short": return try plain(.smallint)
    case "integer", "int": return try plain(.integer)
    case "bigint", "long": return try plain(.bigint)
    case "real", "float": return try plain(.real)
    case "double": return try plain(.double)
    case "decimal", "dec", "numeric":
      guard numbers.count == arguments.count, numbers.count <= 2 else { throw unknown(name) }
      let precision = numbers.first ?? maxDecimalPrecision
      let scale = numbers.count == 2 ? numbers[1] : 0
      guard (1...maxDecimalPrecision).contains(precision) else {
        throw SQLError(
          .invalidArguments, "DECIMAL precision must be in range [1, \(maxDecimalPrecision)]: \(precision)",
          range: name.range)
      }
      guard scale <= precision else {
        throw SQLError(
          .invalidArguments, "DECIMAL scale must be in range [0, precision (\(precision))]: \(scale)", range: name.range)
      }
      return .decimal(precision: precision, scale: scale)
    case "varchar":
      guard numbers.count == arguments.count, numbers.count <= 1 else { throw unknown(name) }
      return .varchar(length: numbers.first)
    case "string", "text": return try plain(.varchar)
    case "char", "character":
      guard numbers.count == arguments.count, numbers.count <= 1 else { throw unknown(name) }
      let length = numbers.first ?? 1
      guard (1...65_536).contains(length) else {
        throw SQLError(
          .invalidArguments, "CHAR length must be in range [1, 65536], got \(length)", range: name.range)
      }
      return .char(length: length)
    case "varbinary", "binary": return try plain(.varbinary)
    case "json": return try plain(.json)
    case "uuid": return try plain(.uuid)
    case "ipaddress": return try plain(.ipaddress)
    case "color": return try plain(.color)
    case "hyperloglog": return try plain(.sketch(.hyperLogLog))
    case "p4hyperloglog": return try plain(.sketch(.p4HyperLogLog))
    case "tdigest": return try plain(.sketch(.tdigest))
    case "setdigest": return try plain(.sketch(.setDigest))
    case "qdigest":
      guard types.count == 1, arguments.count == 1, let number = QuantileNumber.allCases.first(where: { $0.type == types[0] }) else { throw unknown(name) }
      return .sketch(.qdigest(number))
    case "date": return try plain(.date)
    case "time", "timestamp", "timestamp_ntz", "timestamptz", "timestamp_ltz":
      guard numbers.count == arguments.count, numbers.count <= 1 else { throw unknown(name) }
      let precision = try checked(numbers.first ?? 3, name)
      switch identifier.folded {
      case "time": return .time(precision: precision)
      case "timestamptz", "timestamp_ltz": return .timestampTZ(precision: precision)
      default: return .timestamp(precision: precision)
      }
    case "array", "list":
      guard types.count == 1, arguments.count == 1 else { throw unknown(name) }
      return .array(types[0])
    case "map":
      guard types.count == 2, arguments.count == 2 else { throw unknown(name) }
      return .map(key: types[0], value: types[1])
    case "row", "struct":
      guard !types.isEmpty, types.count == arguments.count else { throw unknown(name) }
      return .row(types.map { RowField(name: nil, type: $0) })
    case "unknown": return try plain(.unknown)
    default: throw unknown(name)
    }
  }

  private static func unknown(_ name: TypeName) -> SQLError {
    let known = [
      "boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "decimal", "varchar", "char", "varbinary",
      "json", "uuid", "ipaddress", "date", "time", "timestamp", "array", "map", "row",
      "HyperLogLog", "tdigest", "qdigest", "SetDigest",
    ]
    return SQLError(
      .typeNotFound, "Unknown type: \(name.displayName)", range: name.range,
      hint: Suggestion.hint(for: name.displayName, among: known))
  }
}

extension TypeName {
  /// The type as written, near enough for messages.
  var displayName: String {
    switch kind {
    case .named(let name, let arguments):
      arguments.isEmpty
        ? name.folded : "\(name.folded)(\(arguments.map(\.displayName).joined(separator: ", ")))"
    case .array(let element): "array(\(element.displayName))"
    case .map(let key, let value): "map(\(key.displayName), \(value.displayName))"
    case .row(let fields):
      "row(\(fields.map { (($0.name.map { $0.spelling + " " }) ?? "") + $0.type.displayName }.joined(separator: ", ")))"
    case .time(let precision, let withTimeZone):
      "time" + (precision.map { "(\($0))" } ?? "") + (withTimeZone ? " with time zone" : "")
    case .timestamp(let precision, let withTimeZone):
      "timestamp" + (precision.map { "(\($0))" } ?? "") + (withTimeZone ? " with time zone" : "")
    case .interval(let from, let to): "interval \(from.rawValue.lowercased()) to \(to.rawValue.lowercased())"
    }
  }
}

extension TypeArgument {
  var displayName: String {
    switch self {
    case .number(let number): number.text
    case .type(let type): type.displayName
    }
  }
}
