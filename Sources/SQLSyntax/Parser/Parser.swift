/// A hand-written recursive-descent parser over the tokens of one script.
///
/// Every `parse…` function names the production of `Grammar/sql.ebnf` it reads, and a test holds the two together. This file has the entry points and the
/// cursor; the productions live in extensions by area; `Parser+Error.swift` words the errors.
///
/// Deep input is refused with an error rather than a crash, by two counters (`Limits`): how deep parse functions nest, which bounds this parser's own stack,
/// and how high the finished trees are, which bounds the recursion of whoever walks them. What is too deep for the caller's stack is parsed again on a
/// `DeepStack`, with larger limits; whoever walks such a tree with large frames does so there too.
package struct Parser {
  package struct Limits: Sendable {
    /// Constructs within each other: a parenthesis counts once, a call, a condition or a type twice, a subquery `queryWeight` times.
    package var nesting: Int
    /// Height of an expression or relation tree. Chains of `+` grow it by one per operator; chains of AND, OR and UNION do not.
    package var height: Int

    /// Chosen so that a debug build, whose frames are large, stays within a stack of 512 KiB; a test tries.
    package static let smallStack = Limits(nesting: 100, height: 500)
    package static let deepStack = Limits(nesting: 1_000, height: 1_000)
    package static let queryWeight = 4
    /// `SourceRange` keeps 32 bits.
    package static let byteCount = Int(UInt32.max) - 1
  }

  let bytes: [UInt8]
  let tokens: [Token]
  /// For each `(`, the index of its `)`; -1 for all other tokens and for parentheses that are never closed.
  let closing: [Int32]
  /// The current token.
  private(set) var index = 0

  /// What would have been accepted instead of the current token.
  private var expectations: [Expectation] = []
  private var expectationsIndex = 0

  private let limits: Limits
  /// A larger limit may help.
  private(set) var wasTooDeep = false
  private var nesting = 0
  /// The highest tree finished since this was last set to zero; see `height(of:)`.
  private var height = 0
  /// `?` seen in the current statement.
  var parameterCount = 0

  init(bytes: [UInt8], limits: Limits = .smallStack) {
    self.limits = limits
    self.bytes = bytes
    tokens = Lexer.tokens(of: bytes)
    closing = Self.matchParentheses(tokens)
  }

  private static func matchParentheses(_ tokens: [Token]) -> [Int32] {
    var closing = [Int32](repeating: -1, count: tokens.count)
    var open: [Int] = []
    for (index, token) in tokens.enumerated() {
      switch token.kind {
      case .leftParenthesis: open.append(index)
      case .rightParenthesis: if let start = open.popLast() { closing[start] = Int32(index) }
      case .semicolon: open.removeAll()
      default: break
      }
    }
    return closing
  }
}

// MARK: - Entry points

/// A statement of a script, with the place of its `;`.
package struct ParsedStatement: Sendable {
  package var statement: Statement
  /// From the first token to the last, without the `;`.
  package var range: SourceRange
}

extension Parser {
  /// All statements of a script, separated by `;`. Empty statements are skipped.
  package static func parseScript(_ text: String) throws(SQLError) -> [ParsedStatement] {
    let (statements, mistake) = parseToFirstMistake(text)
    if let mistake { throw mistake }
    return statements
  }

  /// The statements of a script up to the first that is no statement, and what is wrong with that one: a script runs up to its first mistake.
  package static func parseToFirstMistake(_ text: String) -> (statements: [ParsedStatement], mistake: SQLError?) {
    var statements: [ParsedStatement] = []
    do throws(SQLError) {
      try run(text) { (parser: inout Parser) throws(SyntaxFailure) in
        statements = []
        while true {
          while parser.accept(.semicolon) {}
          if parser.token.kind == .endOfText { return }
          let statement = try parser.parseStatement()
          if parser.token.kind != .endOfText { try parser.expect(.semicolon) }
          statements.append(ParsedStatement(statement: statement, range: statement.range))
        }
      }
      return (statements, nil)
    } catch {
      return (statements, error)
    }
  }

  /// Exactly one statement, which may end with a `;`.
  package static func parseStatement(_ text: String) throws(SQLError) -> Statement {
    try run(text) { (parser: inout Parser) throws(SyntaxFailure) in
      let statement = try parser.parseStatement()
      while parser.accept(.semicolon) {}
      if parser.isAtStatementStart {
        throw parser.failure("Only one sql statement is allowed", at: parser.token.range)
      }
      return statement
    }
  }

  /// A query by itself, such as the text of a view.
  package static func parseQuery(_ text: String) throws(SQLError) -> Query {
    try run(text) { (parser: inout Parser) throws(SyntaxFailure) in
      let query = try parser.parseQuery()
      while parser.accept(.semicolon) {}
      return query
    }
  }

  /// An expression by itself, such as the `where` argument of a procedure or an execution parameter.
  package static func parseExpression(_ text: String) throws(SQLError) -> Expression {
    try run(text) { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseExpression() }
  }

  /// Comma-separated sort items, such as the `sort_order` argument of a procedure.
  package static func parseOrderItems(_ text: String) throws(SQLError) -> [OrderItem] {
    try run(text) { (parser: inout Parser) throws(SyntaxFailure) in
      try parser.list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseOrderItem() }
    }
  }

  /// What stands behind WRITE ORDERED BY, by itself.
  package static func parseWriteOrderTerms(_ text: String) throws(SQLError) -> [WriteOrder.Term] {
    try run(text) { (parser: inout Parser) throws(SyntaxFailure) in
      try parser.list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseWriteOrderTerm() }
    }
  }

  /// A type by itself, such as a column type of a catalog entry.
  package static func parseType(_ text: String) throws(SQLError) -> TypeName {
    try run(text) { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseType() }
  }

  /// A partition term by itself, such as an element of the CTAS property `partitioning`.
  package static func parsePartitionTerm(_ text: String) throws(SQLError) -> PartitionTerm {
    try run(text) { (parser: inout Parser) throws(SyntaxFailure) in try parser.parsePartitionTerm() }
  }

  /// A table name by itself, such as the `table` argument of a procedure.
  package static func parseQualifiedName(_ text: String) throws(SQLError) -> QualifiedName {
    try run(text) { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseQualifiedName() }
  }

  private static func run<Value>(
    _ text: String, _ body: (inout Parser) throws(SyntaxFailure) -> Value
  ) throws(SQLError) -> Value {
    let bytes = Array(text.utf8)
    guard bytes.count <= Limits.byteCount else {
      throw SQLError(.queryTextTooLarge, "The script has \(bytes.count) bytes; at most \(Limits.byteCount) are supported")
    }
    let (outcome, isTooDeep) = outcome(bytes, .smallStack, body)
    if isTooDeep, let deep = DeepStack.run({ self.outcome(bytes, .deepStack, body).outcome }) { return try deep.get() }
    return try outcome.get()
  }

  private static func outcome<Value>(
    _ bytes: [UInt8], _ limits: Limits, _ body: (inout Parser) throws(SyntaxFailure) -> Value
  ) -> (outcome: Result<Value, SQLError>, isTooDeep: Bool) {
    var parser = Parser(bytes: bytes, limits: limits)
    do throws(SyntaxFailure) {
      let result = try body(&parser)
      if parser.token.kind != .endOfText { throw parser.mismatch() }
      return (.success(result), false)
    } catch {
      return (.failure(error.error), parser.wasTooDeep)
    }
  }
}

// MARK: - Cursor

extension Parser {
  var token: Token { tokens[index] }

  func peek(_ distance: Int) -> Token { tokens[min(index + distance, tokens.count - 1)] }

  /// The token before the current one; the first token at the very start.
  var previous: Token { tokens[max(0, index - 1)] }

  /// From the given token to the one before the current.
  func range(from start: Int) -> SourceRange {
    let lower = tokens[start].range.lowerBound
    return SourceRange(lower, index > start ? previous.range.upperBound : lower)
  }

  func text(of range: SourceRange) -> String {
    String(decoding: bytes[range.lowerBound..<range.upperBound], as: UTF8.self)
  }

  @discardableResult
  mutating func advance() -> Token {
    let current = tokens[index]
    if index + 1 < tokens.count { index += 1 }
    return current
  }

  func at(_ keyword: Keyword) -> Bool { tokens[index].keyword == keyword }
  func at(_ kind: TokenKind) -> Bool { tokens[index].kind == kind }

  func at(_ first: Keyword, _ second: Keyword) -> Bool { at(first) && peek(1).keyword == second }

  mutating func accept(_ keyword: Keyword) -> Bool {
    guard at(keyword) else {
      note(.keyword(keyword))
      return false
    }
    advance()
    return true
  }

  /// All of the words or none.
  mutating func accept(_ first: Keyword, _ rest: Keyword...) -> Bool {
    guard at(first), rest.indices.allSatisfy({ peek($0 + 1).keyword == rest[$0] }) else {
      note(.keyword(first))
      return false
    }
    for _ in 0...rest.count { advance() }
    return true
  }

  /// The first of the words that stands here.
  mutating func acceptAny(_ keywords: [Keyword]) -> Keyword? {
    if let keyword = token.keyword, keywords.contains(keyword) {
      advance()
      return keyword
    }
    for keyword in keywords { note(.keyword(keyword)) }
    return nil
  }

  mutating func accept(_ kind: TokenKind) -> Bool {
    guard at(kind) else {
      note(.symbol(kind))
      return false
    }
    advance()
    return true
  }

  mutating func expect(_ keyword: Keyword) throws(SyntaxFailure) {
    if !accept(keyword) { throw mismatch() }
  }

  mutating func expect(_ first: Keyword, _ rest: Keyword...) throws(SyntaxFailure) {
    try expect(first)
    for keyword in rest { try expect(keyword) }
  }

  mutating func expect(_ kind: TokenKind) throws(SyntaxFailure) {
    if !accept(kind) { throw mismatch() }
  }

  mutating func expectAny(_ keywords: [Keyword]) throws(SyntaxFailure) -> Keyword {
    guard let keyword = acceptAny(keywords) else { throw mismatch() }
    return keyword
  }

  /// Remembers what could have stood here, for the message if nothing else fits either.
  mutating func note(_ expectation: Expectation) {
    if expectationsIndex != index {
      expectations.removeAll(keepingCapacity: true)
      expectationsIndex = index
    }
    expectations.append(expectation)
  }

  /// What could have stood at the current token, as far as it was tried.
  var currentExpectations: [Expectation] { expectationsIndex == index ? expectations : [] }

  /// One or more elements separated by commas.
  mutating func list<Element>(
    _ element: (inout Parser) throws(SyntaxFailure) -> Element
  ) throws(SyntaxFailure) -> [Element] {
    var elements = [try element(&self)]
    while accept(.comma) { elements.append(try element(&self)) }
    return elements
  }

  /// `( element, … )` with at least one element.
  mutating func parenthesizedList<Element>(
    _ element: (inout Parser) throws(SyntaxFailure) -> Element
  ) throws(SyntaxFailure) -> [Element] {
    try expect(.leftParenthesis)
    let elements = try list(element)
    try expect(.rightParenthesis)
    return elements
  }
}

// MARK: - Depth

extension Parser {
  mutating func enterNesting(_ weight: Int = 1) throws(SyntaxFailure) {
    nesting += weight
    if nesting > limits.nesting {
      wasTooDeep = true
      throw failure(
        "The statement is nested too deeply: more than \(limits.nesting) levels", at: token.range,
        hint: "take parts of it out into WITH queries or views")
    }
  }

  mutating func leaveNesting(_ weight: Int = 1) { nesting -= weight }

  /// Starts measuring a tree whose parts are about to be parsed. Returns what `endHeight` and `growHeight` need back.
  mutating func beginHeight() -> Int {
    let outer = height
    height = 0
    return outer
  }

  /// Ends measuring: the tree is one higher than its highest part.
  mutating func endHeight(_ outer: Int) throws(SyntaxFailure) {
    let own = height + 1
    if own > limits.height {
      wasTooDeep = true
      throw failure(
        "The expression is too long: more than \(limits.height) operators in a row", at: previous.range,
        hint: "put parentheses around parts of it")
    }
    height = max(outer, own)
  }

  /// Ends measuring a tree that is only passed on.
  mutating func joinHeight(_ outer: Int) { height = max(outer, height) }

  /// The tree parsed so far becomes the left part of a larger one.
  mutating func growHeight() throws(SyntaxFailure) { try endHeight(height) }
}
