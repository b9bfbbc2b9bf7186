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
  private let store: any ObjectStore
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
    var columns = try await fields(of: files[0], store)
    columns.removeAll { replaced.contains($0.name.lowercased()) }
    return AvroFileTable(schema: Schema(columns + pathColumns.fields), files: files, store: store, pathColumns: pathColumns)
  }

  private static func fields(of file: ObjectInfo, _ store: any ObjectStore) async throws -> [Field] {
    let bytes = try await store.read(file.location)
    do throws(AvroError) {
      let columns = try bytes.withBytes { bytes throws(AvroError) in try AvroColumn.columns(of: ContainerReader(bytes).schema) }
      if let problem = columns.lazy.compactMap(\.problem).first { throw problem }
      return columns.map { Field($0.name, $0.type) }
    } catch {
      throw SQLError(error.kind == .unsupported ? .notSupported : .hiveBadData, "\(file.location): \(error)")
    }
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
      return ParquetSplit(location: info.location, size: info.size, byteCount: info.size, sources: sources)
    }
    return AvroScan(splits, notes: ScanNote.files(splits.count, skipped: files.count - splits.count), store: store)
  }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw SQLError.notSupported("files opened by a table function cannot be written")
  }
}

/// A planned scan over whole Avro files.
struct AvroScan: Scan {
  let splits: [any Split]
  let notes: [ScanNote]
  private let store: any ObjectStore

  init(_ splits: [ParquetSplit], notes: [ScanNote], store: any ObjectStore) {
    self.splits = splits
    self.notes = notes
    self.store = store
  }

  func open(_ split: any Split, _ context: QueryContext) throws -> any SplitReader {
    guard let split = split as? ParquetSplit else { throw IcebergError(.unsupported, "a split of another scan") }
    return try Self.outsideIceberg { Reader(try AvroSplitReader(split, store: store, context: context)) }
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
