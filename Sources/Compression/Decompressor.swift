import CLZ4
import CSnappy
import CZstd

/// Decompresses blocks, keeping the libraries' contexts from one to the next. One per worker: not for several threads at once.
package final class Decompressor {
  private var zstdContext: OpaquePointer?
  private var gzip: Inflater?
  private var deflate: Inflater?

  package init() {}

  deinit { ZSTD_freeDCtx(zstdContext) }

  /// See `Codec.decompress(_:into:)`.
  package func decompress(
    _ codec: Codec, _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    // An empty block may be stored as nothing at all.
    if input.isEmpty, output.isEmpty { return 0 }
    switch codec {
    case .uncompressed:
      guard input.count <= output.count else { throw CompressionError.tooSmall(codec, output.count) }
      output.copyMemory(from: input)
      return input.count
    case .snappy: return try snappy(input, into: output)
    case .gzip:
      if gzip == nil { gzip = Inflater(.gzip) }
      guard let gzip else { return 0 }
      return try gzip.decompress(input, into: output)
    case .deflate:
      if deflate == nil { deflate = Inflater(.deflate) }
      guard let deflate else { return 0 }
      return try deflate.decompress(input, into: output)
    case .zstd: return try zstd(input, into: output)
    case .lz4Raw: return try lz4(input, into: output, codec)
    case .lz4Hadoop: return try lz4Hadoop(input, into: output)
    case .brotli, .lzo: throw CompressionError.unsupported(codec)
    }
  }

  /// See `Codec.decompress(_:maximumByteCount:)`.
  package func decompress(_ codec: Codec, _ input: [UInt8], maximumByteCount: Int) throws(CompressionError) -> [UInt8] {
    try decompress(codec, input, sizeHint: nil, maximumByteCount: maximumByteCount)
  }

  /// - Parameter sizeHint: a first guess of the result's size, for codecs that do not store it.
  package func decompress(
    _ codec: Codec, _ input: [UInt8], sizeHint: Int?, maximumByteCount: Int
  ) throws(CompressionError) -> [UInt8] {
    try withBytes(input) { input throws(CompressionError) in
      try self.decompress(codec, input, sizeHint: sizeHint, maximumByteCount: maximumByteCount)
    }
  }

  package func decompress(
    _ codec: Codec, _ input: UnsafeRawBufferPointer, sizeHint: Int? = nil, maximumByteCount: Int
  ) throws(CompressionError) -> [UInt8] {
    var capacity = storedSize(codec, input) ?? sizeHint ?? max(256, input.count.multipliedReportingOverflow(by: 4).partialValue)
    capacity = max(1, min(capacity, maximumByteCount))
    while true {
      let room = capacity
      var failure: CompressionError?
      let result = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        do throws(CompressionError) {
          count = try self.decompress(
            codec, input, into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: room))
        } catch {
          count = 0
          failure = error
        }
      }
      guard let failure else { return result }
      guard failure.kind == .outputTooSmall, capacity < maximumByteCount else { throw failure }
      // Bombs stay harmless: memory grows with what really comes out, up to the maximum.
      capacity = min(maximumByteCount, capacity.multipliedReportingOverflow(by: 4).partialValue)
    }
  }

  /// The result's size where the block itself tells; bounded by the caller, as it may be a lie.
  private func storedSize(_ codec: Codec, _ input: UnsafeRawBufferPointer) -> Int? {
    switch codec {
    case .uncompressed: return input.count
    case .snappy:
      var size = 0
      guard let base = input.baseAddress,
        snappy_uncompressed_length(base.assumingMemoryBound(to: CChar.self), input.count, &size) == SNAPPY_OK
      else { return nil }
      // A byte of snappy gives at most 64 / 3 bytes.
      return min(size, input.count.multipliedReportingOverflow(by: 22).partialValue)
    case .zstd:
      let size = ZSTD_getFrameContentSize(input.baseAddress, input.count)
      // The two largest values mean unknown and error.
      guard size < UInt64(Int32.max) else { return nil }
      return min(Int(size), max(1 << 16, input.count.multipliedReportingOverflow(by: 64).partialValue))
    case .gzip, .deflate, .lz4Raw, .lz4Hadoop, .brotli, .lzo: return nil
    }
  }

  // MARK: Codecs

  private func snappy(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    guard let source = input.baseAddress?.assumingMemoryBound(to: CChar.self) else {
      throw CompressionError(.truncated, .snappy, "the block is empty")
    }
    var size = 0
    guard snappy_uncompressed_length(source, input.count, &size) == SNAPPY_OK else {
      throw CompressionError(.corrupt, .snappy, "the length in front is damaged", at: 0)
    }
    guard size <= output.count else { throw CompressionError.tooSmall(.snappy, output.count) }
    guard size > 0, let target = output.baseAddress?.assumingMemoryBound(to: CChar.self) else { return 0 }
    guard snappy_uncompress(source, input.count, target, &size) == SNAPPY_OK else {
      throw CompressionError(.corrupt, .snappy, "the block is damaged")
    }
    return size
  }

  private func zstd(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    if zstdContext == nil { zstdContext = ZSTD_createDCtx() }
    let result = ZSTD_decompressDCtx(zstdContext, output.baseAddress, output.count, input.baseAddress, input.count)
    guard ZSTD_isError(result) == 0 else {
      switch ZSTD_getErrorCode(result) {
      case ZSTD_error_dstSize_tooSmall, ZSTD_error_dstBuffer_null: throw CompressionError.tooSmall(.zstd, output.count)
      case ZSTD_error_srcSize_wrong: throw CompressionError(.truncated, .zstd, "the data end early or something follows them")
      case ZSTD_error_memory_allocation: throw CompressionError(.outOfMemory, .zstd, "zstd could not get memory")
      default: throw CompressionError(.corrupt, .zstd, String(cString: ZSTD_getErrorName(result)))
      }
    }
    return result
  }

  private func lz4(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, _ codec: Codec
  ) throws(CompressionError) -> Int {
    guard input.count <= Int(Int32.max), let source = input.baseAddress?.assumingMemoryBound(to: CChar.self) else {
      throw CompressionError(.corrupt, codec, "an LZ4 block cannot have \(input.count) bytes")
    }
    let capacity = Int32(min(output.count, Int(Int32.max)))
    var nowhere: CChar = 0
    let result = withUnsafeMutablePointer(to: &nowhere) { nowhere in
      LZ4_decompress_safe(
        source, output.baseAddress?.assumingMemoryBound(to: CChar.self) ?? nowhere, Int32(input.count), capacity)
    }
    // LZ4 does not tell damage from lack of room.
    guard result >= 0 else {
      throw CompressionError(output.count < input.count * 255 ? .outputTooSmall : .corrupt, codec, "the block is damaged, or longer than announced")
    }
    return Int(result)
  }

  private func lz4Hadoop(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    if let written = try? hadoopBlocks(input, into: output) { return written }
    if input.count >= 4, input.loadUnaligned(as: UInt32.self).littleEndian == 0x184D_2204 {
      return try lz4Frame(input, into: output)
    }
    return try lz4(input, into: output, .lz4Hadoop)
  }

  /// `(length of result, length of block: 4 bytes each, big-endian; block)*`.
  private func hadoopBlocks(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    var at = 0
    var total = 0
    while at < input.count {
      guard input.count - at >= 8 else { throw CompressionError(.truncated, .lz4Hadoop, "the data end early", at: at) }
      let size = Int(UInt32(bigEndian: input.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
      let length = Int(UInt32(bigEndian: input.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self)))
      at += 8
      guard length <= input.count - at, size <= output.count - total else {
        throw CompressionError(.corrupt, .lz4Hadoop, "a block is longer than the data", at: at - 8)
      }
      let written = try lz4(
        UnsafeRawBufferPointer(rebasing: input[at..<at + length]),
        into: UnsafeMutableRawBufferPointer(rebasing: output[total..<total + size]), .lz4Hadoop)
      guard written == size else { throw CompressionError(.corrupt, .lz4Hadoop, "a block has another length than it says", at: at) }
      at += length
      total += size
    }
    return total
  }

  /// LZ4's own frame format, which some writers put where Hadoop's framing belongs, and Puffin footers use.
  func lz4Frame(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    var context: OpaquePointer?
    guard LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0 else {
      throw CompressionError(.outOfMemory, .lz4Hadoop, "LZ4 could not get memory")
    }
    defer { LZ4F_freeDecompressionContext(context) }
    var consumed = 0
    var total = 0
    while consumed < input.count {
      var sourceCount = input.count - consumed
      var targetCount = output.count - total
      let result = LZ4F_decompress(
        context, output.baseAddress.map { $0 + total }, &targetCount, input.baseAddress.map { $0 + consumed }, &sourceCount, nil)
      guard LZ4F_isError(result) == 0 else {
        throw CompressionError(.corrupt, .lz4Hadoop, String(cString: LZ4F_getErrorName(result)), at: consumed)
      }
      consumed += sourceCount
      total += targetCount
      if result == 0 { return total }
      if sourceCount == 0, targetCount == 0 {
        if total == output.count { throw CompressionError.tooSmall(.lz4Hadoop, output.count) }
        break
      }
    }
    throw CompressionError(.truncated, .lz4Hadoop, "the frame ends early", at: consumed)
  }
}

/// `Array.withUnsafeBytes` with the error type kept.
@inline(__always)
func withBytes<Result>(
  _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(CompressionError) -> Result
) throws(CompressionError) -> Result {
  try bytes.withUnsafeBytes { bytes in Swift.Result { () throws(CompressionError) in try body(bytes) } }.get()
}
