import Storage
import Synchronization

/// Brings the changes of a snapshot into the table's current state: a staged write is published. Java's CherryPickOperation.
///
/// ```
/// its parent is current ─ yes ─▶ it becomes current (fast-forward)
///                       └ no ──▶ append or dynamic overwrite: a new snapshot with the same files; anything else is refused
/// ```
package final class CherryPick: SnapshotUpdate {
  private let choose: @Sendable (TableMetadata) throws(IcebergError) -> Int64
  private let picked = Mutex<SnapshotChange?>(nil)

  package init(snapshotID: Int64) {
    choose = { _ in snapshotID }
  }

  /// Picks the snapshot that was staged under a write-audit-publish id.
  package init(stagedAs id: String) {
    choose = { base throws(IcebergError) in
      guard let staged = base.snapshots.first(where: { $0.summary[SnapshotSummary.stagedWrite] == id }) else {
        throw IcebergError(.invalid, "Cannot apply unknown WAP ID '\(id)'")
      }
      return staged.id
    }
  }

  /// The snapshot that is meant.
  package func source(in base: TableMetadata) throws(IcebergError) -> Snapshot {
    let id = try choose(base)
    guard let snapshot = base.snapshot(id: id) else {
      throw IcebergError(.notFound, "Cannot cherry-pick unknown snapshot ID: \(id)")
    }
    return snapshot
  }

  package func apply(to base: TableMetadata, _ work: CommitWork) async throws(IcebergError) -> TableMetadata {
    let source = try source(in: base)
    let history = base.ancestors(of: base.currentSnapshotID)
    if history.contains(where: { $0.id == source.id }) {
      throw IcebergError(.invalid, "Cannot cherrypick snapshot \(source.id): already an ancestor")
    }
    if let earlier = history.first(where: { $0.summary.number(SnapshotSummary.sourceSnapshot) == source.id }) {
      throw IcebergError(.invalid, "Cannot cherrypick snapshot \(source.id): already picked to create ancestor \(earlier.id)")
    }
    let stagedAs = source.summary[SnapshotSummary.stagedWrite].flatMap { $0.isEmpty ? nil : $0 }
    if let stagedAs,
      history.contains(where: {
        $0.summary[SnapshotSummary.stagedWrite] == stagedAs || $0.summary[SnapshotSummary.publishedWrite] == stagedAs
      })
    {
      throw IcebergError(.invalid, "Duplicate request to cherry pick wap id that was published already: \(stagedAs)")
    }
    if source.parentID == base.currentSnapshotID {
      var next = try base.settingCurrent(source.id, nowMilliseconds: work.now())
      next.lastUpdatedMilliseconds = max(work.now(), base.lastUpdatedMilliseconds)
      return next
    }
    let isOverwrite = source.operation == "overwrite" && source.summary[SnapshotSummary.replacePartitions]?.lowercased() == "true"
    guard source.operation == "append" || isOverwrite else {
      throw IcebergError(
        .invalid, "Cannot cherry-pick snapshot \(source.id): not append, dynamic overwrite, or fast-forward")
    }
    let changes = try await Self.changes(of: source, base, work.store)
    if isOverwrite { try await Self.checkPartitions(changes, of: source, base, work.store) }
    let change = picked.withLock { known in
      // The same one at every attempt, so that its manifests are written once.
      if let known { return known }
      let made = SnapshotChange(Self.fileChange(changes, source, stagedAs: stagedAs, isOverwrite: isOverwrite))
      known = made
      return made
    }
    return try await change.apply(to: base, work)
  }

  private static func fileChange(
    _ changes: [ManifestEntry], _ source: Snapshot, stagedAs: String?, isOverwrite: Bool
  ) -> FileChange {
    var change = FileChange(adding: changes.filter { $0.status == .added }.map(\.file))
    change.removedFiles = Set(changes.filter { $0.status == .deleted }.map(\.file.path))
    change.replacesPartitions = isOverwrite
    if let stagedAs { change.summary.append((SnapshotSummary.publishedWrite, stagedAs)) }
    change.summary.append((SnapshotSummary.sourceSnapshot, "\(source.id)"))
    return change
  }

  /// The data files that a snapshot itself added and removed.
  private static func changes(
    of snapshot: Snapshot, _ base: TableMetadata, _ store: any ObjectStore
  ) async throws(IcebergError) -> [ManifestEntry] {
    let entries = try await ownEntries(of: snapshot, base, store)
    guard entries.allSatisfy({ $0.content == .data || $0.entry.status == .deleted }) else {
      throw IcebergError(.invalid, "Cannot cherry-pick snapshot \(snapshot.id): it adds row-level deletes")
    }
    return entries.filter { $0.content == .data }.map(\.entry)
  }

  /// A dynamic overwrite may be picked while the partitions it replaces are as it saw them.
  private static func checkPartitions(
    _ changes: [ManifestEntry], of source: Snapshot, _ base: TableMetadata, _ store: any ObjectStore
  ) async throws(IcebergError) {
    if let parent = source.parentID, !base.isAncestor(parent, of: base.currentSnapshotID) {
      throw IcebergError(
        .invalid, "Cannot cherry-pick overwrite not based on an ancestor of the current state: \(source.id)")
    }
    let replaced = Set(changes.filter { $0.status == .added }.map { FilePartition($0.file) })
    for snapshot in base.ancestors(of: base.currentSnapshotID) {
      if snapshot.id == source.parentID { break }
      for (_, entry) in try await Self.ownEntries(of: snapshot, base, store) where entry.status == .added {
        guard replaced.contains(FilePartition(entry.file)) else { continue }
        let spec = base.partitionSpec(id: entry.file.partitionSpecID)
        throw IcebergError(
          .validation, "Cannot cherry-pick replace partitions with changed partition: \(spec?.path(entry.file.partition) ?? entry.file.path)")
      }
    }
  }

  /// Data and delete files that a snapshot itself added or removed.
  private static func ownEntries(
    of snapshot: Snapshot, _ base: TableMetadata, _ store: any ObjectStore
  ) async throws(IcebergError) -> [(content: ManifestFile.Content, entry: ManifestEntry)] {
    var found: [(content: ManifestFile.Content, entry: ManifestEntry)] = []
    for manifest in try await ScanPlanner.manifests(of: snapshot, base, store) where manifest.addedSnapshotID == snapshot.id {
      for entry in try await ManifestReader.entries(manifest, base, from: store)
      where entry.snapshotID == snapshot.id && entry.status != .existing {
        found.append((manifest.content, entry))
      }
    }
    return found
  }
}

extension SnapshotSummary {
  /// The write-audit-publish id of a staged snapshot.
  static let stagedWrite = "wap.id"
  /// The id that the snapshot's rows were staged under.
  static let publishedWrite = "published-wap-id"
  static let sourceSnapshot = "source-snapshot-id"
  /// `true` for a dynamic overwrite.
  static let replacePartitions = "replace-partitions"
}
