import Columnar
import Planner
import SQLSyntax

/// What PREPARE keeps.
struct PreparedStatement: Sendable {
  let statement: Statement
  /// The script that the ranges of the statement count in.
  let script: String
}

/// EXECUTE and EXECUTE IMMEDIATE.
extension StatementRunner {
  /// - Parameter text: one statement; its errors say where in the text.
  func runImmediate(_ text: StringLiteral, _ arguments: [Expression]) async throws -> StatementResult {
    let source = SourceText(text.value)
    let place: @Sendable (SourceRange?) -> String = { range in
      "EXECUTE IMMEDIATE: " + (range.map { "\(source.location(of: $0.lowerBound)): " } ?? "")
    }
    let statement: Statement
    do throws(SQLError) {
      statement = try Parser.parseStatement(text.value)
    } catch {
      throw SQLError(error.code, place(error.range) + error.message, range: text.range, hint: error.hint)
    }
    return try await runPrepared(PreparedStatement(statement: statement, script: text.value), arguments, range: text.range, place: place)
  }

  /// - Parameters:
  ///   - range: what errors point at: the prepared text is usually not the script that runs now.
  ///   - place: what to put before the message of an error at a range of the prepared text.
  func runPrepared(
    _ prepared: PreparedStatement, _ arguments: [Expression], range: SourceRange, place: @escaping @Sendable (SourceRange?) -> String
  ) async throws -> StatementResult {
    guard arguments.count == prepared.statement.parameterCount else {
      throw SQLError(
        .invalidParameterUsage,
        "Incorrect number of parameters: expected \(prepared.statement.parameterCount) but found \(arguments.count)", range: range)
    }
    let binder = Binder(relations: ResolvedRelations(), settings: binderSettings())
    var values: [Scalar] = []
    for argument in arguments { values.append(try binder.evaluateConstant(argument)) }
    let outer: @Sendable (SQLError) -> SQLError = { error in
      SQLError(
        error.code, place(error.range) + error.message, range: range, hint: error.hint, cause: error.cause, isRetryable: error.isRetryable)
    }
    do {
      var inner = StatementRunner(session: session, context: context, script: prepared.script)
      inner.notes = notes
      let result = try await inner.run(prepared.statement, parameters: values)
      return StatementResult(
        columns: result.columns, rows: result.rows.mapErrors(outer), rowsAffected: result.rowsAffected, notes: result.notes)
    } catch {
      throw outer(SQLError(wrapping: error))
    }
  }

  /// A statement of the script, whose `?` have the values that the session was given.
  func runWithSessionParameters(_ statement: Statement) async throws -> StatementResult {
    if case .prepare = statement.kind { return try await run(statement) }
    guard statement.parameterCount > 0 else { return try await run(statement) }
    let values = session.parameters.positional
    guard values.count == statement.parameterCount else {
      throw SQLError(
        .invalidParameterUsage, "Incorrect number of parameters: expected \(statement.parameterCount) but found \(values.count)",
        range: statement.range, hint: "PREPARE and EXECUTE ... USING give values to ?, or --param 1=... on the command line.")
    }
    return try await run(statement, parameters: values)
  }

  private func run(_ statement: Statement, parameters: [Scalar]) async throws -> StatementResult {
    if parameters.isEmpty { return try await run(statement) }
    try checkStrict(statement)
    try checkTransaction(statement)
    switch statement.kind {
    case .query(let query): return try await runQuery(query, parameters: parameters)
    case .explain(let explain): return try await runExplain(explain, parameters: parameters)
    case .unload(let unload): return try await runUnload(unload, parameters: parameters)
    case .insert(let insert):
      return try await repeatingOnConflict { try await runInsert(insert, parameters: parameters, range: statement.range) }
    case .createTable(let create) where create.query != nil:
      return try await repeatingOnConflict { try await runCreateTable(create, parameters: parameters, range: statement.range) }
    case .delete, .update, .merge: return try await repeatingOnConflict { try await runRowChange(statement, parameters: parameters) }
    default: throw SQLError.notSupported("Parameters in \(statement.kindName) are not supported", range: statement.range)
    }
  }
}
