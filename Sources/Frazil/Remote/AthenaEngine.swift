import JSONText
import SQLSyntax
import Storage
import Synchronization

/// Runs statements in Athena: start, ask until it is done, fetch the result page by page.
///
///     StartQueryExecution → QueryExecutionId
///     GetQueryExecution   → QUEUED, RUNNING … SUCCEEDED | FAILED | CANCELLED
///     GetQueryResults     → 1,000 rows at most, and a token for the next ones
final class AthenaEngine: RemoteEngine {
  private struct Context {
    var catalog: String?
    var database: String
  }

  private let client: AthenaClient
  private let workgroup: String?
  private let resultLocation: String?
  /// What USE changes.
  private let context: Mutex<Context>

  let name = "Athena"
  let billsScans = true

  init(_ client: AthenaClient, workgroup: String?, resultLocation: String?, database: String) {
    self.client = client
    self.workgroup = workgroup
    self.resultLocation = resultLocation
    context = Mutex(Context(database: database))
  }

  func violations(_ statement: Statement) -> [SQLError] {
    // Athena has no USE: every statement carries its database, which is what USE changes here.
    switch statement.kind {
    case .use: return []
    case .setSession, .resetSession, .show(.session):
      return [SQLError(.syntaxError, "Athena has no \(statement.kindName)", range: statement.range)]
    default: return AthenaRule.violations(statement)
    }
  }

  func run(_ text: String, _ statement: Statement, _ call: RemoteCall) async throws(SQLError) -> StatementResult {
    if case .use(let name) = statement.kind {
      context.withLock { context in
        if name.parts.count > 1 { context.catalog = name.parts[0].folded }
        context.database = name.last.folded
      }
      return StatementResult()
    }
    try call.checkCancellation()
    let execution = try await start(text)
    call.begin { [client] in
      // Nothing more can be done when Athena does not take it: the statement is given up on either way.
      _ = try? await client.call("StopQueryExecution") { $0.member("QueryExecutionId", execution) }
    }
    let state = try await wait(for: execution, text, call)
    guard Self.hasResult(statement) else {
      call.end()
      return StatementResult()
    }
    let pages = AthenaPages(client: client, execution: execution, hasHeader: Self.mayHaveHeader(statement))
    guard let first = try await pages.next(call) else { return StatementResult() }
    if let count = first.updateCount, ["INSERT", "UPDATE", "DELETE", "MERGE", "CREATE_TABLE_AS_SELECT"].contains(state.substatement) || Self.changesRows(statement) {
      return StatementResult(rowsAffected: count)
    }
    guard !pages.columns.isEmpty else { return StatementResult() }
    return StatementResult(columns: pages.columns, rows: pages.stream(from: first, call))
  }

  // MARK: Start and wait

  /// - Returns: the id of the execution. When an answer is lost, the request goes out again with the same token, and Athena answers with the same id.
  private func start(_ text: String) async throws(SQLError) -> String {
    let (catalog, database) = context.withLock { ($0.catalog, $0.database) }
    let token = Self.token()
    let answer: JSONValue
    do throws(SQLError) {
      answer = try await client.call("StartQueryExecution") { json in
        json.member("QueryString", text)
        json.member("ClientRequestToken", token)
        json.member("QueryExecutionContext") { json in
          json.object { json in
            json.member("Database", database)
            if let catalog { json.member("Catalog", catalog) }
          }
        }
        if let resultLocation {
          json.member("ResultConfiguration") { json in json.object { $0.member("OutputLocation", resultLocation) } }
        }
        if let workgroup { json.member("WorkGroup", workgroup) }
      }
    } catch {
      guard error.code == .syntaxError else { throw error }
      throw RemoteFailure.error(error.message, code: .syntaxError, in: text)
    }
    guard let execution = answer["QueryExecutionId"]?.string else {
      throw SQLError(.genericExternal, "Athena StartQueryExecution gave no QueryExecutionId")
    }
    return execution
  }

  private static func token() -> String {
    var generator = SystemRandomNumberGenerator()
    let digits = Array("0123456789abcdef")
    return "frazil-" + String((0..<32).map { _ in digits[Int(generator.next(upperBound: UInt(16)))] })
  }

  private struct Ending {
    var substatement: String
  }

  /// Asks after 50 ms, then in growing steps of up to 2 s: short statements end soon, and long ones are not asked about too often.
  private func wait(for execution: String, _ text: String, _ call: RemoteCall) async throws(SQLError) -> Ending {
    var pause = 50.0
    while true {
      let answer = try await call.asking { [client] () async throws(SQLError) in
        try await client.call("GetQueryExecution") { $0.member("QueryExecutionId", execution) }
      }
      guard let query = answer["QueryExecution"], let status = query["Status"], let state = status["State"]?.string else {
        throw SQLError(.genericExternal, "Athena GetQueryExecution gave no state of \(execution)")
      }
      var progress = Progress()
      progress.stage = "Athena: \(state.lowercased())"
      progress.bytesRead = query["Statistics"]?["DataScannedInBytes"]?.int64.map { Int(clamping: $0) } ?? 0
      call.report(progress)
      switch state {
      case "SUCCEEDED": return Ending(substatement: query["SubstatementType"]?.string ?? "")
      case "FAILED", "CANCELLED":
        call.end()
        let error = status["AthenaError"]
        let reason = status["StateChangeReason"]?.string ?? error?["ErrorMessage"]?.string ?? ""
        let note = "Athena's query id is \(execution)"
        guard state == "FAILED" else {
          throw SQLError(.userCanceled, "the query was cancelled in Athena" + (reason.isEmpty ? "" : ": \(reason)"), notes: [SQLError.Note(note)])
        }
        throw RemoteFailure.error(reason, code: nil, in: text, isRetryable: error?["Retryable"]?.boolean, note: note)
      default: break
      }
      try await sleep(milliseconds: Int(pause), call)
      pause = min(pause * 1.5, 2_000)
    }
  }

  /// In slices, so that Ctrl-C is seen at once.
  private func sleep(milliseconds: Int, _ call: RemoteCall) async throws(SQLError) {
    var left = milliseconds
    while left > 0 {
      try call.checkCancellation()
      await client.aws.http.sleep(milliseconds: min(left, 100))
      left -= 100
    }
    try call.checkCancellation()
  }

  // MARK: What a statement answers

  /// Whether there is something to fetch; definitions have no result.
  private static func hasResult(_ statement: Statement) -> Bool {
    switch statement.kind {
    case .createSchema, .dropSchema, .alterSchema, .dropTable, .dropView, .createView, .alterView, .alterTable, .prepare, .deallocate, .vacuum: false
    case .createTable(let create): create.query != nil
    default: true
    }
  }

  private static func changesRows(_ statement: Statement) -> Bool {
    switch statement.kind {
    case .insert, .update, .delete, .merge: true
    case .createTable(let create): create.query != nil
    default: false
    }
  }

  /// Results of queries begin with the names of their columns as a row, those of SHOW and DESCRIBE do not.
  private static func mayHaveHeader(_ statement: Statement) -> Bool {
    switch statement.kind {
    case .show, .describe, .repairTable: false
    default: true
    }
  }
}
