import Columnar
import Execution
import Functions
import Planner
import SQLSyntax

/// A table of literal rows, in splits of a few rows each.
struct MemoryTable: Table {
  let schema: Schema
  let batches: [Batch]
  var hasExactCount = false
  var identity: String?
  /// Makes the table look large.
  var statistics = TableStatistics()

  init(_ fields: [(String, SQLType)], _ rows: [[ScalarValue]], splitRows: Int = 7) {
    schema = Schema(fields.map { Field($0.0, $0.1) })
    var batches: [Batch] = []
    var begin = 0
    while begin < rows.count {
      let end = min(rows.count, begin + splitRows)
      let columns = fields.enumerated().map { index, field -> Column in
        let builder = ColumnBuilder(type: field.1, capacity: end - begin)
        for row in rows[begin..<end] { builder.append(row[index]) }
        return builder.finish()
      }
      batches.append(Batch(columns: columns, count: end - begin))
      begin = end
    }
    self.batches = batches
  }

  init(_ fields: [(String, SQLType)], batches: [Batch]) {
    schema = Schema(fields.map { Field($0.0, $0.1) })
    self.batches = batches
  }

  func planScan(_ request: ScanRequest) async throws -> any Scan {
    MemoryScan(batches: batches.map { batch in Batch(columns: request.columns.map { batch.columns[$0] }, count: batch.count) })
  }

  func beginWrite(_ kind: WriteKind) async throws -> any TableWrite { MemoryWrite() }

  func exactRowCount() async throws -> Int? { hasExactCount ? batches.reduce(0) { $0 + $1.count } : nil }

  /// A plan that reads all columns.
  var scan: LogicalPlan {
    .scan(
      ScanNode(
        table: self, tableName: "t", tableColumns: Array(schema.fields.indices),
        columns: schema.fields.map { OutputColumn(name: $0.name, type: $0.type) }, range: .unknown))
  }
}

struct MemoryScan: Scan {
  let batches: [Batch]
  var splits: [any Split] { batches.indices.map { MemorySplit(index: $0) } }
  var notes: [ScanNote] { [ScanNote("splits", batches.count)] }

  func open(_ split: any Split, _ context: QueryContext) throws -> any SplitReader {
    MemoryReader(batches[(split as? MemorySplit)?.index ?? 0])
  }
}

struct MemorySplit: Split {
  let index: Int
  var byteCount: Int { 100 }
  var label: String { "split \(index)" }
}

final class MemoryReader: SplitReader {
  private var batch: Batch?
  init(_ batch: Batch) { self.batch = batch }
  func next() throws -> Batch? {
    defer { batch = nil }
    return batch
  }
}

struct MemoryWrite: TableWrite {
  func makeWriter(_ context: QueryContext) throws -> any BatchWriter { MemoryWriter() }
  func commit(_ written: [any WrittenFiles]) async throws -> WriteSummary {
    WriteSummary(rowCount: written.reduce(0) { $0 + $1.rowCount }, fileCount: written.count)
  }
  func abort(_ written: [any WrittenFiles]) async {}
}

final class MemoryWriter: BatchWriter {
  struct Files: WrittenFiles { var rowCount: Int }
  private var rows = 0
  func write(_ batch: Batch) throws { rows += batch.count }
  func finish() throws -> any WrittenFiles { Files(rowCount: rows) }
  func abort() {}
}
