package import Storage

/// Writes a Puffin file with one deletion vector.
///
/// One vector per file: DuckDB 1.5 confuses several of one file (iceberg.md section 10). Source: Puffin specification.
package enum DeletionVectorFile {
  /// - Parameter dataFile: the file whose rows are deleted; the vector has its spec and partition.
  package static func make(
    _ positions: PositionSet, of dataFile: DataFile, at location: Location
  ) -> (bytes: [UInt8], file: DataFile) {
    var puffin = PuffinWriter()
    puffin.add(
      DeletionVector.encode(positions),
      PuffinFile.Blob(
        // Not known before the commit; the format gives -1 for vectors.
        type: "deletion-vector-v1", fields: [ReservedFieldID.position], snapshotID: -1, sequenceNumber: -1,
        properties: ["referenced-data-file": dataFile.path, "cardinality": "\(positions.count)"]))
    let bytes = puffin.finish().bytes
    var file = DataFile(
      content: .positionDeletes, path: location.text, format: .puffin, partitionSpecID: dataFile.partitionSpecID,
      partition: dataFile.partition, recordCount: positions.count, fileSize: Int64(bytes.count))
    file.referencedDataFile = dataFile.path
    file.contentOffset = puffin.blobs.first.map { Int64($0.offset) }
    file.contentSize = puffin.blobs.first.map { Int64($0.length) }
    return (bytes, file)
  }
}
