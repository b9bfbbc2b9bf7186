import Glibc

/// A position in JSON text, with the few moves a schema-directed parser needs. Every read is checked against `end`.
struct JSONCursor {
  let bytes: UnsafePointer<UInt8>
  var position: Int
  let end: Int

  struct Malformed: Error {
    var reason: String
    var position: Int
  }

  /// Where a string's characters lie, without its quotes.
  struct StringSpan {
    var start: Int
    var count: Int
    var hasEscapes: Bool
  }

  init(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) {
    self.bytes = bytes
    position = start
    self.end = end
  }

  @inline(__always)
  mutating func skipBlanks() {
    while position < end {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      position &+= 1
    }
  }

  /// The next byte that is no blank, 0 at the end.
  @inline(__always)
  mutating func peek() -> UInt8 {
    skipBlanks()
    return position < end ? bytes[position] : 0
  }

  @inline(__always)
  mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte, position < end else { return false }
    position &+= 1
    return true
  }

  mutating func expect(_ byte: UInt8, _ what: String) throws(Malformed) {
    guard take(byte) else { throw malformed("\(what) is expected") }
  }

  func malformed(_ reason: String) -> Malformed { Malformed(reason: reason, position: position) }

  /// A string; the cursor stands on its opening quote.
  @inline(__always)
  mutating func string() throws(Malformed) -> StringSpan {
    guard take(UInt8(ascii: "\"")) else { throw malformed("a string is expected") }
    let start = position
    var index = position
    var hasEscapes = false
    while index < end {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        position = index &+ 1
        return StringSpan(start: start, count: index &- start, hasEscapes: hasEscapes)
      }
      if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        index &+= 1
      }
      index &+= 1
    }
    throw malformed("a string is not closed")
  }

  /// The text of a number, `true`, `false` or `null`: everything up to a delimiter.
  @inline(__always)
  mutating func word() -> Range<Int> {
    skipBlanks()
    let start = position
    while position < end {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09, UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ":"), UInt8(ascii: "\""),
        UInt8(ascii: "["), UInt8(ascii: "{"):
        return start..<position
      default: position &+= 1
      }
    }
    return start..<position
  }

  func isWord(_ range: Range<Int>, _ word: StaticString) -> Bool {
    range.count == word.utf8CodeUnitCount && memcmp(bytes + range.lowerBound, word.utf8Start, range.count) == 0
  }

  /// Whether the bytes are a number in JSON's grammar.
  func isNumber(_ range: Range<Int>) -> Bool {
    var index = range.lowerBound
    let end = range.upperBound
    func digit() -> Bool { index < end && bytes[index] >= 0x30 && bytes[index] <= 0x39 }
    if index < end, bytes[index] == 0x2D { index += 1 }
    guard digit() else { return false }
    if bytes[index] == 0x30 { index += 1 } else { while digit() { index += 1 } }
    if index < end, bytes[index] == 0x2E {
      index += 1
      guard digit() else { return false }
      while digit() { index += 1 }
    }
    if index < end, bytes[index] | 0x20 == 0x65 {
      index += 1
      if index < end, bytes[index] == 0x2B || bytes[index] == 0x2D { index += 1 }
      guard digit() else { return false }
      while digit() { index += 1 }
    }
    return index == end
  }

  static let depthLimit = 500

  /// Passes over any value, checking its grammar; gives the bytes it takes.
  @discardableResult
  mutating func skipValue(depth: Int = 0) throws(Malformed) -> Range<Int> {
    guard depth < Self.depthLimit else { throw malformed("values are nested more than \(Self.depthLimit) deep") }
    let first = peek()
    let start = position
    switch first {
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "{"):
      position += 1
      if take(UInt8(ascii: "}")) { break }
      repeat {
        guard peek() == UInt8(ascii: "\"") else { throw malformed("a key is expected") }
        _ = try string()
        try expect(UInt8(ascii: ":"), "':'")
        try skipValue(depth: depth + 1)
      } while take(UInt8(ascii: ","))
      try expect(UInt8(ascii: "}"), "',' or '}'")
    case UInt8(ascii: "["):
      position += 1
      if take(UInt8(ascii: "]")) { break }
      repeat { try skipValue(depth: depth + 1) } while take(UInt8(ascii: ","))
      try expect(UInt8(ascii: "]"), "',' or ']'")
    default:
      let range = word()
      guard isNumber(range) || isWord(range, "true") || isWord(range, "false") || isWord(range, "null") else {
        position = start
        throw malformed("a value is expected")
      }
    }
    return start..<position
  }
}

/// Turns the escapes of JSON strings into UTF-8.
struct JSONUnescaper {
  private(set) var bytes: [UInt8] = []

  /// False for an unknown escape or broken `\u`; a lone surrogate becomes U+FFFD.
  mutating func decode(_ source: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    bytes.removeAll(keepingCapacity: true)
    var index = 0
    while index < count {
      let byte = source[index]
      index += 1
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      guard index < count else { return false }
      let escape = source[index]
      index += 1
      switch escape {
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "r"): bytes.append(0x0D)
      case UInt8(ascii: "b"): bytes.append(0x08)
      case UInt8(ascii: "f"): bytes.append(0x0C)
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(escape)
      case UInt8(ascii: "u"):
        guard let unit = Self.hex(source + index, count - index) else { return false }
        index += 4
        var scalar = UInt32(unit)
        if unit & 0xFC00 == 0xD800, index + 6 <= count, source[index] == UInt8(ascii: "\\"), source[index + 1] == UInt8(ascii: "u"),
          let low = Self.hex(source + index + 2, count - index - 2), low & 0xFC00 == 0xDC00
        {
          scalar = 0x10000 + (UInt32(unit & 0x3FF) << 10) + UInt32(low & 0x3FF)
          index += 6
        }
        bytes.append(contentsOf: String(UnicodeScalar(scalar) ?? "\u{FFFD}").utf8)
      default: return false
      }
    }
    return true
  }

  private static func hex(_ source: UnsafePointer<UInt8>, _ count: Int) -> UInt16? {
    guard count >= 4 else { return nil }
    var value: UInt16 = 0
    for index in 0..<4 {
      let byte = source[index]
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x41...0x46: digit = byte - 0x37
      case 0x61...0x66: digit = byte - 0x57
      default: return nil
      }
      value = value << 4 | UInt16(digit)
    }
    return value
  }
}
