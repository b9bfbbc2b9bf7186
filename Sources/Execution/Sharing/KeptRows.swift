import Columnar
import Planner
import SQLSyntax
import Synchronization

/// The rows of a scan, after the filters right above it, kept for later scans of the same table.
///
/// They serve a later scan when they are all there (the scan ran to its end and its rows fit), and when every key that the later one's joins
/// look for is one that the earlier one's did not sort out: a Bloom filter has no false negatives, so what passes the earlier scan's
/// filters was kept.
final class KeptRows: Sendable {
  /// Columns of the batches, as table indices.
  let tableColumns: [Int]
  let context: QueryContext
  private let isTooMuch = Atomic<Bool>(false)
  private let rowCount = Atomic<Int>(0)
  private let state = Mutex(State())

  private struct State {
    var keeper: Keeper?
    var parts: [Part] = []
    /// What the filters had sorted out by, when the scan began.
    var knowledge: [(column: Int, keys: RuntimeFilter.Knowledge)] = []
    /// Scans that have not begun yet.
    var takers = 0
  }

  /// The scan that keeps its rows.
  private struct Keeper {
    let scan: ScanSource
    /// How many of the columns it wants itself.
    let ownCount: Int
    /// By the table column that they sort out rows by.
    let filters: [(column: Int, filter: RuntimeFilter)]
  }

  // SAFETY: made by one worker at its end, only read afterwards.
  private struct Part: @unchecked Sendable {
    let worker: Int
    let batches: [Batch]
    let holder: MemoryHolder
  }

  /// What is kept whatever it is; of more than that a scan must have sorted out the most part.
  private static let bytesKeptAnyway = 128 << 20

  init(tableColumns: [Int], context: QueryContext) {
    self.tableColumns = tableColumns
    self.context = context
  }

  /// - Parameters:
  ///   - ownCount: columns that the scan wants itself.
  ///   - filters: by the table column that they sort out rows by.
  func keep(_ scan: ScanSource, ownCount: Int, filters: [(column: Int, filter: RuntimeFilter)]) {
    state.withLock { $0.keeper = Keeper(scan: scan, ownCount: ownCount, filters: filters) }
  }

  func addTaker() { state.withLock { $0.takers += 1 } }

  /// Table columns that rows were sorted out by: of use only to a scan that wants no other keys in them.
  var sortedColumns: [Int] { state.withLock { $0.keeper?.filters.map(\.column) ?? [] } }

  /// Whether no row with one of these keys in the column was sorted out by any filter on it.
  ///
  /// - Parameter tests: what the keys say of themselves.
  func mayHoldAll(of keys: Column, tests: [ColumnPredicate.Test], column: Int) -> Bool {
    let known = state.withLock { $0.knowledge.filter { $0.column == column } }
    return !known.isEmpty && known.allSatisfy { $0.keys.covers(keys, tests: tests) }
  }

  /// The rows for a scan that begins now; nil when not all are there. The last scan that asks gets them for itself.
  func take(coversKeys: Bool) -> TakenRows? {
    let (parts, scan) = state.withLock { state in
      state.takers -= 1
      defer { if state.takers <= 0 { state.parts = [] } }
      return (state.parts, state.keeper?.scan)
    }
    guard coversKeys, let scan, scan.isExhausted, !isTooMuch.load(ordering: .relaxed) else { return nil }
    return TakenRows(parts.map { ($0.batches, $0.holder) })
  }

  // MARK: Keeping

  /// Keeps what passes, and hands on the columns that the scan itself wants.
  func keeping(_ statistics: PlanStatistics) -> any OperatorFactory { Keeping(rows: self, statistics: statistics) }

  private struct Keeping: OperatorFactory {
    let rows: KeptRows
    let statistics: PlanStatistics

    func makeLocal(_ worker: Worker, next: any Consumer) throws -> any Consumer {
      guard let keeper = rows.begin() else { throw SQLError(.genericInternalError, "rows are kept before their scan is planned") }
      return Local(rows, keeper, worker, statistics, next: next)
    }
  }

  /// The joins that filter the scan have been built by now; when it ends their filters may be gone.
  private func begin() -> Keeper? {
    state.withLock { state in
      if state.knowledge.isEmpty { state.knowledge = (state.keeper?.filters ?? []).map { ($0.column, $0.filter.knowledge) } }
      return state.keeper
    }
  }

  /// Whether so few rows are kept that it is worth going on.
  ///
  /// - Parameter bytes: of one worker's.
  private func isWorthIt(_ bytes: Int, _ scan: ScanSource, workers: Int) -> Bool {
    if bytes > context.memory.limit / 8 / workers { return false }
    return bytes <= Self.bytesKeptAnyway / workers || rowCount.load(ordering: .relaxed) &* 4 <= scan.rowsScanned
  }

  private final class Local: Consumer {
    private let rows: KeptRows
    private let keeper: Keeper
    private let worker: Worker
    private let holder: MemoryHolder
    private let next: any Consumer
    private var batches: [Batch] = []
    private var heldBytes = 0

    init(_ rows: KeptRows, _ keeper: Keeper, _ worker: Worker, _ statistics: PlanStatistics, next: any Consumer) {
      self.rows = rows
      self.keeper = keeper
      self.worker = worker
      self.next = next
      holder = MemoryHolder(worker.context.memory, "rows kept for another scan", statistics)
    }

    func consume(_ batch: Batch) throws -> Demand {
      var batch = batch
      if !rows.isTooMuch.load(ordering: .relaxed) {
        batch = batch.compacted()
        batches.append(batch)
        heldBytes &+= batch.estimatedByteCount
        rows.rowCount.add(batch.count, ordering: .relaxed)
        if !rows.isWorthIt(heldBytes, keeper.scan, workers: worker.count) || !holder.reserve(heldBytes) {
          rows.isTooMuch.store(true, ordering: .relaxed)
        }
      }
      if rows.isTooMuch.load(ordering: .relaxed), !batches.isEmpty {
        batches = []
        holder.release()
      }
      return try next.consume(
        keeper.ownCount == batch.columns.count
          ? batch : Batch(columns: Array(batch.columns[..<keeper.ownCount]), count: batch.count))
    }

    func finish() throws {
      if !rows.isTooMuch.load(ordering: .relaxed) {
        let part = Part(worker: worker.index, batches: batches, holder: holder)
        batches = []
        rows.state.withLock { state in
          state.parts.append(part)
          state.parts.sort { $0.worker < $1.worker }
        }
      }
      try next.finish()
    }
  }
}

/// What a later scan takes, in morsels; the memory is given back behind the last one.
final class TakenRows: Sendable {
  private let state: Mutex<(batches: [Batch], next: Int, holders: [MemoryHolder])>
  let batchCount: Int
  let rowCount: Int

  fileprivate init(_ parts: [(batches: [Batch], holder: MemoryHolder)]) {
    let batches = parts.flatMap(\.batches)
    batchCount = batches.count
    rowCount = batches.reduce(0) { $0 + $1.count }
    state = Mutex((batches, 0, parts.map(\.holder)))
  }

  func next() -> Batch? {
    state.withLock { state in
      guard state.next < state.batches.count else {
        state = ([], 0, [])
        return nil
      }
      defer { state.next += 1 }
      return state.batches[state.next]
    }
  }
}

/// Whether all keys that a later scan's join looks for in a column are ones that the earlier scan kept; known when the join is built.
final class KeyCoverage: Sendable {
  /// Of the table.
  let column: Int
  private let kept: KeptRows
  private let holds = Atomic<Bool>(false)

  init(_ kept: KeptRows, column: Int) {
    self.kept = kept
    self.column = column
  }

  var isComplete: Bool { holds.load(ordering: .relaxed) }

  /// - Parameter tests: what the keys say of themselves.
  func check(_ keys: Column, tests: [ColumnPredicate.Test]) {
    holds.store(kept.mayHoldAll(of: keys, tests: tests, column: column), ordering: .relaxed)
  }
}
