// Literals, names, constructors and the special forms that look like calls.

extension Parser {
  /// Grammar: primary
  mutating func parsePrimary() throws(SyntaxFailure) -> Expression {
    switch token.kind {
    case .leftParenthesis: return try parseParenthesized()
    case .word: return isAtKeywordForm ? try parseNestedKeywordForm() : try parseNamed()
    case .quotedIdentifier, .backquotedIdentifier: return try parseNamed()
    case .questionMark, .colon: return try parseParameter()
    default: return try parseLiteral()
    }
  }

  /// Numbers, texts and bytes.
  ///
  /// Grammar: literal
  private mutating func parseLiteral() throws(SyntaxFailure) -> Expression {
    let start = index
    switch token.kind {
    case .integer, .decimal, .double: return node(.number(try parseNumber(isNegative: false, start: start)), from: start)
    case .string, .unicodeString, .hiveString: return node(.string(try parseString().value), from: start)
    case .binaryString: return try parseBinary()
    default:
      note(.rule("expression"))
      throw mismatch()
    }
  }

  /// Whether the current word begins a form of its own; otherwise it is just a name.
  private var isAtKeywordForm: Bool {
    let isCall = peek(1).kind == .leftParenthesis
    switch token.keyword {
    case .null, .true, .false, .case, .cast, .exists, .extract, .grouping, .trim, .normalize, .listagg, .currentDate, .currentTime,
      .currentTimestamp, .localtime, .localtimestamp, .currentUser, .currentCatalog, .currentSchema, .currentPath, .jsonExists,
      .jsonValue, .jsonQuery, .jsonObject, .jsonArray:
      return true
    case .tryCast, .row, .position, .substring, .overlay: return isCall
    case .array: return peek(1).kind == .leftBracket
    case .interval: return isAtIntervalLiteral
    default: return false
    }
  }

  /// Grammar: keywordForm
  private mutating func parseNestedKeywordForm() throws(SyntaxFailure) -> Expression {
    try enterNesting()
    let form = try parseKeywordForm()
    leaveNesting()
    return form
  }

  /// Forms that begin with a keyword. Those that nest most come first, by themselves, to keep their frames small.
  ///
  /// Grammar: keywordForm
  private mutating func parseKeywordForm() throws(SyntaxFailure) -> Expression {
    let start = index
    switch token.keyword {
    case .case: return node(try parseCase(), from: start)
    case .cast, .tryCast: return node(try parseCast(), from: start)
    case .row, .array: return node(try parseConstructor(), from: start)
    case .null, .true, .false, .interval: return try parseKeywordLiteral()
    case .listagg: return try parseFunctionCall(takeReservedFunctionName(), start)
    case .jsonExists, .jsonValue, .jsonQuery, .jsonObject, .jsonArray: return try parseJSONFunction()
    default: return node(try parseSpecialForm(), from: start)
    }
  }

  /// Grammar: keywordForm
  private mutating func parseConstructor() throws(SyntaxFailure) -> ExpressionKind {
    at(.row) ? try parseRowConstructor() : try parseArrayConstructor()
  }

  /// Calls with keywords between their arguments, or without parentheses.
  ///
  /// Grammar: specialForm
  private mutating func parseSpecialForm() throws(SyntaxFailure) -> ExpressionKind {
    switch token.keyword {
    case .exists: return try parseExists()
    case .extract: return try parseExtract()
    case .grouping: return try parseGrouping()
    case .trim: return try parseTrim()
    case .normalize: return try parseNormalize()
    case .position: return try parsePosition()
    case .substring: return try parseSubstring()
    case .overlay: return try parseOverlay()
    default: return .special(try parseSpecialValue())
    }
  }

  /// Grammar: keywordForm
  private mutating func parseKeywordLiteral() throws(SyntaxFailure) -> Expression {
    switch token.keyword {
    case .null: return takeConstant(.null)
    case .true: return takeConstant(.boolean(true))
    case .false: return takeConstant(.boolean(false))
    default:
      let start = index
      return node(try parseInterval(), from: start)
    }
  }

  private mutating func takeConstant(_ kind: ExpressionKind) -> Expression {
    advance()
    return node(kind, from: index - 1)
  }

  private mutating func takeReservedFunctionName() -> QualifiedName {
    let word = advance().range
    return QualifiedName([Identifier(text(of: word), range: word)])
  }

  /// A typed literal, a lambda, a call or a column, all of which begin with a name.
  ///
  /// Grammar: named, columnReference
  private mutating func parseNamed() throws(SyntaxFailure) -> Expression {
    let start = index
    if peek(1).kind == .arrow, isAtIdentifier { return try parseLambda() }
    if isAtTypedLiteral { return try parseTypedLiteral() }
    let name = try parseReferenceName()
    return at(.leftParenthesis) ? try parseFunctionCall(name, start) : Expression(.name(name), range: name.range)
  }

  /// A dotted name that stops before `.*`.
  ///
  /// Grammar: columnReference
  private mutating func parseReferenceName() throws(SyntaxFailure) -> QualifiedName {
    if !isAtIdentifier { note(.rule("expression")) }
    var parts = [try parseIdentifier()]
    while at(.dot), peek(1).kind != .asterisk {
      advance()
      parts.append(try parseAnyName())
    }
    return QualifiedName(parts)
  }

  // MARK: Literals

  private var isAtTypedLiteral: Bool {
    guard isAtIdentifier else { return false }
    let next = peek(at(.double, .precision) ? 2 : 1).kind
    return next == .string || next == .unicodeString
  }

  /// `DATE '2020-01-31'`, `DOUBLE PRECISION '1'`
  ///
  /// Grammar: typedLiteral
  private mutating func parseTypedLiteral() throws(SyntaxFailure) -> Expression {
    let start = index
    let type = try parseLiteralType()
    return node(.typedLiteral(type, try parseString()), from: start)
  }

  /// `X'65 68'`
  ///
  /// Grammar: binary
  private mutating func parseBinary() throws(SyntaxFailure) -> Expression {
    let token = advance()
    let inner = SourceRange(token.range.lowerBound + 2, token.range.upperBound - 1)
    guard let value = LiteralDecoding.binary(text(of: inner)) else {
      throw failure(
        "Binary literal must contain an even number of hexadecimal digits", at: token.range,
        hint: "write bytes as pairs of digits: X'65683F'")
    }
    return Expression(.bytes(value), range: token.range)
  }

  /// `?` and `:name`
  ///
  /// Grammar: parameter
  mutating func parseParameter() throws(SyntaxFailure) -> Expression {
    let start = index
    if accept(.questionMark) {
      parameterCount += 1
      return Expression(.parameter(.positional(parameterCount - 1)), range: range(from: start))
    }
    note(.rule("expression"))
    guard at(.colon), peek(1).kind == .word, peek(1).range.lowerBound == token.range.upperBound else { throw mismatch() }
    advance()
    let name = text(of: advance().range)
    return Expression(.parameter(.named(name)), range: range(from: start))
  }

  private var isAtIntervalLiteral: Bool {
    let hasSign = peek(1).kind == .minus || peek(1).kind == .plus
    let text = peek(hasSign ? 2 : 1).kind
    return text == .string || text == .unicodeString
  }

  /// Grammar: intervalLiteral
  private mutating func parseInterval() throws(SyntaxFailure) -> ExpressionKind {
    advance()
    let isNegative = accept(.minus)
    if !isNegative { _ = accept(.plus) }
    let text = try parseString()
    let from = try parseIntervalUnit()
    let to = accept(.to) ? try parseIntervalUnit() : nil
    return .interval(IntervalLiteral(isNegative: isNegative, text: text, from: from, to: to))
  }

  /// Grammar: intervalUnit
  mutating func parseIntervalUnit() throws(SyntaxFailure) -> IntervalLiteral.Unit {
    if let keyword = acceptAny([.year, .month, .day, .hour, .minute, .second]),
      let unit = IntervalLiteral.Unit(rawValue: keyword.rawValue)
    {
      return unit
    }
    let word = text(of: token.range).uppercased()
    if token.kind == .word, word.hasSuffix("S"), IntervalLiteral.Unit(rawValue: String(word.dropLast())) != nil {
      throw failure("mismatched input '\(word)'", at: token.range, hint: "interval units are singular: \(word.dropLast())")
    }
    throw mismatch()
  }

  // MARK: Parentheses

  /// A subquery, a lambda, a row of several expressions, or one expression.
  ///
  /// Grammar: parenthesized
  private mutating func parseParenthesized() throws(SyntaxFailure) -> Expression {
    let start = index
    if isAtLambda { return try parseLambda() }
    if startsQuery(at: index + 1) { return node(.subquery(try parseParenthesizedQuery()), from: start) }
    advance()
    let first = try parseExpression()
    if accept(.rightParenthesis) { return first }
    return try parseRestOfRow(first, start)
  }

  private var isAtLambda: Bool {
    let close = Int(closing[index])
    return close >= 0 && tokens[close + 1].kind == .arrow
  }

  /// Grammar: parenthesized
  private mutating func parseRestOfRow(_ first: Expression, _ start: Int) throws(SyntaxFailure) -> Expression {
    try expect(.comma)
    let others = try parseExpressions()
    try expect(.rightParenthesis)
    return node(.row(([first] + others).map { RowElement(value: $0, name: nil) }), from: start)
  }

  /// `x -> e`, `(x, y) -> e`, `() -> e`
  ///
  /// Grammar: lambda
  private mutating func parseLambda() throws(SyntaxFailure) -> Expression {
    let start = index
    var parameters: [Identifier] = []
    if accept(.leftParenthesis) {
      if !at(.rightParenthesis) {
        parameters = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseIdentifier() }
      }
      try expect(.rightParenthesis)
    } else {
      parameters = [try parseIdentifier()]
    }
    try expect(.arrow)
    try enterNesting()
    let body = try parseExpression()
    leaveNesting()
    return node(.lambda(LambdaExpression(parameters: parameters, body: body)), from: start)
  }

  /// `ROW(a, b AS x)`
  ///
  /// Grammar: rowConstructor
  private mutating func parseRowConstructor() throws(SyntaxFailure) -> ExpressionKind {
    advance()
    return .row(
      try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in
        let value = try parser.parseExpression()
        return RowElement(value: value, name: parser.accept(.as) ? try parser.parseIdentifier() : nil)
      })
  }

  /// `ARRAY[a, b]`
  ///
  /// Grammar: arrayConstructor
  private mutating func parseArrayConstructor() throws(SyntaxFailure) -> ExpressionKind {
    advance()
    advance()
    if accept(.rightBracket) { return .array([]) }
    let elements = try parseExpressions()
    try expect(.rightBracket)
    return .array(elements)
  }

  // MARK: Special forms

  /// Grammar: caseExpression
  private mutating func parseCase() throws(SyntaxFailure) -> ExpressionKind {
    advance()
    let operand = at(.when) ? nil : try parseExpression()
    var branches: [WhenBranch] = []
    repeat { branches.append(try parseWhenBranch()) } while at(.when)
    note(.keyword(.when))
    let otherwise = accept(.else) ? try parseExpression() : nil
    try expect(.end)
    return .caseExpression(CaseExpression(operand: operand, branches: branches, otherwise: otherwise))
  }

  /// Grammar: whenBranch
  private mutating func parseWhenBranch() throws(SyntaxFailure) -> WhenBranch {
    let start = index
    try expect(.when)
    let condition = try parseExpression()
    try expect(.then)
    let result = try parseExpression()
    return WhenBranch(condition: condition, result: result, range: range(from: start))
  }

  /// Grammar: castExpression
  private mutating func parseCast() throws(SyntaxFailure) -> ExpressionKind {
    let isTry = advance().keyword == .tryCast
    try expect(.leftParenthesis)
    let value = try parseExpression()
    try expect(.as)
    let type = try parseType()
    try expect(.rightParenthesis)
    return .cast(CastExpression(value: value, type: type, isTry: isTry))
  }

  /// Grammar: existsExpression
  private mutating func parseExists() throws(SyntaxFailure) -> ExpressionKind {
    advance()
    return .exists(try parseParenthesizedQuery())
  }

  /// Grammar: extractExpression
  private mutating func parseExtract() throws(SyntaxFailure) -> ExpressionKind {
    advance()
    try expect(.leftParenthesis)
    let field = try parseIdentifier()
    try expect(.from)
    let value = try parseValueExpression()
    try expect(.rightParenthesis)
    return .extract(field, from: value)
  }

  /// Grammar: groupingExpression
  private mutating func parseGrouping() throws(SyntaxFailure) -> ExpressionKind {
    advance()
    return .grouping(try parseExpressionList())
  }

  /// `TRIM([LEADING | TRAILING | BOTH] [characters] FROM text)`, `TRIM(text [, characters])`
  ///
  /// Grammar: trimExpression
  private mutating func parseTrim() throws(SyntaxFailure) -> ExpressionKind {
    let word = advance().range
    try expect(.leftParenthesis)
    let side = acceptAny([.leading, .trailing, .both])
    var characters: Expression?
    var source: Expression?
    if !at(.from) {
      let first = try parseValueExpression()
      if side == nil, !at(.from) {
        source = first
        if accept(.comma) { characters = try parseValueExpression() }
      } else {
        characters = first
      }
    }
    if source == nil {
      try expect(.from)
      source = try parseValueExpression()
    }
    try expect(.rightParenthesis)
    let name = side == .leading ? "ltrim" : side == .trailing ? "rtrim" : "trim"
    return plainCall(name, [source, characters], at: word)
  }

  /// `NORMALIZE(text [, NFC | NFD | NFKC | NFKD])`
  ///
  /// Grammar: normalizeExpression
  private mutating func parseNormalize() throws(SyntaxFailure) -> ExpressionKind {
    let word = advance().range
    try expect(.leftParenthesis)
    let value = try parseValueExpression()
    var form: Expression?
    if accept(.comma) {
      if isAtString {
        let text = try parseString()
        form = Expression(.string(text.value), range: text.range)
      } else {
        let name = try parseIdentifier()
        form = Expression(.string(name.spelling.uppercased()), range: name.range)
      }
    }
    try expect(.rightParenthesis)
    return plainCall("normalize", [value, form], at: word)
  }

  /// `POSITION(part IN text)`, which is `strpos(text, part)`.
  ///
  /// Grammar: positionExpression
  private mutating func parsePosition() throws(SyntaxFailure) -> ExpressionKind {
    let word = advance().range
    try expect(.leftParenthesis)
    let part = try parseValueExpression()
    try expect(.in)
    let text = try parseValueExpression()
    try expect(.rightParenthesis)
    return plainCall("strpos", [text, part], at: word)
  }

  /// `SUBSTRING(text FROM start [FOR length])`, `SUBSTRING(text, start [, length])`
  ///
  /// Grammar: substringExpression
  private mutating func parseSubstring() throws(SyntaxFailure) -> ExpressionKind {
    let word = advance().range
    try expect(.leftParenthesis)
    let text = try parseValueExpression()
    let usesKeywords = at(.from)
    if usesKeywords { advance() } else { try expect(.comma) }
    let start = try parseValueExpression()
    let hasLength = usesKeywords ? accept(.for) : accept(.comma)
    let length = hasLength ? try parseValueExpression() : nil
    try expect(.rightParenthesis)
    return plainCall("substring", [text, start, length], at: word)
  }

  /// `OVERLAY(text PLACING replacement FROM start [FOR length])`, also with commas
  ///
  /// Grammar: overlayExpression
  private mutating func parseOverlay() throws(SyntaxFailure) -> ExpressionKind {
    let word = advance().range
    try expect(.leftParenthesis)
    let text = try parseValueExpression()
    let usesKeywords = at(.placing)
    if usesKeywords { advance() } else { try expect(.comma) }
    let replacement = try parseValueExpression()
    if usesKeywords { try expect(.from) } else { try expect(.comma) }
    let start = try parseValueExpression()
    let hasLength = usesKeywords ? accept(.for) : accept(.comma)
    let length = hasLength ? try parseValueExpression() : nil
    try expect(.rightParenthesis)
    return plainCall("overlay", [text, replacement, start, length], at: word)
  }

  private func plainCall(_ name: String, _ arguments: [Expression?], at range: SourceRange) -> ExpressionKind {
    .function(
      FunctionCall(
        name: QualifiedName([Identifier(name, range: range)]), arguments: arguments.compactMap { $0.map { CallArgument($0) } }))
  }

  /// `CURRENT_DATE`, `CURRENT_TIMESTAMP(6)`, and Spark's empty parentheses.
  ///
  /// Grammar: specialValue
  private mutating func parseSpecialValue() throws(SyntaxFailure) -> SpecialValue {
    let keyword = advance().keyword
    var precision: Int?
    let takesPrecision = [Keyword.currentTime, .currentTimestamp, .localtime, .localtimestamp].contains { $0 == keyword }
    if accept(.leftParenthesis) {
      if takesPrecision, !at(.rightParenthesis) { precision = try parsePrecision() }
      try expect(.rightParenthesis)
    }
    switch keyword {
    case .currentDate: return .currentDate
    case .currentTime: return .currentTime(precision: precision)
    case .currentTimestamp: return .currentTimestamp(precision: precision)
    case .localtime: return .localTime(precision: precision)
    case .localtimestamp: return .localTimestamp(precision: precision)
    case .currentUser: return .currentUser
    case .currentCatalog: return .currentCatalog
    case .currentSchema: return .currentSchema
    default: return .currentPath
    }
  }
}
