import Columnar

/// The reservation of one operator on one worker, with its name for errors and its peak for EXPLAIN ANALYZE.
// SAFETY: used by one thread at a time; handed on between pipelines.
final class MemoryHolder: @unchecked Sendable {
  private var reservation: MemoryReservation
  private let pool: MemoryPool
  private let name: String
  private let statistics: PlanStatistics
  private let free: Int

  /// What an operator that has nothing left to spill may hold without asking, so that it gets on however little there is.
  static let workingBytes = 1 << 20

  /// - Parameter free: bytes that are granted without reserving them.
  init(_ pool: MemoryPool, _ name: String, _ statistics: PlanStatistics, free: Int = 0) {
    self.free = free
    self.pool = pool
    self.name = name
    self.statistics = statistics
    reservation = MemoryReservation(pool, holder: name)
  }

  var byteCount: Int { reservation.byteCount }

  /// False when there is no memory for that many bytes in total; then nothing changes.
  func reserve(_ bytes: Int) -> Bool {
    if bytes <= max(free, reservation.byteCount) { return true }
    statistics.notePeak(bytes: bytes)
    return reservation.reserve(bytes)
  }

  /// For what cannot be spilled.
  func require(_ bytes: Int) throws {
    if !reserve(bytes) { throw exceeded }
  }

  func release() { reservation.release() }

  var exceeded: MemoryLimitExceeded { MemoryLimitExceeded(holder: name, limit: pool.limit) }
}
