import Catalogs
import Glibc
import Storage
import TestSupport
import Testing

/// A catalog in a folder of its own, removed at the end.
final class ScratchCatalog: Sendable {
  private let folder = ScratchFolder()
  var root: String { folder.path }

  /// Another user of the same folder, as another process would be: locks count between open files, not processes.
  func open() -> LocalCatalog { LocalCatalog(root: root + "/catalog") { 1_700_000_000 } }

  /// Every file below the folder, hidden ones included.
  func files() -> [String] { folder.files }
}

func failure(_ body: () async throws -> Void) async -> CatalogError.Kind? {
  do {
    try await body()
    return nil
  } catch { return (error as? CatalogError)?.kind }
}

struct LocalCatalogTests {
  let scratch = ScratchCatalog()
  var catalog: LocalCatalog { scratch.open() }

  func table(_ name: String = "t", in database: String = "default") -> CatalogTable {
    CatalogTable(
      catalog: "local", database: database, name: name, description: "a \"table\"",
      parameters: ["table_type": "ICEBERG", "metadata_location": "s3://b/t/metadata/00000-x.metadata.json"],
      storage: StorageDescriptor(
        columns: [CatalogColumn(name: "id", type: "bigint", comment: "ä", parameters: ["iceberg.field.id": "1"])], location: "s3://b/t",
        inputFormat: "i", outputFormat: "o", serDeLibrary: "lib", serDeParameters: ["field.delim": "\u{1}"]),
      partitionKeys: [CatalogColumn(name: "day", type: "date")])
  }

  @Test("the database 'default' is there before anything was written, and stays")
  func defaultDatabase() async throws {
    #expect(try await catalog.databases().map(\.name) == ["default"])
    #expect(try await catalog.tables(in: "default").isEmpty)
    #expect(scratch.files().isEmpty)
    #expect(await failure { try await catalog.createDatabase(CatalogDatabase(name: "default")) } == .databaseAlreadyExists)
    #expect(await failure { try await catalog.dropDatabase("default") } != nil)
  }

  @Test("databases are made, listed and dropped; one with tables stays")
  func databases() async throws {
    try await catalog.createDatabase(CatalogDatabase(name: "sales", description: "d", location: "s3://b/sales", parameters: ["k": "v"]))
    try await catalog.createDatabase(CatalogDatabase(name: "ünï/../cøde"))
    #expect(try await catalog.databases().map(\.name) == ["default", "sales", "ünï/../cøde"])
    let sales = try await catalog.database("sales")
    #expect(sales.description == "d" && sales.location == "s3://b/sales" && sales.parameters == ["k": "v"] && sales.createTime == 1_700_000_000)
    #expect(await failure { try await catalog.createDatabase(CatalogDatabase(name: "sales")) } == .databaseAlreadyExists)
    try await catalog.createTable(table(in: "sales"))
    #expect(await failure { try await catalog.dropDatabase("sales") } == .databaseNotEmpty)
    try await catalog.dropTable("t", in: "sales")
    try await catalog.dropDatabase("sales")
    #expect(await failure { _ = try await catalog.database("sales") } == .databaseNotFound)
    #expect(await failure { _ = try await catalog.tables(in: "sales") } == .databaseNotFound)
    #expect(await failure { try await catalog.createTable(table(in: "sales")) } == .databaseNotFound)
  }

  @Test("a table comes back as it was stored; names of any characters stay inside the catalog's folder")
  func tables() async throws {
    for name in ["t", "../../escape", "a b", "%41", ".hidden", "UPPER"] {
      try await catalog.createTable(table(name))
      var expected = table(name)
      expected.createTime = 1_700_000_000
      expected.updateTime = 1_700_000_000
      #expect(try await catalog.table(name, in: "default") == expected)
    }
    #expect(try await catalog.tables(in: "default").count == 6)
    #expect(scratch.files().allSatisfy { $0.hasPrefix(scratch.root + "/catalog/") })
    #expect(await failure { try await catalog.createTable(table()) } == .tableAlreadyExists)
    #expect(await failure { _ = try await catalog.table("none", in: "default") } == .tableNotFound)
    #expect(await failure { try await catalog.dropTable("none", in: "default") } == .tableNotFound)
  }

  @Test("an update needs the version that was read")
  func versions() async throws {
    try await catalog.createTable(table())
    var mine = try await catalog.table("t", in: "default")
    var theirs = mine
    theirs.parameters["metadata_location"] = "s3://b/t/metadata/00001-theirs.metadata.json"
    try await catalog.updateTable(theirs)
    mine.parameters["metadata_location"] = "s3://b/t/metadata/00001-mine.metadata.json"
    #expect(await failure { try await catalog.updateTable(mine) } == .versionConflict)
    let now = try await catalog.table("t", in: "default")
    #expect(now.version == 1 && now.metadataLocation == "s3://b/t/metadata/00001-theirs.metadata.json")
  }

  @Test("many writers at once: every successful swap is kept, none is lost, readers see whole documents only")
  func compareAndSwap() async throws {
    var start = table()
    start.parameters["counter"] = "0"
    try await catalog.createTable(start)
    let scratch = scratch
    let (wins, conflicts) = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
      for _ in 0..<6 {
        group.addTask {
          let catalog = scratch.open()
          var (wins, conflicts) = (0, 0)
          while wins < 10 {
            var entry = try await catalog.table("t", in: "default")
            entry.parameters["counter"] = "\(Int(entry.parameters["counter"] ?? "")! + 1)"
            do throws(CatalogError) {
              try await catalog.updateTable(entry)
              wins += 1
            } catch {
              guard error.kind == .versionConflict else { throw error }
              conflicts += 1
            }
          }
          return (wins, conflicts)
        }
      }
      return try await group.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
    }
    let end = try await catalog.table("t", in: "default")
    #expect(wins == 60 && end.version == 60 && end.parameters["counter"] == "60", "\(conflicts) conflicts")
    #expect(scratch.files().allSatisfy { !$0.hasSuffix(".tmp") })
    #expect(scratch.files().count == 2)
  }

  @Test("of many processes that create one table one wins")
  func createRace() async throws {
    let scratch = scratch
    let entry = table()
    let wins = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 { group.addTask { (try? await scratch.open().createTable(entry)) != nil } }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(wins == 1)
  }

  @Test("a writer waits for another process's lock and goes on when that process is killed")
  func killedHolder() async throws {
    try await catalog.createTable(table())
    let lock = scratch.root + "/catalog/lock"
    guard access("/usr/bin/flock", X_OK) == 0 else {
      print("no /usr/bin/flock: the test of a killed lock holder was skipped")
      return
    }
    var process = pid_t()
    let words: [String] = ["flock", "--no-fork", lock, "sleep", "60"]
    let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    #expect(posix_spawn(&process, "/usr/bin/flock", nil, nil, arguments, environ) == 0)
    let descriptor = open(lock, O_RDWR)
    while flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
      flock(descriptor, LOCK_UN)
      await Task.yield()
    }
    close(descriptor)
    let (catalog, holder) = (catalog, process)
    async let dropped: Void = catalog.dropTable("t", in: "default")
    for _ in 0..<50 { await Task.yield() }
    #expect(try await catalog.table("t", in: "default").name == "t", "readers need no lock")
    kill(holder, SIGKILL)
    var status: Int32 = 0
    waitpid(holder, &status, 0)
    try await dropped
    #expect(await failure { _ = try await catalog.table("t", in: "default") } == .tableNotFound)
  }

  @Test("renaming takes the partitions along and does not overwrite")
  func rename() async throws {
    try await catalog.createDatabase(CatalogDatabase(name: "other"))
    try await catalog.createTable(table())
    try await catalog.createTable(table("u"))
    try await catalog.addPartitions([CatalogPartition(values: ["2020-01-01"], location: "s3://b/p")], to: "t", in: "default", ifNotExists: false)
    #expect(await failure { try await catalog.renameTable("t", in: "default", to: "u", in: "default") } == .tableAlreadyExists)
    try await catalog.renameTable("t", in: "default", to: "new", in: "other")
    #expect(try await catalog.table("new", in: "other").storage == table().storage)
    #expect(try await catalog.partitions(of: "new", in: "other").map(\.values) == [["2020-01-01"]])
    #expect(await failure { _ = try await catalog.table("t", in: "default") } == .tableNotFound)
  }

  @Test("partitions are added once, dropped by value, and gone with their table")
  func partitions() async throws {
    try await catalog.createTable(table())
    let days = ["2020-01-02", "2020-01-01"].map { CatalogPartition(values: [$0], location: "s3://b/\($0)/") }
    try await catalog.addPartitions(days, to: "t", in: "default", ifNotExists: false)
    #expect(await failure { try await catalog.addPartitions([days[0]], to: "t", in: "default", ifNotExists: false) } == .partitionAlreadyExists)
    try await catalog.addPartitions([days[0]], to: "t", in: "default", ifNotExists: true)
    #expect(try await catalog.partitions(of: "t", in: "default").map(\.values) == [["2020-01-01"], ["2020-01-02"]])
    try await catalog.dropPartitions([["2020-01-02"], ["never"]], of: "t", in: "default")
    #expect(try await catalog.partitions(of: "t", in: "default") == [days[1]])
    try await catalog.dropTable("t", in: "default")
    // As if a process had died between the two removals.
    _ = try await LocalStore().write(
      Location(scratch.root + "/catalog/default/t.partitions.json"),
      ByteSlice(utf8: "[{\"Values\":[\"stale\"],\"StorageDescriptor\":{\"Location\":\"x\"}}]"))
    try await catalog.createTable(table())
    #expect(try await catalog.partitions(of: "t", in: "default").isEmpty)
  }

  @Test("a damaged document is an error naming the file, and does not hide behind 'not found'")
  func corrupt() async throws {
    try await catalog.createTable(table())
    let document = Location(scratch.root + "/catalog/default/t.table.json")
    for text in ["", "{", "{\"Name\": 1}", "[]"] {
      _ = try await LocalStore().write(document, ByteSlice(utf8: text))
      await #expect { _ = try await catalog.table("t", in: "default") } throws: { error in
        guard let error = error as? CatalogError else { return false }
        return error.kind == .corrupt && error.message.contains("t.table.json")
      }
    }
  }

  @Test("a folder that cannot be written is an error and changes nothing")
  func unwritable() async throws {
    let elsewhere = LocalCatalog(root: "/proc/frazil-catalog") { 0 }
    #expect(await failure { try await elsewhere.createTable(table()) } == .inputOutput)
    #expect(try await elsewhere.databases().map(\.name) == ["default"])
  }
}
