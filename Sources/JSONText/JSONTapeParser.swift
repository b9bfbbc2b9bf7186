/// Fills a tape from UTF-8 text (RFC 8259, strictly; a byte order mark in front is skipped).
///
/// One pass, no recursion: open containers are a stack of tape indexes. Strings are scanned eight bytes at a time for a quote, a
/// backslash or a control character.
struct JSONTapeParser {
  let bytes: UnsafeRawBufferPointer
  let depthLimit: Int
  var tape: UnsafeMutablePointer<JSONNode>
  var capacity: Int
  var count = 0

  init(bytes: UnsafeRawBufferPointer, depthLimit: Int, tape: UnsafeMutablePointer<JSONNode>, capacity: Int) {
    self.bytes = bytes
    self.depthLimit = depthLimit
    self.tape = tape
    self.capacity = capacity
  }

  mutating func parse() throws(JSONError) {
    count = 0
    guard bytes.count < Int(UInt32.max) else {
      throw JSONError(.tooLarge, "the text has \(bytes.count) bytes; at most 4 GiB can be read as one JSON value", at: 0)
    }
    guard let base = bytes.baseAddress, !bytes.isEmpty else { throw JSONError(.truncated, "the text is empty", at: 0) }
    let text = base.assumingMemoryBound(to: UInt8.self)
    let end = bytes.count
    var at = 0
    if end >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF { at = 3 }

    var open: [Int] = []
    var isObject = false
    // A value is expected first; afterwards, inside containers, a separator or an end.
    value: while true {
      at = skipBlanks(text, at, end)
      guard at < end else { throw truncated(end) }
      switch text[at] {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        let opensObject = text[at] == UInt8(ascii: "{")
        guard open.count < depthLimit else {
          throw JSONError(.tooDeep, "containers are nested deeper than \(depthLimit)", at: at)
        }
        open.append(count)
        isObject = opensObject
        append(JSONNode(kind: opensObject ? .object : .array, isPlain: true, offset: UInt32(at), length: 0, next: 0))
        at = skipBlanks(text, at + 1, end)
        guard at < end else { throw truncated(end) }
        if text[at] == (opensObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { break }  // empty: closed below
        if opensObject { at = try key(text, at, end) }
        countChild(open[open.count - 1])
        continue value
      case UInt8(ascii: "\""):
        at = try string(text, at, end)
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        at = try number(text, at, end)
      case UInt8(ascii: "t"):
        at = try word("true", text, at, end)
        append(JSONNode(kind: .boolean, isPlain: true, offset: UInt32(at - 4), length: 4, next: UInt32(count + 1)))
      case UInt8(ascii: "f"):
        at = try word("false", text, at, end)
        append(JSONNode(kind: .boolean, isPlain: false, offset: UInt32(at - 5), length: 5, next: UInt32(count + 1)))
      case UInt8(ascii: "n"):
        at = try word("null", text, at, end)
        append(JSONNode(kind: .null, isPlain: true, offset: UInt32(at - 4), length: 4, next: UInt32(count + 1)))
      default:
        throw JSONError(.syntax, "a JSON value was expected, found \(Self.shown(text[at]))", at: at)
      }
      // Separators and ends, until the next value is due.
      while true {
        at = skipBlanks(text, at, end)
        guard let container = open.last else {
          guard at == end else {
            throw JSONError(.syntax, "nothing may follow the JSON value, found \(Self.shown(text[at]))", at: at)
          }
          return
        }
        guard at < end else { throw truncated(end) }
        switch text[at] {
        case UInt8(ascii: ",") where tape[container].length > 0:
          at = skipBlanks(text, at + 1, end)
          guard at < end else { throw truncated(end) }
          if isObject { at = try key(text, at, end) }
          countChild(container)
          continue value
        case isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"):
          at += 1
          tape[container].next = UInt32(count)
          open.removeLast()
          if let parent = open.last { isObject = tape[parent].kind == .object }
        default:
          let wanted = isObject ? "\",\" or \"}\"" : "\",\" or \"]\""
          throw JSONError(.syntax, "\(wanted) was expected, found \(Self.shown(text[at]))", at: at)
        }
      }
    }
  }

  private func truncated(_ end: Int) -> JSONError { JSONError(.truncated, "the text ends inside a JSON value", at: end) }

  @inline(__always)
  private mutating func append(_ node: JSONNode) {
    if count == capacity { grow() }
    tape[count] = node
    count &+= 1
  }

  @inline(never)
  private mutating func grow() {
    let larger = UnsafeMutablePointer<JSONNode>.allocate(capacity: capacity * 2)
    larger.update(from: tape, count: count)
    tape.deallocate()
    tape = larger
    capacity *= 2
  }

  @inline(__always)
  private func countChild(_ container: Int) { tape[container].length &+= 1 }

  @inline(__always)
  private func skipBlanks(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    var at = start
    while at < end {
      let byte = text[at]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { break }
      at &+= 1
    }
    return at
  }

  private mutating func key(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) throws(JSONError) -> Int {
    guard text[start] == UInt8(ascii: "\"") else {
      throw JSONError(.syntax, "a key in quotes was expected, found \(Self.shown(text[start]))", at: start)
    }
    let at = skipBlanks(text, try string(text, start, end), end)
    guard at < end else { throw truncated(end) }
    guard text[at] == UInt8(ascii: ":") else {
      throw JSONError(.syntax, "\":\" was expected after a key, found \(Self.shown(text[at]))", at: at)
    }
    return at + 1
  }

  /// - Returns: the index behind the closing quote.
  private mutating func string(_ text: UnsafePointer<UInt8>, _ quote: Int, _ end: Int) throws(JSONError) -> Int {
    let start = quote + 1
    var at = start
    var isPlain = true
    while true {
      // Eight bytes at a time: a set high bit marks a byte that is a quote, a backslash or below 0x20 (or, rarely, a false alarm).
      while at &+ 8 <= end {
        let word = UnsafeRawPointer(text + at).loadUnaligned(as: UInt64.self)
        let quotes = word ^ 0x2222_2222_2222_2222
        let slashes = word ^ 0x5C5C_5C5C_5C5C_5C5C
        let ones: UInt64 = 0x0101_0101_0101_0101
        let found =
          ((quotes &- ones) & ~quotes) | ((slashes &- ones) & ~slashes)
          | ((word &- 0x2020_2020_2020_2020) & ~word)
        let marks = found & 0x8080_8080_8080_8080
        if marks == 0 {
          at &+= 8
        } else {
          at &+= marks.littleEndian.trailingZeroBitCount >> 3
          break
        }
      }
      guard at < end else { throw JSONError(.truncated, "a string is not closed", at: quote) }
      let byte = text[at]
      if byte == UInt8(ascii: "\"") { break }
      if byte == UInt8(ascii: "\\") {
        isPlain = false
        at = try escape(text, at, end)
      } else if byte < 0x20 {
        throw JSONError(.syntax, "a control character stands unescaped in a string", at: at)
      } else {
        at &+= 1
      }
    }
    append(
      JSONNode(
        kind: .string, isPlain: isPlain, offset: UInt32(start), length: UInt32(at - start), next: UInt32(count + 1)))
    return at + 1
  }

  /// Checks one escape; surrogates are paired when the string is decoded.
  private func escape(_ text: UnsafePointer<UInt8>, _ at: Int, _ end: Int) throws(JSONError) -> Int {
    guard at + 1 < end else { throw truncated(end) }
    switch text[at + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
      UInt8(ascii: "r"), UInt8(ascii: "t"):
      return at + 2
    case UInt8(ascii: "u"):
      guard at + 6 <= end else { throw truncated(end) }
      for index in at + 2..<at + 6 where JSONValue.hexDigit(text[index]) == nil {
        throw JSONError(.syntax, "\\u must be followed by four hexadecimal digits", at: at)
      }
      return at + 6
    default:
      throw JSONError(.syntax, "unknown escape \\\(Self.shown(text[at + 1]))", at: at)
    }
  }

  private mutating func number(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) throws(JSONError) -> Int {
    var at = start
    var isPlain = true
    if text[at] == UInt8(ascii: "-") { at += 1 }
    guard at < end else { throw truncated(end) }
    if text[at] == UInt8(ascii: "0") {
      at += 1
      if at < end, Self.isDigit(text[at]) { throw JSONError(.syntax, "a number may not begin with 0", at: start) }
    } else {
      at = try digits(text, at, end)
    }
    if at < end, text[at] == UInt8(ascii: ".") {
      isPlain = false
      at = try digits(text, at + 1, end)
    }
    if at < end, text[at] == UInt8(ascii: "e") || text[at] == UInt8(ascii: "E") {
      isPlain = false
      at += 1
      if at < end, text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-") { at += 1 }
      at = try digits(text, at, end)
    }
    append(
      JSONNode(
        kind: .number, isPlain: isPlain, offset: UInt32(start), length: UInt32(at - start), next: UInt32(count + 1)))
    return at
  }

  private func digits(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) throws(JSONError) -> Int {
    var at = start
    while at < end, Self.isDigit(text[at]) { at &+= 1 }
    guard at > start else {
      throw at < end ? JSONError(.syntax, "a digit was expected, found \(Self.shown(text[at]))", at: at) : truncated(end)
    }
    return at
  }

  private func word(
    _ word: StaticString, _ text: UnsafePointer<UInt8>, _ at: Int, _ end: Int
  ) throws(JSONError) -> Int {
    let length = word.utf8CodeUnitCount
    for index in 0..<length {
      guard at + index < end else { throw truncated(end) }
      guard text[at + index] == word.utf8Start[index] else {
        throw JSONError(.syntax, "\(word) was expected", at: at)
      }
    }
    return at + length
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  /// A byte as an error message shows it.
  private static func shown(_ byte: UInt8) -> String {
    byte > 0x20 && byte < 0x7F ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
  }
}
