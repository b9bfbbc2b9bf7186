/// A row change whose files may have to be written again without the rows that go: copy-on-write.
///
/// ```
/// rows of the change ─▶ writers ─▶ remainder ─ nil ─────────────────────────▶ commit
///                                     └ rows that stay ─▶ writers of copies ─┘
/// ```
package protocol RowChangeWrite: TableWrite {
  /// The rows that stay of the files that the change replaces; nil when no file is.
  ///
  /// - Parameter written: what the writers of the change itself finished.
  /// - Throws: `MERGE_TARGET_ROW_MULTIPLE_MATCHES` when one row is changed twice.
  func remainder(after written: [any WrittenFiles]) async throws -> RowRemainder?
}

/// Rows to copy: `table` is scanned whole, all its columns in order, into the writers of `write`, which is not committed by itself.
package struct RowRemainder: Sendable {
  package var table: any Table
  package var write: any TableWrite

  package init(table: any Table, write: any TableWrite) {
    self.table = table
    self.write = write
  }
}
