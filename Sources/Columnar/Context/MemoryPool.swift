import Synchronization

/// Counts what operators hold against a limit. Streaming batches are not counted; whoever holds rows reserves first.
package final class MemoryPool: Sendable {
  package let limit: Int
  private let usedBytes = Atomic<Int>(0)
  private let peakBytes = Atomic<Int>(0)

  package init(limit: Int) { self.limit = limit }

  package var used: Int { usedBytes.load(ordering: .relaxed) }
  package var peak: Int { peakBytes.load(ordering: .relaxed) }

  /// False when the limit would be passed; nothing is reserved then.
  package func tryGrow(_ bytes: Int) -> Bool {
    let (before, _) = usedBytes.add(bytes, ordering: .relaxed)
    let now = before &+ bytes
    if now > limit {
      usedBytes.subtract(bytes, ordering: .relaxed)
      return false
    }
    peakBytes.max(now, ordering: .relaxed)
    return true
  }

  package func shrink(_ bytes: Int) { usedBytes.subtract(bytes, ordering: .relaxed) }
}

/// Memory one holder has reserved; given back when the reservation ends.
package struct MemoryReservation: ~Copyable {
  private let pool: MemoryPool
  /// Who holds it, for the message when memory runs out.
  package let holder: String
  package private(set) var byteCount = 0

  package init(_ pool: MemoryPool, holder: String) {
    self.pool = pool
    self.holder = holder
  }

  deinit { pool.shrink(byteCount) }

  /// Makes the reservation at least `bytes` large, in steps of 1 MiB; false when the pool has no more.
  package mutating func reserve(_ bytes: Int) -> Bool {
    guard bytes > byteCount else { return true }
    let target = (bytes &+ 0xF_FFFF) & ~0xF_FFFF
    guard pool.tryGrow(target - byteCount) else { return false }
    byteCount = target
    return true
  }

  /// Gives back what is reserved above `bytes`, to the byte: for what is kept for long and grows no more.
  package mutating func trim(to bytes: Int) {
    guard bytes < byteCount else { return }
    pool.shrink(byteCount - bytes)
    byteCount = bytes
  }

  /// Gives everything back.
  package mutating func release() {
    pool.shrink(byteCount)
    byteCount = 0
  }
}

/// A holder needed more memory than the limit allows and could not spill.
package struct MemoryLimitExceeded: Error {
  package let holder: String
  package let limit: Int
  package init(holder: String, limit: Int) {
    self.holder = holder
    self.limit = limit
  }
}
