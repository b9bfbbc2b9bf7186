import Columnar
import Iceberg
import Storage

/// Which data files position delete files with several targets are about: only their rows tell.
enum DeleteTargets {
  /// The targets of those that apply to some data files.
  static func read(
    _ tasks: [FileScanTask], _ opener: DataFileOpener, _ context: QueryContext
  ) async throws -> [DeleteFileID: Set<String>] {
    var files: [DeleteFileID: DataFile] = [:]
    for delete in tasks.lazy.flatMap(\.deletes) where delete.file.content == .positionDeletes && delete.file.onlyTarget == nil {
      files[DeleteFileID(delete.file)] = delete.file
    }
    guard !files.isEmpty else { return [:] }
    let found = files
    let targets = try await BlockingPool.shared.run { () throws(StorageError) in
      Result {
        try found.mapValues { file in
          Set(try PositionDeletes(opener.open(file, PositionDeletes.sources, context)).positions.keys)
        }
      }
    }
    return try targets.get()
  }

  /// The delete files of a table's state that take no row from any of its data files.
  ///
  /// - Parameter tasks: all data files of the state.
  static func dangling(
    _ tasks: [FileScanTask], _ table: IcebergTable, _ store: any ObjectStore, _ context: QueryContext
  ) async throws -> Set<DeleteFileID> {
    guard let snapshot = table.metadata.currentSnapshot else { return [] }
    let paths = Set(tasks.map(\.file.path))
    let unneeded = try await read(tasks, table.opener, context).filter { $0.value.isDisjoint(with: paths) }.keys
    let applying = Set(tasks.lazy.flatMap(\.deletes).map { DeleteFileID($0.file) }).subtracting(unneeded)
    var dangling: Set<DeleteFileID> = []
    for manifest in try await ScanPlanner.manifests(of: snapshot, table.metadata, store)
    where manifest.content == .deletes && manifest.mayHaveLiveFiles {
      for entry in try await ManifestReader.entries(manifest, table.metadata, from: store) where entry.isLive {
        let id = DeleteFileID(entry.file)
        if !applying.contains(id) { dangling.insert(id) }
      }
    }
    return dangling
  }
}
