package import Columnar

/// Hive's spelling of types, in which Glue stores columns: `int`, `string`, `struct<a:int,b:array<string>>`.
package enum HiveType {
  /// The text for a column of this type; nil when Hive has no such type.
  package static func text(_ type: SQLType) -> String? {
    switch type {
    case .boolean: return "boolean"
    case .tinyint: return "tinyint"
    case .smallint: return "smallint"
    case .integer: return "int"
    case .bigint: return "bigint"
    case .real: return "float"
    case .double: return "double"
    case .decimal(let precision, let scale): return "decimal(\(precision),\(scale))"
    case .varchar(nil), .json, .uuid, .time: return "string"
    case .varchar(let length?): return length <= 65_535 ? "varchar(\(length))" : "string"
    case .char(let length): return length <= 255 ? "char(\(length))" : "string"
    case .varbinary: return "binary"
    case .date: return "date"
    case .timestamp, .timestampTZ: return "timestamp"
    case .array(let element): return text(element).map { "array<\($0)>" }
    case .map(let key, let value):
      guard let key = text(key), let value = text(value) else { return nil }
      return "map<\(key),\(value)>"
    case .row(let fields):
      var parts: [String] = []
      for (index, field) in fields.enumerated() {
        guard let type = text(field.type) else { return nil }
        parts.append("\(field.name ?? "field\(index)"):\(type)")
      }
      return "struct<\(parts.joined(separator: ","))>"
    case .unknown, .ipaddress, .timeTZ, .sketch, .color, .intervalDayToSecond, .intervalYearToMonth: return nil
    }
  }

  /// Reads a type text, ignoring case and blanks between its parts. `timestamp` is `timestamp(3)`, as Athena has it for Hive tables.
  ///
  /// - Throws: `CatalogError.corrupt` naming the text.
  package static func parse(_ text: String) throws(CatalogError) -> SQLType {
    var reader = Reader(text: text, rest: Array(text.utf8)[...])
    let type = try reader.type(depth: 0)
    reader.skipBlanks()
    guard reader.rest.isEmpty else { throw reader.failure() }
    return type
  }

  private struct Reader {
    let text: String
    var rest: ArraySlice<UInt8>

    func failure() -> CatalogError { CatalogError(.corrupt, "'\(text)' is not a Hive type") }

    mutating func skipBlanks() { while let byte = rest.first, byte <= 32 { rest.removeFirst() } }

    mutating func accept(_ byte: Character) -> Bool {
      skipBlanks()
      guard let wanted = byte.asciiValue, rest.first == wanted else { return false }
      rest.removeFirst()
      return true
    }

    mutating func expect(_ byte: Character) throws(CatalogError) {
      guard accept(byte) else { throw failure() }
    }

    /// Everything up to one of the marks that end a name.
    mutating func word() -> String {
      skipBlanks()
      let ends = Array("<>(),: ".utf8)
      let bytes = rest.prefix { !ends.contains($0) }
      rest = rest.dropFirst(bytes.count)
      return String(decoding: bytes, as: UTF8.self)
    }

    mutating func number() throws(CatalogError) -> Int {
      guard let value = Int(word()), value >= 0 else { throw failure() }
      return value
    }

    mutating func type(depth: Int) throws(CatalogError) -> SQLType {
      guard depth < 100 else { throw failure() }
      switch word().lowercased() {
      case "boolean": return .boolean
      case "tinyint": return .tinyint
      case "smallint": return .smallint
      case "int", "integer": return .integer
      case "bigint", "long": return .bigint
      case "float", "real": return .real
      case "double": return .double
      case "string": return .varchar
      case "binary", "varbinary": return .varbinary
      case "date": return .date
      case "time": return .time(precision: 6)
      case "uuid": return .uuid
      case "timestamp":
        guard accept("(") else { return .timestamp(precision: 3) }
        let precision = try number()
        try expect(")")
        guard precision <= 9 else { throw failure() }
        return .timestamp(precision: precision)
      case "timestamptz", "timestamp_ltz": return .timestampTZ(precision: 6)
      case "decimal", "numeric":
        guard accept("(") else { return .decimal(precision: 10, scale: 0) }
        let precision = try number()
        let scale = accept(",") ? try number() : 0
        try expect(")")
        guard (1...SQLType.maxDecimalPrecision).contains(precision), scale <= precision else { throw failure() }
        return .decimal(precision: precision, scale: scale)
      case "varchar":
        guard accept("(") else { return .varchar }
        let length = try number()
        try expect(")")
        return .varchar(length: length)
      case "char":
        guard accept("(") else { return .char(length: 1) }
        let length = try number()
        try expect(")")
        return .char(length: length)
      case "array", "list":
        try expect("<")
        let element = try type(depth: depth + 1)
        try expect(">")
        return .array(element)
      case "map":
        try expect("<")
        let key = try type(depth: depth + 1)
        try expect(",")
        let value = try type(depth: depth + 1)
        try expect(">")
        return .map(key: key, value: value)
      case "struct", "row":
        try expect("<")
        var fields: [RowField] = []
        repeat {
          let name = word()
          guard !name.isEmpty else { throw failure() }
          try expect(":")
          fields.append(RowField(name: name, type: try type(depth: depth + 1)))
        } while accept(",")
        try expect(">")
        return .row(fields)
      default: throw failure()
      }
    }
  }
}
