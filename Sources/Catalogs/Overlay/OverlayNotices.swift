import Synchronization

/// What the user of an overlay should know, each once per process.
package final class OverlayNotices: Sendable {
  private let state = Mutex<(pending: [String], checked: Set<String>)>(([], []))

  package init() {}

  /// - Returns: whether a table has not been looked at before.
  func firstLook(at table: String) -> Bool { state.withLock { $0.checked.insert(table).inserted } }

  func add(_ notice: String) { state.withLock { $0.pending.append(notice) } }

  /// What has come up since this was asked last.
  package func take() -> [String] {
    state.withLock { state in
      defer { state.pending = [] }
      return state.pending
    }
  }
}
