/// Columns of equal length, the unit that flows between operators.
package struct Batch: Sendable {
  package var columns: [Column]
  /// Rows; says it also for batches without columns (`count(*)`).
  package var count: Int

  package init(columns: [Column], count: Int) {
    assert(columns.allSatisfy { $0.count == count })
    self.columns = columns
    self.count = count
  }

  /// Rows per batch that readers and operators aim at; `QueryContext.batchCapacity` decides in a query.
  package static let defaultCapacity = 8_192

  package static func empty(_ types: [SQLType]) -> Batch {
    Batch(columns: types.map { ColumnBuilder(type: $0, capacity: 0).finish() }, count: 0)
  }
}
