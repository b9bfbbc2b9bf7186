package import Columnar
package import Iceberg
import Parquet
package import Storage

/// The partition statistics file of a snapshot: a row per partition. SPEC "Partition Statistics File".
package enum PartitionStatistics {
  /// - Returns: a Parquet file.
  /// - Throws: `unsupported` for a table without partitions.
  package static func make(
    of snapshot: Snapshot, _ metadata: TableMetadata, store: any ObjectStore, context: QueryContext
  ) async throws -> [UInt8] {
    let layout = try FileRows(metadata, .spark)
    guard !layout.partition.isEmpty else { throw IcebergError(.unsupported, "the table is not partitioned") }
    var partitions = PartitionRows(layout, metadata, .spark)
    for manifest in try await ScanPlanner.manifests(of: snapshot, metadata, store) {
      try context.cancellation.check()
      for entry in try await ManifestReader.entries(manifest, metadata, from: store) where entry.isLive { try partitions.add(entry) }
    }
    let schema = schema(layout, isVersion3: metadata.formatVersion >= 3)
    var rows = RowCollector(schema.fields)
    for partition in partitions.partitions.sorted(by: precedes) {
      // Deletes may name rows twice, or rows of files that are gone.
      let hasDeletes = partition.positionDeletes.files + partition.equalityDeletes.files > 0
      var row: [ScalarValue] = [
        .row(partition.values), .number(partition.specID), .int(partition.records), .int(partition.files), .int(partition.bytes),
        .int(partition.positionDeletes.records), .int(partition.positionDeletes.files - partition.vectors),
        .int(partition.equalityDeletes.records), .int(partition.equalityDeletes.files), hasDeletes ? .null : .int(partition.records),
        .number(partition.lastSnapshot?.timestampMilliseconds), .number(partition.lastSnapshot?.id),
      ]
      if metadata.formatVersion >= 3 { row.append(.int(partition.vectors)) }
      rows.append(row)
    }
    let sink = BufferWriter()
    let writer = try ParquetWriter(schema, to: sink, options: try ParquetWriterOptions(metadata))
    let batch = rows.finish()
    if batch.count > 0 { try writer.write(batch) }
    _ = try writer.finish()
    return sink.bytes
  }

  private static func schema(_ layout: FileRows, isVersion3: Bool) -> Schema {
    func field(_ name: String, _ type: SQLType, _ id: Int32, isRequired: Bool = false) -> Field {
      Field(name, type, isNullable: !isRequired, id: FieldID(id))
    }
    let partition = Field(
      "partition", layout.partitionType, isNullable: false, id: FieldID(1, children: layout.partition.map { FieldID($0.fieldID) }))
    return Schema(
      [
        partition, field("spec_id", .integer, 2, isRequired: true), field("data_record_count", .bigint, 3, isRequired: true),
        field("data_file_count", .integer, 4, isRequired: true), field("total_data_file_size_in_bytes", .bigint, 5, isRequired: true),
        field("position_delete_record_count", .bigint, 6, isRequired: isVersion3), field("position_delete_file_count", .integer, 7, isRequired: isVersion3),
        field("equality_delete_record_count", .bigint, 8, isRequired: isVersion3), field("equality_delete_file_count", .integer, 9, isRequired: isVersion3),
        field("total_record_count", .bigint, 10), field("last_updated_at", .bigint, 11), field("last_updated_snapshot_id", .bigint, 12),
      ] + (isVersion3 ? [field("dv_count", .integer, 13, isRequired: true)] : []))
  }

  /// By the partition's values, NULL first.
  private static func precedes(_ one: PartitionRows.Totals, _ other: PartitionRows.Totals) -> Bool {
    for (left, right) in zip(one.values, other.values) where left != right {
      if left == .null || right == .null { return left == .null }
      let order = SingleValue.compare(left, right)
      if order != 0 { return order < 0 }
    }
    return one.specID < other.specID
  }
}
