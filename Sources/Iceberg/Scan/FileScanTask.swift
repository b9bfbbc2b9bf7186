package import Columnar

/// One data file to read, with what is needed to read it right.
package struct FileScanTask: Sendable {
  package var file: DataFile
  /// The spec the file was written under.
  package var spec: PartitionSpec
  package var sequenceNumber: Int64
  /// Rows to leave out; see `Deletes/`.
  package var deletes: [Delete]

  /// A delete file that applies to the data file.
  package struct Delete: Sendable {
    package var file: DataFile
    package var sequenceNumber: Int64
    /// Equality deletes: those of one number name the same columns and apply to the same partition (or to all), so that they can be
    /// looked up as one. nil for the other kinds.
    package var group: Int?
  }

  /// Values of columns that need not be stored in the file: its identity partition fields, by source column id.
  ///
  /// A column found in the file is read from there; only a missing one takes its value from here.
  package var identityValues: [Int32: Scalar] {
    var values: [Int32: Scalar] = [:]
    for (field, value) in zip(spec.fields, file.partition) where field.transform == .identity { values[field.sourceID] = value }
    return values
  }
}

/// What a plan decided, for EXPLAIN.
package struct ScanReport: Sendable, Hashable {
  package var manifestCount = 0
  package var manifestsSkipped = 0
  /// Live data files of the snapshot, as far as counted.
  package var fileCount = 0
  /// Files of skipped manifests.
  package var filesSkippedByManifest = 0
  package var filesSkippedByPartition = 0
  package var filesSkippedByMetrics = 0
  package var deleteFileCount = 0
  package var plannedFileCount = 0
  package var plannedByteCount: Int64 = 0
  package var plannedRecordCount: Int64 = 0

  package init() {}

  mutating func add(_ other: ScanReport) {
    manifestsSkipped += other.manifestsSkipped
    fileCount += other.fileCount
    filesSkippedByManifest += other.filesSkippedByManifest
    filesSkippedByPartition += other.filesSkippedByPartition
    filesSkippedByMetrics += other.filesSkippedByMetrics
  }
}

/// The files of one scan.
package struct ScanPlan: Sendable {
  /// nil for an empty table.
  package var snapshot: Snapshot?
  /// The schema rows are read by.
  package var schema: IcebergSchema
  package var tasks: [FileScanTask]
  package var report: ScanReport
}
