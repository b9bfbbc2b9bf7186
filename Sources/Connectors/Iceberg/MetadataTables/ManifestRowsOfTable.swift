import Columnar
import Iceberg

/// `$manifests`.
enum ManifestRowsOfTable {
  private static func summaries(_ name: String) -> Field {
    Field(
      name,
      .array(
        .row([
          RowField(name: "contains_null", type: .boolean), RowField(name: "contains_nan", type: .boolean),
          RowField(name: "lower_bound", type: .varchar), RowField(name: "upper_bound", type: .varchar),
        ])))
  }

  static func fields(_ dialect: MetadataTableKind.Dialect) -> [Field] {
    let place = [
      Field("path", .varchar), Field("length", .bigint), Field("partition_spec_id", .integer), Field("added_snapshot_id", .bigint),
    ]
    switch dialect {
    case .athena:
      return place + [
        Field("added_data_files_count", .integer), Field("added_rows_count", .bigint),
        Field("existing_data_files_count", .integer), Field("existing_rows_count", .bigint),
        Field("deleted_data_files_count", .integer), Field("deleted_rows_count", .bigint), summaries("partitions"),
      ]
    case .spark:
      return [Field("content", .integer)] + place + [
        Field("added_data_files_count", .integer), Field("existing_data_files_count", .integer),
        Field("deleted_data_files_count", .integer), Field("added_delete_files_count", .integer),
        Field("existing_delete_files_count", .integer), Field("deleted_delete_files_count", .integer),
        summaries("partition_summaries"),
      ]
    }
  }

  static func row(_ manifest: ManifestFile, _ metadata: TableMetadata, _ dialect: MetadataTableKind.Dialect) -> [ScalarValue] {
    let place: [ScalarValue] = [
      .text(manifest.path), .number(manifest.length), .number(manifest.partitionSpecID), .number(manifest.addedSnapshotID),
    ]
    let summaries = summaryList(manifest, metadata)
    switch dialect {
    case .athena:
      return place + [
        .number(manifest.addedFileCount), .number(manifest.addedRowCount), .number(manifest.existingFileCount),
        .number(manifest.existingRowCount), .number(manifest.deletedFileCount), .number(manifest.deletedRowCount), summaries,
      ]
    case .spark:
      let counts: [ScalarValue] = [
        .number(manifest.addedFileCount), .number(manifest.existingFileCount), .number(manifest.deletedFileCount),
      ]
      let zeros: [ScalarValue] = [.int(0), .int(0), .int(0)]
      let isData = manifest.content == .data
      return [.number(manifest.content.rawValue)] + place + (isData ? counts + zeros : zeros + counts) + [summaries]
    }
  }

  private static func summaryList(_ manifest: ManifestFile, _ metadata: TableMetadata) -> ScalarValue {
    guard let summaries = manifest.partitions else { return .null }
    let fields = metadata.partitionSpec(id: manifest.partitionSpecID)?.fields ?? []
    return .list(
      zip(summaries, fields).map { summary, field in
        let type = metadata.resultType(field)
        func bound(_ bytes: [UInt8]?) -> ScalarValue {
          guard let bytes, let stored = IcebergType(storedAs: type), let value = SingleValue.decode(bytes, stored) else { return .null }
          return .text(field.transform.pathText(Scalar(type, value)))
        }
        return .row([
          .boolean(summary.containsNull), summary.containsNaN.map { .boolean($0) } ?? .null, bound(summary.lowerBound),
          bound(summary.upperBound),
        ])
      })
  }
}
