import Columnar
import SQLSyntax
import Synchronization

/// A scalar subquery: its only row, or a row of NULLs; more rows are an error.
final class SingleRowSink: Sink {
  private let types: [SQLType]
  private let range: SourceRange
  private let row = Mutex<Batch?>(nil)

  init(types: [SQLType], range: SourceRange) {
    self.types = types
    self.range = range
  }

  func makeLocal(_ worker: Worker) throws -> any Consumer { Local(self) }

  func makeSource() -> any Source { Output(sink: self) }

  private final class Local: Consumer {
    private let sink: SingleRowSink
    init(_ sink: SingleRowSink) { self.sink = sink }

    func consume(_ batch: Batch) throws -> Demand {
      let isFirst = sink.row.withLock { row in
        defer { row = batch }
        return row == nil
      }
      if !isFirst || batch.count > 1 {
        throw SQLError(.subqueryMultipleRows, "Scalar sub-query has returned multiple rows", range: sink.range)
      }
      return .more
    }

    func finish() throws {}
  }

  private struct Output: Source {
    let sink: SingleRowSink
    var parallelism: Int { 1 }

    func makeLocal(_ worker: Worker) throws -> any LocalSource {
      let row = sink.row.withLock { $0 }
      return OneBatch(row ?? Batch(columns: sink.types.map { .nulls($0, count: 1) }, count: 1))
    }
  }
}

/// Hands out one batch.
final class OneBatch: LocalSource {
  private var batch: Batch?
  init(_ batch: Batch?) { self.batch = batch }

  func next() throws -> Batch? {
    defer { batch = nil }
    return batch
  }
}
