package import Compression
import JSONText

/// Reads an Avro object container file that lies in memory.
///
/// ```
/// "Obj" 01 | map of metadata | 16 bytes sync marker | (count, byte count, data, sync marker)*
/// ```
///
/// Source: Avro 1.12 specification, "Object Container Files". Errors carry the offset in the file.
package struct ContainerReader {
  package let schema: AvroSchema
  /// The file's metadata without `avro.schema` and `avro.codec`; values are usually text.
  package let metadata: [String: [UInt8]]
  package let codec: Codec
  private let bytes: UnsafeRawBufferPointer
  private let sync: [UInt8]
  /// Where the next block begins.
  private var offset: Int
  private var blockIndex = 0
  private let decompressor = Decompressor()

  /// A block's data may take this much memory: far above what any writer makes.
  package static let maximumBlockByteCount = 512 << 20

  /// `bytes`, the whole file, must outlive the reader.
  package init(_ bytes: UnsafeRawBufferPointer) throws(AvroError) {
    self.bytes = bytes
    guard bytes.count >= 4, bytes[0] == 0x4F, bytes[1] == 0x62, bytes[2] == 0x6A, bytes[3] == 1 else {
      throw AvroError(.corrupt, "this is not an Avro file: it does not begin with \"Obj\" 1", at: 0)
    }
    var decoder = BinaryDecoder(bytes)
    decoder.offset = 4
    var metadata: [String: [UInt8]] = [:]
    while true {
      let (count, _) = try decoder.blockHeader()
      if count == 0 { break }
      for _ in 0..<count {
        let key = String(decoding: try decoder.bytes(), as: UTF8.self)
        metadata[key] = Array(try decoder.bytes())
      }
    }
    guard let text = metadata.removeValue(forKey: "avro.schema") else {
      throw AvroError(.corrupt, "the file has no schema (avro.schema)", at: 4)
    }
    schema = try AvroSchema(json: AvroSchema.document(text).root)
    let codecName = metadata.removeValue(forKey: "avro.codec").map { String(decoding: $0, as: UTF8.self) } ?? "null"
    switch codecName {
    case "null", "": codec = .uncompressed
    case "deflate": codec = .deflate
    case "snappy": codec = .snappy
    case "zstandard": codec = .zstd
    default: throw AvroError(.unsupported, "Avro codec \(codecName) is not supported", at: 4)
    }
    self.metadata = metadata
    sync = Array(try decoder.fixed(16))
    offset = decoder.offset
  }

  /// A metadata value as text.
  package func text(_ key: String) -> String? { metadata[key].map { String(decoding: $0, as: UTF8.self) } }

  /// The next block's data, decompressed; nil at the end of the file.
  package mutating func nextBlock() throws(AvroError) -> AvroBlock? {
    guard offset < bytes.count else { return nil }
    var decoder = BinaryDecoder(bytes)
    decoder.offset = offset
    let count = try decoder.long()
    let size = try decoder.long()
    guard count >= 0, size >= 0 else { throw AvroError(.corrupt, "a block has a negative size", at: offset) }
    guard size <= Int64(decoder.remaining) - 16 else {
      throw AvroError(.truncated, "a block of \(size) bytes is announced, but the file ends early", at: offset)
    }
    let data = try decoder.fixed(Int(size))
    let marker = decoder.offset
    guard try decoder.fixed(16).elementsEqual(sync) else {
      throw AvroError(.corrupt, "the sync marker behind block \(blockIndex) is damaged", at: marker)
    }
    let content = try decompress(data)
    defer {
      offset = decoder.offset
      blockIndex += 1
    }
    return AvroBlock(bytes: content, count: Int(count), index: blockIndex)
  }

  private func decompress(_ data: UnsafeRawBufferPointer) throws(AvroError) -> [UInt8] {
    do {
      guard codec == .snappy else {
        return try decompressor.decompress(codec, data, maximumByteCount: Self.maximumBlockByteCount)
      }
      // The block is followed by the CRC-32 of its content, big-endian.
      guard data.count >= 4 else { throw AvroError(.truncated, "a snappy block has no checksum", at: offset) }
      let content = try decompressor.decompress(
        .snappy, UnsafeRawBufferPointer(rebasing: data.dropLast(4)), maximumByteCount: Self.maximumBlockByteCount)
      let stored = UInt32(bigEndian: data.loadUnaligned(fromByteOffset: data.count - 4, as: UInt32.self))
      guard Checksum.crc32(content) == stored else {
        throw AvroError(.corrupt, "block \(blockIndex) does not match its checksum", at: offset)
      }
      return content
    } catch let error as AvroError {
      throw error
    } catch {
      throw AvroError(.corrupt, "block \(blockIndex): \(error)", at: offset)
    }
  }

  /// All remaining records, decoded by `projection`, block by block.
  package mutating func readAll(_ projection: AvroProjection) throws(AvroError) -> [AvroBlockRows] {
    var result: [AvroBlockRows] = []
    while let block = try nextBlock() { result.append(try block.decode(projection)) }
    return result
  }

  /// All remaining records as generic values.
  package mutating func readAllValues() throws(AvroError) -> [AvroValue] {
    var result: [AvroValue] = []
    while let block = try nextBlock() { result += try block.values(schema) }
    return result
  }
}

/// The decompressed data of one block.
package struct AvroBlock: Sendable {
  package let bytes: [UInt8]
  /// Records in it.
  package let count: Int
  package let index: Int

  package func decode(_ projection: AvroProjection) throws(AvroError) -> AvroBlockRows {
    do throws(AvroError) {
      let rows = try bytes.withUnsafeBytes { bytes in
        Result { () throws(AvroError) in try projection.decode(bytes, count: count) }
      }.get()
      return AvroBlockRows(bytes: bytes, rows: rows)
    } catch { throw located(error) }
  }

  package func values(_ schema: AvroSchema) throws(AvroError) -> [AvroValue] {
    do throws(AvroError) {
      return try bytes.withUnsafeBytes { bytes in
        Result { () throws(AvroError) in
          var values: [AvroValue] = []
          var decoder = BinaryDecoder(bytes)
          for _ in 0..<count {
            let before = decoder.offset
            values.append(try decoder.value(schema.root, schema))
            if decoder.offset == before, values.count > BinaryDecoder.emptyItemLimit {
              throw AvroError(.corrupt, "\(count) records cannot fit", at: before)
            }
          }
          guard decoder.isAtEnd else { throw AvroError(.corrupt, "bytes follow the last record", at: decoder.offset) }
          return values
        }
      }.get()
    } catch { throw located(error) }
  }

  private func located(_ error: AvroError) -> AvroError {
    var error = error
    error.block = index
    return error
  }
}

/// The slots of one block with the bytes they point into.
package struct AvroBlockRows: Sendable {
  package let bytes: [UInt8]
  package let rows: AvroRows
}
