import Columnar
import Compression
import Functions
import Parquet
import Planner
import Storage
import TextFormats

/// One file being written by one worker; nothing is visible before `finish`.
protocol ExportFile: AnyObject {
  /// Rows held in memory, in bytes, that `flush` would write.
  var pendingByteCount: Int { get }
  func write(_ batch: Batch) throws
  func flush() throws
  /// Makes the file visible; returns its size.
  func finish() throws -> Int
  func abort()
}

extension ExportFormat {
  func open(_ location: Location, _ fields: [Field], store: any ObjectStore, _ context: QueryContext) throws -> any ExportFile {
    switch self {
    case .parquet(let options): return try ParquetExportFile(location, fields, options, store)
    case .delimited(let options, let compression, let level):
      return try DelimitedExportFile(location, options, compression, level, store, context)
    case .jsonLines(let compression, let level): return try JSONExportFile(location, fields, compression, level, store)
    case .avro(let codec, let level): return try AvroExportFile(location, fields, codec, level, store, context)
    }
  }

  /// Refuses columns that the format has no place for, before anything is opened.
  func check(_ fields: some Sequence<Field>) throws {
    for field in fields {
      switch self {
      case .delimited where field.type.isNested:
        throw TextFormatError(
          .notSupported, "column '\(field.name)' of type \(field.type) cannot be written as delimited text; use JSON, PARQUET or AVRO")
      case .delimited(_, _, _) where !canCast(from: field.type, to: .varchar) && field.type != .varbinary:
        throw TextFormatError(.notSupported, "column '\(field.name)' of type \(field.type) cannot be written as delimited text")
      case .parquet, .avro:
        try Self.checkInterval(field.type, field.name)
      default: break
      }
    }
  }

  private static func checkInterval(_ type: SQLType, _ column: String) throws {
    switch type {
    case .intervalDayToSecond, .intervalYearToMonth, .ipaddress, .timeTZ, .sketch, .color:
      throw TextFormatError(.notSupported, "column '\(column)': values of type \(type) cannot be written to files; cast them to \(type.physical == .string ? "varbinary" : "varchar")")
    default: for child in type.children { try checkInterval(child, column) }
    }
  }
}

private final class ParquetExportFile: ExportFile {
  private let sink: any ObjectWriter
  private let writer: ParquetWriter

  init(_ location: Location, _ fields: [Field], _ options: ParquetWriterOptions, _ store: any ObjectStore) throws {
    sink = FailureKeepingWriter(try store.openWriter(location, if: .ifAbsent, .buffered))
    writer = try ParquetWriter(Schema(fields), to: sink, options: options)
  }

  var pendingByteCount: Int { writer.pendingByteCount }
  func write(_ batch: Batch) throws { try tellingStorageErrors { try writer.write(batch) } }
  func flush() throws { try tellingStorageErrors { try writer.flush() } }

  func finish() throws -> Int {
    let written = try tellingStorageErrors { try writer.finish() }
    _ = try sink.finish()
    return written.byteCount
  }

  func abort() { sink.abort() }

  /// The Parquet writer speaks of its columns; when the disk is full, the disk's own words say more.
  private func tellingStorageErrors<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch { throw (sink as? FailureKeepingWriter)?.failure ?? error }
  }
}

/// Remembers why storage refused the bytes.
private final class FailureKeepingWriter: ObjectWriter {
  private let writer: any ObjectWriter
  private(set) var failure: StorageError?

  init(_ writer: any ObjectWriter) { self.writer = writer }

  var byteCount: Int { writer.byteCount }

  func append(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
    do { try writer.append(bytes) } catch {
      failure = error
      throw error
    }
  }

  func finish() throws(StorageError) -> ObjectVersion { try writer.finish() }
  func abort() { writer.abort() }
}

private final class DelimitedExportFile: ExportFile {
  private let sink: TextSink
  private let writer: DelimitedWriter
  private let context: QueryContext
  var pendingByteCount: Int { 0 }

  init(
    _ location: Location, _ options: DelimitedWriter.Options, _ compression: FileCompression, _ level: Int?,
    _ store: any ObjectStore, _ context: QueryContext
  ) throws {
    sink = try TextSink(store, location, compression: compression.rawValue, level: level, .buffered)
    writer = try DelimitedWriter(sink, options)
    self.context = context
  }

  func write(_ batch: Batch) throws {
    var columns: [Column] = []
    columns.reserveCapacity(batch.columns.count)
    for column in batch.columns {
      columns.append(
        column.type == .varbinary
          ? Base64Text.encoded(column) : try castColumn(column, to: .varchar, isTry: false, context: context))
    }
    try writer.write(Batch(columns: columns, count: batch.count))
  }

  func flush() {}
  func finish() throws -> Int {
    try writer.finish()
    return sink.byteCount
  }
  func abort() { writer.abort() }
}

private final class JSONExportFile: ExportFile {
  private let sink: TextSink
  private let writer: JSONLinesWriter
  var pendingByteCount: Int { 0 }

  init(_ location: Location, _ fields: [Field], _ compression: FileCompression, _ level: Int?, _ store: any ObjectStore) throws {
    sink = try TextSink(store, location, compression: compression.rawValue, level: level, .buffered)
    writer = try JSONLinesWriter(sink, columns: fields)
  }

  func write(_ batch: Batch) throws { try writer.write(batch) }
  func flush() {}
  func finish() throws -> Int {
    try writer.finish()
    return sink.byteCount
  }
  func abort() { writer.abort() }
}

/// Binary in text files, as Hive's text SerDe has it.
enum Base64Text {
  static func encoded(_ column: Column) -> Column {
    let view = ColumnView(column)
    let builder = ColumnBuilder(type: .varchar, capacity: column.count)
    for row in 0..<column.count {
      guard view.isValid(row) else {
        builder.appendNull()
        continue
      }
      let text = encoded(StringView.buffer(at: view.pointer(as: StringView.self) + view.index(row)))
      text.withUnsafeBytes { builder.append(bytes: $0) }
    }
    withExtendedLifetime(column) {}
    return builder.finish()
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  private static func encoded(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let rest = min(3, bytes.count - start)
      var group: UInt32 = 0
      for index in 0..<3 { group = group << 8 | (index < rest ? UInt32(bytes[start + index]) : 0) }
      for index in 0..<4 {
        let digit = Int(group >> UInt32(18 - 6 * index) & 63)
        text.append(index <= rest ? alphabet[digit] : UInt8(ascii: "="))
      }
    }
    return text
  }
}
