import Catalogs

/// A catalog as one writer sees it, with something that happens around its calls.
struct WatchedCatalog: Catalog {
  let inner: LocalCatalog
  var name: String { inner.name }
  var beforeLook: @Sendable () async -> Void = {}
  var beforeChange: @Sendable () async -> Void = {}
  var afterChange: @Sendable () async -> Void = {}

  func table(_ name: String, in database: String) async throws(CatalogError) -> CatalogTable {
    await beforeLook()
    return try await inner.table(name, in: database)
  }

  func updateTables(_ tables: [CatalogTable]) async throws(CatalogError) {
    await beforeChange()
    try await inner.updateTables(tables)
    await afterChange()
  }

  // Statements on the rows of a table make no other calls.

  func databases() async throws(CatalogError) -> [CatalogDatabase] { try await inner.databases() }
  func database(_ name: String) async throws(CatalogError) -> CatalogDatabase { try await inner.database(name) }
  func createDatabase(_ database: CatalogDatabase) async throws(CatalogError) { try await inner.createDatabase(database) }
  func updateDatabase(_ database: CatalogDatabase) async throws(CatalogError) { try await inner.updateDatabase(database) }
  func dropDatabase(_ name: String) async throws(CatalogError) { try await inner.dropDatabase(name) }
  func tables(in database: String) async throws(CatalogError) -> [CatalogTable] { try await inner.tables(in: database) }
  func createTable(_ table: CatalogTable) async throws(CatalogError) { try await inner.createTable(table) }
  func dropTable(_ name: String, in database: String) async throws(CatalogError) { try await inner.dropTable(name, in: database) }
  func renameTable(_ name: String, in database: String, to newName: String, in newDatabase: String) async throws(CatalogError) {
    try await inner.renameTable(name, in: database, to: newName, in: newDatabase)
  }
  func partitions(of table: String, in database: String) async throws(CatalogError) -> [CatalogPartition] {
    try await inner.partitions(of: table, in: database)
  }
  func addPartitions(_ partitions: [CatalogPartition], to table: String, in database: String, ifNotExists: Bool)
    async throws(CatalogError)
  {
    try await inner.addPartitions(partitions, to: table, in: database, ifNotExists: ifNotExists)
  }
  func dropPartitions(_ values: [[String]], of table: String, in database: String) async throws(CatalogError) {
    try await inner.dropPartitions(values, of: table, in: database)
  }
}
