import Columnar
import Iceberg

/// Columns of Iceberg tables that are reached by name only: Trino's with `$`, Spark's with `_` (sql.md sections 15 and 18.2).
enum IcebergHiddenColumn: CaseIterable, Hashable {
  case path, fileModifiedTime, partition
  case file, position, specID
  /// Row lineage, in tables of format version 3.
  case rowID, lastUpdatedSequenceNumber

  static func of(_ metadata: TableMetadata) -> [IcebergHiddenColumn] {
    allCases.filter { metadata.formatVersion >= 3 || ($0 != .rowID && $0 != .lastUpdatedSequenceNumber) }
  }

  var field: Field {
    switch self {
    case .path: Field("$path", .varchar)
    case .fileModifiedTime: Field("$file_modified_time", .timestampTZ(precision: 3))
    case .partition: Field("$partition", .varchar)
    case .file: Field("_file", .varchar)
    case .position: Field("_pos", .bigint)
    case .specID: Field("_spec_id", .integer)
    case .rowID: Field("_row_id", .bigint)
    case .lastUpdatedSequenceNumber: Field("_last_updated_sequence_number", .bigint)
    }
  }

  /// The field as data files store it, for rows that keep their lineage.
  var storedField: Field {
    var field = field
    switch self {
    case .rowID: field.id = FieldID(ReservedFieldID.rowID)
    case .lastUpdatedSequenceNumber: field.id = FieldID(ReservedFieldID.lastUpdatedSequenceNumber)
    case .path, .fileModifiedTime, .partition, .file, .position, .specID: break
    }
    return field
  }

  /// The value all rows of a file have; nil where they differ.
  ///
  /// - Parameter modifiedMicroseconds: of the file; asked for only where the column is wanted.
  func value(_ task: FileScanTask, modifiedMicroseconds: Int64?) -> Scalar? {
    switch self {
    case .path, .file: return .text(task.file.path)
    case .partition: return .text(task.spec.path(task.file.partition))
    case .specID: return .integer(task.spec.id)
    case .fileModifiedTime:
      // To the millisecond, as the type says.
      guard let micros = modifiedMicroseconds else { return nil }
      return Scalar(field.type, .timestampTZ(TimestampTZ(instant: micros - ((micros % 1_000) + 1_000) % 1_000)))
    case .position, .rowID, .lastUpdatedSequenceNumber: return nil
    }
  }

  func source(_ task: FileScanTask, modifiedMicroseconds: Int64?) -> ParquetColumnSource {
    if let value = value(task, modifiedMicroseconds: modifiedMicroseconds) { return .constant(value) }
    switch self {
    case .position: return .rowPosition
    case .rowID: return Self.lineage(ReservedFieldID.rowID, task) { .rowID(first: $0) }
    case .lastUpdatedSequenceNumber:
      return Self.lineage(ReservedFieldID.lastUpdatedSequenceNumber, task) { _ in .constant(task.sequenceNumber) }
    default: return .constant(.null(field.type))
    }
  }

  /// A row's stored value, else what it inherits; files from before the table had lineage have neither (SPEC "Row Lineage").
  private static func lineage(
    _ fieldID: Int32, _ task: FileScanTask, _ inherited: (Int64) -> ParquetColumnSource.Inherited
  ) -> ParquetColumnSource {
    guard let first = task.file.firstRowID else { return .constant(.null(.bigint)) }
    return .lineage(ParquetColumnSource.FileColumn(type: .bigint, match: .fieldID(fieldID)), inherited(first))
  }
}
