import Columnar
import Planner
import SQLSyntax
import Storage
import Synchronization

/// Reads a planned scan: workers take the next split from a shared cursor until there is none.
final class ScanSource: Source {
  private let scan: any Scan
  private let node: ScanNode
  private let splits: [any Split]
  private let statistics: PlanStatistics
  /// What joins above the scan have found out by the time it starts.
  private let filters: [RuntimeFilter]
  private let cursor = Atomic<Int>(0)
  private let splitsRead = Atomic<Int>(0)
  private let rowsRead = Atomic<Int>(0)
  /// Morsels that are read ahead, or have been.
  private let prefetched = Atomic<Int>(0)
  private let prefetchDepth: Int

  /// Morsels per worker at least, so that none waits long for the last one.
  private static let morselsPerWorker = 4

  /// - Parameter workers: how many there are to share the scan.
  init(_ scan: any Scan, node: ScanNode, filters: [RuntimeFilter], workers: Int, statistics: PlanStatistics) {
    self.scan = scan
    self.node = node
    let planned = scan.splits
    let wanted = workers * Self.morselsPerWorker
    if workers > 1, planned.count < wanted, !planned.isEmpty {
      let pieces = (wanted + planned.count - 1) / planned.count
      splits = planned.flatMap { scan.divided($0, into: pieces) }
    } else {
      splits = planned
    }
    self.filters = filters
    prefetchDepth = scan.prefetchDepth
    self.statistics = statistics
    statistics.add(scan.notes)
  }

  var parallelism: Int { max(1, splits.count) }
  /// Morsels, pieces of divided ones included.
  var splitCount: Int { splits.count }
  /// Whether every row has been handed on.
  var isExhausted: Bool { splitsRead.load(ordering: .acquiring) == splits.count }
  /// Rows read so far, those that key filters sorted out among them.
  var rowsScanned: Int { rowsRead.load(ordering: .relaxed) }
  /// Bytes of all morsels, as planned.
  var byteCount: Int { splits.reduce(0) { $0 &+ $1.byteCount } }

  /// Another source delivers the rows.
  func noteReplaced(by rows: Int, _ context: QueryContext) {
    statistics.add([ScanNote("rows taken from an earlier scan", rows)])
    context.progress.splitsDone.add(splits.count, ordering: .relaxed)
    context.progress.splitBytesDone.add(byteCount, ordering: .relaxed)
  }

  /// Waits for the first bytes of morsels, so that no worker has to.
  private static let prefetchers = BlockingPool(threadCount: 32)

  /// The morsel at an index, as the joins above leave it.
  private func split(_ index: Int, _ predicates: [ColumnPredicate]) -> any Split {
    predicates.isEmpty ? splits[index] : scan.narrowed(splits[index], by: predicates)
  }

  /// Begins to read the morsels behind one that a worker has just taken. Where a few rows may be enough, the first ones show whether they are.
  private func prefetch(behind index: Int, _ predicates: [ColumnPredicate], _ context: QueryContext) {
    guard prefetchDepth > 0 else { return }
    let end = min(splits.count, index + 1 + (node.limit == nil ? prefetchDepth : min(prefetchDepth, index)))
    while true {
      let next = prefetched.load(ordering: .relaxed)
      // What is taken needs no thread besides the worker's.
      let wanted = max(next, index + 1)
      guard wanted < end else { return }
      guard prefetched.compareExchange(expected: next, desired: wanted + 1, ordering: .relaxed).exchanged else { continue }
      Self.prefetchers.submit { [weak self] in
        guard let self, cursor.load(ordering: .relaxed) <= wanted, !context.cancellation.isCancelled else { return }
        statistics.storage.counting {
          context.cancellation.whileThreadWorks { self.scan.prefetch(self.split(wanted, predicates), context) }
        }
      }
    }
  }

  func makeLocal(_ worker: Worker) throws -> any LocalSource { Local(self, worker) }

  private final class Local: LocalSource {
    private let source: ScanSource
    private let worker: Worker
    private let encoder: EncodingRewriter?
    private let predicates: [ColumnPredicate]
    private var passes: [KeyFilterPass]
    private var reader: (any SplitReader)?
    private var split: (any Split)?
    /// Rest of a batch that is larger than the query wants.
    private var rest: Batch?
    private var restOffset = 0
    /// What is left of batches that key filters have sorted out most rows of.
    private var few: [Batch] = []
    private var fewCount = 0

    init(_ source: ScanSource, _ worker: Worker) {
      self.source = source
      self.worker = worker
      predicates = source.filters.flatMap(\.predicates)
      passes = source.filters.compactMap { $0.makePass() }
      encoder = worker.options.scanEncoding == .asRead ? nil : EncodingRewriter(worker.options.scanEncoding)
    }

    func next() throws -> Batch? {
      while true {
        if let rest {
          let size = min(worker.context.batchCapacity, rest.count - restOffset)
          let piece = rest.slice(restOffset, size)
          restOffset += size
          if restOffset == rest.count { self.rest = nil }
          return encoder?.rewrite(piece) ?? piece
        }
        guard var batch = try read() else {
          noteDropped()
          return joined().map { encoder?.rewrite($0) ?? $0 }
        }
        worker.context.progress.rowsRead.add(batch.count, ordering: .relaxed)
        source.rowsRead.add(batch.count, ordering: .relaxed)
        let isFiltered = !passes.isEmpty
        guard let kept = passes.filtered(batch) else { continue }
        batch = kept
        if isFiltered, batch.count &* 4 < worker.context.batchCapacity || !few.isEmpty {
          few.append(batch)
          fewCount &+= batch.count
          guard fewCount >= worker.context.batchCapacity, let joined = joined() else { continue }
          batch = joined
        }
        // A little more than asked for is fine; halves of batches are not worth their overhead.
        if batch.count > 2 * worker.context.batchCapacity || worker.context.batchCapacity < 64 {
          rest = batch
          restOffset = 0
          continue
        }
        if batch.count > 0 { return encoder?.rewrite(batch) ?? batch }
      }
    }

    /// The rows that were held back: every operator has some work per batch, however few its rows.
    private func joined() -> Batch? {
      guard !few.isEmpty else { return nil }
      defer {
        few = []
        fewCount = 0
      }
      return Batch.concatenated(few, types: few[0].columns.map(\.type))
    }

    private func read() throws -> Batch? { try source.statistics.storage.counting(readCounted) }

    private func readCounted() throws -> Batch? {
      do {
        while true {
          if let reader {
            if let batch = try reader.next() { return batch }
            finishSplit(reader)
          }
          let index = source.cursor.add(1, ordering: .relaxed).oldValue
          guard index < source.splits.count else { return nil }
          source.prefetch(behind: index, predicates, worker.context)
          let next = source.split(index, predicates)
          split = next
          reader = try source.scan.open(next, worker.context)
        }
      } catch { throw located(error) }
    }

    private func noteDropped() {
      let dropped = passes.reduce(0) { $0 + $1.dropped }
      passes = []
      if dropped > 0 { source.statistics.add([ScanNote("rows skipped by join keys", dropped)]) }
    }

    private func finishSplit(_ reader: any SplitReader) {
      source.splitsRead.add(1, ordering: .releasing)
      source.statistics.add(reader.notes)
      source.statistics.add(bytesOut: split?.byteCount ?? 0)
      worker.context.progress.splitsDone.add(1, ordering: .relaxed)
      worker.context.progress.splitBytesDone.add(split?.byteCount ?? 0, ordering: .relaxed)
      self.reader = nil
    }

    private func located(_ error: any Error) -> any Error {
      if error is QueryCancelled || error is MemoryLimitExceeded { return error }
      var located = SQLError.of(error, at: source.node.range)
      located.notes.append(SQLError.Note("while reading table \(source.node.tableName), \(split?.label ?? "")"))
      return located
    }
  }
}

/// Rewrites columns into another encoding of the same rows; a verification mode.
struct EncodingRewriter {
  private let encoding: ExecutionOptions.Encoding

  init(_ encoding: ExecutionOptions.Encoding) { self.encoding = encoding }

  func rewrite(_ batch: Batch) -> Batch {
    Batch(columns: batch.columns.map { rewrite($0) }, count: batch.count)
  }

  private func rewrite(_ column: Column) -> Column {
    switch encoding {
    case .asRead: return column
    case .flat: return column.flattened()
    case .constantRuns:
      // A batch of equal rows becomes a constant; others stay.
      guard column.count > 0, !column.type.isNested else { return column }
      let first = column.scalarValue(at: 0)
      for row in 1..<max(column.count, 1) where column.scalarValue(at: row) != first { return column }
      return column.slice(0, 1).flattened().asConstant(count: column.count)
    case .dictionary:
      // Entries backwards, so that row number and entry number differ, and one entry that no row uses.
      let count = column.count
      guard count > 0 else { return column }
      let flat = column.flattened()
      let last = UInt32(count - 1)
      let entries = Column.concatenated([flat.take(allRows(count).map { last - $0 }), flat.slice(0, 1)], type: column.type)
      return .dictionary(values: entries, indices: Buffer.of(allRows(count).map { last - $0 }), count: count)
    }
  }
}
