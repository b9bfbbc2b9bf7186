package import Columnar
import Functions
import Parquet
package import Planner
import SQLSyntax
package import Storage

/// Parquet files as one table: `read_parquet`. Columns are found by name; those that only later files have count with `union_by_name`.
package struct ParquetFileTable: Table {
  package let schema: Schema
  private let files: [ObjectInfo]
  private let footers: ParquetFooterCache
  private let pathColumns: PathColumns
  /// Rows per byte of the first file: what the others hold is estimated from it.
  private let rowsPerByte: Double
  /// Likewise what share of a file a column takes, by lower-case name.
  private let shares: [String: Double]

  package var hiddenColumns: [Field] { HiddenColumns.fields }

  /// `read_parquet(path, option => value, ...)`, with DuckDB's options.
  package static func open(_ arguments: NamedArguments, store: any ObjectStore, footers: ParquetFooterCache) async throws
    -> ParquetFileTable
  {
    var arguments = arguments
    let unionByName = try arguments.boolean("union_by_name") ?? false
    let pathOptions = try PathColumns.Options(&arguments)
    try arguments.finish()
    let files = try await FileList.files(arguments.paths, in: store)
    let first = try footers.open(files[0])
    var columns = first.schema.fields
    if unionByName {
      var places = Dictionary(zip(columns.map { $0.name.lowercased() }, columns.indices), uniquingKeysWith: { first, _ in first })
      try footers.forEach(Array(files.dropFirst())) { info, file in
        for field in file.schema.fields {
          guard let place = places[field.name.lowercased()] else {
            places[field.name.lowercased()] = columns.count
            columns.append(field)
            continue
          }
          guard let joined = TypeCoercion.commonSuperType(columns[place].type, field.type) else {
            throw SQLError(
              .typeMismatch,
              "column '\(field.name)' is \(columns[place].type) in one file and \(field.type) in \(info.location.text)")
          }
          columns[place].type = joined
        }
      }
    }
    let pathColumns = try PathColumns(files, pathOptions)
    let replaced = Set(pathColumns.fields.map { $0.name.lowercased() })
    columns.removeAll { replaced.contains($0.name.lowercased()) }
    return ParquetFileTable(
      schema: Schema(columns + pathColumns.fields), files: files, footers: footers, pathColumns: pathColumns,
      rowsPerByte: Double(first.rowCount) / Double(max(1, files[0].size)), shares: first.columnShares)
  }

  /// Of many files no list is made.
  package var identity: String? {
    guard files.count <= 64 else { return nil }
    return (files.map { "\($0.location) \($0.size) \($0.modifiedMicroseconds)" } + schema.fields.map { "\($0.name) \($0.type)" })
      .joined(separator: "\n")
  }

  package var statistics: TableStatistics {
    let bytes = files.reduce(0) { $0 + $1.size }
    return TableStatistics(rowCount: Int(min(Double(bytes) * rowsPerByte, 1e18)), byteCount: bytes)
  }

  package func exactRowCount() async throws -> Int? {
    var total = 0
    try footers.forEach(files) { _, file in total += file.rowCount }
    return total
  }

  package func planScan(_ request: ScanRequest) async throws -> any Scan {
    let predicates = request.predicates.compactMap { predicate -> Planner.ColumnPredicate? in
      request.columns.firstIndex(of: predicate.column).map { Planner.ColumnPredicate(column: $0, test: predicate.test) }
    }
    var whole: [ParquetSplit] = []
    let firstPathColumn = schema.count - pathColumns.fields.count
    var skipped = 0
    let share = request.columns.reduce(0) { $0 + ($1 < firstPathColumn ? shares[schema.fields[$1].name.lowercased()] ?? 0 : 0) }
    for (number, info) in files.enumerated() {
      guard pathColumns.mayHoldRows(number, info, request.predicates, first: firstPathColumn) else {
        skipped += 1
        continue
      }
      let sources = request.columns.map { index -> ParquetColumnSource in
        guard index < schema.count else { return .constant(HiddenColumns.value(index - schema.count, info)) }
        if index >= firstPathColumn { return .constant(pathColumns.value(index - firstPathColumn, file: number)) }
        let field = schema.fields[index]
        return .file(
          ParquetColumnSource.FileColumn(type: field.type, match: .name(field.name), id: field.id),
          missing: .null(field.type))
      }
      var split = ParquetSplit(
        location: info.location, size: info.size, stability: .inState(info.version), byteCount: info.size, sources: sources,
        predicates: predicates)
      if request.limit == nil { split.wantedBytes = Int(Double(info.size) * min(share, 1)) }
      whole.append(split)
    }
    return ParquetScan(try Self.splits(of: whole, footers: footers), notes: ScanNote.files(files.count - skipped, skipped: skipped), footers: footers)
  }

  /// Few files are cut at their row groups, so that all workers have something to do.
  private static let filesPerScanBeforeWholeFiles = 16

  static func splits(of files: [ParquetSplit], footers: ParquetFooterCache) throws -> [ParquetSplit] {
    guard files.count < filesPerScanBeforeWholeFiles else { return files }
    footers.openAhead(files)
    return try files.flatMap { whole in
      let file = try footers.open(whole.location, size: whole.size, stability: whole.stability)
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
  }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw ParquetError(.unsupported, "files opened by a table function cannot be written")
  }
}

extension ScanNote {
  /// Files to read, and those that their place ruled out.
  static func files(_ count: Int, skipped: Int) -> [ScanNote] {
    [ScanNote("files", count)] + (skipped > 0 ? [ScanNote("files skipped by path", skipped)] : [])
  }
}

/// `"$path"` and `"$file_modified_time"`, which tables over files have.
enum HiddenColumns {
  static let fields = [Field("$path", .varchar), Field("$file_modified_time", .timestampTZ(precision: 3))]

  static func value(_ index: Int, _ info: ObjectInfo) -> Scalar {
    index == 0
      ? .text(info.location.text)
      : Scalar(fields[1].type, .timestampTZ(TimestampTZ(instant: info.modifiedMicroseconds / 1_000 * 1_000)))
  }
}

extension ParquetFile {
  /// The share of the file's bytes that each column takes, by lower-case name.
  fileprivate var columnShares: [String: Double] {
    var shares: [String: Double] = [:]
    for column in columns {
      let leaves = column.leaves.map(\.index)
      let bytes = metadata.rowGroups.reduce(0.0) { total, group in leaves.reduce(total) { $0 + Double(group.columns[$1].compressedSize) } }
      shares[column.name.lowercased()] = bytes / Double(max(1, byteCount))
    }
    return shares
  }
}
