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
    /// A partition with more bytes is written in several groups, one after the other.
    package var maximumGroupSize: Int64 = 107_374_182_400
    package var order = GroupOrder.none
    /// The partition spec of the new files; nil is the table's current one.
    package var outputSpecID: Int32?

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

  /// Which groups are written first. Java's RewriteJobOrder.
  package enum GroupOrder: String, CaseIterable, Sendable {
    case none
    case smallestFirst = "bytes-asc"
    case largestFirst = "bytes-desc"
    case fewestFilesFirst = "files-asc"
    case mostFilesFirst = "files-desc"
  }

  /// Files to write again, each group of one partition.
  package var groups: [[FileScanTask]] = []

  package init(_ tasks: [FileScanTask], _ metadata: TableMetadata, _ limits: Limits) {
    let specID = limits.outputSpecID ?? metadata.defaultSpecID
    var partitions: [String: [FileScanTask]] = [:]
    for task in tasks {
      // Files of other specs go together: their rows spread over partitions of the new one.
      let key = task.spec.id == specID ? "=" + task.spec.path(task.file.partition) : ""
      partitions[key, default: []].append(task)
    }
    for (_, members) in partitions.sorted(by: { $0.key < $1.key }) {
      let candidates = members.filter { Self.isCandidate($0, specID, limits) }.sorted { $0.file.path < $1.file.path }
      groups += Self.packed(candidates, limits.maximumGroupSize).filter { Self.isWorthwhile($0, limits) }
    }
    switch limits.order {
    case .none: break
    case .smallestFirst: sortGroups { Self.size($0) < Self.size($1) }
    case .largestFirst: sortGroups { Self.size($0) > Self.size($1) }
    case .fewestFilesFirst: sortGroups { $0.count < $1.count }
    case .mostFilesFirst: sortGroups { $0.count > $1.count }
    }
  }

  /// Groups that are equal keep their order.
  private mutating func sortGroups(by isBefore: ([FileScanTask], [FileScanTask]) -> Bool) {
    groups = groups.enumerated().sorted { left, right in
      isBefore(left.element, right.element) || !isBefore(right.element, left.element) && left.offset < right.offset
    }.map(\.element)
  }

  private static func size(_ group: [FileScanTask]) -> Int64 { group.reduce(0) { $0 &+ $1.file.fileSize } }

  private static func packed(_ tasks: [FileScanTask], _ limit: Int64) -> [[FileScanTask]] {
    var groups: [[FileScanTask]] = []
    var room: Int64 = 0
    for task in tasks {
      if groups.isEmpty || task.file.fileSize > room {
        groups.append([])
        room = limit
      }
      groups[groups.count - 1].append(task)
      room -= task.file.fileSize
    }
    return groups
  }

  private static func isCandidate(_ task: FileScanTask, _ specID: Int32, _ limits: Limits) -> Bool {
    limits.rewritesAll || task.spec.id != specID || hasManyDeletes(task, limits)
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
    let size = size(candidates)
    return candidates.count > 1 && (candidates.count >= limits.minimumInputFiles || size > limits.targetFileSize)
      || size > limits.maximumFileSize
  }
}
