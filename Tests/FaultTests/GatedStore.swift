import Storage

/// A memory store as one writer sees it: before every call it waits for its turn.
///
/// Data files and manifests never change, nobody sees them before the commit that names them, and a statement may read or write several at
/// once: these reads, and writing data files, go with the turn before them, so that the order of turns depends on nothing but the seed.
final class GatedStore: ObjectStore {
  private let inner: MemoryStore
  private let scheduler: Scheduler
  private let writer: Int

  init(_ inner: MemoryStore, _ scheduler: Scheduler, _ writer: Int) {
    self.inner = inner
    self.scheduler = scheduler
    self.writer = writer
  }

  private static func isImmutable(_ location: Location) -> Bool {
    location.name.hasSuffix(".parquet") || location.name.hasSuffix(".puffin") || location.name.contains("-m")
  }

  func read(_ location: Location, _ range: Range<Int>?) async throws(StorageError) -> ByteSlice {
    if !Self.isImmutable(location) { await scheduler.pass(writer) }
    return try await inner.read(location, range)
  }

  func info(_ location: Location) async throws(StorageError) -> ObjectInfo {
    if !Self.isImmutable(location) { await scheduler.pass(writer) }
    return try await inner.info(location)
  }

  func write(_ location: Location, _ bytes: ByteSlice, if condition: PutCondition) async throws(StorageError) -> ObjectVersion {
    await scheduler.pass(writer)
    return try await inner.write(location, bytes, if: condition)
  }

  func list(_ prefix: Location, after: String?) async throws(StorageError) -> ListPage {
    await scheduler.pass(writer)
    return try await inner.list(prefix, after: after)
  }

  func delete(_ locations: [Location]) async throws(StorageError) {
    await scheduler.pass(writer)
    try await inner.delete(locations)
  }

  func openReader(_ location: Location, size: Int?) throws(StorageError) -> any SynchronousReader {
    try inner.openReader(location, size: size)
  }

  func openWriter(_ location: Location, if condition: PutCondition, _ durability: Durability) throws(StorageError)
    -> any ObjectWriter
  {
    try inner.openWriter(location, if: condition, durability)
  }
}
