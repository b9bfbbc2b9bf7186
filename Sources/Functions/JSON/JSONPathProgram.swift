import Columnar

/// A compiled SQL/JSON path: `lax $.store.book[*]?(@.price < 10).title`.
///
/// - Source: ISO/IEC 9075-2, "SQL/JSON path language"; Trino's documentation of JSON functions.
struct JSONPathProgram: Sendable {
  let isStrict: Bool
  let root: JSONPathExpression

  init(_ text: UnsafeRawBufferPointer) throws(KernelError) {
    var parser = JSONPathParser(text)
    (isStrict, root) = try parser.parse()
  }
}

indirect enum JSONPathExpression: Sendable {
  enum Operation: Sendable { case add, subtract, multiply, divide, modulo }
  enum Method: String, Sendable { case size, type, double, ceiling, floor, abs, keyvalue }
  enum Literal: Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case double(Double)
    case string([UInt8])
  }

  /// `$`, `@`, `last`, `$name`
  case root, current, last
  case variable(String)
  case literal(Literal)
  /// `.name`; nil is `.*`.
  case member(JSONPathExpression, name: [UInt8]?)
  /// `..name`
  case descendant(JSONPathExpression, name: [UInt8])
  /// `[1, 3 to last]`; nil is `[*]`.
  case elements(JSONPathExpression, [(from: JSONPathExpression, to: JSONPathExpression?)]?)
  case method(JSONPathExpression, Method)
  case filter(JSONPathExpression, JSONPathPredicate)
  case negate(JSONPathExpression)
  case plus(JSONPathExpression)
  case arithmetic(Operation, JSONPathExpression, JSONPathExpression)
}

indirect enum JSONPathPredicate: Sendable {
  enum Comparison: Sendable { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual }
  case comparison(Comparison, JSONPathExpression, JSONPathExpression)
  case and(JSONPathPredicate, JSONPathPredicate)
  case or(JSONPathPredicate, JSONPathPredicate)
  case not(JSONPathPredicate)
  case isUnknown(JSONPathPredicate)
  case exists(JSONPathExpression)
  case startsWith(JSONPathExpression, JSONPathExpression)
  case matches(JSONPathExpression, RegexProgram)
}

/// Recursive descent over the path's text; white space between tokens means nothing.
private struct JSONPathParser {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private var depth = 0

  init(_ text: UnsafeRawBufferPointer) { bytes = text }

  mutating func parse() throws(KernelError) -> (isStrict: Bool, JSONPathExpression) {
    var isStrict = false
    if accept(word: "strict") { isStrict = true } else { _ = accept(word: "lax") }
    let expression = try sum()
    skipSpace()
    guard position == bytes.count else { throw failure("unexpected text") }
    return (isStrict, expression)
  }

  private func failure(_ reason: String) -> KernelError {
    .invalidArgument("Invalid JSON path: '\(String(decoding: bytes, as: UTF8.self))': \(reason) at character \(position + 1)")
  }

  // MARK: Tokens

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private func isNamePart(_ byte: UInt8) -> Bool {
    (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || byte == UInt8(ascii: "_") || byte >= 0x80
  }

  private mutating func accept(_ text: StaticString) -> Bool {
    skipSpace()
    let end = position + text.utf8CodeUnitCount
    guard end <= bytes.count, NumberParser.equals(slice(bytes, position, end), text) else { return false }
    position = end
    return true
  }

  private mutating func accept(word: StaticString) -> Bool {
    let saved = position
    guard accept(word) else { return false }
    if position < bytes.count, isNamePart(bytes[position]) {
      position = saved
      return false
    }
    return true
  }

  private mutating func expect(_ text: StaticString) throws(KernelError) {
    guard accept(text) else { throw failure("'\(text)' expected") }
  }

  private mutating func name() -> [UInt8]? {
    skipSpace()
    let start = position
    while position < bytes.count, isNamePart(bytes[position]) { position += 1 }
    return position > start ? Array(slice(bytes, start, position)) : nil
  }

  private mutating func string() throws(KernelError) -> [UInt8]? {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return nil }
    var scanner = JSONScanner(bytes)
    scanner.position = position
    var text = TextBuffer()
    guard scanner.string(into: &text) else { throw failure("unclosed string") }
    position = scanner.position
    return Array(text.bytes)
  }

  private mutating func nested<Result>(
    _ body: (inout JSONPathParser) throws(KernelError) -> Result
  ) throws(KernelError) -> Result {
    guard depth < 100 else { throw failure("nested too deeply") }
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  // MARK: Values

  private mutating func sum() throws(KernelError) -> JSONPathExpression {
    var left = try product()
    while true {
      if accept("+") {
        left = .arithmetic(.add, left, try product())
      } else if accept("-") {
        left = .arithmetic(.subtract, left, try product())
      } else {
        return left
      }
    }
  }

  private mutating func product() throws(KernelError) -> JSONPathExpression {
    var left = try unary()
    while true {
      if accept("*") {
        left = .arithmetic(.multiply, left, try unary())
      } else if accept("/") {
        left = .arithmetic(.divide, left, try unary())
      } else if accept("%") {
        left = .arithmetic(.modulo, left, try unary())
      } else {
        return left
      }
    }
  }

  private mutating func unary() throws(KernelError) -> JSONPathExpression {
    if accept("-") { return .negate(try nested { (parser: inout JSONPathParser) throws(KernelError) in try parser.unary() }) }
    if accept("+") { return .plus(try nested { (parser: inout JSONPathParser) throws(KernelError) in try parser.unary() }) }
    return try accessors(try primary())
  }

  private mutating func primary() throws(KernelError) -> JSONPathExpression {
    if accept("(") {
      let inner = try nested { (parser: inout JSONPathParser) throws(KernelError) in try parser.sum() }
      try expect(")")
      return inner
    }
    if accept("$") {
      if position < bytes.count, isNamePart(bytes[position]), let name = name() {
        return .variable(String(decoding: name, as: UTF8.self))
      }
      if position < bytes.count, bytes[position] == UInt8(ascii: "\""), let name = try string() {
        return .variable(String(decoding: name, as: UTF8.self))
      }
      return .root
    }
    if accept("@") { return .current }
    if accept(word: "last") { return .last }
    if accept(word: "null") { return .literal(.null) }
    if accept(word: "true") { return .literal(.boolean(true)) }
    if accept(word: "false") { return .literal(.boolean(false)) }
    if let text = try string() { return .literal(.string(text)) }
    skipSpace()
    var scanner = JSONScanner(bytes)
    scanner.position = position
    guard scanner.kind() == .number, let (text, isFloating) = scanner.number() else { throw failure("a value is expected") }
    position = scanner.position
    if !isFloating, let value = NumberParser.integer(text, as: Int64.self) { return .literal(.integer(value)) }
    return .literal(.double(NumberParser.double(text) ?? .nan))
  }

  private mutating func accessors(_ base: JSONPathExpression) throws(KernelError) -> JSONPathExpression {
    var result = base
    while true {
      if accept("..") {
        guard let name = try string() ?? name() else { throw failure("a member name is expected") }
        result = .descendant(result, name: name)
      } else if accept(".") {
        if accept("*") {
          result = .member(result, name: nil)
        } else if let name = try string() {
          result = .member(result, name: name)
        } else if let name = name() {
          if accept("(") {
            try expect(")")
            guard let method = JSONPathExpression.Method(rawValue: String(decoding: name, as: UTF8.self)) else {
              throw failure("unknown method")
            }
            result = .method(result, method)
          } else {
            result = .member(result, name: name)
          }
        } else {
          throw failure("a member name is expected")
        }
      } else if accept("[") {
        if accept("*") {
          result = .elements(result, nil)
        } else {
          var places: [(from: JSONPathExpression, to: JSONPathExpression?)] = []
          repeat {
            let from = try nested { (parser: inout JSONPathParser) throws(KernelError) in try parser.sum() }
            let to: JSONPathExpression? =
              accept(word: "to") ? try nested { (parser: inout JSONPathParser) throws(KernelError) in try parser.sum() } : nil
            places.append((from, to))
          } while accept(",")
          result = .elements(result, places)
        }
        try expect("]")
      } else if accept("?") {
        try expect("(")
        result = .filter(
          result, try nested { (parser: inout JSONPathParser) throws(KernelError) in try parser.disjunction() })
        try expect(")")
      } else {
        return result
      }
    }
  }

  // MARK: Conditions

  private mutating func disjunction() throws(KernelError) -> JSONPathPredicate {
    var left = try conjunction()
    while accept("||") { left = .or(left, try conjunction()) }
    return left
  }

  private mutating func conjunction() throws(KernelError) -> JSONPathPredicate {
    var left = try condition()
    while accept("&&") { left = .and(left, try condition()) }
    return left
  }

  private mutating func condition() throws(KernelError) -> JSONPathPredicate {
    if accept("!") {
      // The operand stands in parentheses or is exists(...).
      return .not(try nested { (parser: inout JSONPathParser) throws(KernelError) in try parser.condition() })
    }
    if accept(word: "exists") {
      try expect("(")
      let path = try nested { (parser: inout JSONPathParser) throws(KernelError) in try parser.sum() }
      try expect(")")
      return .exists(path)
    }
    // A parenthesis opens a condition, or a value of a comparison.
    let saved = position
    if accept("(") {
      let inner: JSONPathPredicate?
      do throws(KernelError) {
        inner = try nested { (parser: inout JSONPathParser) throws(KernelError) in try parser.disjunction() }
      } catch { inner = nil }
      if let inner, accept(")") {
        if accept(word: "is") {
          guard accept(word: "unknown") else { throw failure("'unknown' expected") }
          return .isUnknown(inner)
        }
        if !isComparisonNext { return inner }
      }
      position = saved
    }
    return try comparison()
  }

  private var isComparisonNext: Bool {
    var copy = self
    copy.skipSpace()
    guard copy.position < bytes.count else { return false }
    return [UInt8(ascii: "="), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "*"),
      UInt8(ascii: "/"), UInt8(ascii: "%"), UInt8(ascii: "."), UInt8(ascii: "[")].contains(bytes[copy.position])
      || (bytes[copy.position] == UInt8(ascii: "!") && copy.position + 1 < bytes.count && bytes[copy.position + 1] == UInt8(ascii: "="))
  }

  private mutating func comparison() throws(KernelError) -> JSONPathPredicate {
    let left = try sum()
    if accept(word: "starts") {
      guard accept(word: "with") else { throw failure("'with' expected") }
      return .startsWith(left, try unary())
    }
    if accept(word: "like_regex") {
      guard let pattern = try string() else { throw failure("a pattern is expected") }
      var text = pattern
      if accept(word: "flag") {
        guard let flags = try string() else { throw failure("flags are expected") }
        let known = flags.filter { [UInt8(ascii: "i"), UInt8(ascii: "m"), UInt8(ascii: "s"), UInt8(ascii: "x")].contains($0) }
        if !known.isEmpty { text = Array("(?".utf8) + known + Array(")".utf8) + pattern }
      }
      let copy = Buffer.of(text)
      defer { withExtendedLifetime(copy) {} }
      return .matches(left, try RegexProgram.of(UnsafeRawBufferPointer(start: copy.base, count: text.count)))
    }
    let comparison: JSONPathPredicate.Comparison
    if accept("==") {
      comparison = .equal
    } else if accept("<>") || accept("!=") {
      comparison = .notEqual
    } else if accept("<=") {
      comparison = .lessOrEqual
    } else if accept(">=") {
      comparison = .greaterOrEqual
    } else if accept("<") {
      comparison = .less
    } else if accept(">") {
      comparison = .greater
    } else {
      throw failure("a comparison is expected")
    }
    return .comparison(comparison, left, try sum())
  }
}
