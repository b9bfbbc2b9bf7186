import Columnar
import SQLSyntax
import Synchronization

/// The tables that several workers have made of one grouping set, to be merged a partition of the keys at a time.
///
/// The whole table never exists: a partition fits the processor's cache and is gone once it is shown, and workers merge different
/// partitions at the same time.
// SAFETY: the tables do not change any more; `divide` and `table(of:)` read them.
final class PartitionedGroups: @unchecked Sendable {
  /// Groups of a partition, about.
  private static let partitionSize = 1 << 14
  private static let maxPartitions = 1 << 10

  /// A table's groups in order of their partition, and where each partition begins.
  private struct Division {
    var groups: [UInt32] = []
    var starts: [Int] = []
  }

  private let shape: AggregateShape
  private let context: QueryContext
  private let parts: [AggregateTable]
  private let divisions: Mutex<[Division]>
  let partitionCount: Int

  /// Whether tables are large enough, and of functions that allow it.
  static func isWorthwhile(_ tables: [AggregateTable]) -> Bool {
    tables.count > 1 && tables.reduce(0) { $0 + $1.groupCount } > 2 * partitionSize && tables.allSatisfy(\.mergesByGroup)
  }

  init(_ parts: [AggregateTable], _ shape: AggregateShape, _ context: QueryContext, _ helpers: Helpers) throws {
    self.parts = parts
    self.shape = shape
    self.context = context
    let total = parts.reduce(0) { $0 + $1.groupCount }
    var partitions = 2
    while partitions < Self.maxPartitions && partitions * Self.partitionSize < total { partitions *= 2 }
    partitionCount = partitions
    divisions = Mutex(parts.map { _ in Division() })
    try helpers.run(width: parts.count) { part in
      let division = self.divide(part)
      self.divisions.withLock { $0[part] = division }
    }
  }

  /// A partition is the upper bits of the hash: the lower ones place a key in its table.
  private func divide(_ part: Int) -> Division {
    let table = parts[part]
    guard let hashes = table.groupHashes else { return Division() }
    let shift = UInt64(64 - partitionCount.trailingZeroBitCount)
    var starts = [Int](repeating: 0, count: partitionCount + 1)
    for group in 0..<table.groupCount { starts[Int(hashes[group] &>> shift) &+ 1] &+= 1 }
    for partition in 0..<partitionCount { starts[partition + 1] += starts[partition] }
    var next = starts
    var groups = [UInt32](repeating: 0, count: table.groupCount)
    for group in 0..<table.groupCount {
      let partition = Int(hashes[group] &>> shift)
      groups[next[partition]] = UInt32(truncatingIfNeeded: group)
      next[partition] &+= 1
    }
    withExtendedLifetime(table) {}
    return Division(groups: groups, starts: starts)
  }

  /// The merged groups of a partition.
  func table(of partition: Int) throws(SQLError) -> AggregateTable {
    let divisions = divisions.withLock { $0 }
    let merged = AggregateTable(shape, set: parts[0].set, context)
    for (part, division) in zip(parts, divisions) {
      try merged.merge(part, groups: division.groups[division.starts[partition]..<division.starts[partition + 1]])
    }
    return merged
  }
}

/// Partitions of all grouping sets as workers take them.
final class PartitionQueue: Sendable {
  private struct State {
    var sets: [PartitionedGroups] = []
    var nextSet = 0
    var nextPartition = 0
    /// Partitions that are not merged yet.
    var unmerged = 0
    var reservations: [MemoryHolder] = []
  }

  private let state = Mutex(State())

  var isEmpty: Bool { state.withLock { $0.sets.isEmpty } }

  func add(_ groups: PartitionedGroups) {
    state.withLock { state in
      state.sets.append(groups)
      state.unmerged += groups.partitionCount
    }
  }

  /// Keeps what the tables have reserved until all partitions are merged.
  func hold(_ reservations: [MemoryHolder]) { state.withLock { $0.reservations = reservations } }

  /// The next merged partition; nil when all are taken.
  func next() throws(SQLError) -> AggregateTable? {
    let claimed = state.withLock { state -> (PartitionedGroups, Int)? in
      guard state.nextSet < state.sets.count else { return nil }
      let groups = state.sets[state.nextSet]
      defer {
        state.nextPartition += 1
        if state.nextPartition == groups.partitionCount { (state.nextSet, state.nextPartition) = (state.nextSet + 1, 0) }
      }
      return (groups, state.nextPartition)
    }
    guard let (groups, partition) = claimed else { return nil }
    let table = try groups.table(of: partition)
    let done = state.withLock { state -> State? in
      state.unmerged -= 1
      if state.unmerged > 0 { return nil }
      defer { state = State() }
      return state
    }
    withExtendedLifetime(done) {}
    return table
  }
}

/// Shows the groups of a queue of partitions, to all workers.
struct PartitionQueueSource: Source {
  private let queue: PartitionQueue
  private let context: QueryContext
  var parallelism: Int { queue.isEmpty ? 1 : .max }

  init(_ queue: PartitionQueue, _ context: QueryContext) {
    self.queue = queue
    self.context = context
  }

  func makeLocal(_ worker: Worker) throws -> any LocalSource { Local(queue, context) }

  private final class Local: LocalSource {
    private let queue: PartitionQueue
    private let context: QueryContext
    private var reader: TableReader?

    init(_ queue: PartitionQueue, _ context: QueryContext) {
      self.queue = queue
      self.context = context
    }

    func next() throws -> Batch? {
      while true {
        if let batch = try reader?.next() { return batch }
        reader = nil
        guard let table = try queue.next() else { return nil }
        reader = try TableReader(table, context)
      }
    }
  }
}
