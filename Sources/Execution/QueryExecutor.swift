package import Columnar
package import Planner
package import SQLSyntax
import Storage
import Synchronization

/// Runs plans: the entry for whoever has a bound, optimised `LogicalPlan`.
package struct QueryExecutor: Sendable {
  package let context: QueryContext
  package let options: ExecutionOptions

  package init(context: QueryContext, options: ExecutionOptions = ExecutionOptions()) {
    self.context = context
    self.options = options
  }

  /// Chooses the files of every scan; what `run` and `run(into:)` take. `PreparedPlan.statistics` can be read at any time.
  package func prepare(_ plan: LogicalPlan) async throws(SQLError) -> PreparedPlan {
    do { return try await PreparedPlan.prepare(plan, options) } catch { throw SQLError.of(error) }
  }

  /// Starts a query. Its batches arrive as they are made; workers pause while the reader is far behind, and stop when the reader lets go.
  package func execute(_ plan: LogicalPlan) async throws(SQLError) -> BatchStream {
    run(try await prepare(plan))
  }

  package func run(_ plan: PreparedPlan) -> BatchStream {
    let queue = BatchQueue(limit: options.resultBufferBytes, context: context)
    let stop = queue.stop
    let context = context
    let options = options
    let traffic = StorageTraffic.current
    WorkerPool.detached {
      do {
        try traffic.counting { try Self.run(plan, into: ResultSink(queue), context: context, options: options, stop: stop) }
        queue.close(nil)
      } catch { queue.close(SQLError.of(error)) }
    }
    return BatchStream(queue: queue, columns: plan.plan.columns, statistics: plan.statistics)
  }

  /// Runs a plan into consumers of the caller's, one per worker, and returns when all have finished.
  ///
  /// - Parameter makeConsumer: called on the worker with its index. After an error `finish` is not called.
  package func run(
    _ plan: PreparedPlan, into makeConsumer: @escaping @Sendable (_ worker: Int) throws -> any Consumer
  ) async throws(SQLError) {
    let context = context
    let options = options
    let traffic = StorageTraffic.current
    let result: Result<Void, SQLError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        WorkerPool.detached {
          do {
            try traffic.counting {
              try Self.run(plan, into: ConsumerSink(make: makeConsumer), context: context, options: options, stop: StopFlag())
            }
            continuation.resume(returning: .success(()))
          } catch { continuation.resume(returning: .failure(SQLError.of(error))) }
        }
      }
    } onCancel: {
      context.cancellation.cancel()
    }
    try result.get()
  }

  /// Runs all pipelines of a plan.
  ///
  /// A pivot whose matrix does not fit in memory starts again as a general aggregate, which can spill. Nothing has left the query by
  /// then: pipelines run in order, and the last one starts when the matrix is complete.
  private static func run(
    _ plan: PreparedPlan, into sink: any Sink, context: QueryContext, options: ExecutionOptions, stop: StopFlag
  ) throws {
    var outcome = Result<Void, any Error>.success(())
    context.cancellation.whileThreadWorks { outcome = Result { try runHere(plan, into: sink, context: context, options: options, stop: stop) } }
    try outcome.get()
  }

  private static func runHere(
    _ plan: PreparedPlan, into sink: any Sink, context: QueryContext, options: ExecutionOptions, stop: StopFlag
  ) throws {
    do {
      let pipelines = try PhysicalPlanner.plan(plan, into: sink, context: context, options: options)
      try PipelineRunner(context: context, options: options, stop: stop).run(pipelines)
    } catch let error as MemoryLimitExceeded where error.holder == PivotSink.holderName && options.usesPivotOperator {
      var options = options
      options.usesPivotOperator = false
      // The old flag stays set. A reader that left meanwhile has cancelled the context.
      try run(plan, into: sink, context: context, options: options, stop: StopFlag())
    }
  }

  /// Runs a plan into a table: a writer per worker. The caller commits what is returned; on error everything written is removed.
  package func run(_ plan: PreparedPlan, into write: any TableWrite) async throws(SQLError) -> [any WrittenFiles] {
    let writers = TableWriters(write, context)
    do {
      try await run(plan, into: { _ in try writers.makeConsumer() })
      return writers.end()
    } catch {
      writers.abortOpen()
      await write.abort(writers.end())
      throw error
    }
  }
}

/// Ends a pipeline in consumers that the caller makes.
private struct ConsumerSink: Sink {
  let make: @Sendable (Int) throws -> any Consumer
  func makeLocal(_ worker: Worker) throws -> any Consumer { try make(worker.index) }
}

/// The writers of one INSERT, one per worker that has rows.
private final class TableWriters: Sendable {
  private let write: any TableWrite
  private let context: QueryContext
  private let state = Mutex<State>(State())

  private struct State {
    var finished: [any WrittenFiles] = []
    var consumers: [OpenConsumer] = []
  }
  // SAFETY: used by one worker, and by `abortOpen` after all workers have ended.
  private struct OpenConsumer: @unchecked Sendable { let consumer: WriterConsumer }

  init(_ write: any TableWrite, _ context: QueryContext) {
    self.write = write
    self.context = context
  }

  /// What the writers finished. Lets go of the consumers, which hold this object.
  func end() -> [any WrittenFiles] {
    state.withLock { state in
      state.consumers = []
      return state.finished
    }
  }

  func makeConsumer() throws -> any Consumer {
    let consumer = WriterConsumer(self)
    let box = OpenConsumer(consumer: consumer)
    state.withLock { $0.consumers.append(box) }
    return consumer
  }

  func abortOpen() {
    let open = state.withLock { $0.consumers }
    for box in open { box.consumer.abort() }
  }

  private final class WriterConsumer: Consumer {
    private let writers: TableWriters
    private var writer: (any BatchWriter)?

    init(_ writers: TableWriters) { self.writers = writers }

    func consume(_ batch: Batch) throws -> Demand {
      let writer = try self.writer ?? writers.write.makeWriter(writers.context)
      self.writer = writer
      try writer.write(batch)
      writers.context.progress.rowsWritten.add(batch.count, ordering: .relaxed)
      return .more
    }

    func finish() throws {
      guard let writer else { return }
      let files = try writer.finish()
      self.writer = nil
      writers.state.withLock { $0.finished.append(files) }
    }

    func abort() {
      writer?.abort()
      writer = nil
    }
  }
}
