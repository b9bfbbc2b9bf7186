import Connectors
import Iceberg
import Planner
import SQLSyntax

/// `CALL system.rewrite_position_delete_files(table [, options, where, dry_run])` (sql.md 18.3).
extension StatementRunner {
  func callRewritePositionDeletes(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let (name, values) = try arguments.tableAnd(["options", "where", "dry_run"], required: 0)
    let options = try PositionDeleteOptions(values[0].map { try arguments.map($0, "options") } ?? [:], values[0]?.range ?? arguments.range)
    let filter = try values[1].map { try arguments.condition($0, "where") }
    let isDryRun = try arguments.flag(values[2], "dry_run")
    let (entry, location) = try await icebergEntry(name)
    return try await located(arguments.range) {
      let table = try await writableTable(entry, at: location, name.range)
      let predicates = try filter.map { try partitionPredicates($0, table, name, values[1]?.range) } ?? []
      let rewrite = try await icebergWriter(entry, at: location)
        .beginPositionDeleteRewrite(of: table, predicates: predicates, options.limits(table.metadata))
      if isDryRun {
        return textResult(Self.dryRunColumns, rewrite.groups.flatMap(\.deletes).map { [$0.path, "\($0.fileSize)"] })
      }
      let outcome = rewrite.groups.isEmpty ? PositionDeleteRewrite.Outcome() : try await rewrite.run()
      return textResult(
        ["rewritten_delete_files_count", "added_delete_files_count", "rewritten_bytes_count", "added_bytes_count"],
        [["\(outcome.rewrittenFiles)", "\(outcome.addedFiles)", "\(outcome.rewrittenBytes)", "\(outcome.addedBytes)"]])
    }
  }

  /// What a condition says of partitions; one that says nothing would choose them all.
  private func partitionPredicates(
    _ filter: Expression, _ table: IcebergTable, _ name: QualifiedName, _ range: SourceRange?
  ) throws -> [ColumnPredicate] {
    do {
      let binder = Binder(relations: ResolvedRelations(), settings: binderSettings())
      let found = optimizedFilter(try binder.bind(filter, over: table, name: name), table, name).scanPredicates
      let sources = Set(table.metadata.partitionSpecs.flatMap(\.fields).map(\.sourceID))
      let fields = table.metadata.schema.fields
      guard found.contains(where: { fields.indices.contains($0.column) && sources.contains(fields[$0.column].id) }) else {
        throw SQLError.notSupported(
          "where: it does not tell partitions apart", range: range, hint: "compare partition columns with constants.")
      }
      return found
    } catch var error as SQLError {
      // Its place is in the text of the argument.
      error.range = range
      throw error
    }
  }
}

/// The options map of `rewrite_position_delete_files`.
private struct PositionDeleteOptions {
  private let numbers: [String: Int64]
  private let rewritesAll: Bool

  private static let sizes = ["target-file-size-bytes", "min-file-size-bytes", "max-file-size-bytes", "min-input-files"]
  /// How Spark spreads the work; nothing of the outcome.
  private static let ignored: Set<String> = [
    "max-concurrent-file-group-rewrites", "max-file-group-size-bytes", "partial-progress.enabled", "partial-progress.max-commits",
    "rewrite-job-order",
  ]

  init(_ options: [String: String], _ range: SourceRange) throws(SQLError) {
    var numbers: [String: Int64] = [:]
    var rewritesAll = false
    for (key, value) in options.sorted(by: { $0.key < $1.key }) where !Self.ignored.contains(key) {
      if key == "rewrite-all" {
        rewritesAll = value.lowercased() == "true"
      } else if Self.sizes.contains(key) {
        guard let number = Int64(value), number >= 0 else {
          throw SQLError(.invalidProcedureArgument, "Option '\(key)' must be a whole number: \(value)", range: range)
        }
        numbers[key] = number
      } else {
        throw SQLError(
          .invalidProcedureArgument, "Unknown option '\(key)'", range: range,
          hint: Suggestion.hint(for: key, among: Self.sizes + ["rewrite-all"]))
      }
    }
    self.numbers = numbers
    self.rewritesAll = rewritesAll
  }

  func limits(_ metadata: TableMetadata) -> PositionDeletePlan.Limits {
    var limits = PositionDeletePlan.Limits(metadata, targetFileSize: numbers["target-file-size-bytes"])
    if let size = numbers["min-file-size-bytes"] { limits.minimumFileSize = size }
    if let size = numbers["max-file-size-bytes"] { limits.maximumFileSize = size }
    if let count = numbers["min-input-files"] { limits.minimumInputFiles = Int(clamping: count) }
    limits.rewritesAll = rewritesAll
    return limits
  }
}
