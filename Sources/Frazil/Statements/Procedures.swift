import Catalogs
import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// CALL: procedures over tables, with Spark's names and arguments, and Trino's where it has the same one.
extension StatementRunner {
  func runCall(_ call: CallStatement, range: SourceRange) async throws -> StatementResult {
    let parts = call.name.parts.map(\.folded)
    guard parts.count == 2 || parts.count == 3, parts[parts.count - 2] == "system" else {
      throw SQLError(
        .procedureNotFound, "Procedure '\(call.name.folded)' is not registered", range: call.name.range,
        hint: "Procedures are called as system.name(…).")
    }
    if parts.count == 3, parts[0] != place.catalog {
      return try await inCatalog(call.name.parts[0]).runCall(call, range: range)
    }
    let arguments = try ProcedureArguments(call, binder: Binder(relations: ResolvedRelations(), settings: binderSettings()))
    switch parts[parts.count - 1] {
    case "register_table": return try await registerTable(arguments)
    case "unregister_table": return try await unregisterTable(arguments)
    case "glue_table_input": return try await glueTableInput(arguments)
    case "create_changelog_view": return try await createChangelogView(arguments)
    case let name:
      if let reason = Self.missingProcedures[name] {
        throw SQLError.notSupported(
          "Procedure 'system.\(name)' is not supported: \(reason)", range: call.name.range,
          hint: "There are " + Self.procedures.sorted().joined(separator: ", ") + ".")
      }
      if let result = try await callSnapshotProcedure(name, arguments) { return result }
      if let result = try await callMaintenanceProcedure(name, arguments) { return result }
      if let result = try await callImportProcedure(name, arguments) { return result }
      throw SQLError(
        .procedureNotFound, "Procedure 'system.\(name)' is not registered", range: call.name.range,
        hint: Suggestion.hint(for: name, among: Self.procedures))
    }
  }

  /// As in Spark, the catalog before a procedure is where its tables are looked up.
  private func inCatalog(_ name: Identifier) throws(SQLError) -> StatementRunner {
    do throws(SQLError) { _ = try engine.catalog(named: name.folded) } catch { throw error.located(at: name.range) }
    var runner = self
    runner.statedPlace = NamePlace(catalog: name.folded, database: place.database)
    return runner
  }

  private static let procedures = [
    "register_table", "unregister_table", "glue_table_input", "rollback_to_snapshot", "rollback_to_timestamp", "set_current_snapshot", "fast_forward",
    "ancestors_of", "cherrypick_snapshot", "publish_changes", "expire_snapshots", "remove_orphan_files", "rewrite_data_files",
    "rewrite_manifests", "rewrite_position_delete_files", "add_files", "snapshot", "migrate", "check_table", "create_changelog_view",
    "compute_table_stats", "compute_partition_stats",
  ]

  /// Spark's procedures that this version does not have, and why not.
  private static let missingProcedures = [
    "rewrite_table_path": "--mount reads and writes tables below another path as they are",
  ]

  /// `register_table(table, metadata_file)`, or Trino's `(schema_name, table_name, table_location [, metadata_file_name])`.
  private func registerTable(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let isTrinos = arguments.isNamed("schema_name") || arguments.positionalCount > 2
    let name: [String]
    var place: ProcedureArguments.Text
    if isTrinos {
      let values = try arguments.texts(["schema_name", "table_name", "table_location", "metadata_file_name"], required: 3)
      name = [values[0], values[1]].compactMap { $0?.value.lowercased() }
      place = try arguments.require(values[2], "table_location")
      if let file = values[3] { place.value = Location(place.value).appending("metadata/" + file.value).text }
    } else {
      let values = try arguments.texts(["table", "metadata_file"], required: 2)
      name = try arguments.require(values[0], "table").value.lowercased().split(separator: ".").map(String.init)
      place = try arguments.require(values[1], "metadata_file")
    }
    let (catalog, database, table) = try tablePlace(name, arguments.range)
    return try await located(place.range) {
      _ = try await catalog.database(database)
      let file = try await MetadataDiscovery.currentMetadata(at: Location(absolute(place.value)), in: engine.store)
      let metadata = try await TableMetadata.load(file, from: engine.store)
      try await CatalogPointer(catalog, database: database, table: table, description: metadata.properties["comment"])
        .create(at: file, metadata)
      let summary = metadata.currentSnapshot?.summary
      return textResult(
        ["current_snapshot_id", "total_records_count", "total_data_files_count"],
        [[metadata.currentSnapshotID.map { "\($0)" }, summary?["total-records"], summary?["total-data-files"]]])
    }
  }

  /// Trino's `unregister_table(schema_name, table_name)`: the entry goes, the files stay.
  private func unregisterTable(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let values = try arguments.texts(["schema_name", "table_name"], required: 2)
    let (catalog, database, table) = try tablePlace([values[0], values[1]].compactMap { $0?.value.lowercased() }, arguments.range)
    return try await located(arguments.range) {
      guard try await catalog.table(table, in: database).isIceberg else {
        throw SQLError(.notSupported, "'\(database).\(table)' is not an Iceberg table", range: arguments.range)
      }
      try await catalog.dropTable(table, in: database)
      return StatementResult()
    }
  }

  /// `glue_table_input(table)`: the entry of a table or view as `aws glue create-table --cli-input-json` takes it.
  private func glueTableInput(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let values = try arguments.all(["table"], required: 1)
    let name = try arguments.tableName(values[0], "table")
    let entry = try await entry(name)
    return try await located(name.range) { textResult(["json"], [[try GlueTableInput(entry).commandText]], isLaidOut: true) }
  }

  private func tablePlace(
    _ parts: [String], _ range: SourceRange
  ) throws(SQLError) -> (catalog: any Catalog, database: String, table: String) {
    guard (1...3).contains(parts.count) else {
      throw SQLError(.invalidProcedureArgument, "'\(parts.joined(separator: "."))' does not name a table", range: range)
    }
    do throws(SQLError) { return try engine.resolve(parts, in: place) } catch { throw error.located(at: range) }
  }

  /// A relative path would mean something else in the next process; one that a mount takes is left alone.
  func absolute(_ path: String) -> String {
    guard Location(path).scheme == nil, !path.hasPrefix("/"), access(path, F_OK) == 0, let folder = getcwd(nil, 0) else { return path }
    defer { free(folder) }
    return Location(String(cString: folder)).appending(Location(path).canonicalText).text
  }
}
