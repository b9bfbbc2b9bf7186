import JSONText
package import Storage

/// The AWS Glue Data Catalog, Athena's own. Iceberg tables are committed as Athena and Java's library do it: the entry is replaced if it still
/// has the version that was read.
///
/// - Source: AWS Glue API reference; apache/iceberg, aws/src/main/java/org/apache/iceberg/aws/glue.
package struct GlueCatalog: Catalog {
  package let name: String
  package let warehouse: String?
  private let client: GlueClient

  /// - Parameters:
  ///   - catalogID: the account whose catalog is meant; nil for the caller's own.
  ///   - region: nil takes what environment and profile say.
  ///   - endpoint: a server other than AWS's.
  package init(
    name: String, warehouse: String?, catalogID: String?, region: String?, endpoint: String?, aws: AWSAccess
  ) throws(CatalogError) {
    self.name = name
    self.warehouse = warehouse
    let url = endpoint.flatMap { HTTPURL($0) }
    if endpoint != nil, url == nil {
      throw CatalogError(.refused, "endpoint of catalog '\(name)' is no URL; it looks like https://host")
    }
    client = GlueClient(catalog: name, aws: aws, catalogID: catalogID, region: region, endpoint: url)
  }

  // MARK: Databases

  package func databases() async throws(CatalogError) -> [CatalogDatabase] {
    let found = try await client.pages("GetDatabases", "DatabaseList", .none, size: 100) { _ in }
    return try client.reading("GetDatabases") { () throws(JSONError) in
      var databases: [CatalogDatabase] = []
      for element in found { databases.append(try CatalogDocument.database(element)) }
      return databases.sorted { $0.name < $1.name }
    }
  }

  package func database(_ name: String) async throws(CatalogError) -> CatalogDatabase {
    let answer = try await client.call("GetDatabase", .database(name)) { $0.member("Name", name) }
    return try client.reading("GetDatabase") { () throws(JSONError) in try CatalogDocument.database(try answer.root.require("Database")) }
  }

  package func createDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    try Self.check(database.name, limit: 255)
    _ = try await client.call("CreateDatabase", .database(database.name), isRepeatable: false) { Self.write(database, &$0) }
  }

  package func updateDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    _ = try await client.call("UpdateDatabase", .database(database.name)) { json in
      json.member("Name", database.name)
      Self.write(database, &json)
    }
  }

  private static func write(_ database: CatalogDatabase, _ json: inout JSONWriter) {
    json.key("DatabaseInput")
    json.object { json in
      json.member("Name", database.name)
      CatalogDocument.member("Description", database.description, &json)
      CatalogDocument.member("LocationUri", database.location, &json)
      json.member("Parameters", database.parameters)
    }
  }

  package func dropDatabase(_ name: String) async throws(CatalogError) {
    // Glue would take the tables along.
    let answer = try await client.call("GetTables", .database(name)) { json in
      json.member("DatabaseName", name)
      json.member("MaxResults", 1)
    }
    guard answer.root["TableList"]?.count ?? 0 == 0 else { throw CatalogError(.databaseNotEmpty, "Cannot drop non-empty schema '\(name)'") }
    _ = try await client.call("DeleteDatabase", .database(name), isRepeatable: false) { $0.member("Name", name) }
  }

  // MARK: Tables

  package func tables(in database: String) async throws(CatalogError) -> [CatalogTable] {
    let found = try await client.pages("GetTables", "TableList", .database(database), size: 100) { $0.member("DatabaseName", database) }
    var tables: [CatalogTable] = []
    for element in found { tables.append(try table(element, by: "GetTables")) }
    return tables.sorted { $0.name < $1.name }
  }

  package func table(_ table: String, in database: String) async throws(CatalogError) -> CatalogTable {
    do {
      let answer = try await client.call("GetTable", .table(table, database: database)) { json in
        json.member("DatabaseName", database)
        json.member("Name", table)
      }
      let root = try client.reading("GetTable") { () throws(JSONError) in try answer.root.require("Table") }
      return try self.table(root, by: "GetTable")
    } catch {
      // Glue does not tell which of the two is missing.
      if error.kind == .tableNotFound { _ = try await self.database(database) }
      throw error
    }
  }

  private func table(_ root: JSONValue, by operation: String) throws(CatalogError) -> CatalogTable {
    var table = try client.reading(operation) { () throws(JSONError) in try CatalogDocument.table(root, of: name) }
    table.source = unsafe Array(root.sourceBytes)
    return table
  }

  package func createTable(_ table: CatalogTable) async throws(CatalogError) {
    try Self.check(table.name, limit: 255)
    let input = try GlueTableInput(table)
    do {
      _ = try await client.call("CreateTable", .table(table.name, database: table.database), isRepeatable: false) { json in
        json.member("DatabaseName", table.database)
        json.key("TableInput")
        input.write(to: &json)
      }
    } catch {
      // What is missing can only be the database.
      guard error.kind == .tableNotFound else { throw error }
      throw CatalogError(.databaseNotFound, "Schema '\(table.database)' does not exist")
    }
  }

  package func updateTables(_ tables: [CatalogTable]) async throws(CatalogError) {
    guard let table = tables.first, tables.count == 1 else {
      throw CatalogError(.notSupported, "catalog '\(name)' is Glue, which cannot make changes of several tables visible together")
    }
    let input = try GlueTableInput(table)
    _ = try await client.call("UpdateTable", .table(table.name, database: table.database), isRepeatable: false) { json in
      json.member("DatabaseName", table.database)
      json.key("TableInput")
      input.write(to: &json)
      json.member("VersionId", String(table.version))
      json.member("SkipArchive", true)
    }
  }

  package func dropTable(_ table: String, in database: String) async throws(CatalogError) {
    do {
      _ = try await client.call("DeleteTable", .table(table, database: database), isRepeatable: false) { json in
        json.member("DatabaseName", database)
        json.member("Name", table)
      }
    } catch {
      guard error.kind == .outcomeUnknown else { throw error }
      // Gone is gone, whoever did it.
      do { _ = try await self.table(table, in: database) } catch where error.kind == .tableNotFound { return }
      throw error
    }
  }

  /// Glue cannot rename: a new entry is made and the old one goes. When the second step fails the table has two names, and the error says so.
  package func renameTable(_ table: String, in database: String, to newName: String, in newDatabase: String) async throws(CatalogError) {
    var entry = try await self.table(table, in: database)
    let partitions = entry.partitionKeys.isEmpty ? [] : try await self.partitions(of: table, in: database)
    entry.name = newName
    entry.database = newDatabase
    try await createTable(entry)
    do {
      try await addPartitions(partitions, to: newName, in: newDatabase, ifNotExists: true)
      try await dropTable(table, in: database)
    } catch {
      throw CatalogError(
        error.kind,
        "'\(database).\(table)' is called '\(newDatabase).\(newName)' too now, since it could not be removed: \(error.message)")
    }
  }

  // MARK: Partitions

  package func partitions(of table: String, in database: String) async throws(CatalogError) -> [CatalogPartition] {
    let found = try await client.pages("GetPartitions", "Partitions", .table(table, database: database), size: 1_000) { json in
      json.member("DatabaseName", database)
      json.member("TableName", table)
      json.member("ExcludeColumnSchema", true)
    }
    return try client.reading("GetPartitions") { () throws(JSONError) in
      var partitions: [CatalogPartition] = []
      for element in found { partitions.append(try CatalogDocument.partition(element)) }
      return partitions
    }
  }

  package func addPartitions(_ partitions: [CatalogPartition], to table: String, in database: String, ifNotExists: Bool)
    async throws(CatalogError)
  {
    guard !partitions.isEmpty else { return }
    let entry = try await self.table(table, in: database)
    for group in Self.groups(of: partitions, size: 100) {
      let answer = try await client.call("BatchCreatePartition", .table(table, database: database)) { json in
        json.member("DatabaseName", database)
        json.member("TableName", table)
        json.key("PartitionInputList")
        json.array { json in
          for partition in group {
            json.object { json in
              json.key("Values")
              json.array { json in for value in partition.values { json.string(value) } }
              json.key("StorageDescriptor")
              var storage = entry.storage
              storage.location = partition.location
              let described = storage
              json.object { CatalogDocument.writeMembers(described, &$0) }
            }
          }
        }
      }
      try check(answer, "BatchCreatePartition", ignoring: "AlreadyExistsException", when: ifNotExists || answer.followsLostAnswer)
    }
  }

  package func dropPartitions(_ values: [[String]], of table: String, in database: String) async throws(CatalogError) {
    for group in Self.groups(of: values, size: 25) {
      let answer = try await client.call("BatchDeletePartition", .table(table, database: database)) { json in
        json.member("DatabaseName", database)
        json.member("TableName", table)
        json.key("PartitionsToDelete")
        json.array { json in
          for values in group {
            json.object { json in
              json.key("Values")
              json.array { json in for value in values { json.string(value) } }
            }
          }
        }
      }
      try check(answer, "BatchDeletePartition", ignoring: "EntityNotFoundException", when: true)
    }
  }

  /// A batch answers 200 and lists what went wrong.
  private func check(
    _ answer: GlueClient.Answer, _ operation: String, ignoring ignored: String, when isIgnored: Bool
  ) throws(CatalogError) {
    guard let errors = answer.root.present("Errors") else { return }
    for element in errors.elements {
      let code = element["ErrorDetail"]?["ErrorCode"]?.string ?? "an error without a code"
      if code == ignored, isIgnored { continue }
      let values = element["PartitionValues"].map { list in list.elements.map { $0.string ?? "" }.joined(separator: ", ") } ?? ""
      let message = element["ErrorDetail"]?["ErrorMessage"]?.string.map { ": " + $0.prefix(500) } ?? ""
      throw CatalogError(
        code == "AlreadyExistsException" ? .partitionAlreadyExists : .refused,
        "catalog '\(name)': Glue \(operation) says of partition (\(values)): \(code)\(message)")
    }
  }

  private static func groups<Element>(of elements: [Element], size: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: elements.count, by: size).map { elements[$0..<min($0 + size, elements.count)] }
  }

  /// Glue folds names and refuses long ones with a pattern that explains little.
  private static func check(_ name: String, limit: Int) throws(CatalogError) {
    guard !name.isEmpty, name.utf8.count <= limit else {
      throw CatalogError(.refused, "'\(name.prefix(40))…' is no name for Glue, which takes 1 to \(limit) bytes")
    }
  }
}
