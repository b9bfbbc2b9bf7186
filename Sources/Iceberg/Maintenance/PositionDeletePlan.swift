import Columnar
package import Storage

/// Which position delete files are worth writing again. Java's BinPackRewritePositionDeletePlanner.
///
/// In version 2 those of one partition become few; in version 3, where none may be added, all become deletion vectors. SPEC "Position
/// Delete Files", "Deletion Vectors".
package struct PositionDeletePlan: Sendable {
  package struct Limits: Sendable {
    package var targetFileSize: Int64
    /// Smaller files are candidates, and so are larger ones than the maximum.
    package var minimumFileSize: Int64
    package var maximumFileSize: Int64
    /// A partition with fewer candidates is left alone, unless one of them deletes rows of no file any more.
    package var minimumInputFiles = 5
    package var rewritesAll = false

    /// - Parameter targetFileSize: nil is the table's `write.delete.target-file-size-bytes` (64 MiB).
    package init(_ metadata: TableMetadata, targetFileSize: Int64? = nil) {
      self.targetFileSize =
        targetFileSize ?? TableProperties(metadata.properties).number("write.delete.target-file-size-bytes") ?? 67_108_864
      minimumFileSize = self.targetFileSize / 4 * 3
      maximumFileSize = self.targetFileSize / 5 * 9
    }
  }

  /// Delete files of one partition, and the live data files that they apply to.
  package struct Group: Sendable {
    package var deletes: [DataFile]
    package var targets: [FileScanTask]
  }

  package private(set) var groups: [Group] = []

  /// - Parameters:
  ///   - tasks: all live data files with their deletes.
  ///   - predicate: rows of the partitions that are wanted.
  package init(
    _ metadata: TableMetadata, _ tasks: [FileScanTask], _ predicate: IcebergPredicate, _ limits: Limits, _ store: any ObjectStore
  ) async throws(IcebergError) {
    guard let snapshot = metadata.currentSnapshot, metadata.formatVersion > 1 else { return }
    let checked = predicate.checked(metadata.schema)
    var partitions: [FilePartition: [DataFile]] = [:]
    var order: [FilePartition] = []
    for manifest in try await ScanPlanner.manifests(of: snapshot, metadata, store) where manifest.content == .deletes {
      let projection = PartitionProjection(checked, metadata.partitionSpec(id: manifest.partitionSpecID) ?? .unpartitioned, metadata)
      for entry in try await ManifestReader.entries(manifest, metadata, from: store) where entry.isLive {
        let file = entry.file
        guard file.content == .positionDeletes, !file.isDeletionVector,
          try projection.mayMatch({ (index) throws(IcebergError) in file.partition[index] })
        else { continue }
        let partition = FilePartition(file)
        if partitions[partition] == nil { order.append(partition) }
        partitions[partition, default: []].append(file)
      }
    }
    guard !order.isEmpty else { return }
    var targets: [DeleteFileID: [FileScanTask]] = [:]
    for task in tasks {
      for delete in task.deletes where delete.file.content == .positionDeletes {
        targets[DeleteFileID(delete.file), default: []].append(task)
      }
    }
    for partition in order {
      let all = partitions[partition] ?? []
      let chosen = metadata.formatVersion > 2 ? all : Self.candidates(all, targets, limits)
      guard !chosen.isEmpty else { continue }
      var paths: Set<String> = []
      let named = chosen.flatMap { targets[DeleteFileID($0)] ?? [] }.filter { paths.insert($0.file.path).inserted }
      groups.append(
        Group(deletes: chosen.sorted { $0.path < $1.path }, targets: named.sorted { $0.file.path < $1.file.path }))
    }
  }

  private static func candidates(
    _ files: [DataFile], _ targets: [DeleteFileID: [FileScanTask]], _ limits: Limits
  ) -> [DataFile] {
    func isDangling(_ file: DataFile) -> Bool { targets[DeleteFileID(file)] == nil }
    let chosen = files.filter {
      limits.rewritesAll || isDangling($0) || $0.fileSize < limits.minimumFileSize || $0.fileSize > limits.maximumFileSize
    }
    if limits.rewritesAll { return chosen }
    let size = chosen.reduce(0) { $0 &+ $1.fileSize }
    let isWorthwhile =
      chosen.count > 1 && (chosen.count >= limits.minimumInputFiles || size > limits.targetFileSize) || size > limits.maximumFileSize
    return isWorthwhile ? chosen : chosen.filter(isDangling)
  }
}
