import Columnar
import Iceberg
import Parquet
import Planner
import SQLSyntax

/// The properties of a new Iceberg table: Athena's names, in TBLPROPERTIES or in the WITH of a CTAS, turned into those that Iceberg
/// stores and every engine reads.
///
/// Athena refuses names it does not know; here they are stored as they are (`write.parquet.…`, or whatever another engine reads).
struct IcebergTableSettings {
  private(set) var properties: [String: String]
  private(set) var formatVersion: Int
  private(set) var location: StringLiteral?
  /// `partitioning = ARRAY['day(ts)', …]`
  private(set) var partitioning: [PartitionTerm] = []
  private var statesCodec = false

  /// Athena's names and Iceberg's, where they mean the same.
  static let icebergNames = [
    "format": "write.format.default", "write_compression": "write.parquet.compression-codec",
    "compression_level": "write.parquet.compression-level", "write_target_data_file_size_bytes": "write.target-file-size-bytes",
    "vacuum_min_snapshots_to_keep": "history.expire.min-snapshots-to-keep",
    "vacuum_max_snapshot_age_seconds": "history.expire.max-snapshot-age-ms",
    "vacuum_max_metadata_files_to_keep": "write.metadata.previous-versions-max",
  ]

  /// - Parameter replaced: the table whose properties stay where the statement does not state them; nil for a new one.
  init(_ create: CreateTableStatement, replacing replaced: TableMetadata? = nil, binder: Binder) throws(SQLError) {
    properties = replaced == nil ? ["write.format.default": "parquet", "write.parquet.compression-codec": "zstd"] : [:]
    formatVersion = replaced?.formatVersion ?? 2
    var level: SourceRange?
    var seen: Set<String> = []
    func note(_ key: String, _ range: SourceRange) throws(SQLError) {
      guard seen.insert(key).inserted else { throw SQLError(.duplicateProperty, "Property '\(key)' is given twice", range: range) }
      if key == "compression_level" { level = range }
    }
    for entry in create.tableProperties + create.options {
      let key = entry.key.value
      try note(key.lowercased(), entry.range)
      try set(key, entry.value.value, entry.range)
    }
    for property in create.withProperties {
      let key = property.name.folded
      try note(key, property.range)
      try setExpression(key, property, binder)
    }
    if let level, !statesCodec {
      throw SQLError(
        .invalidTableProperty, "Compression codec must be defined when compression_level property is specified.", range: level,
        hint: "Add write_compression.")
    }
  }

  /// The changes of ALTER TABLE SET TBLPROPERTIES: nothing is set that is not named.
  init(changes entries: [PropertyEntry]) throws(SQLError) {
    properties = [:]
    formatVersion = 0
    for entry in entries {
      guard !Self.reserved.contains(entry.key.value.lowercased()) else {
        throw SQLError(.invalidTableProperty, "Property '\(entry.key.value)' cannot be set: it follows from the table's state", range: entry.range)
      }
      try set(entry.key.value, entry.value.value, entry.range)
    }
  }

  /// Properties that take one of a few words.
  private static let choices: [String: [String]] = {
    var choices = [
      "write.distribution-mode": distributionModes, "write.delete.granularity": ["file", "partition"],
      "write.parquet.page-version": ["v1", "v2"], "write.metadata.compression-codec": ["none", "gzip"],
    ]
    for command in ["delete", "update", "merge"] {
      choices["write.\(command).mode"] = ["merge-on-read", "copy-on-write"]
      choices["write.\(command).isolation-level"] = ["serializable", "snapshot"]
      choices["write.\(command).distribution-mode"] = distributionModes
    }
    for flag in [
      "gc.enabled", "commit.manifest-merge.enabled", "write.object-storage.enabled", "write.object-storage.partitioned-paths",
      "write.metadata.delete-after-commit.enabled",
    ] {
      choices[flag] = ["true", "false"]
    }
    return choices
  }()

  private static let distributionModes = ["none", "hash", "range"]

  /// The version that `init(changes:)` was told to upgrade to.
  var formatVersionChange: Int? { formatVersion == 0 ? nil : formatVersion }

  private static let reserved: Set<String> = [
    "uuid", "snapshot-count", "current-snapshot-id", "current-snapshot-summary", "current-snapshot-timestamp-ms", "current-schema",
    "default-partition-spec", "default-sort-order", "location", "metadata_location", "previous_metadata_location",
  ]

  private mutating func set(_ key: String, _ value: String, _ range: SourceRange) throws(SQLError) {
    func number(_ allowed: ClosedRange<Int64>) throws(SQLError) -> String {
      guard let number = Int64(value), allowed.contains(number) else {
        let limit = allowed.upperBound == .max ? "at least \(allowed.lowerBound)" : "between \(allowed.lowerBound) and \(allowed.upperBound)"
        throw SQLError(.invalidTableProperty, "Property '\(key)' must be a whole number, \(limit): \(value)", range: range)
      }
      return "\(number)"
    }
    switch key.lowercased() {
    case "table_type": break
    case "format", "write.format.default":
      guard ["parquet", "orc", "avro"].contains(value.lowercased()) else {
        throw SQLError(.invalidTableProperty, "Unknown format '\(value)'", range: range, hint: "'parquet'")
      }
      guard value.lowercased() == "parquet" else {
        throw SQLError.notSupported("Iceberg tables with data files in \(value.uppercased()) are not supported", range: range, hint: "'parquet' is.")
      }
      properties["write.format.default"] = "parquet"
    case "write_compression", "write.parquet.compression-codec", "parquet_compression":
      guard ParquetWriterOptions.codec(named: value) != nil else {
        throw SQLError(
          .invalidTableProperty, "Unsupported compression '\(value)' for Parquet files", range: range,
          hint: "zstd, snappy, gzip or none")
      }
      properties["write.parquet.compression-codec"] = value.lowercased() == "none" ? "uncompressed" : value.lowercased()
      statesCodec = true
    case "compression_level", "write.parquet.compression-level": properties["write.parquet.compression-level"] = try number(1...22)
    case "write_target_data_file_size_bytes", "write.target-file-size-bytes":
      properties["write.target-file-size-bytes"] = try number(1...(.max))
    case "vacuum_min_snapshots_to_keep": properties["history.expire.min-snapshots-to-keep"] = try number(1...(.max))
    case "vacuum_max_snapshot_age_seconds":
      properties["history.expire.max-snapshot-age-ms"] = try number(1...(.max / 1_000)) + "000"
    case "vacuum_max_metadata_files_to_keep", "write.metadata.previous-versions-max":
      properties["write.metadata.previous-versions-max"] = try number(1...(.max))
    case "optimize_rewrite_min_data_file_size_bytes", "optimize_rewrite_max_data_file_size_bytes":
      properties[key.lowercased()] = try number(0...(10 << 30))
    case "optimize_rewrite_data_file_threshold", "optimize_rewrite_delete_file_threshold":
      properties[key.lowercased()] = try number(1...49)
    case "format-version", "format_version":
      guard let version = Int(value), (1...TableMetadata.highestFormatVersion).contains(version) else {
        throw SQLError.notSupported("Iceberg format version \(value) cannot be written", range: range, hint: "'1', '2' and '3' can.")
      }
      formatVersion = version
    case let key where key.hasPrefix("write.metadata.metrics.column.") || key == "write.metadata.metrics.default":
      guard MetricsMode(value) != nil else {
        throw SQLError(
          .invalidTableProperty, "Unknown metrics mode '\(value)'", range: range, hint: "none, counts, truncate(16) or full")
      }
      properties[key] = value
    case let name where Self.choices[name] != nil:
      guard let allowed = Self.choices[name], allowed.contains(value.lowercased()) else {
        throw SQLError(
          .invalidTableProperty, "Invalid value for property '\(key)': \(value)", range: range,
          hint: Self.choices[name]?.joined(separator: ", "))
      }
      properties[key] = value
    default: properties[key] = value
    }
  }

  /// One property of a CTAS's WITH, whose value is an expression.
  private mutating func setExpression(_ key: String, _ property: ExpressionProperty, _ binder: Binder) throws(SQLError) {
    let value = try binder.evaluateConstant(property.value)
    func text() throws(SQLError) -> String {
      switch value.value {
      case .bytes(let bytes): return String(decoding: bytes, as: UTF8.self)
      case .int(let number): return "\(number)"
      case .boolean(let flag): return "\(flag)"
      default:
        throw SQLError(.invalidTableProperty, "Invalid value for property '\(key)'", range: property.value.range, hint: "text or a number")
      }
    }
    switch key {
    case "location": location = StringLiteral(value: try text(), range: property.value.range)
    case "is_external":
      guard case .boolean(false) = value.value else {
        throw SQLError(
          .invalidTableProperty, "Iceberg tables are not external: is_external must be false", range: property.range)
      }
    case "partitioning":
      guard case .list(let elements) = value.value else {
        throw SQLError(.invalidTableProperty, "partitioning must be an array of text", range: property.range, hint: "ARRAY['day(ts)', 'region']")
      }
      for element in elements {
        guard case .bytes(let bytes) = element else {
          throw SQLError(.invalidTableProperty, "partitioning must be an array of text", range: property.range)
        }
        partitioning.append(try Self.partitionTerm(String(decoding: bytes, as: UTF8.self), property.value.range))
      }
    case "external_location", "partitioned_by", "bucketed_by", "bucket_count", "field_delimiter", "null_format", "orc_compression":
      throw SQLError(
        .invalidTableProperty, "Property '\(key)' is not allowed for Iceberg tables", range: property.range,
        hint: key == "partitioned_by" ? "Use partitioning = ARRAY['…']." : key == "external_location" ? "Use location = '…'." : nil)
    default: try set(key, try text(), property.range)
    }
  }

  /// A term written as text: `day(ts)`, `bucket(id, 16)`, `region`.
  private static func partitionTerm(_ text: String, _ range: SourceRange) throws(SQLError) -> PartitionTerm {
    let statements: [Statement]
    do { statements = try Parser.parseScript("ALTER TABLE t ADD PARTITION FIELD " + text).map(\.statement) } catch { statements = [] }
    guard statements.count == 1, case .alterTable(let alter) = statements[0].kind, case .addPartitionField(var term) = alter.action else {
      throw SQLError(.invalidTableProperty, "Invalid partition field declaration: \(text)", range: range, hint: "like 'day(ts)' or 'bucket(id, 16)'")
    }
    term.range = range
    term.column.range = range
    term.transform?.range = range
    return term
  }
}
