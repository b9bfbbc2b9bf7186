import Compression
import JSONText

/// The blobs of a Puffin file, by its footer.
///
/// ```
/// PFA1 │ blobs │ PFA1 │ footer JSON │ its size: 4, little-endian │ flags: 4 │ PFA1
/// ```
/// Deletion vectors are found without the footer, by what the manifest says; statistics and checks go through it.
/// Source: Puffin specification.
package struct PuffinFile: Sendable {
  package struct Blob: Sendable, Hashable {
    package var type: String
    /// Field ids the blob is about.
    package var fields: [Int32]
    package var snapshotID: Int64
    package var sequenceNumber: Int64
    package var offset: Int
    package var length: Int
    /// `lz4`, `zstd`; nil for a blob stored as it is.
    package var codec: String?
    package var properties: [String: String]

    package init(
      type: String, fields: [Int32], snapshotID: Int64, sequenceNumber: Int64, offset: Int = 0, length: Int = 0, codec: String? = nil,
      properties: [String: String] = [:]
    ) {
      self.type = type
      self.fields = fields
      self.snapshotID = snapshotID
      self.sequenceNumber = sequenceNumber
      self.offset = offset
      self.length = length
      self.codec = codec
      self.properties = properties
    }
  }

  package private(set) var blobs: [Blob] = []
  package private(set) var properties: [String: String] = [:]

  static let magic: [UInt8] = Array("PFA1".utf8)
  /// First bit of the flags: the footer is an LZ4 frame.
  private static let compressedFooter: UInt32 = 1
  private static let maximumFooterByteCount = 64 << 20

  /// - Parameter bytes: the whole file.
  package init(_ bytes: UnsafeRawBufferPointer) throws(IcebergError) {
    // Both magics, an empty footer's size and flags, and the magic before the footer.
    guard bytes.count >= 20, bytes.prefix(4).elementsEqual(Self.magic) else {
      throw IcebergError(.corrupt, "this is not a Puffin file: it does not begin with PFA1", offset: 0)
    }
    let end = bytes.count
    guard bytes.suffix(4).elementsEqual(Self.magic) else {
      throw IcebergError(.corrupt, "the Puffin file does not end with PFA1", offset: end - 4)
    }
    let flags = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: end - 8, as: UInt32.self))
    let size = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: end - 12, as: UInt32.self)))
    guard flags & ~Self.compressedFooter == 0 else {
      throw IcebergError(.unsupported, "the Puffin footer has unknown flags \(flags)", offset: end - 8)
    }
    let start = end - 12 - size
    guard size > 0, start >= 8, bytes[start - 4..<start].elementsEqual(Self.magic) else {
      throw IcebergError(.corrupt, "a Puffin footer of \(size) bytes does not fit the file's \(end)", offset: end - 12)
    }
    var footer = Array(bytes[start..<start + size])
    if flags & Self.compressedFooter != 0 {
      do throws(CompressionError) {
        // Hadoop's LZ4 reader takes LZ4's own frames too.
        footer = try Decompressor().decompress(.lz4Hadoop, footer, maximumByteCount: Self.maximumFooterByteCount)
      } catch { throw IcebergError(.corrupt, "the Puffin footer cannot be decompressed: \(error)", offset: start) }
    }
    do throws(IcebergError) {
      try parse(footer, blobsEnd: start - 4)
    } catch {
      var error = error
      error.offset = start + (error.offset ?? 0)
      throw error
    }
  }

  private mutating func parse(_ footer: [UInt8], blobsEnd: Int) throws(IcebergError) {
    (blobs, properties) = try readingJSON { () throws(JSONError) in
      let root = try JSONDocument(footer, depthLimit: 50).root
      var blobs: [Blob] = []
      for element in try root.requireElements("blobs") {
        blobs.append(
          Blob(
            type: try element.requireString("type"), fields: element["fields"]?.elements.compactMap(\.int32) ?? [],
            snapshotID: try element.optionalInt64("snapshot-id") ?? -1,
            sequenceNumber: try element.optionalInt64("sequence-number") ?? -1,
            offset: Int(clamping: try element.requireInt64("offset")), length: Int(clamping: try element.requireInt64("length")),
            codec: try element.optionalString("compression-codec"), properties: Self.texts(element.present("properties"))))
      }
      return (blobs, Self.texts(root.present("properties")))
    }
    for blob in blobs {
      guard blob.offset >= 4, blob.length >= 0, blob.length <= blobsEnd, blob.offset <= blobsEnd - blob.length else {
        throw .corrupt("a blob of \(blob.length) bytes at \(blob.offset) lies outside of the file's blobs", field: "blobs")
      }
    }
  }

  private static func texts(_ json: JSONValue?) -> [String: String] {
    var result: [String: String] = [:]
    if let json { for member in json.members { result[member.key] = member.value.string ?? member.value.numberText } }
    return result
  }

  /// The content of a blob of this file.
  package func content(of blob: Blob, in bytes: UnsafeRawBufferPointer) throws(IcebergError) -> [UInt8] {
    guard blob.offset >= 0, blob.length >= 0, blob.length <= bytes.count, blob.offset <= bytes.count - blob.length else {
      throw IcebergError(.corrupt, "a blob of another Puffin file", offset: blob.offset)
    }
    let stored = Array(bytes[blob.offset..<blob.offset + blob.length])
    let codec: Codec
    switch blob.codec {
    case nil: return stored
    case "lz4"?: codec = .lz4Hadoop
    case "zstd"?: codec = .zstd
    case let name?: throw IcebergError(.unsupported, "Puffin blobs compressed with \(name) are not supported", offset: blob.offset)
    }
    do { return try Decompressor().decompress(codec, stored, maximumByteCount: 1 << 30) } catch {
      throw IcebergError(.corrupt, "a Puffin blob cannot be decompressed: \(error)", offset: blob.offset)
    }
  }
}
