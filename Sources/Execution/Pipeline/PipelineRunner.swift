import Columnar
import Storage
import Synchronization

/// Runs the pipelines of one query in order, each on all workers that can help.
///
/// The first error wins: it sets the stop flag, the other workers end at their next batch, and `run` throws it.
final class PipelineRunner: Sendable {
  private let pool: WorkerPool
  private let workers: [Worker]
  private let stop: StopFlag
  private let failure = Mutex<(any Error)?>(nil)

  init(context: QueryContext, options: ExecutionOptions, stop: StopFlag) {
    let traffic = StorageTraffic.current
    pool = WorkerPool(count: context.workerCount) { body in traffic.counting { context.cancellation.whileThreadWorks(body) } }
    self.stop = stop
    let count = pool.count
    workers = (0..<count).map { Worker(index: $0, count: count, context: context, options: options, stop: stop) }
  }

  func run(_ pipelines: [Pipeline]) throws {
    for pipeline in pipelines { try run(pipeline) }
  }

  /// One stage per barrier: all workers drain the sources of a stage before any starts on those of the next.
  private func run(_ pipeline: Pipeline) throws {
    let width = min(workers.count, max(1, pipeline.stream.parallelism))
    let locals = LocalPipelines(count: width)
    inParallel(width) { index in
      try locals.set(index, LocalPipeline(pipeline, worker: self.workers[index]))
    }
    try rethrow()
    for stage in 0..<locals.stageCount {
      inParallel(width) { index in try locals.get(index).run(stage: stage) }
      try rethrow()
    }
    let start = monotonicNanoseconds()
    try pipeline.sink.combine(
      Helpers { width, body in
        self.inParallel(width, body)
        try self.rethrow()
      })
    pipeline.statistics.add(nanoseconds: monotonicNanoseconds() - start)
  }

  private func inParallel(_ width: Int, _ body: @escaping @Sendable (Int) throws -> Void) {
    pool.run(width: width) { index in
      do { try body(index) } catch {
        if !(error is Stopped) {
          self.failure.withLock { if $0 == nil { $0 = error } }
        }
        self.stop.set()
      }
    }
  }

  private func rethrow() throws {
    if let error = failure.withLock({ $0 }) { throw error }
    if stop.isSet { throw QueryCancelled() }
  }
}

/// The workers' local pipelines between stages.
// SAFETY: worker `i` alone touches entry `i` within a stage; `PipelineRunner` waits for all workers between stages.
private final class LocalPipelines: @unchecked Sendable {
  private let entries: UnsafeMutablePointer<LocalPipeline?>
  private let count: Int

  init(count: Int) {
    self.count = count
    entries = .allocate(capacity: count)
    entries.initialize(repeating: nil, count: count)
  }

  deinit {
    entries.deinitialize(count: count)
    entries.deallocate()
  }

  func set(_ index: Int, _ local: LocalPipeline) { entries[index] = local }

  func get(_ index: Int) throws -> LocalPipeline {
    guard let local = entries[index] else { throw Stopped() }
    return local
  }

  var stageCount: Int { entries[0]?.stageCount ?? 0 }
}

/// One worker's sources and consumers of a pipeline.
private final class LocalPipeline {
  private struct Driver {
    let source: any Source
    let head: any Consumer
    let statistics: PlanStatistics
  }

  private let worker: Worker
  /// By stage.
  private var drivers: [[Driver]] = []

  init(_ pipeline: Pipeline, worker: Worker) throws {
    self.worker = worker
    let sink = Meter(try pipeline.sink.makeLocal(worker), tap: nil, statistics: pipeline.statistics)
    _ = try build(pipeline.stream, into: sink, stage: 0)
  }

  var stageCount: Int { drivers.count }

  /// Makes the consumers of a stream; returns the first stage after it.
  private func build(_ stream: Stream, into next: any Consumer, stage: Int) throws -> Int {
    switch stream {
    case .source(let source, let statistics):
      while drivers.count <= stage { drivers.append([]) }
      drivers[stage].append(Driver(source: source, head: next, statistics: statistics))
      return stage + 1
    case .through(let input, let factory, let statistics):
      let tap = OutputTap(next: next)
      let body = try factory.makeLocal(worker, next: tap)
      return try build(input, into: Meter(body, tap: tap, statistics: statistics), stage: stage)
    case .together(let streams):
      let joint = StreamJoint(next: next, streams: streams.count)
      var end = stage + 1
      for stream in streams { end = max(end, try build(stream, into: joint, stage: stage)) }
      return end
    case .following(let first, let second):
      let joint = StreamJoint(next: next, streams: 2)
      return try build(second, into: joint, stage: try build(first, into: joint, stage: stage))
    }
  }

  func run(stage: Int) throws {
    for driver in drivers[stage] {
      if worker.index < driver.source.parallelism { try drain(driver) }
      try driver.head.finish()
    }
    drivers[stage] = []
  }

  private func drain(_ driver: Driver) throws {
    var rows = 0
    var nanoseconds = 0
    defer { driver.statistics.add(rowsOut: rows, nanoseconds: nanoseconds) }
    var start = monotonicNanoseconds()
    let source = try driver.source.makeLocal(worker)
    while true {
      try worker.check()
      let batch = try source.next()
      nanoseconds &+= monotonicNanoseconds() &- start
      guard let batch else { return }
      rows &+= batch.count
      if try driver.head.consume(batch) == .enough { return }
      start = monotonicNanoseconds()
    }
  }
}
