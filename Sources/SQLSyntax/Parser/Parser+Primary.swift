// Literals, names, constructors and the special forms that look like calls.

extension Parser {
  /// Grammar: primary
  mutating func parsePrimary() throws(SyntaxFailure) -> Expression {
    switch token.kind {
    case .integer, .decimal, .double:
      let number = try parseNumber(isNegative: false, start: index)
      return Expression(.number(number), range: number.range)
    case .string, .unicodeString, .hiveString:
      let text = try parseString()
      return Expression(.string(text.value), range: text.range)
    case .binaryString: return try parseBinary()
    case .questionMark, .colon: return try parseParameter()
    case .leftParenthesis: return try parseParenthesized()
    case .word, .quotedIdentifier, .backquotedIdentifier:
      if let special = try parseKeywordForm() { return special }
      return try parseNamed()
    default:
      note(.rule("expression"))
      throw mismatch()
    }
  }

  /// Forms that begin with a keyword; nil when the word is just a name here.
  ///
  /// Grammar: keywordForm
  private mutating func parseKeywordForm() throws(SyntaxFailure) -> Expression? {
    guard let keyword = token.keyword else { return nil }
    let start = index
    let isCall = peek(1).kind == .leftParenthesis
    let kind: ExpressionKind
    switch keyword {
    case .null: kind = takeConstant(.null)
    case .true: kind = takeConstant(.boolean(true))
    case .false: kind = takeConstant(.boolean(false))
    case .case: kind = try parseCase()
    case .cast: kind = try parseCast(isTry: false)
    case .tryCast where isCall: kind = try parseCast(isTry: true)
    case .exists: kind = try parseExists()
    case .extract: kind = try parseExtract()
    case .grouping: kind = try parseGrouping()
    case .row where isCall: kind = try parseRowConstructor()
    case .array where peek(1).kind == .leftBracket: kind = try parseArrayConstructor()
    case .interval where isAtIntervalLiteral: kind = try parseInterval()
    case .trim: kind = try parseTrim()
    case .normalize: kind = try parseNormalize()
    case .position where isCall: kind = try parsePosition()
    case .substring where isCall: kind = try parseSubstring()
    case .listagg: return try parseFunctionCall(QualifiedName([Identifier(text(of: advance().range), range: previous.range)]), start)
    case .currentDate, .currentTime, .currentTimestamp, .localtime, .localtimestamp, .currentUser, .currentCatalog,
      .currentSchema, .currentPath:
      kind = .special(try parseSpecialValue(keyword))
    case .jsonExists, .jsonValue, .jsonQuery, .jsonObject, .jsonArray: kind = .json(try parseJSONFunction(keyword))
    default: return nil
    }
    return Expression(kind, range: range(from: start))
  }

  private mutating func takeConstant(_ kind: ExpressionKind) -> ExpressionKind {
    advance()
    return kind
  }

  /// A typed literal, a lambda, a call or a column, all of which begin with a name.
  ///
  /// Grammar: named, columnReference
  private mutating func parseNamed() throws(SyntaxFailure) -> Expression {
    let start = index
    guard isAtIdentifier else {
      note(.rule("identifier"))
      note(.rule("expression"))
      throw mismatch()
    }
    if peek(1).kind == .arrow { return try parseLambda() }
    if let literal = try parseTypedLiteral() { return literal }
    var parts = [try parseIdentifier()]
    while at(.dot), peek(1).kind != .asterisk {
      advance()
      parts.append(try parseAnyName())
    }
    let name = QualifiedName(parts)
    if at(.leftParenthesis) { return try parseFunctionCall(name, start) }
    return Expression(.name(name), range: name.range)
  }

  // MARK: Literals

  /// `DATE '2020-01-31'`, `DOUBLE PRECISION '1'`; nil when no text follows the name.
  ///
  /// Grammar: typedLiteral
  private mutating func parseTypedLiteral() throws(SyntaxFailure) -> Expression? {
    let start = index
    let isDoublePrecision = at(.double, .precision)
    let textToken = peek(isDoublePrecision ? 2 : 1)
    guard textToken.kind == .string || textToken.kind == .unicodeString else { return nil }
    let type = try parseLiteralType()
    let text = try parseString()
    return Expression(.typedLiteral(type, text), range: range(from: start))
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
    let next = peek(1).kind
    return next == .string || ((next == .minus || next == .plus) && peek(2).kind == .string)
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
    let close = Int(closing[index])
    if close >= 0, tokens[close + 1].kind == .arrow { return try parseLambda() }
    if startsQuery(at: index + 1) {
      let query = try parseParenthesizedQuery()
      return Expression(.subquery(query), range: range(from: start))
    }
    let elements = try parseExpressionList()
    if elements.count == 1 { return elements[0] }
    return Expression(.row(elements.map { RowElement(value: $0, name: nil) }), range: range(from: start))
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
    let body = try parseExpression()
    return Expression(.lambda(LambdaExpression(parameters: parameters, body: body)), range: range(from: start))
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
    let elements = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseExpression() }
    try expect(.rightBracket)
    return .array(elements)
  }

  // MARK: Special forms

  /// Grammar: caseExpression
  private mutating func parseCase() throws(SyntaxFailure) -> ExpressionKind {
    advance()
    let operand = at(.when) ? nil : try parseExpression()
    var branches: [WhenBranch] = []
    repeat {
      let start = index
      try expect(.when)
      let condition = try parseExpression()
      try expect(.then)
      let result = try parseExpression()
      branches.append(WhenBranch(condition: condition, result: result, range: range(from: start)))
    } while at(.when)
    note(.keyword(.when))
    let otherwise = accept(.else) ? try parseExpression() : nil
    try expect(.end)
    return .caseExpression(CaseExpression(operand: operand, branches: branches, otherwise: otherwise))
  }

  /// Grammar: castExpression
  private mutating func parseCast(isTry: Bool) throws(SyntaxFailure) -> ExpressionKind {
    advance()
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

  private func plainCall(_ name: String, _ arguments: [Expression?], at range: SourceRange) -> ExpressionKind {
    .function(
      FunctionCall(
        name: QualifiedName([Identifier(name, range: range)]), arguments: arguments.compactMap { $0.map { CallArgument($0) } }))
  }

  /// `CURRENT_DATE`, `CURRENT_TIMESTAMP(6)`, and Spark's empty parentheses.
  ///
  /// Grammar: specialValue
  private mutating func parseSpecialValue(_ keyword: Keyword) throws(SyntaxFailure) -> SpecialValue {
    advance()
    var precision: Int?
    let takesPrecision = [.currentTime, .currentTimestamp, .localtime, .localtimestamp].contains(keyword)
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
