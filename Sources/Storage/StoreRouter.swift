/// Finds the store for a location, through the mounts; the one `ObjectStore` the rest of the engine holds.
///
/// What was asked for as `s3://…` is answered as `s3://…`, in results and in errors, wherever a mount took it.
package struct StoreRouter: ObjectStore {
  package var mounts: MountTable
  private let local: any ObjectStore
  /// By lower-case scheme; tests put a `MemoryStore` here.
  private let stores: [String: any ObjectStore]
  /// Nil where nothing beyond this machine is to be reached.
  private let aws: AWSAccess?
  private let granted: GrantedStores?
  /// What takes the writes of all stores, where these are only to be read.
  private let overlay: OverlayFolder?
  /// Of objects far away that never change; nil reads them anew.
  private var metadata: MetadataCache?
  /// Likewise, on disk and in pieces.
  private let disk: DiskCache?

  package init(
    mounts: MountTable = MountTable(), local: any ObjectStore = LocalStore(), stores: [String: any ObjectStore] = [:], aws: AWSAccess? = nil,
    granted: GrantedStores? = nil, overlay: OverlayFolder? = nil, metadata: MetadataCache? = nil, disk: DiskCache? = nil
  ) {
    self.disk = disk
    self.metadata = metadata
    self.overlay = overlay
    self.mounts = mounts
    self.local = local
    self.stores = stores
    self.aws = aws
    self.granted = granted
  }

  /// The same stores, asked anew for everything.
  package var uncached: StoreRouter {
    var router = self
    router.metadata = nil
    return router
  }

  /// The store that holds `location`, and what the location is called there.
  package func resolve(_ location: Location) throws(StorageError) -> (store: any ObjectStore, location: Location) {
    let (store, target) = try resolveBase(location)
    guard let overlay else { return (store, target) }
    return (OverlayStore(base: store, folder: overlay), target)
  }

  private func resolveBase(_ location: Location) throws(StorageError) -> (store: any ObjectStore, location: Location) {
    let target = try mounts.resolve(location) ?? location
    if target.isLocal { return (local, target) }
    let scheme = target.scheme ?? ""
    if let store = stores[scheme] { return (store, target) }
    switch scheme {
    case "s3", "s3a", "s3n":
      if let store = granted?.store(for: target) { return (store, target) }
      guard let aws else {
        throw StorageError(.notSupported, location, "S3 cannot be reached from here; use --mount \(scheme)://\(target.authority)/…=FOLDER or --offline FOLDER")
      }
      do throws(CredentialError) { return (try aws.s3Store(), target) } catch { throw StorageError(.notSupported, location, error.message) }
    default:
      throw StorageError(
        .notSupported, location,
        "there is no store for \(scheme):// locations; copy the data to this machine and use --mount \(scheme)://\(target.authority)/…=FOLDER")
    }
  }

  package func read(_ location: Location, _ range: Range<Int>?) async throws(StorageError) -> ByteSlice {
    let target = try resolve(location)
    do { return try await target.store.read(target.location, range) } catch { throw Self.renamed(error, location, target.location) }
  }

  package func readImmutable(_ location: Location) async throws(StorageError) -> ByteSlice {
    let target = try resolve(location)
    guard let metadata, target.store.isRemote(target.location) else { return try await read(location, nil) }
    if let known = metadata[target.location] {
      StorageTraffic.current?.note(bytesUsed: known.count)
      return known
    }
    do {
      let bytes = try await readThroughDisk(target.location, target.store)
      metadata.insert(bytes, at: target.location)
      return bytes
    } catch { throw Self.renamed(error, location, target.location) }
  }

  private func readThroughDisk(_ location: Location, _ store: any ObjectStore) async throws(StorageError) -> ByteSlice {
    guard let disk, location.hasUniqueName, let server = store.server(of: location) else { return try await store.readImmutable(location) }
    let identity = DiskCache.Identity(location, at: server, size: nil, state: nil)
    if let file = disk.open(identity, 0) {
      let buffer = ByteBuffer(byteCount: file.byteCount)
      if file.read(at: 0, into: buffer.mutableBytes) {
        StorageTraffic.current?.note(bytesUsed: file.byteCount)
        return buffer.slice()
      }
      disk.remove(identity, 0)
    }
    let bytes = try await store.readImmutable(location)
    bytes.withBytes { disk.store(identity, 0, version: nil, $0) }
    return bytes
  }

  package func server(of location: Location) -> String? {
    // What has no store is reported when it is read.
    guard let target = try? resolve(location) else { return nil }
    return target.store.server(of: target.location)
  }

  package func info(_ location: Location) async throws(StorageError) -> ObjectInfo {
    let target = try resolve(location)
    do {
      var info = try await target.store.info(target.location)
      info.location = location
      return info
    } catch { throw Self.renamed(error, location, target.location) }
  }

  package func write(_ location: Location, _ bytes: ByteSlice, if condition: PutCondition) async throws(StorageError)
    -> ObjectVersion
  {
    let target = try resolve(location)
    do {
      let version = try await target.store.write(target.location, bytes, if: condition)
      // What a commit writes is what the next statement reads.
      if let metadata, target.store.isRemote(target.location) { metadata.insert(bytes, at: target.location) }
      return version
    } catch { throw Self.renamed(error, location, target.location) }
  }

  package func list(_ prefix: Location, after: String?) async throws(StorageError) -> ListPage {
    let target = try resolve(prefix)
    guard target.location != prefix else { return try await target.store.list(prefix, after: after) }
    do {
      var page = try await target.store.list(target.location, after: after)
      for index in page.objects.indices {
        let found = page.objects[index].location
        page.objects[index].location = found.relativePath(below: target.location).map(prefix.appending) ?? prefix
      }
      return page
    } catch { throw Self.renamed(error, prefix, target.location) }
  }

  package func delete(_ locations: [Location]) async throws(StorageError) {
    // Neighbours nearly always share a store: one call for each run of them.
    var run: [Location] = []
    var cached: [(location: Location, server: String)] = []
    // At the end, so that nothing that is read meanwhile goes back there; and whatever became of the rest.
    defer { for object in cached { disk?.forget(object.location, at: object.server) } }
    var runStore: (any ObjectStore)?
    var runRoute = ""
    for location in locations {
      let target = try resolve(location)
      metadata?.remove(target.location)
      if disk != nil, let server = target.store.server(of: target.location) { cached.append((target.location, server)) }
      let route = target.location.scheme ?? ""
      if let store = runStore, route != runRoute {
        try await store.delete(run)
        run = []
      }
      runStore = target.store
      runRoute = route
      run.append(target.location)
    }
    if let runStore { try await runStore.delete(run) }
  }

  package func deleteFolder(_ folder: Location) async throws(StorageError) {
    let target = try resolve(folder)
    defer { forget(below: target) }
    do { try await target.store.deleteFolder(target.location) } catch { throw Self.renamed(error, folder, target.location) }
  }

  /// Keeps nothing of what was below a folder: somebody else has deleted it.
  package func forget(below folder: Location) {
    // Where there is no store, nothing was read.
    if let target = try? resolve(folder) { forget(below: target) }
  }

  private func forget(below folder: (store: any ObjectStore, location: Location)) {
    metadata?.removeAll(below: folder.location)
    if let disk, let server = folder.store.server(of: folder.location) { disk.forget(below: folder.location, at: server) }
  }

  package func deleteEmptyFolders(_ folder: Location) async throws(StorageError) {
    let target = try resolve(folder)
    do { try await target.store.deleteEmptyFolders(target.location) } catch { throw Self.renamed(error, folder, target.location) }
  }

  package func openReader(_ location: Location, size: Int?) throws(StorageError) -> any SynchronousReader {
    let target = try resolve(location)
    do { return try target.store.openReader(target.location, size: size) } catch {
      throw Self.renamed(error, location, target.location)
    }
  }

  package func openReader(_ location: Location, size: Int?, _ stability: ObjectStability) throws(StorageError) -> any SynchronousReader {
    let reader = try openReader(location, size: size)
    guard let disk, reader.isRemote, size != nil else { return reader }
    let target = try resolve(location)
    guard let server = target.store.server(of: target.location) else { return reader }
    let state: ObjectVersion?
    switch stability {
    case .mayChange: return reader
    case .immutable:
      guard target.location.hasUniqueName else { return reader }
      state = nil
    case .inState(let stated):
      guard !stated.text.isEmpty else { return reader }
      state = stated
    }
    return CachedReader(reader, disk, DiskCache.Identity(target.location, at: server, size: reader.size, state: state), state: state)
  }

  package func openWriter(_ location: Location, if condition: PutCondition, _ durability: Durability) throws(StorageError)
    -> any ObjectWriter
  {
    let target = try resolve(location)
    do { return try target.store.openWriter(target.location, if: condition, durability) } catch {
      throw Self.renamed(error, location, target.location)
    }
  }

  /// The error in terms of what was asked for, saying where the mount led.
  private static func renamed(_ error: StorageError, _ asked: Location, _ actual: Location) -> StorageError {
    guard asked != actual else { return error }
    var error = error
    let place = error.location == actual ? actual.text : error.location.text
    error.location = asked
    error.message += " (mounted at \(place))"
    return error
  }
}
