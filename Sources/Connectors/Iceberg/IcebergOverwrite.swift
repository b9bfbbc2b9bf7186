import Columnar
import Iceberg
import Planner

/// What an INSERT OVERWRITE takes away: whole data files of the state that it read.
///
/// Conflicts are those of Java's OverwriteFiles and ReplacePartitions under serializable isolation (iceberg.md section 12): nobody else
/// may have added rows to what is replaced, removed its files, or deleted rows of them.
struct IcebergOverwrite: Sendable {
  private enum Kind: Sendable {
    /// All rows like these.
    case rows(IcebergPredicate)
    case writtenPartitions
  }

  private let kind: Kind
  /// For `rows` what goes; for `writtenPartitions` what may go.
  private let files: [FileScanTask]

  /// - Throws: `unsupported` when only some rows of a file are to be replaced: it was written under an older partition spec.
  init(_ rows: ReplacedRows, of table: IcebergTable) async throws(IcebergError) {
    switch rows {
    case .all:
      kind = .rows(.everything)
      files = try await table.tasks(matching: [])
    case .having(let values):
      let predicates = values.sorted { $0.key < $1.key }.map { column, value in
        Planner.ColumnPredicate(column: column, test: value.isNull ? .isNull : .equal(value))
      }
      kind = .rows(table.predicate(predicates))
      var replaced: [FileScanTask] = []
      for task in try await table.tasks(matching: predicates) {
        let known = task.identityValues
        var isReplaced = true
        for (column, value) in values {
          let field = table.metadata.schema.fields[column]
          guard let own = known[field.id] else {
            throw IcebergError(
              .unsupported,
              "a file was written when the table was not partitioned by '\(field.name)', so that some of its rows may be in the partition and"
                + " others not; DELETE the partition's rows, then INSERT", file: task.file.path)
          }
          if ScanColumns.adapted(own, to: value.type)?.value != value.value { isReplaced = false }
        }
        if isReplaced { replaced.append(task) }
      }
      files = replaced
    case .writtenPartitions:
      kind = .writtenPartitions
      files = try await table.tasks(matching: [])
    }
  }

  func change(adding added: [DataFile], _ metadata: TableMetadata) -> (FileChange, ConflictCheck) {
    switch kind {
    case .rows(let rows):
      return (
        FileChange(replacing: files, with: added),
        ConflictCheck(startID: metadata.currentSnapshotID, newRows: rows, changed: files, allowsNewDeletes: false)
      )
    case .writtenPartitions:
      let partitions = Set(added.map(FilePartition.init))
      // A table without partitions is one; Java's ReplacePartitions takes what was written under older specs with it only then.
      let isWhole = metadata.partitionSpec.isUnpartitioned && !added.isEmpty
      let replaced = isWhole ? files : files.filter { partitions.contains(FilePartition($0.file)) }
      var change = FileChange(replacing: replaced, with: added)
      change.replacesPartitions = true
      return (
        change,
        ConflictCheck(
          startID: metadata.currentSnapshotID, newRows: isWhole ? .everything : nil, newRowsIn: partitions, changed: replaced,
          allowsNewDeletes: false)
      )
    }
  }
}
