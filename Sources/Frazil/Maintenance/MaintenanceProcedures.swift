import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// Spark's maintenance procedures (sql.md 18.3). `dry_run => true` lists what would go and changes nothing.
extension StatementRunner {
  func callMaintenanceProcedure(_ name: String, _ arguments: ProcedureArguments) async throws -> StatementResult? {
    switch name {
    case "expire_snapshots": return try await callExpireSnapshots(arguments)
    case "remove_orphan_files": return try await callRemoveOrphanFiles(arguments)
    case "check_table": return try await callCheckTable(arguments)
    case "rewrite_manifests": return try await callRewriteManifests(arguments)
    case "rewrite_position_delete_files": return try await callRewritePositionDeletes(arguments)
    case "rewrite_data_files": return try await callRewriteDataFiles(arguments)
    case "compute_partition_stats": return try await callComputePartitionStatistics(arguments)
    case "compute_table_stats": return try await callComputeTableStatistics(arguments)
    default: return nil
    }
  }

  private func callExpireSnapshots(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let (table, values) = try arguments.tableAnd(
      ["older_than", "retain_last", "max_concurrent_deletes", "stream_results", "snapshot_ids", "clean_expired_metadata", "dry_run"],
      required: 0)
    let olderThan = try values[0].map { try arguments.instant($0, "older_than", now: context) }
    let retained = try values[1].map { try arguments.integer($0, "retain_last") }
    let named = try values[4].map { try arguments.integers($0, "snapshot_ids") }
    let dryRun = try arguments.flag(values[6], "dry_run")
    let now = engine.now / 1_000
    let expired = try await located(arguments.range) {
      try await expire(table, dryRun: dryRun) { metadata in
        var expiry = SnapshotExpiry(metadata, nowMilliseconds: now)
        if let olderThan { expiry.olderThan = olderThan }
        if let retained { expiry.minimumKept = Int(clamping: max(1, retained)) }
        if let named {
          expiry.named = Set(named)
          // Only those that are named, unless an age is given besides.
          if olderThan == nil { expiry.olderThan = .min }
        }
        return expiry
      }
    }
    if dryRun {
      let sizes = try await listed(expired.files.all.sorted())
      return textResult(Self.dryRunColumns, sizes.map { [$0.path, $0.bytes.map { "\($0)" }] })
    }
    let files = expired.files
    return textResult(
      [
        "deleted_data_files_count", "deleted_position_delete_files_count", "deleted_equality_delete_files_count",
        "deleted_manifest_files_count", "deleted_manifest_lists_count", "deleted_statistics_files_count",
      ],
      [
        [
          "\(files.dataFiles.count)", "\(files.positionDeletes.count)", "\(files.equalityDeletes.count)",
          "\(files.manifests.count)", "\(files.manifestLists.count)", "\(files.statistics.count)",
        ]
      ])
  }

  /// What a dry run tells of each file that would be touched.
  static let dryRunColumns = ["file", "bytes"]

  private func listed(_ paths: [String]) async throws -> [(path: String, bytes: Int?)] {
    var result: [(path: String, bytes: Int?)] = []
    for path in paths {
      var bytes: Int?
      if try await engine.store.exists(Location(path)) { bytes = try await engine.store.info(Location(path)).size }
      result.append((path, bytes))
    }
    return result
  }

  private func callRemoveOrphanFiles(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let (table, values) = try arguments.tableAnd(
      ["older_than", "location", "dry_run", "max_concurrent_deletes", "file_list_view", "equal_schemes", "equal_authorities",
       "prefix_mismatch_mode", "prefix_listing", "stream_results"], required: 0)
    let now = engine.now / 1_000
    let day: Int64 = 86_400_000
    let olderThan = try values[0].map { try arguments.instant($0, "older_than", now: context) } ?? now - 3 * day
    guard olderThan <= now - day else {
      throw SQLError(
        .invalidProcedureArgument,
        "Cannot remove orphan files with an interval less than 24 hours: files of writes that are under way would go", range: arguments.range)
    }
    let place = try values[1].map { try arguments.text($0, "location") }
    let dryRun = try arguments.flag(values[2], "dry_run")
    if let view = values[4] {
      throw SQLError.notSupported("remove_orphan_files with file_list_view", range: view.range)
    }
    let (entry, _) = try await icebergEntry(table)
    return try await located(arguments.range) {
      if let keeper = try await keeper(ofFilesOf: entry) {
        throw SQLError.notSupported("removing orphan files of this table: \(keeper)", range: arguments.range)
      }
      let (metadata, current) = try await loadCurrent(table)
      try metadata.checkMayDeleteFiles("remove orphan files")
      if let place, Location(place).canonicalText != Location(metadata.location).canonicalText,
        Location(place).relativePath(below: Location(metadata.location)) == nil
      {
        throw SQLError(.invalidProcedureArgument, "location must lie in the table's own: \(metadata.location)", range: values[1]?.range)
      }
      let orphans = try await removeOrphans(
        metadata, current, below: place ?? metadata.location, olderThan: olderThan, dryRun: dryRun)
      return textResult(["orphan_file_location"], orphans.map { [$0] })
    }
  }
}
