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
  private let branch: TargetBranch
  private let manifests = ManifestProducer()

  /// - Parameters:
  ///   - conflicts: what others must not have done since the statement read the table; nil when nothing can contradict it.
  ///   - branch: where the snapshot goes; the table's other references stay where they are.
  package init(_ change: FileChange, conflicts: ConflictCheck? = nil, branch: TargetBranch = .main) {
    self.branch = branch
    self.change = change
    self.conflicts = conflicts
  }

  /// Rows that are only added.
  package convenience init(adding files: [DataFile], branch: TargetBranch = .main) {
    self.init(FileChange(adding: files), branch: branch)
  }

  package var fileChange: FileChange? { change }

  package func validate(
    _ table: TableMetadata, against transaction: TransactionStart?, _ store: any ObjectStore
  ) async throws(IcebergError) {
    guard let conflicts else { return }
    if let transaction, !branch.isMadeOnDemand, transaction.base.allReferences[branch.name] == nil, branch != .main {
      throw IcebergError(.validation, "the table was changed meanwhile, and branch '\(branch.name)', which this transaction made and wrote, began before that")
    }
    try await conflicts.validate(try table.head(of: branch), of: branch, against: transaction, store)
  }

  package func apply(to table: TableMetadata, _ work: CommitWork) async throws(IcebergError) -> TableMetadata {
    try table.checkIsWritable()
    let base = try table.head(of: branch)
    try checkDeletes(base)
    let snapshotID = manifests.beginAttempt(on: base, work)
    let sequenceNumber = base.nextSequenceNumber
    let parent = base.currentSnapshot
    var old: [ManifestFile] = []
    if let parent { old = try await SnapshotAssembly.liveManifests(of: parent, base, work.store) }
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
    if change.replacesDeletes {
      let gone = change.removedDeletes.subtracting(deletes.removed.map { DeleteFileID($0.file) })
      if let path = gone.map(\.path).min() {
        throw IcebergError(.validation, "another commit has removed a delete file that this one replaces", file: path)
      }
    }
    let addedData = try await manifests.write(
      change.addedFiles, .data, sequenceNumber: change.dataSequenceNumber, base, work)
    let addedDeletes = try await manifests.write(change.addedDeletes, .deletes, sequenceNumber: nil, base, work)

    var counts = (created: addedData.count + addedDeletes.count, replaced: 0, processed: 0)
    counts.created += data.rewrittenCount + deletes.rewrittenCount
    counts.replaced += data.rewrittenCount + deletes.rewrittenCount
    var all: [ManifestFile] = []
    for (added, kept) in [(addedData, data.manifests), (addedDeletes, deletes.manifests)] {
      let own = Set((added + kept.filter { $0.addedSnapshotID == snapshotID }).map(\.path))
      let stamped = (added + kept).map { manifest in
        own.contains(manifest.path) ? SnapshotAssembly.stamped(manifest, sequenceNumber) : manifest
      }
      for group in ManifestMerging(properties).groups(stamped) {
        guard group.count > 1 else {
          all += group
          continue
        }
        let merged = try await manifests.merge(group, change.dataSequenceNumber, base, work)
        all.append(SnapshotAssembly.stamped(merged, sequenceNumber))
        counts.processed += merged.liveFileCount ?? 0
        let created = group.count { own.contains($0.path) }
        counts.replaced += group.count - created
        counts.created += 1 - created
      }
    }

    for file in change.addedFiles + change.addedDeletes { summary.add(file, try Self.spec(of: file, base)) }
    for entry in data.removed + deletes.removed { summary.remove(entry.file, try Self.spec(of: entry.file, base)) }
    var details = change.summary
    if change.replacesPartitions { details.append((SnapshotSummary.replacePartitions, "true")) }
    let stagingID = work.stagingID.flatMap { properties.isWriteAuditPublish ? $0 : nil }
    if let stagingID { details.append((SnapshotSummary.stagedWrite, stagingID)) }
    let snapshot = try await SnapshotAssembly(base, id: snapshotID, sequenceNumber: sequenceNumber).snapshot(
      all,
      summary: summary.summary(
        parent: parent?.summary, partitionLimit: properties.summaryPartitionLimit,
        manifests: (counts.created, all.count - counts.created, counts.replaced), entriesProcessed: counts.processed,
        details: details, engine: work.engine),
      work)
    return stagingID == nil ? table.adding(snapshot, to: branch) : table.staging(snapshot)
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
    await ManifestReader.fetchAhead(old, from: work.store)
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
}
