import Catalogs
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage
import Synchronization

/// VACUUM: what nobody can read any more is removed.
///
/// ```
/// rows that deletes hide ─ files rewritten ─▶ old snapshots expire ─▶ their files go ─▶ files that no state names go
/// ```
/// The first step goes beyond Athena, which leaves it to OPTIMIZE: after DELETE and VACUUM the bytes are gone once the snapshots that
/// held them have expired.
extension StatementRunner {
  func runVacuum(_ name: QualifiedName) async throws -> StatementResult {
    let entry = try await icebergEntry(name)
    return try await located(name.range) {
      let table = try await writableTable(entry.entry, at: entry.location, name.range)
      try table.metadata.checkMayDeleteFiles("vacuum the table")
      var limits = CompactionPlan.Limits(table.metadata)
      limits.minimumFileSize = 0
      limits.maximumFileSize = .max
      limits.deleteFileThreshold = 1
      let rewritten = try await compact(table, entry, name: name, CompactionRequest(limits: limits))
      let now = engine.now / 1_000
      let expired = try await expire(name, dryRun: false) { SnapshotExpiry($0, nowMilliseconds: now) }
      let (current, location) = try await loadCurrent(name)
      let grace = Int64(current.properties["history.expire.max-snapshot-age-ms"] ?? "") ?? SnapshotExpiry.defaultAge
      // Files of others among the table's own would look like orphans.
      let keeper = try await keeper(ofFilesOf: entry.entry)
      let orphans =
        keeper == nil
        ? try await removeOrphans(current, location, below: current.location, olderThan: now - grace, dryRun: false) : []
      return StatementResult(notes: (keeper.map { ["orphan files were not looked for: \($0)"] } ?? []) + [
        "\(rewritten.rewrittenFiles) data files with deleted rows rewritten, \(expired.snapshotCount) snapshots expired, "
          + "\(expired.files.all.count) of their files and \(orphans.count) orphan files removed"
      ])
    }
  }

  struct Expired {
    var snapshotCount = 0
    var files = TableFiles()
  }

  /// Commits the table without expired snapshots, then removes the files that only those needed.
  func expire(
    _ name: QualifiedName, dryRun: Bool, _ expiry: (TableMetadata) -> SnapshotExpiry
  ) async throws -> Expired {
    let (entry, location) = try await icebergEntry(name)
    let (before, _) = try await loadCurrent(name)
    try before.checkMayDeleteFiles("expire snapshots")
    let policy = expiry(before)
    let now = engine.now / 1_000
    let planned = try policy.apply(to: before, nowMilliseconds: now)
    guard planned.snapshots.count < before.snapshots.count || planned.references.count < before.references.count else { return Expired() }
    // Others may have added snapshots since, which expire as well: what went is told from the state that the commit was made on.
    let base = Mutex(before)
    let after =
      dryRun
      ? planned
      : try await commit(
        MetadataChange { newest in
          base.withLock { $0 = newest }
          return try policy.apply(to: newest, nowMilliseconds: now)
        }, to: entry, at: location, name.range)
    let last = base.withLock { $0 }
    let kept = Set(after.snapshots.map(\.id))
    let gone = last.snapshots.filter { !kept.contains($0.id) }
    let unreadable = try await TableFiles(ofExpired: gone, last, engine.store)
    var files = unreadable.subtracting(try await neededFiles(of: name, since: after))
    files.statistics = last.statisticsPaths.subtracting(after.statisticsPaths)
    if !dryRun { try await remove(files.all) }
    return Expired(snapshotCount: gone.count, files: files)
  }

  /// The files of every snapshot of a state, or of the newest one when another expiry has removed some of them meanwhile.
  private func neededFiles(of name: QualifiedName, since state: TableMetadata) async throws -> TableFiles {
    do { return try await TableFiles(of: state.snapshots, state, engine.store) } catch {
      guard error.kind == .notFound else { throw error }
      let (newest, _) = try await loadCurrent(name)
      let ids = Set(newest.snapshots.map(\.id))
      guard !state.snapshots.allSatisfy({ ids.contains($0.id) }) else { throw error }
      return try await neededFiles(of: name, since: newest)
    }
  }

  /// Files below a folder that no state of the table names and that are old enough not to belong to a write that is under way.
  ///
  /// - Returns: their paths, in order.
  func removeOrphans(
    _ metadata: TableMetadata, _ current: Location, below folder: String, olderThan: Int64, dryRun: Bool
  ) async throws -> [String] {
    var known = try await TableFiles(of: metadata.snapshots, metadata, engine.store).all
    known.formUnion(metadata.auxiliaryFiles(current: current))
    let canonical = Set(known.map { Location($0).canonicalText })
    let limit = olderThan * 1_000
    let orphans = try await engine.store.listAll(Location(folder)).filter { info in
      info.modifiedMicroseconds < limit && !canonical.contains(info.location.canonicalText)
    }.map(\.location.text)
    if !dryRun { try await remove(Set(orphans)) }
    return orphans
  }

  /// The newest state of a table and its file.
  func loadCurrent(_ name: QualifiedName) async throws -> (metadata: TableMetadata, location: Location) {
    let (_, location) = try await icebergEntry(name)
    return (try await TableMetadata.load(Location(location), from: engine.store), Location(location))
  }

  private func remove(_ paths: Set<String>) async throws {
    let locations = paths.sorted().map { Location($0) }
    engine.footers.forget(locations)
    try await engine.store.delete(locations)
  }
}

extension TableMetadata {
  /// `gc.enabled` = false says that other tables read this one's files.
  func checkMayDeleteFiles(_ deed: String) throws(SQLError) {
    guard TableProperties(properties).mayDeleteFiles else {
      throw SQLError.notSupported(
        "Cannot \(deed): the table's property gc.enabled is false, its files may belong to other tables as well", range: nil,
        hint: "ALTER TABLE … SET TBLPROPERTIES ('gc.enabled' = 'true') if they do not.")
    }
  }
}
