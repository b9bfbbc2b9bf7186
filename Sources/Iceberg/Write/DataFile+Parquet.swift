package import Columnar
package import Parquet

extension DataFile {
  /// The description of a Parquet file that was just written.
  ///
  /// - Parameters:
  ///   - schema: the columns it was written with.
  ///   - partition: one value per field of the spec.
  package init(
    _ written: WrittenParquetFile, path: String, schema: IcebergSchema, specID: Int32, partition: [Scalar], sortOrderID: Int32?,
    metrics configuration: MetricsConfiguration
  ) {
    self.init(
      path: path, partitionSpecID: specID, partition: partition, recordCount: Int64(written.rowCount),
      fileSize: Int64(written.byteCount), splitOffsets: written.splitOffsets, sortOrderID: sortOrderID,
      metrics: FileMetrics(written, schema, configuration))
  }
}

extension FileMetrics {
  /// Counts and bounds from what the writer saw. Below lists and maps only sizes: their counts are not those of rows.
  init(_ written: WrittenParquetFile, _ schema: IcebergSchema, _ configuration: MetricsConfiguration) {
    self.init(columnSizes: [:], valueCounts: [:], nullCounts: [:], nanCounts: [:], lowerBounds: [:], upperBounds: [:])
    for leaf in written.leaves {
      guard let id = leaf.fieldID, let path = schema.path(toID: id), let field = path.last else { continue }
      let mode = configuration.mode(id)
      guard mode != .none else { continue }
      columnSizes?[id] = Int64(leaf.compressedByteCount)
      let isRepeated = path.contains { field in
        switch field.type {
        case .list, .map: true
        default: false
        }
      }
      if isRepeated { continue }
      valueCounts?[id] = Int64(leaf.valueCount)
      nullCounts?[id] = Int64(leaf.nullCount)
      if field.type.isFloating { nanCounts?[id] = Int64(leaf.nanCount) }
      guard mode != .counts, let lower = leaf.lower, let upper = leaf.upper else { continue }
      let length: Int? = if case .truncate(let length) = mode { length } else { nil }
      if let bytes = Self.bound(lower, field.type, isUpper: false, length) { lowerBounds?[id] = bytes }
      if let bytes = Self.bound(upper, field.type, isUpper: true, length) { upperBounds?[id] = bytes }
    }
  }

  private static func bound(_ value: Scalar, _ type: IcebergType, isUpper: Bool, _ length: Int?) -> [UInt8]? {
    guard let bytes = SingleValue.encode(SingleValue.zeroSigned(value.value, isUpper: isUpper), type) else { return nil }
    guard let length, type == .string || type == .binary else { return bytes }
    return isUpper
      ? BoundTruncation.upper(bytes, length: length, isText: type == .string)
      : BoundTruncation.lower(bytes, length: length, isText: type == .string)
  }
}
