import Catalogs
import Frazil
import Iceberg
import Storage

/// A warehouse in memory with one table, `t`, and the catalog's documents.
struct Place: Sendable {
  let store: MemoryStore
  /// A path, though nothing lies there unless the place is exported.
  let folder: String
  /// A folder of this machine for the catalog's lock, which is a file.
  let lockFolder: String

  /// 2026-01-01 00:00 UTC, in microseconds; objects of a memory store are from 1970.
  static let now: Int64 = 1_767_225_600_000_000
  static let day: Int64 = 86_400_000_000

  /// An independent copy.
  var copy: Place { Place(store: MemoryStore(copying: store), folder: folder, lockFolder: lockFolder) }

  var tableFolder: Location { Location(folder + "/t") }

  /// What a process of its own sees of the same storage.
  ///
  /// - Parameters:
  ///   - outer: a store around this one's, through which everything goes.
  ///   - catalog: another one than a catalog in that store.
  ///   - seed: where ids come from.
  func session(
    through outer: (any ObjectStore)? = nil, _ catalog: (any Catalog)? = nil, seed: UInt64? = nil, now: Int64 = Self.now
  ) throws -> Session {
    let store: any ObjectStore = outer ?? self.store
    var configuration = Configuration(warehouse: folder)
    configuration.workers = 1
    configuration.memoryLimit = 64 << 20
    configuration.now = now
    configuration.seed = seed
    return try Engine(configuration, stores: ["file": store], catalog: catalog ?? self.catalog(store)).makeSession()
  }

  func catalog(_ store: any ObjectStore) -> LocalCatalog { LocalCatalog(root: lockFolder, store: store) { 0 } }

  /// The metadata of the table and where it lies.
  func metadata() async throws -> (TableMetadata, Location) {
    let location = try await IcebergTablePointer(catalog(store), database: "default", table: "t").current()
    return (try await TableMetadata.load(location, from: store), location)
  }

  /// Files of the table's folder that no state of the table names.
  func strays() async throws -> Set<String> {
    let (metadata, location) = try await metadata()
    var known = try await TableFiles(of: metadata.snapshots, metadata, store).all
    known.formUnion(metadata.auxiliaryFiles(current: location))
    return tableFiles.subtracting(known)
  }

  /// Every object that there is, in the state it has.
  func objects() async throws -> [ObjectInfo] { try await store.listAll(Location("/")) }

  var tableFiles: Set<String> {
    Set(store.locations.filter { $0.relativePath(below: tableFolder) != nil }.map(\.text))
  }
}

extension Session {
  /// Runs a statement to its end.
  @discardableResult
  func rows(_ sql: String) async throws -> [[ResultValue]] { try await run(sql).allRows() }

  /// What contradicts the specification, in any snapshot of the table.
  func tableProblems() async throws -> [[ResultValue]] {
    // Advice (format version 3 is not for everyone) is no problem.
    try await rows("CALL system.check_table(table => 't', all_snapshots => true)").filter { $0[0] == .text("error") }
  }
}
