import Columnar
import Functions
import Planner
import Synchronization

/// Window functions: rows are sorted by partition and order like in a sort (spilling like one), then partitions are computed whole.
final class WindowSink: Sink {
  private let shape: WindowShape
  private let context: QueryContext
  private let statistics: PlanStatistics
  private let state = Mutex<[RunsOfWorker]>([])

  // SAFETY: made by one worker at its end, read after all workers have ended.
  private struct RunsOfWorker: @unchecked Sendable {
    let worker: Int
    let runs: [SortRun]
    let holder: MemoryHolder
  }

  init(_ shape: WindowShape, context: QueryContext, statistics: PlanStatistics) {
    self.shape = shape
    self.context = context
    self.statistics = statistics
  }

  func makeLocal(_ worker: Worker) throws -> any Consumer { try Local(self, worker) }

  var output: Stream { .source(Output(sink: self), statistics) }

  private final class Local: Consumer {
    private let sink: WindowSink
    private let worker: Worker
    private let expressions: [ExpressionEvaluator]
    private let buffer: SortBuffer

    init(_ sink: WindowSink, _ worker: Worker) throws {
      self.sink = sink
      self.worker = worker
      expressions = try sink.shape.computed.map { try ExpressionEvaluator($0, context: worker.context) }
      buffer = SortBuffer(sink.shape.order, types: sink.shape.types, worker.context, sink.statistics, name: "window")
    }

    func consume(_ batch: Batch) throws -> Demand {
      let computed = try expressions.map { try $0.evaluate(batch) }
      try buffer.append(Batch(columns: batch.columns + computed, count: batch.count))
      return .more
    }

    func finish() throws {
      let part = RunsOfWorker(worker: worker.index, runs: buffer.finish(), holder: buffer.holder)
      sink.state.withLock { $0.append(part) }
    }
  }

  private struct Output: Source {
    let sink: WindowSink
    var parallelism: Int { 1 }

    func makeLocal(_ worker: Worker) throws -> any LocalSource {
      let parts = sink.state.withLock { list in
        defer { list = [] }
        return list.sorted { $0.worker < $1.worker }
      }
      let merger = try SortMerger(
        parts.flatMap(\.runs), sink.shape.order, types: sink.shape.types, capacity: worker.context.batchCapacity)
      return WindowReader(merger, parts.map(\.holder), sink.shape, worker, sink.statistics)
    }
  }
}

/// Cuts sorted rows into whole partitions and computes the functions over them.
private final class WindowReader: LocalSource {
  private let merger: SortMerger
  private let sortHolders: [MemoryHolder]
  private let holder: MemoryHolder
  private let shape: WindowShape
  private let worker: Worker
  /// Rows of the partition that is not known to be complete.
  private var pending: [Batch] = []
  private var pendingBytes = 0
  private var ready: Batch?
  private var readyOffset = 0
  private var isAtEnd = false

  init(
    _ merger: SortMerger, _ sortHolders: [MemoryHolder], _ shape: WindowShape, _ worker: Worker,
    _ statistics: PlanStatistics
  ) {
    self.merger = merger
    self.sortHolders = sortHolders
    self.shape = shape
    self.worker = worker
    holder = MemoryHolder(worker.context.memory, "window partition", statistics, free: MemoryHolder.workingBytes)
  }

  func next() throws -> Batch? {
    while true {
      if let ready {
        let size = min(worker.context.batchCapacity, ready.count - readyOffset)
        let piece = ready.slice(readyOffset, size)
        readyOffset += size
        if readyOffset == ready.count { self.ready = nil }
        return piece
      }
      if isAtEnd { return nil }
      try worker.check()
      try readMore()
    }
  }

  private func readMore() throws {
    guard let batch = try merger.next() else {
      isAtEnd = true
      if !pending.isEmpty { try compute(takePending()) }
      return
    }
    guard let border = lastBorder(batch) else {
      pending.append(batch)
      pendingBytes += batch.estimatedByteCount
      try holder.require(pendingBytes)
      return
    }
    if border > 0 { pending.append(batch.slice(0, border)) }
    let complete = pending.isEmpty ? nil : takePending()
    pending = [batch.slice(border, batch.count - border)]
    pendingBytes = pending[0].estimatedByteCount
    if let complete { try compute(complete) }
  }

  private func takePending() -> Batch {
    defer { pending = [] }
    return Batch.concatenated(pending, types: shape.types)
  }

  /// The first row of the last partition that begins in this batch.
  private func lastBorder(_ batch: Batch) -> Int? {
    var changes = [UInt8](repeating: 0, count: batch.count)
    for column in shape.partition { batch.columns[column].markChanges(in: &changes) }
    if let row = changes.lastIndex(of: 1) { return row }
    guard let before = pending.last else { return 0 }
    let isSame = shape.partition.allSatisfy { column in
      RowComparer(before.columns[column], batch.columns[column]).isSame(before.count - 1, 0)
    }
    return isSame ? nil : 0
  }

  private func compute(_ batch: Batch) throws {
    let rows = WindowRows(batch, partition: shape.partition, order: shape.orderKeys)
    var columns = Array(batch.columns[..<shape.inputTypes.count])
    for call in shape.calls {
      let frames = try WindowFrames(call.frame, rows, shape, worker.context)
      switch call.function.body {
      case .function(let kind): columns.append(try WindowFunctions(rows, call, frames).evaluate(kind))
      case .aggregate(let function):
        columns.append(try WindowAggregates(rows, call, function, frames, worker.context).evaluate())
      }
    }
    ready = Batch(columns: columns, count: batch.count)
    readyOffset = 0
  }
}
