// INSERT, UPDATE, DELETE, MERGE, TRUNCATE, UNLOAD, and the maintenance statements.

extension Parser {
  /// Grammar: insert
  mutating func parseInsert() throws(SyntaxFailure) -> InsertStatement {
    advance()
    let isOverwrite = try expectAny([.into, .overwrite]) == .overwrite
    if isOverwrite { _ = accept(.into) }
    if at(.table), isIdentifier(peek(1)) { advance() }
    let table = try parseQualifiedName()
    let partition = at(.partition) ? try parsePartitionSpecification() : nil
    if !at(.partition) { note(.keyword(.partition)) }
    let hasColumns = at(.leftParenthesis) && !startsQuery(at: index)
    let columns = hasColumns ? try parseIdentifierList() : []
    let query = try parseQuery()
    return InsertStatement(table: table, isOverwrite: isOverwrite, partition: partition, columns: columns, query: query)
  }

  /// Grammar: update
  mutating func parseUpdate() throws(SyntaxFailure) -> UpdateStatement {
    advance()
    let table = try parseQualifiedName()
    let alias = try parseTargetAlias()
    try expect(.set)
    let assignments = try parseAssignments()
    return UpdateStatement(table: table, alias: alias, assignments: assignments, filter: try parseWhere())
  }

  /// Grammar: delete
  mutating func parseDelete() throws(SyntaxFailure) -> DeleteStatement {
    advance()
    try expect(.from)
    let table = try parseQualifiedName()
    let alias = try parseTargetAlias()
    return DeleteStatement(table: table, alias: alias, filter: try parseWhere())
  }

  /// An alias of the table that is changed; SET begins the next clause.
  ///
  /// Grammar: targetAlias
  private mutating func parseTargetAlias() throws(SyntaxFailure) -> Identifier? {
    at(.set) ? nil : try parseAlias()
  }

  /// Grammar: where
  mutating func parseWhere() throws(SyntaxFailure) -> Expression? {
    accept(.where) ? try parseExpression() : nil
  }

  /// Grammar: assignments
  private mutating func parseAssignments() throws(SyntaxFailure) -> [Assignment] {
    try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseAssignment() }
  }

  /// Grammar: assignment
  private mutating func parseAssignment() throws(SyntaxFailure) -> Assignment {
    let start = index
    let target = try parseQualifiedName()
    try expect(.equal)
    let value = try parseExpression()
    return Assignment(target: target, value: value, range: range(from: start))
  }

  // MARK: MERGE

  /// Grammar: merge
  mutating func parseMerge() throws(SyntaxFailure) -> MergeStatement {
    advance()
    try expect(.into)
    let target = try parseQualifiedName()
    let alias = try parseTargetAlias()
    try expect(.using)
    let source = try parseRelation()
    try expect(.on)
    let condition = try parseExpression()
    var clauses: [MergeClause] = []
    repeat { clauses.append(try parseMergeClause()) } while at(.when)
    note(.keyword(.when))
    return MergeStatement(target: target, alias: alias, source: source, condition: condition, clauses: clauses)
  }

  /// Grammar: mergeClause
  private mutating func parseMergeClause() throws(SyntaxFailure) -> MergeClause {
    let start = index
    try expect(.when)
    let match = try parseMergeMatch()
    let condition = accept(.and) ? try parseExpression() : nil
    try expect(.then)
    let action: MergeClause.Action
    switch try expectAny(match == .notMatched ? [.insert] : [.update, .delete]) {
    case .update: action = try parseMergeUpdate()
    case .delete: action = .delete
    default: action = try parseMergeInsert()
    }
    return MergeClause(match: match, condition: condition, action: action, range: range(from: start))
  }

  /// Grammar: mergeMatch
  private mutating func parseMergeMatch() throws(SyntaxFailure) -> MergeClause.Match {
    let isNegated = accept(.not)
    try expect(.matched)
    guard isNegated else { return .matched }
    guard accept(.by) else { return .notMatched }
    return try expectAny([.source, .target]) == .source ? .notMatchedBySource : .notMatched
  }

  /// `SET a = e, …`, `SET *`, and `SET target.* = source.*`, which means the same.
  ///
  /// Grammar: mergeUpdate
  private mutating func parseMergeUpdate() throws(SyntaxFailure) -> MergeClause.Action {
    try expect(.set)
    if accept(.asterisk) { return .updateAll }
    if isAtIdentifier, peek(1).kind == .dot, peek(2).kind == .asterisk {
      for _ in 0..<3 { advance() }
      try expect(.equal)
      _ = try parseIdentifier()
      try expect(.dot)
      try expect(.asterisk)
      return .updateAll
    }
    return .update(try parseAssignments())
  }

  /// Grammar: mergeInsert
  private mutating func parseMergeInsert() throws(SyntaxFailure) -> MergeClause.Action {
    if accept(.asterisk) { return .insertAll }
    var columns: [QualifiedName] = []
    if at(.leftParenthesis) {
      columns = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseQualifiedName() }
    }
    try expect(.values)
    return .insert(columns: columns, values: try parseExpressionList())
  }

  // MARK: Whole tables

  /// Grammar: truncate
  mutating func parseTruncate() throws(SyntaxFailure) -> QualifiedName {
    advance()
    try expect(.table)
    return try parseQualifiedName()
  }

  /// Grammar: unload
  mutating func parseUnload() throws(SyntaxFailure) -> UnloadStatement {
    advance()
    let query = try parseParenthesizedQuery()
    try expect(.to)
    let location = try parseString()
    let properties = accept(.with) ? try parseExpressionProperties() : []
    return UnloadStatement(query: query, location: location, properties: properties)
  }

  /// Grammar: optimize
  mutating func parseOptimize() throws(SyntaxFailure) -> OptimizeStatement {
    advance()
    let table = try parseQualifiedName()
    try expect(.rewrite, .data, .using, .binPack)
    return OptimizeStatement(table: table, filter: try parseWhere())
  }

  /// Grammar: vacuum
  mutating func parseVacuum() throws(SyntaxFailure) -> QualifiedName {
    advance()
    return try parseQualifiedName()
  }

  /// Grammar: analyze
  mutating func parseAnalyze() throws(SyntaxFailure) -> AnalyzeStatement {
    advance()
    _ = accept(.table)
    var analyze = AnalyzeStatement(name: try parseQualifiedName(), properties: [], partition: nil, scope: .table)
    if accept(.with) { analyze.properties = try parseExpressionProperties() }
    if at(.partition) { analyze.partition = try parsePartitionSpecification() }
    guard accept(.compute) else { return analyze }
    try expect(.statistics)
    if accept(.noscan) {
      analyze.scope = .noScan
    } else if accept(.for) {
      if accept(.all) {
        try expect(.columns)
        analyze.scope = .allColumns
      } else {
        try expect(.columns)
        analyze.scope = .columns(
          try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseAnyName() })
      }
    }
    return analyze
  }

  /// Grammar: repair
  mutating func parseRepair() throws(SyntaxFailure) -> StatementKind {
    advance()
    try expect(.repair, .table)
    let name = try parseQualifiedName()
    guard let keyword = acceptAny([.add, .drop, .sync]) else { return .repairTable(name, nil) }
    try expect(.partitions)
    return .repairTable(name, RepairMode(rawValue: keyword.rawValue))
  }
}
