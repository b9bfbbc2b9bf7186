import Columnar
import Compression
import Connectors
import Execution
import Parquet
import Planner
import SQLSyntax
import Storage
import TextFormats

/// `UNLOAD (query) TO 'location' WITH (...)`: the rows of a query as files of a folder that must be empty.
extension StatementRunner {
  func runUnload(_ unload: UnloadStatement, parameters: [Scalar] = []) async throws -> StatementResult {
    let (plan, target) = try await bindUnload(unload, parameters: parameters)
    let prepared = try await writingExecutor.prepare(optimize(plan))
    let summary = try await write(prepared, into: try await target.beginWrite())
    return StatementResult(
      rowsAffected: summary.rowCount,
      notes: ["\(summary.fileCount) file\(summary.fileCount == 1 ? "" : "s") written to \(unload.location.value)" + engine.overlaySuffix])
  }

  /// The query's plan and where its rows go, all properties checked.
  func bindUnload(
    _ unload: UnloadStatement, parameters: [Scalar] = []
  ) async throws -> (plan: LogicalPlan, target: WriteTarget) {
    let bound = try await bind(unload.query, parameters: parameters).checkedForStorage()
    let columns = bound.outputColumns
    let options = try ExportOptions(unload.properties, settings: binderSettings(parameters: parameters))
    let folder = Location(unload.location.value)
    guard !folder.text.isEmpty else {
      throw SQLError(.invalidPath, "The location is empty", range: unload.location.range)
    }
    var target = ExportTarget(
      folder: folder, schema: Schema(columns.map { Field($0.name, $0.type) }),
      format: try options.exportFormat(columns.dropLast(options.partitionedBy.count).map(\.name)))
    target.partitionColumnCount = try options.checkedPartitionCount(columns.map(\.name))
    target.writesEmptyFile = true
    let exported = target
    let details = [
      PlanDescription.Detail(label: "", text: folder.text),
      PlanDescription.Detail(label: "format", text: options.format.rawValue.uppercased()),
    ]
    return (
      bound.plan,
      WriteTarget(name: "Unload", details: details) {
        try await requireEmpty(folder, range: unload.location.range)
        return try FileExportWrite(exported, store: engine.store, context: context)
      }
    )
  }

  /// Athena's rule for UNLOAD and CTAS: nothing may lie at the target.
  func requireEmpty(_ folder: Location, range: SourceRange) async throws {
    let present = try await engine.store.listAll(folder)
    guard !present.isEmpty else { return }
    throw SQLError(
      .hivePathAlreadyExists,
      "Target directory '\(folder)' already exists: it holds \(present.count) file\(present.count == 1 ? "" : "s"), \(present[0].location) among them",
      range: range, hint: "choose another location, or remove the files first")
  }
}

/// The options of UNLOAD and of Hive-style CTAS that say how files look.
struct ExportOptions {
  enum Format: String, CaseIterable { case parquet, orc, avro, json, textfile, csv, tsv }

  var format = Format.parquet
  var partitionedBy: [String] = []
  private var partitionRange: SourceRange?
  private var compression: (name: String, range: SourceRange)?
  private var level: (value: Int, range: SourceRange)?
  private var delimiter: UInt8?
  private var nullText: String?
  private var header: Bool?
  private(set) var formatRange: SourceRange?

  private static let names = [
    "format", "compression", "compression_level", "field_delimiter", "partitioned_by", "null_format", "header",
  ]

  /// - Parameter statement: whose properties these are, for messages.
  init(_ properties: [ExpressionProperty], settings: BinderSettings, statement: String = "UNLOAD") throws(SQLError) {
    let binder = Binder(relations: ResolvedRelations(), settings: settings)
    var seen: Set<String> = []
    for property in properties {
      let name = property.name.folded
      guard Self.names.contains(name) else {
        throw SQLError(
          .invalidTableProperty, "\(statement) has no property '\(name)'", range: property.name.range,
          hint: Suggestion.hint(for: name, among: Self.names) ?? "the properties are \(Self.names.joined(separator: ", "))")
      }
      guard seen.insert(name).inserted else {
        throw SQLError(.duplicateProperty, "Duplicate property: \(name)", range: property.name.range)
      }
      try set(name, try binder.evaluateConstant(property.value), property.value.range)
    }
  }

  private mutating func set(_ name: String, _ value: Scalar, _ range: SourceRange) throws(SQLError) {
    func text(_ what: String = "a text") throws(SQLError) -> String {
      guard let text = value.text else { throw Self.wrong(name, what, range) }
      return text
    }
    switch name {
    case "format":
      guard let format = Format(rawValue: try text().lowercased()) else {
        throw Self.wrong(name, "PARQUET, TEXTFILE, JSON, AVRO, CSV or TSV", range)
      }
      self.format = format
      formatRange = range
    case "compression": compression = (try text().uppercased(), range)
    case "compression_level":
      guard case .int(let level) = value.value, value.type.isInteger, let small = Int(exactly: level) else {
        throw Self.wrong(name, "a whole number", range)
      }
      self.level = (small, range)
    case "field_delimiter":
      do { delimiter = try TextSerDe.byte(text("one character"), name) } catch { throw Self.wrong(name, "one ASCII character", range) }
    case "null_format": nullText = try text()
    case "header":
      guard case .boolean(let flag) = value.value else { throw Self.wrong(name, "true or false", range) }
      header = flag
    default:
      guard case .list(let elements) = value.value else { throw Self.wrong(name, "an array of column names", range) }
      for element in elements {
        guard case .bytes(let bytes) = element else { throw Self.wrong(name, "an array of column names", range) }
        partitionedBy.append(String(decoding: bytes, as: UTF8.self).lowercased())
      }
      partitionRange = range
    }
  }

  private static func wrong(_ name: String, _ what: String, _ range: SourceRange) -> SQLError {
    SQLError(.invalidTableProperty, "Property '\(name)' must be \(what)", range: range)
  }

  // MARK: Meaning

  /// How many of the columns, which must be the last ones in order, are partition columns.
  func checkedPartitionCount(_ columns: [String]) throws(SQLError) -> Int {
    let names = columns.map { $0.lowercased() }
    let missing = partitionedBy.filter { !names.contains($0) }
    guard missing.isEmpty else {
      throw SQLError(
        .invalidTableProperty, "Partition columns [\(missing.joined(separator: ", "))] not present in schema", range: partitionRange)
    }
    guard names.suffix(partitionedBy.count) == partitionedBy[...] else {
      throw SQLError(
        ErrorCode("HIVE_COLUMN_ORDER_MISMATCH", .userError),
        "Partition keys must be the last columns in the table and in the same order as the table properties: [\(partitionedBy.joined(separator: ", "))]",
        range: partitionRange)
    }
    guard partitionedBy.count < names.count else {
      throw SQLError(.invalidTableProperty, "Table contains only partition columns", range: partitionRange)
    }
    return partitionedBy.count
  }

  /// - Parameter columns: names of the columns in the files, for a header.
  func exportFormat(_ columns: [String]) throws(SQLError) -> ExportFormat {
    if let partitionRange, partitionedBy.isEmpty { throw Self.wrong("partitioned_by", "an array of column names", partitionRange) }
    switch format {
    case .parquet:
      try refuseTextOptions()
      var options = ParquetWriterOptions()
      options.codec = try parquetCodec()
      options.compressionLevel = try checkedLevel(options.codec)
      return .parquet(options)
    case .avro:
      try refuseTextOptions()
      let codec = try avroCodec()
      return .avro(codec, level: try checkedLevel(codec))
    case .json:
      try refuseTextOptions()
      let compression = try fileCompression(default: .gzip)
      return .jsonLines(compression, level: try checkedLevel(compression))
    case .textfile:
      let compression = try fileCompression(default: .gzip)
      var options = DelimitedWriter.Options.textFile(delimiter: delimiter ?? 1)
      if let nullText { options.nullText = Array(nullText.utf8) }
      if header == true { options.header = columns }
      return .delimited(options, compression, level: try checkedLevel(compression))
    case .csv, .tsv:
      let compression = try fileCompression(default: .none)
      var options = DelimitedWriter.Options.csv(header: header ?? true ? columns : nil)
      options.delimiter = delimiter ?? (format == .csv ? UInt8(ascii: ",") : UInt8(ascii: "\t"))
      if let nullText { options.nullText = Array(nullText.utf8) }
      return .delimited(options, compression, level: try checkedLevel(compression))
    case .orc:
      throw SQLError.notSupported("ORC files cannot be written", range: formatRange, hint: "use PARQUET")
    }
  }

  /// What the SerDe of a TEXTFILE or JSON table must know to read the files.
  var serDeParameters: [String: String] {
    guard format == .textfile else { return ["serialization.format": "1"] }
    let delimiter = String(UnicodeScalar(delimiter ?? 1))
    var parameters = ["field.delim": delimiter, "serialization.format": delimiter]
    if let nullText { parameters["serialization.null.format"] = nullText }
    return parameters
  }

  private func refuseTextOptions() throws(SQLError) {
    guard delimiter == nil, nullText == nil, header == nil else {
      throw SQLError(
        .invalidTableProperty,
        "field_delimiter, null_format and header are for the formats TEXTFILE, CSV and TSV only", range: formatRange)
    }
  }

  private func parquetCodec() throws(SQLError) -> Codec {
    guard let compression else { return .zstd }
    guard let codec = ExportCompression.parquet(compression.name) else { throw unknownCompression("ZSTD, SNAPPY, GZIP, LZ4 or NONE") }
    return codec
  }

  private func avroCodec() throws(SQLError) -> Codec {
    guard let compression else { return .deflate }
    guard let codec = ExportCompression.avro(compression.name) else { throw unknownCompression("DEFLATE, SNAPPY, ZSTD or NONE") }
    return codec
  }

  private func fileCompression(default usual: FileCompression) throws(SQLError) -> FileCompression {
    guard let compression else { return usual }
    guard let found = ExportCompression.file(compression.name) else { throw unknownCompression("GZIP, ZSTD, SNAPPY, LZ4 or NONE") }
    return found
  }

  private func unknownCompression(_ known: String) -> SQLError {
    SQLError(
      .invalidTableProperty, "Compression '\(compression?.name ?? "")' is not available for \(format.rawValue.uppercased())",
      range: compression?.range, hint: "use \(known)")
  }

  private func checkedLevel(_ codec: Codec) throws(SQLError) -> Int? { try checkedLevel(codec.levels) }

  private func checkedLevel(_ compression: FileCompression) throws(SQLError) -> Int? {
    try checkedLevel(compression == .zstd ? Codec.zstd.levels : compression == .gzip ? Codec.gzip.levels : nil)
  }

  private func checkedLevel(_ levels: ClosedRange<Int>?) throws(SQLError) -> Int? {
    guard let level else { return nil }
    guard let levels else {
      throw SQLError(.invalidTableProperty, "compression_level is for ZSTD and GZIP only", range: level.range)
    }
    guard levels.contains(level.value) else {
      throw Self.wrong("compression_level", "between \(levels.lowerBound) and \(levels.upperBound)", level.range)
    }
    return level.value
  }
}
