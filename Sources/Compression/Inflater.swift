import CZlib

/// zlib's decompression state, reused from block to block. It stays where it was allocated: zlib keeps a pointer to it.
final class Inflater {
  private let stream: UnsafeMutablePointer<z_stream>
  private let codec: Codec
  /// 31: gzip wrapper; 15: zlib wrapper; -15: none.
  private var windowBits: Int32
  private var isReady = false

  init(_ codec: Codec) {
    self.codec = codec
    windowBits = codec == .deflate ? -15 : 15 + 32
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
  }

  deinit {
    if isReady { inflateEnd(stream) }
    stream.deallocate()
  }

  /// Makes ready for a new member or block.
  func reset() throws(CompressionError) {
    let result: Int32
    if isReady {
      result = inflateReset2(stream, windowBits)
    } else {
      stream.pointee = z_stream()
      result = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
      isReady = result == Z_OK
    }
    guard result == Z_OK else { throw CompressionError(.outOfMemory, codec, "zlib could not start (\(result))") }
  }

  /// One step: takes from the front of `input`, writes to `output`.
  ///
  /// - Returns: bytes written, and whether this was the end of the member.
  func step(
    _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> (written: Int, isEnd: Bool) {
    // zlib counts in 32 bits.
    let inputCount = min(input.count, Int(UInt32.max))
    let outputCount = min(output.count, Int(UInt32.max))
    stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(inputCount)
    // zlib wants a place to write even when there is no room.
    var nowhere: UInt8 = 0
    let result = withUnsafeMutablePointer(to: &nowhere) { nowhere in
      stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? nowhere
      stream.pointee.avail_out = UInt32(outputCount)
      return inflate(stream, Z_NO_FLUSH)
    }
    let written = outputCount - Int(stream.pointee.avail_out)
    let consumed = inputCount - Int(stream.pointee.avail_in)
    input = UnsafeRawBufferPointer(rebasing: input[consumed...])
    switch result {
    case Z_STREAM_END: return (written, true)
    case Z_OK, Z_BUF_ERROR: return (written, false)
    case Z_MEM_ERROR: throw CompressionError(.outOfMemory, codec, "zlib could not get memory")
    default:
      let reason = stream.pointee.msg.map { String(cString: $0) } ?? "error \(result)"
      throw CompressionError(.corrupt, codec, reason, at: Int(stream.pointee.total_in))
    }
  }

  /// A whole block. Several gzip members follow each other as one; bytes behind the last member are an error.
  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    var rest = input
    var total = 0
    repeat {
      try reset()
      while true {
        let (written, isEnd) = try step(&rest, into: UnsafeMutableRawBufferPointer(rebasing: output[total...]))
        total += written
        if isEnd { break }
        if total == output.count {
          if try hasMore(&rest) { throw CompressionError.tooSmall(codec, output.count) }
          break
        }
        if written == 0, rest.isEmpty { throw CompressionError(.truncated, codec, "the data end early", at: input.count) }
      }
      // Parquet writers pad nothing; some gzip tools pad with zeros.
      while let first = rest.first, first == 0, codec == .gzip { rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst()) }
    } while !rest.isEmpty && codec == .gzip
    return total
  }

  /// With a full output: whether another byte would come. False at the end of the member.
  private func hasMore(_ rest: inout UnsafeRawBufferPointer) throws(CompressionError) -> Bool {
    var byte: UInt8 = 0
    let (written, isEnd) = try withUnsafeMutableBytes(of: &byte) { room throws(CompressionError) in try step(&rest, into: room) }
    if written > 0 { return true }
    if isEnd { return false }
    throw CompressionError(.truncated, codec, "the data end early")
  }
}

/// zlib's compression state, reused from block to block.
final class Deflater {
  private let stream: UnsafeMutablePointer<z_stream>
  private let codec: Codec
  private let level: Int32
  private var isReady = false

  init(_ codec: Codec, level: Int) {
    self.codec = codec
    self.level = Int32(min(9, max(0, level)))
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
  }

  deinit {
    if isReady { deflateEnd(stream) }
    stream.deallocate()
  }

  func reset() throws(CompressionError) {
    let result: Int32
    if isReady {
      result = deflateReset(stream)
    } else {
      result = deflateInit2_(
        stream, level, Z_DEFLATED, codec == .deflate ? -15 : 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
      isReady = result == Z_OK
    }
    guard result == Z_OK else { throw CompressionError(.outOfMemory, codec, "zlib could not start (\(result))") }
  }

  /// An upper bound of what `count` bytes become.
  func bound(_ count: Int) throws(CompressionError) -> Int {
    if !isReady { try reset() }
    return Int(deflateBound(stream, UInt(count)))
  }

  /// One step: takes from the front of `input`, writes to `output`; `isLast` says that nothing follows `input`.
  func step(
    _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, isLast: Bool
  ) throws(CompressionError) -> (written: Int, isEnd: Bool) {
    let inputCount = min(input.count, Int(UInt32.max))
    let outputCount = min(output.count, Int(UInt32.max))
    stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(inputCount)
    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(outputCount)
    let result = CZlib.deflate(stream, isLast && inputCount == input.count ? Z_FINISH : Z_NO_FLUSH)
    let written = outputCount - Int(stream.pointee.avail_out)
    input = UnsafeRawBufferPointer(rebasing: input[(inputCount - Int(stream.pointee.avail_in))...])
    guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else {
      throw CompressionError(.corrupt, codec, "zlib failed to compress (\(result))")
    }
    return (written, result == Z_STREAM_END)
  }

  func compress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    try reset()
    var rest = input
    var total = 0
    while true {
      let (written, isEnd) = try step(&rest, into: UnsafeMutableRawBufferPointer(rebasing: output[total...]), isLast: true)
      total += written
      if isEnd { return total }
      if total == output.count { throw CompressionError.tooSmall(codec, output.count) }
    }
  }
}
