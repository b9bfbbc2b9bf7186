/// How one block of bytes (a Parquet page, an Avro block, a spill frame) is compressed.
///
/// Files as a whole are `FileCompression`.
package enum Codec: String, Sendable, Hashable, CaseIterable {
  case uncompressed
  /// A raw snappy block: varint length, then the elements.
  case snappy
  /// RFC 1952; reading takes several members, and zlib's own wrapper (RFC 1950) as some Parquet writers use it.
  case gzip
  /// RFC 1951 without any wrapper, as in Avro.
  case deflate
  case zstd
  /// One LZ4 block without frame (Parquet's LZ4_RAW).
  case lz4Raw
  /// Hadoop's framing of LZ4 blocks (Parquet's LZ4); reading falls back to an LZ4 frame and to a raw block, which others wrote under
  /// that name.
  case lz4Hadoop
  /// Named only: reading and writing give `unsupported`.
  case brotli
  /// Named only: reading and writing give `unsupported`.
  case lzo

  package var isSupported: Bool { self != .brotli && self != .lzo }

  /// The level taken when none is given; nil for codecs without levels.
  package var defaultLevel: Int? {
    switch self {
    case .gzip, .deflate: 6
    case .zstd: 3
    case .uncompressed, .snappy, .lz4Raw, .lz4Hadoop, .brotli, .lzo: nil
    }
  }

  package var levels: ClosedRange<Int>? {
    switch self {
    case .gzip, .deflate: 0...9
    case .zstd: -7...22
    case .uncompressed, .snappy, .lz4Raw, .lz4Hadoop, .brotli, .lzo: nil
    }
  }

  /// Decompresses one block into memory of the announced size.
  ///
  /// - Returns: bytes written, which may be fewer than `output.count`: the caller compares with what was announced.
  /// - Throws: `outputTooSmall` when the block holds more than `output.count` bytes.
  /// - Note: makes a new context for each call; workers keep a `Decompressor`.
  package func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    try Decompressor().decompress(self, input, into: output)
  }

  /// Decompresses one block whose size nobody announced.
  ///
  /// - Throws: `outputTooSmall` when there are more than `maximumByteCount` bytes.
  package func decompress(_ input: [UInt8], maximumByteCount: Int) throws(CompressionError) -> [UInt8] {
    try Decompressor().decompress(self, input, maximumByteCount: maximumByteCount)
  }

  /// Compresses one block.
  package func compress(_ input: [UInt8], level: Int? = nil) throws(CompressionError) -> [UInt8] {
    try Compressor(self, level: level).compress(input)
  }
}
