// Calls with their clauses, windows and sort items.

extension Parser {
  /// A call whose name was read; the current token is its `(`.
  ///
  /// Grammar: functionCall
  mutating func parseFunctionCall(_ name: QualifiedName, _ start: Int) throws(SyntaxFailure) -> Expression {
    var call = FunctionCall(name: name)
    try enterNesting()
    try expect(.leftParenthesis)
    if at(.asterisk), peek(1).kind == .rightParenthesis {
      advance()
      call.isStar = true
    } else if !at(.rightParenthesis) {
      try parseArguments(into: &call)
    }
    try expect(.rightParenthesis)
    try parseCallClauses(into: &call)
    leaveNesting()
    return node(.function(call), from: start)
  }

  /// Grammar: arguments
  private mutating func parseArguments(into call: inout FunctionCall) throws(SyntaxFailure) {
    if !at(.order, .by) {
      call.quantifier = parseSetQuantifier()
      repeat { call.arguments.append(try parseCallArgument()) } while accept(.comma)
    }
    call.orderBy = try parseOrderBy()
    if accept(.on, .overflow) { call.overflow = try parseListOverflow() }
  }

  /// `value` or `name => value`; procedures have arguments called `table` and the like.
  ///
  /// Grammar: callArgument
  mutating func parseCallArgument() throws(SyntaxFailure) -> CallArgument {
    if peek(1).kind == .doubleArrow {
      let name = try parseAnyName()
      advance()
      return CallArgument(try parseExpression(), name: name)
    }
    return CallArgument(try parseExpression())
  }

  /// Grammar: listOverflow
  private mutating func parseListOverflow() throws(SyntaxFailure) -> ListOverflow {
    if accept(.error) { return .error }
    try expect(.truncate)
    let filler = isAtString ? try parseString() : nil
    let count = try expectAny([.with, .without])
    try expect(.count)
    return .truncate(filler: filler, withCount: count == .with)
  }

  /// What may follow the arguments: WITHIN GROUP, FILTER, IGNORE NULLS, OVER.
  ///
  /// Grammar: callClauses
  private mutating func parseCallClauses(into call: inout FunctionCall) throws(SyntaxFailure) {
    if at(.within, .group) { try parseWithinGroup(into: &call) }
    if at(.filter), peek(1).kind == .leftParenthesis { try parseFilter(into: &call) }
    if at(.ignore, .nulls) || at(.respect, .nulls) {
      call.nullTreatment = advance().keyword == .ignore ? .ignore : .respect
      advance()
    }
    if at(.over), peek(1).kind == .leftParenthesis || isIdentifier(peek(1)) { try parseOver(into: &call) }
  }

  /// Grammar: withinGroup
  private mutating func parseWithinGroup(into call: inout FunctionCall) throws(SyntaxFailure) {
    try expect(.within, .group)
    try expect(.leftParenthesis)
    call.withinGroup = try parseRequiredOrderBy()
    try expect(.rightParenthesis)
  }

  /// Grammar: filter
  private mutating func parseFilter(into call: inout FunctionCall) throws(SyntaxFailure) {
    try expect(.filter)
    try expect(.leftParenthesis)
    try expect(.where)
    call.filter = try parseExpression()
    try expect(.rightParenthesis)
  }

  /// Grammar: over
  private mutating func parseOver(into call: inout FunctionCall) throws(SyntaxFailure) {
    try expect(.over)
    try enterNesting()
    defer { leaveNesting() }
    if at(.leftParenthesis) {
      call.over = .specification(try parseWindowSpecification())
    } else {
      call.over = .named(try parseIdentifier())
    }
  }

  /// Grammar: setQuantifier
  mutating func parseSetQuantifier() -> SetQuantifier? {
    if accept(.distinct) { return .distinct }
    // ALL may also be a column: `count(all)`.
    let next = peek(1).kind
    if at(.all), [.comma, .rightParenthesis, .dot].contains(next) { return nil }
    return accept(.all) ? .all : nil
  }

  // MARK: Order

  /// `ORDER BY item, …`, or nothing.
  ///
  /// Grammar: orderBy
  mutating func parseOrderBy() throws(SyntaxFailure) -> [OrderItem] {
    guard at(.order) else {
      note(.keyword(.order))
      return []
    }
    return try parseRequiredOrderBy()
  }

  /// Grammar: orderBy
  private mutating func parseRequiredOrderBy() throws(SyntaxFailure) -> [OrderItem] {
    try expect(.order, .by)
    var items = [try parseOrderItem()]
    while accept(.comma) { items.append(try parseOrderItem()) }
    return items
  }

  /// Grammar: orderItem
  mutating func parseOrderItem() throws(SyntaxFailure) -> OrderItem {
    let start = index
    let expression = try parseExpression()
    let isDescending = parseDirection()
    let nulls = try parseNullPlacement()
    return OrderItem(expression, isDescending: isDescending, nulls: nulls, range: range(from: start))
  }

  /// Grammar: direction
  mutating func parseDirection() -> Bool {
    if accept(.asc) { return false }
    return accept(.desc)
  }

  /// Grammar: nullPlacement
  mutating func parseNullPlacement() throws(SyntaxFailure) -> OrderItem.NullPlacement? {
    guard accept(.nulls) else { return nil }
    return try expectAny([.first, .last]) == .first ? .first : .last
  }

  // MARK: Windows

  /// Grammar: windowSpecification
  mutating func parseWindowSpecification() throws(SyntaxFailure) -> WindowSpecification {
    let start = index
    try expect(.leftParenthesis)
    let baseName = isAtBaseWindowName ? try parseIdentifier() : nil
    var partitionBy: [Expression] = []
    if accept(.partition) {
      try expect(.by)
      partitionBy = try parseExpressions()
    }
    let orderBy = try parseOrderBy()
    let frame = try parseFrame()
    try expect(.rightParenthesis)
    return WindowSpecification(
      baseName: baseName, partitionBy: partitionBy, orderBy: orderBy, frame: frame, range: range(from: start))
  }

  /// PARTITION, ROWS, RANGE and GROUPS are names when what follows does not continue their clause.
  private var isAtBaseWindowName: Bool {
    guard isAtIdentifier else { return false }
    let next = peek(1)
    switch token.keyword {
    case .partition: return next.keyword != .by
    case .rows, .range, .groups:
      return next.kind == .rightParenthesis || [.partition, .order, .rows, .range, .groups].contains(next.keyword)
    default: return true
    }
  }

  /// Grammar: frame
  private mutating func parseFrame() throws(SyntaxFailure) -> FrameClause? {
    let start = index
    guard let keyword = acceptAny([.rows, .range, .groups]), let unit = FrameClause.Unit(rawValue: keyword.rawValue) else {
      return nil
    }
    if accept(.between) {
      let first = try parseFrameBound()
      try expect(.and)
      let last = try parseFrameBound()
      return FrameClause(unit: unit, start: first, end: last, range: range(from: start))
    }
    return FrameClause(unit: unit, start: try parseFrameBound(), end: nil, range: range(from: start))
  }

  /// Grammar: frameBound
  private mutating func parseFrameBound() throws(SyntaxFailure) -> FrameClause.Bound {
    if accept(.current, .row) { return .currentRow }
    if at(.unbounded), [.preceding, .following].contains(peek(1).keyword) {
      advance()
      return advance().keyword == .preceding ? .unboundedPreceding : .unboundedFollowing
    }
    note(.keyword(.unbounded))
    let distance = try parseValueExpression()
    return try expectAny([.preceding, .following]) == .preceding ? .preceding(distance) : .following(distance)
  }
}
