import Columnar
package import Storage

/// Adds a snapshot that adds and removes files: INSERT, DELETE, UPDATE, MERGE, INSERT OVERWRITE, compaction.
///
/// ```
/// old manifests ─ hold a removed file? ─ no ──▶ taken over ─┐
///                                      └ yes ─▶ rewritten ──┼─ merge when there are many ─▶ manifest list ─▶ snapshot
/// added files ────────────────────────────────▶ written ────┘
/// ```
///
/// Manifests are written once; a retry takes those over whose inputs are still there, since sequence numbers are inherited.
/// SPEC "Commit Conflict Resolution and Retry"; Java's MergingSnapshotProducer.
package final class SnapshotChange: SnapshotUpdate {
  private let change: FileChange
  private let conflicts: ConflictCheck?
  private let manifests = ManifestProducer()

  /// - Parameter conflicts: what others must not have done since the statement read the table; nil when nothing can contradict it.
  package init(_ change: FileChange, conflicts: ConflictCheck? = nil) {
    self.change = change
    self.conflicts = conflicts
  }

  /// Rows that are only added.
  package convenience init(adding files: [DataFile]) { self.init(FileChange(adding: files)) }

  package var fileChange: FileChange? { change }

  package func validate(
    _ base: TableMetadata, against transaction: TransactionStart?, _ store: any ObjectStore
  ) async throws(IcebergError) {
    try await conflicts?.validate(base, against: transaction, store)
  }

  package func apply(to base: TableMetadata, _ work: CommitWork) async throws(IcebergError) -> TableMetadata {
    try base.checkIsWritable()
    try checkDeletes(base)
    let snapshotID = manifests.beginAttempt(on: base, work)
    let sequenceNumber = base.formatVersion > 1 ? base.lastSequenceNumber &+ 1 : 0
    let parent = base.currentSnapshot
    var old: [ManifestFile] = []
    if let parent { old = try await Self.liveManifests(of: parent, base, work.store) }
    let properties = TableProperties(base.properties)
    var summary = SnapshotSummaryBuilder(operation: change.operation)

    let data = try await takingData(from: old.filter { $0.content == .data }, base, work)
    let missing = change.removedFiles.subtracting(data.removed.map(\.file.path))
    if let path = missing.min() {
      throw IcebergError(.validation, "another commit has removed a data file that this one replaces", file: path)
    }
    var live = data.live
    for file in change.addedFiles { live.add(file, sequenceNumber: change.dataSequenceNumber ?? sequenceNumber, asked: []) }
    let deletes = try await takingDeletes(from: old.filter { $0.content == .deletes }, live, base, work)
    let addedData = try await manifests.write(
      change.addedFiles, .data, sequenceNumber: change.dataSequenceNumber, base, work)
    let addedDeletes = try await manifests.write(change.addedDeletes, .deletes, sequenceNumber: nil, base, work)

    var counts = (created: addedData.count + addedDeletes.count, replaced: 0, processed: 0)
    counts.created += data.rewrittenCount + deletes.rewrittenCount
    counts.replaced += data.rewrittenCount + deletes.rewrittenCount
    var all: [ManifestFile] = []
    for (added, kept) in [(addedData, data.manifests), (addedDeletes, deletes.manifests)] {
      let own = added + kept.filter { $0.addedSnapshotID == snapshotID }
      let stamped = (added + kept).map { manifest in
        own.contains { $0.path == manifest.path } ? Self.stamped(manifest, sequenceNumber) : manifest
      }
      for group in ManifestMerging(properties).groups(stamped) {
        guard group.count > 1 else {
          all += group
          continue
        }
        let merged = try await manifests.merge(group, change.dataSequenceNumber, base, work)
        all.append(Self.stamped(merged, sequenceNumber))
        counts.processed += merged.liveFileCount ?? 0
        let created = group.count { manifest in own.contains { $0.path == manifest.path } }
        counts.replaced += group.count - created
        counts.created += 1 - created
      }
    }

    var firstRowID: Int64?
    var addedRows: Int64?
    if base.formatVersion > 2 {
      firstRowID = base.nextRowID
      addedRows = Self.assignRowIDs(&all, from: base.nextRowID)
    }
    for file in change.addedFiles + change.addedDeletes { summary.add(file, try Self.spec(of: file, base)) }
    for entry in data.removed + deletes.removed { summary.remove(entry.file, try Self.spec(of: entry.file, base)) }
    let list = try ManifestList.write(
      all, snapshotID: snapshotID, parentID: parent?.id, sequenceNumber: sequenceNumber, formatVersion: base.formatVersion,
      firstRowID: firstRowID, sync: work.ids.syncMarker())
    return base.adding(
      Snapshot(
        id: snapshotID, parentID: parent?.id, sequenceNumber: sequenceNumber,
        // Never before the parent's, so that time travel stays ordered when clocks differ.
        timestampMilliseconds: max(work.now(), parent?.timestampMilliseconds ?? .min, base.lastUpdatedMilliseconds),
        manifestList: try await work.writeManifestList(list, snapshotID: snapshotID, of: base),
        summary: summary.summary(
          parent: parent?.summary, partitionLimit: properties.summaryPartitionLimit,
          manifests: (counts.created, all.count - counts.created, counts.replaced), entriesProcessed: counts.processed,
          engine: work.engine),
        schemaID: base.currentSchemaID, firstRowID: firstRowID, addedRows: addedRows))
  }

  /// A table may have been upgraded since the deletes were written. SPEC "Position Delete Files", "Deletion Vectors".
  private func checkDeletes(_ base: TableMetadata) throws(IcebergError) {
    for file in change.addedDeletes {
      if base.formatVersion < 2 { throw .unsupported("tables of format version 1 have no row-level deletes") }
      if base.formatVersion > 2, file.content == .positionDeletes, !file.isDeletionVector {
        throw IcebergError(.validation, "the table was upgraded meanwhile; position delete files cannot be added any more", file: file.path)
      }
    }
  }

  private static func spec(of file: DataFile, _ base: TableMetadata) throws(IcebergError) -> PartitionSpec {
    guard let spec = base.partitionSpec(id: file.partitionSpecID) else {
      throw IcebergError(.validation, "the partition spec \(file.partitionSpecID) that rows were written under is gone")
    }
    return spec
  }

  /// A manifest of this snapshot gets its sequence number only now: it differs between attempts.
  private static func stamped(_ manifest: ManifestFile, _ sequenceNumber: Int64) -> ManifestFile {
    var manifest = manifest
    manifest.sequenceNumber = sequenceNumber
    manifest.minimumSequenceNumber = min(manifest.minimumSequenceNumber, sequenceNumber)
    return manifest
  }

  // MARK: Old manifests

  /// Manifests after some of their files were taken out.
  private struct Taken {
    var manifests: [ManifestFile] = []
    var removed: [ManifestEntry] = []
    var rewrittenCount = 0
    /// Data files that stay; known when some are removed.
    var live = LiveFiles()
  }

  private func takingData(
    from old: [ManifestFile], _ base: TableMetadata, _ work: CommitWork
  ) async throws(IcebergError) -> Taken {
    let paths = change.removedFiles
    guard !paths.isEmpty else { return Taken(manifests: old) }
    return try await taking(from: old, base, work, asked: Set(change.deleteTargets.values.joined())) { paths.contains($0.file.path) }
  }

  /// Takes out what the change names, what is about removed files only, and what no data file that stays has a use for.
  private func takingDeletes(
    from old: [ManifestFile], _ live: LiveFiles, _ base: TableMetadata, _ work: CommitWork
  ) async throws(IcebergError) -> Taken {
    let (files, deletes, targets) = (change.removedFiles, change.removedDeletes, change.deleteTargets)
    guard !files.isEmpty || !deletes.isEmpty else { return Taken(manifests: old) }
    // What others have added since the last attempt may need a delete file.
    return try await taking(from: old, base, work, isFinal: files.isEmpty) { entry in
      let id = DeleteFileID(entry.file)
      if deletes.contains(id) || entry.file.onlyTarget.map(files.contains) ?? false { return true }
      guard !files.isEmpty, let spec = base.partitionSpec(id: entry.file.partitionSpecID) else { return false }
      return !live.need(entry, spec, targets: targets[id])
    }
  }

  private func taking(
    from old: [ManifestFile], _ base: TableMetadata, _ work: CommitWork, asked: Set<String> = [], isFinal: Bool = true,
    _ isRemoved: (ManifestEntry) -> Bool
  ) async throws(IcebergError) -> Taken {
    var taken = Taken()
    for manifest in old {
      let found = try await manifests.inspect(manifest, base, work, asked: asked, isFinal: isFinal, without: isRemoved)
      taken.live.formUnion(found.live)
      guard let rewritten = found.rewritten else {
        taken.manifests.append(manifest)
        continue
      }
      taken.manifests.append(rewritten.manifest)
      taken.removed += rewritten.removed
      taken.rewrittenCount += 1
    }
    return taken
  }

  /// The manifests of a snapshot that hold live files. Old version 1 snapshots name them only: their sizes are looked up.
  private static func liveManifests(
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
