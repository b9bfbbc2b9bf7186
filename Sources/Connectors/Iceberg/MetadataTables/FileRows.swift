import Columnar
import Iceberg

/// `$files` and the tables made of the same rows.
struct FileRows: Sendable {
  /// A partition field of any of the table's specs.
  struct PartitionColumn: Sendable {
    let fieldID: Int32
    let name: String
    let type: SQLType
  }

  /// A primitive column outside of lists and maps, whose metrics are of rows.
  struct MetricColumn: Sendable {
    let fieldID: Int32
    let name: String
    let type: IcebergType
    let sqlType: SQLType
  }

  let metadata: TableMetadata
  let dialect: MetadataTableKind.Dialect
  /// By field id, ascending; empty for an unpartitioned table, which then has no partition column.
  let partition: [PartitionColumn]
  let columns: [MetricColumn]

  init(_ metadata: TableMetadata, _ dialect: MetadataTableKind.Dialect) throws {
    self.metadata = metadata
    self.dialect = dialect
    var partition: [Int32: PartitionColumn] = [:]
    // Newer specs give the names; void fields of version 1 stand for dropped ones.
    for spec in metadata.partitionSpecs {
      for field in spec.fields where field.transform != .void || partition[field.fieldID] == nil {
        partition[field.fieldID] = PartitionColumn(fieldID: field.fieldID, name: field.name, type: metadata.resultType(field))
      }
    }
    self.partition = partition.values.sorted { $0.fieldID < $1.fieldID }
    var columns: [MetricColumn] = []
    func collect(_ fields: [IcebergField], _ prefix: String) throws {
      for field in fields {
        switch field.type {
        case .structure(let children): try collect(children, prefix + field.name + ".")
        case .list, .map, .variant, .geometry, .geography, .unknown: break
        default:
          columns.append(
            MetricColumn(
              fieldID: field.id, name: prefix + field.name, type: field.type, sqlType: try field.type.sqlType()))
        }
      }
    }
    try collect(metadata.schema.fields, "")
    self.columns = columns
  }

  var partitionType: SQLType { .row(partition.map { RowField(name: $0.name, type: $0.type) }) }

  private static let counts = SQLType.map(key: .integer, value: .bigint)

  private var metricsFields: [Field] {
    let bounds = SQLType.map(key: .integer, value: dialect == .athena ? .varchar : .varbinary)
    return [
      Field("column_sizes", Self.counts), Field("value_counts", Self.counts), Field("null_value_counts", Self.counts),
      Field("nan_value_counts", Self.counts), Field("lower_bounds", bounds), Field("upper_bounds", bounds),
    ]
  }

  var fields: [Field] {
    let format = [Field("content", .integer), Field("file_path", .varchar), Field("file_format", .varchar)]
    let sizes = [Field("record_count", .bigint), Field("file_size_in_bytes", .bigint)]
    let last = [Field("key_metadata", .varbinary), Field("split_offsets", .array(.bigint)), Field("equality_ids", .array(.integer))]
    switch dialect {
    case .athena: return format + sizes + metricsFields + last
    case .spark:
      let place = [Field("spec_id", .integer)] + (partition.isEmpty ? [] : [Field("partition", partitionType)])
      return format + place + sizes + metricsFields + last + [
        Field("sort_order_id", .integer), Field("first_row_id", .bigint), Field("referenced_data_file", .varchar),
        Field("content_offset", .bigint), Field("content_size_in_bytes", .bigint),
      ] + (columns.isEmpty ? [] : [Field("readable_metrics", readableType)])
    }
  }

  var entryFields: [Field] {
    // The metrics in readable form stand beside the file, not in it.
    let file = fields.filter { $0.name != "readable_metrics" }
    return [
      Field("status", .integer), Field("snapshot_id", .bigint), Field("sequence_number", .bigint),
      Field("file_sequence_number", .bigint), Field("data_file", .row(file.map { RowField(name: $0.name, type: $0.type) })),
    ] + fields.filter { $0.name == "readable_metrics" }
  }

  func row(_ file: DataFile) throws -> [ScalarValue] {
    let metrics = try file.metrics
    func numbers(_ values: [Int32: Int64]?) -> ScalarValue {
      guard let values else { return .null }
      return .map(values.sorted { $0.key < $1.key }.map { ScalarPair(key: .number($0.key), value: .int($0.value)) })
    }
    func bounds(_ values: [Int32: [UInt8]]?) -> ScalarValue {
      guard let values else { return .null }
      return .map(values.sorted { $0.key < $1.key }.map { ScalarPair(key: .number($0.key), value: bound($0.value, $0.key)) })
    }
    let format: [ScalarValue] = [.number(file.content.rawValue), .text(file.path), .text(file.format.rawValue)]
    let sizes: [ScalarValue] = [.int(file.recordCount), .int(file.fileSize)]
    let middle: [ScalarValue] = [
      numbers(metrics.columnSizes), numbers(metrics.valueCounts), numbers(metrics.nullCounts), numbers(metrics.nanCounts),
      bounds(metrics.lowerBounds), bounds(metrics.upperBounds), file.keyMetadata.map { .bytes($0) } ?? .null,
      file.splitOffsets.isEmpty ? .null : .list(file.splitOffsets.map { .int($0) }),
      file.equalityIDs.isEmpty ? .null : .list(file.equalityIDs.map { .number($0) }),
    ]
    switch dialect {
    case .athena: return format + sizes + middle
    case .spark:
      let place: [ScalarValue] = [.number(file.partitionSpecID)] + (partition.isEmpty ? [] : [.row(partitionValues(file))])
      return format + place + sizes + middle + [
        .number(file.sortOrderID), .number(file.firstRowID), .text(file.referencedDataFile), .number(file.contentOffset),
        .number(file.contentSize),
      ] + (columns.isEmpty ? [] : [readable(metrics)])
    }
  }

  func entryRow(_ entry: ManifestEntry) throws -> [ScalarValue] {
    let row = try row(entry.file)
    let hasReadable = fields.last?.name == "readable_metrics"
    return [
      .number(entry.status.rawValue), .number(entry.snapshotID), .number(entry.sequenceNumber),
      .number(entry.fileSequenceNumber), .row(hasReadable ? Array(row.dropLast()) : row),
    ] + (hasReadable ? [row[row.count - 1]] : [])
  }

  /// The file's partition among the fields of all specs: NULL for those its own spec lacks.
  func partitionValues(_ file: DataFile) -> [ScalarValue] {
    let spec = metadata.partitionSpec(id: file.partitionSpecID)?.fields ?? []
    return partition.map { column in
      guard let index = spec.firstIndex(where: { $0.fieldID == column.fieldID }), index < file.partition.count,
        file.partition[index].type == column.type
      else { return .null }
      return file.partition[index].value
    }
  }

  private func bound(_ bytes: [UInt8], _ fieldID: Int32) -> ScalarValue {
    guard dialect == .athena else { return .bytes(bytes) }
    if fieldID == ReservedFieldID.deleteFilePath { return .bytes(bytes) }
    guard let type = fieldID == ReservedFieldID.deletePosition ? .long : metadata.field(id: fieldID)?.type,
      let value = SingleValue.decode(bytes, type), let sqlType = try? type.sqlType()
    else { return .null }
    return .text(PartitionTransform.identity.pathText(Scalar(sqlType, value)))
  }

  // MARK: Readable metrics

  private var readableType: SQLType {
    .row(
      columns.map { column in
        RowField(
          name: column.name,
          type: .row([
            RowField(name: "column_size", type: .bigint), RowField(name: "value_count", type: .bigint),
            RowField(name: "null_value_count", type: .bigint), RowField(name: "nan_value_count", type: .bigint),
            RowField(name: "lower_bound", type: column.sqlType), RowField(name: "upper_bound", type: column.sqlType),
          ]))
      })
  }

  private func readable(_ metrics: FileMetrics) -> ScalarValue {
    .row(
      columns.map { column in
        let id = column.fieldID
        return .row([
          .number(metrics.columnSizes?[id]), .number(metrics.valueCounts?[id]), .number(metrics.nullCounts?[id]),
          .number(metrics.nanCounts?[id]), metrics.lowerBounds?[id].flatMap { SingleValue.decode($0, column.type) } ?? .null,
          metrics.upperBounds?[id].flatMap { SingleValue.decode($0, column.type) } ?? .null,
        ])
      })
  }
}
