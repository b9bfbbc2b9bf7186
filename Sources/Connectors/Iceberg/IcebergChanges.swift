package import Columnar
package import Iceberg
package import Planner
package import Storage

/// What the snapshots of a range changed, as rows: `table_changes('db.t', start_snapshot_id => 1, end_snapshot_id => 5)`.
///
/// The columns are the table's, then Trino's four: `_change_type` (`insert`, `delete`), `_change_version_id`, `_change_timestamp`,
/// `_change_ordinal`. Each snapshot is compared with its parent, file by file:
///
/// ```
/// file only in the snapshot      its rows are inserted
/// file only in the parent        its rows are deleted
/// file in both                   rows that the snapshot's deletes take away and the parent's did not are deleted
/// ```
///
/// `replace` snapshots (compactions) change no rows and are passed over. As in Trino, the rows that a copy-on-write statement carries
/// over into a new file appear as deleted and inserted.
package struct IcebergChanges: Table {
  package let schema: Schema
  private let table: IcebergTable
  private let metadata: TableMetadata
  /// Oldest first.
  private let snapshots: [Snapshot]
  private let store: any ObjectStore

  private static let changeColumns = [
    Field("_change_type", .varchar), Field("_change_version_id", .bigint),
    Field("_change_timestamp", .timestampTZ(precision: 3)), Field("_change_ordinal", .integer),
  ]

  /// - Parameters:
  ///   - start: an ancestor of `end` whose own changes are left out; nil is the beginning.
  ///   - end: nil is the current snapshot.
  package init(
    _ metadata: TableMetadata, from start: Int64?, to end: Int64?, store: any ObjectStore, footers: ParquetFooterCache
  ) throws {
    self.metadata = metadata
    self.store = store
    table = try IcebergTable(
      metadata: metadata, version: end.map { .snapshot($0) } ?? .current, store: store, footers: footers)
    schema = Schema(table.schema.fields + Self.changeColumns)
    snapshots = try metadata.snapshots(after: start, through: end)
  }

  package func planScan(_ request: ScanRequest) async throws -> any Scan {
    let width = table.schema.count
    let predicate = table.predicate(request.predicates.filter { $0.column < width })
    let columns = try ScanColumns(table.icebergSchema, metadata, request.columns.filter { $0 < width })
    let pushed = request.predicates.compactMap { predicate -> Planner.ColumnPredicate? in
      guard predicate.column < width else { return nil }
      return request.columns.firstIndex(of: predicate.column).map { Planner.ColumnPredicate(column: $0, test: predicate.test) }
    }
    var splits: [IcebergSplit] = []
    var states: [Int64: [FileScanTask]] = [:]
    func tasks(of snapshot: Int64?) async throws -> [FileScanTask] {
      guard let snapshot else { return [] }
      if let known = states[snapshot] { return known }
      let planner = ScanPlanner(
        metadata, store: store, version: .snapshot(snapshot), predicate: predicate, readsDeletes: true)
      let found = try await planner.plan().tasks
      states[snapshot] = found
      return found
    }
    var ordinal = 0
    for snapshot in snapshots where snapshot.operation != "replace" {
      let after = try await tasks(of: snapshot.id)
      let before = try await tasks(of: snapshot.parentID)
      var change = Change(
        snapshot: snapshot, ordinal: ordinal, request: request, width: width, columns: columns, predicates: pushed,
        deletesBefore: try ScanDeletes(before, metadata, files: table.opener),
        deletesAfter: try ScanDeletes(after, metadata, files: table.opener))
      splits += try change.splits(before: before, after: after)
      ordinal += 1
      if let parent = snapshot.parentID { states[parent] = nil }
    }
    return IcebergScan(
      splits, notes: [ScanNote("snapshots", ordinal), ScanNote("files read", splits.count)], files: table.opener)
  }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw IcebergError(.unsupported, "changes of a table cannot be written")
  }

  /// One snapshot's part of a scan.
  private struct Change {
    let snapshot: Snapshot
    let ordinal: Int
    let request: ScanRequest
    /// Columns of the table; those behind describe the change.
    let width: Int
    let columns: ScanColumns
    let predicates: [Planner.ColumnPredicate]
    var deletesBefore: ScanDeletes
    var deletesAfter: ScanDeletes

    mutating func splits(before: [FileScanTask], after: [FileScanTask]) throws -> [IcebergSplit] {
      let earlier = Dictionary(before.map { ($0.file.path, $0) }, uniquingKeysWith: { first, _ in first })
      let later = Dictionary(after.map { ($0.file.path, $0) }, uniquingKeysWith: { first, _ in first })
      var splits: [IcebergSplit] = []
      for task in before.sorted(by: { $0.file.path < $1.file.path }) {
        guard let now = later[task.file.path] else {
          splits.append(split(task, "delete", deletes: try deletesBefore.deletes(for: task)))
          continue
        }
        guard Self.deletePlaces(task) != Self.deletePlaces(now), let taken = try deletesAfter.deletes(for: now) else { continue }
        var split = split(task, "delete", deletes: try deletesBefore.deletes(for: task))
        split.deletedBy = taken
        splits.append(split)
      }
      for task in after.sorted(by: { $0.file.path < $1.file.path }) where earlier[task.file.path] == nil {
        splits.append(split(task, "insert", deletes: try deletesAfter.deletes(for: task)))
      }
      return splits
    }

    /// Which delete files apply: a deletion vector is told by its place in its file.
    private static func deletePlaces(_ task: FileScanTask) -> Set<String> {
      Set(task.deletes.map { "\($0.file.path) \($0.file.contentOffset ?? -1)" })
    }

    private func split(_ task: FileScanTask, _ type: String, deletes: SplitDeletes?) -> IcebergSplit {
      var own = columns.sources(task, modifiedMicroseconds: nil).makeIterator()
      let sources = request.columns.map { index -> ParquetColumnSource in
        switch index - width {
        case ..<0: own.next() ?? .constant(.null())
        case 0: .constant(.text(type))
        case 1: .constant(.bigint(snapshot.id))
        case 2:
          .constant(Scalar(.timestampTZ(precision: 3), .milliseconds(snapshot.timestampMilliseconds)))
        default: .constant(.integer(Int32(clamping: ordinal)))
        }
      }
      let size = Int(clamping: task.file.fileSize)
      let data = ParquetSplit(
        location: Location(task.file.path), size: size, byteCount: size, sources: sources, predicates: predicates)
      return IcebergSplit(data: data, format: task.file.format, deletes: deletes)
    }
  }
}
