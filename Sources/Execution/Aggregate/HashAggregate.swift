import Columnar
import Planner
import SQLSyntax
import Synchronization

/// GROUP BY: a table per worker and grouping set, merged when all input is seen.
///
/// When memory is full the tables stop growing: rows of known keys still go to their groups, rows of new keys are spilled, divided
/// by the hash of their key. Afterwards every spilled partition is aggregated on its own, dividing again when it does not fit.
final class HashAggregateSink: Sink {
  private let shape: AggregateShape
  private let context: QueryContext
  private let statistics: PlanStatistics
  private let locals = Mutex<[LocalBox]>([])
  private let result: AggregateResult

  // SAFETY: each local belongs to one worker until `combine`, which runs after all workers have finished.
  private struct LocalBox: @unchecked Sendable { let local: Local }

  init(_ node: AggregateNode, context: QueryContext, statistics: PlanStatistics) {
    shape = AggregateShape(node)
    self.context = context
    self.statistics = statistics
    result = AggregateResult(shape, context, statistics)
  }

  /// The groups, once the pipeline has run.
  var output: Stream {
    .following(
      .following(.source(AggregateTableSource(result), statistics), .source(PartitionQueueSource(result.partitions, context), statistics)),
      .source(AggregatePartitionSource(result), statistics))
  }

  func makeLocal(_ worker: Worker) throws -> any Consumer {
    let local = try Local(self, worker)
    let box = LocalBox(local: local)
    locals.withLock { $0.append(box) }
    return local
  }

  /// Leaves large tables of several workers to be merged by partition. Merges others into the largest table of each set, then settles
  /// the spilled rows whose key another worker kept.
  func combine(_ helpers: Helpers) throws {
    let boxes = locals.withLock { list in
      defer { list = [] }
      return list
    }
    let parts = boxes.map(\.local)
    let isShared = parts.count > 1
    for set in shape.groupingSets.indices {
      var tables = parts.map { $0.tables[set] }
      if parts.allSatisfy({ $0.spilled[set] == nil }), PartitionedGroups.isWorthwhile(tables) {
        result.partitions.add(try PartitionedGroups(tables, shape, context, helpers))
        continue
      }
      guard let largest = tables.indices.max(by: { tables[$0].groupCount < tables[$1].groupCount }) else { continue }
      let merged = tables.remove(at: largest)
      for table in tables {
        try context.cancellation.check()
        try merged.merge(table)
      }
      var spilled = SpillPartitions.combined(parts.compactMap { $0.spilled[set] })
      if let files = spilled, isShared { spilled = try settle(files, merged) }
      result.add(merged, spilled)
    }
    if result.partitions.isEmpty {
      result.reservations = parts.map(\.holder)
    } else {
      result.partitions.hold(parts.map(\.holder))
    }
  }

  private func settle(_ files: [SpillFile?], _ table: AggregateTable) throws -> [SpillFile?] {
    let partitions = SpillPartitions(shape.inputTypes, context, statistics, depth: 0)
    for case let file? in files {
      let reader = try file.makeReader()
      while let batch = try reader.next() {
        try context.cancellation.check()
        if let (rest, hashes) = try table.consumeKnown(batch) { try partitions.append(rest, hashes) }
      }
    }
    return try partitions.finish()
  }

  fileprivate final class Local: Consumer {
    private let sink: HashAggregateSink
    private let worker: Worker
    private let expressions: [ExpressionEvaluator]
    let holder: MemoryHolder
    private(set) var tables: [AggregateTable] = []
    private var partitions: [SpillPartitions?]
    private(set) var spilled: [[SpillFile?]?]
    private var isFull = false

    init(_ sink: HashAggregateSink, _ worker: Worker) throws {
      self.sink = sink
      self.worker = worker
      expressions = try sink.shape.expressions.map { try ExpressionEvaluator($0, context: worker.context) }
      holder = MemoryHolder(worker.context.memory, "hash aggregate", sink.statistics)
      tables = sink.shape.groupingSets.indices.map { AggregateTable(sink.shape, set: $0, worker.context) }
      partitions = tables.map { _ in nil }
      spilled = tables.map { _ in nil }
    }

    func consume(_ batch: Batch) throws -> Demand {
      let input = Batch(columns: try expressions.map { try $0.evaluate(batch) }, count: batch.count)
      for (set, table) in tables.enumerated() {
        if isFull {
          if let (rest, hashes) = try table.consumeKnown(input) { try spill(rest, hashes, set) }
        } else {
          try table.consume(input)
        }
      }
      let bytes = tables.reduce(0) { $0 &+ $1.byteCount }
      if !holder.reserve(bytes) {
        // Accumulators of known groups may go on growing (array_agg): that cannot be spilled.
        if isFull && bytes > holder.byteCount * 2 + (16 << 20) { throw holder.exceeded }
        isFull = true
      }
      return .more
    }

    private func spill(_ rows: Batch, _ hashes: [UInt64], _ set: Int) throws {
      let files = partitions[set] ?? SpillPartitions(sink.shape.inputTypes, worker.context, sink.statistics, depth: 0)
      partitions[set] = files
      try files.append(rows, hashes)
    }

    func finish() throws {
      for set in partitions.indices { spilled[set] = try partitions[set]?.finish() }
      partitions = tables.map { _ in nil }
    }
  }
}

/// What an aggregation has after its input: tables in memory, and files of rows whose keys are in none of them.
// SAFETY: written by `combine`, then read by the sources' single worker.
final class AggregateResult: @unchecked Sendable {
  let shape: AggregateShape
  let context: QueryContext
  let statistics: PlanStatistics
  fileprivate(set) var tables: [AggregateTable] = []
  let partitions = PartitionQueue()
  fileprivate(set) var work: [AggregatePartition] = []
  fileprivate var reservations: [MemoryHolder] = []

  init(_ shape: AggregateShape, _ context: QueryContext, _ statistics: PlanStatistics) {
    self.shape = shape
    self.context = context
    self.statistics = statistics
  }

  fileprivate func add(_ table: AggregateTable, _ spilled: [SpillFile?]?) {
    tables.append(table)
    for case let file? in spilled ?? [] { work.append(AggregatePartition(set: table.set, file: file, depth: 1)) }
  }

  /// The next table to show, which the caller then owns.
  func takeTable() -> AggregateTable? {
    if tables.isEmpty {
      reservations = []
      return nil
    }
    return tables.removeFirst()
  }

  func takePartition() -> AggregatePartition? { work.popLast() }
  func push(_ partition: AggregatePartition) { work.append(partition) }
}

/// Spilled rows whose keys occur in no other file.
struct AggregatePartition {
  let set: Int
  let file: SpillFile
  /// How often the rows have been divided.
  let depth: Int
}

/// Shows the groups of a table, a batch at a time.
final class TableReader {
  private let table: AggregateTable
  private let capacity: Int
  private var shown = 0

  init(_ table: AggregateTable, _ context: QueryContext) throws(SQLError) {
    self.table = table
    capacity = context.batchCapacity
    try table.complete()
  }

  func next() throws(SQLError) -> Batch? {
    let size = min(capacity, table.groupCount - shown)
    if size <= 0 { return nil }
    defer { shown += size }
    return try table.output(start: shown, count: size)
  }
}

/// The groups that were never spilled. In order of first appearance with one worker.
struct AggregateTableSource: Source {
  private let result: AggregateResult
  var parallelism: Int { 1 }

  init(_ result: AggregateResult) { self.result = result }

  func makeLocal(_ worker: Worker) throws -> any LocalSource { Local(result) }

  private final class Local: LocalSource {
    private let result: AggregateResult
    private var reader: TableReader?

    init(_ result: AggregateResult) { self.result = result }

    func next() throws -> Batch? {
      while true {
        if let batch = try reader?.next() { return batch }
        reader = nil
        guard let table = result.takeTable() else { return nil }
        reader = try TableReader(table, result.context)
      }
    }
  }
}

/// The groups of spilled rows, one partition after the other.
struct AggregatePartitionSource: Source {
  private let result: AggregateResult
  var parallelism: Int { 1 }

  init(_ result: AggregateResult) { self.result = result }

  func makeLocal(_ worker: Worker) throws -> any LocalSource { Local(result, worker) }

  private final class Local: LocalSource {
    private let result: AggregateResult
    private let worker: Worker
    private var reader: TableReader?
    private let holder: MemoryHolder

    init(_ result: AggregateResult, _ worker: Worker) {
      self.result = result
      self.worker = worker
      holder = MemoryHolder(worker.context.memory, "hash aggregate", result.statistics, free: MemoryHolder.workingBytes)
    }

    func next() throws -> Batch? {
      while true {
        if let batch = try reader?.next() { return batch }
        reader = nil
        holder.release()
        guard let partition = result.takePartition() else { return nil }
        reader = try TableReader(try aggregate(partition), result.context)
      }
    }

    private func aggregate(_ partition: AggregatePartition) throws -> AggregateTable {
      let table = AggregateTable(result.shape, set: partition.set, result.context)
      let input = try partition.file.makeReader()
      var rest: SpillPartitions?
      while let batch = try input.next() {
        try worker.check()
        if let rest {
          if let (rows, hashes) = try table.consumeKnown(batch) { try rest.append(rows, hashes) }
          continue
        }
        try table.consume(batch)
        if !holder.reserve(table.byteCount) {
          guard partition.depth < SpillPartitions.maxDepth else { throw holder.exceeded }
          rest = SpillPartitions(result.shape.inputTypes, result.context, result.statistics, depth: partition.depth)
        }
      }
      for case let file? in try rest?.finish() ?? [] {
        result.push(AggregatePartition(set: partition.set, file: file, depth: partition.depth + 1))
      }
      return table
    }
  }
}
