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
  }

  private let state = Mutex(State())

  var isCancelled: Bool { state.withLock { $0.isCancelled } }
  func cancel() { state.withLock { $0.isCancelled = true } }

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
