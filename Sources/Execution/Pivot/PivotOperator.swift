import Columnar
import Planner
import SQLSyntax
import Synchronization

/// Collects the input of a pivot: every worker fills its own key table and cells, `combine` joins them.
final class PivotSink: Sink {
  private let node: PivotNode
  private let layout: PivotLayout
  private let order: SortOrder?
  private let context: QueryContext
  private let statistics: PlanStatistics
  private let parts = Mutex<[Part]>([])
  private let result = Mutex<PivotResult?>(nil)

  // SAFETY: each part is used by one worker until it finishes, then by the one thread that combines.
  private struct Part: @unchecked Sendable {
    let accumulator: PivotAccumulator
  }

  /// - Parameter order: of the rows, by key columns; nil leaves them as they were met.
  init(_ node: PivotNode, layout: PivotLayout, order: SortOrder?, context: QueryContext, statistics: PlanStatistics) {
    self.node = node
    self.layout = layout
    self.order = order
    self.context = context
    self.statistics = statistics
  }

  func makeLocal(_ worker: Worker) throws -> any Consumer { try PivotConsumer(self, worker) }

  func combine(_ helpers: Helpers) throws {
    let parts = self.parts.withLock { parts in
      defer { parts = [] }
      return parts.map(\.accumulator)
    }
    let filled = parts.isEmpty ? [PivotAccumulator(layout: layout, context: context)] : parts
    do {
      let finished = try PivotResult(filled, layout: layout, order: order)
      result.withLock { $0 = finished }
    } catch {
      throw error.located(at: node.pivotKey.range)
    }
  }

  var isOrdered: Bool { order != nil }

  /// The matrix, once all input has been combined.
  var finished: PivotResult? { result.withLock { $0 } }

  /// Who holds the memory of a matrix, in errors and for `QueryExecutor`.
  static let holderName = "pivot"

  /// One worker's end. Memory is reserved as the matrix grows. It cannot be spilled: when it does not fit, `QueryExecutor` starts again
  /// with the general aggregate.
  private final class PivotConsumer: Consumer {
    private let sink: PivotSink
    private let keys: [ExpressionEvaluator]
    private let pivotKey: ExpressionEvaluator
    private let arguments: [ExpressionEvaluator]
    private let accumulator: PivotAccumulator
    private var reservation: MemoryReservation

    init(_ sink: PivotSink, _ worker: Worker) throws {
      self.sink = sink
      let context = worker.context
      keys = try sink.node.keys.map { try ExpressionEvaluator($0.expression, context: context) }
      pivotKey = try ExpressionEvaluator(sink.node.pivotKey, context: context)
      arguments = try sink.layout.argumentExpressions.map { try ExpressionEvaluator($0, context: context) }
      accumulator = PivotAccumulator(layout: sink.layout, context: context)
      reservation = MemoryReservation(context.memory, holder: PivotSink.holderName)
    }

    func consume(_ batch: Batch) throws -> Demand {
      let keyColumns = try keys.map { try $0.evaluate(batch) }
      let pivotColumn = try pivotKey.evaluate(batch)
      let argumentColumns = try arguments.map { try $0.evaluate(batch) }
      do {
        try accumulator.consume(keys: keyColumns, pivotKey: pivotColumn, arguments: argumentColumns, count: batch.count)
      } catch {
        throw error.located(at: sink.node.pivotKey.range)
      }
      guard reservation.reserve(accumulator.byteCount) else {
        throw MemoryLimitExceeded(holder: PivotSink.holderName, limit: sink.context.memory.limit)
      }
      sink.statistics.notePeak(bytes: reservation.byteCount)
      return .more
    }

    func finish() throws {
      let part = Part(accumulator: accumulator)
      sink.parts.withLock { $0.append(part) }
    }
  }
}

/// Hands out the finished matrix, a block of rows at a time, to all workers.
final class PivotSource: Source {
  private let sink: PivotSink
  private let context: QueryContext
  private let columnCount: Int
  private let cursor = Atomic<Int>(0)

  /// Values of a batch, so that wide rows come in fewer at a time.
  private static let cellsPerBatch = 1 << 21

  init(_ sink: PivotSink, columnCount: Int, context: QueryContext) {
    self.sink = sink
    self.context = context
    self.columnCount = columnCount
  }

  var parallelism: Int { sink.isOrdered ? 1 : .max }

  func makeLocal(_ worker: Worker) throws -> any LocalSource { Local(self) }

  private final class Local: LocalSource {
    private let source: PivotSource
    init(_ source: PivotSource) { self.source = source }

    func next() throws -> Batch? {
      guard let result = source.sink.finished else { return nil }
      let rows = max(1, min(source.context.batchCapacity, PivotSource.cellsPerBatch / max(1, source.columnCount)))
      let start = source.cursor.add(rows, ordering: .relaxed).oldValue
      guard start < result.rowCount else { return nil }
      do {
        return try result.batch(start: start, count: min(rows, result.rowCount - start))
      } catch {
        throw error.located(at: .unknown)
      }
    }
  }
}
