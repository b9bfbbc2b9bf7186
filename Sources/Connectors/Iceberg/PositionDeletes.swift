import Columnar
import Iceberg
import Planner

/// The rows that one position delete file takes away, by the path of their data file. SPEC "Position Delete Files".
struct PositionDeletes: Sendable {
  /// Paths as the delete file spells them: they must equal those of the manifests byte for byte.
  private(set) var positions: [String: PositionSet] = [:]

  /// What to read of the file.
  static let sources: [ParquetColumnSource] = [
    .file(
      ParquetColumnSource.FileColumn(type: .varchar, match: .fieldIDOrNames(ReservedFieldID.deleteFilePath, ["file_path"])),
      missing: .null(.varchar)),
    .file(
      ParquetColumnSource.FileColumn(type: .bigint, match: .fieldIDOrNames(ReservedFieldID.deletePosition, ["pos"])),
      missing: .null(.bigint)),
  ]

  /// - Parameter reader: delivers `sources`.
  init(_ reader: any PositionedReader) throws {
    var collected: [String: [Int64]] = [:]
    while let batch = try reader.next() {
      let paths = batch.columns[0].flattened()
      let positionColumn = batch.columns[1]
      let pathView = ColumnView(paths)
      let names = pathView.pointer(as: StringView.self)
      let positionView = ColumnView(positionColumn)
      let numbers = positionView.pointer(as: Int64.self)
      // Files are sorted by path: the list in work is looked up once per run of equal paths.
      var start = 0
      while start < batch.count {
        guard pathView.isValid(start) else {
          // Some writers leave NULLs behind; they delete nothing.
          start += 1
          continue
        }
        var end = start + 1
        while end < batch.count, pathView.isValid(end), StringView.equal(names + start, names + end) { end += 1 }
        let range = start..<end
        collected[StringView.string(at: names + start), default: []] +=
          range.lazy.filter { positionView.isValid($0) }.map { numbers[positionView.index($0)] }.filter { $0 >= 0 }
        start = end
      }
    }
    positions = collected.mapValues { PositionSet($0) }
  }
}
