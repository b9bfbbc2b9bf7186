import Columnar
package import Compression
import Parquet
package import Storage

/// Writes position delete files. SPEC "Position Delete Files": columns `file_path` and `pos`, sorted by both.
package enum PositionDeleteFile {
  private static let schema = Schema([
    Field("file_path", .varchar, isNullable: false, id: FieldID(ReservedFieldID.deleteFilePath)),
    Field("pos", .bigint, isNullable: false, id: FieldID(ReservedFieldID.deletePosition)),
  ])

  /// - Parameters:
  ///   - targets: data files of one partition with the positions that go, paths ascending.
  ///   - dataFile: one of the targets: the delete file has its spec and partition.
  package static func make(
    _ targets: [(path: String, positions: PositionSet)], like dataFile: DataFile, at location: Location, codec: Codec
  ) throws(IcebergError) -> (bytes: [UInt8], file: DataFile) {
    let sink = BufferWriter()
    let written: WrittenParquetFile
    do throws(ParquetError) {
      var options = ParquetWriterOptions()
      options.codec = codec
      options.keyValues = [KeyValue(key: "delete-type", value: "position")]
      let writer = try ParquetWriter(schema, to: sink, options: options)
      for (path, positions) in targets {
        let numbers = Column(type: .bigint, count: Int(positions.count), values: Buffer.of(positions.positions))
        try writer.write(
          Batch(columns: [.constant(.text(path), count: numbers.count), numbers], count: numbers.count))
      }
      written = try writer.finish()
    } catch { throw IcebergError(.storage, "\(error)", file: location.text, cause: error) }
    // Whole bounds, so that a file with one target can be told by them (iceberg.md section 8).
    var metrics = FileMetrics(
      columnSizes: [:], valueCounts: [:], nullCounts: [:], nanCounts: [:], lowerBounds: [:], upperBounds: [:])
    for leaf in written.leaves {
      guard let id = leaf.fieldID else { continue }
      let type: IcebergType = id == ReservedFieldID.deletePosition ? .long : .string
      metrics.columnSizes?[id] = Int64(leaf.compressedByteCount)
      metrics.valueCounts?[id] = Int64(leaf.valueCount)
      metrics.nullCounts?[id] = 0
      metrics.lowerBounds?[id] = leaf.lower.flatMap { SingleValue.encode($0.value, type) }
      metrics.upperBounds?[id] = leaf.upper.flatMap { SingleValue.encode($0.value, type) }
    }
    var file = DataFile(
      content: .positionDeletes, path: location.text, partitionSpecID: dataFile.partitionSpecID, partition: dataFile.partition,
      recordCount: Int64(written.rowCount), fileSize: Int64(written.byteCount), splitOffsets: written.splitOffsets,
      metrics: metrics)
    if targets.count == 1 { file.referencedDataFile = targets[0].path }
    return (sink.bytes, file)
  }
}
