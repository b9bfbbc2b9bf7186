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
  /// The transaction that the statement belongs to.
  var transaction: Transaction?
  /// The view that a CREATE OR REPLACE VIEW is about to define: its query must not read it.
  var viewBeingDefined: TableIdentity?
  /// Spark's `spark.wap.branch`: what tables with `write.wap.enabled` are read from, where they have it.
  var wapBranch: String?
  /// Views of the session, by name; they come before tables.
  var temporaryViews: [String: ViewDefinition] = [:]

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
    if let last = parts.last, let (table, kind) = MetadataTableKind.split(last) {
      return try await loadMetadataTable(parts.dropLast() + [table], kind, .athena, request)
    }
    do {
      return try await loadNamed(parts, request)
    } catch where parts.count > 1 && Self.isMissing(error) {
      // Spark's spelling: what the table is made of, or a branch or tag of it, as a name behind the table's.
      guard let spark = try await loadSparkSuffix(parts, request) else { throw error }
      return spark
    }
  }

  private func loadNamed(_ parts: [String], _ request: RelationRequest) async throws -> ResolvedRelation {
    if parts.count == 1, let view = temporaryViews[parts[0]] { return .view(view) }
    let (catalog, database, name) = try engine.resolve(parts, in: request.place)
    if database == InformationSchemaTable.schemaName {
      guard let kind = InformationSchemaTable.Kind(rawValue: name) else {
        throw engine.missingTable(name, in: database, of: catalog, among: InformationSchemaTable.Kind.allCases.map(\.rawValue))
      }
      let table = InformationSchemaTable(kind, of: catalog, named: engine.catalogs.shownName(catalog)) { [engine, transaction] entry in
        if let staged = transaction?.staged(entry) { return staged.metadata }
        return try await engine.currentState(entry)
      }
      return .table(table, name: engine.shownName(name, in: database, of: catalog))
    }
    if viewBeingDefined == TableIdentity(catalog: catalog.name, database: database, name: name) {
      throw SQLError(.viewIsRecursive, "Statement would create a recursive view")
    }
    let entry = try await entry(name, in: database, of: catalog)
    if entry.isView { return .view(try view(entry)) }
    if entry.isIceberg {
      let metadata = try await read(entry, request.version)
      let table = try await located(request, named: "\"\(database)\".\"\(name)\"") { try icebergTable(metadata, request) }
      return .table(table, name: engine.shownName(entry))
    }
    if request.version != nil { throw SQLError.notSupported("time travel is for Iceberg tables; \(database).\(name) is none") }
    let table = try await ExternalTable.open(
      entry, catalog: catalog, store: engine.store, footers: engine.footers, nowMicroseconds: context.nowMicroseconds)
    return .table(table, name: engine.shownName(entry))
  }

  /// The catalog's entry, or an error that knows what else there is.
  func entry(_ name: String, in database: String, of catalog: any Catalog) async throws -> CatalogTable {
    if let touched = transaction?.entry(name, in: database, of: catalog) { return touched }
    do { return try await catalog.table(name, in: database) } catch {
      switch error.kind {
      case .tableNotFound:
        throw engine.missingTable(name, in: database, of: catalog, among: try await catalog.listing(in: database).map(\.name))
      case .databaseNotFound:
        let others = try await catalog.databases().map(\.name)
        throw SQLError(
          .schemaNotFound, "Schema '\(database)' does not exist",
          hint: engine.catalogs[database] == nil
            ? Suggestion.hint(for: database, among: others) : "\(database) is a catalog: write \(database).database.\(name).")
      default: throw error
      }
    }
  }

  /// The state of an Iceberg table whose rows the statement reads, at this version.
  func read(_ entry: CatalogTable, _ version: TableVersion? = nil) async throws -> TableMetadata {
    let metadata = try await engine.icebergMetadata(entry, in: transaction, context)
    var branch = TargetBranch.main
    if case .reference(let name) = version, let known = metadata.reference(named: name), known.reference.kind == .branch {
      branch = TargetBranch(known.name)
    }
    transaction?.staged(entry)?.noteRead(branch)
    return metadata
  }

  // MARK: Metadata tables

  /// `db.t.snapshots`, `t.branch_audit`; nil when that is no table either.
  private func loadSparkSuffix(_ parts: [String], _ request: RelationRequest) async throws -> ResolvedRelation? {
    guard let last = parts.last else { return nil }
    let table = Array(parts.dropLast())
    do {
      if let kind = MetadataTableKind(rawValue: last) { return try await loadMetadataTable(table, kind, .spark, request) }
      for prefix in ["branch_", "tag_"] where last.hasPrefix(prefix) && last.count > prefix.count && request.version == nil {
        var wanted = request
        wanted.version = .reference(String(last.dropFirst(prefix.count)))
        return try await loadNamed(table, wanted)
      }
    } catch where Self.isMissing(error) {}  // The error about the whole name says more.
    return nil
  }

  private func loadMetadataTable(
    _ parts: [String], _ kind: MetadataTableKind, _ dialect: MetadataTableKind.Dialect, _ request: RelationRequest
  ) async throws -> ResolvedRelation {
    let (catalog, database, name) = try engine.resolve(parts, in: request.place)
    let touched = transaction?.entry(name, in: database, of: catalog)
    let entry = if let touched { touched } else { try await catalog.table(name, in: database) }
    guard entry.isIceberg else {
      throw SQLError(
        .tableNotFound, "Table '\(database).\(name)$\(kind.rawValue)' does not exist",
        hint: "Only Iceberg tables have metadata tables; \(database).\(name) is none.")
    }
    let location = try entry.currentMetadata()
    let metadata = try await read(entry)
    let table = try await located(request, named: "\"\(database)\".\"\(name)\"") {
      try IcebergMetadataTable(kind, dialect, of: metadata, at: location, version: version(request), store: engine.store, footers: engine.footers)
    }
    return .table(table, name: "\(engine.shownName(entry))$\(kind.rawValue)")
  }

  private static func isMissing(_ error: any Error) -> Bool {
    switch error {
    case let error as CatalogError: error.kind == .tableNotFound || error.kind == .databaseNotFound
    case let error as SQLError: error.code == .catalogNotFound || error.code == .tableNotFound || error.code == .schemaNotFound
    default: false
    }
  }

  /// Says in Trino's words that a table has no such state.
  private func located<Value>(
    _ request: RelationRequest, named name: String, _ body: () async throws -> Value
  ) async throws -> Value {
    do { return try await body() } catch let error as IcebergError where error.kind == .notFound && error.file == nil {
      let message =
        switch request.version {
        case .snapshot(let id)?: "Iceberg snapshot ID does not exists: \(id)"
        case .reference(let reference)?: "Cannot find snapshot with reference name: \(reference)"
        case .instant?: "No version history table \(name) at or before \(timestampText(request))"
        case nil: "\(error)"
        }
      throw SQLError(
        request.version == nil ? .icebergInvalidMetadata : .invalidArguments, message,
        hint: "\"t$snapshots\", \"t$history\" and \"t$refs\" list the states of a table t.")
    }
  }

  private func timestampText(_ request: RelationRequest) -> String {
    guard case .timestamp(let milliseconds) = version(request) else { return "" }
    return TableMetadata.timeText(milliseconds)
  }

  private func version(_ request: RelationRequest) -> TableMetadata.Version {
    switch request.version {
    case nil: .current
    case .instant(let microseconds): .timestamp(milliseconds: (microseconds - ((microseconds % 1_000) + 1_000) % 1_000) / 1_000)
    case .snapshot(let id): .snapshot(id)
    case .reference(let name): .reference(name)
    }
  }

  private func icebergTable(_ metadata: TableMetadata, _ request: RelationRequest) throws -> IcebergTable {
    var version = version(request)
    if version == .current, let wapBranch, TableProperties(metadata.properties).isWriteAuditPublish,
      metadata.references[wapBranch]?.kind == .branch
    {
      version = .reference(wapBranch)
    }
    return try IcebergTable(metadata: metadata, version: version, store: engine.store, footers: engine.footers)
  }

  private func view(_ entry: CatalogTable) throws -> ViewDefinition {
    guard let text = entry.viewOriginalText, let encoding = try ViewEncoding(text) else {
      throw SQLError(.invalidView, "View '\(entry.database).\(entry.name)' has no Presto definition")
    }
    // To who wrote it, Athena's name for its catalog was the one that holds the view; so was one that nobody here knows.
    let isElsewhere = encoding.catalog != CatalogRegistry.standardName && engine.catalogs[encoding.catalog] != nil
    return ViewDefinition(
      name: engine.shownName(entry), sql: encoding.sql,
      place: NamePlace(
        catalog: isElsewhere ? encoding.catalog : engine.catalogs.shownName(engine.catalog(of: entry)), database: encoding.database),
      columnNames: encoding.columns.map(\.name))
  }

  private func loadFunction(_ name: String, _ arguments: [TableFunctionValue], _ request: RelationRequest) async throws -> ResolvedRelation {
    if request.version != nil, name != "iceberg_table" {
      throw SQLError(.notSupported, "\(name) cannot be read as of an older state; only Iceberg tables can")
    }
    switch name {
    case "read_parquet", "parquet_scan":
      let options = try NamedArguments(name, arguments)
      let table = try await ParquetFileTable.open(options, store: engine.store, footers: engine.footers)
      return .table(table, name: shown(name, options))
    case "read_csv", "read_csv_auto":
      let options = try NamedArguments(name, arguments)
      return .table(try await TextFileTable.readCSV(options, store: engine.store), name: shown(name, options))
    case "read_avro":
      let options = try NamedArguments(name, arguments)
      return .table(try await AvroFileTable.open(options, store: engine.store), name: shown(name, options))
    case "read_json", "read_json_auto", "read_ndjson", "read_ndjson_auto":
      let options = try NamedArguments(name, arguments)
      let plain = name.hasSuffix("_auto") ? String(name.dropLast(5)) : name
      let table = try await TextFileTable.readJSON(options, function: plain, store: engine.store)
      return .table(table, name: shown(name, options))
    case "iceberg_table":
      guard let path = arguments.first(where: { $0.name == nil })?.value.text else {
        throw SQLError(.invalidArguments, "\(name) takes a path or URI as text")
      }
      let location = try await MetadataDiscovery.currentMetadata(at: Location(path), in: engine.store)
      guard let wanted = arguments.first(where: { $0.name == "metadata_table" })?.value.text else {
        let metadata = try await TableMetadata.load(location, from: engine.store)
        let table = try await located(request, named: "'\(path)'") { try icebergTable(metadata, request) }
        return .table(table, name: "\(name)('\(path)')")
      }
      guard let kind = MetadataTableKind(rawValue: wanted.lowercased()) else {
        throw SQLError(
          .invalidArguments, "There is no metadata table '\(wanted)'",
          hint: "There are " + MetadataTableKind.allCases.map(\.rawValue).joined(separator: ", ") + ".")
      }
      let metadata = try await TableMetadata.load(location, from: engine.store)
      let table = try await located(request, named: "'\(path)'") {
        try IcebergMetadataTable(kind, .athena, of: metadata, at: location, version: version(request), store: engine.store, footers: engine.footers)
      }
      return .table(table, name: "\(name)('\(path)')$\(kind.rawValue)")
    case "sequence": return .table(try SequenceTable(arguments), name: "sequence")
    case "table_changes", "table_appends": return try await loadSnapshotRange(name, arguments, request)
    default: throw SQLError(.functionNotFound, "Table function '\(name)' not registered")
    }
  }

  private func shown(_ function: String, _ arguments: NamedArguments) -> String {
    "\(function)(\(arguments.paths.map { "'\($0)'" }.joined(separator: ", ")))"
  }
}
