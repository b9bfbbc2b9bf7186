package import Columnar
import Parquet
package import Planner
package import Storage

/// One Parquet file, or some of its row groups, as a morsel.
package struct ParquetSplit: Split {
  package var location: Location
  package var size: Int?
  package var stability: ObjectStability
  /// Only row groups that begin in this range of the file; nil is all of them.
  package var byteRange: Range<Int>?
  /// Of the rows that this leaves only piece `index` of `count` about equal ones; nil is all of them.
  package var piece: (index: Int, count: Int)?
  package var byteCount: Int
  /// One per delivered column.
  package var sources: [ParquetColumnSource]
  /// For skipping row groups and pages; `column` is an index into `sources`.
  package var predicates: [Planner.ColumnPredicate]
  package var int96InNanoseconds = false
  /// Bytes of the file that belong to the delivered columns, about; nil when that is not known, or not all rows are wanted.
  package var wantedBytes: Int?

  /// Whether one request for the whole file is better than one for its footer and others for its columns.
  var readsWhole: Bool {
    guard let size, let wantedBytes, byteRange == nil, piece == nil, predicates.isEmpty else { return false }
    // Both come from metadata: anything can stand there.
    return (0...32 << 20).contains(size) && wantedBytes >= size - (1 << 20)
  }

  package init(
    location: Location, size: Int?, stability: ObjectStability = .mayChange, byteRange: Range<Int>? = nil, byteCount: Int,
    sources: [ParquetColumnSource], predicates: [Planner.ColumnPredicate] = []
  ) {
    self.stability = stability
    self.location = location
    self.size = size
    self.byteRange = byteRange
    self.byteCount = byteCount
    self.sources = sources
    self.predicates = predicates
  }

  var object: ReadersAhead.Object { ReadersAhead.Object(location, size: size, stability) }

  package var label: String { byteRange.map { "\(location) @ \($0.lowerBound)" } ?? location.text }

  /// Reads the footer and begins to read the first row group that is wanted. Blocks; what fails does so again when the morsel is opened.
  func prefetch(_ footers: ParquetFooterCache, _ context: QueryContext) {
    guard let reader = try? ParquetSplitReader(self, footers: footers, context: context) else { return }
    reader.prefetch()
  }

  /// A morsel smaller than this is not worth the page that two pieces both decompress at their border.
  private static let smallestPiece = 3 << 20

  /// Pieces of a local file: chunks of a remote one are fetched whole, by each piece again.
  func divided(into pieces: Int) -> [ParquetSplit] {
    let count = min(pieces, byteCount / Self.smallestPiece)
    guard count > 1, piece == nil, location.isLocal else { return [self] }
    return (0..<count).map { index in
      var part = self
      part.piece = (index, count)
      // Sizes come from manifests: nothing is multiplied.
      part.byteCount = byteCount / count + (index < byteCount % count ? 1 : 0)
      return part
    }
  }
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

  package var prefetchDepth: Int { footers.isRemote(splits) ? ParquetFooterCache.prefetchDepth : 0 }

  package func prefetch(_ split: any Split, _ context: QueryContext) {
    guard let split = split as? ParquetSplit else { return }
    split.prefetch(footers, context)
  }

  package func narrowed(_ split: any Split, by predicates: [Planner.ColumnPredicate]) -> any Split {
    guard var split = split as? ParquetSplit else { return split }
    split.predicates += predicates
    return split
  }

  package func divided(_ split: any Split, into pieces: Int) -> [any Split] {
    (split as? ParquetSplit)?.divided(into: pieces) ?? [split]
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
  private var rowGroups: ArraySlice<(index: Int, rows: Range<Int>)>
  private var reader: RowGroupReader?
  private let pruning: ParquetPruning
  package private(set) var notes: [ScanNote] = []
  package private(set) var batchFirstRow = 0

  package init(_ split: ParquetSplit, footers: ParquetFooterCache, context: QueryContext) throws {
    self.split = split
    self.context = context
    let file = try footers.open(
      split.location, size: split.size, stability: split.stability, readsWhole: split.readsWhole,
      options: ParquetFile.Options(int96InNanoseconds: split.int96InNanoseconds))
    self.file = file
    columns = DeliveredColumns(split.sources, stored: file.columns.map { StoredColumn($0) }, file: split.location.text, context)
    nodes = columns.stored.map { file.columns[$0] }
    let nodes = nodes
    pruning = ParquetPruning(
      file: file, predicates: split.predicates, nodes: columns.slotsWithStatistics.map { $0.map { nodes[$0] } })
    var wanted = Array(0..<file.rowGroupCount)
    if let range = split.byteRange { wanted.removeAll { !range.contains(file.startOffset(ofRowGroup: $0)) } }
    rowGroups = Self.rows(of: wanted, split.piece, file)[...]
    pruning.announce(wanted)
  }

  /// The row groups with the rows wanted of each: a piece is cut from all rows as if they stood in one row group.
  private static func rows(of rowGroups: [Int], _ piece: (index: Int, count: Int)?, _ file: ParquetFile) -> [(index: Int, rows: Range<Int>)] {
    let whole = rowGroups.map { (index: $0, rows: 0..<file.rowCount(ofRowGroup: $0)) }
    guard let piece else { return whole }
    let total = whole.reduce(0) { $0 + $1.rows.count }
    // Not total * index / count, which could overflow.
    func border(_ index: Int) -> Int { index == piece.count ? total : total / piece.count * index }
    let wanted = border(piece.index)..<border(piece.index + 1)
    var first = 0
    return whole.compactMap { index, rows in
      defer { first += rows.count }
      let part = (wanted.lowerBound - first..<wanted.upperBound - first).clamped(to: rows)
      return part.isEmpty ? nil : (index, part)
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
    while let (rowGroup, part) = rowGroups.popFirst() {
      // Of the pieces of a row group one counts it.
      let count = part.lowerBound == 0 ? 1 : 0
      switch try pruning.test(rowGroup) {
      case .skip(let reason): note("row groups skipped by \(reason)", count)
      case .read(let rows):
        note("row groups read", count)
        let isWhole = part.count == file.rowCount(ofRowGroup: rowGroup)
        let wanted = isWhole ? rows : (rows ?? [part]).map { $0.clamped(to: part) }.filter { !$0.isEmpty }
        if wanted?.isEmpty == true { continue }
        reader = try RowGroupReader(file, rowGroup: rowGroup, columns: nodes, rows: wanted, context: context)
        if file.reader.isRemote { prefetch() }
        return true
      }
    }
    return false
  }

  /// Begins to read the next row group that is wanted, when the file is far away. What is wrong with it is reported when it is read.
  func prefetch() {
    guard file.reader.isRemote else { return }
    for (rowGroup, _) in rowGroups {
      guard case .read(let rows)? = try? pruning.test(rowGroup) else { continue }
      file.prefetch(rowGroup: rowGroup, columns: nodes, rows: rows)
      return
    }
  }

  private func note(_ label: String, _ count: Int) {
    if count == 0 { return }
    if let index = notes.firstIndex(where: { $0.label == label }) {
      notes[index].count += count
    } else {
      notes.append(ScanNote(label, count))
    }
  }
}

extension ParquetFile {
  func rowCount(ofRowGroup index: Int) -> Int { Int(metadata.rowGroups[index].rowCount) }

  /// Where a row group begins, as Iceberg's split offsets count: at the first page of its first column.
  func startOffset(ofRowGroup index: Int) -> Int {
    guard let first = metadata.rowGroups[index].columns.first else { return 0 }
    var start = first.dataPageOffset
    if let dictionary = first.dictionaryPageOffset, dictionary > 0, dictionary < start { start = dictionary }
    return Int(clamping: start)
  }
}
