package import Columnar
package import Iceberg
import Parquet
import Planner
import Storage

/// Reads the delete files of a state: whether they hold what their manifests say, and name rows that are there.
package enum DeleteFileCheck {
  /// - Parameter data: the live data files, by path.
  package static func problems(
    _ deletes: [ManifestEntry], _ data: [String: ManifestEntry], _ table: IcebergTable, _ context: QueryContext
  ) async throws -> [TableProblem] {
    var problems: [TableProblem] = []
    let opener = table.opener
    for entry in deletes {
      try context.cancellation.check()
      let file = entry.file
      let read = try await BlockingPool.shared.run { () throws(StorageError) in
        Result { try Self.problems(file, data, opener, context) }
      }
      do { problems += try read.get() } catch let error as QueryCancelled { throw error } catch {
        let isUnsupported = (error as? IcebergError)?.kind == .unsupported || (error as? ParquetError)?.kind == .unsupported
        problems.append(TableProblem(isUnsupported ? .engine : .error, isUnsupported ? EngineLimits.thisEngine : file.path, "the delete file cannot be read: \(error)"))
      }
    }
    return problems
  }

  private static func problems(
    _ file: DataFile, _ data: [String: ManifestEntry], _ opener: DataFileOpener, _ context: QueryContext
  ) throws -> [TableProblem] {
    if file.isDeletionVector {
      let positions = try DeletionVector.read(file, from: opener.store)
      guard let target = file.referencedDataFile.flatMap({ data[$0] }), let last = positions.positions.last,
        last >= target.file.recordCount
      else { return [] }
      return [beyond(file, target.file, last)]
    }
    var problems: [TableProblem] = []
    if file.format == .parquet {
      let rows = try opener.footers.open(Location(file.path), size: Int(clamping: file.fileSize)).rowCount
      if Int64(rows) != file.recordCount {
        problems.append(TableProblem(.error, file.path, "the manifest says \(file.recordCount) rows, the file has \(rows)"))
      }
    }
    guard file.content == .positionDeletes else { return problems }
    let reader = try opener.open(file, PositionDeletes.sources, context)
    // Files are sorted by path: its text and its data file are looked up once per run of equal paths.
    var last: (bytes: [UInt8], target: DataFile?, position: Int64)?
    var isSorted = true
    var hasNulls = false
    while let batch = try reader.next() {
      for row in 0..<batch.count {
        guard case .bytes(let path) = batch.columns[0].scalarValue(at: row), case .int(let position) = batch.columns[1].scalarValue(at: row)
        else {
          hasNulls = true
          continue
        }
        let isSame = last.map { $0.bytes == path } ?? false
        if let last, isSame ? position < last.position : path.lexicographicallyPrecedes(last.bytes) { isSorted = false }
        let target = isSame ? last?.target : data[String(decoding: path, as: UTF8.self)]?.file
        if !isSame || position > (last?.position ?? -1), let target, position >= target.recordCount {
          problems.append(beyond(file, target, position))
        }
        last = (path, target, position)
      }
    }
    if !isSorted { problems.append(TableProblem(.warning, file.path, "position deletes are not sorted by file and position")) }
    if hasNulls { problems.append(TableProblem(.warning, file.path, "position deletes hold NULL, which deletes nothing")) }
    return problems
  }

  private static func beyond(_ file: DataFile, _ target: DataFile, _ position: Int64) -> TableProblem {
    TableProblem(.error, file.path, "deletes row \(position) of \(target.path), which has \(target.recordCount) rows")
  }
}
