package import Columnar
import Parquet
package import Planner
package import Storage

/// Parquet files at a path, a folder or a pattern, as one table with the columns of the first file.
package struct ParquetFileTable: Table {
  package let schema: Schema
  private let files: [ObjectInfo]
  private let footers: ParquetFooterCache

  package var hiddenColumns: [Field] { HiddenColumns.fields }

  /// - Parameter pattern: a file, a folder, or a path with `*`, `?` in its last components.
  package static func open(_ pattern: String, store: any ObjectStore, footers: ParquetFooterCache) async throws
    -> ParquetFileTable
  {
    let files = try await FilePattern(pattern).list(in: store)
    guard let first = files.first else {
      throw StorageError(.notFound, Location(pattern), "no files match")
    }
    let file = try footers.open(first.location, size: first.size)
    return ParquetFileTable(schema: file.schema, files: files, footers: footers)
  }

  package var statistics: TableStatistics {
    TableStatistics(byteCount: files.reduce(0) { $0 + $1.size })
  }

  package func exactRowCount() async throws -> Int? {
    try files.reduce(0) { try $0 + footers.open($1.location, size: $1.size).rowCount }
  }

  package func planScan(_ request: ScanRequest) async throws -> any Scan {
    let predicates = request.predicates.compactMap { predicate -> Planner.ColumnPredicate? in
      request.columns.firstIndex(of: predicate.column).map { Planner.ColumnPredicate(column: $0, test: predicate.test) }
    }
    var splits: [ParquetSplit] = []
    for info in files {
      let sources = request.columns.map { index -> ParquetColumnSource in
        guard index < schema.count else { return HiddenColumns.source(index - schema.count, info) }
        let field = schema.fields[index]
        return .file(
          ParquetColumnSource.FileColumn(type: field.type, match: .name(field.name), id: field.id),
          missing: .null(field.type))
      }
      let whole = ParquetSplit(
        location: info.location, size: info.size, byteCount: info.size, sources: sources, predicates: predicates)
      splits += files.count < Self.filesPerScanBeforeWholeFiles ? try rowGroupSplits(whole) : [whole]
    }
    return ParquetScan(splits, notes: [ScanNote("files", files.count)], footers: footers)
  }

  /// Few files are cut at their row groups, so that all workers have something to do.
  private static let filesPerScanBeforeWholeFiles = 16

  private func rowGroupSplits(_ whole: ParquetSplit) throws -> [ParquetSplit] {
    let file = try footers.open(whole.location, size: whole.size)
    guard file.rowGroupCount > 1 else { return [whole] }
    let starts = (0..<file.rowGroupCount).map { file.startOffset(ofRowGroup: $0) }
    return starts.indices.map { index in
      var split = whole
      let end = index + 1 < starts.count ? starts[index + 1] : Int.max
      split.byteRange = starts[index]..<max(starts[index], end)
      split.byteCount = whole.byteCount / starts.count
      return split
    }
  }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw ParquetError(.unsupported, "files opened by a table function cannot be written")
  }
}

/// `"$path"` and `"$file_modified_time"`, which tables over files have.
enum HiddenColumns {
  static let fields = [Field("$path", .varchar), Field("$file_modified_time", .timestampTZ(precision: 3))]

  static func source(_ index: Int, _ info: ObjectInfo) -> ParquetColumnSource {
    index == 0
      ? .constant(.text(info.location.text))
      : .constant(
        Scalar(fields[1].type, .timestampTZ(TimestampTZ(instant: info.modifiedMicroseconds / 1_000 * 1_000))))
  }
}
