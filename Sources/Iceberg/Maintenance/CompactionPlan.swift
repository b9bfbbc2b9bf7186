import Columnar

/// Which data files are worth writing again. Java's SizeBasedFileRewritePlanner; Athena's OPTIMIZE names the limits differently.
package struct CompactionPlan: Sendable {
  package struct Limits: Sendable {
    package var targetFileSize: Int64
    /// Smaller files are candidates.
    package var minimumFileSize: Int64
    /// Larger ones, too.
    package var maximumFileSize: Int64
    /// A partition with fewer candidates is left alone, unless deletes are due.
    package var minimumInputFiles = 5
    /// A file with so many delete files is a candidate that is always written.
    package var deleteFileThreshold = Int.max
    /// So is one of which so large a share of rows is known to be deleted.
    package var deleteRatio = 0.3
    package var rewritesAll = false

    package init(targetFileSize: Int64) {
      self.targetFileSize = max(1, targetFileSize)
      minimumFileSize = self.targetFileSize / 4 * 3
      maximumFileSize = self.targetFileSize / 5 * 9
    }

    /// By the table's properties, in Athena's words where it has them.
    package init(_ metadata: TableMetadata) {
      let properties = TableProperties(metadata.properties)
      self.init(targetFileSize: Int64(properties.targetFileSize))
      if let size = properties.number("optimize_rewrite_min_data_file_size_bytes") { minimumFileSize = size }
      if let size = properties.number("optimize_rewrite_max_data_file_size_bytes") { maximumFileSize = size }
      if let count = properties.number("optimize_rewrite_data_file_threshold") { minimumInputFiles = Int(clamping: count) }
      deleteFileThreshold = Int(clamping: properties.number("optimize_rewrite_delete_file_threshold") ?? 2)
    }
  }

  /// Files to write again, all of one partition.
  package var groups: [[FileScanTask]] = []

  package init(_ tasks: [FileScanTask], _ metadata: TableMetadata, _ limits: Limits) {
    var partitions: [String: [FileScanTask]] = [:]
    for task in tasks {
      // Files of older specs go together: their rows spread over partitions of the current one.
      let key = task.spec.id == metadata.defaultSpecID ? "=" + task.spec.path(task.file.partition) : ""
      partitions[key, default: []].append(task)
    }
    for (_, members) in partitions.sorted(by: { $0.key < $1.key }) {
      let candidates = members.filter { Self.isCandidate($0, metadata, limits) }.sorted { $0.file.path < $1.file.path }
      guard !candidates.isEmpty, Self.isWorthwhile(candidates, limits) else { continue }
      groups.append(candidates)
    }
  }

  private static func isCandidate(_ task: FileScanTask, _ metadata: TableMetadata, _ limits: Limits) -> Bool {
    limits.rewritesAll || task.spec.id != metadata.defaultSpecID || hasManyDeletes(task, limits)
      || task.file.fileSize < limits.minimumFileSize || task.file.fileSize > limits.maximumFileSize
  }

  private static func hasManyDeletes(_ task: FileScanTask, _ limits: Limits) -> Bool {
    if task.deletes.isEmpty { return false }
    if task.deletes.count >= limits.deleteFileThreshold { return true }
    let known = task.deletes.filter { $0.file.onlyTarget == task.file.path }.reduce(0) { $0 &+ $1.file.recordCount }
    return Double(known) >= limits.deleteRatio * Double(max(1, task.file.recordCount))
  }

  private static func isWorthwhile(_ candidates: [FileScanTask], _ limits: Limits) -> Bool {
    if limits.rewritesAll || candidates.contains(where: { hasManyDeletes($0, limits) }) { return true }
    let size = candidates.reduce(0) { $0 &+ $1.file.fileSize }
    return candidates.count > 1 && (candidates.count >= limits.minimumInputFiles || size > limits.targetFileSize)
      || size > limits.maximumFileSize
  }
}
