import Columnar
package import Iceberg
package import Planner
import Storage
import Synchronization

/// Writes data files of a table again with the same rows: small ones become large, deleted rows go for good.
///
/// The caller scans `rows(of:)` of one group after the other into `write`, then commits everything at once. New files keep the sequence
/// number of the state that was read, so that newer equality deletes still apply. iceberg.md section 12, "Compaction".
package final class IcebergCompaction: Sendable {
  package let groups: [[FileScanTask]]
  private let plan: IcebergWritePlan
  private let committer: any TableCommitter
  private let opener: DataFileOpener
  private let lineage: [IcebergHiddenColumn]

  package struct Outcome: Sendable {
    package var rewrittenFiles = 0
    package var addedFiles = 0
    package var rewrittenBytes: Int64 = 0
    package var removedDeleteFiles = 0

    package init() {}
  }

  init(
    _ groups: [[FileScanTask]], _ plan: IcebergWritePlan, _ committer: any TableCommitter, _ opener: DataFileOpener,
    lineage: [IcebergHiddenColumn]
  ) {
    self.groups = groups
    self.plan = plan
    self.committer = committer
    self.opener = opener
    self.lineage = lineage
  }

  /// The live rows of one group: its table is scanned whole into its write.
  package func rows(of group: Int) throws -> RowRemainder {
    let files = groups[group].map { ChangedFiles.File(task: $0, positions: PositionSet(), losesAllRows: false) }
    return RowRemainder(
      table: try RemainingRows(files, plan.metadata, opener, lineage: lineage), write: IcebergRowChange.CopyWrite(plan: plan))
  }

  package func commit(_ written: [any WrittenFiles]) async throws -> Outcome {
    var change = FileChange()
    change.addedFiles = written.compactMap { $0 as? IcebergWrittenFiles }.flatMap(\.files)
    change.keepsRows = true
    let tasks = groups.flatMap(\.self)
    change.removedFiles = Set(tasks.map(\.file.path))
    if plan.metadata.formatVersion > 1 { change.dataSequenceNumber = plan.metadata.currentSnapshot?.sequenceNumber }
    do {
      _ = try await committer.commit(
        SnapshotChange(
          change,
          conflicts: ConflictCheck(
            startID: plan.metadata.currentSnapshotID, newRows: nil, changed: tasks, allowsNewDeletes: false)),
        expectedUUID: plan.metadata.tableUUID)
    } catch {
      if error.kind != .commitStateUnknown { await abort() }
      throw error
    }
    let deletes = tasks.flatMap { task in task.deletes.filter { $0.file.onlyTarget == task.file.path }.map { DeleteFileID($0.file) } }
    var outcome = Outcome()
    outcome.rewrittenFiles = tasks.count
    outcome.addedFiles = change.addedFiles.count
    outcome.rewrittenBytes = tasks.reduce(0) { $0 &+ $1.file.fileSize }
    outcome.removedDeleteFiles = Set(deletes).count
    return outcome
  }

  /// Removes what was written.
  package func abort() async { await plan.removeFiles() }
}

extension IcebergWriter {
  /// A compaction of the files that may hold rows like those of `predicates`; its `groups` are empty when nothing is worth it.
  package func beginCompaction(
    of table: IcebergTable, predicates: [Planner.ColumnPredicate] = [], _ limits: CompactionPlan.Limits
  ) async throws -> IcebergCompaction {
    let tasks = try await table.tasks(matching: predicates)
    let lineage = IcebergHiddenColumn.lineage(table.metadata)
    return IcebergCompaction(
      CompactionPlan(tasks, table.metadata, limits).groups, try plan(table.metadata, lineage: lineage), committer, table.opener,
      lineage: lineage)
  }
}
