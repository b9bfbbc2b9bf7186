import Catalogs
import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// The table functions over the snapshots of a range.
extension RelationLoader {
  /// `table_changes('db.t', 1, 5)` and `table_appends`, with Trino's names too: `schema_name`, `table_name`, `start_snapshot_id`,
  /// `end_snapshot_id`.
  func loadSnapshotRange(
    _ function: String, _ arguments: [TableFunctionValue], _ request: RelationRequest
  ) async throws -> ResolvedRelation {
    let known = ["table_name", "start_snapshot_id", "end_snapshot_id", "schema_name"]
    var values: [String: Scalar] = [:]
    for (index, argument) in arguments.enumerated() {
      guard let name = argument.name ?? (index < 3 ? known[index] : nil), known.contains(name) else {
        throw SQLError(
          .invalidArguments, "\(function) has no argument \(argument.name ?? "number \(index + 1)")",
          hint: "It takes table_name, start_snapshot_id, end_snapshot_id and schema_name.")
      }
      if !argument.value.isNull { values[name] = argument.value }
    }
    guard let text = values["table_name"]?.text else {
      throw SQLError(.invalidArguments, "\(function) needs the name of a table as text: 'database.table'")
    }
    func snapshot(_ name: String) throws -> Int64? {
      guard let value = values[name] else { return nil }
      guard value.type.isInteger, case .int(let id) = value.value else {
        throw SQLError(.invalidArguments, "\(name) of \(function) must be a snapshot id, not a \(value.type)")
      }
      return id
    }
    let metadata: TableMetadata
    if text.contains("/") {
      metadata = try await TableMetadata.load(
        try await MetadataDiscovery.currentMetadata(at: Location(text), in: engine.store), from: engine.store)
    } else {
      let parts = (values["schema_name"]?.text.map { [$0] } ?? []) + text.split(separator: ".").map(String.init)
      let (catalog, database, name) = try engine.resolve(parts.map { $0.lowercased() }, in: request.place)
      let entry = try await entry(name, in: database, of: catalog)
      guard entry.isIceberg else {
        throw SQLError(.notSupported, "\(function) is for Iceberg tables; \(database).\(name) is none")
      }
      metadata = try await read(entry)
    }
    let (start, end) = (try snapshot("start_snapshot_id"), try snapshot("end_snapshot_id"))
    do {
      let table: any Table =
        function == "table_changes"
        ? try IcebergChanges(metadata, from: start, to: end, store: engine.store, footers: engine.footers)
        : try IcebergAppends(metadata, from: start, to: end, store: engine.store, footers: engine.footers)
      return .table(table, name: "\(function)('\(text)')")
    } catch let error as IcebergError where error.kind == .notFound && error.file == nil {
      throw SQLError(.invalidArguments, "\(error)", hint: "\"t$snapshots\" lists the snapshots of a table t.")
    } catch let error as IcebergError where error.kind == .unsupported && function == "table_appends" {
      throw SQLError.notSupported("\(error)", range: request.range, hint: "table_changes gives what was inserted and deleted.")
    }
  }
}
