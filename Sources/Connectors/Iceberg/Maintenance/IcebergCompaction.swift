import Columnar
package import Iceberg
package import Planner
import Storage

/// Writes data files of a table again with the same rows: small ones become large, deleted rows go for good.
///
/// ```
/// files worth it ─▶ groups ─ cut into parts ─▶ part: rows of group after group ─▶ files ─ one commit
/// ```
/// The caller scans `rows(of:)` of one group after the other into `write`, then commits the part. iceberg.md section 12, "Compaction".
package struct IcebergCompaction: Sendable {
  package let groups: [[FileScanTask]]
  private let table: IcebergTable
  private let writer: IcebergWriter
  private let layout: Layout

  /// How the new files are written.
  package struct Layout: Sendable {
    package var targetFileSize: Int64
    /// nil is the table's current spec.
    package var specID: Int32?
    /// The order that rows arrive in; nil where it is none of the table's.
    package var sortOrderID: Int32?
    /// New files keep the sequence number of the state that was read, so that newer equality deletes still apply to them.
    package var keepsSequenceNumber = true

    package init(targetFileSize: Int64) { self.targetFileSize = targetFileSize }
  }

  package struct Outcome: Sendable {
    package var rewrittenFiles = 0
    package var addedFiles = 0
    package var rewrittenBytes: Int64 = 0
    /// Of groups whose commit others made impossible.
    package var failedFiles = 0
    package var removedDeleteFiles = 0

    package init() {}

    package mutating func add(_ other: Outcome) {
      rewrittenFiles += other.rewrittenFiles
      addedFiles += other.addedFiles
      rewrittenBytes &+= other.rewrittenBytes
      failedFiles += other.failedFiles
      removedDeleteFiles += other.removedDeleteFiles
    }
  }

  init(_ groups: [[FileScanTask]], _ table: IcebergTable, _ writer: IcebergWriter, _ layout: Layout) {
    self.groups = groups
    self.table = table
    self.writer = writer
    self.layout = layout
  }

  /// Some of the groups, to be committed together.
  package func part(_ range: Range<Int>) throws -> Part {
    var target = table.metadata
    target.properties["write.target-file-size-bytes"] = "\(layout.targetFileSize)"
    if let id = layout.specID { target.defaultSpecID = id }
    let lineage = IcebergHiddenColumn.lineage(target)
    return Part(
      groups: Array(groups[range]), metadata: table.metadata,
      // Rows of one group must not wait in memory for those of the next.
      plan: try writer.plan(target, lineage: lineage, sortOrderID: layout.sortOrderID, joinsRows: false), committer: writer.committer,
      opener: table.opener, lineage: lineage, context: writer.context, keepsSequenceNumber: layout.keepsSequenceNumber)
  }

  package struct Part: Sendable {
    package let groups: [[FileScanTask]]
    fileprivate let metadata: TableMetadata
    fileprivate let plan: IcebergWritePlan
    fileprivate let committer: any TableCommitter
    fileprivate let opener: DataFileOpener
    fileprivate let lineage: [IcebergHiddenColumn]
    fileprivate let context: QueryContext
    fileprivate let keepsSequenceNumber: Bool

    /// The live rows of one group: its table is scanned whole into its write.
    package func rows(of group: [FileScanTask]) throws -> RowRemainder {
      let files = group.map { ChangedFiles.File(task: $0, positions: PositionSet(), losesAllRows: false) }
      return RowRemainder(
        table: try RemainingRows(files, metadata, opener, lineage: lineage), write: IcebergRowChange.CopyWrite(plan: plan))
    }

    /// - Throws: `validation` when others have changed the files meanwhile; nothing that was written is left then.
    package func commit(_ written: [any WrittenFiles]) async throws -> Outcome {
      let tasks = groups.flatMap(\.self)
      var change = FileChange()
      change.keepsRows = true
      change.removedFiles = Set(tasks.map(\.file.path))
      let keepsAge = keepsSequenceNumber && metadata.formatVersion > 1
      if keepsAge { change.dataSequenceNumber = metadata.currentSnapshot?.sequenceNumber }
      var outcome = Outcome()
      do {
        change.addedFiles = try await plan.files(of: written.compactMap { $0 as? IcebergWrittenFiles })
        change.deleteTargets = try await DeleteTargets.read(tasks, opener, context)
        let committed = try await committer.commit(
          SnapshotChange(
            change,
            conflicts: ConflictCheck(
              startID: metadata.currentSnapshotID, newRows: nil, changed: tasks, allowsNewDeletes: false,
              allowsNewEqualityDeletes: keepsAge)),
          expectedUUID: metadata.tableUUID)
        outcome.removedDeleteFiles = Int(clamping: committed.metadata.currentSnapshot?.summary.number("removed-delete-files") ?? 0)
      } catch {
        if (error as? IcebergError)?.kind != .commitStateUnknown { await abort() }
        throw error
      }
      outcome.rewrittenFiles = tasks.count
      outcome.addedFiles = change.addedFiles.count
      outcome.rewrittenBytes = tasks.reduce(0) { $0 &+ $1.file.fileSize }
      return outcome
    }

    /// Removes what was written.
    package func abort() async { await plan.removeFiles() }
  }
}

extension IcebergWriter {
  /// A compaction of the files that may hold rows like those of `predicates`; its `groups` are empty when nothing is worth it.
  package func beginCompaction(
    of table: IcebergTable, predicates: [Planner.ColumnPredicate] = [], _ limits: CompactionPlan.Limits,
    _ layout: IcebergCompaction.Layout
  ) async throws -> IcebergCompaction {
    let tasks = try await table.tasks(matching: predicates)
    return IcebergCompaction(CompactionPlan(tasks, table.metadata, limits).groups, table, self, layout)
  }

  /// Drops the delete files that apply to no data file of a table's state.
  ///
  /// - Returns: how many there were.
  package func removeDanglingDeletes(from table: IcebergTable) async throws -> Int {
    let tasks = try await table.tasks(matching: [])
    let dangling = try await DeleteTargets.dangling(tasks, table, store, context)
    guard !dangling.isEmpty else { return 0 }
    var change = FileChange()
    change.keepsRows = true
    change.removedDeletes = dangling
    _ = try await committer.commit(
      SnapshotChange(
        change,
        conflicts: ConflictCheck(startID: table.metadata.currentSnapshotID, newRows: nil, changed: [], allowsNewDeletes: true)),
      expectedUUID: table.metadata.tableUUID)
    return dangling.count
  }
}
