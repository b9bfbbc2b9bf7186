// What stands in FROM: tables, subqueries, joins, UNNEST, table functions, samples.

extension Parser {
  /// A relation and the joins that follow it.
  ///
  /// Grammar: relation
  mutating func parseRelation() throws(SyntaxFailure) -> Relation {
    let start = index
    try enterNesting()
    let outer = beginHeight()
    var left = try parseSuffixedRelation()
    while isAtJoin {
      left = try parseJoin(left, start)
      try growHeight()
    }
    for keyword in [Keyword.join, .cross, .inner, .left, .right, .full, .natural] { note(.keyword(keyword)) }
    try endHeight(outer)
    leaveNesting()
    return left
  }

  private var isAtJoin: Bool {
    switch token.keyword {
    case .join, .cross, .inner, .left, .right, .full, .natural: true
    default: false
    }
  }

  /// One join; the current token begins it.
  ///
  /// Grammar: join
  private mutating func parseJoin(_ left: Relation, _ start: Int) throws(SyntaxFailure) -> Relation {
    var join = JoinClause(kind: .cross, left: left, right: left, condition: nil)
    if accept(.cross) {
      try expect(.join)
      join.right = try parseSuffixedRelation()
    } else if accept(.natural) {
      join.kind = try parseJoinKind()
      join.right = try parseSuffixedRelation()
      join.condition = .natural
    } else {
      join.kind = try parseJoinKind()
      join.right = try parseJoinedRelation()
      join.condition = try parseJoinCondition()
    }
    return relation(.join(join), start)
  }

  /// The right side of a join up to its condition: in `a JOIN b JOIN c ON … ON …` the inner condition comes first.
  ///
  /// Grammar: joinedRelation
  private mutating func parseJoinedRelation() throws(SyntaxFailure) -> Relation {
    let start = index
    var right = try parseSuffixedRelation()
    while isAtJoin {
      try enterNesting()
      right = try parseJoin(right, start)
      try growHeight()
      leaveNesting()
    }
    return right
  }

  /// Grammar: joinKind
  private mutating func parseJoinKind() throws(SyntaxFailure) -> JoinClause.Kind {
    let kind: JoinClause.Kind
    switch acceptAny([.inner, .left, .right, .full]) {
    case .left: kind = .left
    case .right: kind = .right
    case .full: kind = .full
    default: kind = .inner
    }
    if kind != .inner { _ = accept(.outer) }
    try expect(.join)
    return kind
  }

  /// Grammar: joinCondition
  private mutating func parseJoinCondition() throws(SyntaxFailure) -> JoinCondition {
    if accept(.using) { return .using(try parseIdentifierList()) }
    try expect(.on)
    return .on(try parseExpression())
  }

  // MARK: Alias, sample, pivot

  /// A primary relation and what follows it before the next join.
  ///
  /// Grammar: suffixedRelation
  private mutating func parseSuffixedRelation() throws(SyntaxFailure) -> Relation {
    let start = index
    var relation = try parsePrimaryRelation()
    relation = try parseTableAlias(relation, start)
    while let kind = try parseRelationSuffix(relation) {
      try growHeight()
      relation = Relation(kind, range: range(from: start))
      if case .sampled = kind { continue }
      relation = try parseTableAlias(relation, start)
    }
    return relation
  }

  /// Grammar: relationSuffix
  private mutating func parseRelationSuffix(_ relation: Relation) throws(SyntaxFailure) -> RelationKind? {
    if accept(.tablesample) { return .sampled(relation, try parseSample()) }
    if at(.pivot), peek(1).kind == .leftParenthesis { return .pivot(relation, try parsePivot()) }
    if at(.unpivot) { return .unpivot(relation, try parseUnpivot()) }
    guard at(.matchRecognize) else { return nil }
    advance()
    return .matchRecognize(relation, try parseRawText())
  }

  /// `[AS] name [(columns)]`, or nothing.
  ///
  /// Grammar: tableAlias
  private mutating func parseTableAlias(_ relation: Relation, _ start: Int) throws(SyntaxFailure) -> Relation {
    let aliasStart = index
    guard let name = try parseAlias() else { return relation }
    let columns = at(.leftParenthesis) ? try parseIdentifierList() : []
    let alias = TableAlias(name: name, columns: columns, range: range(from: aliasStart))
    return Relation(.aliased(relation, alias), range: range(from: start))
  }

  /// Grammar: sample
  private mutating func parseSample() throws(SyntaxFailure) -> SampleClause {
    let method: SampleClause.Method = try expectAny([.bernoulli, .system]) == .bernoulli ? .bernoulli : .system
    try expect(.leftParenthesis)
    let percentage = try parseExpression()
    try expect(.rightParenthesis)
    return SampleClause(method: method, percentage: percentage)
  }

  /// The text between parentheses of a construct that is only recognised.
  ///
  /// Grammar: rawText
  private mutating func parseRawText() throws(SyntaxFailure) -> RawText {
    let start = index
    let close = Int(closing[index])
    try expect(.leftParenthesis)
    guard close >= 0 else {
      while token.kind != .endOfText { advance() }
      note(.symbol(.rightParenthesis))
      throw mismatch()
    }
    while index < close {
      if token.kind == .invalid { throw mismatch() }
      advance()
    }
    let inner = SourceRange(tokens[start].range.upperBound, token.range.lowerBound)
    advance()
    return RawText(text: text(of: inner), range: range(from: start))
  }

  // MARK: Primary relations

  /// Grammar: primaryRelation
  private mutating func parsePrimaryRelation() throws(SyntaxFailure) -> Relation {
    let start = index
    if at(.leftParenthesis) {
      return startsQuery(at: index + 1)
        ? relation(.subquery(try parseParenthesizedQuery()), start) : try parseParenthesizedRelation()
    }
    switch token.keyword {
    case .unnest: return relation(try parseUnnest(), start)
    case .lateral where peek(1).kind == .leftParenthesis: return relation(try parseLateral(), start)
    case .table: return relation(.function(try parseWrappedFunction()), start)
    case .jsonTable: return relation(try parseJSONTable(), start)
    default: return relation(try parseTableOrFunction(), start)
    }
  }

  /// Mutating for the same reason as `node`.
  private mutating func relation(_ kind: RelationKind, _ start: Int) -> Relation { Relation(kind, range: range(from: start)) }

  /// Grammar: parenthesizedRelation
  private mutating func parseParenthesizedRelation() throws(SyntaxFailure) -> Relation {
    try expect(.leftParenthesis)
    try enterNesting()
    let inner = try parseRelation()
    leaveNesting()
    try expect(.rightParenthesis)
    return inner
  }

  /// Grammar: lateral
  private mutating func parseLateral() throws(SyntaxFailure) -> RelationKind {
    advance()
    return .lateral(try parseParenthesizedQuery())
  }

  /// Grammar: unnest
  private mutating func parseUnnest() throws(SyntaxFailure) -> RelationKind {
    advance()
    let arrays = try parseExpressionList()
    return .unnest(arrays, withOrdinality: accept(.with, .ordinality))
  }

  /// Grammar: tableOrFunction
  private mutating func parseTableOrFunction() throws(SyntaxFailure) -> RelationKind {
    guard isAtIdentifier else {
      note(.rule("identifier"))
      note(.symbol(.leftParenthesis))
      throw mismatch()
    }
    let name = try parseQualifiedName()
    if at(.leftParenthesis) {
      let arguments = try parseTableArguments()
      return .function(
        TableFunctionCall(name: name, arguments: arguments, isWrapped: false, timeTravel: try parseTimeTravel()))
    }
    return .table(TableReference(name: name, timeTravel: try parseTimeTravel()))
  }

  /// `FOR TIMESTAMP | VERSION | SYSTEM_TIME | SYSTEM_VERSION AS OF e`, and the same without FOR.
  ///
  /// Grammar: timeTravel
  private mutating func parseTimeTravel() throws(SyntaxFailure) -> TimeTravelClause? {
    let start = index
    let isTrinoForm = at(.for) && [.timestamp, .version, .systemTime, .systemVersion].contains(peek(1).keyword)
    let word = isTrinoForm ? 1 : 0
    switch peek(word).keyword {
    case .timestamp, .version, .systemTime, .systemVersion: break
    default: return nil
    }
    guard isTrinoForm || (peek(1).keyword == .as && peek(2).keyword == .of) else { return nil }
    if isTrinoForm { advance() }
    let keyword = advance().keyword
    try expect(.as, .of)
    let value = try parseValueExpression()
    return TimeTravelClause(
      unit: keyword == .timestamp || keyword == .systemTime ? .timestamp : .version, value: value,
      isSparkForm: !isTrinoForm, hasSystemName: keyword == .systemTime || keyword == .systemVersion, range: range(from: start))
  }

  // MARK: Table functions

  /// `TABLE(function(…))`
  ///
  /// Grammar: wrappedFunction
  private mutating func parseWrappedFunction() throws(SyntaxFailure) -> TableFunctionCall {
    advance()
    try expect(.leftParenthesis)
    let name = try parseQualifiedName()
    let arguments = try parseTableArguments()
    try expect(.rightParenthesis)
    return TableFunctionCall(name: name, arguments: arguments, isWrapped: true)
  }

  /// Grammar: tableArguments
  private mutating func parseTableArguments() throws(SyntaxFailure) -> [TableFunctionArgument] {
    if peek(1).kind == .rightParenthesis {
      advance()
      advance()
      return []
    }
    return try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseTableArgument() }
  }

  /// Grammar: tableArgument
  private mutating func parseTableArgument() throws(SyntaxFailure) -> TableFunctionArgument {
    let start = index
    var name: Identifier?
    if peek(1).kind == .doubleArrow {
      name = try parseAnyName()
      advance()
    }
    let value: TableFunctionArgument.Value
    if at(.table) {
      value = .table(try parseTableValue())
    } else if at(.descriptor), peek(1).kind == .leftParenthesis {
      advance()
      value = .descriptor(try parseIdentifierList())
    } else {
      value = .expression(try parseExpression())
    }
    return TableFunctionArgument(name: name, value: value, range: range(from: start))
  }

  /// `TABLE(name)` or `TABLE(query)`
  ///
  /// Grammar: tableValue
  private mutating func parseTableValue() throws(SyntaxFailure) -> Relation {
    advance()
    let start = index
    if startsQuery(at: index + 1) { return Relation(.subquery(try parseParenthesizedQuery()), range: range(from: start)) }
    try expect(.leftParenthesis)
    let name = try parseQualifiedName()
    try expect(.rightParenthesis)
    return Relation(.table(TableReference(name: name)), range: name.range)
  }
}
