/// Writes one JSON text, member by member in the order of the calls.
///
/// ```swift
/// var writer = JSONWriter(style: .compact)
/// writer.object { writer in
///   writer.member("id", 7)
///   writer.member("tags") { $0.array { $0.string("a") } }
/// }
/// writer.bytes    // {"id":7,"tags":["a"]}
/// ```
///
/// The caller is responsible for the shape: a key before each member's value, one value at the top.
package struct JSONWriter: Sendable {
  package enum Style: Sendable {
    /// No blanks at all.
    case compact
    /// A line per member and element, two blanks per level, `" : "` as Java's table metadata has it.
    case pretty
  }

  package private(set) var bytes: [UInt8] = []
  private let isPretty: Bool
  private var depth = 0
  /// A comma is due before the next element or key.
  private var needsComma = false
  /// The value follows its key on the same line.
  private var followsKey = false

  package init(style: Style = .compact) { isPretty = style == .pretty }

  package var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Takes what was written and begins anew: for lines of one JSON text each.
  package mutating func take() -> [UInt8] {
    defer { reset() }
    return bytes
  }

  /// Begins anew in the same memory.
  package mutating func reset() {
    bytes.removeAll(keepingCapacity: true)
    depth = 0
    needsComma = false
    followsKey = false
  }

  // MARK: Containers

  package mutating func beginObject() { begin(UInt8(ascii: "{")) }
  package mutating func endObject() { end(UInt8(ascii: "}")) }
  package mutating func beginArray() { begin(UInt8(ascii: "[")) }
  package mutating func endArray() { end(UInt8(ascii: "]")) }

  package mutating func object<Failure: Error>(
    _ body: (inout JSONWriter) throws(Failure) -> Void
  ) throws(Failure) {
    beginObject()
    try body(&self)
    endObject()
  }

  package mutating func array<Failure: Error>(_ body: (inout JSONWriter) throws(Failure) -> Void) throws(Failure) {
    beginArray()
    try body(&self)
    endArray()
  }

  package mutating func key(_ key: String) {
    separate()
    quoted(key)
    bytes.append(contentsOf: isPretty ? Self.prettyColon : Self.compactColon)
    followsKey = true
  }

  package mutating func member(_ key: String, _ value: String) {
    self.key(key)
    string(value)
  }

  package mutating func member(_ key: String, _ value: Int64) {
    self.key(key)
    integer(value)
  }

  package mutating func member(_ key: String, _ value: Int32) { member(key, Int64(value)) }
  package mutating func member(_ key: String, _ value: Int) { member(key, Int64(value)) }

  package mutating func member(_ key: String, _ value: Bool) {
    self.key(key)
    boolean(value)
  }

  package mutating func member<Failure: Error>(
    _ key: String, _ body: (inout JSONWriter) throws(Failure) -> Void
  ) throws(Failure) {
    self.key(key)
    try body(&self)
  }

  /// An object of strings, keys in byte order so that the same map always gives the same text.
  package mutating func member(_ key: String, _ map: [String: String]) {
    self.key(key)
    beginObject()
    for (name, value) in map.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) { member(name, value) }
    endObject()
  }

  // MARK: Values

  package mutating func null() { raw("null") }
  package mutating func boolean(_ value: Bool) { raw(value ? "true" : "false") }

  package mutating func integer(_ value: Int64) {
    separate()
    var magnitude = value.magnitude
    if magnitude == 0 {
      bytes.append(0x30)
    } else {
      if value < 0 { bytes.append(UInt8(ascii: "-")) }
      let start = bytes.count
      while magnitude > 0 {
        bytes.append(0x30 + UInt8(magnitude % 10))
        magnitude /= 10
      }
      bytes[start...].reverse()
    }
    needsComma = true
  }

  /// The shortest text that reads back as the same double. JSON has no NaN and infinity: they become the strings `"NaN"`, `"Infinity"`,
  /// `"-Infinity"`, as Trino's JSON casts give them.
  package mutating func double(_ value: Double) {
    if value.isFinite {
      raw(value.description)
    } else {
      string(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
    }
  }

  /// As `double`, with the digits a `Float` needs.
  package mutating func float(_ value: Float) {
    if value.isFinite { raw(value.description) } else { double(Double(value)) }
  }

  /// A number or other JSON text that is right as it stands.
  package mutating func raw(_ text: String) {
    separate()
    bytes.append(contentsOf: text.utf8)
    needsComma = true
  }

  /// JSON text that is right as it stands.
  package mutating func raw(_ text: UnsafeRawBufferPointer) {
    separate()
    bytes.append(contentsOf: text)
    needsComma = true
  }

  package mutating func string(_ text: String) {
    separate()
    quoted(text)
    needsComma = true
  }

  /// A string from its UTF-8 bytes.
  package mutating func string(_ text: UnsafeRawBufferPointer) {
    separate()
    quoted(text)
    needsComma = true
  }

  /// A parsed value again, in this writer's style.
  package mutating func value(_ value: JSONValue) {
    switch value.kind {
    case .null: null()
    case .boolean: boolean(value.boolean ?? false)
    case .number: raw(value.textBytes)
    case .string: value.hasEscapes ? string(value.string ?? "") : string(value.textBytes)
    case .array:
      beginArray()
      for element in value.elements { self.value(element) }
      endArray()
    case .object:
      beginObject()
      for member in value.members {
        key(member.key)
        self.value(member.value)
      }
      endObject()
    }
  }

  // MARK: Details

  private static let prettyColon = Array(" : ".utf8)
  private static let compactColon = Array(":".utf8)

  private mutating func begin(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    depth += 1
    needsComma = false
  }

  private mutating func end(_ bracket: UInt8) {
    depth -= 1
    if needsComma { newLine() }
    bytes.append(bracket)
    needsComma = true
    followsKey = false
  }

  /// What stands between the value before and this one.
  private mutating func separate() {
    if followsKey {
      followsKey = false
      needsComma = false
      return
    }
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = false
    if depth > 0 { newLine() }
  }

  private mutating func newLine() {
    guard isPretty else { return }
    bytes.append(0x0A)
    bytes.append(contentsOf: repeatElement(0x20, count: 2 * depth))
  }

  private mutating func quoted(_ text: String) {
    var text = text
    text.withUTF8 { quoted(UnsafeRawBufferPointer($0)) }
  }

  private mutating func quoted(_ text: UnsafeRawBufferPointer) {
    bytes.append(UInt8(ascii: "\""))
    var clean = 0
    for at in 0..<text.count {
      let byte = text[at]
      guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
      bytes.append(contentsOf: text[clean..<at])
      clean = at + 1
      bytes.append(UInt8(ascii: "\\"))
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
      case 0x08: bytes.append(UInt8(ascii: "b"))
      case 0x0C: bytes.append(UInt8(ascii: "f"))
      case 0x0A: bytes.append(UInt8(ascii: "n"))
      case 0x0D: bytes.append(UInt8(ascii: "r"))
      case 0x09: bytes.append(UInt8(ascii: "t"))
      default:
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(contentsOf: [UInt8(ascii: "u"), 0x30, 0x30, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
      }
    }
    bytes.append(contentsOf: text[clean..<text.count])
    bytes.append(UInt8(ascii: "\""))
  }
}
