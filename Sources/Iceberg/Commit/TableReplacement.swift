/// Replaces a table by another definition, and its rows by others, in one commit: CREATE OR REPLACE TABLE [AS].
package struct TableReplacement: SnapshotUpdate {
  private let definition: TableDefinition
  private let rows: Rows?

  /// New rows, and the states they belong to.
  private struct Rows: Sendable {
    /// What the query may have read of the table.
    let startID: Int64?
    /// The replaced table that the rows were written for.
    let planned: TableMetadata
    let change: SnapshotChange
  }

  /// Leaves the table without rows.
  package init(_ definition: TableDefinition) {
    self.definition = definition
    rows = nil
  }

  /// - Parameters:
  ///   - base: the state that the statement began from.
  ///   - planned: `definition.replacing(base)`.
  ///   - files: written for `planned`; when there are none the snapshot has no rows.
  package init(_ definition: TableDefinition, of base: TableMetadata, planned: TableMetadata, adding files: [DataFile]) {
    self.definition = definition
    rows = Rows(startID: base.currentSnapshotID, planned: planned, change: SnapshotChange(adding: files))
  }

  package var fileChange: FileChange? { rows?.change.fileChange }

  /// A table without new rows is replaced whatever others did to it. New rows may come from the old ones: if those have changed meanwhile,
  /// or the columns whose ids the files hold, the statement has to run again.
  package func apply(to base: TableMetadata, _ work: CommitWork) async throws(IcebergError) -> TableMetadata {
    var next = try definition.replacing(base)
    guard let rows else {
      next.lastUpdatedMilliseconds = max(work.now(), base.lastUpdatedMilliseconds)
      return next
    }
    guard base.currentSnapshotID == rows.startID else {
      throw IcebergError(.validation, "rows of the table were changed meanwhile, which the rows that replace it may come from")
    }
    let planned = rows.planned
    guard next.schema == planned.schema, next.partitionSpec == planned.partitionSpec, next.formatVersion == planned.formatVersion else {
      throw IcebergError(.validation, "columns or partitioning of the table were changed meanwhile")
    }
    return try await rows.change.apply(to: next, work)
  }
}
