import Catalogs
import Storage
import Testing

struct IcebergTablePointerTests {
  let scratch = ScratchCatalog()

  func metadata(_ name: String) -> Location { Location("s3://b/t/metadata/\(name).metadata.json") }
  var pointer: IcebergTablePointer { IcebergTablePointer(scratch.open(), database: "default", table: "t") }

  func create() async throws {
    try await pointer.create(
      metadata: metadata("00000-a"), tableLocation: Location("s3://b/t"), columns: [CatalogColumn(name: "id", type: "bigint")])
  }

  @Test("a swap from the current file replaces it and remembers the one before; from another it is a conflict")
  func swap() async throws {
    try await create()
    #expect(try await pointer.current() == metadata("00000-a"))
    let columns = [CatalogColumn(name: "id", type: "bigint"), CatalogColumn(name: "x", type: "string")]
    #expect(try await pointer.swap(from: metadata("00000-a"), to: metadata("00001-b"), columns: columns) == .swapped)
    #expect(
      try await pointer.swap(from: metadata("00000-a"), to: metadata("00001-c")) == .conflict(current: metadata("00001-b")))
    let entry = try await scratch.open().table("t", in: "default")
    #expect(entry.isIceberg && entry.parameters["previous_metadata_location"] == metadata("00000-a").text)
    #expect(entry.storage.columns == columns && entry.storage.location == "s3://b/t")
    #expect(await failure { try await create() } == .tableAlreadyExists)
  }

  @Test("of many commits from one base exactly one wins, while others change the entry's description")
  func race() async throws {
    try await create()
    let (scratch, base) = (scratch, metadata("00000-a"))
    let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
      for writer in 0..<6 {
        let target = metadata("00001-\(writer)")
        group.addTask {
          try await IcebergTablePointer(scratch.open(), database: "default", table: "t").swap(from: base, to: target) == .swapped
        }
      }
      group.addTask {
        for round in 0..<5 { await Self.describe("\(round)", scratch.open()) }
        return false
      }
      return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(wins == 1)
  }

  /// Changes what a commit does not care about; losing against one is fine here.
  private static func describe(_ text: String, _ catalog: LocalCatalog) async {
    guard var entry = try? await catalog.table("t", in: "default") else { return }
    entry.description = text
    try? await catalog.updateTable(entry)
  }

  @Test("a lost answer of a swap that happened is success, and one that did not happen is the error")
  func unknownOutcome() async throws {
    try await create()
    let lossy = LossyCatalog(base: scratch.open(), doesTheWork: true)
    let pointer = IcebergTablePointer(lossy, database: "default", table: "t")
    #expect(try await pointer.swap(from: metadata("00000-a"), to: metadata("00001-b")) == .swapped)
    let broken = IcebergTablePointer(LossyCatalog(base: scratch.open(), doesTheWork: false), database: "default", table: "t")
    #expect(await failure { _ = try await broken.swap(from: metadata("00001-b"), to: metadata("00002-c")) } == .inputOutput)
    #expect(try await pointer.current() == metadata("00001-b"))
  }

  @Test("views and Hive-style tables have no pointer")
  func others() async throws {
    let catalog = scratch.open()
    try await catalog.createTable(CatalogTable(catalog: "local", database: "default", name: "v", tableType: "VIRTUAL_VIEW"))
    #expect(await failure { _ = try await IcebergTablePointer(catalog, database: "default", table: "v").current() } == .notIceberg)
    #expect(await failure { _ = try await pointer.current() } == .tableNotFound)
  }
}

/// Updates whose answer gets lost, after the work or instead of it.
private struct LossyCatalog: Catalog {
  let base: LocalCatalog
  var name: String { base.name }
  let doesTheWork: Bool

  func updateTables(_ tables: [CatalogTable]) async throws(CatalogError) {
    if doesTheWork { try await base.updateTables(tables) }
    throw CatalogError(.inputOutput, "the answer was lost")
  }

  func table(_ name: String, in database: String) async throws(CatalogError) -> CatalogTable {
    try await base.table(name, in: database)
  }

  func databases() async throws(CatalogError) -> [CatalogDatabase] { try await base.databases() }
  func database(_ name: String) async throws(CatalogError) -> CatalogDatabase { try await base.database(name) }
  func createDatabase(_ database: CatalogDatabase) async throws(CatalogError) { try await base.createDatabase(database) }
  func updateDatabase(_ database: CatalogDatabase) async throws(CatalogError) { try await base.updateDatabase(database) }
  func dropDatabase(_ name: String) async throws(CatalogError) { try await base.dropDatabase(name) }
  func tables(in database: String) async throws(CatalogError) -> [CatalogTable] { try await base.tables(in: database) }
  func createTable(_ table: CatalogTable) async throws(CatalogError) { try await base.createTable(table) }
  func dropTable(_ name: String, in database: String) async throws(CatalogError) { try await base.dropTable(name, in: database) }
  func renameTable(_ name: String, in database: String, to newName: String, in newDatabase: String) async throws(CatalogError) {
    try await base.renameTable(name, in: database, to: newName, in: newDatabase)
  }
  func partitions(of table: String, in database: String) async throws(CatalogError) -> [CatalogPartition] {
    try await base.partitions(of: table, in: database)
  }
  func addPartitions(_ partitions: [CatalogPartition], to table: String, in database: String, ifNotExists: Bool) async throws(CatalogError) {
    try await base.addPartitions(partitions, to: table, in: database, ifNotExists: ifNotExists)
  }
  func dropPartitions(_ values: [[String]], of table: String, in database: String) async throws(CatalogError) {
    try await base.dropPartitions(values, of: table, in: database)
  }
}
