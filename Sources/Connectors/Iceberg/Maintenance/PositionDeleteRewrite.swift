import Columnar
package import Iceberg
import Parquet
package import Planner
import Storage

/// Writes position deletes again: small files become few, what deletes rows of no live file goes, and in version 3 all become deletion
/// vectors. The rows of the table stay.
package struct PositionDeleteRewrite {
  package struct Outcome: Sendable {
    package var rewrittenFiles = 0
    package var addedFiles = 0
    package var rewrittenBytes: Int64 = 0
    package var addedBytes: Int64 = 0

    package init() {}
  }

  package let groups: [PositionDeletePlan.Group]
  private let plan: IcebergWritePlan
  private let committer: any TableCommitter
  private let opener: DataFileOpener
  private let context: QueryContext
  private let limits: PositionDeletePlan.Limits

  fileprivate init(
    _ groups: [PositionDeletePlan.Group], _ limits: PositionDeletePlan.Limits, _ plan: IcebergWritePlan, _ committer: any TableCommitter,
    _ opener: DataFileOpener, _ context: QueryContext
  ) {
    self.groups = groups
    self.limits = limits
    self.plan = plan
    self.committer = committer
    self.opener = opener
    self.context = context
  }

  /// Writes the new files and commits them in one snapshot.
  package func run() async throws -> Outcome {
    var change = FileChange()
    change.keepsRows = true
    change.replacesDeletes = true
    change.removedDeletes = Set(groups.flatMap(\.deletes).map { DeleteFileID($0) })
    let isVersion3 = plan.metadata.formatVersion > 2
    do {
      for group in groups {
        try context.cancellation.check()
        let positions = try await positions(of: group)
        change.addedDeletes += isVersion3 ? try await vectors(positions, group) : try await files(positions, group)
      }
      _ = try await committer.commit(
        SnapshotChange(
          change,
          conflicts: ConflictCheck(
            startID: plan.metadata.currentSnapshotID, newRows: nil, changed: groups.flatMap(\.targets),
            allowsNewDeletes: !isVersion3)),
        expectedUUID: plan.metadata.tableUUID)
    } catch {
      if (error as? IcebergError)?.kind != .commitStateUnknown { await plan.removeFiles() }
      throw error
    }
    var outcome = Outcome()
    outcome.rewrittenFiles = change.removedDeletes.count
    outcome.rewrittenBytes = groups.flatMap(\.deletes).reduce(0) { $0 &+ $1.fileSize }
    outcome.addedFiles = change.addedDeletes.count
    outcome.addedBytes = change.addedDeletes.reduce(0) { $0 &+ $1.fileSize }
    return outcome
  }

  /// The rows that the group's files delete of live data files, paths ascending. The rest is dropped: files that are gone, files that
  /// are newer than the delete, rows that a file does not have.
  private func positions(of group: PositionDeletePlan.Group) async throws -> [(task: FileScanTask, positions: PositionSet)] {
    let ids = Set(group.deletes.map { DeleteFileID($0) })
    var found: [String: PositionSet] = [:]
    for file in group.deletes {
      let (opener, context) = (opener, context)
      let read = try await BlockingPool.shared.run { () throws(StorageError) in
        Result { try PositionDeletes(opener.open(file, PositionDeletes.sources, context)).positions }
      }.get()
      for task in group.targets where task.deletes.contains(where: { DeleteFileID($0.file) == DeleteFileID(file) }) {
        if let positions = read[task.file.path] { found[task.file.path, default: PositionSet()].formUnion(positions) }
      }
    }
    return group.targets.compactMap { task in
      guard task.deletes.contains(where: { ids.contains(DeleteFileID($0.file)) }), let all = found[task.file.path] else { return nil }
      let numbers = all.positions
      let rows = task.file.recordCount
      let held = (numbers.last ?? 0) < rows ? all : PositionSet(numbers.filter { $0 < rows })
      return held.isEmpty ? nil : (task, held)
    }
  }

  private func vectors(
    _ positions: [(task: FileScanTask, positions: PositionSet)], _ group: PositionDeletePlan.Group
  ) async throws -> [DataFile] {
    var added: [DataFile] = []
    for (task, positions) in positions {
      let location = plan.paths.next(task.file.partition, spec: task.spec, suffix: "-deletes.puffin")
      let (bytes, vector) = DeletionVectorFile.make(positions, of: task.file, at: location)
      try await plan.store(bytes, at: location)
      added.append(vector)
    }
    return added
  }

  /// Files of about the target size; one per data file when the table asks for that (`write.delete.granularity` = `file`).
  private func files(
    _ positions: [(task: FileScanTask, positions: PositionSet)], _ group: PositionDeletePlan.Group
  ) async throws -> [DataFile] {
    let isPerFile = plan.metadata.properties["write.delete.granularity"]?.lowercased() == "file"
    let records = group.deletes.reduce(0) { $0 &+ $1.recordCount }
    let bytes = group.deletes.reduce(0) { $0 &+ $1.fileSize }
    // What a position takes on average, so that files end near the target.
    let bytesPerRecord = Double(bytes) / Double(max(1, records))
    var added: [DataFile] = []
    var rest = positions[...]
    while let first = rest.first {
      var part = [first]
      var size = Double(first.positions.count) * bytesPerRecord
      rest.removeFirst()
      while !isPerFile, let next = rest.first {
        size += Double(next.positions.count) * bytesPerRecord
        guard size <= Double(limits.targetFileSize) else { break }
        part.append(next)
        rest.removeFirst()
      }
      let task = first.task
      let location = plan.paths.next(task.file.partition, spec: task.spec, suffix: "-deletes.parquet")
      let (content, file) = try PositionDeleteFile.make(
        part.map { ($0.task.file.path, $0.positions) }, like: task.file, at: location, codec: plan.options.codec)
      try await plan.store(content, at: location)
      added.append(file)
    }
    return added
  }
}

extension IcebergWriter {
  /// A rewrite of the position deletes in the partitions that may hold rows like those of `predicates`; its `groups` are empty when
  /// nothing is worth it.
  package func beginPositionDeleteRewrite(
    of table: IcebergTable, predicates: [Planner.ColumnPredicate], _ limits: PositionDeletePlan.Limits
  ) async throws -> PositionDeleteRewrite {
    let plan = try await PositionDeletePlan(
      table.metadata, try await table.tasks(matching: []), table.predicate(predicates), limits, table.opener.store)
    return PositionDeleteRewrite(
      plan.groups, limits, try self.plan(table.metadata), committer, table.opener, context)
  }
}
