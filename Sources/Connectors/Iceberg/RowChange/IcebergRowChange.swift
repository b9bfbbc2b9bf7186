import Columnar
package import Iceberg
import Parquet
package import Planner
import Storage
import Synchronization

/// DELETE, UPDATE or MERGE on an Iceberg table: notes the rows that go by file and position, writes those that come, and commits both
/// as one snapshot.
///
/// Merge-on-read leaves data files as they are and writes position deletes (version 2) or deletion vectors (version 3); copy-on-write
/// writes the changed files again without the rows that go. The properties `write.delete.mode` and its siblings choose.
final class IcebergRowChange: RowChangeWrite {
  private let plan: IcebergWritePlan
  private let committer: any TableCommitter
  private let change: RowChange
  private let properties: RowChangeProperties
  private let identity: [IcebergHiddenColumn]
  private let lineage: [IcebergHiddenColumn]
  private let wanted: IcebergPredicate
  private let opener: DataFileOpener
  private let context: QueryContext
  private let changed = Mutex<ChangedFiles?>(nil)

  /// - Parameters:
  ///   - wanted: what the statement's scan of the table asked for. Rows like these, added by others meanwhile, contradict the statement
  ///     under serializable isolation.
  init(
    _ plan: IcebergWritePlan, _ committer: any TableCommitter, _ change: RowChange, wanted: IcebergPredicate, opener: DataFileOpener,
    context: QueryContext
  ) {
    self.plan = plan
    self.committer = committer
    self.change = change
    self.wanted = wanted
    self.opener = opener
    self.context = context
    properties = RowChangeProperties(plan.metadata, change.command)
    identity = IcebergHiddenColumn.rowIdentity(plan.metadata)
    lineage = IcebergHiddenColumn.lineage(plan.metadata)
  }

  func makeWriter(_ context: QueryContext) throws -> any BatchWriter {
    RowChangeBatchWriter(
      change.writesRows ? try IcebergBatchWriter(plan, context) : nil, identity: identity, context: context, name: plan.name)
  }

  func remainder(after written: [any WrittenFiles]) async throws -> RowRemainder? {
    let changed = try await resolve(written)
    let rewritten = changed.files.filter { !$0.losesAllRows }
    guard properties.copiesOnWrite, !rewritten.isEmpty else { return nil }
    return RowRemainder(
      table: try RemainingRows(rewritten, plan.metadata, opener, lineage: lineage), write: CopyWrite(plan: plan))
  }

  func commit(_ written: [any WrittenFiles]) async throws -> WriteSummary {
    let rowCount = written.reduce(0) { $0 + (($1 as? WrittenRowChanges)?.rowCount ?? 0) }
    do {
      let files = try await change(written)
      if !files.isEmpty {
        _ = try await committer.commit(
          SnapshotChange(files, conflicts: conflicts(try await resolve(written)), branch: plan.branch), expectedUUID: plan.metadata.tableUUID)
      }
      return WriteSummary(rowCount: rowCount, fileCount: files.addedFiles.count + files.addedDeletes.count)
    } catch {
      if (error as? IcebergError)?.kind != .commitStateUnknown { await plan.removeFiles() }
      throw error
    }
  }

  func abort(_ written: [any WrittenFiles]) async { await plan.removeFiles() }

  // MARK: What changes

  /// The changed files, found once.
  private func resolve(_ written: [any WrittenFiles]) async throws -> ChangedFiles {
    if let known = changed.withLock({ $0 }) { return known }
    let removed = written.compactMap { ($0 as? WrittenRowChanges)?.removed }
    let found = try await ChangedFiles(removed, matching: wanted, plan.metadata, plan.store)
    changed.withLock { $0 = found }
    return found
  }

  private func change(_ written: [any WrittenFiles]) async throws -> FileChange {
    var result = FileChange()
    result.addedFiles = try await plan.files(
      of: written.compactMap { ($0 as? WrittenRowChanges)?.rows ?? $0 as? IcebergWrittenFiles })
    let files = try await resolve(written).files
    let removed = files.filter { properties.copiesOnWrite || $0.losesAllRows }.map(\.task)
    result.removedFiles = Set(removed.map(\.file.path))
    result.deleteTargets = try await DeleteTargets.read(removed, opener, context)
    let marked = files.filter { !result.removedFiles.contains($0.task.file.path) }
    guard !marked.isEmpty else { return result }
    if plan.metadata.formatVersion >= 3 {
      try await addVectors(marked, to: &result)
    } else {
      try await addPositionDeletes(marked, to: &result)
    }
    return result
  }

  /// One deletion vector per data file, with everything that was deleted by position before; what it replaces goes.
  private func addVectors(_ files: [ChangedFiles.File], to change: inout FileChange) async throws {
    var deletes = try ScanDeletes(files.map(\.task), plan.metadata, files: opener)
    for file in files {
      var positions = file.positions
      if let earlier = try deletes.deletes(for: file.task) {
        let context = context
        let known = try await BlockingPool.shared.run { () throws(StorageError) in
          Result { try earlier.positions(context) }
        }
        if let known = try known.get() { positions.formUnion(known) }
      }
      for delete in file.task.deletes where delete.file.onlyTarget == file.task.file.path {
        change.removedDeletes.insert(DeleteFileID(delete.file))
      }
      let location = plan.paths.next(file.task.file.partition, spec: file.task.spec, suffix: "-deletes.puffin")
      let (bytes, vector) = DeletionVectorFile.make(positions, of: file.task.file, at: location)
      try await plan.store(bytes, at: location)
      change.addedDeletes.append(vector)
    }
  }

  /// Position delete files: one per data file, or one per partition.
  private func addPositionDeletes(_ files: [ChangedFiles.File], to change: inout FileChange) async throws {
    var groups: [[ChangedFiles.File]] = []
    if properties.deletesPerPartition {
      var index: [FilePartition: Int] = [:]
      for file in files {
        let key = FilePartition(file.task.file)
        if let known = index[key] {
          groups[known].append(file)
        } else {
          index[key] = groups.count
          groups.append([file])
        }
      }
    } else {
      groups = files.map { [$0] }
    }
    for group in groups {
      let first = group[0].task
      let location = plan.paths.next(first.file.partition, spec: first.spec, suffix: "-deletes.parquet")
      let (bytes, file) = try PositionDeleteFile.make(
        group.map { ($0.task.file.path, $0.positions) }, like: first.file, at: location, codec: plan.options.codec)
      try await plan.store(bytes, at: location)
      change.addedDeletes.append(file)
    }
  }

  private func conflicts(_ changed: ChangedFiles) -> ConflictCheck {
    let isDelta = !properties.copiesOnWrite
    // Deletes can be repeated; new values would be written for rows that are gone.
    return ConflictCheck(
      startID: plan.metadata.currentSnapshotID, newRows: properties.isSerializable ? wanted : nil,
      newDeletes: isDelta && change.command != .delete ? wanted : nil, changed: changed.files.map(\.task),
      allowsNewDeletes: isDelta && change.command == .delete, needsFoundRows: change.command == .merge)
  }

  /// Writers for rows that are copied; their files are part of the change's own commit.
  struct CopyWrite: TableWrite {
    let plan: IcebergWritePlan

    func makeWriter(_ context: QueryContext) throws -> any BatchWriter { try IcebergBatchWriter(plan, context) }
    func commit(_ written: [any WrittenFiles]) async throws -> WriteSummary {
      throw IcebergError(.invalid, "copied rows are committed with the change they belong to")
    }
    func abort(_ written: [any WrittenFiles]) async { await plan.removeFiles() }
  }
}

/// How a table wants its rows changed.
package struct RowChangeProperties: Sendable {
  package let copiesOnWrite: Bool
  /// Rows that others add meanwhile and that the statement would have had to look at contradict it.
  package let isSerializable: Bool
  /// Position deletes in one file per partition rather than one per data file.
  package let deletesPerPartition: Bool

  /// Merge-on-read unless the table says otherwise, as on Athena; version 1 has no row-level deletes.
  package init(_ metadata: TableMetadata, _ command: RowChange.Command) {
    let properties = TableProperties(metadata.properties)
    let word = command.rawValue.lowercased()
    copiesOnWrite = metadata.formatVersion < 2 || properties["write.\(word).mode"]?.lowercased() == "copy-on-write"
    isSerializable = properties["write.\(word).isolation-level"]?.lowercased() != "snapshot"
    deletesPerPartition = properties["write.delete.granularity"]?.lowercased() == "partition"
  }
}

extension IcebergHiddenColumn {
  /// What finds a row again: its file and position; its id where it must be kept.
  static func rowIdentity(_ metadata: TableMetadata) -> [IcebergHiddenColumn] {
    [.file, .position] + (metadata.formatVersion >= 3 ? [.rowID] : [])
  }

  /// Columns that are stored with rows that move to another file.
  static func lineage(_ metadata: TableMetadata) -> [IcebergHiddenColumn] {
    metadata.formatVersion >= 3 ? [.rowID, .lastUpdatedSequenceNumber] : []
  }
}
