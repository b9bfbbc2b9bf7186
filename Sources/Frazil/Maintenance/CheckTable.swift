import Columnar
import Connectors
import Execution
import Iceberg
import Planner
import SQLSyntax
import Storage

/// `CALL system.check_table('t')`, which `frazil check t` runs: whether a table is what the specification says, file by file, and which
/// engines would not take it.
extension StatementRunner {
  func callCheckTable(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let (name, values) = try arguments.tableAnd(["all_snapshots", "read_data", "engines"], required: 0)
    let everySnapshot = try arguments.flag(values[0], "all_snapshots")
    let readsData = values[1] == nil ? true : try arguments.flag(values[1], "read_data")
    let engines = try values[2].map { try arguments.flag($0, "engines") }
    let (_, location) = try await icebergEntry(name)
    // What memory holds of the table says nothing about what lies there now.
    let store = engine.store.uncached
    return try await located(arguments.range) {
      let metadata: TableMetadata
      do throws(IcebergError) { metadata = try await TableMetadata.load(Location(location), from: store) } catch {
        // A store that refuses, and what is not supported here, are no fault of the table.
        if error.kind == .storage || error.kind == .unsupported { throw error }
        return checkResult([TableProblem(.error, location, "the metadata file cannot be read: \(error.message)")])
      }
      var problems = MetadataCheck.problems(metadata, file: location)
      var limits = engines == false ? [] : EngineLimits.problems(metadata, file: location, includesLocalPaths: engines ?? false)
      let table: IcebergTable
      do { table = try IcebergTable(metadata: metadata, store: store, footers: engine.footers) } catch let error as IcebergError {
        return checkResult(problems + [TableProblem(.error, location, "the table cannot be read: \(error.message)")] + limits)
      }
      let current = metadata.currentSnapshot
      for snapshot in metadata.snapshots where everySnapshot || snapshot.id == current?.id {
        var check = ManifestCheck(metadata, store)
        await check.check(snapshot)
        problems += check.problems
        guard snapshot.id == current?.id else { continue }
        if engines != false { limits += EngineLimits.problems(ofDeletes: check.deletes) }
        if readsData {
          let read = try await checkFiles(check, table)
          problems += read.filter { $0.severity != .engine }
          if engines != false { limits += read.filter { $0.severity == .engine } }
        }
      }
      return checkResult(problems + limits)
    }
  }

  private func checkResult(_ problems: [TableProblem]) -> StatementResult {
    textResult(["severity", "place", "problem"], problems.map { [$0.severity.rawValue, $0.place, $0.message] })
  }

  /// Reads every data and delete file of the current state that is there.
  private func checkFiles(_ manifests: ManifestCheck, _ table: IcebergTable) async throws -> [TableProblem] {
    var problems: [TableProblem] = []
    do { _ = try await table.tasks(matching: []) } catch {
      problems.append(
        error.kind == .unsupported
          ? TableProblem(.engine, EngineLimits.thisEngine, error.description)
          : TableProblem(.error, error.file ?? table.metadata.location, "the table cannot be read: \(error.message)"))
    }
    let tasks = manifests.readableFiles
    for task in tasks {
      do { problems += try await checkFile(task, table) } catch {
        let failure = SQLError(wrapping: error)
        if failure.code == .userCanceled { throw error }
        problems.append(
          failure.code == .notSupported
            ? TableProblem(.engine, EngineLimits.thisEngine, "\(task.file.path): \(failure.message)")
            : TableProblem(.error, task.file.path, "the file cannot be read: \(failure.message)"))
      }
    }
    problems += try await DeleteFileCheck.problems(
      manifests.deletes.filter { !manifests.missing.contains($0.file.path) }, manifests.dataFiles, table, context)
    if table.metadata.properties[NameMapping.property] == nil {
      let unnamed = tasks.count { table.lacksFieldIDs($0.file) }
      if unnamed > 0 { problems.append(EngineLimits.problem(ofFilesWithoutIDs: unnamed)) }
    }
    return problems
  }

  private func checkFile(_ task: FileScanTask, _ table: IcebergTable) async throws -> [TableProblem] {
    var problems: [TableProblem] = []
    let check = try FileBoundsCheck(task, table)
    for try await batch in try await executor.execute(check.plan) {
      problems += check.problems(batch.columns.map { $0.scalarValue(at: 0) })
    }
    for scan in check.bucketScans {
      // Read to the end: letting go of a query early cancels the statement.
      var found: TableProblem?
      for try await batch in try await executor.execute(scan.plan) where found == nil {
        found = check.problem(scan.field, scan.value, batch.columns[0])
      }
      if let found { problems.append(found) }
    }
    return problems
  }
}
