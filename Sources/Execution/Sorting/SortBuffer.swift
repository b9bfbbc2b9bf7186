import Columnar

/// Collects rows on one worker and turns them into sorted runs: one in memory when it fits, else runs on disk.
final class SortBuffer {
  private let order: SortOrder
  private let types: [SQLType]
  private let context: QueryContext
  private let statistics: PlanStatistics
  let holder: MemoryHolder
  private var batches: [Batch] = []
  private var rowCount = 0
  private var heldBytes = 0
  private var runs: [SortRun] = []

  /// Row numbers in a run have 32 bits.
  private static let maxRows = 1 << 30

  init(_ order: SortOrder, types: [SQLType], _ context: QueryContext, _ statistics: PlanStatistics, name: String) {
    self.order = order
    self.types = types
    self.context = context
    self.statistics = statistics
    holder = MemoryHolder(context.memory, name, statistics)
  }

  func append(_ batch: Batch) throws {
    let rows = batch.compacted()
    let bytes = rows.estimatedByteCount
    // The rows once more while they are put together, and entry and key for each.
    let needed = (heldBytes &+ bytes) &* 2 &+ (rowCount &+ rows.count) &* 56
    if !holder.reserve(needed) || rowCount + rows.count > Self.maxRows {
      try spill()
      // A single batch may not fit either: then it becomes a run of its own as soon as the next one comes.
      _ = holder.reserve(bytes &* 2 &+ rows.count &* 56)
    }
    batches.append(rows)
    rowCount += rows.count
    heldBytes += bytes
  }

  private func spill() throws {
    guard let (batch, keys) = sorted() else { return }
    let file = try SpillFile(types, context, statistics)
    var begin = 0
    while begin < batch.count {
      try context.cancellation.check()
      let size = min(context.batchCapacity, batch.count - begin)
      try file.append(batch.take(keys.rows(begin, size), count: size))
      begin += size
    }
    try file.finish()
    runs.append(.file(file))
    holder.release()
  }

  private func sorted() -> (Batch, SortKeys)? {
    if batches.isEmpty { return nil }
    let batch = Batch.concatenated(batches, types: types)
    batches = []
    rowCount = 0
    heldBytes = 0
    let keys = SortKeys(batch, order)
    keys.sort()
    return (batch, keys)
  }

  /// All runs; the buffer is empty afterwards.
  func finish() -> [SortRun] {
    if let (batch, keys) = sorted() { runs.append(.memory(batch, keys)) }
    return runs
  }
}
