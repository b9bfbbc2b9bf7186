import JSONText
package import Storage

/// Every file that states of a table are made of, by kind.
package struct TableFiles: Sendable {
  package var dataFiles: Set<String> = []
  package var positionDeletes: Set<String> = []
  package var equalityDeletes: Set<String> = []
  package var manifests: Set<String> = []
  package var manifestLists: Set<String> = []
  package var statistics: Set<String> = []

  package init() {}

  package var all: Set<String> {
    dataFiles.union(positionDeletes).union(equalityDeletes).union(manifests).union(manifestLists).union(statistics)
  }

  /// What these have and the others have not.
  package func subtracting(_ other: TableFiles) -> TableFiles {
    var result = TableFiles()
    // A Puffin file may serve several vectors: paths are compared over all kinds.
    let kept = other.all
    result.dataFiles = dataFiles.subtracting(kept)
    result.positionDeletes = positionDeletes.subtracting(kept)
    result.equalityDeletes = equalityDeletes.subtracting(kept)
    result.manifests = manifests.subtracting(kept)
    result.manifestLists = manifestLists.subtracting(kept)
    result.statistics = statistics.subtracting(kept)
    return result
  }

  /// The files that live in some snapshots of a state.
  package init(of snapshots: [Snapshot], _ metadata: TableMetadata, _ store: any ObjectStore) async throws(IcebergError) {
    for snapshot in snapshots {
      if let list = snapshot.manifestList { manifestLists.insert(list) }
      for manifest in try await ScanPlanner.manifests(of: snapshot, metadata, store) {
        guard manifests.insert(manifest.path).inserted else { continue }
        for entry in try await ManifestReader.entries(manifest, metadata, from: store) where entry.isLive { insert(entry.file) }
      }
    }
  }

  /// The files of snapshots that have expired, deleted ones too: they belonged to an earlier state.
  ///
  /// A manifest that is gone was removed by another expiry, which took its files along.
  package init(ofExpired snapshots: [Snapshot], _ metadata: TableMetadata, _ store: any ObjectStore) async throws(IcebergError) {
    for snapshot in snapshots {
      if let list = snapshot.manifestList { manifestLists.insert(list) }
      do {
        for manifest in try await ScanPlanner.manifests(of: snapshot, metadata, store) where manifests.insert(manifest.path).inserted {
          do {
            for entry in try await ManifestReader.entries(manifest, metadata, from: store) { insert(entry.file) }
          } catch where error.kind == .notFound { continue }
        }
      } catch where error.kind == .notFound { continue }
    }
  }

  private mutating func insert(_ file: DataFile) {
    switch file.content {
    case .data: dataFiles.insert(file.path)
    case .positionDeletes: positionDeletes.insert(file.path)
    case .equalityDeletes: equalityDeletes.insert(file.path)
    }
  }
}

extension TableMetadata {
  /// Metadata files that the table still names, and statistics files.
  package func auxiliaryFiles(current: Location) -> Set<String> {
    var files: Set<String> = [current.text, metadataFolder.appending("version-hint.text").text]
    for entry in metadataLog { files.insert(entry.file) }
    return files.union(statisticsPaths)
  }
}
