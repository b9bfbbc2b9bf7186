package import Columnar

/// Walks JSON text without building a tree; what json functions and casts of millions of short documents need.
///
/// Methods return false on malformed text and then leave `position` anywhere; nothing is read outside `bytes`.
struct JSONScanner {
  /// Nesting beyond this is refused instead of exhausting the stack.
  static let maximumDepth = 1000

  let bytes: UnsafeRawBufferPointer
  var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  enum Kind { case object, array, string, number, boolean, null, invalid }

  @inline(__always)
  mutating func skipSpace() {
    while position < bytes.count {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      position &+= 1
    }
  }

  var peek: UInt8? { position < bytes.count ? bytes[position] : nil }
  var isAtEnd: Bool { position >= bytes.count }

  mutating func accept(_ byte: UInt8) -> Bool {
    skipSpace()
    guard peek == byte else { return false }
    position &+= 1
    return true
  }

  /// What the value at the position is, by its first byte.
  mutating func kind() -> Kind {
    skipSpace()
    switch peek {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n"): return .null
    case .some(let byte) where byte == UInt8(ascii: "-") || (byte >= 0x30 && byte <= 0x39): return .number
    default: return .invalid
    }
  }

  /// Passes over one value of any kind.
  mutating func skipValue(depth: Int = 0) -> Bool {
    guard depth < Self.maximumDepth else { return false }
    switch kind() {
    case .string: return skipString()
    case .number: return number() != nil
    case .boolean: return acceptWord(bytes[position] == UInt8(ascii: "t") ? "true" : "false")
    case .null: return acceptWord("null")
    case .object:
      return members { scanner in
        scanner.skipSpace()
        return scanner.skipString() && scanner.accept(UInt8(ascii: ":")) && scanner.skipValue(depth: depth + 1)
      }
    case .array: return elements { scanner in scanner.skipValue(depth: depth + 1) }
    case .invalid: return false
    }
  }

  /// Calls `body` at every member of the object at the position; `body` consumes name, colon and value.
  mutating func members(_ body: (inout JSONScanner) -> Bool) -> Bool {
    guard accept(UInt8(ascii: "{")) else { return false }
    if accept(UInt8(ascii: "}")) { return true }
    while true {
      guard body(&self) else { return false }
      if accept(UInt8(ascii: ",")) { continue }
      return accept(UInt8(ascii: "}"))
    }
  }

  /// Calls `body` at every element of the array at the position.
  mutating func elements(_ body: (inout JSONScanner) -> Bool) -> Bool {
    guard accept(UInt8(ascii: "[")) else { return false }
    if accept(UInt8(ascii: "]")) { return true }
    while true {
      guard body(&self) else { return false }
      if accept(UInt8(ascii: ",")) { continue }
      return accept(UInt8(ascii: "]"))
    }
  }

  mutating func acceptWord(_ word: StaticString) -> Bool {
    let end = position + word.utf8CodeUnitCount
    guard end <= bytes.count, NumberParser.equals(slice(bytes, position, end), word) else { return false }
    position = end
    return true
  }

  /// The text of a number by JSON's grammar, and whether it has a fraction or an exponent.
  mutating func number() -> (text: UnsafeRawBufferPointer, isFloating: Bool)? {
    let start = position
    var isFloating = false
    if peek == UInt8(ascii: "-") { position &+= 1 }
    let first = position
    skipDigits()
    guard position > first, bytes[first] != 0x30 || position == first + 1 else { return nil }
    if peek == UInt8(ascii: ".") {
      isFloating = true
      position &+= 1
      let fraction = position
      skipDigits()
      guard position > fraction else { return nil }
    }
    if let byte = peek, byte | 0x20 == UInt8(ascii: "e") {
      isFloating = true
      position &+= 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position &+= 1 }
      let exponent = position
      skipDigits()
      guard position > exponent else { return nil }
    }
    return (slice(bytes, start, position), isFloating)
  }

  private mutating func skipDigits() {
    while position < bytes.count, bytes[position] &- 0x30 <= 9 { position &+= 1 }
  }

  /// Passes over the string at the position.
  mutating func skipString() -> Bool {
    guard peek == UInt8(ascii: "\"") else { return false }
    position &+= 1
    while position < bytes.count {
      let byte = bytes[position]
      position &+= 1
      if byte == UInt8(ascii: "\"") { return true }
      if byte == UInt8(ascii: "\\") {
        guard position < bytes.count else { return false }
        position &+= 1
      } else if byte < 0x20 {
        return false
      }
    }
    return false
  }

  /// Appends the content of the string at the position, escapes resolved.
  mutating func string(into out: inout TextBuffer) -> Bool {
    guard peek == UInt8(ascii: "\"") else { return false }
    position &+= 1
    var run = position
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        out.append(slice(bytes, run, position))
        position &+= 1
        return true
      }
      if byte < 0x20 { return false }
      guard byte == UInt8(ascii: "\\") else {
        position &+= 1
        continue
      }
      out.append(slice(bytes, run, position))
      guard position + 1 < bytes.count else { return false }
      let escape = bytes[position + 1]
      position &+= 2
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(escape)
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0C)
      case UInt8(ascii: "n"): out.append(0x0A)
      case UInt8(ascii: "r"): out.append(0x0D)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "u"):
        guard let unit = hexUnit() else { return false }
        var scalar = UInt32(unit)
        if unit >= 0xD800 && unit < 0xDC00, peek == UInt8(ascii: "\\"), position + 1 < bytes.count,
          bytes[position + 1] == UInt8(ascii: "u")
        {
          let saved = position
          position &+= 2
          if let low = hexUnit(), low >= 0xDC00 && low < 0xE000 {
            scalar = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
          } else {
            position = saved
          }
        }
        out.append(Unicode.Scalar(scalar) ?? "\u{FFFD}")
      default: return false
      }
      run = position
    }
    return false
  }

  private mutating func hexUnit() -> UInt16? {
    guard position + 4 <= bytes.count else { return nil }
    var value: UInt16 = 0
    for index in 0..<4 {
      guard let digit = IdentifierParser.hexDigit(bytes[position + index]) else { return nil }
      value = value << 4 | UInt16(digit)
    }
    position &+= 4
    return value
  }

  /// Whether the bytes are exactly one JSON value.
  static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var scanner = JSONScanner(bytes)
    guard scanner.skipValue() else { return false }
    scanner.skipSpace()
    return scanner.isAtEnd
  }
}

/// Writes JSON the way Trino prints it: no white space, minimal escapes, fractions as Java doubles, and for `json_parse` object
/// keys in order with the last of equal keys.
enum JSONCanonical {
  /// Appends the value at the scanner's position; false when it is malformed.
  static func append(_ scanner: inout JSONScanner, sortsKeys: Bool, to out: inout TextBuffer, depth: Int = 0) -> Bool {
    guard depth < JSONScanner.maximumDepth else { return false }
    switch scanner.kind() {
    case .null:
      out.append("null")
      return scanner.acceptWord("null")
    case .boolean:
      let isTrue = scanner.peek == UInt8(ascii: "t")
      if isTrue { out.append("true") } else { out.append("false") }
      return scanner.acceptWord(isTrue ? "true" : "false")
    case .number:
      guard let (text, isFloating) = scanner.number() else { return false }
      if isFloating, let value = NumberParser.double(text) { out.append(double: value) } else { out.append(text) }
      return true
    case .string: return appendString(&scanner, to: &out)
    case .array:
      out.append(UInt8(ascii: "["))
      var isFirst = true
      let isWhole = scanner.elements { scanner in
        if !isFirst { out.append(UInt8(ascii: ",")) }
        isFirst = false
        return append(&scanner, sortsKeys: sortsKeys, to: &out, depth: depth + 1)
      }
      out.append(UInt8(ascii: "]"))
      return isWhole
    case .object:
      return sortsKeys ? appendSorted(&scanner, to: &out, depth: depth) : appendInOrder(&scanner, to: &out, depth: depth)
    case .invalid: return false
    }
  }

  private static func appendString(_ scanner: inout JSONScanner, to out: inout TextBuffer) -> Bool {
    let start = scanner.position
    guard scanner.skipString() else { return false }
    let body = slice(scanner.bytes, start + 1, scanner.position - 1)
    if !body.contains(UInt8(ascii: "\\")) {
      out.append(slice(scanner.bytes, start, scanner.position))
      return true
    }
    var plain = TextBuffer()
    scanner.position = start
    guard scanner.string(into: &plain) else { return false }
    out.append(jsonString: plain.bytes)
    return true
  }

  private static func appendInOrder(_ scanner: inout JSONScanner, to out: inout TextBuffer, depth: Int) -> Bool {
    out.append(UInt8(ascii: "{"))
    var isFirst = true
    let isWhole = scanner.members { scanner in
      if !isFirst { out.append(UInt8(ascii: ",")) }
      isFirst = false
      scanner.skipSpace()
      guard appendString(&scanner, to: &out), scanner.accept(UInt8(ascii: ":")) else { return false }
      out.append(UInt8(ascii: ":"))
      return append(&scanner, sortsKeys: false, to: &out, depth: depth + 1)
    }
    out.append(UInt8(ascii: "}"))
    return isWhole
  }

  private static func appendSorted(_ scanner: inout JSONScanner, to out: inout TextBuffer, depth: Int) -> Bool {
    var members: [(name: [UInt8], value: [UInt8])] = []
    let isWhole = scanner.members { scanner in
      scanner.skipSpace()
      var name = TextBuffer()
      guard scanner.string(into: &name), scanner.accept(UInt8(ascii: ":")) else { return false }
      var value = TextBuffer()
      guard append(&scanner, sortsKeys: true, to: &value, depth: depth + 1) else { return false }
      members.append((Array(name.bytes), Array(value.bytes)))
      return true
    }
    guard isWhole else { return false }
    let order = members.indices.sorted { first, second in
      if members[first].name == members[second].name { return first < second }
      return members[first].name.lexicographicallyPrecedes(members[second].name)
    }
    out.append(UInt8(ascii: "{"))
    var isFirst = true
    for (place, index) in order.enumerated() {
      if place + 1 < order.count, members[order[place + 1]].name == members[index].name { continue }
      if !isFirst { out.append(UInt8(ascii: ",")) }
      isFirst = false
      members[index].name.withUnsafeBytes { out.append(jsonString: $0) }
      out.append(UInt8(ascii: ":"))
      members[index].value.withUnsafeBytes { out.append($0) }
    }
    out.append(UInt8(ascii: "}"))
    return true
  }
}

extension TextBuffer {
  /// A JSON string with quotes; only what JSON demands is escaped.
  package mutating func append(jsonString bytes: UnsafeRawBufferPointer) {
    append(UInt8(ascii: "\""))
    var run = 0
    for index in 0..<bytes.count {
      let byte = bytes[index]
      guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
      append(slice(bytes, run, index))
      run = index + 1
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case 0x08: append("\\b")
      case 0x09: append("\\t")
      case 0x0A: append("\\n")
      case 0x0C: append("\\f")
      case 0x0D: append("\\r")
      default:
        append("\\u00")
        append(hex: byte, isUpper: true)
      }
    }
    append(slice(bytes, run, bytes.count))
    append(UInt8(ascii: "\""))
  }
}

/// The JSON text of values of any type: what `CAST(x AS json)` gives and what JSON result writers print.
package struct JSONPrinter: ~Copyable {
  private let root: AthenaText.Node
  private var clock = ZoneClock()

  package init(_ column: Column) { root = AthenaText.Node(column) }

  /// Appends a row; `null` for NULL.
  package mutating func append(row: Int, to out: inout TextBuffer) { Self.append(root, row, &out, &clock) }

  private static func append(
    _ node: AthenaText.Node, _ row: Int, _ out: inout TextBuffer, _ clock: inout ZoneClock
  ) {
    let view = node.view
    guard view.isValid(row) else { return out.append("null") }
    let index = view.index(row)
    switch node.type {
    case .unknown: out.append("null")
    case .varchar: out.append(jsonString: StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case .json: out.append(StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case .real:
      let value = view.pointer(as: Float.self)[index]
      if value.isFinite { out.append(real: value) } else { appendQuoted(node, row, &out, &clock) }
    case .double:
      let value = view.pointer(as: Double.self)[index]
      if value.isFinite {
        out.append(double: value)
      } else {
        out.append(UInt8(ascii: "\""))
        out.append(double: value)
        out.append(UInt8(ascii: "\""))
      }
    case .boolean, .tinyint, .smallint, .integer, .bigint, .decimal:
      ValuePrinter(node.column).append(row, to: &out, &clock)
    case .varbinary, .sketch:
      out.append(UInt8(ascii: "\""))
      out.append(hexPairs: StringView.buffer(at: view.pointer(as: StringView.self) + index))
      out.append(UInt8(ascii: "\""))
    case .char, .uuid, .ipaddress, .color, .date, .time, .timeTZ, .timestamp, .timestampTZ, .intervalDayToSecond, .intervalYearToMonth:
      appendQuoted(node, row, &out, &clock)
    case .array:
      let entry = view.pointer(as: ListEntry.self)[index]
      out.append(UInt8(ascii: "["))
      for element in 0..<Int(entry.count) {
        if element > 0 { out.append(UInt8(ascii: ",")) }
        append(node.children[0], Int(entry.offset) &+ element, &out, &clock)
      }
      out.append(UInt8(ascii: "]"))
    case .map: appendMap(node, view.pointer(as: ListEntry.self)[index], &out, &clock)
    case .row:
      out.append(UInt8(ascii: "{"))
      for (field, child) in node.children.enumerated() {
        if field > 0 { out.append(UInt8(ascii: ",")) }
        // Trino gives anonymous fields an empty name here.
        var name = node.fieldNames[field]
        if case .row(let fields) = node.type, fields[field].name == nil { name = "" }
        name.withUTF8 { out.append(jsonString: UnsafeRawBufferPointer($0)) }
        out.append(UInt8(ascii: ":"))
        append(child, index, &out, &clock)
      }
      out.append(UInt8(ascii: "}"))
    }
  }

  private static func appendQuoted(
    _ node: AthenaText.Node, _ row: Int, _ out: inout TextBuffer, _ clock: inout ZoneClock
  ) {
    var text = TextBuffer()
    ValuePrinter(node.column).append(row, to: &text, &clock)
    out.append(jsonString: text.bytes)
  }

  /// Members come out in the order of their names.
  private static func appendMap(
    _ node: AthenaText.Node, _ entry: ListEntry, _ out: inout TextBuffer, _ clock: inout ZoneClock
  ) {
    var members: [(name: [UInt8], row: Int)] = []
    let printer = ValuePrinter(node.children[0].column)
    for row in Int(entry.offset)..<Int(entry.offset) + Int(entry.count) {
      var name = TextBuffer()
      printer.append(row, to: &name, &clock)
      members.append((Array(name.bytes), row))
    }
    members.sort { $0.name.lexicographicallyPrecedes($1.name) }
    out.append(UInt8(ascii: "{"))
    for (place, member) in members.enumerated() {
      if place > 0 { out.append(UInt8(ascii: ",")) }
      member.name.withUnsafeBytes { out.append(jsonString: $0) }
      out.append(UInt8(ascii: ":"))
      append(node.children[1], member.row, &out, &clock)
    }
    out.append(UInt8(ascii: "}"))
  }
}
