#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

/// Memory of freed buffers, left as it is for a while before it is given back.
///
/// Kernels read buffers through bare pointers, and Swift ends a value's life at its last use, not at the end of its scope: in optimised
/// code a buffer may be freed whose pointer is still read. `withExtendedLifetime` is the remedy at each such place; this is the net below
/// them. What was freed keeps its content until some hundred later buffers were freed, which is longer than any kernel runs on.
enum RestingMemory {
  /// Larger blocks are given back at once: too much memory would lie idle.
  static let largest = 8 << 20
  private static let blockLimit = 512
  private static let byteLimit = 16 << 20

  // SAFETY: a block belongs to the ring alone until it is taken out to be freed.
  struct Block: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let byteCount: Int
    let kind: Buffer.Kind

    func free() {
      switch kind {
      case .allocated: base.deallocate()
      case .pooled: BufferPool.release(base, byteCount: byteCount)
      case .mapped: munmap(base, byteCount)
      case .borrowed: break
      }
    }
  }

  private struct Ring: Sendable {
    var blocks: [Block] = []
    /// Where the oldest block is, once the ring is full.
    var oldest = 0
    var byteCount = 0

    /// Adds a block; returns the one that has rested longest, in its place, when the ring is full.
    mutating func exchange(_ block: Block) -> Block? {
      byteCount += block.byteCount
      if blocks.count < RestingMemory.blockLimit {
        blocks.append(block)
        return nil
      }
      let old = blocks[oldest]
      blocks[oldest] = block
      oldest = (oldest + 1) % blocks.count
      byteCount -= old.byteCount
      return old
    }

    /// The older half, when the blocks are too large together.
    mutating func overflow() -> [Block] {
      guard byteCount > RestingMemory.byteLimit else { return [] }
      let inOrder = Array(blocks[oldest...] + blocks[..<oldest])
      let kept = inOrder.suffix(inOrder.count / 2)
      blocks = Array(kept)
      oldest = 0
      byteCount = kept.reduce(0) { $0 + $1.byteCount }
      return Array(inOrder.prefix(inOrder.count - kept.count))
    }
  }

  private static let ring = Mutex(Ring())

  static func put(_ block: Block) {
    let (old, more) = ring.withLock { ring -> (Block?, [Block]) in (ring.exchange(block), ring.overflow()) }
    old?.free()
    for block in more { block.free() }
  }
}
