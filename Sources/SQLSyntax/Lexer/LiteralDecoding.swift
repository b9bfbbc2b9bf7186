/// Turns the bytes of text tokens into values.
enum LiteralDecoding {
  /// The inside of `'it''s'` or `"a""b"`: the quotes removed, doubled quotes made single.
  static func unquoted(_ bytes: ArraySlice<UInt8>) -> String {
    guard let quote = bytes.first, bytes.count >= 2 else { return "" }
    let inner = bytes.dropFirst().dropLast()
    guard inner.contains(quote) else { return String(decoding: inner, as: UTF8.self) }
    var result: [UInt8] = []
    var isSecond = false
    for byte in inner {
      if byte == quote, !isSecond {
        isSecond = true
        continue
      }
      isSecond = false
      result.append(byte)
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The inside of a Hive text: `\t`, `\n`, `\r`, `\b`, `\0`, `\Z`, `\001` (three octal digits), `\uXXXX`, any other escaped character itself.
  /// `\%` and `\_` keep their backslash. Source: Hive's BaseSemanticAnalyzer.unescapeSQLString.
  static func hiveUnescaped(_ bytes: ArraySlice<UInt8>) -> String {
    guard let quote = bytes.first, bytes.count >= 2 else { return "" }
    let inner = Array(bytes.dropFirst().dropLast())
    var result: [UInt8] = []
    var i = 0
    while i < inner.count {
      let byte = inner[i]
      if byte == quote, i + 1 < inner.count, inner[i + 1] == quote {
        result.append(quote)
        i += 2
        continue
      }
      guard byte == UInt8(ascii: "\\"), i + 1 < inner.count else {
        result.append(byte)
        i += 1
        continue
      }
      if let octal = number(inner, at: i + 1, digits: 3, radix: 8), octal < 128 {
        result.append(UInt8(octal))
        i += 4
        continue
      }
      if inner[i + 1] == UInt8(ascii: "u"), let code = number(inner, at: i + 2, digits: 4, radix: 16),
        let scalar = Unicode.Scalar(UInt32(code))
      {
        result.append(contentsOf: String(Character(scalar)).utf8)
        i += 6
        continue
      }
      switch inner[i + 1] {
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "0"): result.append(0x00)
      case UInt8(ascii: "Z"): result.append(0x1A)
      case UInt8(ascii: "%"), UInt8(ascii: "_"): result += [byte, inner[i + 1]]
      case let other: result.append(other)
      }
      i += 2
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The inside of `U&'\0041\+01F600'` with the given escape character, or nil when an escape is malformed.
  static func unicodeUnescaped(_ text: String, escape: Character) -> String? {
    let characters = Array(text.unicodeScalars)
    guard let mark = escape.unicodeScalars.first, escape.unicodeScalars.count == 1 else { return nil }
    var result = String.UnicodeScalarView()
    var i = 0
    while i < characters.count {
      guard characters[i] == mark else {
        result.append(characters[i])
        i += 1
        continue
      }
      if i + 1 < characters.count, characters[i + 1] == mark {
        result.append(mark)
        i += 2
        continue
      }
      let isLong = i + 1 < characters.count && characters[i + 1] == "+"
      let start = i + (isLong ? 2 : 1)
      let end = start + (isLong ? 6 : 4)
      guard end <= characters.count else { return nil }
      let digits = String(String.UnicodeScalarView(characters[start..<end]))
      guard digits.utf8.allSatisfy({ $0.hexDigitValue != nil }), let code = UInt32(digits, radix: 16),
        let scalar = Unicode.Scalar(code)
      else { return nil }
      result.append(scalar)
      i = end
    }
    return String(result)
  }

  /// The bytes of `X'65 68 3F'`, or nil when a character is no hexadecimal digit or their number is odd.
  static func binary(_ text: String) -> [UInt8]? {
    var result: [UInt8] = []
    var high: UInt8?
    for byte in text.utf8 where !(byte == 0x20 || (0x09...0x0D).contains(byte)) {
      guard let digit = byte.hexDigitValue else { return nil }
      if let first = high {
        result.append(first << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
    return high == nil ? result : nil
  }

  private static func number(_ bytes: [UInt8], at start: Int, digits: Int, radix: UInt8) -> Int? {
    guard start + digits <= bytes.count else { return nil }
    var value = 0
    for byte in bytes[start..<start + digits] {
      guard let digit = byte.hexDigitValue, digit < radix else { return nil }
      value = value * Int(radix) + Int(digit)
    }
    return value
  }
}

extension UInt8 {
  fileprivate var hexDigitValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
