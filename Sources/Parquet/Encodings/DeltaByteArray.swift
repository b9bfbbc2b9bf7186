import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// DELTA_LENGTH_BYTE_ARRAY: delta-packed lengths, then all bytes. Views point into the page.
///
/// - Source: parquet-format, Encodings.md, "Delta-length byte array".
struct DeltaLengthDecoder {
  private var lengths: DeltaDecoder
  private var cursor: UnsafeRawPointer
  private let end: UnsafeRawPointer

  init(_ bytes: UnsafeRawPointer, byteCount: Int) throws(ParquetError) {
    lengths = try DeltaDecoder(bytes, byteCount: byteCount, maxWidth: 32)
    end = bytes + byteCount
    cursor = try lengths.endOfStream()
  }

  /// Reads `count` values as views of the page's bytes, using `scratch` for as many lengths.
  mutating func read(_ count: Int, scratch: UnsafeMutablePointer<Int32>, into views: UnsafeMutablePointer<StringView>)
    throws(ParquetError)
  {
    try lengths.read(count, into: scratch)
    var position = cursor
    for index in 0..<count {
      let length = Int(scratch[index])
      guard length >= 0, length <= end - position else {
        throw .corrupt("delta string length", expected: "0...\(end - position)", found: "\(length)")
      }
      views[index] = StringView(position, count: length)
      position += length
    }
    cursor = position
  }
}

/// DELTA_BYTE_ARRAY: every value is a prefix of the one before and a suffix of its own.
///
/// - Source: parquet-format, Encodings.md, "Delta Strings".
struct DeltaByteArrayDecoder {
  private var prefixes: DeltaDecoder
  private var suffixes: DeltaLengthDecoder
  /// The value before, copied: the batch that held it may be gone.
  private var previous: [UInt8] = []

  /// One batch may not grow beyond this: prefixes let a few bytes stand for gigabytes.
  private static let maxBatchBytes = 512 << 20

  init(_ bytes: UnsafeRawPointer, byteCount: Int) throws(ParquetError) {
    prefixes = try DeltaDecoder(bytes, byteCount: byteCount, maxWidth: 32)
    let start = try prefixes.endOfStream()
    suffixes = try DeltaLengthDecoder(start, byteCount: byteCount - (start - bytes))
  }

  /// Reads `count` values into a block of their own.
  ///
  /// - Parameters:
  ///   - scratch: room for `count` lengths.
  ///   - views: at first holds the suffixes, at the end the values.
  /// - Returns: the block the views point into.
  mutating func read(_ count: Int, scratch: UnsafeMutablePointer<Int32>, into views: UnsafeMutablePointer<StringView>)
    throws(ParquetError) -> Buffer
  {
    try suffixes.read(count, scratch: scratch, into: views)
    try prefixes.read(count, into: scratch)
    var total = 0
    var previousLength = previous.count
    for index in 0..<count {
      let prefix = Int(scratch[index])
      guard prefix >= 0, prefix <= previousLength else {
        throw .corrupt("delta string prefix", expected: "0...\(previousLength)", found: "\(prefix)")
      }
      previousLength = prefix &+ views[index].count
      total &+= previousLength
      guard total <= Self.maxBatchBytes else {
        throw .unsupported("delta-encoded strings of one batch exceed \(Self.maxBatchBytes) bytes")
      }
    }
    let block = Buffer(byteCount: total)
    let base = block.base
    previous.withUnsafeBytes { before in
      var last = before.baseAddress ?? UnsafeRawPointer(base)
      var target = base
      for index in 0..<count {
        let prefix = Int(scratch[index])
        memcpy(target, last, prefix)
        let suffix = views[index].count
        memcpy(target + prefix, StringView.bytes(at: views + index), suffix)
        views[index] = StringView(target, count: prefix &+ suffix)
        last = UnsafeRawPointer(target)
        target += prefix &+ suffix
      }
      previousLength = UnsafeRawPointer(target) - last
    }
    if count > 0 { previous = Array(UnsafeRawBufferPointer(start: base + (total - previousLength), count: previousLength)) }
    return block
  }
}
