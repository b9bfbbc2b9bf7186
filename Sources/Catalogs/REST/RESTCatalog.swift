import JSONText
package import Storage

/// A catalog behind the Iceberg REST interface. It keeps the states of its tables: commits tell it what changes.
///
/// - Source: apache/iceberg, open-api/rest-catalog-open-api.yaml.
package struct RESTCatalog: StateKeepingCatalog {
  package let name: String
  let client: RESTClient
  let grants: GrantedStores
  let signatures = KeptSignatures()
  /// Seconds since 1970 UTC.
  let now: @Sendable () -> Int64

  /// - Parameters:
  ///   - properties: as in docs/catalogs.md; `uri` must be there.
  ///   - grants: takes the credentials that the catalog hands out.
  package init(
    name: String, properties: [String: String], aws: AWSAccess, grants: GrantedStores, now: @escaping @Sendable () -> Int64
  ) throws(CatalogError) {
    guard let uri = properties["uri"].flatMap({ HTTPURL($0) }) else {
      throw CatalogError(.refused, "uri of catalog '\(name)' is no URL; it looks like https://host/path")
    }
    self.name = name
    self.grants = grants
    self.now = now
    client = RESTClient(catalog: name, uri: uri, properties: properties, aws: aws)
  }

  /// The properties that are understood, as Java's and Python's clients spell them.
  package static let properties: Set<String> = [
    "uri", "warehouse", "prefix", "token", "credential", "scope", "audience", "resource", "oauth2-server-uri", "rest.sigv4-enabled",
    "rest.signing-name", "rest.signing-region", "client.region", "rest-page-size", "nested-namespaces-enabled", "view-endpoints-supported",
  ]
  /// `header.NAME` goes along with every request; `s3.…` and `signer.…` are for storage where the catalog does not say it.
  package static let propertyPrefixes = ["header.", "s3.", "signer."]

  package var keeping: (any StateKeepingCatalog)? { self }

  // MARK: Namespaces

  package func databases() async throws(CatalogError) -> [CatalogDatabase] {
    let isNested = try await hasNestedNamespaces()
    var found: [[String]] = []
    var parents: [[String]] = [[]]
    while let parent = parents.popLast() {
      let query = parent.isEmpty ? [] : [HTTPURL.QueryItem("parent", Self.joined(parent))]
      let subject = parent.isEmpty ? RESTReply.Subject.none : .database(parent.joined(separator: "."))
      let elements = try await pages(["namespaces"], "namespaces", query: query, subject)
      for element in elements {
        var levels: [String] = []
        for level in element.elements { if let text = level.string { levels.append(text) } }
        // A catalog that does not know `parent` would list the first level again.
        guard levels.count == parent.count + 1, levels.starts(with: parent) else { continue }
        found.append(levels)
        if isNested { parents.append(levels) }
      }
    }
    return found.map { CatalogDatabase(name: $0.joined(separator: ".")) }.sorted { $0.name < $1.name }
  }

  package func database(_ name: String) async throws(CatalogError) -> CatalogDatabase {
    let reply = try await client.send(RESTRequest(.get, ["namespaces", try await namespace(name)]))
    guard reply.failure == nil, let root = reply.body?.root else { throw reply.error(.database(name), self.name) }
    return try reading(reply) { () throws(JSONError) in
      var properties = try root.present("properties")?.requireStringMap() ?? [:]
      let location = properties.removeValue(forKey: "location")
      return CatalogDatabase(name: name, description: properties.removeValue(forKey: "comment"), location: location, parameters: properties)
    }
  }

  package func createDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    let levels = try await levels(database.name)
    let stated = Self.properties(database)
    let reply = try await client.send(
      RESTRequest(.post, ["namespaces"]) { json in
        json.member("namespace") { json in json.array { json in for level in levels { json.string(level) } } }
        json.member("properties", stated)
      })
    if reply.failure != nil { throw reply.error(.database(database.name), name) }
  }

  package func updateDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    let stated = Self.properties(database)
    let known = Self.properties(try await self.database(database.name))
    let removed = known.keys.filter { stated[$0] == nil }.sorted()
    let reply = try await client.send(
      RESTRequest(.post, ["namespaces", try await namespace(database.name), "properties"]) { json in
        json.member("removals") { json in json.array { json in for key in removed { json.string(key) } } }
        json.member("updates", stated.filter { known[$0.key] != $0.value })
      })
    if reply.failure != nil { throw reply.error(.database(database.name), name) }
  }

  private static func properties(_ database: CatalogDatabase) -> [String: String] {
    var properties = database.parameters
    properties["comment"] = database.description
    properties["location"] = database.location
    return properties
  }

  package func dropDatabase(_ name: String) async throws(CatalogError) {
    let reply = try await client.send(RESTRequest(.delete, ["namespaces", try await namespace(name)]))
    if reply.failure == nil || (reply.status == 404 && reply.followsLostAnswer) { return }
    throw reply.error(.database(name), self.name)
  }

  // MARK: Lists

  package func listing(in database: String) async throws(CatalogError) -> [CatalogListing] {
    let namespace = try await namespace(database)
    var found = try await names(["namespaces", namespace, "tables"], database).map { CatalogListing(name: $0, isView: false) }
    if try await hasViews("GET /v1/{prefix}/namespaces/{namespace}/views") {
      found += try await names(["namespaces", namespace, "views"], database).map { CatalogListing(name: $0, isView: true) }
    }
    return found.sorted { $0.name < $1.name }
  }

  /// Every one is loaded, a few at a time: a list has names alone.
  package func tables(in database: String) async throws(CatalogError) -> [CatalogTable] {
    let listing = try await listing(in: database)
    var found: [CatalogTable] = []
    var rest = listing[...]
    while !rest.isEmpty {
      let group = rest.prefix(8)
      rest = rest.dropFirst(group.count)
      let loaded = await withTaskGroup(of: Result<CatalogTable?, CatalogError>.self) { tasks in
        for entry in group {
          tasks.addTask {
            do throws(CatalogError) {
              return .success(entry.isView ? try await view(entry.name, in: database) : try await loadTable(entry.name, in: database))
            } catch {
              // One that was dropped meanwhile is not in the list.
              return error.kind == .tableNotFound ? .success(nil) : .failure(error)
            }
          }
        }
        var all: [Result<CatalogTable?, CatalogError>] = []
        for await result in tasks { all.append(result) }
        return all
      }
      for result in loaded { if let table = try result.get() { found.append(table) } }
    }
    return found.sorted { $0.name < $1.name }
  }

  private func names(_ path: [String], _ database: String) async throws(CatalogError) -> [String] {
    try await pages(path, "identifiers", .database(database)).compactMap { $0["name"]?.string }
  }

  /// The elements of all pages of a list.
  private func pages(
    _ path: [String], _ key: String, query: [HTTPURL.QueryItem] = [], _ subject: RESTReply.Subject
  ) async throws(CatalogError) -> [JSONValue] {
    var found: [JSONValue] = []
    var query = query
    if let size = try await client.openSession().properties["rest-page-size"] {
      query += [HTTPURL.QueryItem("pageSize", size), HTTPURL.QueryItem("pageToken", "")]
    }
    while true {
      let reply = try await client.send(RESTRequest(.get, path, query: query))
      guard reply.failure == nil, let root = reply.body?.root else { throw reply.error(subject, name) }
      let list = try reading(reply) { () throws(JSONError) in try root.requireElements(key) }
      for element in list { found.append(element) }
      guard let token = root["next-page-token"]?.string, !token.isEmpty else { return found }
      guard !query.contains(HTTPURL.QueryItem("pageToken", token)) else {
        throw CatalogError(.corrupt, "catalog '\(name)': GET \(reply.place) gives the same page for ever")
      }
      query.removeAll { $0.name == "pageToken" }
      query.append(HTTPURL.QueryItem("pageToken", token))
    }
  }

  // MARK: What this catalog has no place for

  package func updateTables(_ tables: [CatalogTable]) async throws(CatalogError) {
    for table in tables {
      guard table.isView, tables.count == 1 else { throw unsupported("entries of tables cannot be changed directly") }
      try await replaceView(table)
    }
  }

  package func partitions(of table: String, in database: String) async throws(CatalogError) -> [CatalogPartition] { [] }

  package func addPartitions(_ partitions: [CatalogPartition], to table: String, in database: String, ifNotExists: Bool)
    async throws(CatalogError)
  {
    throw unsupported("there are no Hive-style tables")
  }

  package func dropPartitions(_ values: [[String]], of table: String, in database: String) async throws(CatalogError) {
    throw unsupported("there are no Hive-style tables")
  }

  func unsupported(_ reason: String) -> CatalogError {
    CatalogError(.notSupported, "'\(name)' is a REST catalog of Iceberg tables: \(reason)")
  }

  // MARK: Names

  /// The levels of a namespace: one, or with `nested-namespaces-enabled` those between the dots.
  func levels(_ database: String) async throws(CatalogError) -> [String] {
    guard try await hasNestedNamespaces() else { return [database] }
    return database.split(separator: ".").map(String.init)
  }

  /// A namespace as a segment of a path.
  func namespace(_ database: String) async throws(CatalogError) -> String { Self.joined(try await levels(database)) }

  /// Levels are joined by the unit separator.
  private static func joined(_ levels: [String]) -> String { levels.joined(separator: "\u{1F}") }

  private func hasNestedNamespaces() async throws(CatalogError) -> Bool {
    try await client.openSession().properties["nested-namespaces-enabled"]?.lowercased() == "true"
  }

  func hasViews(_ endpoint: String) async throws(CatalogError) -> Bool {
    let session = try await client.openSession()
    return session.offers(endpoint, basic: session.properties["view-endpoints-supported"]?.lowercased() == "true")
  }

  /// Runs what reads an answer; what is wrong with it is told with its place.
  func reading<Value>(_ reply: RESTReply, _ body: () throws(JSONError) -> Value) throws(CatalogError) -> Value {
    do throws(JSONError) { return try body() } catch {
      throw CatalogError(.corrupt, "catalog '\(name)': the answer to \(reply.method.rawValue) \(reply.place): \(error)")
    }
  }
}
