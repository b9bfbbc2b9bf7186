package import Columnar
package import Iceberg
package import Planner
package import Storage

/// The rows that the snapshots of a range appended: `table_appends('db.t', start_snapshot_id => 1, end_snapshot_id => 5)`.
///
/// Compactions (`replace`) add no rows and are passed over. A snapshot that changed or deleted rows has no place in a result of new rows
/// only; Java's IncrementalAppendScan passes over it, here it is refused.
package struct IcebergAppends: Table {
  package let schema: Schema
  package let hiddenColumns: [Field]
  /// At the end of the range.
  private let table: IcebergTable
  private let metadata: TableMetadata
  private let snapshots: [Snapshot]
  private let store: any ObjectStore

  /// - Parameters:
  ///   - start: an ancestor of `end` whose own rows are left out; nil is the beginning.
  ///   - end: nil is the current snapshot.
  /// - Throws: `unsupported` when a snapshot of the range is no append.
  package init(
    _ metadata: TableMetadata, from start: Int64?, to end: Int64?, store: any ObjectStore, footers: ParquetFooterCache
  ) throws {
    self.metadata = metadata
    self.store = store
    table = try IcebergTable(
      metadata: metadata, version: end.map { .snapshot($0) } ?? .current, store: store, footers: footers)
    schema = table.schema
    hiddenColumns = table.hiddenColumns
    let range = try metadata.snapshots(after: start, through: end).filter { $0.operation != "replace" }
    if let other = range.first(where: { $0.operation != "append" }) {
      throw IcebergError(.unsupported, "snapshot \(other.id) did not only append rows, its operation is \(other.operation ?? "not known")")
    }
    snapshots = range
  }

  package func planScan(_ request: ScanRequest) async throws -> any Scan {
    let tasks = try await ScanPlanner.filesAdded(by: snapshots, metadata, store)
    return try await table.scan(
      of: tasks, request, notes: { [ScanNote("snapshots", snapshots.count), ScanNote("files read", $0.count)] })
  }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw IcebergError(.unsupported, "the rows appended to a table cannot be written")
  }
}
