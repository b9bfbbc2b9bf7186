import Columnar
import Iceberg
import Planner

/// One worker's part of a row change: notes which rows go, writes those that come.
final class RowChangeBatchWriter: BatchWriter {
  private let writesRows: Bool
  private let identityCount: Int
  /// Place of `_row_id` in the batches of tables with row lineage.
  private let rowIDColumn: Int?
  private let rows: IcebergBatchWriter?
  private var removed: [String: [Int64]] = [:]
  private var removedCount = 0
  private var rowCount = 0
  private var reservation: MemoryReservation
  private let limit: Int

  init(
    _ rows: IcebergBatchWriter?, identity: [IcebergHiddenColumn], context: QueryContext, name: String
  ) {
    self.rows = rows
    writesRows = rows != nil
    identityCount = identity.count
    rowIDColumn = identity.firstIndex(of: .rowID).map { $0 + 1 }
    limit = context.memory.limit
    reservation = MemoryReservation(context.memory, holder: "row changes of \(name)")
  }

  func write(_ batch: Batch) throws {
    let operations = batch.columns[0].flattened()
    let codes = ColumnView(operations).pointer(as: Int8.self)
    try noteRemoved(batch, codes)
    rowCount += batch.count
    guard let rows else { return }
    var kept: [UInt32] = []
    kept.reserveCapacity(batch.count)
    for row in 0..<batch.count where codes[row] != RowOperation.delete.rawValue { kept.append(UInt32(truncatingIfNeeded: row)) }
    guard !kept.isEmpty else { return }
    var columns = Array(batch.columns[(1 + identityCount)...])
    if let rowIDColumn {
      // A changed row keeps its id; that it changed shows in the sequence number, which it inherits. SPEC "Row Lineage".
      columns.append(batch.columns[rowIDColumn])
      columns.append(Column.nulls(.bigint, count: batch.count))
    }
    let values = Batch(columns: columns, count: batch.count)
    try rows.write(kept.count == batch.count ? values : kept.withUnsafeBufferPointer { kept in
      kept.baseAddress.map { values.take($0, count: kept.count) } ?? values.slice(0, 0)
    })
  }

  private func noteRemoved(_ batch: Batch, _ codes: UnsafePointer<Int8>) throws {
    let files = batch.columns[1].flattened()
    let fileView = ColumnView(files)
    let names = fileView.pointer(as: StringView.self)
    let positionView = ColumnView(batch.columns[2])
    let positions = positionView.pointer(as: Int64.self)
    var start = 0
    while start < batch.count {
      guard codes[start] != RowOperation.insert.rawValue, fileView.isValid(start) else {
        start += 1
        continue
      }
      // Rows of one file mostly follow each other: its list is looked up once per run.
      var run: [Int64] = []
      var row = start
      while row < batch.count, codes[row] != RowOperation.insert.rawValue, fileView.isValid(row),
        StringView.equal(names + start, names + row)
      {
        run.append(positions[positionView.index(row)])
        row += 1
      }
      removed[StringView.string(at: names + start), default: []] += run
      removedCount += run.count
      start = row
    }
    guard reservation.reserve(removedCount * MemoryLayout<Int64>.stride) else {
      throw MemoryLimitExceeded(holder: "row changes", limit: limit)
    }
  }

  func finish() throws -> any WrittenFiles {
    WrittenRowChanges(removed: removed, rows: try rows?.finishFiles(), rowCount: rowCount)
  }

  func abort() { rows?.abort() }
}

/// What one worker noted and wrote.
struct WrittenRowChanges: WrittenFiles {
  /// Positions of rows that go, by data file, in any order.
  let removed: [String: [Int64]]
  /// nil where it had no writer of rows.
  let rows: IcebergWrittenFiles?
  let rowCount: Int
}
