import Columnar
import Iceberg
import Storage

/// `position_deletes`: a row per deleted position of every position delete file and deletion vector, with Spark's columns. What was deleted (`row`) no
/// writer keeps.
enum PositionDeleteRows {
  static func fields(_ layout: FileRows) -> [Field] {
    [Field("file_path", .varchar), Field("pos", .bigint)] + (layout.partition.isEmpty ? [] : [Field("partition", layout.partitionType)]) + [
      Field("spec_id", .integer), Field("delete_file_path", .varchar),
    ]
  }

  static func append(_ file: DataFile, _ layout: FileRows, _ files: DataFileOpener, to rows: inout RowCollector) async throws {
    let read = try await BlockingPool.shared.run { () throws(StorageError) in Result { try positions(in: file, files) } }.get()
    let partition: [ScalarValue] = layout.partition.isEmpty ? [] : [.row(layout.partitionValues(file))]
    for (path, set) in read.sorted(by: { $0.key < $1.key }) {
      for position in set.positions {
        rows.append([.text(path), .int(position)] + partition + [.number(file.partitionSpecID), .text(file.path)])
      }
    }
  }

  private static func positions(in file: DataFile, _ files: DataFileOpener) throws -> [String: PositionSet] {
    guard file.isDeletionVector else { return try PositionDeletes(files.open(file, PositionDeletes.sources, QueryContext())).positions }
    return [file.referencedDataFile ?? "": try DeletionVector.read(file, from: files.store)]
  }
}
