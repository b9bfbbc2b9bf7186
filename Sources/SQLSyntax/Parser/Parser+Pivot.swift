// PIVOT and UNPIVOT.

extension Parser {
  /// Grammar: pivot
  mutating func parsePivot() throws(SyntaxFailure) -> PivotClause {
    let start = index
    try expect(.pivot)
    try expect(.leftParenthesis)
    let aggregates = try list { (parser: inout Parser) throws(SyntaxFailure) in
      let call = try parser.parseExpression()
      return PivotAggregate(call: call, alias: try parser.parseAlias())
    }
    try expect(.for)
    let columns = try parsePivotColumns()
    try expect(.in)
    let values = try parsePivotValues()
    var groupBy: [Expression] = []
    if accept(.group) {
      try expect(.by)
      groupBy = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseExpression() }
    }
    try expect(.rightParenthesis)
    return PivotClause(aggregates: aggregates, columns: columns, values: values, groupBy: groupBy, range: range(from: start))
  }

  /// `c` or `(c, d)`
  ///
  /// Grammar: pivotColumns
  private mutating func parsePivotColumns() throws(SyntaxFailure) -> [QualifiedName] {
    guard at(.leftParenthesis) else { return [try parseQualifiedName()] }
    return try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseQualifiedName() }
  }

  /// Grammar: pivotValues
  private mutating func parsePivotValues() throws(SyntaxFailure) -> PivotValues {
    if startsQuery(at: index + 1) { return .query(try parseParenthesizedQuery()) }
    try expect(.leftParenthesis)
    let values: PivotValues
    if at(.any), peek(1).kind == .rightParenthesis || peek(1).keyword == .order {
      advance()
      values = .any(orderBy: try parseOrderBy())
    } else {
      note(.keyword(.any))
      values = .list(
        try list { (parser: inout Parser) throws(SyntaxFailure) in
          let value = try parser.parseExpression()
          return PivotValue(value: value, alias: try parser.parseAlias())
        })
    }
    try expect(.rightParenthesis)
    return values
  }

  /// Grammar: unpivot
  mutating func parseUnpivot() throws(SyntaxFailure) -> UnpivotClause {
    let start = index
    try expect(.unpivot)
    var includesNulls = false
    if let keyword = acceptAny([.include, .exclude]) {
      try expect(.nulls)
      includesNulls = keyword == .include
    }
    try expect(.leftParenthesis)
    let valueColumns = at(.leftParenthesis) ? try parseIdentifierList() : [try parseIdentifier()]
    try expect(.for)
    let nameColumn = try parseIdentifier()
    try expect(.in)
    let sources = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseUnpivotSource() }
    try expect(.rightParenthesis)
    return UnpivotClause(
      includesNulls: includesNulls, valueColumns: valueColumns, nameColumn: nameColumn, sources: sources,
      range: range(from: start))
  }

  /// `column [[AS] label]`, `(a, b) [[AS] label]`; the label is a name or a text.
  ///
  /// Grammar: unpivotSource
  private mutating func parseUnpivotSource() throws(SyntaxFailure) -> UnpivotSource {
    let columns = try parsePivotColumns()
    let hasKeyword = accept(.as)
    if isAtString { return UnpivotSource(columns: columns, label: try parseString()) }
    guard hasKeyword || isAtIdentifier else { return UnpivotSource(columns: columns, label: nil) }
    let name = try parseIdentifier()
    return UnpivotSource(columns: columns, label: StringLiteral(value: name.spelling, range: name.range))
  }
}
