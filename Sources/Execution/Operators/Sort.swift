import Columnar
import Synchronization

/// ORDER BY without limit: every worker sorts its rows into runs, one worker merges them.
final class SortSink: Sink {
  private let input: SortInput
  private let context: QueryContext
  private let statistics: PlanStatistics
  private let state = Mutex<[RunsOfWorker]>([])

  // SAFETY: made by one worker at its end, read after all workers have ended.
  private struct RunsOfWorker: @unchecked Sendable {
    let worker: Int
    let runs: [SortRun]
    let holder: MemoryHolder
  }

  init(_ input: SortInput, context: QueryContext, statistics: PlanStatistics) {
    self.input = input
    self.context = context
    self.statistics = statistics
  }

  func makeLocal(_ worker: Worker) throws -> any Consumer { try Local(self, worker) }

  /// The rows in order.
  var output: Stream { .source(MergeSource(self), statistics) }

  /// A merger of all runs, and what keeps their memory reserved.
  func makeMerger() throws -> (SortMerger, [MemoryHolder]) {
    let parts = state.withLock { list in
      defer { list = [] }
      return list.sorted { $0.worker < $1.worker }
    }
    let merger = try SortMerger(
      parts.flatMap(\.runs), input.order, types: input.types, capacity: context.batchCapacity)
    return (merger, parts.map(\.holder))
  }

  private final class Local: Consumer {
    private let sink: SortSink
    private let worker: Worker
    private let evaluator: SortInputEvaluator
    private let buffer: SortBuffer

    init(_ sink: SortSink, _ worker: Worker) throws {
      self.sink = sink
      self.worker = worker
      evaluator = try SortInputEvaluator(sink.input, worker.context)
      buffer = SortBuffer(
        sink.input.order, types: sink.input.types, worker.context, sink.statistics, name: "sort")
    }

    func consume(_ batch: Batch) throws -> Demand {
      try buffer.append(try evaluator.evaluate(batch))
      return .more
    }

    func finish() throws {
      let part = RunsOfWorker(worker: worker.index, runs: buffer.finish(), holder: buffer.holder)
      sink.state.withLock { $0.append(part) }
    }
  }

  private struct MergeSource: Source {
    let sink: SortSink
    var parallelism: Int { 1 }

    init(_ sink: SortSink) { self.sink = sink }

    func makeLocal(_ worker: Worker) throws -> any LocalSource { try Local(sink) }

    private final class Local: LocalSource {
      private let input: SortInput
      private let merger: SortMerger
      private let holders: [MemoryHolder]

      init(_ sink: SortSink) throws {
        input = sink.input
        (merger, holders) = try sink.makeMerger()
      }

      func next() throws -> Batch? { try merger.next().map { input.output($0) } }
    }
  }
}
