/// JSON text as bytes of `FORMAT JSON ENCODING UTF8 | UTF16 | UTF32`, the low byte of a unit first.
enum JSONEncoding {
  /// What is no character of the encoding becomes U+FFFD, as in Java.
  static func decode(_ bytes: UnsafeRawBufferPointer, _ encoding: String, into out: inout TextBuffer) {
    switch encoding {
    case "UTF16":
      out.append(text: String(decoding: units(bytes, as: UInt16.self), as: UTF16.self))
      if bytes.count % 2 != 0 { out.append(text: "\u{FFFD}") }
    case "UTF32":
      out.append(text: String(decoding: units(bytes, as: UInt32.self), as: UTF32.self))
      if bytes.count % 4 != 0 { out.append(text: "\u{FFFD}") }
    default: out.append(text: String(decoding: bytes, as: UTF8.self))
    }
  }

  static func encode(_ text: String, _ encoding: String, into out: inout TextBuffer) {
    switch encoding {
    case "UTF16": for unit in text.utf16 { append(unit, to: &out) }
    case "UTF32": for scalar in text.unicodeScalars { append(scalar.value, to: &out) }
    default: out.append(text: text)
    }
  }

  private static func units<Unit: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, as type: Unit.Type) -> [Unit] {
    let width = MemoryLayout<Unit>.size
    return (0..<bytes.count / width).map { Unit(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * width, as: Unit.self)) }
  }

  private static func append<Unit: FixedWidthInteger>(_ unit: Unit, to out: inout TextBuffer) {
    withUnsafeBytes(of: unit.littleEndian) { out.append($0) }
  }
}
