// JSON_TABLE with its columns and plans.

extension Parser {
  /// Grammar: jsonTable
  mutating func parseJSONTable() throws(SyntaxFailure) -> RelationKind {
    advance()
    try expect(.leftParenthesis)
    let (input, encoding, path) = try parseJSONInput()
    let pathName = accept(.as) ? try parseIdentifier() : nil
    let invocation = JSONFunctionCall.PathInvocation(input: input, encoding: encoding, path: path, passing: try parsePassing())
    try expect(.columns)
    let columns = try parseJSONTableColumns()
    let plan = accept(.plan) ? try parseJSONTablePlan() : nil
    var onError: JSONTableClause.ErrorBehaviour?
    if let keyword = acceptAny([.error, .empty]) {
      try expect(.on, .error)
      onError = keyword == .error ? .error : .empty
    }
    try expect(.rightParenthesis)
    return .jsonTable(JSONTableClause(path: invocation, pathName: pathName, columns: columns, plan: plan, onError: onError))
  }

  /// Grammar: jsonTableColumns
  private mutating func parseJSONTableColumns() throws(SyntaxFailure) -> [JSONTableColumn] {
    try expect(.leftParenthesis)
    try enterNesting()
    let columns = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseJSONTableColumn() }
    leaveNesting()
    try expect(.rightParenthesis)
    return columns
  }

  /// Grammar: jsonTableColumn
  private mutating func parseJSONTableColumn() throws(SyntaxFailure) -> JSONTableColumn {
    // NESTED may also be the name of a column.
    if at(.nested), peek(1).keyword == .path || [.string, .unicodeString].contains(peek(1).kind) {
      advance()
      _ = accept(.path)
      let path = try parseString()
      let name = accept(.as) ? try parseIdentifier() : nil
      try expect(.columns)
      return .nested(path: path, name: name, columns: try parseJSONTableColumns())
    }
    let name = try parseIdentifier()
    if accept(.for) {
      try expect(.ordinality)
      return .ordinality(name)
    }
    let type = try parseType()
    guard accept(.format) else {
      let path = accept(.path) ? try parseString() : nil
      let (onEmpty, onError) = try parseBehaviours(allowsDefault: true)
      return .value(name, type, path: path, onEmpty: onEmpty, onError: onError)
    }
    try expect(.json)
    let path = accept(.path) ? try parseString() : nil
    let wrapper = try parseWrapper()
    let quotes = try parseQuotes()
    let (onEmpty, onError) = try parseBehaviours(allowsDefault: false)
    return .query(name, type, path: path, wrapper: wrapper, quotes: quotes, onEmpty: onEmpty, onError: onError)
  }

  // MARK: Plans

  /// Grammar: jsonTablePlan
  private mutating func parseJSONTablePlan() throws(SyntaxFailure) -> JSONTablePlan {
    let isDefault = accept(.default)
    try expect(.leftParenthesis)
    let plan = isDefault ? try parseJSONDefaultPlan() : try parseJSONPathPlan()
    try expect(.rightParenthesis)
    return plan
  }

  /// Grammar: jsonDefaultPlan
  private mutating func parseJSONDefaultPlan() throws(SyntaxFailure) -> JSONTablePlan {
    if let first = acceptAny([.outer, .inner]) {
      let second = accept(.comma) ? try expectAny([.union, .cross]) : nil
      return .everywhere(first == .outer ? .outer : .inner, second.map { $0 == .union ? .union : .cross })
    }
    let first = try expectAny([.union, .cross])
    let second = accept(.comma) ? try expectAny([.outer, .inner]) : nil
    return .everywhere(second.map { $0 == .outer ? .outer : .inner }, first == .union ? .union : .cross)
  }

  /// Grammar: jsonPathPlan
  private mutating func parseJSONPathPlan() throws(SyntaxFailure) -> JSONTablePlan {
    let first = try parseJSONPlanTerm()
    if case .path(let name) = first, let keyword = acceptAny([.outer, .inner]) {
      return .nested(name, keyword == .outer ? .outer : .inner, try parseJSONPlanTerm())
    }
    guard let keyword = [Keyword.union, .cross].first(where: { at($0) }) else { return first }
    var siblings = [first]
    while accept(keyword) { siblings.append(try parseJSONPlanTerm()) }
    return .siblings(keyword == .union ? .union : .cross, siblings)
  }

  /// Grammar: jsonPlanTerm
  private mutating func parseJSONPlanTerm() throws(SyntaxFailure) -> JSONTablePlan {
    guard accept(.leftParenthesis) else { return .path(try parseIdentifier()) }
    try enterNesting()
    let plan = try parseJSONPathPlan()
    leaveNesting()
    try expect(.rightParenthesis)
    return plan
  }
}
