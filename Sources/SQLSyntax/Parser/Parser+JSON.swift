// The SQL/JSON functions with their clauses.

extension Parser {
  /// Grammar: jsonFunction
  mutating func parseJSONFunction() throws(SyntaxFailure) -> Expression {
    let start = index
    let keyword = advance().keyword
    try expect(.leftParenthesis)
    let call: JSONFunctionCall =
      switch keyword {
      case .jsonExists: try parseJSONExists()
      case .jsonValue: try parseJSONValue()
      case .jsonQuery: try parseJSONQuery()
      case .jsonObject: try parseJSONObject()
      default: try parseJSONArray()
      }
    try expect(.rightParenthesis)
    return node(.json(call), from: start)
  }

  /// Grammar: jsonExists
  private mutating func parseJSONExists() throws(SyntaxFailure) -> JSONFunctionCall {
    let path = try parseJSONPath()
    var onError: JSONFunctionCall.Behaviour?
    if let keyword = acceptAny([.true, .false, .unknown, .error]) {
      onError = keyword == .true ? .isTrue : keyword == .false ? .isFalse : keyword == .unknown ? .unknown : .error
      try expect(.on, .error)
    }
    return .exists(path, onError: onError)
  }

  /// Grammar: jsonValue
  private mutating func parseJSONValue() throws(SyntaxFailure) -> JSONFunctionCall {
    let path = try parseJSONPath()
    let returning = try parseReturning()
    let (onEmpty, onError) = try parseBehaviours(allowsDefault: true)
    return .value(path, returning: returning, onEmpty: onEmpty, onError: onError)
  }

  /// Grammar: jsonQuery
  private mutating func parseJSONQuery() throws(SyntaxFailure) -> JSONFunctionCall {
    let path = try parseJSONPath()
    let returning = try parseReturningJSON()
    let wrapper = try parseWrapper()
    let quotes = try parseQuotes()
    let (onEmpty, onError) = try parseBehaviours(allowsDefault: false)
    return .query(path, returning: returning, wrapper: wrapper, quotes: quotes, onEmpty: onEmpty, onError: onError)
  }

  /// Grammar: jsonObject
  private mutating func parseJSONObject() throws(SyntaxFailure) -> JSONFunctionCall {
    var members: [JSONFunctionCall.Member] = []
    if !at(.rightParenthesis), !at(.returning), !isAtNullHandling, !at(.with), !at(.without, .unique) {
      repeat { members.append(try parseJSONMember()) } while accept(.comma)
    }
    let nulls = try parseNullHandling()
    let keys = try parseKeyHandling()
    return .object(members, nulls: nulls, keys: keys, returning: try parseReturningJSON())
  }

  /// Grammar: jsonKeyHandling
  private mutating func parseKeyHandling() throws(SyntaxFailure) -> JSONFunctionCall.KeyHandling? {
    guard let keyword = acceptAny([.with, .without]) else { return nil }
    try expect(.unique)
    _ = accept(.keys)
    return keyword == .with ? .unique : .any
  }

  /// `key : value`, `key VALUE value`, `KEY key VALUE value`
  ///
  /// Grammar: jsonMember
  private mutating func parseJSONMember() throws(SyntaxFailure) -> JSONFunctionCall.Member {
    // KEY may also be a column that is the key itself.
    if at(.key), ![.colon, .dot, .leftBracket, .concatenate].contains(peek(1).kind), peek(1).keyword != .value { advance() }
    let key = try parseValueExpression()
    if !accept(.value) { try expect(.colon) }
    return JSONFunctionCall.Member(key: key, value: try parseJSONValueInput())
  }

  /// Grammar: jsonInputValue
  private mutating func parseJSONValueInput() throws(SyntaxFailure) -> JSONFunctionCall.Value {
    let expression = try parseExpression()
    let (isJSON, encoding) = try parseFormat()
    return JSONFunctionCall.Value(expression: expression, isJSON: isJSON, encoding: encoding)
  }

  /// Grammar: jsonFormat
  private mutating func parseFormat() throws(SyntaxFailure) -> (isJSON: Bool, encoding: JSONFunctionCall.Encoding?) {
    guard accept(.format) else { return (false, nil) }
    try expect(.json)
    guard accept(.encoding) else { return (true, nil) }
    let keyword = try expectAny([.utf8, .utf16, .utf32])
    return (true, keyword == .utf8 ? .utf8 : keyword == .utf16 ? .utf16 : .utf32)
  }

  /// Grammar: jsonArray
  private mutating func parseJSONArray() throws(SyntaxFailure) -> JSONFunctionCall {
    var elements: [JSONFunctionCall.Value] = []
    if !at(.rightParenthesis), !at(.returning), !isAtNullHandling {
      elements = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseJSONValueInput() }
    }
    let nulls = try parseNullHandling()
    return .array(elements, nulls: nulls, returning: try parseReturningJSON())
  }

  // MARK: Clauses

  /// `input, 'path' [PASSING value AS name, …]`
  ///
  /// Grammar: jsonPath
  private mutating func parseJSONPath() throws(SyntaxFailure) -> JSONFunctionCall.PathInvocation {
    let (input, encoding, path) = try parseJSONInput()
    return JSONFunctionCall.PathInvocation(input: input, encoding: encoding, path: path, passing: try parsePassing())
  }

  /// Grammar: jsonInput
  mutating func parseJSONInput() throws(SyntaxFailure) -> (input: Expression, encoding: JSONFunctionCall.Encoding?, path: StringLiteral) {
    let input = try parseExpression()
    let encoding = try parseFormat().encoding
    try expect(.comma)
    return (input, encoding, try parseString())
  }

  /// Grammar: jsonPassing
  mutating func parsePassing() throws(SyntaxFailure) -> [JSONFunctionCall.PassedValue] {
    guard accept(.passing) else { return [] }
    return try list { (parser: inout Parser) throws(SyntaxFailure) in
      let value = try parser.parseJSONValueInput()
      try parser.expect(.as)
      return JSONFunctionCall.PassedValue(value: value, name: try parser.parseIdentifier())
    }
  }

  /// Grammar: jsonQuotes
  mutating func parseQuotes() throws(SyntaxFailure) -> JSONFunctionCall.Quotes? {
    guard let keyword = acceptAny([.keep, .omit]) else { return nil }
    try expect(.quotes)
    if accept(.on) { try expect(.scalar, .string) }
    return keyword == .keep ? .keep : .omit
  }

  /// Grammar: jsonReturning
  private mutating func parseReturning() throws(SyntaxFailure) -> TypeName? {
    accept(.returning) ? try parseType() : nil
  }

  /// What gives JSON may say so: `RETURNING varchar FORMAT JSON`.
  ///
  /// Grammar: jsonReturningJSON
  private mutating func parseReturningJSON() throws(SyntaxFailure) -> JSONFunctionCall.Returning? {
    guard let type = try parseReturning() else { return nil }
    return JSONFunctionCall.Returning(type: type, encoding: try parseFormat().encoding)
  }

  /// Grammar: jsonWrapper
  mutating func parseWrapper() throws(SyntaxFailure) -> JSONFunctionCall.Wrapper? {
    let wrapper: JSONFunctionCall.Wrapper
    if accept(.without) {
      wrapper = .without
    } else if accept(.with) {
      wrapper = acceptAny([.conditional, .unconditional]) == .conditional ? .conditional : .unconditional
    } else {
      return nil
    }
    _ = accept(.array)
    try expect(.wrapper)
    return wrapper
  }

  private var isAtNullHandling: Bool { at(.absent, .on) || at(.null, .on) }

  /// Grammar: jsonNullHandling
  private mutating func parseNullHandling() throws(SyntaxFailure) -> JSONFunctionCall.NullHandling? {
    guard let keyword = acceptAny([.null, .absent]) else { return nil }
    try expect(.on, .null)
    return keyword == .null ? .null : .absent
  }

  /// `… ON EMPTY` and `… ON ERROR`, each optional, in this order.
  ///
  /// Grammar: jsonBehaviours
  mutating func parseBehaviours(
    allowsDefault: Bool
  ) throws(SyntaxFailure) -> (onEmpty: JSONFunctionCall.Behaviour?, onError: JSONFunctionCall.Behaviour?) {
    var onEmpty: JSONFunctionCall.Behaviour?
    while let behaviour = try parseBehaviour(allowsDefault: allowsDefault) {
      try expect(.on)
      if onEmpty == nil, accept(.empty) {
        onEmpty = behaviour
      } else {
        try expect(.error)
        return (onEmpty, behaviour)
      }
    }
    return (onEmpty, nil)
  }

  /// Grammar: jsonBehaviour
  private mutating func parseBehaviour(allowsDefault: Bool) throws(SyntaxFailure) -> JSONFunctionCall.Behaviour? {
    if accept(.error) { return .error }
    if accept(.null) { return .null }
    if allowsDefault { return accept(.default) ? .defaultValue(try parseExpression()) : nil }
    guard accept(.empty) else { return nil }
    return try expectAny([.array, .object]) == .array ? .emptyArray : .emptyObject
  }
}
