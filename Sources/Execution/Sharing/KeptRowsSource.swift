import Columnar
import Planner
import Synchronization

/// The rows that an earlier scan has kept, when they serve by the time this scan begins; else the scan itself.
final class KeptRowsSource: Source {
  private let kept: KeptRows
  private let scan: ScanSource
  /// Places of the scan's columns among the kept ones.
  private let columns: [Int]
  private let filters: [RuntimeFilter]
  private let coverages: [KeyCoverage]
  private let chosen = Mutex<Choice?>(nil)

  private enum Choice {
    case kept(TakenRows)
    case scan
  }

  /// - Parameters:
  ///   - tableColumns: what the scan delivers.
  ///   - filters: the scan's, by the table column that they look at.
  init(_ kept: KeptRows, instead scan: ScanSource, tableColumns: [Int], filters: [(column: Int, filter: RuntimeFilter)]) {
    self.kept = kept
    self.scan = scan
    columns = tableColumns.compactMap { kept.tableColumns.firstIndex(of: $0) }
    self.filters = filters.map(\.filter)
    coverages = filters.map { column, filter in
      let coverage = KeyCoverage(kept, column: column)
      filter.add(coverage)
      return coverage
    }
    kept.addTaker()
  }

  var parallelism: Int {
    switch choice {
    case .kept(let rows): max(1, rows.batchCount)
    case .scan: scan.parallelism
    }
  }

  func makeLocal(_ worker: Worker) throws -> any LocalSource {
    switch choice {
    case .kept(let rows): Local(rows, columns: columns, passes: filters.compactMap { $0.makePass() })
    case .scan: try scan.makeLocal(worker)
    }
  }

  /// Made when the pipeline begins: the joins above the scan are built by then.
  private var choice: Choice {
    chosen.withLock { chosen in
      if let chosen { return chosen }
      let isCovered = kept.sortedColumns.allSatisfy { column in coverages.contains { $0.column == column && $0.isComplete } }
      let made = kept.take(coversKeys: isCovered).map { Choice.kept($0) } ?? .scan
      if case .kept(let rows) = made { scan.noteReplaced(by: rows.rowCount, kept.context) }
      chosen = made
      return made
    }
  }

  private final class Local: LocalSource {
    private let rows: TakenRows
    private let columns: [Int]
    private let passes: [KeyFilterPass]

    init(_ rows: TakenRows, columns: [Int], passes: [KeyFilterPass]) {
      self.rows = rows
      self.columns = columns
      self.passes = passes
    }

    func next() throws -> Batch? {
      while let batch = rows.next() {
        let wanted = Batch(columns: columns.map { batch.columns[$0] }, count: batch.count)
        if let kept = passes.filtered(wanted) { return kept }
      }
      return nil
    }
  }
}
