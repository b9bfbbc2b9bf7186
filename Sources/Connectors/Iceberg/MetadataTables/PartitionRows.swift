import Columnar
import Iceberg

/// `$partitions`: the live files of a state, added up by partition.
struct PartitionRows {
  /// What the live files of one partition are together.
  struct Totals {
    let values: [ScalarValue]
    let specID: Int32
    var records: Int64 = 0
    var files: Int64 = 0
    var bytes: Int64 = 0
    var positionDeletes: (records: Int64, files: Int64) = (0, 0)
    var equalityDeletes: (records: Int64, files: Int64) = (0, 0)
    /// How many of the position delete files are deletion vectors.
    var vectors: Int64 = 0
    /// The newest snapshot that added a file.
    var lastSnapshot: Snapshot?
    fileprivate(set) var columns: [ColumnTotals]
  }

  private struct Key: Hashable {
    let specID: Int32
    let values: [ScalarValue]
  }

  private let layout: FileRows
  private let metadata: TableMetadata
  private let dialect: MetadataTableKind.Dialect
  private let columns: [FileRows.MetricColumn]
  private var order: [Key] = []
  private var totals: [Key: Totals] = [:]

  init(_ layout: FileRows, _ metadata: TableMetadata, _ dialect: MetadataTableKind.Dialect) {
    self.layout = layout
    self.metadata = metadata
    self.dialect = dialect
    columns = Self.columns(layout)
  }

  /// Top-level columns that are not partition values themselves, as in Trino.
  private static func columns(_ layout: FileRows) -> [FileRows.MetricColumn] {
    let identity = Set(layout.metadata.partitionSpec.fields.filter { $0.transform == .identity }.map(\.sourceID))
    let topLevel = Set(layout.metadata.schema.fields.map(\.id))
    return layout.columns.filter { topLevel.contains($0.fieldID) && !identity.contains($0.fieldID) }
  }

  static func fields(_ layout: FileRows, _ dialect: MetadataTableKind.Dialect) -> [Field] {
    let partition = layout.partition.isEmpty ? [] : [Field("partition", layout.partitionType)]
    switch dialect {
    case .athena:
      let columns = columns(layout)
      let data = columns.map { column in
        RowField(
          name: column.name,
          type: .row([
            RowField(name: "min", type: column.sqlType), RowField(name: "max", type: column.sqlType),
            RowField(name: "null_count", type: .bigint), RowField(name: "nan_count", type: .bigint),
          ]))
      }
      return partition + [Field("record_count", .bigint), Field("file_count", .bigint), Field("total_size", .bigint)]
        + (data.isEmpty ? [] : [Field("data", .row(data))])
    case .spark:
      return partition + (partition.isEmpty ? [] : [Field("spec_id", .integer)]) + [
        Field("record_count", .bigint), Field("file_count", .integer), Field("total_data_file_size_in_bytes", .bigint),
        Field("position_delete_record_count", .bigint), Field("position_delete_file_count", .integer),
        Field("equality_delete_record_count", .bigint), Field("equality_delete_file_count", .integer),
        Field("last_updated_at", .timestampTZ(precision: 6)), Field("last_updated_snapshot_id", .bigint),
      ]
    }
  }

  mutating func add(_ entry: ManifestEntry) throws {
    let file = entry.file
    if dialect == .athena, file.content != .data { return }
    let key = Key(specID: dialect == .athena ? 0 : file.partitionSpecID, values: layout.partitionValues(file))
    if totals[key] == nil {
      order.append(key)
      totals[key] = Totals(
        values: key.values, specID: key.specID, columns: columns.map { _ in ColumnTotals() })
    }
    try totals[key]?.add(entry, columns, metadata)
  }

  var partitions: [Totals] { order.compactMap { totals[$0] } }

  /// In the order of the partition values, NULL last.
  func rows() -> [[ScalarValue]] {
    order.sorted { Self.precedes($0.values, $1.values) }.compactMap { totals[$0] }.map(row)
  }

  private static func precedes(_ left: [ScalarValue], _ right: [ScalarValue]) -> Bool {
    for (left, right) in zip(left, right) where left != right {
      if left == .null || right == .null { return right == .null }
      let order = SingleValue.compare(left, right)
      if order != 0 { return order < 0 }
    }
    return false
  }

  private func row(_ totals: Totals) -> [ScalarValue] {
    let partition: [ScalarValue] = layout.partition.isEmpty ? [] : [.row(totals.values)]
    switch dialect {
    case .athena:
      let data = totals.columns.map { column -> ScalarValue in
        .row([
          column.hasBounds ? column.minimum ?? .null : .null, column.hasBounds ? column.maximum ?? .null : .null,
          .number(column.nulls), .number(column.nans),
        ])
      }
      return partition + [.int(totals.records), .int(totals.files), .int(totals.bytes)] + (data.isEmpty ? [] : [.row(data)])
    case .spark:
      return partition + (partition.isEmpty ? [] : [.number(totals.specID)]) + [
        .int(totals.records), .int(totals.files), .int(totals.bytes), .int(totals.positionDeletes.records),
        .int(totals.positionDeletes.files), .int(totals.equalityDeletes.records), .int(totals.equalityDeletes.files),
        .milliseconds(totals.lastSnapshot?.timestampMilliseconds), .number(totals.lastSnapshot?.id),
      ]
    }
  }
}

extension PartitionRows.Totals {
  fileprivate mutating func add(_ entry: ManifestEntry, _ columns: [FileRows.MetricColumn], _ metadata: TableMetadata) throws {
    let file = entry.file
    if let snapshot = metadata.snapshot(id: entry.snapshotID),
      snapshot.timestampMilliseconds >= lastSnapshot?.timestampMilliseconds ?? .min
    {
      lastSnapshot = snapshot
    }
    switch file.content {
    case .positionDeletes:
      positionDeletes = (positionDeletes.records &+ file.recordCount, positionDeletes.files + 1)
      if file.isDeletionVector { vectors += 1 }
    case .equalityDeletes: equalityDeletes = (equalityDeletes.records &+ file.recordCount, equalityDeletes.files + 1)
    case .data:
      records &+= file.recordCount
      files += 1
      bytes &+= file.fileSize
      for (index, column) in columns.enumerated() { self.columns[index].add(file, fieldID: column.fieldID, column.type) }
    }
  }
}
