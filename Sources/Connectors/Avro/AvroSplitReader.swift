import Avro
import Columnar
import Iceberg
import Planner
import Storage

/// Reads an Avro data file block by block.
///
/// The file is held in memory as it is stored: Avro has no index, and tables hold it in files of moderate size.
final class AvroSplitReader: PositionedReader {
  private let split: ParquetSplit
  private let context: QueryContext
  private let bytes: ByteSlice
  private var blocks: ContainerReader
  private let reader: AvroColumnReader
  private let columns: DeliveredColumns
  /// Rest of a block that is larger than a batch.
  private var rest: Batch?
  private var restOffset = 0
  private var nextRow = 0
  private(set) var batchFirstRow = 0

  init(_ split: ParquetSplit, readers: ReadersAhead, context: QueryContext) throws {
    self.split = split
    self.context = context
    do throws(StorageError) {
      let file = try readers.open(split.object, from: 0)
      // In pieces side by side, where it is far away.
      file.willNeed(0..<file.size)
      bytes = try file.read(0..<file.size)
    } catch { throw IcebergError(error) }
    ProgressCounters.add(bytes.count, to: context.progress.bytesRead)
    do throws(AvroError) {
      blocks = try ContainerReader(bytes.bytes)
      let schema = blocks.schema
      let all = try AvroColumn.columns(of: schema)
      columns = DeliveredColumns(split.sources, stored: all.map { StoredColumn($0) }, file: split.location.text, context)
      reader = try AvroColumnReader(schema, columns: all, wanted: columns.stored)
    } catch { throw Self.located(error, split.location) }
  }

  func next() throws -> Batch? {
    while true {
      if context.cancellation.isCancelled { throw QueryCancelled() }
      if let rest {
        let count = min(context.batchCapacity, rest.count - restOffset)
        let batch = rest.slice(restOffset, count)
        restOffset += count
        if restOffset == rest.count { self.rest = nil }
        batchFirstRow = nextRow
        nextRow += count
        return try columns.deliver(batch, firstRow: batchFirstRow)
      }
      do throws(AvroError) {
        guard let block = try blocks.nextBlock() else { return nil }
        let batch = try reader.decode(block)
        if batch.count > 0 { rest = batch }
        restOffset = 0
      } catch { throw Self.located(error, split.location) }
    }
  }

  private static func located(_ error: AvroError, _ location: Location) -> IcebergError {
    var located = IcebergError(error, file: location.text)
    if located.kind == .corrupt { located.kind = .badData }
    return located
  }
}

extension StoredColumn {
  init(_ column: AvroColumn) {
    self.init(
      name: column.name, fieldID: column.fieldID, type: column.type, children: column.children.map { StoredColumn($0) })
  }
}
