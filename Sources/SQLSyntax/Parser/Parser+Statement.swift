// Which statement it is, and the statements about the session.

extension Parser {
  private static let statementKeywords: [Keyword] = [
    .select, .with, .values, .table, .insert, .update, .delete, .merge, .create, .alter, .drop, .show, .describe, .desc, .explain,
    .optimize, .vacuum, .unload, .prepare, .execute, .deallocate, .call, .use, .set, .reset, .start, .begin, .commit, .rollback,
    .analyze, .comment, .msck, .truncate, .replace, .refresh,
  ]

  var isAtStatementStart: Bool {
    at(.leftParenthesis) || (token.keyword.map { Self.statementKeywords.contains($0) } ?? false)
  }

  /// Grammar: statement
  mutating func parseStatement() throws(SyntaxFailure) -> Statement {
    parameterCount = 0
    return try parseNestedStatement()
  }

  /// A statement within EXPLAIN or PREPARE, whose parameters go on counting.
  ///
  /// Grammar: statement
  private mutating func parseNestedStatement() throws(SyntaxFailure) -> Statement {
    let start = index
    try enterNesting(2)
    let kind = try parseStatementKind()
    leaveNesting(2)
    return Statement(kind, range: range(from: start), parameterCount: parameterCount)
  }

  /// Grammar: statement
  private mutating func parseStatementKind() throws(SyntaxFailure) -> StatementKind {
    switch token.keyword {
    case .select, .with, .values, .table: return .query(try parseQuery())
    case _ where at(.leftParenthesis): return .query(try parseQuery())
    case .insert: return .insert(try parseInsert())
    case .update: return .update(try parseUpdate())
    case .delete: return .delete(try parseDelete())
    case .merge: return .merge(try parseMerge())
    case .truncate: return .truncate(try parseTruncate())
    case .unload: return .unload(try parseUnload())
    case .optimize: return .optimize(try parseOptimize())
    case .vacuum: return .vacuum(try parseVacuum())
    case .analyze: return .analyze(try parseAnalyze())
    case .msck: return try parseRepair()
    case .create, .replace: return try parseCreate()
    case .alter: return try parseAlter()
    case .drop: return try parseDrop()
    case .comment: return .comment(try parseCommentOn())
    case .show: return .show(try parseShow())
    case .describe, .desc: return try parseDescribe()
    case .refresh: return .refresh(try parseRefresh())
    default: return try parseSessionStatement()
    }
  }

  /// Grammar: statement
  private mutating func parseSessionStatement() throws(SyntaxFailure) -> StatementKind {
    switch token.keyword {
    case .explain: return .explain(try parseExplain())
    case .prepare: return try parsePrepare()
    case .execute: return try parseExecute()
    case .deallocate: return .deallocate(try parseDeallocate())
    case .call: return .call(try parseCall())
    case .use: return .use(try parseUse())
    case .set: return try parseSet()
    case .reset: return .resetSession(try parseReset())
    case .start, .begin: return .startTransaction(try parseStartTransaction())
    case .commit, .rollback: return try parseEndOfTransaction()
    default:
      for keyword in Self.statementKeywords { note(.keyword(keyword)) }
      throw mismatch()
    }
  }

  // MARK: EXPLAIN

  /// Grammar: explain
  private mutating func parseExplain() throws(SyntaxFailure) -> ExplainStatement {
    advance()
    let isAnalyze = accept(.analyze)
    let isVerbose = isAnalyze && accept(.verbose)
    var explain = ExplainStatement(
      isAnalyze: isAnalyze, isVerbose: isVerbose, format: nil, type: nil, statement: Statement(.commit))
    if at(.leftParenthesis), [.format, .type].contains(peek(1).keyword) {
      _ = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseExplainOption(&explain) }
    }
    explain.statement = try parseNestedStatement()
    return explain
  }

  /// Grammar: explainOption
  private mutating func parseExplainOption(_ explain: inout ExplainStatement) throws(SyntaxFailure) {
    if accept(.format) {
      explain.format = ExplainStatement.Format(rawValue: try expectAny([.text, .graphviz, .json]).rawValue)
    } else {
      try expect(.type)
      explain.type = ExplainStatement.PlanType(rawValue: try expectAny([.logical, .distributed, .validate, .io]).rawValue)
    }
  }

  // MARK: Prepared statements

  /// Grammar: prepare
  private mutating func parsePrepare() throws(SyntaxFailure) -> StatementKind {
    advance()
    let name = try parseIdentifier()
    try expect(.from)
    return .prepare(name, try parseNestedStatement())
  }

  /// Grammar: execute
  private mutating func parseExecute() throws(SyntaxFailure) -> StatementKind {
    advance()
    if at(.immediate), peek(1).kind == .string || peek(1).kind == .unicodeString {
      advance()
      let text = try parseString()
      return .executeImmediate(text, try parseUsing())
    }
    let name = try parseIdentifier()
    return .execute(name, try parseUsing())
  }

  /// Grammar: using
  private mutating func parseUsing() throws(SyntaxFailure) -> [Expression] {
    guard accept(.using) else { return [] }
    return try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseExpression() }
  }

  /// Grammar: deallocate
  private mutating func parseDeallocate() throws(SyntaxFailure) -> Identifier {
    advance()
    try expect(.prepare)
    return try parseIdentifier()
  }

  // MARK: Session

  /// Grammar: call
  private mutating func parseCall() throws(SyntaxFailure) -> CallStatement {
    advance()
    let name = try parseQualifiedName()
    try expect(.leftParenthesis)
    var arguments: [CallArgument] = []
    if !at(.rightParenthesis) {
      arguments = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseCallArgument() }
    }
    try expect(.rightParenthesis)
    return CallStatement(name: name, arguments: arguments)
  }

  /// Grammar: use
  private mutating func parseUse() throws(SyntaxFailure) -> QualifiedName {
    advance()
    return try parseQualifiedName()
  }

  /// Grammar: set
  private mutating func parseSet() throws(SyntaxFailure) -> StatementKind {
    advance()
    if at(.time), peek(1).keyword == .zone {
      advance()
      advance()
      return .setTimeZone(accept(.local) ? nil : try parseValueExpression())
    }
    if at(.session), peek(1).kind != .equal, peek(1).kind != .dot { advance() }
    let name = try parseQualifiedName()
    try expect(.equal)
    return .setSession(name, try parseExpression())
  }

  /// Grammar: reset
  private mutating func parseReset() throws(SyntaxFailure) -> QualifiedName {
    advance()
    if at(.session), peek(1).kind != .dot, peek(1).kind != .endOfText, peek(1).kind != .semicolon { advance() }
    return try parseQualifiedName()
  }

  // MARK: Transactions

  /// Grammar: startTransaction
  private mutating func parseStartTransaction() throws(SyntaxFailure) -> TransactionMode {
    var mode = TransactionMode(isReadOnly: nil, isolation: nil)
    if advance().keyword == .begin {
      _ = acceptAny([.transaction, .work])
      return mode
    }
    try expect(.transaction)
    guard at(.read) || at(.isolation) else {
      note(.keyword(.read))
      note(.keyword(.isolation))
      return mode
    }
    _ = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseTransactionMode(&mode) }
    return mode
  }

  /// Grammar: transactionMode
  private mutating func parseTransactionMode(_ mode: inout TransactionMode) throws(SyntaxFailure) {
    if accept(.read) {
      mode.isReadOnly = try expectAny([.only, .write]) == .only
      return
    }
    try expect(.isolation, .level)
    switch try expectAny([.serializable, .repeatable, .read]) {
    case .serializable: mode.isolation = .serializable
    case .repeatable:
      try expect(.read)
      mode.isolation = .repeatableRead
    default: mode.isolation = try expectAny([.committed, .uncommitted]) == .committed ? .readCommitted : .readUncommitted
    }
  }

  /// Grammar: endOfTransaction
  private mutating func parseEndOfTransaction() throws(SyntaxFailure) -> StatementKind {
    let isCommit = advance().keyword == .commit
    _ = acceptAny([.work, .transaction])
    return isCommit ? .commit : .rollback
  }
}
