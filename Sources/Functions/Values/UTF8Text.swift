import Glibc

/// Code points of UTF-8 bytes. Broken sequences never run past the end: every byte that is no continuation starts a code point.
enum UTF8Text {
  /// Number of code points.
  static func count(_ bytes: UnsafeRawBufferPointer) -> Int {
    var continuations = 0
    var index = 0
    // Eight bytes at a time: a continuation byte has its top bits 10.
    while index &+ 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      let marks = (word &>> 7) & (~word &>> 6) & 0x0101_0101_0101_0101
      continuations &+= marks.nonzeroBitCount
      index &+= 8
    }
    while index < bytes.count {
      if bytes[index] & 0xC0 == 0x80 { continuations &+= 1 }
      index &+= 1
    }
    return bytes.count &- continuations
  }

  static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index &+ 8 <= bytes.count {
      if bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 != 0 { return false }
      index &+= 8
    }
    while index < bytes.count {
      if bytes[index] >= 0x80 { return false }
      index &+= 1
    }
    return true
  }

  /// Start of the code point after the one at `index`.
  @inline(__always)
  static func next(_ bytes: UnsafeRawBufferPointer, after index: Int) -> Int {
    var position = index &+ 1
    while position < bytes.count && bytes[position] & 0xC0 == 0x80 { position &+= 1 }
    return position
  }

  /// Start of the code point before `index`, which is above 0.
  @inline(__always)
  static func previous(_ bytes: UnsafeRawBufferPointer, before index: Int) -> Int {
    var position = index &- 1
    while position > 0 && bytes[position] & 0xC0 == 0x80 { position &-= 1 }
    return position
  }

  /// Byte offset of the code point with number `count`, counted from byte `start`; the end when there are fewer.
  static func offset(_ bytes: UnsafeRawBufferPointer, of count: Int, from start: Int = 0) -> Int {
    var position = start
    var left = count
    while left > 0 && position < bytes.count {
      position = next(bytes, after: position)
      left &-= 1
    }
    return position
  }

  /// The scalar at `index` and the index behind it; U+FFFD for a broken sequence.
  @inline(__always)
  static func decode(_ bytes: UnsafeRawBufferPointer, at index: Int) -> (scalar: Unicode.Scalar, next: Int) {
    let first = bytes[index]
    if first < 0x80 { return (Unicode.Scalar(first), index &+ 1) }
    let end = next(bytes, after: index)
    let size = end &- index
    var value: UInt32
    switch size {
    case 2 where first & 0xE0 == 0xC0: value = UInt32(first & 0x1F)
    case 3 where first & 0xF0 == 0xE0: value = UInt32(first & 0x0F)
    case 4 where first & 0xF8 == 0xF0: value = UInt32(first & 0x07)
    default: return ("\u{FFFD}", end)
    }
    for position in (index &+ 1)..<end { value = value &<< 6 | UInt32(bytes[position] & 0x3F) }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", end)
  }

  /// The text of bytes; what is none becomes U+FFFD: one for each surrogate and each number above Unicode's, as in Trino, though their bytes look well
  /// formed, and one for each part of a sequence that is cut short.
  static func repaired(_ bytes: UnsafeRawBufferPointer) -> String {
    func continues(_ index: Int) -> Bool { index < bytes.count && bytes[index] & 0xC0 == 0x80 }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      let first = bytes[index]
      if first == 0xED, continues(index + 1), bytes[index + 1] >= 0xA0, continues(index + 2) {
        result += [0xEF, 0xBF, 0xBD]
        index += 3
      } else if first == 0xF4 && continues(index + 1) && bytes[index + 1] >= 0x90 || first > 0xF4 && first < 0xF8 {
        result += [0xEF, 0xBF, 0xBD]
        let start = index
        index += 1
        while index - start < 4, continues(index) { index += 1 }
      } else {
        result.append(first)
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Whether all bytes are well-formed UTF-8.
  static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if isASCII(bytes) { return true }
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue: continue
      case .emptyInput: return true
      case .error: return false
      }
    }
  }

  /// Byte offset of `needle` in `haystack` at or after `start`; nil when it is not there.
  static func find(_ needle: UnsafeRawBufferPointer, in haystack: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
    if needle.count == 0 { return start }
    guard haystack.count &- start >= needle.count, let base = haystack.baseAddress, let pattern = needle.baseAddress else {
      return nil
    }
    let last = haystack.count &- needle.count
    let first = Int32(needle[0])
    var position = start
    while position <= last {
      guard let found = memchr(base + position, first, last &- position &+ 1) else { return nil }
      position = UnsafeRawPointer(found) - base
      if memcmp(base + position, pattern, needle.count) == 0 { return position }
      position &+= 1
    }
    return nil
  }
}
