package import Catalogs
package import Columnar
package import Compression
import Parquet
package import Planner
package import SQLSyntax
package import Storage
import TextFormats

extension ExternalTable {
  /// INSERT INTO: new files beside the old ones; partitions that are new are registered at the end.
  package func beginAppend(catalog: any Catalog, context: QueryContext) throws -> any TableWrite {
    guard case .projected = partitioning else { return try ExternalTableWrite(self, catalog: catalog, context: context) }
    guard entry.parameters["storage.location.template"] == nil else {
      throw SQLError.notSupported("INSERT INTO a table with a storage.location.template is not supported")
    }
    return try ExternalTableWrite(self, catalog: nil, context: context)
  }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw SQLError.notSupported("this table was opened for reading only")
  }

  /// How new files of this table look, so that its SerDe reads them.
  func exportFormat() throws -> ExportFormat {
    let asked =
      entry.parameters["write.compression"] ?? entry.parameters["parquet.compression"] ?? entry.parameters["compressionType"]
    switch format {
    case .parquet:
      var options = ParquetWriterOptions()
      if let asked {
        guard let codec = ExportCompression.parquet(asked) else { throw Self.unknown(asked) }
        options.codec = codec
      }
      return .parquet(options)
    case .text(.json):
      return .jsonLines(try fileCompression(asked), level: nil)
    case .text(.delimited(let format)):
      return .delimited(try Self.options(format), try fileCompression(asked), level: nil)
    }
  }

  private func fileCompression(_ asked: String?) throws -> FileCompression {
    // Athena compresses text files with gzip.
    guard let asked else { return .gzip }
    guard let compression = ExportCompression.file(asked) else { throw Self.unknown(asked) }
    return compression
  }

  private static func unknown(_ compression: String) -> SQLError {
    SQLError(.invalidTableProperty, "the table's compression '\(compression)' is not available")
  }

  private static func options(_ format: DelimitedTextFormat) throws -> DelimitedWriter.Options {
    if format.dialect == .openCSV {
      var options = DelimitedWriter.Options(delimiter: format.fieldDelimiter, quoting: .always, nullText: [])
      guard format.quote == UInt8(ascii: "\""), format.skippedLines == 0 else {
        throw SQLError.notSupported("INSERT INTO a table whose quoteChar is not \" or that skips lines is not supported")
      }
      options.header = nil
      return options
    }
    guard format.skippedLines == 0, format.skippedFooterLines == 0, format.escape == nil, format.lineDelimiter == 0x0A else {
      throw SQLError.notSupported("INSERT INTO a table that skips lines, escapes characters or has its own line ends is not supported")
    }
    return DelimitedWriter.Options(
      delimiter: format.fieldDelimiter, quoting: .never, nullText: format.nullTexts.first ?? Array("\\N".utf8))
  }
}

/// Names of compressions, in any case.
package enum ExportCompression {
  package static func parquet(_ name: String) -> Codec? {
    switch name.uppercased() {
    case "ZSTD": .zstd
    case "SNAPPY": .snappy
    case "GZIP": .gzip
    case "NONE", "UNCOMPRESSED": .uncompressed
    case "LZ4", "LZ4_RAW": .lz4Raw
    default: nil
    }
  }

  package static func file(_ name: String) -> FileCompression? {
    switch name.uppercased() {
    case "GZIP": .gzip
    case "ZSTD": .zstd
    case "SNAPPY": .snappy
    case "LZ4": .lz4
    case "NONE", "UNCOMPRESSED": FileCompression.none
    default: nil
    }
  }

  package static func avro(_ name: String) -> Codec? {
    switch name.uppercased() {
    case "DEFLATE", "GZIP": .deflate
    case "SNAPPY": .snappy
    case "ZSTD": .zstd
    case "NONE", "UNCOMPRESSED": .uncompressed
    default: nil
    }
  }
}

/// Files of an INSERT, and afterwards the partitions they lie in.
private struct ExternalTableWrite: TableWrite {
  private let table: ExternalTable
  private let files: FileExportWrite
  /// Nil when partitions are projected.
  private let catalog: (any Catalog)?

  init(_ table: ExternalTable, catalog: (any Catalog)?, context: QueryContext) throws {
    self.table = table
    self.catalog = catalog
    var target = ExportTarget(folder: table.location, schema: table.schema, format: try table.exportFormat())
    target.partitionColumnCount = table.partitionFields.count
    target.keepsFolder = true
    if case .registered(let partitions) = table.partitioning {
      for partition in partitions { target.partitionFolders[partition.name] = partition.location }
    }
    files = try FileExportWrite(target, store: table.store, context: context)
  }

  func makeWriter(_ context: QueryContext) throws -> any BatchWriter { try files.makeWriter(context) }

  func commit(_ written: [any WrittenFiles]) async throws -> WriteSummary {
    let summary = try await files.commit(written)
    guard let catalog, !table.partitionFields.isEmpty else { return summary }
    do {
      try await catalog.addPartitions(
        files.newPartitions, to: table.entry.name, in: table.entry.database, ifNotExists: true)
    } catch {
      await files.abort(written)
      throw error
    }
    return summary
  }

  func abort(_ written: [any WrittenFiles]) async { await files.abort(written) }
}
