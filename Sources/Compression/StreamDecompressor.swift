import CLZ4
import CSnappy
import CZstd

/// Decompresses a file piece by piece, with bounded memory. Not for several threads at once.
///
/// ```
/// while let piece = nextPiece() {                     // bytes of the file, cut anywhere
///   var rest = piece
///   repeat { written = try stream.decompress(&rest, into: block); use(block[..<written]) } while written == block.count
/// }
/// try stream.finish()
/// ```
package final class StreamDecompressor {
  private enum State {
    case plain
    case gzip(Inflater)
    case zstd(OpaquePointer)
    case lz4Frame(OpaquePointer)
    /// Snappy and LZ4 before the first bytes tell which framing it is.
    case undecided
    case blocks(Framing)
  }

  private enum Framing { case snappy, hadoop, snappyJava }

  private let compression: FileCompression
  private var state: State
  /// Inside a member, frame or block: the input may not end here.
  private var isInside = false
  /// Undecoded input of the block formats.
  private var pending: [UInt8] = []
  /// Decoded bytes not handed out yet.
  private var ready: [UInt8] = []
  private var readyStart = 0
  /// Hadoop: bytes still to come of the announced block.
  private var blockRemaining = 0
  private let blocks = Decompressor()

  package init(_ compression: FileCompression) throws(CompressionError) {
    if let unsupported = compression.unsupported { throw unsupported }
    self.compression = compression
    switch compression {
    case .none, .bzip2, .xz: state = .plain
    case .gzip, .deflate: state = .gzip(Inflater(.gzip))
    case .zstd:
      guard let context = ZSTD_createDCtx() else { throw CompressionError(.outOfMemory, .zstd, "zstd could not get memory") }
      state = .zstd(context)
    case .snappy, .lz4: state = .undecided
    }
  }

  deinit {
    switch state {
    case .zstd(let context): ZSTD_freeDCtx(context)
    case .lz4Frame(let context): LZ4F_freeDecompressionContext(context)
    case .plain, .gzip, .undecided, .blocks: break
    }
  }

  /// Takes bytes from the front of `input` and fills `output`.
  ///
  /// - Returns: bytes written; fewer than `output.count` means that all of `input` is used up and more of it is wanted.
  package func decompress(
    _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    switch state {
    case .plain:
      let count = min(input.count, output.count)
      output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[0..<count]))
      input = UnsafeRawBufferPointer(rebasing: input[count...])
      return count
    case .gzip(let inflater): return try gzip(inflater, &input, output)
    case .zstd(let context): return try zstd(context, &input, output)
    case .lz4Frame(let context): return try lz4Frame(context, &input, output)
    case .undecided, .blocks: return try framed(&input, output)
    }
  }

  /// Says that there is no more input.
  ///
  /// - Throws: `truncated` when the input ended inside a member, frame or block.
  package func finish() throws(CompressionError) {
    guard !isInside, pending.isEmpty, blockRemaining == 0 else {
      throw CompressionError(.truncated, compression.codec, "the file ends early")
    }
  }

  private func gzip(
    _ inflater: Inflater, _ input: inout UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    var total = 0
    while total < output.count {
      if !isInside {
        // Zeros between and behind members are padding.
        while let first = input.first, first == 0 { input = UnsafeRawBufferPointer(rebasing: input.dropFirst()) }
        guard !input.isEmpty else { return total }
        try inflater.reset()
        isInside = true
      }
      let (written, isEnd) = try inflater.step(&input, into: UnsafeMutableRawBufferPointer(rebasing: output[total...]))
      total += written
      if isEnd { isInside = false } else if written == 0, input.isEmpty { return total }
    }
    return total
  }

  private func zstd(
    _ context: OpaquePointer, _ input: inout UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    while target.pos < target.size {
      var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
      let before = target.pos
      let result = ZSTD_decompressStream(context, &target, &source)
      input = UnsafeRawBufferPointer(rebasing: input[source.pos...])
      guard ZSTD_isError(result) == 0 else {
        throw CompressionError(.corrupt, .zstd, String(cString: ZSTD_getErrorName(result)))
      }
      // Zero: a frame is complete. Asking again without input must not count as being inside the next one.
      if source.pos > 0 || target.pos > before { isInside = result != 0 }
      if input.isEmpty, target.pos == before { break }
    }
    return target.pos
  }

  private func lz4Frame(
    _ context: OpaquePointer, _ input: inout UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    var total = 0
    while total < output.count {
      // The first bytes went to `pending` while the framing was being found out.
      let usesPending = !pending.isEmpty
      var sourceCount = usesPending ? pending.count : input.count
      var targetCount = output.count - total
      let target = output.baseAddress.map { $0 + total }
      let result =
        usesPending
        ? pending.withUnsafeBytes { LZ4F_decompress(context, target, &targetCount, $0.baseAddress, &sourceCount, nil) }
        : LZ4F_decompress(context, target, &targetCount, input.baseAddress, &sourceCount, nil)
      guard LZ4F_isError(result) == 0 else {
        throw CompressionError(.corrupt, .lz4Hadoop, String(cString: LZ4F_getErrorName(result)))
      }
      if usesPending { pending.removeFirst(sourceCount) } else { input = UnsafeRawBufferPointer(rebasing: input[sourceCount...]) }
      total += targetCount
      if sourceCount > 0 || targetCount > 0 { isInside = result != 0 }
      if targetCount == 0, input.isEmpty, pending.isEmpty { break }
    }
    return total
  }

  // MARK: Block formats

  private static let snappyMagic: [UInt8] = [0xFF, 0x06, 0x00, 0x00] + Array("sNaPpY".utf8)
  private static let snappyJavaMagic: [UInt8] = [0x82] + Array("SNAPPY".utf8) + [0x00]
  private static let lz4Magic: [UInt8] = [0x04, 0x22, 0x4D, 0x18]

  private func framed(
    _ input: inout UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    var total = 0
    while true {
      let count = min(ready.count - readyStart, output.count - total)
      if count > 0 {
        ready.withUnsafeBytes { ready in
          UnsafeMutableRawBufferPointer(rebasing: output[total..<total + count])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: ready[readyStart..<readyStart + count]))
        }
        readyStart += count
        total += count
      }
      if total == output.count { return total }
      ready.removeAll(keepingCapacity: true)
      readyStart = 0
      if case .undecided = state { try decide(&input) }
      switch state {
      case .lz4Frame(let context):
        return try total + lz4Frame(context, &input, UnsafeMutableRawBufferPointer(rebasing: output[total...]))
      case .blocks(let framing):
        let before = pending.count
        if try decodeBlock(framing) { continue }
        // A block needs more bytes than are there; a piece at a time keeps `pending` small.
        let piece = min(input.count, 1 << 16)
        pending.append(contentsOf: input[0..<piece])
        input = UnsafeRawBufferPointer(rebasing: input[piece...])
        if piece == 0, pending.count == before { return total }
      default: return total
      }
    }
  }

  /// Looks at the first bytes, once there are enough of them.
  private func decide(_ input: inout UnsafeRawBufferPointer) throws(CompressionError) {
    let wanted = compression == .lz4 ? 4 : 10
    let piece = min(input.count, wanted - min(wanted, pending.count))
    pending.append(contentsOf: input[0..<piece])
    input = UnsafeRawBufferPointer(rebasing: input[piece...])
    guard pending.count >= wanted else { return }
    if compression == .lz4, pending.starts(with: Self.lz4Magic) {
      var context: OpaquePointer?
      guard LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0, let context else {
        throw CompressionError(.outOfMemory, .lz4Hadoop, "LZ4 could not get memory")
      }
      state = .lz4Frame(context)
    } else if compression == .snappy, pending.starts(with: Self.snappyMagic) {
      state = .blocks(.snappy)
    } else if compression == .snappy, pending.starts(with: Self.snappyJavaMagic) {
      state = .blocks(.snappyJava)
      // Magic, then two version numbers of four bytes: those are dropped as a block of their own.
      pending.removeFirst(8)
      blockRemaining = -1
    } else {
      state = .blocks(.hadoop)
    }
  }

  /// Decodes blocks that `pending` holds completely into `ready`.
  ///
  /// - Returns: whether there is something in `ready`.
  private func decodeBlock(_ framing: Framing) throws(CompressionError) -> Bool {
    var at = 0
    defer { pending.removeFirst(at) }
    while ready.isEmpty {
      switch framing {
      case .snappy:
        guard pending.count - at >= 4 else { return false }
        let length = Int(pending[at + 1]) | Int(pending[at + 2]) << 8 | Int(pending[at + 3]) << 16
        guard pending.count - at - 4 >= length else { return false }
        try snappyChunk(type: pending[at], at + 4..<at + 4 + length)
        at += 4 + length
      case .snappyJava:
        if blockRemaining == -1 {
          guard pending.count - at >= 8 else { return false }
          at += 8
          blockRemaining = 0
        }
        guard let length = bigEndian(at), pending.count - at - 4 >= length else { return false }
        ready = try decoded(.snappy, at + 4..<at + 4 + length, limit: Int(Int32.max))
        at += 4 + length
      case .hadoop:
        if blockRemaining == 0 {
          guard let size = bigEndian(at) else { return false }
          at += 4
          blockRemaining = size
          continue
        }
        guard let length = bigEndian(at), pending.count - at - 4 >= length else { return false }
        ready = try decoded(compression == .lz4 ? .lz4Raw : .snappy, at + 4..<at + 4 + length, limit: blockRemaining)
        blockRemaining -= ready.count
        at += 4 + length
        guard length > 0, !ready.isEmpty else {
          throw CompressionError(.corrupt, compression.codec, "a block is empty, but its header announces data")
        }
      }
    }
    return true
  }

  private func bigEndian(_ at: Int) -> Int? {
    guard pending.count - at >= 4 else { return nil }
    return Int(pending[at]) << 24 | Int(pending[at + 1]) << 16 | Int(pending[at + 2]) << 8 | Int(pending[at + 3])
  }

  private func decoded(_ codec: Codec, _ range: Range<Int>, limit: Int) throws(CompressionError) -> [UInt8] {
    try withBytes(pending) { pending throws(CompressionError) in
      try self.blocks.decompress(codec, UnsafeRawBufferPointer(rebasing: pending[range]), maximumByteCount: limit)
    }
  }

  /// framing_format.txt: 0x00 compressed, 0x01 plain (both with a masked CRC-32C in front), 0xFF stream identifier, 0x80... skippable.
  private func snappyChunk(type: UInt8, _ range: Range<Int>) throws(CompressionError) {
    switch type {
    case 0x00, 0x01:
      guard range.count >= 4 else { throw CompressionError(.corrupt, .snappy, "a chunk is too short for its checksum") }
      let content = range.lowerBound + 4..<range.upperBound
      // A chunk holds at most 65,536 bytes.
      ready = type == 0 ? try decoded(.snappy, content, limit: 1 << 16) : Array(pending[content])
      let start = range.lowerBound
      let stored =
        UInt32(pending[start]) | UInt32(pending[start + 1]) << 8 | UInt32(pending[start + 2]) << 16 | UInt32(pending[start + 3]) << 24
      guard Checksum.masked(Checksum.crc32c(ready)) == stored else {
        throw CompressionError(.corrupt, .snappy, "a chunk does not match its checksum")
      }
    case 0x80...0xFF: break
    default: throw CompressionError(.corrupt, .snappy, "unknown chunk type \(type)")
    }
  }
}
