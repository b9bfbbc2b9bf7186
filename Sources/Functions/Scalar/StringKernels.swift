import Columnar
import Glibc
@_spi(_Unicode) import Swift

/// Cutting white space or a set of characters off the ends.
enum Trim {
  static func spaces(_ bytes: UnsafeRawBufferPointer, atStart: Bool, atEnd: Bool) -> UnsafeRawBufferPointer {
    var start = 0
    var end = bytes.count
    if atStart {
      while start < end {
        let (scalar, next) = UTF8Text.decode(bytes, at: start)
        guard isSpace(scalar) else { break }
        start = next
      }
    }
    if atEnd {
      while end > start {
        let previous = UTF8Text.previous(bytes, before: end)
        guard isSpace(UTF8Text.decode(bytes, at: previous).scalar) else { break }
        end = previous
      }
    }
    return slice(bytes, start, end)
  }

  static func characters(
    _ bytes: UnsafeRawBufferPointer, _ set: UnsafeRawBufferPointer, atStart: Bool, atEnd: Bool
  ) -> UnsafeRawBufferPointer {
    func contains(_ start: Int, _ end: Int) -> Bool {
      var index = 0
      while index < set.count {
        let next = UTF8Text.next(set, after: index)
        if StringSearch.isEqual(slice(set, index, next), slice(bytes, start, end)) { return true }
        index = next
      }
      return false
    }
    var start = 0
    var end = bytes.count
    while atStart, start < end {
      let next = UTF8Text.next(bytes, after: start)
      guard contains(start, next) else { break }
      start = next
    }
    while atEnd, end > start {
      let previous = UTF8Text.previous(bytes, before: end)
      guard contains(previous, end) else { break }
      end = previous
    }
    return slice(bytes, start, end)
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x80 { return scalar == " " || (scalar.value >= 9 && scalar.value <= 13) || (scalar.value >= 0x1C && scalar.value <= 0x1F) }
    // Java's white space leaves the no-break spaces out.
    return scalar.properties.isWhitespace && scalar.value != 0xA0 && scalar.value != 0x2007 && scalar.value != 0x202F
  }
}

enum Substring {
  /// `substr`: position 0 and positions outside give nothing.
  static func piece(_ bytes: UnsafeRawBufferPointer, _ start: Int64, _ length: Int64?) -> UnsafeRawBufferPointer {
    let empty = slice(bytes, 0, 0)
    if start == 0 || (length.map { $0 <= 0 } ?? false) { return empty }
    let from: Int
    if start > 0 {
      if start > Int64(bytes.count) { return empty }
      from = UTF8Text.offset(bytes, of: Int(start - 1))
    } else {
      if start < -Int64(bytes.count) { return empty }
      var position = bytes.count
      var left = -start
      while left > 0 {
        guard position > 0 else { return empty }
        position = UTF8Text.previous(bytes, before: position)
        left -= 1
      }
      from = position
    }
    guard let length, length < Int64(bytes.count) else { return slice(bytes, from, bytes.count) }
    return slice(bytes, from, UTF8Text.offset(bytes, of: Int(length), from: from))
  }

  static func bytes(_ bytes: UnsafeRawBufferPointer, _ start: Int64, _ length: Int64?) -> UnsafeRawBufferPointer {
    let count = Int64(bytes.count)
    if start == 0 || start > count || start < -count || (length.map { $0 <= 0 } ?? false) { return slice(bytes, 0, 0) }
    let from = start > 0 ? start - 1 : count + start
    let size = min(length ?? count, count - from)
    return slice(bytes, Int(from), Int(from + size))
  }
}

enum Split {
  /// The pieces between delimiters; at most `limit`, the last with the rest.
  static func ranges(
    _ bytes: UnsafeRawBufferPointer, _ delimiter: UnsafeRawBufferPointer, limit: Int64 = .max
  ) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var start = 0
    while Int64(pieces.count) < limit - 1, let found = UTF8Text.find(delimiter, in: bytes, from: start) {
      pieces.append(start..<found)
      start = found + delimiter.count
    }
    pieces.append(start..<bytes.count)
    return pieces
  }

  /// The piece with a 1-based number; an empty delimiter cuts between all characters.
  static func part(
    _ bytes: UnsafeRawBufferPointer, _ delimiter: UnsafeRawBufferPointer, _ index: Int64
  ) -> UnsafeRawBufferPointer? {
    if delimiter.count == 0 {
      guard index <= Int64(bytes.count) else { return nil }
      let start = UTF8Text.offset(bytes, of: Int(index - 1))
      guard start < bytes.count else { return nil }
      return slice(bytes, start, UTF8Text.next(bytes, after: start))
    }
    var start = 0
    var number: Int64 = 1
    while let found = UTF8Text.find(delimiter, in: bytes, from: start) {
      if number == index { return slice(bytes, start, found) }
      number += 1
      start = found + delimiter.count
    }
    return number == index ? slice(bytes, start, bytes.count) : nil
  }
}

enum StringSearch {
  static func isEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count, let first = left.baseAddress, let second = right.baseAddress else {
      return left.count == right.count
    }
    return memcmp(first, second, left.count) == 0
  }

  /// Position in characters of an occurrence, counted from the start or, when negative, from the end.
  static func position(_ text: UnsafeRawBufferPointer, _ find: UnsafeRawBufferPointer, _ instance: Int64) -> Int64 {
    if find.count == 0 { return 1 }
    var offsets: [Int] = []
    var start = 0
    var left = instance
    while let found = UTF8Text.find(find, in: text, from: start) {
      if instance > 0 {
        left -= 1
        if left == 0 { return Int64(UTF8Text.count(slice(text, 0, found))) + 1 }
      } else {
        offsets.append(found)
      }
      start = found + 1
    }
    guard instance < 0, instance >= -Int64(offsets.count) else { return 0 }
    return Int64(UTF8Text.count(slice(text, 0, offsets[offsets.count + Int(instance)]))) + 1
  }

  static func levenshtein(
    _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
  ) throws(KernelError) -> Int64 {
    let first = Array(String(decoding: left, as: UTF8.self).unicodeScalars)
    let second = Array(String(decoding: right, as: UTF8.self).unicodeScalars)
    let (work, overflow) = first.count.multipliedReportingOverflow(by: second.count)
    guard !overflow, work <= 1_000_000 else {
      throw .invalidArgument(
        "The combined inputs for Levenshtein distance are too large: \(first.count) and \(second.count) characters")
    }
    var previous = Array(0...second.count)
    for i in first.indices {
      var diagonal = previous[0]
      previous[0] = i + 1
      for j in second.indices {
        let above = previous[j + 1]
        previous[j + 1] = min(above + 1, previous[j] + 1, diagonal + (first[i] == second[j] ? 0 : 1))
        diagonal = above
      }
    }
    return Int64(previous[second.count])
  }
}

extension TextBuffer {
  /// Case mapping: ASCII byte by byte, everything else by Unicode's simple and special mappings.
  @inline(__always)
  mutating func append(
    mapped bytes: UnsafeRawBufferPointer, ascii: (UInt8) -> UInt8, _ mapping: (Unicode.Scalar) -> Unicode.Scalar
  ) {
    if UTF8Text.isASCII(bytes) {
      let target = reserve(bytes.count).assumingMemoryBound(to: UInt8.self)
      for index in 0..<bytes.count { target[index] = ascii(bytes[index]) }
      return advance(by: bytes.count)
    }
    var index = 0
    while index < bytes.count {
      if bytes[index] < 0x80 {
        append(ascii(bytes[index]))
        index += 1
        continue
      }
      let (scalar, next) = UTF8Text.decode(bytes, at: index)
      append(mapping(scalar))
      index = next
    }
  }

  mutating func append(
    replacing find: UnsafeRawBufferPointer, in text: UnsafeRawBufferPointer, by replacement: UnsafeRawBufferPointer
  ) {
    if find.count == 0 {
      // An empty search text stands before, between and behind all characters.
      append(replacement)
      var index = 0
      while index < text.count {
        let next = UTF8Text.next(text, after: index)
        append(slice(text, index, next))
        append(replacement)
        index = next
      }
      return
    }
    var start = 0
    while let found = UTF8Text.find(find, in: text, from: start) {
      append(slice(text, start, found))
      append(replacement)
      start = found + find.count
    }
    append(slice(text, start, text.count))
  }

  mutating func append(
    padded text: UnsafeRawBufferPointer, to size: Int64, with padding: UnsafeRawBufferPointer, isLeft: Bool
  ) throws(KernelError) {
    guard size >= 0, size <= Int64(Int32.max) else {
      throw .invalidArgument("Target length must be in the range [0..\(Int32.max)]")
    }
    guard padding.count > 0 else { throw .invalidArgument("Padding string must not be empty") }
    let length = UTF8Text.count(text)
    if length >= Int(size) { return append(slice(text, 0, UTF8Text.offset(text, of: Int(size)))) }
    let missing = Int(size) - length
    guard missing <= 1 << 26 else { throw .invalidArgument("Padded text is too long: \(size) characters") }
    if !isLeft { append(text) }
    let padLength = UTF8Text.count(padding)
    for _ in 0..<(missing / padLength) { append(padding) }
    append(slice(padding, 0, UTF8Text.offset(padding, of: missing % padLength)))
    if isLeft { append(text) }
  }

  /// Letter and three digits; vowels separate equal digits, h and w do not.
  mutating func append(soundex text: UnsafeRawBufferPointer) throws(KernelError) {
    func digit(_ letter: UInt8) -> UInt8 {
      switch letter {
      case UInt8(ascii: "B"), UInt8(ascii: "F"), UInt8(ascii: "P"), UInt8(ascii: "V"): return 0x31
      case UInt8(ascii: "C"), UInt8(ascii: "G"), UInt8(ascii: "J"), UInt8(ascii: "K"), UInt8(ascii: "Q"),
        UInt8(ascii: "S"), UInt8(ascii: "X"), UInt8(ascii: "Z"):
        return 0x32
      case UInt8(ascii: "D"), UInt8(ascii: "T"): return 0x33
      case UInt8(ascii: "L"): return 0x34
      case UInt8(ascii: "M"), UInt8(ascii: "N"): return 0x35
      case UInt8(ascii: "R"): return 0x36
      case UInt8(ascii: "H"), UInt8(ascii: "W"): return 0
      default: return 0x30
      }
    }
    var written = 0
    var last: UInt8 = 0
    for byte in text {
      guard byte < 0x80 else { throw .invalidArgument("The character is not mapped: \(String(decoding: text, as: UTF8.self))") }
      let letter = byte & 0xDF
      guard letter >= 0x41 && letter <= 0x5A else { continue }
      let code = digit(letter)
      if written == 0 {
        append(letter)
        written = 1
        last = code
        continue
      }
      if code == 0 { continue }
      if code != 0x30, code != last {
        append(code)
        written += 1
        if written == 4 { return }
      }
      last = code
    }
    guard written > 0 else { return }
    for _ in written..<4 { append(0x30) }
  }

  /// Canonical forms by the standard library's own tables; compatibility forms take characters apart first.
  mutating func append(normalized bytes: UnsafeRawBufferPointer, form: String) throws(KernelError) {
    if UTF8Text.isASCII(bytes) { return append(bytes) }
    let text = String(decoding: bytes, as: UTF8.self)
    switch form.uppercased() {
    case "NFC": for scalar in text._nfc { append(scalar) }
    case "NFD": for scalar in text._nfd { append(scalar) }
    case "NFKC": for scalar in CompatibilityMappings.decomposed(text)._nfc { append(scalar) }
    case "NFKD": for scalar in CompatibilityMappings.decomposed(text)._nfd { append(scalar) }
    default: throw .invalidArgument("Normalization form must be one of [NFD, NFC, NFKD, NFKC]")
    }
  }
}

extension Unicode.Scalar {
  /// Java's `Character.toLowerCase`, which Trino has: one code point stays one code point.
  var simpleLowercase: Unicode.Scalar {
    // The only one whose full mapping is longer.
    self == "\u{130}" ? "i" : Self.only(properties.lowercaseMapping) ?? self
  }

  /// Java's `Character.toUpperCase`: sharp s has no upper case. Greek letters with iota subscript have that of titles.
  var simpleUppercase: Unicode.Scalar { Self.only(properties.uppercaseMapping) ?? Self.only(properties.titlecaseMapping) ?? self }

  private static func only(_ text: String) -> Unicode.Scalar? {
    text.unicodeScalars.count == 1 ? text.unicodeScalars.first : nil
  }
}
