import Columnar

/// A type as the corpus' expectations spell it, for instance `list<struct<k:int32,v:string>>`.
indirect enum ExpectedType {
  case plain(String)
  case decimal(scale: Int)
  case fixed(Int)
  /// Time or timestamp with the digits of its unit; `name` is time, timestamp or timestamptz.
  case temporal(name: String, digits: Int)
  case list(ExpectedType)
  case map(ExpectedType, ExpectedType)
  case row([(name: String, type: ExpectedType)])

  init?(_ text: String) {
    var rest = text[...]
    guard let type = Self.parse(&rest), rest.isEmpty else { return nil }
    self = type
  }

  private static func parse(_ text: inout Substring) -> ExpectedType? {
    let name = text.prefix { $0.isLetter || $0.isNumber }
    text = text.dropFirst(name.count)
    switch name {
    case "list":
      guard take("<", &text), let element = parse(&text), take(">", &text) else { return nil }
      return .list(element)
    case "map":
      guard take("<", &text), let key = parse(&text), take(",", &text), let value = parse(&text), take(">", &text)
      else { return nil }
      return .map(key, value)
    case "struct":
      guard take("<", &text) else { return nil }
      var fields: [(String, ExpectedType)] = []
      while !take(">", &text) {
        if !fields.isEmpty, !take(",", &text) { return nil }
        let field = text.prefix { $0 != ":" }
        text = text.dropFirst(field.count + 1)
        guard let type = parse(&text) else { return nil }
        fields.append((String(field), type))
      }
      return .row(fields)
    case "decimal":
      guard let arguments = arguments(&text), arguments.count == 2, let scale = Int(arguments[1]) else { return nil }
      return .decimal(scale: scale)
    case "fixed":
      guard let length = arguments(&text)?.first.flatMap({ Int($0) }) else { return nil }
      return .fixed(length)
    case "time", "timestamp", "timestamptz":
      guard let unit = arguments(&text)?.first, let digits = ["ms": 3, "us": 6, "ns": 9][unit] else { return nil }
      return .temporal(name: String(name), digits: digits)
    default: return .plain(String(name))
    }
  }

  private static func take(_ token: Character, _ text: inout Substring) -> Bool {
    guard text.first == token else { return false }
    text.removeFirst()
    return true
  }

  private static func arguments(_ text: inout Substring) -> [String]? {
    guard take("(", &text) else { return nil }
    let inside = text.prefix { $0 != ")" }
    text = text.dropFirst(inside.count + 1)
    return inside.split(separator: ",").map(String.init)
  }

  /// Whether the reader's type is the one this should have become.
  func matches(_ type: SQLType) -> Bool {
    switch (self, type) {
    case (.list(let element), .array(let found)): return element.matches(found)
    case (.map(let key, let value), .map(let foundKey, let foundValue)):
      return key.matches(foundKey) && value.matches(foundValue)
    case (.row(let fields), .row(let found)):
      return fields.count == found.count && zip(fields, found).allSatisfy { $0.name == $1.name && $0.type.matches($1.type) }
    case (.decimal(let scale), .decimal(_, let foundScale)): return scale == foundScale
    case (.fixed, .varbinary), (.fixed(16), .uuid): return true
    case (.temporal("time", let digits), .time(let precision)): return digits == precision
    case (.temporal("timestamp", let digits), .timestamp(let precision)): return digits == precision
    case (.temporal("timestamptz", let digits), .timestampTZ(let precision)): return digits == precision
    case (.plain(let name), _):
      return switch (name, type) {
      case ("boolean", .boolean), ("int8", .tinyint), ("int16", .smallint), ("int32", .integer), ("int64", .bigint),
        ("uint8", .smallint), ("uint16", .integer), ("uint32", .bigint), ("uint64", .decimal(20, 0)),
        ("float16", .real), ("float", .real), ("double", .double), ("string", .varchar), ("string", .json),
        ("binary", .varbinary), ("date", .date), ("binary", .varchar), ("null", _):
        true
      default: false
      }
    default: return false
    }
  }
}
