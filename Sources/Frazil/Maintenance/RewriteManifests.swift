import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// `CALL system.rewrite_manifests(table [, use_caching, spec_id, sort_by, dry_run])` (sql.md 18.3).
extension StatementRunner {
  func callRewriteManifests(_ arguments: ProcedureArguments) async throws -> StatementResult {
    // Caching is about Spark's own memory.
    let (table, values) = try arguments.tableAnd(["use_caching", "spec_id", "sort_by", "dry_run"], required: 0)
    _ = try arguments.flag(values[0], "use_caching")
    let specID = try values[1].map { Int32(clamping: try arguments.integer($0, "spec_id")) }
    let fields = try values[2].map { try arguments.words($0, "sort_by") } ?? []
    let isDryRun = try arguments.flag(values[3], "dry_run")
    let (entry, location) = try await icebergEntry(table)
    return try await located(arguments.range) {
      let rewrite = ManifestRewrite(specID: specID, sortedBy: fields)
      let (metadata, _) = try await loadCurrent(table)
      let candidates = try await rewrite.candidates(in: metadata, engine.store)
      if isDryRun { return textResult(Self.dryRunColumns, candidates.map { [$0.path, "\($0.length)"] }) }
      if !candidates.isEmpty { try await commit(rewrite, to: entry, at: location, table.range) }
      let outcome = rewrite.outcome
      return textResult(["rewritten_manifests_count", "added_manifests_count"], [["\(outcome.rewritten)", "\(outcome.added)"]])
    }
  }
}
