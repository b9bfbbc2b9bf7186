import Columnar
import Functions
import Planner
public import SQLSyntax
import Storage
import Synchronization

/// A conversation with an engine elsewhere, statement by statement, with results as those of a `Session`.
///
/// The dialect is the same; what only Frazil has is found by `refusals` before anything is sent.
public final class RemoteSession: Sendable {
  private struct State {
    var call = RemoteCall()
    var parameters = StatementParameters()
  }

  private let remote: any RemoteEngine
  private let state = Mutex(State())

  init(_ remote: any RemoteEngine) { self.remote = remote }

  /// Values for `:name` and `?`: they are put into the text of the statements that follow.
  public func setParameters(_ parameters: StatementParameters) {
    var parameters = parameters
    parameters.named = Dictionary(parameters.named.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { _, last in last })
    let values = parameters
    state.withLock { $0.parameters = values }
  }

  /// Sends exactly one statement.
  public func run(_ sql: String) async throws(SQLError) -> StatementResult { try await run(try ScriptStatement.only(in: sql)) }

  /// Sends one statement of a script; what it means is the engine's to say. Rows come page by page while they are read.
  public func run(_ statement: ScriptStatement) async throws(SQLError) -> StatementResult {
    let parsed: Statement
    switch statement.content {
    case .statement(let content): parsed = content
    case .mistake(let mistake): throw mistake
    }
    let text = try text(of: parsed, statement)
    let isAsWritten = text == statement.text
    let located: @Sendable (SQLError) -> SQLError = { error in
      // A place in a text that has other values in it means nothing in the script.
      if error.code == .userCanceled { return error }
      if isAsWritten, error.range != nil { return error.shifted(by: statement.range.lowerBound) }
      var error = error
      error.range = statement.range
      return error
    }
    let call = RemoteCall()
    let previous = state.withLock { state in
      defer { state.call = call }
      return state.call
    }
    await previous.abandon()
    do throws(SQLError) {
      let result = try await withTaskCancellationHandler(
        operation: { () async -> Result<StatementResult, SQLError> in
          do throws(SQLError) { return .success(try await remote.run(text, parsed, call)) } catch { return .failure(error) }
        }, onCancel: { call.cancel() }
      ).get()
      let rows = result.rows.mapErrors(located)
      return StatementResult(columns: result.columns, rows: rows, rowsAffected: result.rowsAffected, notes: result.notes)
    } catch {
      await call.abandon()
      throw located(error)
    }
  }

  // MARK: Parameters

  /// The statement as it is sent: with the values of its parameters.
  private func text(of statement: Statement, _ written: ScriptStatement) throws(SQLError) -> String {
    let places = statement.parameterPlaces
    guard !places.isEmpty else { return written.text }
    let parameters = state.withLock { $0.parameters }
    let wanted = places.count { if case .positional = $0.parameter { true } else { false } }
    guard wanted == 0 || wanted == parameters.positional.count else {
      throw SQLError(
        .invalidParameterUsage, "Incorrect number of parameters: expected \(wanted) but found \(parameters.positional.count)",
        range: statement.range, hint: "--param 1=... gives values to ?.")
    }
    var text = ""
    var end = written.range.lowerBound
    for place in places {
      let value: String
      switch place.parameter {
      case .positional(let index) where index < parameters.positional.count: value = parameters.positional[index]
      case .named(let name):
        guard let known = parameters.named[name.lowercased()] else { throw Self.missing(name, place.range) }
        value = known
      case .positional:
        throw SQLError(.invalidParameterUsage, "Parameter '?' has no value", range: place.range)
      }
      text += written.script.cut(SourceRange(end, place.range.lowerBound)) + StatementParameters.literal(value)
      end = place.range.upperBound
    }
    return text + written.script.cut(SourceRange(end, written.range.upperBound))
  }

  private static func missing(_ name: String, _ range: SourceRange) -> SQLError {
    SQLError(.invalidParameterUsage, "Parameter ':\(name)' has no value", range: range, hint: "--param \(name)=... gives it one.")
  }
}

extension RemoteSession: ScriptSession {
  package func refusals(of statements: [ScriptStatement]) -> [SQLError] {
    let known = state.withLock { $0.parameters.named }
    var found: [SQLError] = []
    for statement in statements {
      switch statement.content {
      case .mistake(let mistake): found.append(mistake)
      case .statement(let parsed):
        let places = parsed.parameterPlaces
        for place in places {
          if case .named(let name) = place.parameter, known[name.lowercased()] == nil { found.append(Self.missing(name, place.range)) }
        }
        for var violation in remote.violations(parsed) {
          // Parameters are replaced by their values before a statement is sent.
          if places.contains(where: { $0.range == violation.range }) { continue }
          violation.hint = "\(remote.name) has nothing like it; nothing was sent."
          found.append(violation.located(at: parsed.range))
        }
      }
    }
    return found
  }

  package func cancel() { state.withLock { $0.call }.cancel() }
  package var progress: Progress { state.withLock { $0.call }.progress }
  package func scanCost(of statement: ScriptStatement) -> ScanCost? {
    remote.billsScans ? statement.cost(bytesScanned: progress.bytesRead, isAthenas: true) : nil
  }
  package var transactionState: Session.TransactionState { .none }

  package func close() async -> Bool {
    await state.withLock { $0.call }.abandon()
    return false
  }

  package func completionWords() async -> [String] {
    Set(Keyword.allCases.map(\.rawValue)).union(FunctionLibrary.standard.listing.map(\.name)).sorted()
  }
}

extension Engine {
  /// Opens a conversation with an engine elsewhere. Nothing is sent before a statement is.
  ///
  /// - Throws: `INVALID_ARGUMENTS` for an address that is none.
  public func makeRemoteSession(_ target: RemoteTarget) throws(SQLError) -> RemoteSession {
    switch target.kind {
    case .athena:
      return RemoteSession(
        AthenaEngine(
          AthenaClient(aws: aws), workgroup: target.workgroup, resultLocation: target.resultLocation, database: configuration.database))
    case .trino(let url):
      return RemoteSession(try TrinoEngine(url: url, http: aws.http, environment: configuration.environment))
    }
  }
}
