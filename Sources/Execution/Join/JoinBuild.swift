import Columnar
import Synchronization

/// Collects the right side of a join. When it does not fit in memory, its rows go to disk divided by the hash of their keys, and the
/// left side's rows will be divided in the same way.
final class JoinBuildSink: Sink {
  let shape: JoinShape
  private let filters: [RuntimeFilter]
  private let context: QueryContext
  private let statistics: PlanStatistics
  private let mustSpill = Atomic<Bool>(false)
  private let parts = Mutex<[PartBox]>([])
  private let outcome = Mutex<Outcome?>(nil)

  /// What probing finds.
  enum Outcome: Sendable {
    case table(JoinTable)
    case spilled([SpillFile?], BuildFacts)
  }

  // SAFETY: each part belongs to one worker until `combine`, which runs after all workers have finished.
  private struct PartBox: @unchecked Sendable { let part: Local }
  private let holders = Mutex<[MemoryHolder]>([])

  /// - Parameter filters: told the keys when all are there.
  init(_ shape: JoinShape, filters: [RuntimeFilter], context: QueryContext, statistics: PlanStatistics) {
    self.shape = shape
    self.filters = filters
    self.context = context
    self.statistics = statistics
  }

  func makeLocal(_ worker: Worker) throws -> any Consumer {
    let part = try Local(self, worker)
    let box = PartBox(part: part)
    parts.withLock { $0.append(box) }
    return part
  }

  /// Set by `combine`.
  var result: Outcome? { outcome.withLock { $0 } }

  func combine() throws {
    let locals = parts.withLock { list in
      defer { list = [] }
      return list.map(\.part)
    }.sorted { $0.index < $1.index }
    var facts = BuildFacts()
    for local in locals { facts.add(local.facts) }
    let known = facts
    if mustSpill.load(ordering: .relaxed) {
      for local in locals { try local.spillRest() }
      let files = SpillPartitions.combined(try locals.compactMap { try $0.partitions?.finish() }) ?? []
      let byPartition = files
      outcome.withLock { $0 = .spilled(byPartition, known) }
      return
    }
    let batches = locals.flatMap { $0.takeBatches() }
    var rows = Batch.concatenated(batches.isEmpty ? [Batch.empty(shape.buildTypes)] : batches, types: shape.buildTypes)
    let ranges = try RangeIndex.make(&rows, shape, context)
    let table = try JoinTable(rows, shape, known, rangeIndex: ranges) { try context.cancellation.check() }
    for filter in filters { filter.set(rows.columns[shape.buildKeyColumns[filter.key]]) }
    let kept = locals.map(\.holder)
    holders.withLock { $0 = kept }
    outcome.withLock { $0 = .table(table) }
  }

  /// Gives the memory of the table back.
  func release() {
    outcome.withLock { $0 = nil }
    holders.withLock { $0 = [] }
  }

  private final class Local: Consumer {
    private let sink: JoinBuildSink
    private let worker: Worker
    private let keys: [ExpressionEvaluator]
    let holder: MemoryHolder
    private var batches: [Batch] = []
    private var heldBytes = 0
    private var rowCount = 0
    private(set) var partitions: SpillPartitions?
    private(set) var facts = BuildFacts()

    var index: Int { worker.index }

    init(_ sink: JoinBuildSink, _ worker: Worker) throws {
      self.sink = sink
      self.worker = worker
      keys = try sink.shape.rightKeys.map { try ExpressionEvaluator($0, context: worker.context) }
      holder = MemoryHolder(worker.context.memory, "hash join", sink.statistics)
    }

    func consume(_ batch: Batch) throws -> Demand {
      let values = try keys.map { try $0.evaluate(batch) }
      facts.note(sink.shape.isNullAware ? values : [], count: batch.count)
      let rows = Batch(columns: batch.columns + values, count: batch.count)
      if sink.mustSpill.load(ordering: .relaxed) {
        try spillRest()
        try spill(rows)
        return .more
      }
      let held = rows.compacted()
      batches.append(held)
      heldBytes &+= held.estimatedByteCount
      rowCount &+= held.count
      // The rows, and per row its place, group and two slots of the table; keys are stored once more.
      if !holder.reserve(heldBytes &* 2 &+ rowCount &* 40) {
        guard sink.shape.canSpill else { throw holder.exceeded }
        sink.mustSpill.store(true, ordering: .relaxed)
        try spillRest()
      }
      return .more
    }

    func finish() throws {}

    private func spill(_ rows: Batch) throws {
      let files =
        partitions ?? SpillPartitions(sink.shape.buildTypes, worker.context, sink.statistics, depth: 0)
      partitions = files
      try files.append(rows, rows.keyHashes(sink.shape.buildKeyColumns))
    }

    /// Writes what is held in memory.
    func spillRest() throws {
      for batch in batches { try spill(batch) }
      batches = []
      heldBytes = 0
      rowCount = 0
      holder.release()
    }

    func takeBatches() -> [Batch] {
      defer { batches = [] }
      return batches
    }
  }
}
