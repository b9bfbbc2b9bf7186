import Synchronization

/// Reads the ranges of a split ahead of the worker that will decode them.
///
/// Neighbouring ranges are read as one (a gap is cheaper to read than a second request). A local file needs no thread of ours: the kernel
/// reads ahead when told. For anything slower a small pool reads within a byte budget; a range the budget has kept waiting is read
/// by whoever asks for it, so that no worker ever waits for bytes that another split holds.
package final class ReadScheduler: Sendable {
  private let pool: BlockingPool
  private let byteBudget: Int
  /// Bytes read ahead and not released yet.
  private let bytesInFlight = Atomic<Int>(0)

  package init(threadCount: Int = 4, byteBudget: Int = 256 << 20) {
    pool = BlockingPool(threadCount: threadCount)
    self.byteBudget = byteBudget
  }

  /// Starts reading `ranges`; take them with `ScheduledReads.bytes`.
  ///
  /// - Parameter coalesceGap: ranges at most this many bytes apart are read together; 1 MiB suits an object store, 64 KiB a disk.
  package func schedule(_ reader: any SynchronousReader, _ ranges: [Range<Int>], coalesceGap: Int? = nil) -> ScheduledReads {
    let gap = coalesceGap ?? (reader.readsAheadByItself ? 64 << 10 : 1 << 20)
    let reads = ScheduledReads(reader, ranges, gap: gap, scheduler: self)
    for (index, block) in reads.blocks.enumerated() {
      if reader.readsAheadByItself {
        reader.willNeed(block)
      } else if reserve(block.count) {
        reads.markReserved(index)
        pool.submit { [weak reads] in reads?.fetch(index) }
      }
    }
    return reads
  }

  fileprivate func reserve(_ byteCount: Int) -> Bool {
    let before = bytesInFlight.add(byteCount, ordering: .relaxed).oldValue
    if before + byteCount <= byteBudget { return true }
    release(byteCount)
    return false
  }

  fileprivate func release(_ byteCount: Int) { bytesInFlight.subtract(byteCount, ordering: .relaxed) }
}

/// The reads of one `schedule` call. Dropping it gives its budget back.
package final class ScheduledReads: Sendable {
  private enum Block {
    /// Nobody reads it yet.
    case waiting
    case reading(Delivery<Result<ByteSlice, StorageError>>)
    case done(Result<ByteSlice, StorageError>)
  }

  /// The coalesced ranges, ascending.
  let blocks: [Range<Int>]
  private let ranges: [Range<Int>]
  private let reader: any SynchronousReader
  private let scheduler: ReadScheduler
  private let states: Mutex<[Block]>
  private let reserved = Mutex(Set<Int>())

  fileprivate init(_ reader: any SynchronousReader, _ ranges: [Range<Int>], gap: Int, scheduler: ReadScheduler) {
    self.reader = reader
    self.ranges = ranges
    self.scheduler = scheduler
    blocks = Self.coalesced(ranges, gap: gap)
    states = Mutex(Array(repeating: .waiting, count: blocks.count))
  }

  deinit {
    for index in reserved.withLock({ $0 }) { scheduler.release(blocks[index].count) }
  }

  /// The bytes of `ranges[index]`, waiting for them or reading them here. Each block stays in memory until this object goes.
  package func bytes(_ index: Int) throws(StorageError) -> ByteSlice {
    let range = ranges[index]
    guard !range.isEmpty else { return .empty }
    guard let block = blocks.lastIndex(where: { $0.lowerBound <= range.lowerBound }) else { throw reader.outOfBounds(range) }
    let bytes = try fetch(block).get()
    let offset = range.lowerBound - blocks[block].lowerBound
    guard let slice = bytes.slice(offset..<offset + range.count) else { throw reader.outOfBounds(range) }
    return slice
  }

  fileprivate func markReserved(_ block: Int) { reserved.withLock { _ = $0.insert(block) } }

  @discardableResult
  fileprivate func fetch(_ block: Int) -> Result<ByteSlice, StorageError> {
    let delivery = Delivery<Result<ByteSlice, StorageError>>()
    let found: Block = states.withLock { states in
      let state = states[block]
      if case .waiting = state { states[block] = .reading(delivery) }
      return state
    }
    switch found {
    case .done(let result): return result
    case .reading(let other): return other.wait()
    case .waiting:
      let result = Result { () throws(StorageError) in try reader.read(blocks[block]) }
      states.withLock { $0[block] = .done(result) }
      delivery.deliver(result)
      return result
    }
  }

  /// Ascending ranges in which every given range lies whole, joined over gaps of at most `gap` bytes.
  static func coalesced(_ ranges: [Range<Int>], gap: Int) -> [Range<Int>] {
    var joined: [Range<Int>] = []
    for range in ranges.filter({ !$0.isEmpty }).sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = joined.last, range.lowerBound <= last.upperBound || range.lowerBound - last.upperBound <= gap {
        joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        joined.append(range)
      }
    }
    return joined
  }
}
