import Avro
package import Columnar

/// A data or delete file as a manifest describes it. SPEC "Data File Fields".
package struct DataFile: Sendable {
  package enum Content: Int32, Sendable { case data = 0, positionDeletes = 1, equalityDeletes = 2 }
  package enum Format: String, Sendable { case parquet = "PARQUET", avro = "AVRO", orc = "ORC", puffin = "PUFFIN" }

  package var content: Content
  /// Full URI, byte for byte as written: the file's identity.
  package var path: String
  package var format: Format
  /// The spec the file was written under; from the manifest, not stored per file.
  package var partitionSpecID: Int32
  /// One value per field of that spec, of the transform's result type.
  package var partition: [Scalar]
  package var recordCount: Int64
  package var fileSize: Int64
  /// Starts of the row groups, ascending; empty when not recorded.
  package var splitOffsets: [Int64]
  /// Field ids of an equality delete file's key.
  package var equalityIDs: [Int32]
  package var sortOrderID: Int32?
  package var keyMetadata: [UInt8]?
  /// Version 3: row id of the file's first row.
  package var firstRowID: Int64?
  package var referencedDataFile: String?
  /// Deletion vectors: where the blob lies in the Puffin file.
  package var contentOffset: Int64?
  package var contentSize: Int64?
  package var metricsSource: MetricsSource

  package init(
    content: Content = .data, path: String, format: Format = .parquet, partitionSpecID: Int32 = 0, partition: [Scalar] = [],
    recordCount: Int64, fileSize: Int64, splitOffsets: [Int64] = [], sortOrderID: Int32? = nil, metrics: FileMetrics = FileMetrics()
  ) {
    self.content = content
    self.path = path
    self.format = format
    self.partitionSpecID = partitionSpecID
    self.partition = partition
    self.recordCount = recordCount
    self.fileSize = fileSize
    self.splitOffsets = splitOffsets
    self.sortOrderID = sortOrderID
    equalityIDs = []
    metricsSource = .decoded(metrics)
  }

  /// Column metrics; decoded now when they come from a manifest.
  package var metrics: FileMetrics {
    get throws(IcebergError) { try metricsSource.all() }
  }

  package var isDeletionVector: Bool { content == .positionDeletes && format == .puffin }
}

/// Counts and bounds of a file's columns by field id; nil maps were not recorded.
package struct FileMetrics: Sendable, Hashable {
  package var columnSizes: [Int32: Int64]?
  /// Includes nulls and NaN.
  package var valueCounts: [Int32: Int64]?
  package var nullCounts: [Int32: Int64]?
  package var nanCounts: [Int32: Int64]?
  /// Single values in binary form.
  package var lowerBounds: [Int32: [UInt8]]?
  package var upperBounds: [Int32: [UInt8]]?

  package init(
    columnSizes: [Int32: Int64]? = nil, valueCounts: [Int32: Int64]? = nil, nullCounts: [Int32: Int64]? = nil,
    nanCounts: [Int32: Int64]? = nil, lowerBounds: [Int32: [UInt8]]? = nil, upperBounds: [Int32: [UInt8]]? = nil
  ) {
    self.columnSizes = columnSizes
    self.valueCounts = valueCounts
    self.nullCounts = nullCounts
    self.nanCounts = nanCounts
    self.lowerBounds = lowerBounds
    self.upperBounds = upperBounds
  }
}

/// Where a file's metrics are: given by a writer, or still encoded in the manifest, since a plan asks for one or two columns of them.
package enum MetricsSource: Sendable {
  case decoded(FileMetrics)
  case encoded(ManifestRows, row: Int)

  package enum Count { case values, nulls, nans, bytes }

  /// - Returns: nil when not recorded; damaged metrics count as not recorded.
  package func count(_ kind: Count, of fieldID: Int32) -> Int64? {
    switch self {
    case .decoded(let metrics):
      switch kind {
      case .values: return metrics.valueCounts?[fieldID]
      case .nulls: return metrics.nullCounts?[fieldID]
      case .nans: return metrics.nanCounts?[fieldID]
      case .bytes: return metrics.columnSizes?[fieldID]
      }
    case .encoded(let rows, let row):
      let slot: Int
      switch kind {
      case .values: slot = ManifestRows.Slot.valueCounts
      case .nulls: slot = ManifestRows.Slot.nullCounts
      case .nans: slot = ManifestRows.Slot.nanCounts
      case .bytes: slot = ManifestRows.Slot.columnSizes
      }
      return rows.longPair(row, slot, fieldID)
    }
  }

  package func bound(isUpper: Bool, of fieldID: Int32, _ type: IcebergType) -> ScalarValue? {
    switch self {
    case .decoded(let metrics):
      return (isUpper ? metrics.upperBounds : metrics.lowerBounds)?[fieldID].flatMap { SingleValue.decode($0, type) }
    case .encoded(let rows, let row):
      let slot = isUpper ? ManifestRows.Slot.upperBounds : ManifestRows.Slot.lowerBounds
      return rows.withPair(row, slot, fieldID) { SingleValue.decode($0, type) } ?? nil
    }
  }

  fileprivate func all() throws(IcebergError) -> FileMetrics {
    switch self {
    case .decoded(let metrics): return metrics
    case .encoded(let rows, let row): return try rows.metrics(row)
    }
  }
}
