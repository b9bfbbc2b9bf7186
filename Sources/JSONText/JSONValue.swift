/// A place in a parsed text. Accessors answer nil for a value of another kind; the `require…` forms throw instead, with the offset.
///
/// Member names are compared byte by byte. Where an object holds a key twice, the last one counts.
package struct JSONValue: Sendable {
  package let document: JSONDocument
  let index: Int

  @inline(__always)
  init(document: JSONDocument, index: Int) {
    self.document = document
    self.index = index
  }

  @inline(__always)
  var node: JSONNode { document.tape[index] }

  package var kind: JSONKind { node.kind }
  package var isNull: Bool { node.kind == .null }
  /// Byte offset of the value in the text; of the quote for strings.
  package var offset: Int { Int(node.offset) - (node.kind == .string ? 1 : 0) }

  package var boolean: Bool? { node.kind == .boolean ? node.isPlain : nil }

  // MARK: Numbers

  /// A number exactly as written.
  package var numberText: String? {
    guard node.kind == .number else { return nil }
    return String(decoding: textBytes, as: UTF8.self)
  }

  /// A number without fraction and exponent that fits 64 bits.
  package var int64: Int64? {
    let node = node
    guard node.kind == .number, node.isPlain else { return nil }
    let bytes = textBytes
    var at = 0
    let isNegative = bytes[0] == UInt8(ascii: "-")
    if isNegative { at = 1 }
    var value: Int64 = 0
    // Collected as a negative number, whose range is the wider one.
    while at < bytes.count {
      let (scaled, first) = value.multipliedReportingOverflow(by: 10)
      let (next, second) = scaled.subtractingReportingOverflow(Int64(bytes[at] &- 0x30))
      if first || second { return nil }
      value = next
      at += 1
    }
    if isNegative { return value }
    return value == .min ? nil : -value
  }

  package var int32: Int32? { int64.flatMap { Int32(exactly: $0) } }

  /// The double nearest to the number as written; infinite when it is too large.
  package var double: Double? {
    guard node.kind == .number else { return nil }
    if node.isPlain, node.length <= 15, let integer = int64 {
      // "-0" is a negative zero.
      return integer == 0 && textBytes[0] == UInt8(ascii: "-") ? -0.0 : Double(integer)
    }
    return Double(String(decoding: textBytes, as: UTF8.self))
  }

  // MARK: Strings

  package var string: String? {
    let node = node
    guard node.kind == .string else { return nil }
    if node.isPlain { return String(decoding: textBytes, as: UTF8.self) }
    return String(decoding: decodedBytes(), as: UTF8.self)
  }

  /// The UTF-8 bytes of a string, escapes decoded; empty for other kinds.
  package var stringBytes: [UInt8] {
    guard node.kind == .string else { return [] }
    return node.isPlain ? Array(textBytes) : decodedBytes()
  }

  /// Whether this is a string of exactly this text; decodes nothing unless the string holds escapes.
  package func isString(_ text: String) -> Bool {
    let node = node
    guard node.kind == .string else { return false }
    if !node.isPlain { return decodedBytes().elementsEqual(text.utf8) }
    return textBytes.count == text.utf8.count && textBytes.elementsEqual(text.utf8)
  }

  /// The bytes of a string without escapes, or of a scalar as written; alive as long as the document. For strings with escapes they are
  /// not yet decoded: see `hasEscapes`.
  package var textBytes: UnsafeRawBufferPointer {
    let node = node
    switch node.kind {
    case .array, .object: return sourceBytes
    default: return UnsafeRawBufferPointer(rebasing: document.bytes[Int(node.offset)..<Int(node.offset) + Int(node.length)])
    }
  }

  package var hasEscapes: Bool { node.kind == .string && !node.isPlain }

  /// The value as it stands in the text, with quotes, brackets and blanks inside; alive as long as the document.
  package var sourceBytes: UnsafeRawBufferPointer {
    let node = node
    let start = offset
    let end: Int
    switch node.kind {
    case .string: end = start + Int(node.length) + 2
    case .array, .object: end = containerEnd
    default: end = start + Int(node.length)
    }
    return UnsafeRawBufferPointer(rebasing: document.bytes[start..<end])
  }

  /// Offset behind the closing bracket: it is the first one behind the last child.
  private var containerEnd: Int {
    var at = Int(node.offset) + 1
    var last: JSONValue?
    if node.kind == .array { for element in elements { last = element } } else { for member in members { last = member.value } }
    if let last {
      let source = last.sourceBytes
      at = last.offset + source.count
    }
    while at < document.bytes.count, document.bytes[at] != UInt8(ascii: "]"), document.bytes[at] != UInt8(ascii: "}") { at += 1 }
    return min(at + 1, document.bytes.count)
  }

  private func decodedBytes() -> [UInt8] {
    let source = textBytes
    var result: [UInt8] = []
    result.reserveCapacity(source.count)
    var at = 0
    while at < source.count {
      let byte = source[at]
      guard byte == UInt8(ascii: "\\"), at + 1 < source.count else {
        result.append(byte)
        at += 1
        continue
      }
      switch source[at + 1] {
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0C)
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "u"):
        at = Self.appendUnicodeEscape(source, at, to: &result)
        continue
      case let other: result.append(other)
      }
      at += 2
    }
    return result
  }

  /// Decodes `\uXXXX`, or a surrogate pair of two; a lone surrogate becomes U+FFFD.
  private static func appendUnicodeEscape(
    _ source: UnsafeRawBufferPointer, _ at: Int, to result: inout [UInt8]
  ) -> Int {
    let unit = codeUnit(source, at + 2)
    var next = at + 6
    var scalar = unit
    if unit >= 0xD800, unit < 0xDC00, next + 6 <= source.count, source[next] == UInt8(ascii: "\\"),
      source[next + 1] == UInt8(ascii: "u")
    {
      let low = codeUnit(source, next + 2)
      if low >= 0xDC00, low < 0xE000 {
        scalar = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
        next += 6
      }
    }
    let character = Unicode.Scalar(scalar) ?? "\u{FFFD}"
    result.append(contentsOf: Array(String(Character(character)).utf8))
    return next
  }

  private static func codeUnit(_ source: UnsafeRawBufferPointer, _ start: Int) -> UInt32 {
    var value: UInt32 = 0
    for index in start..<min(start + 4, source.count) { value = value << 4 | UInt32(hexDigit(source[index]) ?? 0) }
    return value
  }

  static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  // MARK: Containers

  /// Elements of an array or members of an object; 0 for scalars.
  package var count: Int {
    switch node.kind {
    case .array, .object: Int(node.length)
    default: 0
    }
  }

  /// The member of that name; nil when there is none, or this is no object. A member that is null is a value of kind null.
  package subscript(_ key: String) -> JSONValue? {
    let node = node
    guard node.kind == .object else { return nil }
    let tape = document.tape
    var key = key
    return key.withUTF8 { wanted in
      var found: Int?
      var at = index + 1
      let end = Int(node.next)
      while at < end {
        let name = tape[at]
        if name.isPlain {
          if Int(name.length) == wanted.count,
            document.bytes[Int(name.offset)..<Int(name.offset) + wanted.count].elementsEqual(wanted)
          {
            found = at + 1
          }
        } else if JSONValue(document: document, index: at).decodedBytes().elementsEqual(wanted) {
          found = at + 1
        }
        at = Int(tape[at + 1].next)
      }
      return found.map { JSONValue(document: document, index: $0) }
    }
  }

  /// The member of that name unless it is missing or null.
  package func present(_ key: String) -> JSONValue? {
    guard let value = self[key], !value.isNull else { return nil }
    return value
  }

  /// An element of an array; nil out of range. Walks from the start: use `elements` for all of them.
  package subscript(_ position: Int) -> JSONValue? {
    guard node.kind == .array, position >= 0, position < Int(node.length) else { return nil }
    var at = index + 1
    for _ in 0..<position { at = Int(document.tape[at].next) }
    return JSONValue(document: document, index: at)
  }

  /// The elements of an array; nothing for other kinds.
  package var elements: JSONElements {
    JSONElements(document: document, at: index + 1, end: node.kind == .array ? Int(node.next) : index + 1)
  }

  /// The members of an object in the order of the text, repeated keys included; nothing for other kinds.
  package var members: JSONMembers {
    JSONMembers(document: document, at: index + 1, end: node.kind == .object ? Int(node.next) : index + 1)
  }
}

package struct JSONElements: Sequence, IteratorProtocol, Sendable {
  let document: JSONDocument
  var at: Int
  let end: Int

  package mutating func next() -> JSONValue? {
    guard at < end else { return nil }
    defer { at = Int(document.tape[at].next) }
    return JSONValue(document: document, index: at)
  }
}

/// One member of an object; its name is decoded only when asked for.
package struct JSONMember: Sendable {
  /// A string value.
  package let name: JSONValue
  package let value: JSONValue
  package var key: String { name.string ?? "" }
}

package struct JSONMembers: Sequence, IteratorProtocol, Sendable {
  let document: JSONDocument
  var at: Int
  let end: Int

  package mutating func next() -> JSONMember? {
    guard at < end else { return nil }
    let member = JSONMember(
      name: JSONValue(document: document, index: at), value: JSONValue(document: document, index: at + 1))
    at = Int(document.tape[at + 1].next)
    return member
  }
}

// MARK: Forms that throw

extension JSONValue {
  /// The member of that name, which may not be missing (it may be null).
  package func require(_ key: String) throws(JSONError) -> JSONValue {
    guard kind == .object else { throw mismatch("an object with \"\(key)\"") }
    guard let value = self[key] else { throw JSONError(.missingKey, "\"\(key)\" is missing", at: offset) }
    return value
  }

  package func requireInt64() throws(JSONError) -> Int64 {
    guard let value = int64 else { throw mismatch("a 64-bit integer") }
    return value
  }

  package func requireInt32() throws(JSONError) -> Int32 {
    guard let value = int32 else { throw mismatch("a 32-bit integer") }
    return value
  }

  package func requireDouble() throws(JSONError) -> Double {
    guard let value = double else { throw mismatch("a number") }
    return value
  }

  package func requireBoolean() throws(JSONError) -> Bool {
    guard let value = boolean else { throw mismatch("true or false") }
    return value
  }

  package func requireString() throws(JSONError) -> String {
    guard let value = string else { throw mismatch("a string") }
    return value
  }

  package func requireElements() throws(JSONError) -> JSONElements {
    guard kind == .array else { throw mismatch("an array") }
    return elements
  }

  package func requireMembers() throws(JSONError) -> JSONMembers {
    guard kind == .object else { throw mismatch("an object") }
    return members
  }

  package func requireInt64(_ key: String) throws(JSONError) -> Int64 {
    do { return try require(key).requireInt64() } catch { throw error.named(key) }
  }

  package func requireInt32(_ key: String) throws(JSONError) -> Int32 {
    do { return try require(key).requireInt32() } catch { throw error.named(key) }
  }

  package func requireBoolean(_ key: String) throws(JSONError) -> Bool {
    do { return try require(key).requireBoolean() } catch { throw error.named(key) }
  }

  package func requireString(_ key: String) throws(JSONError) -> String {
    do { return try require(key).requireString() } catch { throw error.named(key) }
  }

  package func requireElements(_ key: String) throws(JSONError) -> JSONElements {
    do { return try require(key).requireElements() } catch { throw error.named(key) }
  }

  /// A member that may be missing or null, but not of another type.
  package func optionalInt64(_ key: String) throws(JSONError) -> Int64? {
    guard let value = present(key) else { return nil }
    do { return try value.requireInt64() } catch { throw error.named(key) }
  }

  package func optionalInt32(_ key: String) throws(JSONError) -> Int32? {
    guard let value = present(key) else { return nil }
    do { return try value.requireInt32() } catch { throw error.named(key) }
  }

  package func optionalBoolean(_ key: String) throws(JSONError) -> Bool? {
    guard let value = present(key) else { return nil }
    do { return try value.requireBoolean() } catch { throw error.named(key) }
  }

  package func optionalString(_ key: String) throws(JSONError) -> String? {
    guard let value = present(key) else { return nil }
    do { return try value.requireString() } catch { throw error.named(key) }
  }

  /// An object of strings; other scalars are taken as they are written.
  package func requireStringMap() throws(JSONError) -> [String: String] {
    var map: [String: String] = [:]
    for member in try requireMembers() {
      switch member.value.kind {
      case .null: continue
      case .array, .object: throw member.value.mismatch("a string")
      case .string: map[member.key] = member.value.string
      case .number, .boolean: map[member.key] = String(decoding: member.value.textBytes, as: UTF8.self)
      }
    }
    return map
  }

  package func mismatch(_ wanted: String) -> JSONError {
    let found: String
    switch kind {
    case .null: found = "null"
    case .boolean, .number: found = String(decoding: textBytes.prefix(40), as: UTF8.self)
    case .string: found = "\"" + String(decoding: textBytes.prefix(40), as: UTF8.self) + "\""
    case .array: found = "an array"
    case .object: found = "an object"
    }
    return JSONError(.wrongType, "\(wanted) was expected, found \(found)", at: offset)
  }
}

extension JSONError {
  /// The same error saying which member it is about.
  fileprivate func named(_ key: String) -> JSONError {
    kind == .missingKey ? self : JSONError(kind, "\"\(key)\": \(message)", at: offset)
  }
}
