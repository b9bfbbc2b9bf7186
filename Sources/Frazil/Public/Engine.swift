package import Catalogs
import Columnar
import Connectors
import Functions
@_exported public import SQLSyntax
package import Storage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The engine of one process: its catalogs, their storage, and the limits that its sessions share.
public final class Engine: Sendable {
  public let configuration: Configuration
  let store: StoreRouter
  let aws: AWSAccess
  let catalogs: CatalogRegistry
  let footers: ParquetFooterCache
  let memory: MemoryPool
  /// What takes the writes; nil where things are written to where they are.
  let overlay: OverlayFolder?
  let overlayNotices = OverlayNotices()

  public convenience init(_ configuration: Configuration) throws(SQLError) { try self.init(configuration, stores: [:]) }

  /// - Parameters:
  ///   - stores: by scheme, `file` for paths; tests put stores there that fail on demand.
  ///   - catalog: another one than the local catalog of the warehouse.
  package init(
    _ configuration: Configuration, stores: [String: any ObjectStore], catalog: (any Catalog)? = nil
  ) throws(SQLError) {
    var mounts = MountTable()
    for mount in configuration.mounts { mounts.mount(from: Location(mount.prefix), to: Location(mount.folder)) }
    if let folder = configuration.offlineDirectory { mounts.mountOffline(folder) }
    self.configuration = configuration
    aws = AWSAccess(environment: configuration.environment, readAheadLimit: configuration.memoryLimit / 8)
    let grants = GrantedStores(aws: aws)
    do throws(StorageError) { overlay = try configuration.overlayDirectory.map { folder throws(StorageError) in try OverlayFolder.open(folder) } } catch {
      throw SQLError(.invalidPath, "--overlay: \(error)")
    }
    store = StoreRouter(
      mounts: mounts, local: stores["file"] ?? LocalStore(), stores: stores, aws: aws, granted: grants, overlay: overlay, metadata: MetadataCache(),
      disk: try Self.diskCache(configuration))
    footers = ParquetFooterCache(store: store)
    memory = MemoryPool(limit: configuration.memoryLimit)
    let isHere = Location(configuration.warehouse).scheme == nil
    let folder = configuration.catalogDirectory ?? (isHere ? configuration.warehouse + "/" : "") + ".frazil/catalog"
    let local = catalog ?? LocalCatalog(root: folder, now: configuration.catalogClock)
    let registry = try CatalogRegistry(configuration, local: local, aws: aws, grants: grants, store: store)
    guard let overlay else {
      catalogs = registry
      return
    }
    catalogs = registry.mapped { [store, overlayNotices] base in
      OverlayCatalog(base: base, folder: overlay, store: store, notices: overlayNotices, now: configuration.catalogClock)
    }
  }

  private static let standardCacheSize = 10 << 30

  private static func diskCache(_ configuration: Configuration) throws(SQLError) -> DiskCache? {
    guard let folder = configuration.cacheDirectory else { return nil }
    do { return try DiskCache(folder: folder, byteLimit: configuration.cacheSize ?? standardCacheSize) } catch {
      throw SQLError(.invalidArguments, "the cache cannot be used: \(error.message): \(folder)")
    }
  }

  /// A session: a current database, prepared statements, one statement at a time.
  public func makeSession() -> Session { Session(self) }

  /// Microseconds since 1970 UTC, by the fixed clock or the system's.
  var now: Int64 {
    if let now = configuration.now { return now }
    var moment = timespec()
    clock_gettime(CLOCK_REALTIME, &moment)
    return Int64(moment.tv_sec) * 1_000_000 + Int64(moment.tv_nsec) / 1_000
  }

  /// `now` as something to hand down.
  var clock: @Sendable () -> Int64 { { [self] in now } }

  /// The warehouse of a catalog as a location, or as an absolute path: table metadata must not depend on where the next process is started.
  func warehousePath(of catalog: any Catalog) -> String {
    let warehouse = catalog.warehouse ?? configuration.warehouse
    var path = warehouse[...]
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    if Location(warehouse).scheme != nil { return String(path) }
    while path.hasPrefix("./") { path = path.dropFirst(2).drop { $0 == "/" } }
    if path.hasPrefix("/") { return String(path) }
    guard let folder = getcwd(nil, 0) else { return String(path) }
    defer { free(folder) }
    return String(cString: folder) + (path.isEmpty || path == "." ? "" : "/" + path)
  }

  func makeContext(_ settings: SessionSettings) -> QueryContext {
    QueryContext(
      memory: memory, batchCapacity: configuration.batchCapacity, workerCount: configuration.workers, nowMicroseconds: now,
      sessionZone: settings.timeZone,
      seed: configuration.seed, spillDirectory: configuration.spillDirectory ?? Self.temporaryDirectory)
  }

  private static var temporaryDirectory: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }
}

extension Configuration {
  /// A timestamp like `2026-01-31T12:00:00Z` or `2026-01-31 12:00:00` (UTC) in microseconds since 1970; nil when it is none.
  public static func parseInstant(_ text: String) -> Int64? {
    let plain = String(text.map { $0 == "T" ? " " : $0 })
    let zoned = plain.hasSuffix("Z") ? String(plain.dropLast()) + " UTC" : plain
    let target: SQLType = zoned.contains("+") || zoned.hasSuffix("UTC") ? .timestampTZ(precision: 6) : .timestamp(precision: 6)
    let column = Column.constant(.text(zoned), count: 1)
    guard let moment = try? castColumn(column, to: target, isTry: true, context: QueryContext()) else { return nil }
    switch moment.scalarValue(at: 0) {
    case .int(let micros): return micros
    case .timestampTZ(let value): return value.instant
    default: return nil
    }
  }
}
