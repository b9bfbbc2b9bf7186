import Columnar

/// A JSON value taken apart, as SQL/JSON paths walk it.
indirect enum JSONItem {
  case null
  case boolean(Bool)
  /// A number as written; `integer` when it is a whole number of 64 bits.
  case number(text: [UInt8], value: Double, integer: Int64?)
  case string([UInt8])
  case array([JSONItem])
  /// Members in order; names may repeat, the first counts.
  case object([(name: [UInt8], value: JSONItem)])

  /// Nil when the bytes are not one JSON value.
  static func parse(_ bytes: UnsafeRawBufferPointer) -> JSONItem? {
    var scanner = JSONScanner(bytes)
    guard let item = read(&scanner, depth: 0) else { return nil }
    scanner.skipSpace()
    return scanner.isAtEnd ? item : nil
  }

  private static func read(_ scanner: inout JSONScanner, depth: Int) -> JSONItem? {
    guard depth < JSONScanner.maximumDepth else { return nil }
    switch scanner.kind() {
    case .null: return scanner.acceptWord("null") ? .null : nil
    case .boolean:
      let isTrue = scanner.peek == UInt8(ascii: "t")
      return scanner.acceptWord(isTrue ? "true" : "false") ? .boolean(isTrue) : nil
    case .number:
      guard let (text, isFloating) = scanner.number() else { return nil }
      return .number(
        text: Array(text), value: NumberParser.double(text) ?? .nan,
        integer: isFloating ? nil : NumberParser.integer(text, as: Int64.self))
    case .string:
      var text = TextBuffer()
      return scanner.string(into: &text) ? .string(Array(text.bytes)) : nil
    case .array:
      var items: [JSONItem] = []
      let isWhole = scanner.elements { scanner in
        guard let item = read(&scanner, depth: depth + 1) else { return false }
        items.append(item)
        return true
      }
      return isWhole ? .array(items) : nil
    case .object:
      var members: [(name: [UInt8], value: JSONItem)] = []
      let isWhole = scanner.members { scanner in
        scanner.skipSpace()
        var name = TextBuffer()
        guard scanner.string(into: &name), scanner.accept(UInt8(ascii: ":")),
          let value = read(&scanner, depth: depth + 1)
        else { return false }
        members.append((Array(name.bytes), value))
        return true
      }
      return isWhole ? .object(members) : nil
    case .invalid: return nil
    }
  }

  static func integer(_ value: Int64) -> JSONItem {
    .number(text: Array(String(value).utf8), value: Double(value), integer: value)
  }

  static func double(_ value: Double) -> JSONItem {
    .number(text: Array(javaText(value).utf8), value: value, integer: nil)
  }

  func append(to out: inout TextBuffer) {
    switch self {
    case .null: out.append("null")
    case .boolean(let flag): if flag { out.append("true") } else { out.append("false") }
    case .number(let text, _, _): text.withUnsafeBytes { out.append($0) }
    case .string(let bytes): bytes.withUnsafeBytes { out.append(jsonString: $0) }
    case .array(let items):
      out.append(UInt8(ascii: "["))
      for (index, item) in items.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        item.append(to: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let members):
      out.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        member.name.withUnsafeBytes { out.append(jsonString: $0) }
        out.append(UInt8(ascii: ":"))
        member.value.append(to: &out)
      }
      out.append(UInt8(ascii: "}"))
    }
  }

  /// What `.type()` says.
  var typeName: String {
    switch self {
    case .null: "null"
    case .boolean: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }

  var isScalar: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }
}
