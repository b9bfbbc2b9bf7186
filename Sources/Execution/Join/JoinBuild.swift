import Columnar
import Planner
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

  func combine(_ helpers: Helpers) throws {
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
    let table = try makeTable(BuildColumns(locals.flatMap { $0.takeBatches() }, shape.buildTypes), known, helpers)
    let rows = table.rows
    for filter in filters { filter.set(rows.columns[shape.buildKeyColumns[filter.key]]) }
    let kept = locals.map(\.holder)
    holders.withLock { $0 = kept }
    outcome.withLock { $0 = .table(table) }
  }

  /// The batches as one, and the index of their keys: the keys are put together first, then one worker makes the index while others put
  /// the other columns together.
  private func makeTable(_ parts: BuildColumns, _ facts: BuildFacts, _ helpers: Helpers) throws -> JoinTable {
    let shape = shape
    let count = parts.rowCount
    if shape.rightKeys.isEmpty {
      var rows = Batch(columns: shape.buildTypes.indices.map { parts.take($0) }, count: count)
      let ranges = try RangeIndex.make(&rows, shape, context)
      let index = try JoinIndex([], count: rows.count, shape) { try context.cancellation.check() }
      return JoinTable(rows, shape, facts, index: index, rangeIndex: ranges)
    }
    let keys = shape.buildKeyColumns.map { parts.take($0) }
    let columns = Mutex<[Int: Column]>([:])
    let index = Mutex<JoinIndex?>(nil)
    try helpers.run(width: shape.rightTypes.count + 1) { [context] part in
      if part == 0 {
        let made = try JoinIndex(keys, count: count, shape) { try context.cancellation.check() }
        index.withLock { $0 = made }
      } else if let key = shape.rightKeys.firstIndex(where: { $0.columnIndex == part - 1 }) {
        columns.withLock { $0[part - 1] = keys[key] }
      } else {
        let column = parts.take(part - 1)
        columns.withLock { $0[part - 1] = column }
      }
    }
    let made = columns.withLock { $0 }
    guard let index = index.withLock({ $0 }), made.count == shape.rightTypes.count else { throw QueryCancelled() }
    return JoinTable(Batch(columns: made.sorted { $0.key < $1.key }.map(\.value) + keys, count: count), shape, facts, index: index)
  }

  /// Gives the memory of the table back.
  func release() {
    for filter in filters { filter.release() }
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

/// The collected batches column by column. Each column can be taken once, put together, and its parts are freed then: the batches and their
/// copy are never in memory as a whole.
private final class BuildColumns: Sendable {
  let rowCount: Int
  private let types: [SQLType]
  private let parts: Mutex<[[Column]]>

  init(_ batches: [Batch], _ types: [SQLType]) {
    rowCount = batches.reduce(0) { $0 + $1.count }
    self.types = types
    let filled = batches.isEmpty ? [Batch.empty(types)] : batches
    parts = Mutex(types.indices.map { index in filled.map { $0.columns[index] } })
  }

  func take(_ index: Int) -> Column {
    let columns = parts.withLock { parts in
      defer { parts[index] = [] }
      return parts[index]
    }
    return Column.concatenated(columns, type: types[index])
  }
}
