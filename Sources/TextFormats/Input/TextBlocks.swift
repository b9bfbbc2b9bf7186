import Columnar
import Glibc
import Storage

/// The (decompressed) bytes of one text file, block by block, each block beginning where a record begins.
///
/// A block's memory is shared with the columns whose strings point into it; it is reused when nobody kept any.
final class TextBlocks {
  /// Longer records are refused rather than read into ever more memory.
  static let maximumRecordByteCount = 256 << 20

  private(set) var block = Buffer(byteCount: 0)
  /// Bytes of the block that hold text; at least 64 readable bytes follow.
  private(set) var count = 0
  /// Nothing follows this block.
  private(set) var isLast = false
  /// Offset of the block's first byte in the (decompressed) file.
  private(set) var offset = 0

  private let location: Location
  private var stream: any ByteStream
  private var capacity: Int
  /// Where the reader's own part ends: beyond it only the rest of the last record is wanted, so little is read at a time.
  private let softEnd: Int
  private static let tailByteCount = 1 << 14

  init(_ location: Location, _ stream: any ByteStream, offset: Int = 0, softEnd: Int = .max, blockByteCount: Int = 1 << 19) {
    self.location = location
    self.softEnd = softEnd
    self.stream = stream
    self.offset = offset
    capacity = blockByteCount
  }

  var bytes: UnsafePointer<UInt8> { UnsafePointer(block.base.assumingMemoryBound(to: UInt8.self)) }

  /// Goes on to a block that starts with the old one's bytes from `start` on. With nothing consumed, the block grows.
  func advance(from start: Int) throws {
    let kept = count - start
    if start == 0, kept == count, kept > 0 {
      guard capacity < Self.maximumRecordByteCount else {
        throw TextFormatError(.badData, "a line is longer than \(Self.maximumRecordByteCount >> 20) MiB", location: location)
      }
      capacity *= 2
    }
    if capacity == block.byteCount, isKnownUniquelyReferenced(&block) {
      memmove(block.base, block.base + start, kept)
    } else {
      let old = block
      block = Buffer(byteCount: capacity)
      memcpy(block.base, old.base + start, kept)
    }
    offset += start
    count = kept
    let target =
      offset + count < softEnd ? min(capacity, softEnd - offset) : min(capacity, count + Self.tailByteCount)
    while count < target, !isLast {
      let room = UnsafeMutableRawBufferPointer(start: block.base + count, count: target - count)
      let got = try stream.read(into: room)
      if got == 0 { isLast = true }
      count += got
      // A pipe-like stream gives little at a time; parse what is there rather than wait for a full block.
      if count >= capacity / 2, got > 0 { break }
    }
    memset(block.base + count, 0, 64)
  }
}
