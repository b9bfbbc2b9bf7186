import Catalogs
import Storage
import TestSupport
import Testing

/// What a catalog looks like through an overlay, and that it is never written.
struct OverlayCatalogTests {
  let scratch = ScratchCatalog()
  let notices = OverlayNotices()
  var base: LocalCatalog { scratch.open() }

  private func overlay() throws -> OverlayCatalog {
    OverlayCatalog(base: base, folder: try OverlayFolder.open(scratch.root + "/overlay"), store: MemoryStore(), notices: notices) { 1_700_000_000 }
  }

  private func external(_ name: String, in database: String = "default") -> CatalogTable {
    CatalogTable(
      catalog: "local", database: database, name: name, parameters: ["k": "base"], storage: StorageDescriptor(location: "s3://b/\(name)"),
      partitionKeys: [CatalogColumn(name: "day", type: "int")])
  }

  private var baseFiles: [String] { scratch.files().filter { $0.hasPrefix("catalog/") && !$0.hasSuffix("lock") } }

  @Test("entries are changed, dropped, renamed and made in the overlay; the base keeps its own")
  func entries() async throws {
    for name in ["a", "b", "c"] { try await base.createTable(external(name)) }
    let files = baseFiles
    let catalog = try overlay()
    var changed = try await catalog.table("a", in: "default")
    changed.parameters["k"] = "overlay"
    try await catalog.updateTables([changed])
    try await catalog.dropTable("b", in: "default")
    try await catalog.renameTable("c", in: "default", to: "d", in: "default")
    try await catalog.createTable(external("e"))
    #expect(try await overlay().tables(in: "default").map(\.name) == ["a", "d", "e"])
    #expect(try await overlay().table("a", in: "default").parameters == ["k": "overlay"])
    #expect(await failure { _ = try await catalog.table("b", in: "default") } == .tableNotFound)
    #expect(await failure { _ = try await catalog.table("c", in: "default") } == .tableNotFound)
    #expect(await failure { try await catalog.createTable(external("a")) } == .tableAlreadyExists)
    #expect(await failure { try await catalog.renameTable("a", in: "default", to: "e", in: "default") } == .tableAlreadyExists)
    try await catalog.createTable(external("b"))
    #expect(try await catalog.listing(in: "default").map(\.name) == ["a", "b", "d", "e"])
    #expect(baseFiles == files)
    #expect(try await base.table("a", in: "default").parameters == ["k": "base"])
    let kinds = try await catalog.differences().map { "\($0.entry?.name ?? "") \($0.kind)" }
    #expect(kinds == ["a changed", "b replaced", "c dropped", "d changed", "e created"])
    _ = try await catalog.forget("b", in: "default")
    #expect(try await catalog.table("b", in: "default").parameters == ["k": "base"])
  }

  @Test("of two changes of the same state one is a conflict, whether the overlay had the table or not")
  func conflicts() async throws {
    try await base.createTable(external("a"))
    let catalog = try overlay()
    let read = try await catalog.table("a", in: "default")
    var (one, other) = (read, read)
    one.parameters["k"] = "1"
    other.parameters["k"] = "2"
    try await catalog.updateTables([one])
    let after = try await catalog.table("a", in: "default")
    one = after
    other = after
    one.description = "1"
    other.description = "2"
    try await catalog.updateTables([one])
    #expect(await failure { try await catalog.updateTables([other]) } == .versionConflict)
    // What was read of the base does not replace what the overlay has by now, whatever the numbers are.
    try await base.createTable(external("g"))
    var touched = try await base.table("g", in: "default")
    touched.description = "once"
    try await base.updateTables([touched])
    var early = try await catalog.table("g", in: "default")
    var late = early
    early.description = "early"
    late.description = "late"
    try await catalog.updateTables([early])
    #expect(await failure { try await catalog.updateTables([late]) } == .versionConflict)
    // The base's state counts until the table is taken over.
    try await base.createTable(external("f"))
    var stale = try await catalog.table("f", in: "default")
    var moved = try await base.table("f", in: "default")
    moved.description = "moved"
    try await base.updateTables([moved])
    stale.description = "stale"
    #expect(await failure { try await catalog.updateTables([stale]) } == .versionConflict)
  }

  @Test("databases are made and dropped; one that was dropped hides the base's, and can be made again")
  func databases() async throws {
    try await base.createDatabase(CatalogDatabase(name: "sales", location: "s3://b/sales"))
    try await base.createTable(external("t", in: "sales"))
    let catalog = try overlay()
    #expect(await failure { try await catalog.createDatabase(CatalogDatabase(name: "sales")) } == .databaseAlreadyExists)
    #expect(await failure { try await catalog.dropDatabase("sales") } == .databaseNotEmpty)
    try await catalog.dropTable("t", in: "sales")
    try await catalog.dropDatabase("sales")
    #expect(await failure { _ = try await catalog.database("sales") } == .databaseNotFound)
    #expect(await failure { _ = try await catalog.table("t", in: "sales") } == .tableNotFound)
    #expect(try await catalog.databases().map(\.name) == ["default"])
    try await catalog.createDatabase(CatalogDatabase(name: "sales", location: "s3://b/other"))
    #expect(try await catalog.database("sales").location == "s3://b/other")
    try await base.createTable(external("later", in: "sales"))
    #expect(try await catalog.tables(in: "sales").isEmpty)
    #expect(await failure { _ = try await catalog.table("later", in: "sales") } == .tableNotFound)
    #expect(try await base.tables(in: "sales").count == 2)
    #expect(try await base.database("sales").location == "s3://b/sales")
    #expect(try await catalog.differences().map(\.kind) == [.replaced])
    try await catalog.createDatabase(CatalogDatabase(name: "new"))
    try await catalog.createTable(external("n", in: "new"))
    #expect(try await overlay().databases().map(\.name) == ["default", "new", "sales"])
    try await catalog.dropTable("n", in: "new")
    try await catalog.dropDatabase("new")
    #expect(try await overlay().databases().map(\.name) == ["default", "sales"])
  }

  @Test("partitions are taken over with their table")
  func partitions() async throws {
    try await base.createTable(external("p"))
    try await base.addPartitions([CatalogPartition(values: ["1"], location: "s3://b/p/1")], to: "p", in: "default", ifNotExists: false)
    let catalog = try overlay()
    #expect(try await catalog.partitions(of: "p", in: "default").map(\.values) == [["1"]])
    let more = CatalogPartition(values: ["2"], location: "s3://b/p/2")
    try await catalog.addPartitions([more], to: "p", in: "default", ifNotExists: false)
    #expect(await failure { try await catalog.addPartitions([more], to: "p", in: "default", ifNotExists: false) } == .partitionAlreadyExists)
    try await catalog.dropPartitions([["1"]], of: "p", in: "default")
    #expect(try await overlay().partitions(of: "p", in: "default").map(\.values) == [["2"]])
    #expect(try await base.partitions(of: "p", in: "default").map(\.values) == [["1"]])
  }
}
