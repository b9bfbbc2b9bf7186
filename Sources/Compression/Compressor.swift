import CLZ4
import CSnappy
import CZlib
import CZstd

/// Compresses blocks with one codec and level, keeping the library's context. One per worker: not for several threads at once.
package final class Compressor {
  package let codec: Codec
  private let level: Int
  private var zstdContext: OpaquePointer?
  private var deflater: Deflater?

  /// - Parameter level: nil takes the codec's default; ignored by codecs without levels, and brought into range by the others.
  package init(_ codec: Codec, level: Int? = nil) throws(CompressionError) {
    guard codec.isSupported else { throw CompressionError.unsupported(codec) }
    self.codec = codec
    let range = codec.levels ?? 0...0
    self.level = min(range.upperBound, max(range.lowerBound, level ?? codec.defaultLevel ?? 0))
  }

  deinit { ZSTD_freeCCtx(zstdContext) }

  /// The room `count` bytes need at most.
  package func bound(_ count: Int) throws(CompressionError) -> Int {
    switch codec {
    case .uncompressed: return count
    case .snappy: return snappy_max_compressed_length(count)
    case .gzip, .deflate: return try makeDeflater().bound(count) + 18
    case .zstd: return ZSTD_compressBound(count)
    case .lz4Raw: return Int(LZ4_compressBound(try lz4Count(count)))
    case .lz4Hadoop: return Int(LZ4_compressBound(try lz4Count(count))) + 8
    case .brotli, .lzo: throw CompressionError.unsupported(codec)
    }
  }

  /// - Parameter output: at least `bound(input.count)` bytes.
  /// - Returns: bytes written.
  package func compress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    switch codec {
    case .uncompressed:
      guard input.count <= output.count else { throw CompressionError.tooSmall(codec, output.count) }
      output.copyMemory(from: input)
      return input.count
    case .snappy:
      var written = output.count
      var nothing: CChar = 0
      let status = withUnsafePointer(to: &nothing) { nothing in
        snappy_compress(
          input.baseAddress?.assumingMemoryBound(to: CChar.self) ?? nothing, input.count,
          output.baseAddress?.assumingMemoryBound(to: CChar.self), &written)
      }
      guard status == SNAPPY_OK else { throw CompressionError.tooSmall(codec, output.count) }
      return written
    case .gzip, .deflate: return try makeDeflater().compress(input, into: output)
    case .zstd:
      if zstdContext == nil { zstdContext = ZSTD_createCCtx() }
      let result = ZSTD_compressCCtx(
        zstdContext, output.baseAddress, output.count, input.baseAddress, input.count, Int32(level))
      guard ZSTD_isError(result) == 0 else {
        throw CompressionError(.outOfMemory, codec, String(cString: ZSTD_getErrorName(result)))
      }
      return result
    case .lz4Raw: return try lz4(input, into: output)
    case .lz4Hadoop:
      guard output.count >= 8 else { throw CompressionError.tooSmall(codec, output.count) }
      let written = try lz4(input, into: UnsafeMutableRawBufferPointer(rebasing: output[8...]))
      output.storeBytes(of: UInt32(input.count).bigEndian, as: UInt32.self)
      output.storeBytes(of: UInt32(written).bigEndian, toByteOffset: 4, as: UInt32.self)
      return written + 8
    case .brotli, .lzo: throw CompressionError.unsupported(codec)
    }
  }

  package func compress(_ input: UnsafeRawBufferPointer) throws(CompressionError) -> [UInt8] {
    let bound = try bound(input.count)
    var failure: CompressionError?
    let result = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      do throws(CompressionError) { count = try self.compress(input, into: UnsafeMutableRawBufferPointer(buffer)) } catch {
        count = 0
        failure = error
      }
    }
    if let failure { throw failure }
    return result
  }

  package func compress(_ input: [UInt8]) throws(CompressionError) -> [UInt8] {
    try withBytes(input) { input throws(CompressionError) in try self.compress(input) }
  }

  private func makeDeflater() -> Deflater {
    if let deflater { return deflater }
    let made = Deflater(codec, level: level)
    deflater = made
    return made
  }

  private func lz4Count(_ count: Int) throws(CompressionError) -> Int32 {
    guard count <= Int(LZ4_MAX_INPUT_SIZE) else {
      throw CompressionError(.outputTooSmall, codec, "LZ4 takes at most \(LZ4_MAX_INPUT_SIZE) bytes at once, not \(count)")
    }
    return Int32(count)
  }

  private func lz4(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    let count = try lz4Count(input.count)
    var nothing: CChar = 0
    let written = withUnsafePointer(to: &nothing) { nothing in
      LZ4_compress_default(
        input.baseAddress?.assumingMemoryBound(to: CChar.self) ?? nothing,
        output.baseAddress?.assumingMemoryBound(to: CChar.self), count, Int32(min(output.count, Int(Int32.max))))
    }
    guard written > 0 else { throw CompressionError.tooSmall(codec, output.count) }
    return Int(written)
  }
}
