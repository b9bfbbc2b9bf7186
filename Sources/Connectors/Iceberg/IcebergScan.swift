import Avro
import Columnar
import Iceberg
import Parquet
import Planner
import Storage

/// One data file of an Iceberg table, or some of its row groups, with the deletes that apply to it.
struct IcebergSplit: Split {
  /// The file and what is delivered of it; predicates and byte ranges only count for Parquet.
  var data: ParquetSplit
  var format: DataFile.Format
  var deletes: SplitDeletes?
  /// If set, only the rows that these deletes take away are wanted: what a snapshot deleted.
  var deletedBy: SplitDeletes?

  var byteCount: Int { data.byteCount }
  var label: String { data.label }
}

/// A planned scan of an Iceberg table.
struct IcebergScan: Scan {
  let splits: [any Split]
  let notes: [ScanNote]
  private let files: DataFileOpener

  init(_ splits: [IcebergSplit], notes: [ScanNote], files: DataFileOpener) {
    self.splits = splits
    self.notes = notes
    self.files = files
  }

  func open(_ split: any Split, _ context: QueryContext) throws -> any SplitReader {
    guard let split = split as? IcebergSplit else { throw ParquetError(.invalidRequest, "a split of another scan") }
    guard split.deletes != nil || split.deletedBy != nil else { return try files.open(split.data, split.format, context) }
    var data = split.data
    data.sources += (split.deletes?.keySources ?? []) + (split.deletedBy?.keySources ?? [])
    let reader = try files.open(data, split.format, context)
    return try DeletingReader(reader, split.deletes, deletedBy: split.deletedBy, deliveredColumns: split.data.sources.count, context)
  }

  var prefetchDepth: Int { splits.first.map { files.isRemote($0) } == true ? ParquetFooterCache.prefetchDepth : 0 }

  func prefetch(_ split: any Split, _ context: QueryContext) {
    guard let split = split as? IcebergSplit else { return }
    var data = split.data
    if split.format == .avro { files.readers.announce(data.object, 0..<Int.max) }
    for deletes in [split.deletes, split.deletedBy] {
      data.sources += deletes?.keySources ?? []
      deletes?.load(context)
    }
    if split.format == .parquet { data.prefetch(files.footers, context) }
  }

  func narrowed(_ split: any Split, by predicates: [Planner.ColumnPredicate]) -> any Split {
    guard var split = split as? IcebergSplit else { return split }
    split.data.predicates += predicates
    return split
  }

  func divided(_ split: any Split, into pieces: Int) -> [any Split] {
    guard let split = split as? IcebergSplit, split.format == .parquet else { return [split] }
    return split.data.divided(into: pieces).map { data in
      var part = split
      part.data = data
      return part
    }
  }
}

/// Opens data and delete files of every supported format.
struct DataFileOpener: Sendable {
  let store: any ObjectStore
  let footers: ParquetFooterCache
  /// Of Avro files, which are read whole.
  let readers: ReadersAhead

  init(store: any ObjectStore, footers: ParquetFooterCache) {
    self.store = store
    self.footers = footers
    readers = ReadersAhead(store)
  }

  func isRemote(_ split: any Split) -> Bool { (split as? IcebergSplit).map { store.isRemote($0.data.location) } ?? false }

  func open(_ split: ParquetSplit, _ format: DataFile.Format, _ context: QueryContext) throws -> any PositionedReader {
    switch format {
    case .parquet: return try TranslatingReader { try ParquetSplitReader(split, footers: footers, context: context) }
    case .avro: return try AvroSplitReader(split, readers: readers, context: context)
    case .orc, .puffin:
      throw IcebergError(.unsupported, "files of format \(format.rawValue) are not supported, only Parquet and Avro", file: split.location.text)
    }
  }

  /// Reads a delete file in full.
  func open(_ file: DataFile, _ sources: [ParquetColumnSource], _ context: QueryContext) throws -> any PositionedReader {
    guard file.keyMetadata == nil else { throw IcebergError(.unsupported, "encrypted delete files are not supported", file: file.path) }
    let size = Int(clamping: file.fileSize)
    return try open(
      ParquetSplit(location: Location(file.path), size: size, stability: .immutable, byteCount: size, sources: sources), file.format, context)
  }
}

/// A Parquet reader whose errors are those of a table: which of its files is damaged or gone.
private final class TranslatingReader: PositionedReader {
  private let reader: ParquetSplitReader

  init(_ open: () throws -> ParquetSplitReader) throws {
    do { reader = try open() } catch { throw Self.translated(error) }
  }

  var batchFirstRow: Int { reader.batchFirstRow }
  var notes: [ScanNote] { reader.notes }

  func next() throws -> Batch? {
    do { return try reader.next() } catch { throw Self.translated(error) }
  }

  private static func translated(_ error: any Error) -> any Error {
    guard let error = error as? ParquetError else { return error }
    switch error.kind {
    case .cancelled: return QueryCancelled()
    case .unsupported: return IcebergError(.unsupported, "\(error)", cause: error)
    case .inputOutput: return IcebergError(.storage, "\(error)", cause: error)
    case .corrupt, .invalidRequest: return IcebergError(.badData, "\(error)", cause: error)
    }
  }
}

/// Leaves out the deleted rows of a data file.
///
/// The data reader delivers key columns of equality deletes behind the wanted ones; they end here.
final class DeletingReader: SplitReader {
  private let reader: any PositionedReader
  private let deliveredColumns: Int
  private let deletes: RowDeletes?
  private let deletedBy: RowDeletes?
  private var deletedRows = 0
  private var flags = Buffer(byteCount: 0)
  private var laterFlags = Buffer(byteCount: 0)
  private var kept = Buffer(byteCount: 0)

  /// - Parameters:
  ///   - deletes: take rows away.
  ///   - deletedBy: if given, only rows that these take away are left.
  init(
    _ reader: any PositionedReader, _ deletes: SplitDeletes?, deletedBy: SplitDeletes? = nil, deliveredColumns: Int,
    _ context: QueryContext
  ) throws {
    self.reader = reader
    self.deliveredColumns = deliveredColumns
    self.deletes = try deletes.map { try RowDeletes($0, firstKeyColumn: deliveredColumns, context) }
    let firstKeyColumn = deliveredColumns + (deletes?.keySources.count ?? 0)
    self.deletedBy = try deletedBy.map { try RowDeletes($0, firstKeyColumn: firstKeyColumn, context) }
  }

  var notes: [ScanNote] { reader.notes + (deletedRows > 0 ? [ScanNote("rows deleted", deletedRows)] : []) }

  func next() throws -> Batch? {
    while let batch = try reader.next() {
      let deleted = mark(batch)
      deletedRows += deleted
      if deleted == batch.count { continue }
      let wanted = Batch(columns: Array(batch.columns.prefix(deliveredColumns)), count: batch.count)
      return deleted == 0 ? wanted : select(wanted, count: batch.count - deleted)
    }
    return nil
  }

  /// Sets a flag per row, 0 where it is left out.
  ///
  /// - Returns: the number of rows left out.
  private func mark(_ batch: Batch) -> Int {
    let flags = Self.ones(&self.flags, count: batch.count)
    let deleted = deletes?.clear(flags, batch, firstRow: reader.batchFirstRow) ?? 0
    guard let deletedBy else { return deleted }
    let later = Self.ones(&laterFlags, count: batch.count)
    _ = deletedBy.clear(later, batch, firstRow: reader.batchFirstRow)
    var left = 0
    for row in 0..<batch.count {
      flags[row] &= 1 &- later[row]
      left &+= Int(flags[row])
    }
    return batch.count - left
  }

  private static func ones(_ buffer: inout Buffer, count: Int) -> UnsafeMutablePointer<UInt8> {
    if buffer.byteCount < count { buffer = Buffer(byteCount: count) }
    let flags = buffer.base.assumingMemoryBound(to: UInt8.self)
    for row in 0..<count { flags[row] = 1 }
    return flags
  }

  private func select(_ batch: Batch, count: Int) -> Batch {
    // One more: the place behind the last row is written before it is known to be left out.
    if kept.byteCount < (batch.count + 1) * 4 { kept = Buffer(byteCount: (batch.count + 1) * 4) }
    let flags = self.flags.base.assumingMemoryBound(to: UInt8.self)
    let indices = kept.base.assumingMemoryBound(to: UInt32.self)
    var next = 0
    for row in 0..<batch.count {
      indices[next] = UInt32(truncatingIfNeeded: row)
      next &+= Int(flags[row])
    }
    return batch.take(indices, count: count)
  }
}

/// The loaded deletes of one data file in one state of the table.
private struct RowDeletes {
  private let positions: PositionSet?
  private let equality: [(table: EqualityDeletes, keys: [(column: Int, depth: Int)])]
  private let sequence: Int64

  /// - Parameter firstKeyColumn: where the key columns begin in the batches.
  init(_ deletes: SplitDeletes, firstKeyColumn: Int, _ context: QueryContext) throws {
    sequence = deletes.sequenceNumber
    positions = try deletes.positions(context)
    var column = firstKeyColumn
    var equality: [(table: EqualityDeletes, keys: [(column: Int, depth: Int)])] = []
    for group in deletes.equality {
      let keys = group.keys.enumerated().map { (column: column + $0, depth: $1.depth) }
      column += keys.count
      equality.append((try group.table.value(context), keys))
    }
    self.equality = equality
  }

  /// Sets the flags of deleted rows to 0.
  ///
  /// - Returns: how many flags were 1 before.
  func clear(_ flags: UnsafeMutablePointer<UInt8>, _ batch: Batch, firstRow: Int) -> Int {
    var deleted = positions?.clear(flags, first: Int64(firstRow), count: batch.count) ?? 0
    for (table, keys) in equality where deleted < batch.count {
      let columns = keys.map { EqualityKey.leaf(of: batch.columns[$0.column], depth: $0.depth) }
      deleted += table.clear(flags, columns: columns, count: batch.count, sequence: sequence)
    }
    return deleted
  }
}
