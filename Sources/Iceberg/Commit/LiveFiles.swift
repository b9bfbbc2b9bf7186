/// What the data files that stay tell of the delete files they still need.
///
/// A delete file that nothing needs any more is dropped by the commit that makes it so: an equality delete file applies to data files of
/// lower sequence numbers, a position delete file to those of lower or equal ones, each in its partition (an unpartitioned equality
/// delete file everywhere). Java drops them by the lowest number of the whole table; per partition nothing is left behind that a
/// compaction of one partition has worked in. iceberg.md sections 10 and 12.
struct LiveFiles: Sendable {
  /// The lowest data sequence number of each partition's files.
  private var lowest: [FilePartition: Int64] = [:]
  /// Of all files.
  private var lowestOfAll = Int64.max
  /// Those of the asked-for paths that are live.
  private var found: Set<String> = []

  mutating func add(_ file: DataFile, sequenceNumber: Int64, asked: Set<String>) {
    let partition = FilePartition(file)
    lowest[partition] = min(lowest[partition] ?? .max, sequenceNumber)
    lowestOfAll = min(lowestOfAll, sequenceNumber)
    if asked.contains(file.path) { found.insert(file.path) }
  }

  mutating func formUnion(_ other: LiveFiles) {
    lowest.merge(other.lowest, uniquingKeysWith: min)
    lowestOfAll = min(lowestOfAll, other.lowestOfAll)
    found.formUnion(other.found)
  }

  /// Whether a delete file applies to one of the files.
  ///
  /// - Parameters:
  ///   - spec: the delete file's.
  ///   - targets: the data files that it names, where somebody has read it.
  func need(_ delete: ManifestEntry, _ spec: PartitionSpec, targets: Set<String>?) -> Bool {
    switch delete.file.content {
    case .data: return true
    case .equalityDeletes:
      let oldest = spec.isUnpartitioned ? lowestOfAll : lowest[FilePartition(delete.file)] ?? .max
      return oldest < delete.sequenceNumber
    case .positionDeletes:
      if let targets, targets.isDisjoint(with: found) { return false }
      return (lowest[FilePartition(delete.file)] ?? .max) <= delete.sequenceNumber
    }
  }
}
