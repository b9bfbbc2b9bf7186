/// Cuts a script into tokens. Never fails: bytes that are no token become an `.invalid` one, which the parser reports when it gets there.
///
/// Hive's rules for text (backslash escapes, `"…"` is text) hold in property lists and delimiter clauses of CREATE and ALTER. The lexer finds those
/// places from the words before them, so that the parser, the script splitter and an editor agree on where a text ends:
/// ```
/// CREATE … TBLPROPERTIES ( 'a\tb' = "c" )      inside these parentheses
/// CREATE … FIELDS TERMINATED BY '\t'           the text after TERMINATED BY, ESCAPED BY, DEFINED AS
/// ```
package struct Lexer {
  private let bytes: [UInt8]
  private var offset = 0
  private var tokens: [Token] = []
  private var hive = HiveContext()

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
    tokens.reserveCapacity(bytes.count / 4 + 2)
  }

  /// All tokens of the text; the last one is `.endOfText`.
  package static func tokens(of bytes: [UInt8]) -> [Token] {
    var lexer = Lexer(bytes)
    while lexer.lexToken() {}
    return lexer.tokens
  }

  private mutating func lexToken() -> Bool {
    if let comment = skipBlanksAndComments() {
      append(.invalid, from: comment, problem: .unterminatedComment)
    }
    let start = offset
    guard start < bytes.count else {
      append(.endOfText, from: start)
      return false
    }
    let byte = bytes[start]
    switch byte {
    case UInt8(ascii: "'"): lexText(quote: byte, kind: hive.isActive ? .hiveString : .string, from: start)
    case UInt8(ascii: "\"") where hive.isActive: lexText(quote: byte, kind: .hiveString, from: start)
    case UInt8(ascii: "\""): lexQuotedName(quote: byte, kind: .quotedIdentifier)
    case UInt8(ascii: "`"): lexQuotedName(quote: byte, kind: .backquotedIdentifier)
    case _ where byte.isASCIIDigit: lexNumber()
    case UInt8(ascii: ".") where peek(1)?.isASCIIDigit == true && !isAfterName: lexNumber()
    case _ where byte.isWordStart: lexWord()
    default: lexSymbol()
    }
    hive.observe(tokens[tokens.count - 1])
    return true
  }

  private mutating func append(
    _ kind: TokenKind, from start: Int, keyword: Keyword? = nil, problem: LexicalProblem? = nil
  ) {
    tokens.append(Token(kind: kind, keyword: keyword, problem: problem, range: SourceRange(start, offset)))
  }

  private func peek(_ distance: Int) -> UInt8? {
    offset + distance < bytes.count ? bytes[offset + distance] : nil
  }

  /// `a.5` is a name and a bad field, not a name and the number 0.5.
  private var isAfterName: Bool {
    guard let last = tokens.last, last.range.upperBound == offset else { return false }
    return last.kind == .word || last.kind == .quotedIdentifier || last.kind == .backquotedIdentifier
  }

  // MARK: Blanks and comments

  /// Moves to the next token. Returns where a block comment that never ends began.
  private mutating func skipBlanksAndComments() -> Int? {
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"), UInt8(ascii: "\r"), 0x0B, 0x0C:
        offset += 1
      case UInt8(ascii: "-") where peek(1) == UInt8(ascii: "-"):
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") { offset += 1 }
      case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"):
        let start = offset
        offset += 2
        while offset < bytes.count, !(bytes[offset] == UInt8(ascii: "*") && peek(1) == UInt8(ascii: "/")) { offset += 1 }
        guard offset < bytes.count else { return start }
        offset += 2
      case 0xC2 where peek(1) == 0xA0:  // no-break space, which comes with text copied from web pages
        offset += 2
      case 0xEF where peek(1) == 0xBB && peek(2) == 0xBF:  // byte order mark
        offset += 3
      default:
        return nil
      }
    }
    return nil
  }

  // MARK: Names and text

  private mutating func lexWord() {
    let start = offset
    if peek(1) == UInt8(ascii: "'"), bytes[start] | 0x20 == UInt8(ascii: "x") {
      offset += 1
      return lexText(quote: UInt8(ascii: "'"), kind: .binaryString, from: start)
    }
    if peek(1) == UInt8(ascii: "&"), peek(2) == UInt8(ascii: "'"), bytes[start] | 0x20 == UInt8(ascii: "u") {
      offset += 2
      return lexText(quote: UInt8(ascii: "'"), kind: .unicodeString, from: start)
    }
    while offset < bytes.count, bytes[offset].isWordPart { offset += 1 }
    append(.word, from: start, keyword: Keyword(word: String(decoding: bytes[start..<offset], as: UTF8.self)))
  }

  /// A doubled quote stands for one; under Hive's rules a backslash also protects what follows it.
  private mutating func lexText(quote: UInt8, kind: TokenKind, from start: Int) {
    offset += 1
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte == UInt8(ascii: "\\"), kind == .hiveString {
        offset = min(offset + 2, bytes.count)
      } else if byte != quote {
        offset += 1
      } else if peek(1) == quote {
        offset += 2
      } else {
        offset += 1
        return append(kind, from: start)
      }
    }
    append(.invalid, from: start, problem: .unterminatedString)
  }

  private mutating func lexQuotedName(quote: UInt8, kind: TokenKind) {
    let start = offset
    offset += 1
    while offset < bytes.count {
      if bytes[offset] != quote {
        offset += 1
      } else if peek(1) == quote {
        offset += 2
      } else {
        offset += 1
        let isEmpty = offset - start == 2
        return append(isEmpty ? .invalid : kind, from: start, problem: isEmpty ? .emptyIdentifier : nil)
      }
    }
    append(.invalid, from: start, problem: .unterminatedIdentifier)
  }

  // MARK: Numbers

  /// `12`, `1_000`, `0xFF`, `1.5`, `.5`, `5.`, `1.5E-3`; a word glued to the digits makes it a digit identifier.
  private mutating func lexNumber() {
    let start = offset
    var kind = TokenKind.integer
    if bytes[start] == UInt8(ascii: "0"), let radixLetter = peek(1).map({ $0 | 0x20 }),
      let isDigit = Self.radixDigits(radixLetter), let first = peek(2), isDigit(first)
    {
      offset += 2
      while offset < bytes.count, isDigit(bytes[offset]) || isSeparator(isDigit) { offset += 1 }
    } else {
      skipDigits()
      if peek(0) == UInt8(ascii: ".") {
        kind = .decimal
        offset += 1
        skipDigits()
      }
      if let exponent = peek(0), exponent | 0x20 == UInt8(ascii: "e") {
        let hasSign = peek(1) == UInt8(ascii: "+") || peek(1) == UInt8(ascii: "-")
        if peek(hasSign ? 2 : 1)?.isASCIIDigit == true {
          kind = .double
          offset += hasSign ? 2 : 1
          skipDigits()
        }
      }
    }
    if offset < bytes.count, bytes[offset].isWordStart, kind != .decimal || bytes[offset - 1] != UInt8(ascii: ".") {
      while offset < bytes.count, bytes[offset].isWordPart { offset += 1 }
      return append(.digitIdentifier, from: start)
    }
    append(kind, from: start)
  }

  private mutating func skipDigits() {
    while offset < bytes.count, bytes[offset].isASCIIDigit || isSeparator({ $0.isASCIIDigit }) { offset += 1 }
  }

  /// `_` between two digits.
  private func isSeparator(_ isDigit: (UInt8) -> Bool) -> Bool {
    bytes[offset] == UInt8(ascii: "_") && offset > 0 && isDigit(bytes[offset - 1]) && (peek(1).map(isDigit) ?? false)
  }

  private static func radixDigits(_ letter: UInt8) -> ((UInt8) -> Bool)? {
    switch letter {
    case UInt8(ascii: "x"): { $0.isASCIIDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0 | 0x20) }
    case UInt8(ascii: "o"): { (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }
    case UInt8(ascii: "b"): { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "1") }
    default: nil
    }
  }

  // MARK: Symbols

  private struct Symbol {
    let text: [UInt8]
    let kind: TokenKind
    var problem: LexicalProblem?

    init(_ text: String, _ kind: TokenKind, _ problem: LexicalProblem? = nil) {
      self.text = Array(text.utf8)
      self.kind = kind
      self.problem = problem
    }
  }

  /// The first that matches wins, so longer ones come first.
  private static let symbols: [Symbol] = [
    Symbol("<=>", .invalid, .nullSafeEquals), Symbol("==", .invalid, .doubleEquals),
    Symbol("::", .invalid, .doubleColon), Symbol("**", .invalid, .doubleAsterisk),
    Symbol("<<", .invalid, .bitOperator),
    Symbol("->", .arrow), Symbol("=>", .doubleArrow), Symbol("||", .concatenate), Symbol("<>", .notEqual),
    Symbol("!=", .notEqual), Symbol("<=", .lessOrEqual), Symbol(">=", .greaterOrEqual),
    Symbol("(", .leftParenthesis), Symbol(")", .rightParenthesis), Symbol("[", .leftBracket),
    Symbol("]", .rightBracket), Symbol(",", .comma), Symbol(".", .dot), Symbol(";", .semicolon), Symbol(":", .colon),
    Symbol("?", .questionMark), Symbol("+", .plus), Symbol("-", .minus), Symbol("*", .asterisk), Symbol("/", .slash),
    Symbol("%", .percent), Symbol("=", .equal), Symbol("<", .less), Symbol(">", .greater),
    Symbol("&", .invalid, .bitOperator), Symbol("|", .invalid, .bitOperator), Symbol("^", .invalid, .bitOperator),
    Symbol("~", .invalid, .bitOperator),
  ]

  private mutating func lexSymbol() {
    let start = offset
    for symbol in Self.symbols where bytes[start...].starts(with: symbol.text) {
      offset += symbol.text.count
      return append(symbol.kind, from: start, problem: symbol.problem)
    }
    offset += 1
    // A character of several bytes is one token.
    while offset < bytes.count, bytes[offset] & 0xC0 == 0x80 { offset += 1 }
    append(.invalid, from: start, problem: .unexpectedCharacter)
  }
}

/// Follows the words of a statement to know where Hive's rules for text hold.
private struct HiveContext {
  /// Rules hold for the next text token.
  private(set) var isActive = false
  private var isDefinition = false
  private var isAtStart = true
  /// Open parentheses since the one that began a property list; nil outside of one.
  private var depth: Int?
  private var previous: Keyword?
  private var isListExpected = false

  mutating func observe(_ token: Token) {
    if token.kind == .semicolon {
      self = HiveContext()
      return
    }
    if isAtStart {
      isAtStart = false
      isDefinition = token.keyword == .create || token.keyword == .alter || token.keyword == .replace
    }
    guard isDefinition else { return }
    if let open = depth {
      if token.kind == .leftParenthesis { depth = open + 1 }
      if token.kind == .rightParenthesis { depth = open == 1 ? nil : open - 1 }
    } else if isListExpected, token.kind == .leftParenthesis {
      depth = 1
    }
    switch token.keyword {
    case .tblproperties, .serdeproperties, .dbproperties, .properties, .options: isListExpected = true
    case .if, .exists: break  // UNSET TBLPROPERTIES IF EXISTS (
    default: isListExpected = false
    }
    let isDelimiterNext =
      (token.keyword == .by && (previous == .terminated || previous == .escaped))
      || (token.keyword == .as && previous == .defined)
    isActive = depth != nil || isDelimiterNext
    previous = token.keyword
  }
}

extension UInt8 {
  var isASCIIDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
  var isWordStart: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) || self == UInt8(ascii: "_") }
  var isWordPart: Bool { isWordStart || isASCIIDigit }
}
