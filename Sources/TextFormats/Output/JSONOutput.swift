/// Bytes of JSON text being written, value by value; commas and colons are the caller's.
struct JSONOutput {
  private(set) var bytes: [UInt8] = []

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  @inline(__always)
  mutating func append(_ byte: UInt8) { bytes.append(byte) }

  mutating func append(_ text: StaticString) {
    bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func append(_ raw: [UInt8]) { bytes.append(contentsOf: raw) }
  mutating func append(_ raw: UnsafeRawBufferPointer) { bytes.append(contentsOf: raw) }
  mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  mutating func append(integer value: Int64) {
    var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
    withUnsafeMutableBytes(of: &digits) { digits in
      var rest = value.magnitude
      var index = 24
      repeat {
        index &-= 1
        digits[index] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      if value < 0 {
        index &-= 1
        digits[index] = UInt8(ascii: "-")
      }
      bytes.append(contentsOf: digits[index...])
    }
  }

  /// JSON has no NaN and infinities: they become texts.
  mutating func append(double value: Double) {
    if value.isFinite {
      append(value.description)
    } else {
      append(value.isNaN ? "\"NaN\"" as StaticString : value < 0 ? "\"-Infinity\"" : "\"Infinity\"")
    }
  }

  /// A text with its quotes.
  mutating func append(string text: UnsafeRawBufferPointer) {
    bytes.append(UInt8(ascii: "\""))
    var start = 0
    for index in 0..<text.count {
      let byte = text[index]
      guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
      bytes.append(contentsOf: text[start..<index])
      start = index &+ 1
      append(escaped: byte)
    }
    bytes.append(contentsOf: text[start...])
    bytes.append(UInt8(ascii: "\""))
  }

  mutating func append(string text: String) {
    var text = text
    text.withUTF8 { append(string: UnsafeRawBufferPointer($0)) }
  }

  @inline(never)
  private mutating func append(escaped byte: UInt8) {
    switch byte {
    case 0x0A: append("\\n" as StaticString)
    case 0x0D: append("\\r" as StaticString)
    case 0x09: append("\\t" as StaticString)
    case 0x08: append("\\b" as StaticString)
    case 0x0C: append("\\f" as StaticString)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"):
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(byte)
    default:
      append("\\u00" as StaticString)
      bytes.append(byte < 0x10 ? 0x30 : 0x31)
      let low = byte & 0x0F
      bytes.append(low < 10 ? 0x30 + low : 0x57 + low)
    }
  }
}
