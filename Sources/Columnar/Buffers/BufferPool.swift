#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

/// Memory of freed buffers, kept for the next ones of about their size.
///
/// Batches and pages come and go by the thousand in sizes for which the system's allocator asks the kernel again and again; every page of
/// such memory is cleared before its first use, which costs more than decoding values into it. Blocks are kept up to a limit, or as long as
/// blocks in use and waiting ones are no more than were in use at once a while ago; beyond that those of the size that was wanted longest
/// ago go back to the system.
enum BufferPool {
  /// Blocks of fewer bytes are left to the allocator, which is quick there; for larger ones clearing is no longer what costs.
  static let smallest = 32 << 10
  static let largest = 5 << 20
  /// Bytes of blocks that may wait whatever the use.
  private static let limit = 64 << 20
  /// Calls after which earlier use no longer counts.
  private static let memory = 1 << 13

  // SAFETY: a block in the lists is used by nobody; whoever takes one out uses it alone until it is given back.
  private struct Waiting: @unchecked Sendable {
    var blocks: [[UnsafeMutableRawPointer]]
    var byteCount = 0
    /// Calls so far, and for each size class the one that wanted it last.
    var clock = 0
    var lastUse: [Int]
    /// Bytes in use: now, and at most in this stretch of `memory` calls and the one before.
    var inUse = 0
    var peak = 0
    var earlierPeak = 0

    mutating func noteUse(of number: Int, _ change: Int) {
      clock &+= 1
      lastUse[number] = clock
      inUse += change
      if clock % BufferPool.memory == 0 { (earlierPeak, peak) = (peak, 0) }
      peak = max(peak, inUse)
    }

    var limit: Int { max(BufferPool.limit, max(peak, earlierPeak) - inUse) }

    /// The size class with waiting blocks that was wanted longest ago.
    var idlest: Int? { blocks.indices.filter { !blocks[$0].isEmpty }.min { lastUse[$0] < lastUse[$1] } }
  }

  private static let waiting: Mutex<Waiting> = {
    let classes = sizeClass(largest) + 1
    return Mutex(Waiting(blocks: Array(repeating: [], count: classes), lastUse: Array(repeating: 0, count: classes)))
  }()

  /// Sizes with four steps between powers of two, so that at most a fifth of a block is left unused: 0 is `smallest`.
  private static func sizeClass(_ byteCount: Int) -> Int {
    let size = max(byteCount, smallest)
    let power = Int.bitWidth - 1 - (size - 1).leadingZeroBitCount
    let quarter = ((size - 1) >> (power - 2)) & 3
    return (power - 14) * 4 + quarter - 3
  }

  private static func size(ofClass number: Int) -> Int {
    let step = number + 3
    return (5 + step & 3) << (step / 4 + 12)
  }

  /// A block of at least `byteCount` bytes with any content, aligned to 64 bytes; give it back with `release` and the same number.
  static func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let number = sizeClass(byteCount)
    let size = size(ofClass: number)
    let block = waiting.withLock { waiting -> UInt in
      waiting.noteUse(of: number, size)
      guard let block = waiting.blocks[number].popLast() else { return 0 }
      waiting.byteCount -= size
      return UInt(bitPattern: block)
    }
    return UnsafeMutableRawPointer(bitPattern: block) ?? PoolBlock.make(size, used: byteCount)
  }

  static func release(_ block: UnsafeMutableRawPointer, byteCount: Int) {
    let number = sizeClass(byteCount)
    let size = size(ofClass: number)
    let address = UInt(bitPattern: block)
    let idle = waiting.withLock { waiting -> [(block: UInt, byteCount: Int)] in
      guard let block = UnsafeMutableRawPointer(bitPattern: address) else { return [] }
      waiting.noteUse(of: number, -size)
      waiting.blocks[number].append(block)
      waiting.byteCount += size
      var idle: [(block: UInt, byteCount: Int)] = []
      while waiting.byteCount > waiting.limit, let idlest = waiting.idlest {
        let size = self.size(ofClass: idlest)
        waiting.byteCount -= size
        idle.append((UInt(bitPattern: waiting.blocks[idlest].removeFirst()), size))
      }
      return idle
    }
    for (address, byteCount) in idle {
      if let block = UnsafeMutableRawPointer(bitPattern: address) { PoolBlock.free(block, byteCount) }
    }
  }
}

/// Where the pool's blocks come from: the system's mappings, one by one, so that a freed block is no longer part of the process. In the
/// allocator's arenas small allocations between freed blocks would hold on to them: a fifth of the memory of a long series of queries.
private enum PoolBlock {
  #if os(Linux)
    /// Blocks of the allocator, made when the system had no more mappings to give.
    private static let allocated = Mutex<Set<UInt>>([])

    /// - Parameter used: bytes that will be written soon.
    static func make(_ size: Int, used: Int) -> UnsafeMutableRawPointer {
      if let block = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), block != MAP_FAILED {
        // All pages at once, which is cheaper than one by one when they are written. A hint.
        madvise(block, used, 23 /* MADV_POPULATE_WRITE */)
        return block
      }
      let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
      let address = UInt(bitPattern: block)
      allocated.withLock { _ = $0.insert(address) }
      return block
    }

    static func free(_ block: UnsafeMutableRawPointer, _ size: Int) {
      let address = UInt(bitPattern: block)
      if allocated.withLock({ $0.remove(address) }) != nil { return block.deallocate() }
      // When even that would need one more mapping: at least the pages go back.
      if munmap(block, size) != 0 { madvise(block, size, MADV_DONTNEED) }
    }
  #else
    static func make(_ size: Int, used: Int) -> UnsafeMutableRawPointer { .allocate(byteCount: size, alignment: 64) }
    static func free(_ block: UnsafeMutableRawPointer, _ size: Int) { block.deallocate() }
  #endif
}
