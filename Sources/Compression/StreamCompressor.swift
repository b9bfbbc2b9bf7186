import CZlib
import CZstd

/// Compresses a file piece by piece. Not for several threads at once.
package final class StreamCompressor {
  private enum State {
    case plain
    case gzip(Deflater)
    case zstd(OpaquePointer)
    case hadoop(Compressor)
  }

  private let compression: FileCompression
  private let state: State
  /// Input waiting for a full block of the Hadoop formats.
  private var pending: [UInt8] = []
  private static let hadoopBlockSize = 128 << 10

  package init(_ compression: FileCompression, level: Int? = nil) throws(CompressionError) {
    if let unsupported = compression.unsupported { throw unsupported }
    self.compression = compression
    switch compression {
    case .none, .bzip2, .xz: state = .plain
    case .gzip:
      let deflater = Deflater(.gzip, level: level ?? 6)
      try deflater.reset()
      state = .gzip(deflater)
    case .deflate: throw CompressionError(.unsupported, .deflate, "writing .deflate files is not supported; use gzip")
    case .zstd:
      guard let context = ZSTD_createCCtx() else { throw CompressionError(.outOfMemory, .zstd, "zstd could not get memory") }
      ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(min(22, max(-7, level ?? 3))))
      ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
      state = .zstd(context)
    case .snappy: state = .hadoop(try Compressor(.snappy))
    case .lz4: state = .hadoop(try Compressor(.lz4Raw))
    }
  }

  deinit { if case .zstd(let context) = state { ZSTD_freeCCtx(context) } }

  /// - Returns: the compressed bytes that are ready, often none.
  package func compress(_ input: UnsafeRawBufferPointer) throws(CompressionError) -> [UInt8] {
    try step(input, isLast: false)
  }

  /// Ends the file.
  package func finish() throws(CompressionError) -> [UInt8] {
    try step(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true)
  }

  private func step(_ input: UnsafeRawBufferPointer, isLast: Bool) throws(CompressionError) -> [UInt8] {
    switch state {
    case .plain: return Array(input)
    case .gzip(let deflater): return try gzip(deflater, input, isLast)
    case .zstd(let context): return try zstd(context, input, isLast)
    case .hadoop(let compressor):
      pending.append(contentsOf: input)
      var result: [UInt8] = []
      var at = 0
      while pending.count - at >= Self.hadoopBlockSize || (isLast && at < pending.count) {
        let end = min(pending.count, at + Self.hadoopBlockSize)
        let block = try compressor.compress(Array(pending[at..<end]))
        for number in [end - at, block.count] {
          result.append(contentsOf: withUnsafeBytes(of: UInt32(number).bigEndian, Array.init))
        }
        result += block
        at = end
      }
      pending.removeFirst(at)
      return result
    }
  }

  private func gzip(
    _ deflater: Deflater, _ input: UnsafeRawBufferPointer, _ isLast: Bool
  ) throws(CompressionError) -> [UInt8] {
    var rest = input
    var result: [UInt8] = []
    var block = [UInt8](repeating: 0, count: max(1 << 14, input.count / 2))
    while true {
      var outcome: Result<(written: Int, isEnd: Bool), CompressionError> = .success((0, false))
      block.withUnsafeMutableBytes { block in
        outcome = Result { () throws(CompressionError) in try deflater.step(&rest, into: block, isLast: isLast) }
      }
      let (written, isEnd) = try outcome.get()
      result += block[0..<written]
      if isEnd || (!isLast && rest.isEmpty && written < block.count) { return result }
    }
  }

  private func zstd(_ context: OpaquePointer, _ input: UnsafeRawBufferPointer, _ isLast: Bool) throws(CompressionError)
    -> [UInt8]
  {
    var result: [UInt8] = []
    var block = [UInt8](repeating: 0, count: max(1 << 14, input.count / 2))
    var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    while true {
      var written = 0
      let remaining = block.withUnsafeMutableBytes { block in
        var target = ZSTD_outBuffer(dst: block.baseAddress, size: block.count, pos: 0)
        defer { written = target.pos }
        return ZSTD_compressStream2(context, &target, &source, isLast ? ZSTD_e_end : ZSTD_e_continue)
      }
      guard ZSTD_isError(remaining) == 0 else {
        throw CompressionError(.outOfMemory, .zstd, String(cString: ZSTD_getErrorName(remaining)))
      }
      result += block[0..<written]
      if isLast ? remaining == 0 : source.pos == source.size { return result }
    }
  }
}
