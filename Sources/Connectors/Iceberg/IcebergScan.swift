import Avro
import Columnar
import Iceberg
import Parquet
package import Planner
package import Storage

/// One data file of an Iceberg table, or some of its row groups, with the deletes that apply to it.
struct IcebergSplit: Split {
  /// The file and what is delivered of it; predicates and byte ranges only count for Parquet.
  var data: ParquetSplit
  var format: DataFile.Format
  var deletes: SplitDeletes?

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
    guard let deletes = split.deletes else { return try files.open(split.data, split.format, context) }
    var data = split.data
    data.sources += deletes.keySources
    let reader = try files.open(data, split.format, context)
    return try DeletingReader(reader, deletes, deliveredColumns: split.data.sources.count, context)
  }
}

/// Opens data and delete files of every supported format.
struct DataFileOpener: Sendable {
  let store: any ObjectStore
  let footers: ParquetFooterCache

  func open(_ split: ParquetSplit, _ format: DataFile.Format, _ context: QueryContext) throws -> any PositionedReader {
    switch format {
    case .parquet: return try TranslatingReader { try ParquetSplitReader(split, footers: footers, context: context) }
    case .avro: return try AvroSplitReader(split, store: store, context: context)
    case .orc, .puffin:
      throw IcebergError(.unsupported, "files of format \(format.rawValue) are not supported, only Parquet and Avro", file: split.location.text)
    }
  }

  /// Reads a delete file in full.
  func open(_ file: DataFile, _ sources: [ParquetColumnSource], _ context: QueryContext) throws -> any PositionedReader {
    guard file.keyMetadata == nil else { throw IcebergError(.unsupported, "encrypted delete files are not supported", file: file.path) }
    let size = Int(clamping: file.fileSize)
    return try open(
      ParquetSplit(location: Location(file.path), size: size, byteCount: size, sources: sources), file.format, context)
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
  private let positions: PositionSet?
  private let equality: [(table: EqualityDeletes, keys: [(column: Int, depth: Int)])]
  private let sequence: Int64
  private var deletedRows = 0
  private var flags = Buffer(byteCount: 0)
  private var kept = Buffer(byteCount: 0)

  init(_ reader: any PositionedReader, _ deletes: SplitDeletes, deliveredColumns: Int, _ context: QueryContext) throws {
    self.reader = reader
    self.deliveredColumns = deliveredColumns
    sequence = deletes.sequenceNumber
    positions = try deletes.positions(context)
    var column = deliveredColumns
    var equality: [(table: EqualityDeletes, keys: [(column: Int, depth: Int)])] = []
    for group in deletes.equality {
      let keys = group.keys.enumerated().map { (column: column + $0, depth: $1.depth) }
      column += keys.count
      equality.append((try group.table.value(context), keys))
    }
    self.equality = equality
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

  /// Sets a flag per row, 0 where it is deleted.
  ///
  /// - Returns: the number of deleted rows.
  private func mark(_ batch: Batch) -> Int {
    if flags.byteCount < batch.count { flags = Buffer(byteCount: batch.count) }
    let flags = self.flags.base.assumingMemoryBound(to: UInt8.self)
    for row in 0..<batch.count { flags[row] = 1 }
    var deleted = positions?.clear(flags, first: Int64(reader.batchFirstRow), count: batch.count) ?? 0
    for (table, keys) in equality where deleted < batch.count {
      let columns = keys.map { EqualityKey.leaf(of: batch.columns[$0.column], depth: $0.depth) }
      deleted += table.clear(flags, columns: columns, count: batch.count, sequence: sequence)
    }
    return deleted
  }

  private func select(_ batch: Batch, count: Int) -> Batch {
    if kept.byteCount < batch.count * 4 { kept = Buffer(byteCount: batch.count * 4) }
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
