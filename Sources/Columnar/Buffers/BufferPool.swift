import Synchronization

/// Memory of freed buffers, kept for the next ones of about their size.
///
/// Batches and pages come and go by the thousand in sizes for which the system's allocator asks the kernel again and again; every page of
/// such memory is cleared before its first use, which costs more than decoding values into it. Blocks are kept up to a limit.
enum BufferPool {
  /// Blocks of fewer bytes are left to the allocator, which is quick there; for larger ones clearing is no longer what costs.
  static let smallest = 32 << 10
  static let largest = 5 << 20
  /// Bytes of blocks that wait.
  private static let limit = 64 << 20

  // SAFETY: a block in the lists is used by nobody; whoever takes one out uses it alone until it is given back.
  private struct Waiting: @unchecked Sendable {
    var blocks: [[UnsafeMutableRawPointer]]
    var byteCount = 0
  }

  private static let waiting = Mutex(Waiting(blocks: Array(repeating: [], count: sizeClass(largest) + 1)))

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
      guard let block = waiting.blocks[number].popLast() else { return 0 }
      waiting.byteCount -= size
      return UInt(bitPattern: block)
    }
    return UnsafeMutableRawPointer(bitPattern: block)
      ?? UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
  }

  static func release(_ block: UnsafeMutableRawPointer, byteCount: Int) {
    let number = sizeClass(byteCount)
    let size = size(ofClass: number)
    let address = UInt(bitPattern: block)
    let isKept = waiting.withLock { waiting in
      guard waiting.byteCount + size <= limit, let block = UnsafeMutableRawPointer(bitPattern: address) else { return false }
      waiting.byteCount += size
      waiting.blocks[number].append(block)
      return true
    }
    if !isKept { block.deallocate() }
  }
}
