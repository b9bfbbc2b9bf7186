#if canImport(Glibc)
  import Glibc
#endif

/// Decodes DELTA_BINARY_PACKED integers, some at a time, without holding more than 32 of them.
///
///     header = varint block size | varint miniblocks per block | varint value count | zigzag first value
///     block  = zigzag smallest delta | one width byte per miniblock | packed miniblocks
///
/// Arithmetic wraps at 64 bits; the low 32 are right for INT32 columns too.
///
/// - Source: parquet-format, Encodings.md, "Delta Encoding".
struct DeltaDecoder {
  private var cursor: UnsafeRawPointer
  private let end: UnsafeRawPointer
  private let maxWidth: Int
  private let miniblockCount: Int
  private let miniblockSize: Int
  /// Values the stream holds in all.
  let valueCount: Int
  /// Values not yet handed out.
  private(set) var remaining: Int
  private var last: UInt64
  private var isAtFirst = true
  // The current block: its widths, the next miniblock, and how much of the current one is taken.
  private var minDelta: UInt64 = 0
  private var widths: UnsafeRawPointer
  private var nextMiniblock: Int
  private var miniblock: UnsafeRawPointer
  private var width = 0
  private var miniblockLeft = 0
  private var miniblockTaken = 0

  /// - Parameters:
  ///   - bytes: the stream; anything may follow it.
  ///   - maxWidth: 32 or 64, the widest delta of the physical type.
  init(_ bytes: UnsafeRawPointer, byteCount: Int, maxWidth: Int) throws(ParquetError) {
    cursor = bytes
    end = bytes + byteCount
    widths = bytes
    miniblock = bytes
    self.maxWidth = maxWidth
    let blockSize = try Self.varint(&cursor, end)
    let miniblocks = try Self.varint(&cursor, end)
    let count = try Self.varint(&cursor, end)
    let first = try Self.varint(&cursor, end)
    guard blockSize > 0, blockSize % 128 == 0, blockSize <= 1 << 31 else {
      throw .corrupt("delta block size", expected: "a multiple of 128", found: "\(blockSize)")
    }
    guard miniblocks > 0, miniblocks <= blockSize, blockSize % miniblocks == 0, (blockSize / miniblocks) % 32 == 0 else {
      throw .corrupt(
        "delta miniblocks per block", expected: "a divisor of \(blockSize) giving multiples of 32", found: "\(miniblocks)")
    }
    guard count <= 1 << 31 else { throw .corrupt("delta value count", expected: "at most 2^31", found: "\(count)") }
    miniblockCount = Int(miniblocks)
    miniblockSize = Int(blockSize / miniblocks)
    nextMiniblock = miniblockCount
    valueCount = Int(count)
    remaining = Int(count)
    last = first &>> 1 ^ (0 &- (first & 1))
  }

  private static func varint(_ cursor: inout UnsafeRawPointer, _ end: UnsafeRawPointer) throws(ParquetError) -> UInt64 {
    var result: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard cursor < end else { throw .corrupt("delta encoded data ends inside a header") }
      let byte = cursor.load(as: UInt8.self)
      cursor += 1
      result |= UInt64(byte & 0x7F) &<< shift
      if byte < 0x80 { return result }
      shift &+= 7
      guard shift < 64 else { throw .corrupt("delta header longer than 10 bytes") }
    }
  }

  private mutating func startMiniblock() throws(ParquetError) {
    if nextMiniblock == miniblockCount {
      let raw = try Self.varint(&cursor, end)
      minDelta = raw &>> 1 ^ (0 &- (raw & 1))
      guard end - cursor >= miniblockCount else { throw .corrupt("delta encoded data ends inside a block header") }
      widths = cursor
      cursor += miniblockCount
      nextMiniblock = 0
    }
    width = Int(widths.load(fromByteOffset: nextMiniblock, as: UInt8.self))
    nextMiniblock &+= 1
    guard width <= maxWidth else {
      throw .corrupt("delta bit width", expected: "at most \(maxWidth)", found: "\(width)")
    }
    // The miniblock is padded to its full length, but a stream that is merely cut behind the last needed value is readable.
    let needed = (min(miniblockSize, remaining) &* width &+ 7) &>> 3
    guard end - cursor >= needed else { throw .corrupt("delta encoded data ends inside a miniblock") }
    miniblock = cursor
    cursor += min((miniblockSize &* width) &>> 3, end - cursor)
    miniblockLeft = miniblockSize
    miniblockTaken = 0
  }

  /// Reads the next `count` values into `target`, wrapping each to `Value`.
  mutating func read<Value: FixedWidthInteger>(_ count: Int, into target: UnsafeMutablePointer<Value>) throws(ParquetError) {
    guard count <= remaining else {
      throw .corrupt("delta encoded values", expected: "\(count) more", found: "\(remaining)")
    }
    var done = 0
    if isAtFirst && count > 0 {
      target[0] = Value(truncatingIfNeeded: last)
      isAtFirst = false
      done = 1
      remaining &-= 1
    }
    while done < count {
      if miniblockLeft == 0 { try startMiniblock() }
      // Up to 32 values, starting on a group of eight.
      let inGroup = miniblockTaken & 7
      let take = min(min(32 &- inGroup, miniblockLeft), count &- done)
      var value = last
      let base = minDelta
      if width == 0 {
        for index in 0..<take {
          value &+= base
          target[done &+ index] = Value(truncatingIfNeeded: value)
        }
      } else {
        let byteOffset = (miniblockTaken &>> 3) &* width
        let source = miniblock + byteOffset
        let width = self.width
        let available = end - source
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 32) { deltas in
          guard let deltas = deltas.baseAddress else { return }
          if available >= 4 &* width &+ 9 {
            BitUnpacking.unpackWide(source, width: width, count: 32, into: deltas)
          } else {
            withUnsafeTemporaryAllocation(byteCount: 272, alignment: 8) { padded in
              guard let copy = padded.baseAddress else { return }
              memset(copy, 0, 272)
              memcpy(copy, source, min(available, 4 &* width))
              BitUnpacking.unpackWide(UnsafeRawPointer(copy), width: width, count: 32, into: deltas)
            }
          }
          for index in 0..<take {
            value &+= base &+ deltas[inGroup &+ index]
            target[done &+ index] = Value(truncatingIfNeeded: value)
          }
        }
      }
      last = value
      miniblockTaken &+= take
      miniblockLeft &-= take
      done &+= take
      remaining &-= take
    }
  }

  /// Passes over `count` values. Their deltas must be added up all the same.
  mutating func skip(_ count: Int) throws(ParquetError) {
    var left = count
    while left > 0 {
      let step = min(left, 256)
      var failure: ParquetError?
      withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 256) { scratch in
        guard let base = scratch.baseAddress else { return }
        do throws(ParquetError) { try read(step, into: base) } catch { failure = error }
      }
      if let failure { throw failure }
      left &-= step
    }
  }

  /// Where the stream ends: behind the last miniblock of the blocks it needs. Walks block headers only.
  func endOfStream() throws(ParquetError) -> UnsafeRawPointer {
    var walker = self
    // The first value is in the header.
    var left = walker.remaining &- (walker.isAtFirst ? 1 : 0)
    while left > 0 {
      walker.remaining = left
      try walker.startMiniblock()
      left &-= walker.miniblockSize
    }
    return walker.cursor
  }
}
