import Avro
package import Columnar
import Functions
import Iceberg
package import Planner
import SQLSyntax
package import Storage

/// Avro container files as one table: `read_avro`. Columns are those of the first file, found in the others by name.
package struct AvroFileTable: Table {
  package let schema: Schema
  private let files: [ObjectInfo]
  private let readers: ReadersAhead
  private let pathColumns: PathColumns

  package var hiddenColumns: [Field] { HiddenColumns.fields }

  /// `read_avro(path, option => value, ...)`
  package static func open(_ arguments: NamedArguments, store: any ObjectStore) async throws -> AvroFileTable {
    var arguments = arguments
    let pathOptions = try PathColumns.Options(&arguments)
    try arguments.finish()
    let files = try await FileList.files(arguments.paths, in: store)
    let pathColumns = try PathColumns(files, pathOptions)
    let replaced = Set(pathColumns.fields.map { $0.name.lowercased() })
    let readers = ReadersAhead(store)
    var columns = try fields(of: files[0], readers)
    columns.removeAll { replaced.contains($0.name.lowercased()) }
    return AvroFileTable(schema: Schema(columns + pathColumns.fields), files: files, readers: readers, pathColumns: pathColumns)
  }

  /// The schema stands at the start of a file: no more is looked at, unless it is very long.
  private static let startByteCount = 1 << 20

  private static func fields(of file: ObjectInfo, _ readers: ReadersAhead) throws -> [Field] {
    do {
      let reader = try readers.openToLook(ReadersAhead.Object(file.location, size: file.size, .inState(file.version)))
      var columns: [AvroColumn]
      do {
        columns = try self.columns(in: min(reader.size, startByteCount), of: reader)
      } catch let error as AvroError where error.kind == .truncated && reader.size > startByteCount {
        columns = try self.columns(in: reader.size, of: reader)
      }
      if let problem = columns.lazy.compactMap(\.problem).first { throw problem }
      return columns.map { Field($0.name, $0.type) }
    } catch let error as AvroError {
      throw SQLError(error.kind == .unsupported ? .notSupported : .hiveBadData, "\(file.location): \(error)")
    }
  }

  /// The columns that the first bytes of a file tell of.
  private static func columns(in byteCount: Int, of reader: any SynchronousReader) throws -> [AvroColumn] {
    let buffer = ByteBuffer(byteCount: byteCount)
    reader.willNeed(0..<byteCount)
    try reader.look(at: 0, into: buffer.mutableBytes)
    return try buffer.slice().withBytes { bytes throws(AvroError) in try AvroColumn.columns(of: ContainerReader(bytes).schema) }
  }

  package var statistics: TableStatistics { TableStatistics(byteCount: files.reduce(0) { $0 + $1.size }) }

  package func planScan(_ request: ScanRequest) async throws -> any Scan {
    let firstPathColumn = schema.count - pathColumns.fields.count
    let splits = files.enumerated().compactMap { number, info -> ParquetSplit? in
      guard pathColumns.mayHoldRows(number, info, request.predicates, first: firstPathColumn) else { return nil }
      let sources = request.columns.map { index -> ParquetColumnSource in
        if index >= schema.count { return .constant(HiddenColumns.value(index - schema.count, info)) }
        if index >= firstPathColumn { return .constant(pathColumns.value(index - firstPathColumn, file: number)) }
        let field = schema.fields[index]
        return .file(ParquetColumnSource.FileColumn(type: field.type, match: .name(field.name)), missing: .null(field.type))
      }
      return ParquetSplit(
        location: info.location, size: info.size, stability: .inState(info.version), byteCount: info.size, sources: sources)
    }
    return AvroScan(splits, notes: ScanNote.files(splits.count, skipped: files.count - splits.count), readers: readers)
  }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw SQLError.notSupported("files opened by a table function cannot be written")
  }
}

/// A planned scan over whole Avro files.
struct AvroScan: Scan {
  let splits: [any Split]
  let notes: [ScanNote]
  let prefetchDepth: Int
  private let readers: ReadersAhead

  init(_ splits: [ParquetSplit], notes: [ScanNote], readers: ReadersAhead) {
    self.splits = splits
    self.notes = notes
    self.readers = readers
    prefetchDepth = splits.first.map { readers.store.isRemote($0.location) } == true ? ParquetFooterCache.prefetchDepth : 0
  }

  func prefetch(_ split: any Split, _ context: QueryContext) {
    guard let split = split as? ParquetSplit else { return }
    readers.announce(split.object, 0..<Int.max)
  }

  func open(_ split: any Split, _ context: QueryContext) throws -> any SplitReader {
    guard let split = split as? ParquetSplit else { throw IcebergError(.unsupported, "a split of another scan") }
    return try Self.outsideIceberg { Reader(try AvroSplitReader(split, readers: readers, context: context)) }
  }

  /// The file belongs to no Iceberg table, so its errors are those of other files.
  private static func outsideIceberg<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let error as IcebergError {
      throw SQLError(error.kind == .unsupported ? .notSupported : .hiveBadData, "\(error)", cause: error.cause)
    }
  }

  private final class Reader: SplitReader {
    private let reader: AvroSplitReader
    init(_ reader: AvroSplitReader) { self.reader = reader }

    func next() throws -> Batch? { try AvroScan.outsideIceberg { try reader.next() } }
  }
}
