import Columnar
import Synchronization

/// ORDER BY with LIMIT: every worker keeps a small multiple of the rows wanted and drops the rest as it goes.
final class TopNSink: Sink {
  private let input: SortInput
  private let offset: Int
  private let count: Int
  private let withTies: Bool
  private let context: QueryContext
  private let statistics: PlanStatistics
  private let kept = Mutex<[(worker: Int, rows: Batch)]>([])
  private let holders = Mutex<[MemoryHolder]>([])

  init(
    _ input: SortInput, offset: Int, count: Int, withTies: Bool, context: QueryContext, statistics: PlanStatistics
  ) {
    self.input = input
    self.offset = offset
    self.count = count
    self.withTies = withTies
    self.context = context
    self.statistics = statistics
  }

  var output: Stream { .source(ResultSource(sink: self), statistics) }

  func makeLocal(_ worker: Worker) throws -> any Consumer { try Local(self, worker) }

  /// The first `wanted` rows in order, with those that tie with the last one when asked for. Also the order of the last row.
  private func best(_ batch: Batch, _ wanted: Int) -> (rows: Batch, last: SortKeys.Entry?) {
    let keys = SortKeys(batch, input.order)
    keys.sort()
    var end = min(wanted, batch.count)
    if end == 0 { return (batch.slice(0, 0), nil) }
    let last = keys.entries[end - 1]
    if withTies {
      while end < batch.count, SortKeys.compare(keys.entries[end], keys, last, keys) == 0 { end += 1 }
    }
    return (batch.take(keys.rows(0, end), count: end), wanted <= batch.count ? last : nil)
  }

  private func result() -> [Batch] {
    let parts = kept.withLock { list in
      defer { list = [] }
      return list.sorted { $0.worker < $1.worker }.map(\.rows)
    }
    if parts.isEmpty { return [] }
    let all = best(Batch.concatenated(parts, types: input.types), offset + count).rows
    let from = min(offset, all.count)
    let rows = input.output(all.slice(from, all.count - from))
    var batches: [Batch] = []
    var begin = 0
    while begin < rows.count {
      let size = min(context.batchCapacity, rows.count - begin)
      batches.append(rows.slice(begin, size))
      begin += size
    }
    return batches
  }

  private final class Local: Consumer {
    private let sink: TopNSink
    private let worker: Worker
    private let evaluator: SortInputEvaluator
    private let holder: MemoryHolder
    private let wanted: Int
    private var batches: [Batch] = []
    private var rowCount = 0
    private var heldBytes = 0
    /// The last row that is still wanted, once there are enough: later rows behind it are dropped at once.
    private var threshold: SortKeys.Entry?

    init(_ sink: TopNSink, _ worker: Worker) throws {
      self.sink = sink
      self.worker = worker
      evaluator = try SortInputEvaluator(sink.input, worker.context)
      holder = MemoryHolder(worker.context.memory, "top-n", sink.statistics, free: MemoryHolder.workingBytes)
      wanted = sink.offset + sink.count
    }

    func consume(_ batch: Batch) throws -> Demand {
      if wanted == 0 { return .enough }
      var rows = try evaluator.evaluate(batch)
      if let threshold {
        guard let better = notBehind(threshold, rows) else { return .more }
        rows = better
      }
      rows = rows.compacted()
      batches.append(rows)
      rowCount += rows.count
      heldBytes += rows.estimatedByteCount
      if rowCount >= wanted, rowCount - wanted >= max(wanted, 4 * worker.context.batchCapacity) { prune() }
      try holder.require(heldBytes)
      return .more
    }

    /// Rows that are not certainly behind the threshold, by the first 16 bytes of their keys.
    private func notBehind(_ threshold: SortKeys.Entry, _ batch: Batch) -> Batch? {
      let keys = SortKeys(batch, sink.input.order)
      let entries = keys.entries
      // A later row that equals the last one wanted is behind it, unless ties are kept.
      let dropsEqual = keys.isComplete && !sink.withTies
      var rows: [UInt32] = []
      for row in 0..<batch.count {
        let entry = entries[row]
        if entry.high < threshold.high || (entry.high == threshold.high && entry.low < threshold.low)
          || (!dropsEqual && entry.high == threshold.high && entry.low == threshold.low)
        {
          rows.append(entry.row)
        }
      }
      if rows.isEmpty { return nil }
      return rows.count == batch.count ? batch : batch.take(rows, count: rows.count)
    }

    private func prune() {
      let (rows, last) = sink.best(Batch.concatenated(batches, types: sink.input.types), wanted)
      let kept = rows.compacted()
      batches = [kept]
      rowCount = kept.count
      heldBytes = kept.estimatedByteCount
      if let last { threshold = last }
    }

    func finish() throws {
      if batches.isEmpty { return }
      prune()
      let part = (worker: worker.index, rows: batches[0])
      sink.kept.withLock { $0.append(part) }
      let holder = holder
      sink.holders.withLock { $0.append(holder) }
    }
  }

  private struct ResultSource: Source {
    let sink: TopNSink
    var parallelism: Int { 1 }

    func makeLocal(_ worker: Worker) throws -> any LocalSource { Local(sink.result()) }

    private final class Local: LocalSource {
      private var batches: [Batch]
      private var position = 0
      init(_ batches: [Batch]) { self.batches = batches }

      func next() throws -> Batch? {
        guard position < batches.count else { return nil }
        position += 1
        return batches[position - 1]
      }
    }
  }
}
