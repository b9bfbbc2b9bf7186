#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A key as a terminal in raw mode sends it.
enum Key: Equatable {
  case character(Character)
  /// Ctrl and a letter, in lower case.
  case control(Character)
  /// Alt (or Escape) and a letter.
  case meta(Character)
  case enter, tab, backspace, delete, left, right, up, down, home, endOfLine, wordLeft, wordRight
  case unknown

  /// The next key from standard input; nil at its end.
  static func next() -> Key? {
    guard let byte = readByte() else { return nil }
    switch byte {
    case 13, 10: return .enter
    case 9: return .tab
    case 127, 8: return .backspace
    case 27: return readEscape()
    case 1...26: return .control(Character(UnicodeScalar(byte + 96)))
    case 0..<32: return .unknown
    case 0..<128: return .character(Character(UnicodeScalar(byte)))
    default:
      var bytes = [byte]
      for _ in 0..<(byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : byte >= 0xC0 ? 1 : 0) {
        guard let next = readByte() else { return nil }
        bytes.append(next)
      }
      return .character(String(decoding: bytes, as: UTF8.self).first ?? "\u{FFFD}")
    }
  }

  /// What follows an Escape: `[` or `O`, numbers, a final byte (ECMA-48, as xterm sends it), or a letter with Alt.
  private static func readEscape() -> Key? {
    guard let kind = readByte() else { return nil }
    guard kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else {
      if kind == 127 { return .control("w") }
      return kind > 32 && kind < 127 ? .meta(Character(UnicodeScalar(kind))) : .unknown
    }
    guard var code = readByte() else { return nil }
    var numbers = [0]
    while code >= 48 && code <= 59 {
      if code == 59 { numbers.append(0) } else { numbers[numbers.count - 1] = (numbers[numbers.count - 1] * 10 + Int(code) - 48) % 1_000 }
      guard let next = readByte() else { return nil }
      code = next
    }
    // The second number says which of Shift, Alt and Ctrl are held.
    let isModified = numbers.count > 1 && numbers[1] > 1
    switch code {
    case UInt8(ascii: "A"): return .up
    case UInt8(ascii: "B"): return .down
    case UInt8(ascii: "C"): return isModified ? .wordRight : .right
    case UInt8(ascii: "D"): return isModified ? .wordLeft : .left
    case UInt8(ascii: "H"): return .home
    case UInt8(ascii: "F"): return .endOfLine
    case UInt8(ascii: "~"):
      switch numbers[0] {
      case 1, 7: return .home
      case 4, 8: return .endOfLine
      case 3: return .delete
      default: return .unknown
      }
    default: return .unknown
    }
  }

  private static func readByte() -> UInt8? {
    var byte: UInt8 = 0
    while true {
      let got = read(STDIN_FILENO, &byte, 1)
      if got == 1 { return byte }
      if got < 0 && errno == EINTR { continue }
      return nil
    }
  }
}
