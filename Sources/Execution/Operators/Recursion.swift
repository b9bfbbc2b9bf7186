import Columnar
import Planner
import SQLSyntax
import Synchronization

/// WITH RECURSIVE: the rows so far, and those of the last round, which the next round reads.
///
///     seed --> RecursionSink --(combine: round after round)--> step over the last round --> rows
///
/// The loop runs when the seed's pipeline is combined: each round is a plan of its own, with its own pipelines.
// SAFETY: `state` guards what workers add; between rounds one thread works alone.
final class Recursion: @unchecked Sendable {
  /// The pipelines of one round, which reads `rows` in place of the recursive name and ends in `sink`.
  typealias RoundPlanner = (_ rows: any RereadableRows, _ sink: any Sink) throws -> [Pipeline]

  private let node: RecursiveNode
  private let types: [SQLType]
  private let context: QueryContext
  private let options: ExecutionOptions
  private let statistics: PlanStatistics
  private let planRound: RoundPlanner
  private let state: Mutex<State>

  // SAFETY: only touched with the lock held.
  private struct State: @unchecked Sendable {
    /// All rows, as far as memory goes.
    var batches: [Batch] = []
    var heldBytes = 0
    var holder: MemoryHolder
    /// The rows after those in memory.
    var file: SpillFile?
    /// Rows of the round that runs now.
    var added: [Batch] = []
    var addedBytes = 0
    /// For UNION: every row once.
    var seen: GroupTable?
  }

  init(
    _ node: RecursiveNode, context: QueryContext, options: ExecutionOptions, statistics: PlanStatistics,
    planRound: @escaping RoundPlanner
  ) {
    self.node = node
    types = node.seed.columns.map(\.type)
    self.context = context
    self.options = options
    self.statistics = statistics
    self.planRound = planRound
    state = Mutex(
      State(
        holder: MemoryHolder(context.memory, "recursive query", statistics),
        seen: node.isDistinct ? GroupTable(types: node.seed.columns.map(\.type)) : nil))
  }

  /// The end of the seed's pipeline.
  var seedSink: any Sink { RoundSink(self, isSeed: true) }

  /// All rows, once the seed's pipeline has run.
  var output: any Source { Output(self) }

  private func add(_ batch: Batch) throws {
    try state.withLock { state in
      var rows = batch.compacted()
      if let seen = state.seen {
        guard let fresh = Self.newRows(rows, seen) else { return }
        rows = fresh.count == rows.count ? rows : rows.take(fresh, count: fresh.count)
      }
      state.added.append(rows)
      state.addedBytes += rows.estimatedByteCount
      // The rows of a round and the set of all rows are needed in memory; the result is not.
      let needed = state.addedBytes + (state.seen?.byteCount ?? 0)
      if state.file == nil && state.holder.reserve(needed + state.heldBytes) { return }
      try state.holder.require(needed)
    }
  }

  /// The first occurrences of rows that were not seen before; nil for none.
  private static func newRows(_ batch: Batch, _ seen: GroupTable) -> [UInt32]? {
    var entries = [UInt32](repeating: 0, count: batch.count)
    var next = UInt32(truncatingIfNeeded: seen.count)
    seen.insert(batch.columns, count: batch.count, groups: &entries)
    // Entries are numbered in row order: the first row of a new one shows the next number.
    var rows: [UInt32] = []
    for row in 0..<batch.count where entries[row] == next {
      rows.append(UInt32(truncatingIfNeeded: row))
      next &+= 1
    }
    return rows.isEmpty ? nil : rows
  }

  /// Moves the rows of the round to the result and returns them.
  private func closeRound() throws -> [Batch] {
    try state.withLock { state in
      let rows = state.added
      let bytes = state.addedBytes
      state.added = []
      state.addedBytes = 0
      if state.file == nil, state.holder.reserve(state.heldBytes + bytes + (state.seen?.byteCount ?? 0)) {
        state.batches += rows
        state.heldBytes += bytes
      } else {
        let file = try state.file ?? SpillFile(types, context, statistics)
        state.file = file
        for batch in rows { try file.append(batch) }
      }
      return rows
    }
  }

  private func runRounds() throws {
    var rows = try closeRound()
    var rounds = 0
    while !rows.isEmpty {
      try context.cancellation.check()
      rounds += 1
      guard rounds <= options.maxRecursionDepth else {
        throw SQLError.notSupported(
          "Recursion depth limit exceeded (\(options.maxRecursionDepth))", range: node.range,
          hint: "Does the recursion end? If it does, SET SESSION max_recursion_depth allows more rounds.")
      }
      let pipelines = try planRound(RoundRows(rows), RoundSink(self, isSeed: false))
      // A flag of its own: whoever stops the statement has cancelled its context.
      try PipelineRunner(context: context, options: options, stop: StopFlag()).run(pipelines)
      rows = try closeRound()
    }
    try state.withLock { state in
      try state.file?.finish()
      state.seen = nil
    }
  }

  private struct RoundRows: RereadableRows {
    let batches: [Batch]
    init(_ batches: [Batch]) { self.batches = batches }
    func makeSource() -> any Source { ListSource(batches) }
  }

  private final class RoundSink: Sink {
    private let recursion: Recursion
    private let isSeed: Bool

    init(_ recursion: Recursion, isSeed: Bool) {
      self.recursion = recursion
      self.isSeed = isSeed
    }

    func makeLocal(_ worker: Worker) throws -> any Consumer { Local(recursion) }
    func combine(_ helpers: Helpers) throws { if isSeed { try recursion.runRounds() } }

    private final class Local: Consumer {
      private let recursion: Recursion
      init(_ recursion: Recursion) { self.recursion = recursion }

      func consume(_ batch: Batch) throws -> Demand {
        try recursion.add(batch)
        return .more
      }

      func finish() throws {}
    }
  }

  /// The rows in memory, then those on disk, in the order of the rounds.
  private struct Output: Source {
    let recursion: Recursion
    var parallelism: Int { 1 }

    init(_ recursion: Recursion) { self.recursion = recursion }

    func makeLocal(_ worker: Worker) throws -> any LocalSource { try Local(recursion) }

    private final class Local: LocalSource {
      private let recursion: Recursion
      private let batches: [Batch]
      private let reader: SpillReader?
      private var position = 0

      init(_ recursion: Recursion) throws {
        self.recursion = recursion
        (batches, reader) = try recursion.state.withLock { ($0.batches, try $0.file?.makeReader()) }
      }

      func next() throws -> Batch? {
        if position < batches.count {
          position += 1
          return batches[position - 1]
        }
        return try reader?.next()
      }
    }
  }
}
