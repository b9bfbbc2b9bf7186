import Iceberg
import SQLSyntax

/// The options map of `rewrite_data_files` (sql.md 18.3), with the defaults of Java's RewriteDataFiles.
struct RewriteOptions {
  /// All that are known. The last two change how Spark spreads its work; here file groups are written one after the other.
  private static let names = [
    "target-file-size-bytes", "min-file-size-bytes", "max-file-size-bytes", "min-input-files", "rewrite-all", "delete-file-threshold",
    "delete-ratio-threshold", "partial-progress.enabled", "partial-progress.max-commits", "partial-progress.max-failed-commits",
    "use-starting-sequence-number", "output-spec-id", "remove-dangling-deletes", "max-file-group-size-bytes", "rewrite-job-order",
    "max-concurrent-file-group-rewrites", "shuffle-partitions-per-file",
  ]

  private let options: [String: String]
  private let range: SourceRange

  /// - Throws: for an option that is not known.
  init(_ options: [String: String], _ range: SourceRange) throws(SQLError) {
    if let unknown = options.keys.filter({ !Self.names.contains($0) }).min() {
      let known = "known are \(Self.names.joined(separator: ", "))"
      throw SQLError(
        .invalidProcedureArgument, "Unknown option '\(unknown)'", range: range,
        hint: Suggestion.hint(for: unknown, among: Self.names).map { "\($0) \(known)" } ?? known)
    }
    self.options = options
    self.range = range
  }

  /// - Throws: for values that are out of range or contradict each other.
  func request(_ metadata: TableMetadata) throws(SQLError) -> CompactionRequest {
    let target = try number("target-file-size-bytes", atLeast: 1) ?? Int64(TableProperties(metadata.properties).targetFileSize)
    var limits = CompactionPlan.Limits(targetFileSize: target)
    if let size = try number("min-file-size-bytes", atLeast: 0) {
      guard size < target else { throw wrong("min-file-size-bytes", "less than the target file size of \(target) bytes") }
      limits.minimumFileSize = size
    }
    if let size = try number("max-file-size-bytes", atLeast: 1) {
      guard size > target else { throw wrong("max-file-size-bytes", "more than the target file size of \(target) bytes") }
      limits.maximumFileSize = size
    }
    if let count = try number("min-input-files", atLeast: 1) { limits.minimumInputFiles = Int(clamping: count) }
    if let count = try number("delete-file-threshold", atLeast: 0) { limits.deleteFileThreshold = Int(clamping: max(1, count)) }
    if let text = options["delete-ratio-threshold"] {
      guard let ratio = Double(text), ratio > 0, ratio <= 1 else { throw wrong("delete-ratio-threshold", "above 0 and at most 1") }
      limits.deleteRatio = ratio
    }
    limits.rewritesAll = try flag("rewrite-all") ?? false
    if let size = try number("max-file-group-size-bytes", atLeast: 1) { limits.maximumGroupSize = size }
    if let text = options["rewrite-job-order"] {
      guard let order = CompactionPlan.GroupOrder(rawValue: text.lowercased()) else {
        throw wrong("rewrite-job-order", "one of \(CompactionPlan.GroupOrder.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      limits.order = order
    }
    if let id = try number("output-spec-id", atLeast: 0) {
      let known = metadata.partitionSpecs.map(\.id)
      guard let spec = known.first(where: { Int64($0) == id }) else {
        throw wrong("output-spec-id", "one of the table's partition specs: \(known.map { "\($0)" }.joined(separator: ", "))")
      }
      limits.outputSpecID = spec
    }
    _ = try number("max-concurrent-file-group-rewrites", atLeast: 1)
    _ = try number("shuffle-partitions-per-file", atLeast: 1)
    var request = CompactionRequest(limits: limits)
    request.keepsSequenceNumber = try flag("use-starting-sequence-number") ?? true
    let commits = try number("partial-progress.max-commits", atLeast: 1).map { Int(clamping: $0) } ?? 10
    let failures = try number("partial-progress.max-failed-commits", atLeast: 0).map { Int(clamping: $0) } ?? commits
    if try flag("partial-progress.enabled") ?? false {
      request.partialProgress = CompactionRequest.PartialProgress(maximumCommits: commits, maximumFailures: failures)
    }
    return request
  }

  func removesDanglingDeletes() throws(SQLError) -> Bool { try flag("remove-dangling-deletes") ?? false }

  private func number(_ key: String, atLeast minimum: Int64) throws(SQLError) -> Int64? {
    guard let text = options[key] else { return nil }
    guard let number = Int64(text), number >= minimum else { throw wrong(key, "a whole number, at least \(minimum)") }
    return number
  }

  private func flag(_ key: String) throws(SQLError) -> Bool? {
    switch options[key]?.lowercased() {
    case nil: nil
    case "true": true
    case "false": false
    default: throw wrong(key, "true or false")
    }
  }

  private func wrong(_ key: String, _ expected: String) -> SQLError {
    SQLError(.invalidProcedureArgument, "Option '\(key)' must be \(expected): \(options[key] ?? "")", range: range)
  }
}
