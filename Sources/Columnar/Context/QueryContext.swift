import Synchronization

/// What every long-running piece of a statement is handed: limits, the flag that stops it, counters, the clock.
package final class QueryContext: Sendable {
  package let memory: MemoryPool
  package let cancellation: Cancellation
  package let progress: ProgressCounters
  /// Rows per batch that sources and operators aim at; tests use 1, 2, 3, 7.
  package let batchCapacity: Int
  /// Threads of the data plane.
  package let workerCount: Int
  /// `current_timestamp` of the statement: microseconds since 1970-01-01 00:00 UTC.
  package let nowMicroseconds: Int64
  /// The session's zone, see `ZoneID`; 0 is UTC.
  package let sessionZone: Int32
  /// Seed of `random()`, `uuid()` and sampling; nil draws from the system.
  package let seed: UInt64?
  /// Where operators spill; created on first use.
  package let spillDirectory: String
  private let randomStreams = Atomic<UInt64>(0)

  package init(
    memory: MemoryPool = MemoryPool(limit: .max), cancellation: Cancellation = Cancellation(),
    progress: ProgressCounters = ProgressCounters(), batchCapacity: Int = Batch.defaultCapacity, workerCount: Int = 1,
    nowMicroseconds: Int64 = 0, sessionZone: Int32 = 0, seed: UInt64? = 0, spillDirectory: String = "/tmp"
  ) {
    self.memory = memory
    self.cancellation = cancellation
    self.progress = progress
    self.batchCapacity = batchCapacity
    self.workerCount = workerCount
    self.nowMicroseconds = nowMicroseconds
    self.sessionZone = sessionZone
    self.seed = seed
    self.spillDirectory = spillDirectory
  }

  /// The same statement's context for a part that runs on so many workers.
  package func withWorkers(_ count: Int) -> QueryContext {
    QueryContext(
      memory: memory, cancellation: cancellation, progress: progress, batchCapacity: batchCapacity, workerCount: count,
      nowMicroseconds: nowMicroseconds, sessionZone: sessionZone, seed: seed, spillDirectory: spillDirectory)
  }

  /// A number no caller got before: with `seed` it starts a stream of random numbers of its own.
  package func nextRandomStream() -> UInt64 { randomStreams.add(1, ordering: .relaxed).newValue }
}
