// Names, literals and property lists.

extension Parser {
  /// Whether the current token can be a name as it stands.
  var isAtIdentifier: Bool { isIdentifier(token) }

  func isIdentifier(_ token: Token) -> Bool {
    switch token.kind {
    case .word: !(token.keyword?.isReserved ?? false)
    case .quotedIdentifier, .backquotedIdentifier: true
    default: false
    }
  }

  /// Grammar: identifier
  mutating func parseIdentifier() throws(SyntaxFailure) -> Identifier {
    guard isAtIdentifier else {
      note(.rule("identifier"))
      throw mismatch()
    }
    return takeName()
  }

  /// A name where no keyword could stand: behind a dot, and for columns in definitions.
  ///
  /// Grammar: anyName
  mutating func parseAnyName() throws(SyntaxFailure) -> Identifier {
    guard isAtIdentifier || token.kind == .word else {
      note(.rule("identifier"))
      throw mismatch()
    }
    return takeName()
  }

  private mutating func takeName() -> Identifier {
    let token = advance()
    let bytes = bytes[token.range.lowerBound..<token.range.upperBound]
    guard token.kind == .word else {
      return Identifier(LiteralDecoding.unquoted(bytes), isQuoted: true, range: token.range)
    }
    return Identifier(String(decoding: bytes, as: UTF8.self), range: token.range)
  }

  /// Grammar: qualifiedName
  mutating func parseQualifiedName() throws(SyntaxFailure) -> QualifiedName {
    var parts = [try parseIdentifier()]
    while accept(.dot) { parts.append(try parseAnyName()) }
    return QualifiedName(parts)
  }

  /// A column of a definition, or a field within it, whose first part may be a reserved word.
  ///
  /// Grammar: columnPath
  mutating func parseColumnPath() throws(SyntaxFailure) -> QualifiedName {
    var parts = [try parseAnyName()]
    while accept(.dot) { parts.append(try parseAnyName()) }
    return QualifiedName(parts)
  }

  /// `(a, b, c)`
  ///
  /// Grammar: identifierList
  mutating func parseIdentifierList() throws(SyntaxFailure) -> [Identifier] {
    try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseIdentifier() }
  }

  // MARK: Literals

  var isAtString: Bool {
    switch token.kind {
    case .string, .hiveString, .unicodeString: true
    default: false
    }
  }

  /// Grammar: string
  mutating func parseString() throws(SyntaxFailure) -> StringLiteral {
    guard isAtString else {
      note(.rule("string"))
      throw mismatch()
    }
    let start = index
    let token = advance()
    let bytes = bytes[token.range.lowerBound..<token.range.upperBound]
    switch token.kind {
    case .hiveString: return StringLiteral(value: LiteralDecoding.hiveUnescaped(bytes), range: token.range)
    case .unicodeString: return try parseUnicodeString(LiteralDecoding.unquoted(bytes.dropFirst(2)), start)
    default: return StringLiteral(value: LiteralDecoding.unquoted(bytes), range: token.range)
    }
  }

  /// The rest of `U&'…' [UESCAPE 'c']`.
  ///
  /// Grammar: string
  private mutating func parseUnicodeString(_ text: String, _ start: Int) throws(SyntaxFailure) -> StringLiteral {
    var escape: Character = "\\"
    if accept(.uescape) {
      let literal = try parseString()
      guard let only = literal.value.first, literal.value.count == 1, only.isASCII, !only.isHexDigit, !" +'\"".contains(only)
      else {
        throw failure(
          "Invalid Unicode escape character: '\(literal.value)'", at: literal.range,
          hint: "use one character that is no hexadecimal digit, sign, quote or blank")
      }
      escape = only
    }
    guard let value = LiteralDecoding.unicodeUnescaped(text, escape: escape) else {
      throw failure(
        "Invalid Unicode escape in text", at: tokens[start].range,
        hint: "an escape is \(escape)XXXX or \(escape)+XXXXXX with hexadecimal digits")
    }
    return StringLiteral(value: value, range: range(from: start))
  }

  /// Text in definitions, where Hive also takes double quotes.
  ///
  /// Grammar: definitionText
  mutating func parseDefinitionText() throws(SyntaxFailure) -> StringLiteral {
    guard token.kind == .quotedIdentifier else { return try parseString() }
    let name = takeName()
    return StringLiteral(value: name.spelling, range: name.range)
  }

  /// An integer that fits 64 bits.
  ///
  /// Grammar: integer
  mutating func parseInteger() throws(SyntaxFailure) -> NumberLiteral {
    guard token.kind == .integer else {
      note(.rule("integer"))
      throw mismatch()
    }
    return try parseNumber(isNegative: false, start: index)
  }

  /// The digits at the current token, with the sign that stood at `start` before it.
  ///
  /// Grammar: number
  mutating func parseNumber(isNegative: Bool, start: Int) throws(SyntaxFailure) -> NumberLiteral {
    let token = advance()
    let form: NumberLiteral.Form =
      switch token.kind {
      case .integer: .integer
      case .decimal: .decimal
      default: .double
      }
    let digits = text(of: token.range).filter { $0 != "_" }
    let literal = NumberLiteral(text: (isNegative ? "-" : "") + digits, form: form, range: range(from: start))
    if form == .integer, literal.int64Value == nil {
      throw failure(
        "Invalid numeric literal: \(literal.text)", at: literal.range,
        hint: "integers have 64 bits; write DECIMAL '\(literal.text)' for up to 38 digits")
    }
    return literal
  }

  // MARK: Properties

  /// `('key' = 'value', …)`
  ///
  /// Grammar: propertyList
  mutating func parsePropertyList() throws(SyntaxFailure) -> [PropertyEntry] {
    try expect(.leftParenthesis)
    if accept(.rightParenthesis) { return [] }
    let entries = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parsePropertyEntry() }
    try expect(.rightParenthesis)
    return entries
  }

  /// Grammar: propertyEntry
  private mutating func parsePropertyEntry() throws(SyntaxFailure) -> PropertyEntry {
    let key = try parsePropertyKey()
    // Spark lets the sign out.
    _ = accept(.equal)
    return PropertyEntry(key: key, value: try parsePropertyValue())
  }

  /// A text, or Spark's dotted words: `write.format.default`.
  ///
  /// Grammar: propertyKey
  mutating func parsePropertyKey() throws(SyntaxFailure) -> StringLiteral {
    if isAtString || token.kind == .quotedIdentifier { return try parseDefinitionText() }
    let name = try parseColumnPath()
    return StringLiteral(value: name.spelling, range: name.range)
  }

  /// Numbers and booleans are kept as their text.
  ///
  /// Grammar: propertyValue
  private mutating func parsePropertyValue() throws(SyntaxFailure) -> StringLiteral {
    if isAtString { return try parseString() }
    let start = index
    let hasSign = accept(.minus)
    switch token.kind {
    case .integer, .decimal, .double:
      advance()
      return StringLiteral(value: text(of: range(from: start)), range: range(from: start))
    case .word where !hasSign:
      advance()
      return StringLiteral(value: text(of: range(from: start)), range: range(from: start))
    default:
      note(.rule("string"))
      throw mismatch()
    }
  }

  /// `(name = expression, …)` after Trino's WITH.
  ///
  /// Grammar: expressionProperties
  mutating func parseExpressionProperties() throws(SyntaxFailure) -> [ExpressionProperty] {
    try expect(.leftParenthesis)
    if accept(.rightParenthesis) { return [] }
    let entries = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseExpressionProperty() }
    try expect(.rightParenthesis)
    return entries
  }

  /// Grammar: expressionProperty
  mutating func parseExpressionProperty() throws(SyntaxFailure) -> ExpressionProperty {
    let name = try parseIdentifier()
    try expect(.equal)
    return ExpressionProperty(name: name, value: try parseExpression())
  }
}
