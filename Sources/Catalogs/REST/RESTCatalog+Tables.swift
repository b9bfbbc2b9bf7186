package import Iceberg
import JSONText
package import Storage

extension RESTCatalog {
  package func table(_ table: String, in database: String) async throws(CatalogError) -> CatalogTable {
    do { return try await tableOrView(table, in: database) } catch {
      // Many catalogs do not tell which of the two is missing.
      if error.kind == .tableNotFound { _ = try await self.database(database) }
      throw error
    }
  }

  private func tableOrView(_ table: String, in database: String) async throws(CatalogError) -> CatalogTable {
    do { return try await loadTable(table, in: database) } catch {
      guard error.kind == .tableNotFound, try await hasViews("GET /v1/{prefix}/namespaces/{namespace}/views/{view}") else { throw error }
      return try await view(table, in: database)
    }
  }

  func loadTable(_ table: String, in database: String) async throws(CatalogError) -> CatalogTable {
    let loaded = try await load(table, in: database)
    return CatalogTable(
      catalog: name, database: database, name: table, description: loaded.metadata.properties["comment"],
      parameters: ["table_type": "ICEBERG", "metadata_location": loaded.location.text],
      storage: StorageDescriptor(columns: IcebergColumns.catalogColumns(loaded.metadata), location: loaded.metadata.location),
      state: CatalogTableState(loaded.metadata, at: loaded.location))
  }

  private func load(_ table: String, in database: String) async throws(CatalogError) -> CommitOutcome {
    let request = try await loading(table, in: database)
    let reply = try await client.send(request)
    guard reply.failure == nil else { throw reply.error(.table(table, database: database), name) }
    return try await state(reply, table, database, again: request)
  }

  private func loading(_ table: String, in database: String) async throws(CatalogError) -> RESTRequest {
    RESTRequest(.get, ["namespaces", try await namespace(database), "tables", table], headers: try await delegation())
  }

  /// How storage is to be reached. One way alone is asked for: some catalogs refuse a list.
  private func delegation() async throws(CatalogError) -> [(String, String)] {
    let signs = try await client.openSession().properties["s3.remote-signing-enabled"]?.lowercased() == "true"
    return [("X-Iceberg-Access-Delegation", signs ? "remote-signing" : "vended-credentials")]
  }

  /// What a table's answer holds; its credentials go where storage finds them.
  ///
  /// - Parameter request: what asks for fresh ones.
  private func state(_ reply: RESTReply, _ table: String, _ database: String, again request: RESTRequest) async throws(CatalogError) -> CommitOutcome {
    guard let root = reply.body?.root, let metadata = root.present("metadata") else {
      throw reply.error(.table(table, database: database), name)
    }
    let parsed: TableMetadata
    do throws(IcebergError) { parsed = try TableMetadata(json: metadata) } catch {
      throw CatalogError(.corrupt, "catalog '\(name)': the metadata of \(database).\(table): \(error)")
    }
    let location = root["metadata-location"]?.string
    try await grant(root, of: parsed, metadataLocation: location, again: request)
    // A staged table has no file yet.
    return CommitOutcome(metadata: parsed, location: Location(location ?? ""))
  }

  // MARK: Making and dropping

  package func createTable(_ table: CatalogTable) async throws(CatalogError) {
    if table.isView { return try await createView(table) }
    guard table.isIceberg, let location = table.metadataLocation else { throw unsupported("Hive-style tables have no place there") }
    let reply = try await client.send(
      RESTRequest(.post, ["namespaces", try await namespace(table.database), "register"]) { json in
        json.member("name", table.name)
        json.member("metadata-location", location)
      })
    if reply.failure != nil { throw reply.error(.table(table.name, database: table.database), name) }
  }

  package func createTable(_ table: String, in database: String, _ metadata: TableMetadata) async throws(CatalogError) -> CommitOutcome {
    if metadata.snapshots.isEmpty { return try await create(table, in: database, metadata, isStaged: false) }
    let change = TableStateChange(database: database, table: table, TableChanges(creating: metadata))
    let reply = try await send(change)
    guard reply.failure == nil else {
      let error = reply.error(.table(table, database: database), name)
      // Whoever came first has made it.
      throw error.kind == .versionConflict ? CatalogError(.tableAlreadyExists, "Table '\(database).\(table)' already exists") : error
    }
    return try await state(reply, table, database, again: try await loading(table, in: database))
  }

  package func stageTable(_ table: String, in database: String, _ metadata: TableMetadata) async throws(CatalogError) -> (
    location: String, uuid: String?
  ) {
    let staged = try await create(table, in: database, metadata, isStaged: true).metadata
    return (staged.location, staged.tableUUID)
  }

  private func create(_ table: String, in database: String, _ metadata: TableMetadata, isStaged: Bool) async throws(CatalogError) -> CommitOutcome {
    var properties = metadata.properties
    properties["format-version"] = "\(metadata.formatVersion)"
    let stated = properties
    let request = RESTRequest(.post, ["namespaces", try await namespace(database), "tables"], headers: try await delegation()) { json in
      json.member("name", table)
      if !metadata.location.isEmpty { json.member("location", metadata.location) }
      metadata.writeDefinitions(to: &json)
      json.member("stage-create", isStaged)
      json.member("properties", stated)
    }
    let reply = try await client.send(request)
    guard reply.failure == nil else { throw reply.error(.table(table, database: database), name) }
    // A staged table cannot be loaded, but be staged once more.
    return try await state(reply, table, database, again: isStaged ? request : try await loading(table, in: database))
  }

  package func dropTable(_ table: String, in database: String) async throws(CatalogError) {
    do { try await dropTable(table, in: database, isPurging: false) } catch {
      guard error.kind == .tableNotFound, try await hasViews("DELETE /v1/{prefix}/namespaces/{namespace}/views/{view}") else { throw error }
      try await dropView(table, in: database)
    }
  }

  package func dropTable(_ table: String, in database: String, isPurging: Bool) async throws(CatalogError) {
    let reply = try await client.send(
      RESTRequest(
        .delete, ["namespaces", try await namespace(database), "tables", table],
        query: [HTTPURL.QueryItem("purgeRequested", isPurging ? "true" : "false")]))
    if reply.failure == nil || (reply.status == 404 && reply.followsLostAnswer) { return }
    throw reply.error(.table(table, database: database), name)
  }

  package func renameTable(_ table: String, in database: String, to newName: String, in newDatabase: String) async throws(CatalogError) {
    let (source, target) = (try await levels(database), try await levels(newDatabase))
    func rename(_ kind: String) -> RESTRequest {
      RESTRequest(.post, [kind, "rename"]) { json in
        for (key, levels, name) in [("source", source, table), ("destination", target, newName)] {
          json.member(key) { Self.writeIdentifier(levels, name, &$0) }
        }
      }
    }
    var reply = try await client.send(rename("tables"))
    if reply.status == 404, try await hasViews("POST /v1/{prefix}/views/rename") { reply = try await client.send(rename("views")) }
    if reply.failure == nil { return }
    throw reply.error(reply.status == 409 ? .table(newName, database: newDatabase) : .table(table, database: database), name)
  }

  // MARK: Commits

  package func commit(_ change: TableStateChange, baseLocation: Location) async throws(CatalogError) -> StateOutcome {
    let reply = try await send(change)
    if reply.failure == nil {
      return .stored(
        try await state(reply, change.table, change.database, again: try await loading(change.table, in: change.database)))
    }
    if reply.status == 409 { return .conflict }
    // Some catalogs refuse a request that came too late as one that is wrong.
    if reply.status == 400 || reply.status == 422, try await load(change.table, in: change.database).location != baseLocation { return .conflict }
    throw reply.error(.table(change.table, database: change.database), name)
  }

  package func commitTogether(_ changes: [TableStateChange]) async throws(CatalogError) -> SwapOutcome {
    guard try await client.openSession().offers("POST /v1/{prefix}/transactions/commit", basic: false) else {
      throw unsupported("it cannot make changes of several tables visible together")
    }
    var identifiers: [[String]] = []
    for change in changes { identifiers.append(try await levels(change.database)) }
    let namespaces = identifiers
    let reply = try await client.send(
      RESTRequest(.post, ["transactions", "commit"]) { json in
        json.member("table-changes") { json in
          json.array { json in
            for (levels, change) in zip(namespaces, changes) { json.object { Self.write(change, levels, &$0) } }
          }
        }
      })
    if reply.failure == nil { return .swapped }
    if reply.status == 409 { return .conflict }
    throw reply.error(.none, name)
  }

  private func send(_ change: TableStateChange) async throws(CatalogError) -> RESTReply {
    let levels = try await levels(change.database)
    return try await client.send(
      RESTRequest(.post, ["namespaces", try await namespace(change.database), "tables", change.table], headers: try await delegation()) {
        Self.write(change, levels, &$0)
      })
  }

  private static func write(_ change: TableStateChange, _ levels: [String], _ json: inout JSONWriter) {
    json.member("identifier") { writeIdentifier(levels, change.table, &$0) }
    change.changes.write(to: &json)
  }

  private static func writeIdentifier(_ levels: [String], _ name: String, _ json: inout JSONWriter) {
    json.object { json in
      json.member("namespace") { json in json.array { json in for level in levels { json.string(level) } } }
      json.member("name", name)
    }
  }
}
