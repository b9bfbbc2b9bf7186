import Storage

/// Puts manifests together to a snapshot: the end of every commit that changes or regroups files.
struct SnapshotAssembly {
  private let base: TableMetadata
  private let snapshotID: Int64
  private let sequenceNumber: Int64

  init(_ base: TableMetadata, id: Int64, sequenceNumber: Int64) {
    self.base = base
    snapshotID = id
    self.sequenceNumber = sequenceNumber
  }

  /// Writes the manifest list.
  ///
  /// - Parameter manifests: of the whole snapshot; in version 3 those without row ids get them here.
  func snapshot(_ manifests: [ManifestFile], summary: SnapshotSummary, _ work: CommitWork) async throws(IcebergError) -> Snapshot {
    var manifests = manifests
    let parent = base.currentSnapshot
    var firstRowID: Int64?
    var addedRows: Int64?
    if base.formatVersion > 2 {
      firstRowID = base.nextRowID
      addedRows = Self.assignRowIDs(&manifests, from: base.nextRowID)
    }
    let list = try ManifestList.write(
      manifests, snapshotID: snapshotID, parentID: parent?.id, sequenceNumber: sequenceNumber, formatVersion: base.formatVersion,
      firstRowID: firstRowID, sync: work.ids.syncMarker())
    return Snapshot(
      id: snapshotID, parentID: parent?.id, sequenceNumber: sequenceNumber,
      // Never before the parent's, so that time travel stays ordered when clocks differ.
      timestampMilliseconds: max(work.now(), parent?.timestampMilliseconds ?? .min, base.lastUpdatedMilliseconds),
      manifestList: try await work.writeManifestList(list, snapshotID: snapshotID, of: base), summary: summary,
      schemaID: base.currentSchemaID, firstRowID: firstRowID, addedRows: addedRows)
  }

  /// A manifest of this snapshot gets its sequence number only now: it differs between attempts.
  static func stamped(_ manifest: ManifestFile, _ sequenceNumber: Int64) -> ManifestFile {
    var manifest = manifest
    manifest.sequenceNumber = sequenceNumber
    manifest.minimumSequenceNumber = min(manifest.minimumSequenceNumber, sequenceNumber)
    return manifest
  }

  /// The manifests of a snapshot that hold live files. Old version 1 snapshots name them only: their sizes are looked up.
  static func liveManifests(
    of snapshot: Snapshot, _ base: TableMetadata, _ store: any ObjectStore
  ) async throws(IcebergError) -> [ManifestFile] {
    var manifests = try await ScanPlanner.manifests(of: snapshot, base, store).filter(\.mayHaveLiveFiles)
    guard snapshot.manifestList == nil else { return manifests }
    for index in manifests.indices {
      let location = Location(manifests[index].path)
      manifests[index].length = Int64(try await storing { () async throws(StorageError) in try await store.info(location).size })
    }
    return manifests
  }

  /// Gives a first row id to the data manifests without one, in the order of the list. SPEC "Row Lineage".
  ///
  /// - Returns: the ids given out.
  private static func assignRowIDs(_ manifests: inout [ManifestFile], from first: Int64) -> Int64 {
    var next = first
    for index in manifests.indices where manifests[index].content == .data && manifests[index].firstRowID == nil {
      manifests[index].firstRowID = next
      next &+= (manifests[index].addedRowCount ?? 0) &+ (manifests[index].existingRowCount ?? 0)
    }
    return next &- first
  }
}

extension TableMetadata {
  /// Of the next snapshot; version 1 has none.
  var nextSequenceNumber: Int64 { formatVersion > 1 ? lastSequenceNumber &+ 1 : 0 }
}
