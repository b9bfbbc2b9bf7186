// Types in both vocabularies.

extension Parser {
  /// Grammar: type
  mutating func parseType() throws(SyntaxFailure) -> TypeName {
    let start = index
    try enterNesting(2)
    var type = try parseSimpleType()
    // `integer ARRAY`; ARRAY with arguments would begin another type.
    while at(.array), peek(1).kind != .leftParenthesis, peek(1).kind != .less {
      advance()
      type = TypeName(.array(type), range: range(from: start))
      try growHeight()
    }
    leaveNesting(2)
    return type
  }

  /// Grammar: simpleType
  private mutating func parseSimpleType() throws(SyntaxFailure) -> TypeName {
    let start = index
    note(.rule("type"))
    let opensArguments = peek(1).kind == .leftParenthesis || peek(1).kind == .less
    let kind: TypeNameKind
    switch token.keyword {
    case .row where opensArguments, .struct where opensArguments: kind = .row(try parseRowFields())
    case .array where opensArguments, .list where opensArguments: kind = .array(try parseTypeArguments(1)[0])
    case .map where opensArguments:
      let arguments = try parseTypeArguments(2)
      kind = .map(arguments[0], arguments[1])
    case .time, .timestamp: kind = try parseTimeType()
    case .interval where peek(2).keyword == .to: kind = try parseIntervalType()
    default: kind = try parseNamedType()
    }
    return TypeName(kind, range: range(from: start))
  }

  /// The type before the text of a typed literal: one word, or DOUBLE PRECISION.
  ///
  /// Grammar: literalType
  mutating func parseLiteralType() throws(SyntaxFailure) -> TypeName {
    let start = index
    let kind: TypeNameKind
    switch token.keyword {
    case .timestamp:
      advance()
      kind = .timestamp(precision: nil, withTimeZone: false)
    case .time:
      advance()
      kind = .time(precision: nil, withTimeZone: false)
    default: kind = try parseNamedType()
    }
    return TypeName(kind, range: range(from: start))
  }

  /// Grammar: namedType
  private mutating func parseNamedType() throws(SyntaxFailure) -> TypeNameKind {
    let name = try parseIdentifier()
    if !name.isQuoted, name.folded == "double" { _ = accept(.precision) }
    guard at(.leftParenthesis) else { return .named(name, []) }
    let arguments = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseTypeArgument() }
    return .named(name, arguments)
  }

  /// Grammar: typeArgument
  private mutating func parseTypeArgument() throws(SyntaxFailure) -> TypeArgument {
    if token.kind == .integer { return .number(try parseInteger()) }
    note(.rule("integer"))
    return .type(try parseType())
  }

  /// `(T, …)` or `<T, …>` with exactly `count` types.
  ///
  /// Grammar: typeArguments
  private mutating func parseTypeArguments(_ count: Int) throws(SyntaxFailure) -> [TypeName] {
    advance()
    let close = try parseTypeOpening()
    var types = [try parseType()]
    while types.count < count {
      try expect(.comma)
      types.append(try parseType())
    }
    try expect(close)
    return types
  }

  /// Grammar: typeArguments, rowFields
  private mutating func parseTypeOpening() throws(SyntaxFailure) -> TokenKind {
    if accept(.less) { return .greater }
    try expect(.leftParenthesis)
    return .rightParenthesis
  }

  // MARK: Rows

  /// `row(a bigint, varchar)`, `struct<a: bigint COMMENT 's', b: string>`
  ///
  /// Grammar: rowFields
  private mutating func parseRowFields() throws(SyntaxFailure) -> [RowFieldName] {
    let isStruct = at(.struct)
    advance()
    let close = try parseTypeOpening()
    let fields = try list { (parser: inout Parser) throws(SyntaxFailure) in
      isStruct ? try parser.parseStructField() : try parser.parseRowField()
    }
    try expect(close)
    return fields
  }

  /// Grammar: rowField
  private mutating func parseRowField() throws(SyntaxFailure) -> RowFieldName {
    let name = isAtFieldName ? try parseAnyName() : nil
    return RowFieldName(name: name, type: try parseType(), isNotNull: false, comment: nil)
  }

  /// Grammar: structField
  private mutating func parseStructField() throws(SyntaxFailure) -> RowFieldName {
    let name = try parseAnyName()
    _ = accept(.colon)
    let type = try parseType()
    let isNotNull = accept(.not, .null)
    let comment = accept(.comment) ? try parseDefinitionText() : nil
    return RowFieldName(name: name, type: type, isNotNull: isNotNull, comment: comment)
  }

  /// In `row(…)` a word is a field's name when a type follows it, and a type itself otherwise.
  private var isAtFieldName: Bool {
    let next = peek(1)
    switch next.kind {
    case .quotedIdentifier, .backquotedIdentifier: return true
    case .word:
      switch next.keyword {
      case .with, .without: return false
      case .precision: return text(of: token.range).lowercased() != "double"
      case .array: return [.leftParenthesis, .less].contains(peek(2).kind)
      case .year, .month, .day, .hour, .minute, .second: return !(at(.interval) && peek(2).keyword == .to)
      default: return true
      }
    default: return false
    }
  }

  // MARK: Times

  /// `TIME | TIMESTAMP [(p)] [WITH | WITHOUT TIME ZONE]`
  ///
  /// Grammar: timeType
  private mutating func parseTimeType() throws(SyntaxFailure) -> TypeNameKind {
    let isTime = advance().keyword == .time
    var precision: Int?
    if accept(.leftParenthesis) {
      precision = try parsePrecision()
      try expect(.rightParenthesis)
    }
    var withTimeZone = false
    if at(.with, .time) || at(.without, .time) {
      withTimeZone = advance().keyword == .with
      advance()
      try expect(.zone)
    }
    return isTime
      ? .time(precision: precision, withTimeZone: withTimeZone)
      : .timestamp(precision: precision, withTimeZone: withTimeZone)
  }

  /// Digits of a fraction of a second, 0 to 12.
  ///
  /// Grammar: precision
  mutating func parsePrecision() throws(SyntaxFailure) -> Int {
    let number = try parseInteger()
    guard let value = number.int64Value, (0...12).contains(value) else {
      throw failure("precision must be in range [0, 12]: \(number.text)", at: number.range)
    }
    return Int(value)
  }

  /// Grammar: intervalType
  private mutating func parseIntervalType() throws(SyntaxFailure) -> TypeNameKind {
    advance()
    let from = try parseIntervalUnit()
    try expect(.to)
    return .interval(from: from, to: try parseIntervalUnit())
  }
}
