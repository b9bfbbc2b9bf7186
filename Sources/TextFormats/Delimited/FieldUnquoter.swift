import Glibc

/// Takes quotes and escapes off a field.
final class FieldUnquoter {
  struct Decoded {
    var bytes: UnsafePointer<UInt8>
    var count: Int
    /// The bytes are the block's own, not the scratch of this object.
    var isInBlock: Bool
  }

  struct Malformed: Error {
    var reason: String
  }

  private var scratch: UnsafeMutablePointer<UInt8>
  private var capacity = 256

  init() { scratch = .allocate(capacity: 256 + 64) }

  deinit { scratch.deallocate() }

  /// The value of a field that may hold quotes or escapes. Good until the next call.
  func decode(_ field: UnsafeBufferPointer<UInt8>, _ format: DelimitedTextFormat) throws(Malformed) -> Decoded {
    guard let bytes = field.baseAddress, field.count > 0 else {
      return Decoded(bytes: scratch, count: 0, isInBlock: false)
    }
    switch format.dialect {
    case .lazySimple: return unescaped(bytes, field.count, format)
    case .openCSV: return openCSV(bytes, field.count, format)
    case .csv: return try csv(bytes, field.count, format)
    }
  }

  /// LazySimpleSerDe: the escape makes the next byte plain; `\n` and `\r` behind it are line ends.
  private func unescaped(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ format: DelimitedTextFormat) -> Decoded {
    guard let escape = format.escape, memchr(bytes, Int32(escape), count) != nil else {
      return Decoded(bytes: bytes, count: count, isInBlock: true)
    }
    reserve(count)
    var length = 0
    var index = 0
    while index < count {
      var byte = bytes[index]
      if byte == escape, index + 1 < count {
        index += 1
        byte = bytes[index]
        if byte == UInt8(ascii: "n") { byte = 0x0A } else if byte == UInt8(ascii: "r") { byte = 0x0D }
      }
      scratch[length] = byte
      length += 1
      index += 1
    }
    return Decoded(bytes: scratch, count: length, isInBlock: false)
  }

  /// RFC 4180, and an escape character inside quotes when there is one.
  private func csv(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ format: DelimitedTextFormat) throws(Malformed) -> Decoded {
    guard let quote = format.quote, bytes[0] == quote else { return Decoded(bytes: bytes, count: count, isInBlock: true) }
    let last = count - 1
    if last >= 1, bytes[last] == quote, memchr(bytes + 1, Int32(quote), last - 1) == nil,
      format.escape.map({ memchr(bytes + 1, Int32($0), last - 1) == nil }) ?? true
    {
      return Decoded(bytes: bytes + 1, count: last - 1, isInBlock: true)
    }
    reserve(count)
    var length = 0
    var index = 1
    var isClosed = false
    while index < count {
      var byte = bytes[index]
      if isClosed { throw Malformed(reason: "there is text behind a closing quote") }
      if let escape = format.escape, byte == escape, index + 1 < count {
        index += 1
        byte = bytes[index]
      } else if byte == quote {
        if index + 1 < count, bytes[index + 1] == quote {
          index += 1
        } else {
          isClosed = true
          index += 1
          continue
        }
      }
      scratch[length] = byte
      length += 1
      index += 1
    }
    guard isClosed else { throw Malformed(reason: "a quoted field is not closed") }
    return Decoded(bytes: scratch, count: length, isInBlock: false)
  }

  /// The rules of opencsv's parser: a quote anywhere switches quoting; one in the middle of text is text as well; blanks before an opening
  /// quote are dropped; an escape counts before a quote or another escape inside quotes, and vanishes elsewhere.
  private func openCSV(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ format: DelimitedTextFormat) -> Decoded {
    let quote = format.quote
    let escape = format.escape
    let hasQuote = quote.map { memchr(bytes, Int32($0), count) != nil } ?? false
    let hasEscape = escape.map { memchr(bytes, Int32($0), count) != nil } ?? false
    if !hasQuote, !hasEscape { return Decoded(bytes: bytes, count: count, isInBlock: true) }
    reserve(count)
    var length = 0
    var isQuoted = false
    var index = 0
    while index < count {
      let byte = bytes[index]
      let next: UInt8? = index + 1 < count ? bytes[index + 1] : nil
      if byte == escape {
        if isQuoted, let next, next == quote || next == escape {
          scratch[length] = next
          length += 1
          index += 1
        }
      } else if byte == quote {
        if isQuoted, let next, next == quote {
          scratch[length] = next
          length += 1
          index += 1
        } else {
          if index > 0, let next, next != format.fieldDelimiter, bytes[index - 1] != format.fieldDelimiter {
            let isBlank = length > 0 && (0..<length).allSatisfy { scratch[$0] <= 0x20 }
            if isBlank {
              length = 0
            } else {
              scratch[length] = byte
              length += 1
            }
          }
          isQuoted.toggle()
        }
      } else {
        scratch[length] = byte
        length += 1
      }
      index += 1
    }
    return Decoded(bytes: scratch, count: length, isInBlock: false)
  }

  private func reserve(_ count: Int) {
    guard count > capacity else { return }
    scratch.deallocate()
    capacity = count * 2
    // Number parsers may read past the end by a word.
    scratch = .allocate(capacity: capacity + 64)
  }
}

/// Base64 of RFC 4648, padded or not.
enum Base64Coding {
  /// Nil when the bytes are no base64.
  static func decode(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> [UInt8]? {
    var length = count
    while length > 0, bytes[length - 1] == UInt8(ascii: "="), count - length < 2 { length -= 1 }
    guard length % 4 != 1, count == length || count % 4 == 0 else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(length * 3 / 4)
    var bits: UInt32 = 0
    var held = 0
    for index in 0..<length {
      guard let digit = digit(bytes[index]) else { return nil }
      bits = (bits << 6 | UInt32(digit)) & 0xFFFF
      held += 6
      if held >= 8 {
        held -= 8
        result.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
      }
    }
    return result
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x41...0x5A: byte - 0x41
    case 0x61...0x7A: byte - 0x61 + 26
    case 0x30...0x39: byte - 0x30 + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }

  static func encode(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    var index = 0
    while index < bytes.count {
      let rest = min(bytes.count - index, 3)
      var group = UInt32(bytes[index]) << 16
      if rest > 1 { group |= UInt32(bytes[index + 1]) << 8 }
      if rest > 2 { group |= UInt32(bytes[index + 2]) }
      for place in 0..<4 {
        result.append(place <= rest ? alphabet[Int(group >> UInt32(18 - 6 * place)) & 63] : UInt8(ascii: "="))
      }
      index += 3
    }
    return result
  }
}
