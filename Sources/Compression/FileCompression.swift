/// How a whole file is compressed, as its name's extension says.
package enum FileCompression: String, Sendable, Hashable, CaseIterable {
  case none
  /// One or several gzip members.
  case gzip
  /// zlib's wrapper, Hadoop's `.deflate`.
  case deflate
  /// One or several zstd frames.
  case zstd
  /// Reading takes snappy's own framing, Hadoop's blocks and snappy-java's stream; writing makes Hadoop's, which Hive and Athena read.
  case snappy
  /// Reading takes LZ4 frames and Hadoop's blocks; writing makes Hadoop's.
  case lz4
  /// Named only.
  case bzip2
  /// Named only.
  case xz

  /// From the last extension of a file name: `x.csv.gz` is gzip.
  package init(fileName: String) {
    let name = fileName.utf8
    guard let dot = name.lastIndex(of: UInt8(ascii: ".")) else {
      self = .none
      return
    }
    switch String(fileName[name.index(after: dot)...]).lowercased() {
    case "gz", "gzip": self = .gzip
    case "deflate", "zz": self = .deflate
    case "zst", "zstd": self = .zstd
    case "snappy", "sz": self = .snappy
    case "lz4": self = .lz4
    case "bz2": self = .bzip2
    case "xz": self = .xz
    default: self = .none
    }
  }

  /// With its dot; empty for none.
  package var fileExtension: String {
    switch self {
    case .none: ""
    case .gzip: ".gz"
    case .deflate: ".deflate"
    case .zstd: ".zst"
    case .snappy: ".snappy"
    case .lz4: ".lz4"
    case .bzip2: ".bz2"
    case .xz: ".xz"
    }
  }

  /// The codec whose name stands in errors.
  var codec: Codec {
    switch self {
    case .none, .bzip2, .xz: .uncompressed
    case .gzip, .deflate: .gzip
    case .zstd: .zstd
    case .snappy: .snappy
    case .lz4: .lz4Hadoop
    }
  }

  var unsupported: CompressionError? {
    guard self == .bzip2 || self == .xz else { return nil }
    return CompressionError(.unsupported, .uncompressed, "files compressed with \(rawValue) are not supported")
  }

  /// What the first bytes of a file say, for files without a telling name: gzip or zstd, else none.
  package static func detected(in bytes: UnsafeRawBufferPointer) -> FileCompression {
    if bytes.count >= 2, bytes[0] == 0x1F, bytes[1] == 0x8B { return .gzip }
    if bytes.count >= 4, bytes.loadUnaligned(as: UInt32.self).littleEndian == 0xFD2F_B528 { return .zstd }
    return .none
  }

  /// A whole file at once.
  ///
  /// - Throws: `outputTooSmall` when the file holds more than `maximumByteCount` bytes, `truncated` when it ends early.
  package func decompress(_ input: UnsafeRawBufferPointer, maximumByteCount: Int) throws(CompressionError) -> [UInt8] {
    let stream = try StreamDecompressor(self)
    var rest = input
    var result: [UInt8] = []
    var block = [UInt8](repeating: 0, count: min(max(input.count.multipliedReportingOverflow(by: 4).partialValue, 1 << 16), 1 << 22))
    while true {
      var written = 0
      var failure: CompressionError?
      block.withUnsafeMutableBytes { block in
        do throws(CompressionError) { written = try stream.decompress(&rest, into: block) } catch { failure = error }
      }
      if let failure { throw failure }
      guard result.count <= maximumByteCount - written else { throw CompressionError.tooSmall(codec, maximumByteCount) }
      result.append(contentsOf: block[0..<written])
      if written < block.count { break }
    }
    try stream.finish()
    return result
  }

  package func decompress(_ input: [UInt8], maximumByteCount: Int) throws(CompressionError) -> [UInt8] {
    try withBytes(input) { input throws(CompressionError) in try self.decompress(input, maximumByteCount: maximumByteCount) }
  }

  /// A whole file at once.
  package func compress(_ input: [UInt8], level: Int? = nil) throws(CompressionError) -> [UInt8] {
    let stream = try StreamCompressor(self, level: level)
    var result = try withBytes(input) { input throws(CompressionError) in try stream.compress(input) }
    result += try stream.finish()
    return result
  }
}
