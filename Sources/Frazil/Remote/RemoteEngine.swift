import SQLSyntax
import Synchronization

/// An engine elsewhere that statements can be sent to: Athena's API or a Trino coordinator.
protocol RemoteEngine: Sendable {
  /// As messages call it.
  var name: String { get }
  /// Whether it bills what is scanned, as Athena does.
  var billsScans: Bool { get }
  /// What it would refuse and only Frazil has.
  func violations(_ statement: Statement) -> [SQLError]
  /// Sends one statement and waits until it has rows or is done. Ranges of errors count in `text`.
  ///
  /// - Parameters:
  ///   - text: the statement as it is sent.
  ///   - statement: the same, parsed.
  func run(_ text: String, _ statement: Statement, _ call: RemoteCall) async throws(SQLError) -> StatementResult
}

/// One statement on its way: what it has done so far, whether its user has given up on it, and how to stop it there.
final class RemoteCall: Sendable {
  private struct State {
    var isCancelled = false
    var progress = Progress()
    var stop: (@Sendable () async -> Void)?
    /// Ends the request that is waited for.
    var interrupt: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  var isCancelled: Bool { state.withLock { $0.isCancelled } }

  func cancel() {
    let interrupt = state.withLock { state in
      state.isCancelled = true
      return state.interrupt
    }
    interrupt?()
  }

  /// Waits for a request that nobody misses when its user gives up: questions, not commands.
  func asking<Answer: Sendable>(_ request: @escaping @Sendable () async throws(SQLError) -> Answer) async throws(SQLError) -> Answer {
    let task = Task { () async -> Result<Answer, SQLError> in
      do throws(SQLError) { return .success(try await request()) } catch { return .failure(error) }
    }
    let isTooLate = state.withLock { state in
      state.interrupt = { task.cancel() }
      return state.isCancelled
    }
    if isTooLate { task.cancel() }
    let answer = await task.value
    state.withLock { $0.interrupt = nil }
    try checkCancellation()
    return try answer.get()
  }

  var progress: Progress { state.withLock { $0.progress } }
  func report(_ progress: Progress) { state.withLock { $0.progress = progress } }

  /// - Parameter stop: asks the engine to end the statement.
  func begin(stop: @escaping @Sendable () async -> Void) { state.withLock { $0.stop = stop } }
  /// The engine has ended it by itself.
  func end() { state.withLock { $0.stop = nil } }

  /// Ends the statement there when it may still run.
  func abandon() async {
    let stop = state.withLock { state in
      defer { state.stop = nil }
      return state.stop
    }
    await stop?()
  }

  func checkCancellation() throws(SQLError) {
    if isCancelled || Task.isCancelled { throw SQLError(.userCanceled, "Query was canceled") }
  }
}
