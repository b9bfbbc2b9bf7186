import JSONText

/// Puts blobs into a Puffin file.
///
/// ```
/// PFA1 │ blobs │ PFA1 │ footer JSON │ its size: 4, little-endian │ flags: 4 │ PFA1
/// ```
/// Source: Puffin specification.
package struct PuffinWriter {
  /// What the footer says of each blob so far.
  package private(set) var blobs: [PuffinFile.Blob] = []
  private var bytes: [UInt8] = PuffinFile.magic

  package init() {}

  /// Adds a blob as it is; its place and length are filled in.
  package mutating func add(_ content: [UInt8], _ blob: PuffinFile.Blob) {
    var placed = blob
    placed.offset = bytes.count
    placed.length = content.count
    placed.codec = nil
    bytes += content
    blobs.append(placed)
  }

  /// The whole file, and how many bytes of it the footer takes, from its own magic on.
  package func finish() -> (bytes: [UInt8], footerByteCount: Int) {
    var footer = JSONWriter()
    footer.object { footer in
      footer.key("blobs")
      footer.array { footer in for blob in blobs { Self.write(blob, &footer) } }
      footer.member("properties") { footer in footer.object { $0.member("created-by", "frazil") } }
    }
    let text = footer.take()
    func littleEndian(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    let end = PuffinFile.magic + text + littleEndian(text.count) + littleEndian(0) + PuffinFile.magic
    return (bytes + end, end.count)
  }

  private static func write(_ blob: PuffinFile.Blob, _ footer: inout JSONWriter) {
    footer.object { footer in
      footer.member("type", blob.type)
      footer.key("fields")
      footer.array { footer in for field in blob.fields { footer.integer(Int64(field)) } }
      footer.member("snapshot-id", blob.snapshotID)
      footer.member("sequence-number", blob.sequenceNumber)
      footer.member("offset", blob.offset)
      footer.member("length", blob.length)
      if !blob.properties.isEmpty {
        footer.member("properties") { footer in
          footer.object { footer in for (key, value) in blob.properties.sorted(by: { $0.key < $1.key }) { footer.member(key, value) } }
        }
      }
    }
  }
}
