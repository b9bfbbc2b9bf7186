import Catalogs
import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// Turns the names of a statement into tables and views; the only place where they are loaded.
struct RelationLoader: Sendable {
  let engine: Engine
  let context: QueryContext

  func load(_ request: RelationRequest) async -> ResolvedRelation {
    do {
      switch request.subject {
      case .table(let parts): return try await loadTable(parts, request)
      case .function(let name, let arguments): return try await loadFunction(name, arguments, request)
      }
    } catch {
      return .failed(SQLError(wrapping: error))
    }
  }

  private func loadTable(_ parts: [String], _ request: RelationRequest) async throws -> ResolvedRelation {
    let (database, name) = try place(parts, request)
    let entry = try await engine.catalog.table(name, in: database)
    if entry.isView { return .view(try view(entry)) }
    if entry.isIceberg {
      guard let location = entry.metadataLocation else {
        throw SQLError(.icebergInvalidMetadata, "Table '\(database).\(name)' has no metadata_location")
      }
      return .table(try await icebergTable(Location(location), request), name: "\(database).\(name)")
    }
    if request.version != nil { throw SQLError.notSupported("time travel is for Iceberg tables; \(database).\(name) is none") }
    let table = try await ExternalTable.open(
      entry, catalog: engine.catalog, store: engine.store, footers: engine.footers, nowMicroseconds: context.nowMicroseconds)
    return .table(table, name: "\(database).\(name)")
  }

  private func icebergTable(_ location: Location, _ request: RelationRequest) async throws -> IcebergTable {
    let version: TableMetadata.Version =
      switch request.version {
      case nil: .current
      case .instant(let microseconds): .timestamp(milliseconds: microseconds / 1_000)
      case .snapshot(let id): .snapshot(id)
      case .reference(let name): .reference(name)
      }
    let metadata = try await TableMetadata.load(location, from: engine.store)
    return try IcebergTable(metadata: metadata, version: version, store: engine.store, footers: engine.footers)
  }

  private func place(_ parts: [String], _ request: RelationRequest) throws -> (database: String, table: String) {
    switch parts.count {
    case 1: return (request.place.database, parts[0])
    case 2: return (parts[0], parts[1])
    case 3 where parts[0] == Engine.catalogName: return (parts[1], parts[2])
    default: throw SQLError(.catalogNotFound, "Catalog '\(parts[0])' does not exist")
    }
  }

  private func view(_ entry: CatalogTable) throws -> ViewDefinition {
    guard let text = entry.viewOriginalText, let encoding = try ViewEncoding(text) else {
      throw SQLError(.invalidView, "View '\(entry.database).\(entry.name)' has no Presto definition")
    }
    return ViewDefinition(
      name: "\(entry.database).\(entry.name)", sql: encoding.sql,
      place: NamePlace(catalog: encoding.catalog, database: encoding.database),
      columnNames: encoding.columns.map(\.name))
  }

  private func loadFunction(_ name: String, _ arguments: [TableFunctionValue], _ request: RelationRequest) async throws -> ResolvedRelation {
    switch name {
    case "read_parquet", "parquet_scan":
      let options = try NamedArguments(name, arguments)
      let table = try await ParquetFileTable.open(options, store: engine.store, footers: engine.footers)
      return .table(table, name: shown(name, options))
    case "read_csv", "read_csv_auto":
      let options = try NamedArguments(name, arguments)
      return .table(try await TextFileTable.readCSV(options, store: engine.store), name: shown(name, options))
    case "read_json", "read_json_auto", "read_ndjson", "read_ndjson_auto":
      let options = try NamedArguments(name, arguments)
      let plain = name.hasSuffix("_auto") ? String(name.dropLast(5)) : name
      let table = try await TextFileTable.readJSON(options, function: plain, store: engine.store)
      return .table(table, name: shown(name, options))
    case "iceberg_table":
      guard let path = arguments.first(where: { $0.name == nil })?.value.text else {
        throw SQLError(.invalidArguments, "\(name) takes a path or URI as text")
      }
      let metadata = try await MetadataDiscovery.currentMetadata(at: Location(path), in: engine.store)
      return .table(try await icebergTable(metadata, request), name: "\(name)('\(path)')")
    default: throw SQLError(.functionNotFound, "Table function '\(name)' not registered")
    }
  }

  private func shown(_ function: String, _ arguments: NamedArguments) -> String {
    "\(function)(\(arguments.paths.map { "'\($0)'" }.joined(separator: ", ")))"
  }
}
