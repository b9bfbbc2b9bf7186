import Iceberg
package import Storage

/// PyIceberg's `SqlCatalog` and Java's `JdbcCatalog` in an SQLite file: two tables that say which metadata file is current.
///
///     iceberg_tables                 catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location[, iceberg_type]
///     iceberg_namespace_properties   catalog_name, namespace, property_key, property_value
///
/// A commit replaces `metadata_location` where it still is the one that was read; several tables change in one transaction of SQLite.
///
/// - Source: pyiceberg/catalog/sql.py; apache/iceberg, core/src/main/java/org/apache/iceberg/jdbc/JdbcUtil.java.
package struct SQLCatalog: Catalog {
  package let name: String
  package let warehouse: String?
  private let path: String
  /// What the rows say; one file may hold several catalogs.
  private let catalogName: String
  private let store: any ObjectStore
  /// Whether the file is left as it is, and missed when it is not there.
  private let isReadOnly: Bool

  /// How long another process may hold the file.
  private static let patienceMilliseconds = 30_000

  /// - Parameters:
  ///   - uri: `sqlite:///path`, as SQLAlchemy has it: `sqlite:////absolute/path`.
  ///   - catalogName: under which the catalog was made.
  ///   - store: holds the metadata files, from which entries get columns and location.
  package init(name: String, uri: String, catalogName: String, warehouse: String?, store: any ObjectStore, isReadOnly: Bool = false) throws(CatalogError) {
    self.isReadOnly = isReadOnly
    let prefix = "sqlite:///"
    guard uri.hasPrefix(prefix), uri.count > prefix.count else {
      throw CatalogError(.refused, "uri of catalog '\(name)' is sqlite:///path; other databases are not supported")
    }
    self.name = name
    self.catalogName = catalogName
    self.warehouse = warehouse
    self.store = store
    path = String(uri.dropFirst(prefix.count))
  }

  // MARK: Namespaces

  package func databases() async throws(CatalogError) -> [CatalogDatabase] {
    let rows = try await transaction { database throws(SQLiteDatabase.Failure) in
      try database.run("SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ?1", [catalogName])
        + database.run("SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?1", [catalogName])
    }
    return Set(rows.compactMap { $0[0] }).sorted().map { CatalogDatabase(name: $0) }
  }

  package func database(_ name: String) async throws(CatalogError) -> CatalogDatabase {
    let (properties, tables) = try await transaction { database throws(SQLiteDatabase.Failure) in
      (
        try database.run(
          "SELECT property_key, property_value FROM iceberg_namespace_properties WHERE catalog_name = ?1 AND namespace = ?2", [catalogName, name]),
        try database.run("SELECT table_name FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2 LIMIT 1", [catalogName, name])
      )
    }
    guard !properties.isEmpty || !tables.isEmpty else { throw missing(database: name) }
    var known: [String: String] = [:]
    for row in properties { if let key = row[0], key != Self.existence { known[key] = row[1] ?? "" } }
    let location = known.removeValue(forKey: "location")
    return CatalogDatabase(name: name, description: known.removeValue(forKey: "comment"), location: location, parameters: known)
  }

  /// The property by which a namespace without others is known.
  private static let existence = "exists"

  package func createDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    do { _ = try await self.database(database.name) } catch {
      guard error.kind == .databaseNotFound else { throw error }
      return try await write(database)
    }
    throw CatalogError(.databaseAlreadyExists, "Schema '\(database.name)' already exists")
  }

  package func updateDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    _ = try await self.database(database.name)
    try await write(database)
  }

  /// Puts these properties in place of those that are there.
  private func write(_ database: CatalogDatabase) async throws(CatalogError) {
    var properties = database.parameters
    properties["comment"] = database.description
    properties["location"] = database.location
    if properties.isEmpty { properties[Self.existence] = "true" }
    let stated = properties
    try await transaction { file throws(SQLiteDatabase.Failure) in
      try file.run("DELETE FROM iceberg_namespace_properties WHERE catalog_name = ?1 AND namespace = ?2", [catalogName, database.name])
      for (key, value) in stated.sorted(by: { $0.key < $1.key }) {
        try file.run(
          "INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value) VALUES (?1, ?2, ?3, ?4)",
          [catalogName, database.name, key, value])
      }
    }
  }

  package func dropDatabase(_ name: String) async throws(CatalogError) {
    _ = try await database(name)
    let isEmpty = try await transaction { database throws(SQLiteDatabase.Failure) in
      let tables = try database.run(
        "SELECT table_name FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2 LIMIT 1", [catalogName, name])
      guard tables.isEmpty else { return false }
      try database.run("DELETE FROM iceberg_namespace_properties WHERE catalog_name = ?1 AND namespace = ?2", [catalogName, name])
      return true
    }
    guard isEmpty else { throw CatalogError(.databaseNotEmpty, "Cannot drop non-empty schema '\(name)'") }
  }

  // MARK: Tables

  package func listing(in database: String) async throws(CatalogError) -> [CatalogListing] {
    let rows = try await transaction { file throws(SQLiteDatabase.Failure) in
      try file.run("SELECT table_name FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2", [catalogName, database])
    }
    if rows.isEmpty { _ = try await self.database(database) }
    return rows.compactMap { $0[0] }.sorted().map { CatalogListing(name: $0, isView: false) }
  }

  package func tables(in database: String) async throws(CatalogError) -> [CatalogTable] {
    var found: [CatalogTable] = []
    for entry in try await listing(in: database) {
      // One that was dropped meanwhile is not in the list.
      do { found.append(try await table(entry.name, in: database)) } catch where error.kind == .tableNotFound { continue }
    }
    return found
  }

  package func table(_ table: String, in database: String) async throws(CatalogError) -> CatalogTable {
    let row = try await transaction { file throws(SQLiteDatabase.Failure) in try locations(of: table, in: database, file) }
    guard let row, let current = row.current else {
      _ = try await self.database(database)
      throw CatalogError(.tableNotFound, "Table '\(database).\(table)' does not exist")
    }
    var entry = CatalogTable(
      catalog: name, database: database, name: table, parameters: ["table_type": "ICEBERG", "metadata_location": current])
    entry.parameters["previous_metadata_location"] = row.previous
    do {
      let metadata = try await TableMetadata.load(Location(current), from: store)
      entry.description = metadata.properties["comment"]
      entry.storage = StorageDescriptor(columns: IcebergColumns.catalogColumns(metadata), location: metadata.location)
      entry.state = CatalogTableState(metadata, at: Location(current))
    } catch {
      // A table whose metadata cannot be read can be named and dropped all the same; reading it says why.
      return entry
    }
    return entry
  }

  private func locations(
    of table: String, in database: String, _ file: borrowing SQLiteDatabase
  ) throws(SQLiteDatabase.Failure) -> (current: String?, previous: String?)? {
    try file.run(
      "SELECT metadata_location, previous_metadata_location FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3",
      [catalogName, database, table]
    ).first.map { ($0[0], $0[1]) }
  }

  package func createTable(_ table: CatalogTable) async throws(CatalogError) {
    guard table.isIceberg, let location = table.metadataLocation else {
      throw CatalogError(.notSupported, "'\(name)' is an SQL catalog of Iceberg tables: views and Hive-style tables have no place there")
    }
    _ = try await database(table.database)
    let isNew = try await transaction { file throws(SQLiteDatabase.Failure) in
      do throws(SQLiteDatabase.Failure) {
        try file.run(
          "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location) VALUES (?1, ?2, ?3, ?4)",
          [catalogName, table.database, table.name, location])
        return true
      } catch {
        guard error.isDuplicate else { throw error }
        return false
      }
    }
    guard isNew else { throw CatalogError(.tableAlreadyExists, "Table '\(table.database).\(table.name)' already exists") }
  }

  package func updateTables(_ tables: [CatalogTable]) async throws(CatalogError) {
    let late = try await transaction(undoing: { $0 != nil }) { file throws(SQLiteDatabase.Failure) in
      for table in tables {
        let current = try locations(of: table.name, in: table.database, file)?.current
        // One that is only held against what was read stays as it is.
        if current != nil, current == table.metadataLocation { continue }
        guard let current, current == table.parameters["previous_metadata_location"] else { return table as CatalogTable? }
        try file.run(
          "UPDATE iceberg_tables SET metadata_location = ?4, previous_metadata_location = ?5 WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3",
          [catalogName, table.database, table.name, table.metadataLocation, current])
      }
      return nil
    }
    if let late { throw CatalogError(.versionConflict, "Table '\(late.database).\(late.name)' was changed by somebody else") }
  }

  package func dropTable(_ table: String, in database: String) async throws(CatalogError) {
    let count = try await transaction { file throws(SQLiteDatabase.Failure) in
      try file.run(
        "DELETE FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3", [catalogName, database, table])
      return file.changedRowCount
    }
    guard count > 0 else { throw CatalogError(.tableNotFound, "Table '\(database).\(table)' does not exist") }
  }

  package func renameTable(_ table: String, in database: String, to newName: String, in newDatabase: String) async throws(CatalogError) {
    _ = try await self.database(newDatabase)
    let outcome = try await transaction { file throws(SQLiteDatabase.Failure) in
      do throws(SQLiteDatabase.Failure) {
        try file.run(
          "UPDATE iceberg_tables SET table_namespace = ?4, table_name = ?5 WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3",
          [catalogName, database, table, newDatabase, newName])
        return file.changedRowCount
      } catch {
        guard error.isDuplicate else { throw error }
        return -1
      }
    }
    if outcome < 0 { throw CatalogError(.tableAlreadyExists, "Table '\(newDatabase).\(newName)' already exists") }
    if outcome == 0 { throw CatalogError(.tableNotFound, "Table '\(database).\(table)' does not exist") }
  }

  // MARK: What this catalog has no place for

  package func partitions(of table: String, in database: String) async throws(CatalogError) -> [CatalogPartition] { [] }

  package func addPartitions(_ partitions: [CatalogPartition], to table: String, in database: String, ifNotExists: Bool)
    async throws(CatalogError)
  {
    throw CatalogError(.notSupported, "'\(name)' is an SQL catalog of Iceberg tables: there are no Hive-style tables")
  }

  package func dropPartitions(_ values: [[String]], of table: String, in database: String) async throws(CatalogError) {
    throw CatalogError(.notSupported, "'\(name)' is an SQL catalog of Iceberg tables: there are no Hive-style tables")
  }

  private func missing(database: String) -> CatalogError { CatalogError(.databaseNotFound, "Schema '\(database)' does not exist") }

  // MARK: The file

  /// Runs `body` in a transaction that holds the file, in one that is there or is made now.
  ///
  /// - Parameter undoes: whether an outcome means that nothing may have been changed.
  private func transaction<Value>(
    undoing undoes: (Value) -> Bool = { _ in false }, _ body: (borrowing SQLiteDatabase) throws(SQLiteDatabase.Failure) -> Value
  ) async throws(CatalogError) -> Value {
    var waited = 0
    while true {
      do throws(SQLiteDatabase.Failure) {
        let database = try SQLiteDatabase(path: path, creates: !isReadOnly)
        try database.run(isReadOnly ? "BEGIN" : "BEGIN IMMEDIATE")
        if !isReadOnly { try Self.makeTables(database) }
        let value: Value
        do throws(SQLiteDatabase.Failure) { value = try body(database) } catch {
          try database.run("ROLLBACK")
          throw error
        }
        try database.run(undoes(value) ? "ROLLBACK" : "COMMIT")
        return value
      } catch {
        guard error.isBusy else { throw CatalogError(.inputOutput, "catalog '\(name)', \(path): \(error.message)") }
        guard waited < Self.patienceMilliseconds else { throw CatalogError(.lockTimeout, "catalog '\(name)': \(path) is locked by another process") }
      }
      do { try await Task.sleep(for: .milliseconds(5)) } catch {
        throw CatalogError(.lockTimeout, "cancelled while waiting for \(path)")
      }
      waited += 25
    }
  }

  private static func makeTables(_ database: borrowing SQLiteDatabase) throws(SQLiteDatabase.Failure) {
    try database.run(
      """
      CREATE TABLE IF NOT EXISTS iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL,
        table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000),
        iceberg_type VARCHAR(5), PRIMARY KEY (catalog_name, table_namespace, table_name))
      """)
    try database.run(
      """
      CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL,
        property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000) NOT NULL, PRIMARY KEY (catalog_name, namespace, property_key))
      """)
  }
}
