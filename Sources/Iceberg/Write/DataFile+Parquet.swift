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

/// One leaf column of a data file that somebody else wrote.
package struct ImportedColumn {
  package let fieldID: Int32
  package let type: SQLType
  package let summary: ColumnSummary
  /// Inside a list or map: its counts are not those of rows.
  package let isRepeated: Bool

  package init(fieldID: Int32, type: SQLType, summary: ColumnSummary, isRepeated: Bool) {
    self.fieldID = fieldID
    self.type = type
    self.summary = summary
    self.isRepeated = isRepeated
  }
}

extension FileMetrics {
  /// Counts and bounds from a footer, as far as it has them. It does not count NaN.
  package init(_ columns: [ImportedColumn], _ schema: IcebergSchema, _ configuration: MetricsConfiguration) {
    self.init(columnSizes: [:], valueCounts: [:], nullCounts: [:], nanCounts: [:], lowerBounds: [:], upperBounds: [:])
    for column in columns {
      let mode = configuration.mode(column.fieldID)
      guard mode != .none, let type = schema.field(id: column.fieldID)?.type else { continue }
      columnSizes?[column.fieldID] = column.summary.compressedByteCount
      if column.isRepeated { continue }
      valueCounts?[column.fieldID] = column.summary.valueCount
      nullCounts?[column.fieldID] = column.summary.nullCount
      guard let lower = column.summary.minimum, let upper = column.summary.maximum,
        let low = Self.promoted(lower, column.type, to: type), let high = Self.promoted(upper, column.type, to: type)
      else { continue }
      setBounds(column.fieldID, Scalar(column.type, low), Scalar(column.type, high), type, mode)
    }
  }

  /// A stored value as one of the table's type; nil where the units or the order might differ.
  private static func promoted(_ value: ScalarValue, _ stored: SQLType, to type: IcebergType) -> ScalarValue? {
    guard let wanted = try? type.sqlType() else { return nil }
    if stored == wanted { return value }
    switch (stored, wanted, value) {
    case (.tinyint, .integer, .int), (.smallint, .integer, .int), (.tinyint, .bigint, .int), (.smallint, .bigint, .int),
      (.integer, .bigint, .int), (.varchar, .varchar, .bytes):
      return value
    case (.real, .double, .real(let number)): return .double(Double(number))
    case (.decimal(_, let scale), .decimal(_, let same), _) where scale == same: return value
    default: return nil
    }
  }

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
      if let lower = leaf.lower, let upper = leaf.upper { setBounds(id, lower, upper, field.type, mode) }
    }
  }

  private mutating func setBounds(_ id: Int32, _ lower: Scalar, _ upper: Scalar, _ type: IcebergType, _ mode: MetricsMode) {
    if mode == .counts { return }
    let length: Int? = if case .truncate(let length) = mode { length } else { nil }
    lowerBounds?[id] = Self.bound(lower, type, isUpper: false, length)
    upperBounds?[id] = Self.bound(upper, type, isUpper: true, length)
  }

  private static func bound(_ value: Scalar, _ type: IcebergType, isUpper: Bool, _ length: Int?) -> [UInt8]? {
    guard let bytes = SingleValue.encode(SingleValue.zeroSigned(value.value, isUpper: isUpper), type) else { return nil }
    guard let length, type == .string || type == .binary else { return bytes }
    return isUpper
      ? BoundTruncation.upper(bytes, length: length, isText: type == .string)
      : BoundTruncation.lower(bytes, length: length, isText: type == .string)
  }
}
