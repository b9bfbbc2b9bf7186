// Queries: WITH, SELECT, VALUES, TABLE, set operations, GROUP BY, ORDER BY, LIMIT.

extension Parser {
  /// Grammar: query
  mutating func parseQuery() throws(SyntaxFailure) -> Query {
    let start = index
    try enterNesting(Limits.queryWeight)
    let outer = beginHeight()
    let with = at(.with) ? try parseWith() : nil
    var query = Query(with: with, body: try parseQueryBody())
    if at(.order) { query.orderBy = try parseOrderBy() } else { note(.keyword(.order)) }
    try parseRowLimits(of: &query)
    try endHeight(outer)
    leaveNesting(Limits.queryWeight)
    query.range = range(from: start)
    return query
  }

  /// Grammar: parenthesizedQuery
  mutating func parseParenthesizedQuery() throws(SyntaxFailure) -> Query {
    try expect(.leftParenthesis)
    let query = try parseQuery()
    try expect(.rightParenthesis)
    return query
  }

  /// Whether the tokens from `position` on are a query rather than an expression or a relation.
  ///
  /// `((SELECT 1) UNION SELECT 2)` is one, `((SELECT 1) + 2)` and `((SELECT 1) AS a JOIN b …)` are not: what follows each closing parenthesis decides.
  func startsQuery(at position: Int) -> Bool {
    guard position < tokens.count else { return false }
    var word = position
    while tokens[word].kind == .leftParenthesis {
      word += 1
      // Deeper input is refused anyway.
      if word - position > Limits.deepStack.nesting { return false }
    }
    switch tokens[word].keyword {
    case .select, .with, .values: break
    case .table: if tokens[min(word + 1, tokens.count - 1)].kind == .leftParenthesis { return false }
    default: return false
    }
    for opening in (position..<word).reversed() {
      let close = Int(closing[opening])
      if close < 0 { return true }
      let after = tokens[close + 1]
      switch after.keyword {
      case .union, .intersect, .except, .order, .limit, .offset, .fetch: continue
      default:
        guard [.rightParenthesis, .semicolon, .endOfText].contains(after.kind) else { return false }
      }
    }
    return true
  }

  // MARK: WITH

  /// Grammar: with
  private mutating func parseWith() throws(SyntaxFailure) -> WithClause {
    let start = index
    try expect(.with)
    let isRecursive = accept(.recursive)
    let tables = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseCommonTable() }
    return WithClause(isRecursive: isRecursive, tables: tables, range: range(from: start))
  }

  /// Grammar: commonTable
  private mutating func parseCommonTable() throws(SyntaxFailure) -> CommonTable {
    let start = index
    let name = try parseIdentifier()
    let columns = at(.leftParenthesis) ? try parseIdentifierList() : []
    try expect(.as)
    let query = try parseParenthesizedQuery()
    return CommonTable(name: name, columns: columns, query: query, range: range(from: start))
  }

  // MARK: Set operations

  /// UNION and EXCEPT from left to right.
  ///
  /// Grammar: queryBody
  private mutating func parseQueryBody() throws(SyntaxFailure) -> QueryBody {
    let start = index
    var left = try parseIntersection()
    while let keyword = acceptAny([.union, .except]) {
      let kind: SetOperationClause.Kind = keyword == .union ? .union : .except
      let (quantifier, isCorresponding) = parseSetOperationOptions()
      let right = try parseIntersection()
      left = try joined(left, right, kind, quantifier, isCorresponding, start)
    }
    return left
  }

  /// INTERSECT binds tighter.
  ///
  /// Grammar: intersection
  private mutating func parseIntersection() throws(SyntaxFailure) -> QueryBody {
    let start = index
    var left = try parseQueryTerm()
    while accept(.intersect) {
      let (quantifier, isCorresponding) = parseSetOperationOptions()
      let right = try parseQueryTerm()
      left = try joined(left, right, .intersect, quantifier, isCorresponding, start)
    }
    return left
  }

  /// Grammar: setOperationOptions
  private mutating func parseSetOperationOptions() -> (SetQuantifier, isCorresponding: Bool) {
    let quantifier: SetQuantifier = accept(.all) ? .all : .distinct
    if quantifier == .distinct { _ = accept(.distinct) }
    return (quantifier, accept(.corresponding))
  }

  /// Adds an operand to a chain of the same operation, or starts a new node.
  private mutating func joined(
    _ left: QueryBody, _ right: QueryBody, _ kind: SetOperationClause.Kind, _ quantifier: SetQuantifier,
    _ isCorresponding: Bool, _ start: Int
  ) throws(SyntaxFailure) -> QueryBody {
    let range = range(from: start)
    if case .setOperation(var chain) = left.kind, chain.kind == kind, chain.quantifier == quantifier,
      chain.isCorresponding == isCorresponding
    {
      chain.operands.append(right)
      return QueryBody(.setOperation(chain), range: range)
    }
    try growHeight()
    let operation = SetOperationClause(
      kind: kind, quantifier: quantifier, operands: [left, right], isCorresponding: isCorresponding)
    return QueryBody(.setOperation(operation), range: range)
  }

  /// Grammar: queryTerm
  private mutating func parseQueryTerm() throws(SyntaxFailure) -> QueryBody {
    let start = index
    switch token.keyword {
    case .select: return body(.select(try parseSelect()), start)
    case .values: return body(.values(try parseValues()), start)
    case .table: return body(.table(try parseTableQuery()), start)
    default:
      if at(.leftParenthesis) { return body(.parenthesized(try parseParenthesizedQuery()), start) }
      for keyword in [Keyword.select, .values, .table, .with] { note(.keyword(keyword)) }
      note(.symbol(.leftParenthesis))
      throw mismatch()
    }
  }

  /// Mutating for the same reason as `node`.
  private mutating func body(_ kind: QueryBodyKind, _ start: Int) -> QueryBody { QueryBody(kind, range: range(from: start)) }

  /// Grammar: tableQuery
  private mutating func parseTableQuery() throws(SyntaxFailure) -> QualifiedName {
    advance()
    return try parseQualifiedName()
  }

  /// Grammar: values
  private mutating func parseValues() throws(SyntaxFailure) -> [Expression] {
    advance()
    return try parseExpressions()
  }

  // MARK: SELECT

  /// Grammar: select
  private mutating func parseSelect() throws(SyntaxFailure) -> SelectClause {
    advance()
    var select = SelectClause(items: [])
    if !(at(.all) && peek(1).keyword == .from) { select.quantifier = parseSetQuantifier() }
    repeat { select.items.append(try parseSelectItem()) } while accept(.comma)
    if accept(.from) {
      repeat { select.from.append(try parseRelation()) } while accept(.comma)
    }
    try parseSelectTail(of: &select)
    return select
  }

  /// What follows FROM.
  ///
  /// Grammar: selectTail
  private mutating func parseSelectTail(of select: inout SelectClause) throws(SyntaxFailure) {
    select.filter = try parseWhere()
    if at(.group) { select.groupBy = try parseGroupBy() } else { note(.keyword(.group)) }
    if accept(.having) { select.having = try parseExpression() }
    if isAtWindowClause { select.windows = try parseWindows() }
    if accept(.qualify) { select.qualify = try parseExpression() }
  }

  /// Grammar: selectItem
  private mutating func parseSelectItem() throws(SyntaxFailure) -> SelectItem {
    let start = index
    if accept(.asterisk) { return SelectItem(.allColumns(of: nil, aliases: []), range: range(from: start)) }
    note(.rule("expression"))
    let expression = try parseExpression()
    return try parseRestOfItem(expression, start)
  }

  /// `.* [AS (a, b)]`, or an alias.
  ///
  /// Grammar: selectItem
  private mutating func parseRestOfItem(_ expression: Expression, _ start: Int) throws(SyntaxFailure) -> SelectItem {
    if at(.dot), peek(1).kind == .asterisk {
      advance()
      advance()
      let aliases = accept(.as) ? try parseIdentifierList() : []
      return SelectItem(.allColumns(of: expression, aliases: aliases), range: range(from: start))
    }
    let alias = try parseAlias()
    return SelectItem(.expression(expression, alias: alias), range: range(from: start))
  }

  /// `[AS] name`, or nothing.
  ///
  /// Grammar: alias
  mutating func parseAlias() throws(SyntaxFailure) -> Identifier? {
    if accept(.as) { return try parseIdentifier() }
    guard isAtBareAlias else {
      note(.rule("identifier"))
      return nil
    }
    return try parseIdentifier()
  }

  /// Whether the current token is a name that needs no AS, rather than the beginning of the next clause.
  var isAtBareAlias: Bool {
    guard isAtIdentifier else { return false }
    let next = peek(1)
    switch token.keyword {
    case .limit: return !(next.keyword == .all || isRowCount(next))
    case .offset: return !isRowCount(next)
    case .fetch: return ![.first, .next].contains(next.keyword)
    case .window: return !isAtWindowClause
    case .tablesample, .pivot, .matchRecognize: return next.kind != .leftParenthesis && ![.bernoulli, .system].contains(next.keyword)
    case .unpivot: return next.kind != .leftParenthesis && ![.include, .exclude].contains(next.keyword)
    case .qualify:
      // Otherwise an expression follows.
      let isFollowedByClause = [.from, .where, .group, .having, .order, .union, .except, .intersect].contains(next.keyword)
      return isFollowedByClause || [.comma, .rightParenthesis, .semicolon, .endOfText].contains(next.kind)
    case .lateral: return next.keyword != .view
    default: return true
    }
  }

  private func isRowCount(_ token: Token) -> Bool {
    switch token.kind {
    case .integer, .decimal, .double, .digitIdentifier, .questionMark, .colon, .minus: true
    default: false
    }
  }

  private var isAtWindowClause: Bool {
    at(.window) && isIdentifier(peek(1)) && peek(2).keyword == .as && peek(3).kind == .leftParenthesis
  }

  /// Grammar: windows
  private mutating func parseWindows() throws(SyntaxFailure) -> [NamedWindow] {
    advance()
    return try list { (parser: inout Parser) throws(SyntaxFailure) in
      let name = try parser.parseIdentifier()
      try parser.expect(.as)
      return NamedWindow(name: name, specification: try parser.parseWindowSpecification())
    }
  }

  // MARK: GROUP BY

  /// Grammar: groupBy
  private mutating func parseGroupBy() throws(SyntaxFailure) -> GroupByClause {
    let start = index
    try expect(.group, .by)
    let quantifier = parseSetQuantifier()
    let elements = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseGroupingElement() }
    return GroupByClause(quantifier: quantifier, elements: elements, range: range(from: start))
  }

  /// Grammar: groupingElement
  private mutating func parseGroupingElement() throws(SyntaxFailure) -> GroupingElement {
    if accept(.rollup) { return .rollup(try parseGroupingSets()) }
    if accept(.cube) { return .cube(try parseGroupingSets()) }
    if accept(.grouping, .sets) {
      // An element may hold further elements.
      try enterNesting()
      let elements = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseGroupingElement() }
      leaveNesting()
      return .groupingSets(elements)
    }
    return .simple(try parseGroupingSet())
  }

  /// Grammar: groupingSets
  private mutating func parseGroupingSets() throws(SyntaxFailure) -> [[Expression]] {
    try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseGroupingSet() }
  }

  /// `(a, b)`, `()` or one expression.
  ///
  /// Grammar: groupingSet
  private mutating func parseGroupingSet() throws(SyntaxFailure) -> [Expression] {
    guard isAtGroupingSet else { return [try parseExpression()] }
    try expect(.leftParenthesis)
    if accept(.rightParenthesis) { return [] }
    let elements = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseExpression() }
    try expect(.rightParenthesis)
    return elements
  }

  /// A parenthesis that holds a whole element, not the beginning of an expression such as `(a + b) * 2`.
  private var isAtGroupingSet: Bool {
    guard at(.leftParenthesis), closing[index] >= 0, !startsQuery(at: index + 1) else { return false }
    let after = tokens[Int(closing[index]) + 1]
    if [.comma, .rightParenthesis, .semicolon, .endOfText].contains(after.kind) { return true }
    switch after.keyword {
    case .having, .window, .qualify, .order, .limit, .offset, .fetch, .union, .intersect, .except, .with: return true
    default: return false
    }
  }

  // MARK: Row limits

  /// `[OFFSET n [ROW | ROWS]] [LIMIT n | FETCH …]`
  ///
  /// Grammar: rowLimits
  private mutating func parseRowLimits(of query: inout Query) throws(SyntaxFailure) {
    if accept(.offset) {
      query.offset = try parseRowCount()
      _ = acceptAny([.row, .rows])
    }
    if accept(.limit) {
      query.limit = accept(.all) ? .all : .rows(try parseRowCount())
      if at(.comma) { throw limitPair() }
    } else if accept(.fetch) {
      query.limit = try parseFetch()
    }
  }

  private func limitPair() -> SyntaxFailure {
    let first = text(of: previous.range)
    return failure("mismatched input ','", at: token.range, hint: "write OFFSET \(first) LIMIT n instead of LIMIT \(first), n")
  }

  /// After FETCH.
  ///
  /// Grammar: fetch
  private mutating func parseFetch() throws(SyntaxFailure) -> LimitClause {
    _ = try expectAny([.first, .next])
    let count = at(.row) || at(.rows) ? nil : try parseRowCount()
    _ = try expectAny([.row, .rows])
    let withTies = accept(.with)
    try expect(withTies ? .ties : .only)
    return .fetch(count, withTies: withTies)
  }

  /// Grammar: rowCount
  private mutating func parseRowCount() throws(SyntaxFailure) -> Expression {
    if at(.questionMark) || at(.colon) { return try parseParameter() }
    note(.symbol(.questionMark))
    let number = try parseInteger()
    return Expression(.number(number), range: number.range)
  }
}
