import Storage

/// What others must not have committed between the state that a statement read and the state it is committed on.
///
/// Every snapshot in between is looked at, but only at what it added or removed itself. iceberg.md section 12, "What each operation
/// validates"; Java's MergingSnapshotProducer.
package struct ConflictCheck: Sendable {
  /// The snapshot that was read; nil for a table that had none.
  private let startID: Int64?
  /// Serializable isolation: rows like these must not have been added. Nil is snapshot isolation.
  private let newRows: IcebergPredicate?
  /// Partitions that no rows must have been added to.
  private let newRowsIn: Set<FilePartition>
  /// Rows like these must not have been deleted, in whatever file: for UPDATE and MERGE that leave data files as they are.
  private let newDeletes: IcebergPredicate?
  /// The data files whose rows are deleted or rewritten, as they were read.
  private let changed: [FileScanTask]
  /// Whether rows of the changed files may have been deleted meanwhile: only when the change is deletes of rows, which can be repeated.
  /// Rows that were changed meanwhile are not meant: their new versions would stay.
  private let allowsNewDeletes: Bool
  /// Whether equality deletes alone may have come: when the files that replace the changed ones keep their age, such deletes apply to
  /// them as well.
  private let allowsNewEqualityDeletes: Bool
  /// Serializable isolation of MERGE: rows like `newRows` must not have gone either, as rows that were found decide what is inserted.
  private let needsFoundRows: Bool

  package init(
    startID: Int64?, newRows: IcebergPredicate?, newRowsIn: Set<FilePartition> = [], newDeletes: IcebergPredicate? = nil,
    changed: [FileScanTask], allowsNewDeletes: Bool, allowsNewEqualityDeletes: Bool = false, needsFoundRows: Bool = false
  ) {
    self.startID = startID
    self.newRows = newRows
    self.newRowsIn = newRowsIn
    self.newDeletes = newDeletes
    self.changed = changed
    self.allowsNewDeletes = allowsNewDeletes
    self.allowsNewEqualityDeletes = allowsNewEqualityDeletes
    self.needsFoundRows = needsFoundRows
  }

  /// - Parameters:
  ///   - base: the state to commit on, as `branch` has it.
  ///   - transaction: where the statement's transaction began, when it builds on states of the transaction's own.
  func validate(
    _ base: TableMetadata, of branch: TargetBranch = .main, against transaction: TransactionStart?, _ store: any ObjectStore
  ) async throws(IcebergError) {
    let startID = try transaction.map { (start) throws(IcebergError) in try start.base.head(of: branch).currentSnapshotID } ?? startID
    let own = transaction?.ownFiles ?? []
    let changed = changed.filter { !own.contains($0.file.path) }
    let changedPaths = Set(changed.map(\.file.path))
    for snapshot in try newSnapshots(base, since: startID) {
      let operation = snapshot.operation ?? ""
      let canRepeat = allowsNewDeletes && operation == "delete"
      var deletes = DeleteIndex()
      for manifest in try await ScanPlanner.manifests(of: snapshot, base, store) where manifest.addedSnapshotID == snapshot.id {
        for entry in try await ManifestReader.entries(manifest, base, from: store) where entry.snapshotID == snapshot.id {
          switch (manifest.content, entry.status) {
          case (.data, .added) where operation == "append" || operation == "overwrite":
            let isWanted = try newRows.map { (rows) throws(IcebergError) in try mayMatch(entry.file, rows, base) } ?? false
            if isWanted || newRowsIn.contains(FilePartition(entry.file)) {
              throw conflict(snapshot, "added rows that the statement would have had to look at", entry.file)
            }
          case (.data, .deleted) where changedPaths.contains(entry.file.path):
            // Deleting rows of a file that is gone anyway is no contradiction.
            if canRepeat { continue }
            throw conflict(snapshot, "removed a data file that the statement changes", entry.file)
          case (.data, .deleted) where operation != "replace":
            if needsFoundRows, let newRows, try mayMatch(entry.file, newRows, base) {
              throw conflict(snapshot, "removed rows that the statement has looked at", entry.file)
            }
          case (.deletes, .added):
            // Compaction may write deletes again: of those only vectors count, which stand alone for their data file.
            guard operation == "overwrite" || operation == "delete" || entry.file.isDeletionVector else { continue }
            if operation != "replace", let rows = newDeletes ?? (needsFoundRows ? newRows : nil), try mayDelete(entry.file, rows, base) {
              throw conflict(snapshot, "deleted rows like those that the statement has looked at", entry.file)
            }
            try deletes.add(entry, base)
          default: break
          }
        }
      }
      guard !deletes.isEmpty else { continue }
      for task in changed {
        let entry = ManifestEntry(
          status: .existing, snapshotID: 0, sequenceNumber: task.sequenceNumber, fileSequenceNumber: task.sequenceNumber,
          file: task.file)
        let applying = try deletes.deletes(for: entry)
        // A data file has one deletion vector: the second one would not know the first one's rows.
        if let delete = applying.first(where: { delete in
          if delete.file.content == .equalityDeletes, allowsNewEqualityDeletes { return false }
          return delete.file.isDeletionVector || !canRepeat
        }) {
          throw conflict(snapshot, "deleted rows of a data file that the statement changes", delete.file)
        }
      }
    }
  }

  /// The snapshots after the start, newest first.
  private func newSnapshots(_ base: TableMetadata, since startID: Int64?) throws(IcebergError) -> [Snapshot] {
    var found: [Snapshot] = []
    var next = base.currentSnapshotID
    while next != startID {
      guard let id = next, let snapshot = base.snapshot(id: id), found.count <= base.snapshots.count else {
        throw IcebergError(.validation, "the state that the statement read is no longer part of the table's history")
      }
      found.append(snapshot)
      next = snapshot.parentID
    }
    return found
  }

  private func mayMatch(_ file: DataFile, _ rows: IcebergPredicate, _ base: TableMetadata) throws(IcebergError) -> Bool {
    guard try mayDelete(file, rows, base) else { return false }
    return MetricsFilter(rows.checked(base.schema), base.schema).mayMatch(file.metricsSource, recordCount: file.recordCount)
  }

  /// Partitions only: the metrics of a delete file are about the deletes.
  private func mayDelete(_ file: DataFile, _ rows: IcebergPredicate, _ base: TableMetadata) throws(IcebergError) -> Bool {
    let spec = base.partitionSpec(id: file.partitionSpecID) ?? .unpartitioned
    return try PartitionProjection(rows.checked(base.schema), spec, base).mayMatch { (index) throws(IcebergError) in file.partition[index] }
  }

  private func conflict(_ snapshot: Snapshot, _ what: String, _ file: DataFile) -> IcebergError {
    IcebergError(.validation, "snapshot \(snapshot.id), committed meanwhile, \(what)", file: file.path)
  }
}
