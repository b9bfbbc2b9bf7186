import Columnar
import Iceberg
import Planner
import SQLSyntax
import Storage

/// The data files that a row change takes rows from.
struct ChangedFiles: Sendable {
  struct File: Sendable {
    let task: FileScanTask
    /// Rows that the statement takes away; none of them was deleted before.
    let positions: PositionSet
    /// Whether no row of the file stays.
    let losesAllRows: Bool
  }
  /// In the order of the paths.
  let files: [File]

  /// - Parameters:
  ///   - removed: positions by file, as the workers noted them.
  ///   - wanted: what the statement's scan asked for; every row that goes satisfies it.
  /// - Throws: `MERGE_TARGET_ROW_MULTIPLE_MATCHES` when a row is there twice.
  init(
    _ removed: [[String: [Int64]]], matching wanted: IcebergPredicate, _ metadata: TableMetadata, _ store: any ObjectStore
  ) async throws {
    var all: [String: [Int64]] = [:]
    for part in removed { all.merge(part) { $0 + $1 } }
    guard !all.isEmpty else {
      files = []
      return
    }
    let plan = try await ScanPlanner(metadata, store: store, predicate: wanted, readsDeletes: true).plan()
    var files: [File] = []
    for task in plan.tasks {
      guard let noted = all.removeValue(forKey: task.file.path) else { continue }
      let positions = PositionSet(noted)
      guard positions.count == Int64(noted.count) else {
        throw SQLError(
          .mergeTargetRowMultipleMatches, "One MERGE target table row matched more than one source row",
          hint: "make the source unique by the columns of the ON clause, for example with ROW_NUMBER() = 1")
      }
      files.append(
        File(
          task: task, positions: positions, losesAllRows: task.deletes.isEmpty && positions.count == task.file.recordCount))
    }
    if let path = all.keys.min() {
      throw IcebergError(.validation, "a data file that the statement read is not part of the table's state any more", file: path)
    }
    self.files = files.sorted { $0.task.file.path < $1.task.file.path }
  }
}

/// The rows of changed files that stay: what copy-on-write writes again.
struct RemainingRows: Table {
  let schema: Schema
  private let metadata: TableMetadata
  private let files: [ChangedFiles.File]
  private let opener: DataFileOpener
  private let lineage: [IcebergHiddenColumn]

  init(_ files: [ChangedFiles.File], _ metadata: TableMetadata, _ opener: DataFileOpener, lineage: [IcebergHiddenColumn]) throws {
    self.files = files
    self.metadata = metadata
    self.opener = opener
    self.lineage = lineage
    schema = Schema(try metadata.schema.columnarSchema().fields + lineage.map(\.field))
  }

  func planScan(_ request: ScanRequest) async throws -> any Scan {
    let visible = metadata.schema.fields.count
    let hidden = IcebergHiddenColumn.of(metadata)
    let columns = request.columns.map { index in
      index < visible ? index : visible + (hidden.firstIndex(of: lineage[index - visible]) ?? 0)
    }
    let sources = try ScanColumns(metadata.schema, metadata, columns)
    var deletes = try ScanDeletes(files.map(\.task), metadata, files: opener)
    var splits: [IcebergSplit] = []
    for file in files {
      let size = Int(clamping: file.task.file.fileSize)
      let data = ParquetSplit(
        location: Location(file.task.file.path), size: size, byteCount: size,
        sources: sources.sources(file.task, modifiedMicroseconds: nil))
      splits.append(
        IcebergSplit(data: data, format: file.task.file.format, deletes: try deletes.deletes(for: file.task, and: file.positions)))
    }
    return IcebergScan(splits, notes: [ScanNote("files rewritten", splits.count)], files: opener)
  }

  func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw IcebergError(.unsupported, "the rows of files that are rewritten cannot be written to")
  }
}
