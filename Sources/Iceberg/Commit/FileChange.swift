import Columnar

/// What one snapshot adds to a table and takes from it.
package struct FileChange: Sendable {
  /// Data files, written and closed, with an explicit spec each.
  package var addedFiles: [DataFile] = []
  /// Position delete files and deletion vectors.
  package var addedDeletes: [DataFile] = []
  /// Data files by path. Their deletion vectors and the position delete files that name only them go with them.
  package var removedFiles: Set<String> = []
  package var removedDeletes: Set<DeleteFileID> = []
  /// Whether every one of `removedDeletes` must still be there: their rows are in `addedDeletes`.
  package var replacesDeletes = false
  /// The data files that position delete files with several targets name, for those that applied to removed files: such a delete file
  /// goes with the last of them.
  package var deleteTargets: [DeleteFileID: Set<String>] = [:]
  /// The same rows in other files: compaction.
  package var keepsRows = false
  /// Compaction: the data sequence number of the state that was rewritten, so that newer equality deletes still apply.
  package var dataSequenceNumber: Int64?
  /// The added files take the place of everything in their partitions: dynamic INSERT OVERWRITE, an `overwrite` even when they were empty
  /// (`replace-partitions`).
  package var replacesPartitions = false
  /// Entries of the snapshot's summary besides the counts.
  package var summary: [(key: String, value: String)] = []

  package init() {}

  /// Rows that are only added.
  package init(adding files: [DataFile]) { addedFiles = files }

  /// Other rows in place of those of some data files. Delete files go where nothing else needs them.
  package init(replacing tasks: [FileScanTask], with files: [DataFile]) {
    addedFiles = files
    removedFiles = Set(tasks.map(\.file.path))
  }

  package var isEmpty: Bool {
    addedFiles.isEmpty && addedDeletes.isEmpty && removedFiles.isEmpty && removedDeletes.isEmpty
  }

  /// SPEC "Snapshots", `operation`.
  package var operation: String {
    if keepsRows { return "replace" }
    if replacesPartitions { return "overwrite" }
    let takesRows = !removedFiles.isEmpty || !addedDeletes.isEmpty || !removedDeletes.isEmpty
    if addedFiles.isEmpty { return takesRows ? "delete" : "append" }
    return takesRows ? "overwrite" : "append"
  }
}

/// Tells delete files apart: several deletion vectors may lie in one Puffin file.
package struct DeleteFileID: Hashable, Sendable {
  package var path: String
  package var contentOffset: Int64?

  package init(_ file: DataFile) {
    path = file.path
    contentOffset = file.contentOffset
  }
}

extension DataFile {
  /// The only data file that a position delete file or deletion vector is about, when that can be told without reading it: it is named,
  /// or both bounds of file_path are equal. (Truncated bounds differ, as the upper one is incremented.)
  package var onlyTarget: String? {
    guard content == .positionDeletes else { return nil }
    if let referencedDataFile { return referencedDataFile }
    guard case .bytes(let lower)? = metricsSource.bound(isUpper: false, of: ReservedFieldID.deleteFilePath, .string),
      case .bytes(let upper)? = metricsSource.bound(isUpper: true, of: ReservedFieldID.deleteFilePath, .string), lower == upper
    else { return nil }
    return String(decoding: lower, as: UTF8.self)
  }
}
