package import SQLSyntax

/// What runs the statements of a script: this engine's `Session`, or a `RemoteSession`.
package protocol ScriptSession: AnyObject, Sendable {
  /// Runs one statement, as `Session.run` does.
  func run(_ statement: ScriptStatement) async throws(SQLError) -> StatementResult
  /// Stops the running statement; it fails with USER_CANCELED.
  func cancel()
  /// How far the running (or last) statement is.
  var progress: Progress { get }
  var transactionState: Session.TransactionState { get }
  /// - Returns: whether there was a transaction to roll back.
  @discardableResult func close() async -> Bool
  /// Words that a prompt can complete.
  func completionWords() async -> [String]
  /// What is known to be refused before anything runs, each with its place.
  func refusals(of statements: [ScriptStatement]) -> [SQLError]
  /// What the statement that ended last costs on Athena: what it would have cost, where it ran here. Nil for what costs nothing there.
  func scanCost(of statement: ScriptStatement) -> ScanCost?
}

extension ScriptSession {
  /// The statements of a script in order. A script runs up to its first mistake: the last one may be no statement, which running it says.
  package func statements(in script: String) -> [ScriptStatement] { ScriptStatement.all(in: script) }

  /// Whether a text at a prompt is finished: it ends in `;` outside quotes and comments.
  package func isComplete(_ text: String) -> Bool { ScriptSplitter.isComplete(text) }
}

extension Session: ScriptSession {
  package func refusals(of statements: [ScriptStatement]) -> [SQLError] { [] }

  package func scanCost(of statement: ScriptStatement) -> ScanCost? { statement.cost(bytesScanned: progress.bytesRead, isAthenas: false) }
}

extension ScriptStatement {
  static func all(in script: String) -> [ScriptStatement] {
    let (parsed, mistake) = Parser.parseToFirstMistake(script)
    var statements = parsed.map { ScriptStatement(script: script, range: $0.range, content: .statement($0.statement)) }
    if let mistake {
      statements.append(
        ScriptStatement(script: script, range: mistake.range ?? SourceRange(0, script.utf8.count), content: .mistake(mistake)))
    }
    return statements
  }

  /// The statement of a text that is exactly one.
  static func only(in sql: String) throws(SQLError) -> ScriptStatement {
    let statements = all(in: sql)
    if case .mistake(let mistake)? = statements.last?.content { throw mistake }
    guard let statement = statements.first, statements.count == 1 else {
      throw SQLError(
        .syntaxError, statements.isEmpty ? "There is no statement" : "Only one sql statement is allowed",
        range: statements.dropFirst().first?.range)
    }
    return statement
  }
}
