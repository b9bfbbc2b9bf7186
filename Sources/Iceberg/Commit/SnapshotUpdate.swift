import Compression
package import Storage
import Synchronization

/// A change of a table that can be made again on a newer state: `SnapshotChange` for everything that adds or removes files.
package protocol SnapshotUpdate: Sendable {
  /// The files that come and go; nil for changes of metadata alone.
  var fileChange: FileChange? { get }
  /// Looks at what others have committed since the change was prepared; called before `apply`, on the same state.
  ///
  /// - Parameter transaction: where a change that builds on others of the same transaction began; nil when it stands alone.
  /// - Throws: `validation` when that contradicts the change.
  func validate(_ base: TableMetadata, against transaction: TransactionStart?, _ store: any ObjectStore) async throws(IcebergError)
  /// The state after the change. Called once per attempt, each time on the newest base; data files are written before the first
  /// call and used again by all.
  func apply(to base: TableMetadata, _ work: CommitWork) async throws(IcebergError) -> TableMetadata
}

/// For changes that are made anew on every state, and look at it themselves.
extension SnapshotUpdate {
  package var fileChange: FileChange? { nil }
  package func validate(_ base: TableMetadata, against transaction: TransactionStart?, _ store: any ObjectStore) async throws(IcebergError) {}
}

/// What the changes of a transaction on one table have in common when they are held against the commits of others.
package struct TransactionStart: Sendable {
  /// The state that the transaction reads.
  let base: TableMetadata
  /// Data files of the transaction itself: nobody else can have changed them.
  let ownFiles: Set<String>
}

/// What the attempts of one commit share: store, clock, ids, and the metadata files written so far.
package final class CommitWork: Sendable {
  package let store: any ObjectStore
  package let ids: IDSource
  /// Milliseconds since 1970 UTC.
  package let now: @Sendable () -> Int64
  /// Goes into the names of all manifests and manifest lists of the commit.
  package let uuid: String
  /// Engine name and version, for snapshot summaries.
  package let engine: [(key: String, value: String)]
  /// The write-audit-publish id of the session: tables with `write.wap.enabled` get the snapshot without making it current.
  package let stagingID: String?
  private let state = Mutex(State())

  private struct State {
    var attempt = 1
    var manifestCount = 0
    /// Files of this commit that exist, by path.
    var written: Set<String> = []
  }

  init(
    store: any ObjectStore, ids: IDSource, now: @escaping @Sendable () -> Int64, engine: [(key: String, value: String)],
    stagingID: String? = nil
  ) {
    self.store = store
    self.ids = ids
    self.now = now
    self.engine = engine
    self.stagingID = stagingID
    uuid = ids.uuid()
  }

  var attempt: Int { state.withLock { $0.attempt } }
  func beginNextAttempt() { state.withLock { $0.attempt += 1 } }

  /// Stores a manifest under the next free name.
  package func writeManifest(_ bytes: [UInt8], of metadata: TableMetadata) async throws(IcebergError) -> String {
    let number = state.withLock { state in
      defer { state.manifestCount += 1 }
      return state.manifestCount
    }
    return try await write(bytes, named: "\(uuid)-m\(number).avro", of: metadata)
  }

  package func writeManifestList(_ bytes: [UInt8], snapshotID: Int64, of metadata: TableMetadata) async throws(IcebergError) -> String {
    try await write(bytes, named: "snap-\(snapshotID)-\(attempt)-\(uuid).avro", of: metadata)
  }

  /// - Parameter previous: the metadata file of the state before; nil for a new table.
  package func writeMetadata(_ metadata: TableMetadata, after previous: Location?) async throws(IcebergError) -> Location {
    let properties = TableProperties(metadata.properties)
    var bytes = metadata.jsonBytes
    if properties.compressesMetadata {
      do { bytes = try FileCompression.gzip.compress(bytes) } catch { throw IcebergError(.storage, "\(error)", cause: error) }
    }
    let name = MetadataFileName.next(after: previous, uuid: ids.uuid(), isCompressed: properties.compressesMetadata)
    return Location(try await write(bytes, named: name, of: metadata))
  }

  /// Never replaces a file: names are new by their UUIDs, and where they are not, somebody else's file is there.
  private func write(_ bytes: [UInt8], named name: String, of metadata: TableMetadata) async throws(IcebergError) -> String {
    let location = metadata.metadataFolder.appending(name)
    let slice = ByteSlice(bytes)
    do {
      _ = try await storing { [store] () async throws(StorageError) in try await store.write(location, slice, if: .ifAbsent) }
    } catch {
      // A write that ends in an error may have happened all the same; what lies there is this commit's if nobody else takes such names.
      if error.kind != .alreadyExists, ids.isUnique { state.withLock { _ = $0.written.insert(location.text) } }
      throw error
    }
    state.withLock { _ = $0.written.insert(location.text) }
    return location.text
  }

  /// Removes files of this commit, all but those named. Best effort: what cannot be removed is an orphan, and no reader sees it.
  func discard(except kept: Set<String> = []) async {
    let surplus = state.withLock { state in
      let surplus = state.written.subtracting(kept)
      state.written.formIntersection(kept)
      return surplus.sorted()
    }
    await delete(surplus)
  }

  /// Removes those of the files that this commit has written: a change of the metadata alone goes on with the manifest list of its base.
  func discard(_ paths: [String]) async {
    let own = state.withLock { state in
      let own = paths.filter(state.written.contains)
      state.written.subtract(own)
      return own
    }
    await delete(own)
  }

  private func delete(_ paths: [String]) async {
    for path in paths {
      do { try await store.delete([Location(path)]) } catch { continue }  // Nothing better can be done about it.
    }
  }
}

extension TableMetadata {
  /// Where metadata files go.
  package var metadataFolder: Location { TableProperties(properties).folder("write.metadata.path", "metadata", of: location) }
}
