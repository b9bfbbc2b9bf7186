package import Columnar
import Parquet
package import Planner
package import Storage

/// One Parquet file, or some of its row groups, as a morsel.
package struct ParquetSplit: Split {
  package var location: Location
  package var size: Int?
  /// Only row groups that begin in this range of the file; nil is all of them.
  package var byteRange: Range<Int>?
  package var byteCount: Int
  /// One per delivered column.
  package var sources: [ParquetColumnSource]
  /// For skipping row groups and pages; `column` is an index into `sources`.
  package var predicates: [Planner.ColumnPredicate]
  package var int96InNanoseconds = false

  package init(
    location: Location, size: Int?, byteRange: Range<Int>? = nil, byteCount: Int, sources: [ParquetColumnSource],
    predicates: [Planner.ColumnPredicate] = []
  ) {
    self.location = location
    self.size = size
    self.byteRange = byteRange
    self.byteCount = byteCount
    self.sources = sources
    self.predicates = predicates
  }

  package var label: String { byteRange.map { "\(location) @ \($0.lowerBound)" } ?? location.text }
}

/// A planned scan over Parquet files of any kind of table.
package struct ParquetScan: Scan {
  package let splits: [any Split]
  package let notes: [ScanNote]
  private let footers: ParquetFooterCache

  package init(_ splits: [ParquetSplit], notes: [ScanNote], footers: ParquetFooterCache) {
    self.splits = splits
    self.notes = notes
    self.footers = footers
  }

  package func open(_ split: any Split, _ context: QueryContext) throws -> any SplitReader {
    guard let split = split as? ParquetSplit else { throw ParquetError(.invalidRequest, "a split of another scan") }
    return try ParquetSplitReader(split, footers: footers, context: context)
  }

  package func narrowed(_ split: any Split, by predicates: [Planner.ColumnPredicate]) -> any Split {
    guard var split = split as? ParquetSplit else { return split }
    split.predicates += predicates
    return split
  }
}

/// A reader of one data file that knows where its rows stand in the file.
package protocol PositionedReader: SplitReader {
  /// Row of the file with which the last batch began; the rows of a batch follow each other.
  var batchFirstRow: Int { get }
}

/// Reads the row groups of one split, in order.
package final class ParquetSplitReader: PositionedReader {
  private let split: ParquetSplit
  private let file: ParquetFile
  private let context: QueryContext
  private let columns: DeliveredColumns
  /// Columns of the file that are read.
  private let nodes: [ColumnNode]
  private var rowGroups: ArraySlice<Int>
  private var reader: RowGroupReader?
  private let pruning: ParquetPruning
  package private(set) var notes: [ScanNote] = []
  package private(set) var batchFirstRow = 0

  package init(_ split: ParquetSplit, footers: ParquetFooterCache, context: QueryContext) throws {
    self.split = split
    self.context = context
    let file = try footers.open(
      split.location, size: split.size,
      options: ParquetFile.Options(int96InNanoseconds: split.int96InNanoseconds))
    self.file = file
    columns = DeliveredColumns(split.sources, stored: file.columns.map { StoredColumn($0) }, file: split.location.text, context)
    nodes = columns.stored.map { file.columns[$0] }
    let nodes = nodes
    pruning = ParquetPruning(
      file: file, predicates: split.predicates, nodes: columns.slotsWithStatistics.map { $0.map { nodes[$0] } })
    let all = 0..<file.rowGroupCount
    if let range = split.byteRange {
      rowGroups = all.filter { range.contains(file.startOffset(ofRowGroup: $0)) }[...]
    } else {
      rowGroups = Array(all)[...]
    }
  }

  package func next() throws -> Batch? {
    while true {
      if reader == nil, try !openNextRowGroup() { return nil }
      guard let reader, let batch = try reader.next(maxRows: context.batchCapacity) else {
        if let reader, reader.pagesSkipped > 0 { note("pages skipped", reader.pagesSkipped) }
        reader = nil
        continue
      }
      batchFirstRow = reader.batchFirstRow
      return try columns.deliver(batch, firstRow: batchFirstRow)
    }
  }

  private func openNextRowGroup() throws -> Bool {
    while let rowGroup = rowGroups.popFirst() {
      switch try pruning.test(rowGroup) {
      case .skip(let reason): note("row groups skipped by \(reason)", 1)
      case .read(let rows):
        note("row groups read", 1)
        reader = try RowGroupReader(file, rowGroup: rowGroup, columns: nodes, rows: rows, context: context)
        return true
      }
    }
    return false
  }

  private func note(_ label: String, _ count: Int) {
    if let index = notes.firstIndex(where: { $0.label == label }) {
      notes[index].count += count
    } else {
      notes.append(ScanNote(label, count))
    }
  }
}

extension ParquetFile {
  /// Where a row group begins, as Iceberg's split offsets count: at the first page of its first column.
  func startOffset(ofRowGroup index: Int) -> Int {
    guard let first = metadata.rowGroups[index].columns.first else { return 0 }
    var start = first.dataPageOffset
    if let dictionary = first.dictionaryPageOffset, dictionary > 0, dictionary < start { start = dictionary }
    return Int(clamping: start)
  }
}
