import Columnar
import Connectors
import Execution
import Iceberg
import Planner
import SQLSyntax
import Storage

/// `CALL system.check_table('t')`, which `frazil check t` runs: whether a table is what the specification says, file by file.
extension StatementRunner {
  func callCheckTable(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let (name, values) = try arguments.tableAnd(["all_snapshots", "read_data"], required: 0)
    let everySnapshot = try arguments.flag(values[0], "all_snapshots")
    let readsData = values[1] == nil ? true : try arguments.flag(values[1], "read_data")
    let (entry, location) = try await icebergEntry(name)
    return try await located(arguments.range) {
      let table = try await writableTable(entry, at: location, name.range)
      var problems = MetadataCheck.problems(table.metadata, file: location)
      let current = table.metadata.currentSnapshot
      for snapshot in table.metadata.snapshots where everySnapshot || snapshot.id == current?.id {
        var check = ManifestCheck(table.metadata, engine.store)
        await check.check(snapshot)
        problems += check.problems
      }
      if readsData, !problems.contains(where: { $0.severity == .error }) { problems += try await checkData(table) }
      return textResult(["severity", "place", "problem"], problems.map { [$0.severity.rawValue, $0.place, $0.message] })
    }
  }

  /// Reads every data file of the current state.
  private func checkData(_ table: IcebergTable) async throws -> [TableProblem] {
    var problems: [TableProblem] = []
    for task in try await table.tasks(matching: []) {
      let check = try FileBoundsCheck(task, table)
      for try await batch in try await executor.execute(check.plan) {
        problems += check.problems(batch.columns.map { $0.scalarValue(at: 0) })
      }
    }
    return problems
  }
}
