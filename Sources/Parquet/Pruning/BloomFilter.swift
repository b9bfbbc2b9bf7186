import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// A split-block Bloom filter: blocks of eight 32-bit words, of which a value sets or checks one bit each.
///
/// - Source: parquet-format, BloomFilter.md.
struct BloomFilter {
  static let blockSize = 32
  /// The format's limit.
  static let maxByteCount = 128 << 20

  private static let salts: SIMD8<UInt32> = [
    0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31,
  ]

  /// The bits of a hash within its block.
  @inline(__always)
  private static func mask(_ hash: UInt64) -> SIMD8<UInt32> {
    let key = SIMD8<UInt32>(repeating: UInt32(truncatingIfNeeded: hash))
    return SIMD8<UInt32>(repeating: 1) &<< ((key &* salts) &>> SIMD8<UInt32>(repeating: 27))
  }

  /// The block of a hash among `blockCount`.
  @inline(__always)
  static func block(_ hash: UInt64, blockCount: Int) -> Int {
    Int(truncatingIfNeeded: ((hash &>> 32) &* UInt64(truncatingIfNeeded: blockCount)) &>> 32)
  }

  static func contains(_ hash: UInt64, block: UnsafeRawPointer) -> Bool {
    let mask = mask(hash)
    return block.loadUnaligned(as: SIMD8<UInt32>.self) & mask == mask
  }

  // MARK: Writing

  private let bits: Buffer
  private let blockCount: Int

  /// A filter for about `distinctCount` values at the given rate of false positives, at most `limit` bytes.
  init(distinctCount: Int, falsePositiveRate: Double, limit: Int) {
    let rate = min(0.5, max(1e-6, falsePositiveRate))
    let wanted = -8 * Double(max(1, distinctCount)) / log(1 - pow(rate, 1.0 / 8)) / 8
    let most = max(Self.blockSize, min(limit, Self.maxByteCount))
    var byteCount = Self.blockSize
    while Double(byteCount) < wanted, byteCount &* 2 <= most { byteCount &*= 2 }
    bits = Buffer.zeroed(byteCount: byteCount)
    blockCount = byteCount / Self.blockSize
  }

  func insert(_ hash: UInt64) {
    let target = (bits.base + Self.block(hash, blockCount: blockCount) &* Self.blockSize)
    let word = target.assumingMemoryBound(to: SIMD8<UInt32>.self)
    word.pointee |= Self.mask(hash)
  }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bits.base, count: bits.byteCount) }

  /// The thrift header before the bits.
  var header: [UInt8] {
    var writer = CompactWriter()
    writer.structureElement { header in
      header.int32(1, Int32(truncatingIfNeeded: bits.byteCount))
      header.emptyMember(2, 1)
      header.emptyMember(3, 1)
      header.emptyMember(4, 1)
    }
    return writer.bytes
  }
}

/// A filter of a file, of which only the blocks asked for are read.
struct StoredBloomFilter {
  /// Enough for the header.
  private static let headerByteCount = 64
  /// From far away filters up to this size are fetched whole, of larger ones the block that a value falls into.
  private static let largestWhole = 128 << 10

  private let file: ParquetFile
  /// Where the bits begin.
  private let offset: Int
  private let blockCount: Int

  /// What is read of a chunk's filter to look for values with these hashes; nothing when there is none.
  ///
  /// Where the length is known, so is where the bits begin: they fill whole blocks, and the header in front is shorter than two.
  static func ranges(_ file: ParquetFile, rowGroup: Int, leaf: Int, hashes: [UInt64]) -> [Range<Int>] {
    let chunk = file.metadata.rowGroups[rowGroup].columns[leaf]
    guard let start = chunk.bloomFilterOffset, start > 0, start < Int64(file.footerOffset) else { return [] }
    let offset = Int(start)
    guard let length = chunk.bloomFilterLength, length > 0, Int(length) <= file.footerOffset - offset else {
      return [offset..<min(offset + headerByteCount, file.footerOffset)]
    }
    let end = offset + Int(length)
    guard Int(length) > largestWhole else { return [offset..<end] }
    let bits = offset + Int(length) % BloomFilter.blockSize
    let blockCount = (end - bits) / BloomFilter.blockSize
    return [offset..<offset + headerByteCount]
      + hashes.map { hash in
        let block = bits + BloomFilter.block(hash, blockCount: blockCount) * BloomFilter.blockSize
        return block..<block + BloomFilter.blockSize
      }
  }

  /// nil when the chunk has no filter or one that cannot be used; it is only an optimisation.
  init?(_ file: ParquetFile, rowGroup: Int, leaf: Int) {
    let chunk = file.metadata.rowGroups[rowGroup].columns[leaf]
    guard let start = chunk.bloomFilterOffset, start > 0, start < Int64(file.footerOffset) else { return nil }
    let available = file.footerOffset - Int(start)
    guard let bytes = try? ParquetFile.read(file.reader, Int(start), min(Self.headerByteCount, available)) else { return nil }
    var reader = CompactReader(UnsafeRawBufferPointer(start: bytes.base, count: bytes.byteCount))
    var byteCount: Int32 = 0
    var algorithm: Int?
    var hash: Int?
    var compression: Int?
    do throws(ParquetError) {
      try reader.structure { (reader, field, type) throws(ParquetError) in
        switch field {
        case 1: byteCount = try reader.int32(type)
        case 2: algorithm = try reader.union(type)
        case 3: hash = try reader.union(type)
        case 4: compression = try reader.union(type)
        default: try reader.skip(type)
        }
      }
    } catch {
      // A damaged filter is as good as none.
      return nil
    }
    guard algorithm == 1, hash == 1, compression == 1, byteCount > 0, Int(byteCount) % BloomFilter.blockSize == 0,
      Int(byteCount) <= BloomFilter.maxByteCount, Int(byteCount) <= available - reader.position
    else { return nil }
    if let length = chunk.bloomFilterLength, Int(length) != Int(byteCount) + reader.position { return nil }
    self.file = file
    offset = Int(start) + reader.position
    blockCount = Int(byteCount) / BloomFilter.blockSize
  }

  /// False only when no value of the chunk has this hash.
  func mayContain(_ hash: UInt64) -> Bool {
    let position = offset + BloomFilter.block(hash, blockCount: blockCount) * BloomFilter.blockSize
    guard let block = try? ParquetFile.read(file.reader, position, BloomFilter.blockSize) else { return true }
    return BloomFilter.contains(hash, block: block.base)
  }
}
