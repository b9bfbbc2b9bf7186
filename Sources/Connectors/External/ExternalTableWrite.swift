package import Catalogs
package import Columnar
package import Compression
import Parquet
package import Planner
import SQLSyntax
import Storage
import TextFormats

extension ExternalTable {
  /// INSERT INTO: new files beside the old ones; partitions that are new are registered at the end.
  package func beginAppend(catalog: any Catalog, context: QueryContext) async throws -> any TableWrite {
    var target = ExportTarget(folder: location, schema: schema, format: try exportFormat())
    if context.seed != nil {
      // The same seed gives every statement the same names: the files that are there make the difference.
      for file in try await allFiles() { target.addSalt(file.location.text) }
    }
    target.partitionColumnCount = partitionFields.count
    target.keepsFolder = true
    switch partitioning {
    case .none: return try FileExportWrite(target, store: store, context: context)
    case .projected:
      guard entry.parameters["storage.location.template"] == nil else {
        throw SQLError.notSupported("INSERT INTO a table with a storage.location.template is not supported")
      }
      for key in partitionFields where !key.type.isText {
        // Folders are named by the value's text, which these may spell otherwise.
        guard entry.parameters["projection.\(key.name).digits"] == nil,
          entry.parameters["projection.\(key.name).format"] ?? "yyyy-MM-dd" == "yyyy-MM-dd"
        else {
          throw SQLError.notSupported("INSERT INTO a table whose projection formats the values of '\(key.name)' is not supported")
        }
      }
      return try FileExportWrite(target, store: store, context: context)
    case .registered(let partitions):
      for partition in partitions { target.partitionFolders[partition.name] = partition.location }
      let entry = self.entry
      return RegisteredWrite(try FileExportWrite(target, store: store, context: context)) { partitions in
        try await catalog.addPartitions(partitions, to: entry.name, in: entry.database, ifNotExists: true)
      }
    }
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
    case .avro:
      guard let codec = ExportCompression.avro(asked ?? "DEFLATE") else { throw Self.unknown(asked ?? "") }
      return .avro(codec, level: nil)
    case .text(.json):
      return .jsonLines(try fileCompression(asked), level: nil)
    case .text(.delimited(let format)):
      if format.dialect == .openCSV, let typed = dataFields.first(where: { $0.type != .varchar }) {
        throw SQLError.notSupported("INSERT INTO an OpenCSVSerde table needs columns of type string; '\(typed.name)' is \(typed.type)")
      }
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

/// Files of a statement, and what the catalog must know of them afterwards.
package struct RegisteredWrite: PartitionedWrite {
  private let files: FileExportWrite
  private let register: @Sendable ([CatalogPartition]) async throws -> Void

  /// - Parameter register: called at the end with the partitions that are new; when it throws, the files are removed.
  package init(_ files: FileExportWrite, register: @escaping @Sendable ([CatalogPartition]) async throws -> Void) {
    self.files = files
    self.register = register
  }

  package func makeWriter(_ context: QueryContext) throws -> any BatchWriter { try files.makeWriter(context) }

  package func commit(_ written: [any WrittenFiles]) async throws -> WriteSummary {
    let summary = try await files.commit(written)
    do { try await register(files.newPartitions) } catch {
      await files.abort(written)
      throw error
    }
    return summary
  }

  package func abort(_ written: [any WrittenFiles]) async { await files.abort(written) }
  package func partitionCount(of written: [any WrittenFiles]) -> Int { files.partitionCount(of: written) }
}
