package import Columnar
package import Planner
import Storage
import TextFormats

/// CSV or JSON files as one table whose columns were found by looking at them: `read_csv`, `read_json`.
package struct TextFileTable: Table {
  package let schema: Schema
  private let files: [TextFile]
  private let pathColumns: PathColumns
  private let splitByteCount: Int?

  /// - Parameters:
  ///   - columns: of the table, found in each file by name; NULL where a file lacks one.
  ///   - pathColumns: follow `columns`; one of the same name takes its place.
  init(_ files: [TextFile], columns: [Field], pathColumns: PathColumns, splitByteCount: Int?) {
    self.files = files
    self.pathColumns = pathColumns
    self.splitByteCount = splitByteCount
    let replaced = Set(pathColumns.fields.map { $0.name.lowercased() })
    schema = Schema(columns.filter { !replaced.contains($0.name.lowercased()) } + pathColumns.fields)
  }

  package var hiddenColumns: [Field] { HiddenColumns.fields }

  package var statistics: TableStatistics {
    let bytes = files.reduce(0) { $0 + $1.info.size }
    return TableStatistics(rowCount: bytes / (Self.bytesPerField * max(1, schema.count)), byteCount: bytes)
  }

  /// A rough guess, so that joins know the large input from the small one.
  private static let bytesPerField = 8

  package func planScan(_ request: ScanRequest) async throws -> any Scan {
    let firstPathColumn = schema.count - pathColumns.fields.count
    let planned = files.enumerated().compactMap { number, file -> (TextFile, [TextColumnSource])? in
      guard pathColumns.mayHoldRows(number, file.info, request.predicates, first: firstPathColumn) else { return nil }
      let places = Dictionary(zip(file.columns.map(\.name), file.columns.indices), uniquingKeysWith: { first, _ in first })
      let sources = request.columns.map { index -> TextColumnSource in
        if index >= schema.count { return .constant(HiddenColumns.value(index - schema.count, file.info)) }
        if index >= firstPathColumn { return .constant(pathColumns.value(index - firstPathColumn, file: number)) }
        let field = schema.fields[index]
        return places[field.name].map { .file($0) } ?? .constant(.null(field.type))
      }
      return (file, sources)
    }
    return TextScan(
      planned, splitByteCount: splitByteCount, notes: ScanNote.files(planned.count, skipped: files.count - planned.count))
  }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw TextFormatError(.notSupported, "files opened by a table function cannot be written")
  }
}
