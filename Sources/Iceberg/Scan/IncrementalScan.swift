package import Storage

extension TableMetadata {
  /// The snapshots of a range along parents, oldest first: `start` is left out, `end` is in. iceberg.md section 11, "Incremental scans".
  ///
  /// - Parameters:
  ///   - start: an ancestor of `end`; nil is the beginning.
  ///   - end: nil is the current snapshot.
  /// - Throws: `notFound` for snapshots that the table does not have, `invalid` when they are on different lines or history ends between them.
  package func snapshots(after start: Int64?, through end: Int64?) throws(IcebergError) -> [Snapshot] {
    var chain: [Snapshot] = []
    var seen: Set<Int64> = []
    var next = try scanTarget(end.map { .snapshot($0) } ?? .current).snapshot?.id
    while let id = next, id != start {
      guard seen.insert(id).inserted, let snapshot = snapshot(id: id) else {
        // History ends at an expired snapshot.
        throw IcebergError(
          .invalid, start == nil
            ? "the changes since the beginning are not known any more: snapshot \(id) has been expired"
            : "snapshot \(start ?? 0) is not an ancestor of the last snapshot of the range")
      }
      chain.append(snapshot)
      next = snapshot.parentID
    }
    guard start == nil || next == start else {
      throw IcebergError(.invalid, "snapshot \(start ?? 0) is not an ancestor of the last snapshot of the range")
    }
    if let start, snapshot(id: start) == nil { throw IcebergError(.notFound, "the table has no snapshot \(start)") }
    return chain.reversed()
  }
}

extension ScanPlanner {
  /// The data files that snapshots added, as they added them: without deletes.
  package static func filesAdded(
    by snapshots: [Snapshot], _ metadata: TableMetadata, _ store: any ObjectStore
  ) async throws(IcebergError) -> [FileScanTask] {
    var tasks: [FileScanTask] = []
    for snapshot in snapshots {
      for manifest in try await manifests(of: snapshot, metadata, store)
      where manifest.content == .data && manifest.addedSnapshotID == snapshot.id {
        guard let spec = metadata.partitionSpec(id: manifest.partitionSpecID) else {
          throw IcebergError(.corrupt, "a manifest has a partition spec that the table does not list", file: manifest.path)
        }
        for entry in try await ManifestReader.entries(manifest, metadata, from: store)
        where entry.status == .added && entry.snapshotID == snapshot.id {
          tasks.append(FileScanTask(file: entry.file, spec: spec, sequenceNumber: entry.sequenceNumber, deletes: []))
        }
      }
    }
    return tasks
  }
}
