package import Compression

/// Writes an Avro object container file, block by block, into memory; long files are taken away piece by piece with `take`.
package struct ContainerWriter {
  private let codec: Codec
  private let compressor: Compressor
  private let sync: [UInt8]
  private var output: [UInt8] = []
  private var block = BinaryEncoder()
  private var blockCount = 0
  private var takenByteCount = 0
  /// Records written so far.
  package private(set) var recordCount = 0

  /// Decompressed bytes after which a block is closed: Avro Java's default.
  package static let blockSize = 64_000

  /// - Parameters:
  ///   - schemaText: the schema's JSON.
  ///   - metadata: further header entries, written in this order.
  ///   - codec: deflate, snappy, zstd or uncompressed.
  ///   - sync: sixteen random bytes; the caller's, so that a fixed seed gives the same file.
  package init(
    schemaText: String, metadata: [(key: String, value: String)] = [], codec: Codec = .deflate, level: Int? = nil,
    sync: (UInt64, UInt64)
  ) throws(AvroError) {
    let name: String
    switch codec {
    case .uncompressed: name = "null"
    case .deflate: name = "deflate"
    case .snappy: name = "snappy"
    case .zstd: name = "zstandard"
    case .gzip, .lz4Raw, .lz4Hadoop, .brotli, .lzo:
      throw AvroError(.unsupported, "Avro files cannot be compressed with \(codec.rawValue)")
    }
    self.codec = codec
    do { compressor = try Compressor(codec, level: level) } catch { throw AvroError(.unsupported, "\(error)") }
    self.sync = [sync.0, sync.1].flatMap { word in withUnsafeBytes(of: word.bigEndian, Array.init) }
    var header = BinaryEncoder()
    header.raw([0x4F, 0x62, 0x6A, 1])
    header.long(Int64(metadata.count + 2))
    for (key, value) in [("avro.schema", schemaText), ("avro.codec", name)] + metadata.map({ ($0.key, $0.value) }) {
      header.string(key)
      header.string(value)
    }
    header.long(0)
    header.raw(self.sync)
    output = header.bytes
  }

  /// One record, encoded by `body` exactly as the schema says.
  package mutating func append(_ body: (inout BinaryEncoder) throws(AvroError) -> Void) throws(AvroError) {
    try body(&block)
    try endRecord()
  }

  /// One record as a generic value of the schema.
  package mutating func append(_ value: AvroValue, _ schema: AvroSchema) throws(AvroError) {
    try block.value(value, schema.root, schema)
    try endRecord()
  }

  private mutating func endRecord() throws(AvroError) {
    blockCount += 1
    recordCount += 1
    if block.bytes.count >= Self.blockSize { try flush() }
  }

  /// Bytes of the file so far, with those taken away.
  package var byteCount: Int { takenByteCount + output.count }

  /// The finished bytes, which leave the writer.
  package mutating func take() -> [UInt8] {
    takenByteCount += output.count
    defer { output = [] }
    return output
  }

  /// Closes the last block.
  ///
  /// - Returns: the bytes not taken yet.
  package mutating func finish() throws(AvroError) -> [UInt8] {
    try flush()
    return take()
  }

  private mutating func flush() throws(AvroError) {
    guard blockCount > 0 else { return }
    var data: [UInt8]
    do { data = try compressor.compress(block.bytes) } catch { throw AvroError(.unsupported, "\(error)") }
    if codec == .snappy { data += withUnsafeBytes(of: Checksum.crc32(block.bytes).bigEndian, Array.init) }
    var frame = BinaryEncoder()
    frame.long(Int64(blockCount))
    frame.long(Int64(data.count))
    output += frame.bytes
    output += data
    output += sync
    block.removeAll()
    blockCount = 0
  }
}
