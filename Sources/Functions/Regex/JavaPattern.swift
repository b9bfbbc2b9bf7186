import Columnar

/// Rewrites a regular expression of Java's dialect into PCRE2's.
///
/// Most of both is the same. What differs:
///
/// | Java | PCRE2 |
/// |---|---|
/// | `\uD83D\uDE00`, `\u0041` | `\x{1F600}`, `\x{0041}` |
/// | `\p{Alpha}`, `\p{IsGreek}`, `\p{InGreek}`, `\p{javaUpperCase}` | `[[:alpha:]]`, `\p{Greek}`, `\p{Greek}`, `\p{Lu}` |
/// | `[a-z&&[^aeiou]]` | `(?:(?=[^aeiou])[a-z])` |
/// | `[a[bc]]` | `(?:[a]\|[bc])` |
/// | `(?u)`, `(?d)`, `(?U)` | dropped: they change nothing here that Trino's engine honours |
///
/// What only PCRE2 has (recursion, conditions, verbs, callouts) is an error, as it is on Trino.
/// - Source: java.util.regex.Pattern, pcre2pattern(3).
struct JavaPattern {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private var out: [UInt8] = []

  static func translate(_ pattern: UnsafeRawBufferPointer) throws(KernelError) -> [UInt8] {
    var translator = JavaPattern(bytes: pattern)
    try translator.run()
    return translator.out
  }

  private init(bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    out.reserveCapacity(bytes.count + 16)
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }
  private func peek(_ distance: Int) -> UInt8? { position + distance < bytes.count ? bytes[position + distance] : nil }

  private mutating func emit(_ text: StaticString) {
    out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private func failure(_ reason: String) -> KernelError {
    .invalidArgument("Invalid regular expression: \(reason) near index \(position)")
  }

  private mutating func run() throws(KernelError) {
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\\"): try escape(inClass: false)
      case UInt8(ascii: "["): out += try characterClass(depth: 0).rendered
      case UInt8(ascii: "("): try open()
      default:
        out.append(byte)
        position += 1
      }
    }
  }

  // MARK: Groups

  private mutating func open() throws(KernelError) {
    if peek(1) == UInt8(ascii: "*") { throw failure("dangling meta character '*'") }
    guard peek(1) == UInt8(ascii: "?"), let kind = peek(2) else {
      out.append(UInt8(ascii: "("))
      position += 1
      return
    }
    switch kind {
    case UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: ">"), UInt8(ascii: "<"):
      emit("(?")
      position += 2
    default:
      emit("(?")
      position += 2
      try flags()
    }
  }

  /// `i`, `m`, `s`, `x` and `-`, up to `)` or `:`.
  private mutating func flags() throws(KernelError) {
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "i"), UInt8(ascii: "m"), UInt8(ascii: "s"), UInt8(ascii: "x"), UInt8(ascii: "-"): out.append(byte)
      case UInt8(ascii: "u"), UInt8(ascii: "d"), UInt8(ascii: "U"): break
      case UInt8(ascii: ")"), UInt8(ascii: ":"):
        out.append(byte)
        position += 1
        return
      default: throw failure("unknown inline modifier or group")
      }
      position += 1
    }
    throw failure("unclosed group")
  }

  // MARK: Escapes

  private mutating func escape(inClass: Bool) throws(KernelError) {
    guard let kind = peek(1) else { throw failure("unexpected escape at the end") }
    switch kind {
    case UInt8(ascii: "u"):
      position += 2
      guard let first = hexUnit() else { throw failure("illegal Unicode escape sequence") }
      var scalar = UInt32(first)
      if first >= 0xD800, first < 0xDC00, peek == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "u") {
        let saved = position
        position += 2
        if let second = hexUnit(), second >= 0xDC00, second < 0xE000 {
          scalar = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
        } else {
          position = saved
        }
      }
      emit("\\x{")
      out += Array(String(scalar, radix: 16).utf8)
      emit("}")
    case UInt8(ascii: "p"), UInt8(ascii: "P"): try property(isNegated: kind == UInt8(ascii: "P"), inClass: inClass)
    case UInt8(ascii: "Q"):
      // Everything up to \E stands for itself; written one escaped character at a time, so that classes may hold it too.
      position += 2
      while position < bytes.count {
        if peek == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "E") {
          position += 2
          return
        }
        literal()
      }
    case UInt8(ascii: "K"), UInt8(ascii: "g"), UInt8(ascii: "C"):
      throw failure("illegal or unsupported escape sequence")
    default:
      out.append(UInt8(ascii: "\\"))
      out.append(kind)
      position += 2
    }
  }

  /// The byte at the position as a literal; bytes of longer characters and word characters need no escape.
  private mutating func literal() {
    guard let byte = peek else { return }
    let isWord =
      byte >= 0x80 || (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x61 && byte <= 0x7A)
      || byte == 0x5F
    if !isWord { out.append(UInt8(ascii: "\\")) }
    out.append(byte)
    position += 1
  }

  private mutating func hexUnit() -> UInt16? {
    guard position + 4 <= bytes.count else { return nil }
    var value: UInt16 = 0
    for index in 0..<4 {
      guard let digit = IdentifierParser.hexDigit(bytes[position + index]) else { return nil }
      value = value << 4 | UInt16(digit)
    }
    position += 4
    return value
  }

  /// `\p{name}`: Java's own names become POSIX classes or plain Unicode properties.
  private mutating func property(isNegated: Bool, inClass: Bool) throws(KernelError) {
    position += 2
    guard peek == UInt8(ascii: "{") else {
      guard let letter = peek else { throw failure("unknown character property name") }
      out += [UInt8(ascii: "\\"), isNegated ? UInt8(ascii: "P") : UInt8(ascii: "p"), letter]
      position += 1
      return
    }
    var end = position + 1
    while end < bytes.count, bytes[end] != UInt8(ascii: "}") { end += 1 }
    guard end < bytes.count else { throw failure("unclosed character family") }
    var name = String(decoding: slice(bytes, position + 1, end), as: UTF8.self)
    position = end + 1
    var isNegated = isNegated
    if name.hasPrefix("^") {
      isNegated.toggle()
      name.removeFirst()
    }
    if let posix = Self.posixNames[name] {
      let body = "[:\(isNegated ? "^" : "")\(posix):]"
      out += Array((inClass ? body : "[\(body)]").utf8)
      return
    }
    let unicode = Self.unicodeNames[name] ?? Self.withoutPrefix(name)
    out += Array("\\\(isNegated ? "P" : "p"){\(unicode)}".utf8)
  }

  private static let posixNames = [
    "Lower": "lower", "Upper": "upper", "ASCII": "ascii", "Alpha": "alpha", "Digit": "digit", "Alnum": "alnum",
    "Punct": "punct", "Graph": "graph", "Print": "print", "Blank": "blank", "Cntrl": "cntrl", "XDigit": "xdigit",
    "Space": "space",
  ]

  private static let unicodeNames = [
    "javaLowerCase": "Ll", "javaUpperCase": "Lu", "javaWhitespace": "Xsp", "javaLetter": "L", "javaDigit": "Nd",
    "IsAlphabetic": "L", "IsLetter": "L", "IsLowercase": "Ll", "IsUppercase": "Lu", "IsDigit": "Nd", "IsPunctuation": "P",
    "IsWhite_Space": "Xsp", "IsControl": "Cc", "L1": "Latin",
  ]

  /// `IsGreek`, `InGreek`, `script=Greek`, `gc=Lu`: the name itself.
  private static func withoutPrefix(_ name: String) -> String {
    for prefix in ["script=", "sc=", "general_category=", "gc=", "block=", "blk=", "Is", "In"]
    where name.hasPrefix(prefix) && name.count > prefix.count {
      return String(name.dropFirst(prefix.count))
    }
    return name
  }

  // MARK: Character classes

  /// A class as a pattern that matches one character. `flat` is its inside when a plain PCRE2 class can say it.
  private struct ClassPattern {
    var flat: [UInt8]?
    var isNegated = false
    /// Used when it is not flat.
    var general: [UInt8] = []

    var rendered: [UInt8] {
      guard let flat else { return general }
      if flat.isEmpty { return isNegated ? Array("(?s:.)".utf8) : Array("(?!)".utf8) }
      return Array("[".utf8) + (isNegated ? Array("^".utf8) : []) + flat + Array("]".utf8)
    }
  }

  /// The class at the position: `[abc]`, `[^a[bc]]`, `[a-z&&[^b]]`.
  private mutating func characterClass(depth: Int) throws(KernelError) -> ClassPattern {
    guard depth < 50 else { throw failure("character classes nested too deeply") }
    position += 1
    var isNegated = false
    if peek == UInt8(ascii: "^") {
      isNegated = true
      position += 1
    }
    // Operands of && in order, each a union of a plain part and nested classes.
    var operands: [ClassPattern] = []
    var plain: [UInt8] = []
    var nested: [ClassPattern] = []
    var isFirst = true
    func union() -> ClassPattern {
      var inside = plain
      var rest: [ClassPattern] = []
      for part in nested {
        if let flat = part.flat, !part.isNegated { inside += flat } else { rest.append(part) }
      }
      if rest.isEmpty { return ClassPattern(flat: inside) }
      if rest.count == 1, inside.isEmpty { return rest[0] }
      let parts = (inside.isEmpty ? [] : [ClassPattern(flat: inside)]) + rest
      return ClassPattern(general: Array("(?:".utf8) + Array(parts.map(\.rendered).joined(separator: "|".utf8)) + Array(")".utf8))
    }
    while true {
      guard let byte = peek else { throw failure("unclosed character class") }
      defer { isFirst = false }
      switch byte {
      case UInt8(ascii: "]") where !isFirst || !nested.isEmpty:
        position += 1
        operands.append(union())
        return Self.intersection(operands, isNegated: isNegated)
      case UInt8(ascii: "]"):
        plain += Array("\\]".utf8)
        position += 1
      case UInt8(ascii: "[") where peek(1) == UInt8(ascii: ":"):
        // A POSIX class, which Trino's engine knows as well.
        guard let end = posixEnd() else { fallthrough }
        plain += Array(slice(bytes, position, end))
        position = end
      case UInt8(ascii: "["): nested.append(try characterClass(depth: depth + 1))
      case UInt8(ascii: "&") where peek(1) == UInt8(ascii: "&"):
        position += 2
        if !plain.isEmpty || !nested.isEmpty { operands.append(union()) }
        plain = []
        nested = []
      case UInt8(ascii: "\\"):
        let saved = out
        out = []
        try escape(inClass: true)
        plain += out
        out = saved
      default:
        plain.append(byte)
        position += 1
      }
    }
  }

  /// The end of `[:name:]` at the position.
  private func posixEnd() -> Int? {
    var index = position + 2
    while index < bytes.count, bytes[index] == UInt8(ascii: "^") || (bytes[index] >= 0x61 && bytes[index] <= 0x7A) { index += 1 }
    guard index + 1 < bytes.count, bytes[index] == UInt8(ascii: ":"), bytes[index + 1] == UInt8(ascii: "]") else { return nil }
    return index + 2
  }

  private static func intersection(_ operands: [ClassPattern], isNegated: Bool) -> ClassPattern {
    guard let last = operands.last else { return ClassPattern(flat: [], isNegated: isNegated) }
    if operands.count == 1 {
      guard isNegated else { return last }
      if let flat = last.flat { return ClassPattern(flat: flat, isNegated: !last.isNegated) }
      return ClassPattern(general: Array("(?!".utf8) + last.general + Array(")(?s:.)".utf8))
    }
    var general = Array("(?:".utf8)
    for operand in operands.dropLast() { general += Array("(?=".utf8) + operand.rendered + Array(")".utf8) }
    general += last.rendered + Array(")".utf8)
    if isNegated { general = Array("(?:(?!".utf8) + general + Array(")(?s:.))".utf8) }
    return ClassPattern(general: general)
  }
}
