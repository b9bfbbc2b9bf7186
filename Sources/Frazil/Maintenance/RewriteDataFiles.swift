import Connectors
import Iceberg
import SQLSyntax

/// `CALL system.rewrite_data_files(…)` (sql.md 18.3): bin-packing, sorting and Z-ordering.
extension StatementRunner {
  func callRewriteDataFiles(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let (name, values) = try arguments.tableAnd(
      ["strategy", "sort_order", "options", "where", "target_file_size_bytes", "min_input_files", "dry_run"], required: 0)
    var options = try values[2].map { try arguments.map($0, "options") } ?? [:]
    // Spark knows these only as options; scripts pass them as arguments.
    if let size = values[4] { options["target-file-size-bytes"] = "\(try arguments.integer(size, "target_file_size_bytes"))" }
    if let count = values[5] { options["min-input-files"] = "\(try arguments.integer(count, "min_input_files"))" }
    let rewriting = try RewriteOptions(options, values[2]?.range ?? arguments.range)
    let removesDangling = try rewriting.removesDanglingDeletes()
    let isDryRun = try arguments.flag(values[6], "dry_run")
    let entry = try await icebergEntry(name)
    return try await located(arguments.range) {
      let table = try await writableTable(entry.entry, at: entry.location, name.range)
      var request = try rewriting.request(table.metadata)
      request.order = try rowOrder(strategy: values[0], order: values[1], table.metadata, arguments)
      request.filter = try values[3].map { try arguments.condition($0, "where") }
      if isDryRun {
        let groups = try await beginCompaction(table, entry, name: name, request).groups
        return textResult(
          ["file_group", "file", "bytes"],
          groups.enumerated().flatMap { index, group in group.map { ["\(index + 1)", $0.file.path, "\($0.file.fileSize)"] } })
      }
      var outcome = try await compact(table, entry, name: name, request)
      if removesDangling {
        let (current, location) = try await icebergEntry(name)
        outcome.removedDeleteFiles += try await icebergWriter(current, at: location)
          .removeDanglingDeletes(from: try await writableTable(current, at: location, name.range))
      }
      return textResult(
        ["rewritten_data_files_count", "added_data_files_count", "rewritten_bytes_count", "failed_data_files_count",
         "removed_delete_files_count"],
        [
          [
            "\(outcome.rewrittenFiles)", "\(outcome.addedFiles)", "\(outcome.rewrittenBytes)", "\(outcome.failedFiles)",
            "\(outcome.removedDeleteFiles)",
          ]
        ])
    }
  }

  /// - Returns: nil for the table's own order, if it has one.
  private func rowOrder(
    strategy: ProcedureArguments.Argument?, order: ProcedureArguments.Argument?, _ metadata: TableMetadata, _ arguments: ProcedureArguments
  ) throws -> RowOrder? {
    let word = try strategy.map { try arguments.text($0, "strategy") }?.lowercased()
    switch word {
    case nil, "sort": break
    case "binpack":
      if let order {
        throw SQLError(
          .invalidProcedureArgument, "Strategy 'binpack' takes no sort_order", range: order.range, hint: "strategy => 'sort' does.")
      }
    default:
      throw SQLError(
        .invalidProcedureArgument, "Unknown strategy '\(word ?? "")'", range: strategy?.range,
        hint: "'binpack' or 'sort'; a Z-order is sort_order => 'zorder(a, b)'.")
    }
    if let order { return try RowOrder(try arguments.text(order, "sort_order"), metadata.schema, order.range) }
    if word == "sort" {
      guard !metadata.sortOrder.fields.isEmpty else {
        throw SQLError(
          .invalidProcedureArgument, "Strategy 'sort' needs an order: the table has none of its own", range: strategy?.range,
          hint: "sort_order => 'a, b DESC', or ALTER TABLE … WRITE ORDERED BY …")
      }
      if let unknown = metadata.sortOrder.fields.first(where: { if case .unknown = $0.transform { true } else { false } }) {
        throw SQLError.notSupported("Sorting by the transform \(unknown.transform.text)", range: strategy?.range)
      }
    }
    return nil
  }
}
