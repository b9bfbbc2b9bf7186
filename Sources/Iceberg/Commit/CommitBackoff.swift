/// How long to wait between attempts: doubled each time up to a limit, with some randomness so that writers do not march in step.
///
/// iceberg.md section 19, `commit.retry.*` and `commit.status-check.*`. Where several tables are committed together, the least patient one decides.
struct CommitBackoff {
  private var attemptsLeft: Int
  private var milliseconds: Int
  private let maximum: Int
  private let deadline: ContinuousClock.Instant
  private let isCancelled: @Sendable () -> Bool
  /// Of a wait before the cancellation is looked at again.
  private static let sliceMilliseconds = 20

  init(_ tables: [TableProperties], isCancelled: @escaping @Sendable () -> Bool) {
    attemptsLeft = tables.map(\.commitRetries).min() ?? 0
    milliseconds = tables.map(\.commitRetryMinimumWait).max() ?? 0
    maximum = tables.map(\.commitRetryMaximumWait).max() ?? 0
    deadline = .now + .milliseconds(tables.map(\.commitRetryTotalTimeout).min() ?? 0)
    self.isCancelled = isCancelled
  }

  /// Between looks at a commit whose answer was lost.
  init(statusCheckOf table: TableProperties, isCancelled: @escaping @Sendable () -> Bool) {
    attemptsLeft = table.statusChecks
    milliseconds = table.statusCheckMinimumWait
    maximum = table.statusCheckMaximumWait
    deadline = .now + .milliseconds(table.statusCheckTotalTimeout)
    self.isCancelled = isCancelled
  }

  /// - Throws: `conflict` when there have been enough attempts, or too long ones, or nobody waits for the commit any more.
  mutating func next(table: String) async throws(IcebergError) {
    guard attemptsLeft > 0, ContinuousClock.now < deadline else {
      throw IcebergError(
        .conflict, "the table at \(table) is changed by others all the time; the commit gave up after "
          + (attemptsLeft > 0 ? "commit.retry.total-timeout-ms" : "commit.retry.num-retries"))
    }
    attemptsLeft -= 1
    var wait = milliseconds / 2 + Int(truncatingIfNeeded: UInt64.random(in: 0 ... .max) % UInt64(max(1, milliseconds / 2 + 1)))
    milliseconds = min(maximum, milliseconds &* 2)
    while wait > 0 {
      try checkCancellation(isCancelled)
      let slice = min(wait, Self.sliceMilliseconds)
      do { try await Task.sleep(for: .milliseconds(slice)) } catch { try checkCancellation { true } }
      wait -= slice
    }
  }
}

/// - Throws: when nobody waits for the commit any more.
func checkCancellation(_ isCancelled: () -> Bool) throws(IcebergError) {
  if isCancelled() { throw IcebergError(.conflict, "cancelled before the commit", cause: CancellationError(), isRetryable: false) }
}
