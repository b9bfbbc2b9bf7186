import Catalogs
import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// Procedures that move a table between its snapshots: Spark's names, arguments and results (sql.md 18.3).
extension StatementRunner {
  func callSnapshotProcedure(_ name: String, _ arguments: ProcedureArguments) async throws -> StatementResult? {
    switch name {
    case "rollback_to_snapshot":
      let (table, values) = try arguments.tableAnd(["snapshot_id"], required: 1)
      let id = try arguments.integer(values[0], "snapshot_id")
      return try await moveMain(table) { base in
        guard base.isAncestor(id, of: base.currentSnapshotID) else {
          throw IcebergError(.invalid, "Cannot roll back to snapshot, not an ancestor of the current state: \(id)")
        }
        return id
      }
    case "rollback_to_timestamp":
      let (table, values) = try arguments.tableAnd(["timestamp"], required: 1)
      let instant = try arguments.instant(values[0], "timestamp", now: context)
      return try await moveMain(table) { base in
        guard let found = base.ancestors(of: base.currentSnapshotID).first(where: { $0.timestampMilliseconds < instant }) else {
          throw IcebergError(.invalid, "Cannot roll back, no valid snapshot older than that time")
        }
        return found.id
      }
    case "set_current_snapshot":
      let (table, values) = try arguments.tableAnd(["snapshot_id", "ref"], required: 0)
      guard values.count(where: { $0 != nil }) == 1 else {
        throw SQLError(.invalidProcedureArgument, "Either snapshot_id or ref must be provided, not both", range: arguments.range)
      }
      let id = try values[0].map { try arguments.integer($0, "snapshot_id") }
      let reference = try values[1].map { try arguments.text($0, "ref") }
      return try await moveMain(table) { base in
        if let id { return id }
        guard let found = reference.flatMap({ base.allReferences[$0] }) else {
          throw IcebergError(.notFound, "Cannot find matching snapshot ID for ref \(reference ?? "")")
        }
        return found.snapshotID
      }
    case "cherrypick_snapshot":
      let (table, values) = try arguments.tableAnd(["snapshot_id"], required: 1)
      return try await cherryPick(table, CherryPick(snapshotID: try arguments.integer(values[0], "snapshot_id")))
    case "publish_changes":
      let (table, values) = try arguments.tableAnd(["wap_id"], required: 1)
      return try await cherryPick(table, CherryPick(stagedAs: try arguments.text(values[0], "wap_id")))
    case "fast_forward":
      let (table, values) = try arguments.tableAnd(["branch", "to"], required: 2)
      return try await fastForward(table, try arguments.text(values[0], "branch"), to: try arguments.text(values[1], "to"))
    case "ancestors_of":
      let (table, values) = try arguments.tableAnd(["snapshot_id"], required: 0)
      let start = try values[0].map { try arguments.integer($0, "snapshot_id") }
      let (metadata, _) = try await loadCurrent(table)
      let chain = metadata.ancestors(of: start ?? metadata.currentSnapshotID)
      return textResult(
        ["snapshot_id", "timestamp"], chain.map { ["\($0.id)", TableMetadata.timeText($0.timestampMilliseconds)] })
    default: return nil
    }
  }

  /// Makes another snapshot current.
  private func moveMain(
    _ table: QualifiedName, to choose: @escaping @Sendable (TableMetadata) throws -> Int64
  ) async throws -> StatementResult {
    let (entry, location) = try await icebergEntry(table)
    let (before, _) = try await loadCurrent(table)
    let now = engine.now / 1_000
    let after = try await commit(
      MetadataChange { base in try base.settingCurrent(try choose(base), nowMilliseconds: now) }, to: entry, at: location, table.range)
    return textResult(
      ["previous_snapshot_id", "current_snapshot_id"],
      [[before.currentSnapshotID.map { "\($0)" }, after.currentSnapshotID.map { "\($0)" }]])
  }

  private func cherryPick(_ table: QualifiedName, _ pick: CherryPick) async throws -> StatementResult {
    let (entry, location) = try await icebergEntry(table)
    let after = try await commit(pick, to: entry, at: location, table.range)
    return try await located(table.range) {
      textResult(
        ["source_snapshot_id", "current_snapshot_id"],
        [["\(try pick.source(in: after).id)", after.currentSnapshotID.map { "\($0)" }]])
    }
  }

  private func fastForward(_ table: QualifiedName, _ branch: String, to target: String) async throws -> StatementResult {
    let (entry, location) = try await icebergEntry(table)
    let (before, _) = try await loadCurrent(table)
    let now = engine.now / 1_000
    let after = try await commit(
      MetadataChange { base in
        guard let to = base.allReferences[target] else { throw IcebergError(.notFound, "Ref does not exist: \(target)") }
        guard let from = base.allReferences[branch] else {
          return try base.setting(
            branch, to: SnapshotReference(snapshotID: to.snapshotID, kind: .branch), mustExist: false, mayExist: false)
        }
        guard base.isAncestor(from.snapshotID, of: to.snapshotID) else {
          throw IcebergError(.invalid, "Cannot fast-forward: \(branch) is not an ancestor of \(target)")
        }
        if branch == SnapshotReference.mainBranch { return try base.settingCurrent(to.snapshotID, nowMilliseconds: now) }
        var moved = from
        moved.snapshotID = to.snapshotID
        return try base.setting(branch, to: moved, mustExist: true, mayExist: true)
      }, to: entry, at: location, table.range)
    return textResult(
      ["branch_updated", "previous_ref", "updated_ref"],
      [[branch, before.allReferences[branch].map { "\($0.snapshotID)" }, after.allReferences[branch].map { "\($0.snapshotID)" }]])
  }
}
