import Columnar
import Iceberg
import Storage
import Synchronization

/// A catalog of one table, with failures on demand.
final class MemoryPointer: MetadataPointer {
  /// What the next swap shall do, once.
  enum Behaviour: Sendable {
    /// Does its work, then fails: the answer is lost.
    case loseAnswer
    /// The same, and somebody else commits before it is noticed.
    case loseAnswerThen(@Sendable () async throws -> Void)
    /// Fails without doing anything.
    case fail
    /// Fails without doing anything, and cannot be read from then on.
    case vanish
    /// Somebody else commits right before.
    case interfere(@Sendable () async throws -> Void)
  }

  private struct State {
    var location: Location?
    var behaviours: [Behaviour] = []
    var isUnreadable = false
    var swaps = 0
    /// How many looks at the pointer fail after the next swap.
    var failingReads = 0
    var failsReads = false
  }
  private let state = Mutex(State())

  func plan(_ behaviour: Behaviour) { state.withLock { $0.behaviours.append(behaviour) } }
  func failReads(_ count: Int) { state.withLock { $0.failingReads = count } }
  var location: Location? { state.withLock { $0.location } }
  var swapCount: Int { state.withLock { $0.swaps } }

  func current() async throws(IcebergError) -> Location {
    let (location, isUnreadable) = state.withLock { ($0.location, $0.isUnreadable) }
    let fails = state.withLock { state in
      guard state.failsReads, state.failingReads > 0 else { return false }
      state.failingReads -= 1
      return true
    }
    if isUnreadable || fails { throw IcebergError(.storage, "the catalog does not answer") }
    guard let location else { throw IcebergError(.notFound, "there is no such table") }
    return location
  }

  func swap(from expected: Location, to new: Location, _ metadata: TableMetadata) async throws(IcebergError) -> SwapOutcome {
    let behaviour = state.withLock { state in
      state.swaps += 1
      state.failsReads = true
      return state.behaviours.isEmpty ? nil : state.behaviours.removeFirst()
    }
    switch behaviour {
    case .fail: throw IcebergError(.storage, "the swap failed")
    case .vanish:
      state.withLock { $0.isUnreadable = true }
      throw IcebergError(.storage, "the swap failed")
    case .interfere(let body):
      // What is planned is for the commit under test, not for the one that gets in between.
      let planned = state.withLock { state in
        defer { state.behaviours = [] }
        return state.behaviours
      }
      do { try await body() } catch { throw IcebergError(.storage, "\(error)") }
      state.withLock { $0.behaviours = planned }
    case .loseAnswer, .loseAnswerThen, nil: break
    }
    let isSwapped = state.withLock { state in
      guard state.location == expected else { return false }
      state.location = new
      return true
    }
    if case .loseAnswerThen(let body) = behaviour {
      do { try await body() } catch { throw IcebergError(.storage, "\(error)") }
      throw IcebergError(.storage, "the answer was lost")
    }
    if case .loseAnswer = behaviour { throw IcebergError(.storage, "the answer was lost") }
    return isSwapped ? .swapped : .conflict
  }

  func create(at location: Location, _ metadata: TableMetadata) async throws(IcebergError) {
    let isNew = state.withLock { state in
      guard state.location == nil else { return false }
      state.location = location
      return true
    }
    if !isNew { throw IcebergError(.alreadyExists, "there is a table already") }
  }
}

/// A table in memory and what tests do to it.
struct TableInMemory: Sendable {
  let store = MemoryStore()
  let pointer = MemoryPointer()
  static let location = "mem://warehouse/t"

  /// A table of an id and a region, partitioned by region.
  static func metadata(properties: [String: String] = [:], formatVersion: Int = 2) -> TableMetadata {
    TableMetadata(
      newTableAt: location, uuid: "6f1f2f34-0000-4000-8000-000000000001",
      schema: IcebergSchema(
        fields: [
          IcebergField(id: 1, name: "id", type: .long, isRequired: true), IcebergField(id: 2, name: "region", type: .string),
        ]),
      spec: PartitionSpec(fields: [PartitionField(sourceID: 2, fieldID: 1_000, name: "region", transform: .identity)]),
      properties: properties, formatVersion: formatVersion, nowMilliseconds: 1_000)
  }

  func committer(seed: UInt64? = nil, scope: String = "", now: Int64 = 2_000) -> Committer {
    Committer(pointer, store: store, ids: IDSource(seed: seed, scope: [scope]), now: { now }, engine: [("engine-name", "test")])
  }

  func create(properties: [String: String] = [:], formatVersion: Int = 2) async throws {
    _ = try await committer(seed: 0).create(Self.metadata(properties: properties, formatVersion: formatVersion))
  }

  /// A description of a data file; the file itself is not needed by commits.
  static func file(_ name: String, region: String? = "a", rows: Int64 = 10) -> DataFile {
    DataFile(
      path: "\(location)/data/\(name).parquet", partition: [region.map { .text($0) } ?? .null(.varchar)], recordCount: rows, fileSize: 100,
      metrics: FileMetrics(valueCounts: [1: rows], nullCounts: [1: 0]))
  }

  @discardableResult
  func append(_ names: String..., seed: UInt64? = nil) async throws -> TableMetadata {
    try await committer(seed: seed, scope: names.joined()).commit(SnapshotChange(adding: names.map { Self.file($0) })).metadata
  }

  var current: TableMetadata {
    get async throws { try await TableMetadata.load(try await pointer.current(), from: store) }
  }

  func manifests(_ metadata: TableMetadata) async throws -> [ManifestFile] {
    guard let snapshot = metadata.currentSnapshot else { return [] }
    return try await ScanPlanner.manifests(of: snapshot, metadata, store)
  }

  func entries(_ metadata: TableMetadata) async throws -> [ManifestEntry] {
    var entries: [ManifestEntry] = []
    for manifest in try await manifests(metadata) { entries += try await ManifestReader.entries(manifest, metadata, from: store) }
    return entries
  }

  /// Names of the live data files, without folder and ending.
  func liveNames(_ metadata: TableMetadata) async throws -> [String] {
    try await entries(metadata).filter(\.isLive).map { String(Location($0.file.path).name.dropLast(".parquet".count)) }.sorted()
  }

  /// Files that no state of the table refers to: metadata of all states, their lists, the manifests in those.
  var strays: [String] {
    get async throws {
      var known: Set<String> = [try await pointer.current().text]
      let current = try await current
      for entry in current.metadataLog { known.insert(entry.file) }
      for snapshot in current.snapshots {
        guard let list = snapshot.manifestList else { continue }
        known.insert(list)
        for manifest in try await ManifestList.read(Location(list), from: store) { known.insert(manifest.path) }
      }
      return store.locations.map(\.text).filter { !known.contains($0) }
    }
  }
}
