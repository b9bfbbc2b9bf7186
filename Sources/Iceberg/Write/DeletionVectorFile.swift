import JSONText
package import Storage

/// Writes a Puffin file with one deletion vector.
///
/// ```
/// PFA1 │ blob │ PFA1 │ footer JSON │ its size: 4 │ flags: 4 │ PFA1
/// ```
/// One vector per file: DuckDB 1.5 confuses several of one file (iceberg.md section 10). Source: Puffin specification.
package enum DeletionVectorFile {
  private static let magic = Array("PFA1".utf8)

  /// - Parameter dataFile: the file whose rows are deleted; the vector has its spec and partition.
  package static func make(
    _ positions: PositionSet, of dataFile: DataFile, at location: Location
  ) -> (bytes: [UInt8], file: DataFile) {
    let blob = DeletionVector.encode(positions)
    let offset = magic.count
    var footer = JSONWriter()
    footer.object { footer in
      footer.key("blobs")
      footer.array { footer in
        footer.object { footer in
          footer.member("type", "deletion-vector-v1")
          footer.key("fields")
          footer.array { $0.integer(Int64(ReservedFieldID.position)) }
          // Not known before the commit; the format gives -1 for vectors.
          footer.member("snapshot-id", -1 as Int64)
          footer.member("sequence-number", -1 as Int64)
          footer.member("offset", offset)
          footer.member("length", blob.count)
          footer.member("properties") { footer in
            footer.object { footer in
              footer.member("referenced-data-file", dataFile.path)
              footer.member("cardinality", "\(positions.count)")
            }
          }
        }
      }
      footer.member("properties") { footer in footer.object { $0.member("created-by", "frazil") } }
    }
    let text = footer.take()
    func littleEndian(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    let bytes = magic + blob + magic + text + littleEndian(text.count) + littleEndian(0) + magic
    var file = DataFile(
      content: .positionDeletes, path: location.text, format: .puffin, partitionSpecID: dataFile.partitionSpecID,
      partition: dataFile.partition, recordCount: positions.count, fileSize: Int64(bytes.count))
    file.referencedDataFile = dataFile.path
    file.contentOffset = Int64(offset)
    file.contentSize = Int64(blob.count)
    return (bytes, file)
  }
}
