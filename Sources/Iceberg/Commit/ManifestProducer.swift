import Storage
import Synchronization

/// Writes the manifests of one snapshot and remembers them, so that another attempt of the commit uses them again.
final class ManifestProducer: Sendable {
  private let state = Mutex(State())

  private struct State {
    /// Of the snapshot; stays the same over all attempts.
    var snapshotID: Int64 = 0
    /// Manifests of added files, by content.
    var added: [ManifestFile.Content: [ManifestFile]] = [:]
    /// Merged manifests by those that went into them.
    var merged: [[Source]: ManifestFile] = [:]
    /// By the old manifest.
    var inspected: [Source: Inspection] = [:]
  }

  /// A manifest and what its entries inherit: one of an earlier statement of the same transaction may come again with other numbers.
  private struct Source: Hashable {
    let path: String
    /// Nil for the snapshot's own manifests, whose new entries go on inheriting.
    let sequenceNumber: Int64?
    let firstRowID: Int64?

    init(_ manifest: ManifestFile, of snapshotID: Int64) {
      path = manifest.path
      let isOwn = manifest.addedSnapshotID == snapshotID
      sequenceNumber = isOwn ? nil : manifest.sequenceNumber
      firstRowID = isOwn ? nil : manifest.firstRowID
    }
  }

  /// What was found in an old manifest.
  struct Inspection {
    /// nil where nothing of it was removed.
    var rewritten: Rewritten?
    /// Data files that stay.
    var live = LiveFiles()
  }

  struct Rewritten {
    /// Of this snapshot: what stays is in it, what was removed is marked so.
    var manifest: ManifestFile
    var removed: [ManifestEntry]
  }

  /// - Returns: the id of the snapshot: the same at every attempt, unless somebody else has used it meanwhile.
  func beginAttempt(on base: TableMetadata, _ work: CommitWork) -> Int64 {
    state.withLock { state in
      if state.snapshotID != 0, base.snapshot(id: state.snapshotID) == nil { return state.snapshotID }
      var id = work.ids.snapshotID()
      while base.snapshot(id: id) != nil { id = work.ids.snapshotID() }
      state = State(snapshotID: id)
      return id
    }
  }

  private var snapshotID: Int64 { state.withLock { $0.snapshotID } }

  /// Manifests of new files, one spec each, none much larger than the target size.
  ///
  /// - Parameter sequenceNumber: the files' data sequence number, when it is not to be the snapshot's.
  func write(
    _ files: [DataFile], _ content: ManifestFile.Content, sequenceNumber: Int64?, _ base: TableMetadata, _ work: CommitWork
  ) async throws(IcebergError) -> [ManifestFile] {
    if let known = state.withLock({ $0.added[content] }) { return known }
    let targetSize = TableProperties(base.properties).manifestTargetSize
    var manifests: [ManifestFile] = []
    for specID in Set(files.map(\.partitionSpecID)).sorted(by: >) {
      guard let spec = base.partitionSpec(id: specID) else {
        throw IcebergError(.validation, "the partition spec \(specID) that rows were written under is gone")
      }
      var rest = files.filter { $0.partitionSpecID == specID }[...]
      while !rest.isEmpty {
        var writer = try ManifestWriter(base, spec: spec, content: content, snapshotID: snapshotID, sync: work.ids.syncMarker())
        // However small the target, a manifest holds a file.
        repeat {
          if let file = rest.popFirst() { try writer.add(file, sequenceNumber: sequenceNumber) }
        } while Int64(writer.byteCount) < targetSize && !rest.isEmpty
        manifests.append(try await Self.finish(&writer, base, work))
      }
    }
    let result = manifests
    state.withLock { $0.added[content] = result }
    return result
  }

  /// Manifests of files that are there already, in the given order, none much larger than the target size.
  ///
  /// - Parameter entries: live ones of one spec and content.
  func regroup(
    _ entries: [ManifestEntry], _ content: ManifestFile.Content, _ spec: PartitionSpec, _ base: TableMetadata, _ work: CommitWork
  ) async throws(IcebergError) -> [ManifestFile] {
    let targetSize = TableProperties(base.properties).manifestTargetSize
    var manifests: [ManifestFile] = []
    var rest = entries[...]
    while !rest.isEmpty {
      var writer = try ManifestWriter(base, spec: spec, content: content, snapshotID: snapshotID, sync: work.ids.syncMarker())
      repeat {
        if let entry = rest.popFirst() { try writer.keep(entry) }
      } while Int64(writer.byteCount) < targetSize && !rest.isEmpty
      manifests.append(try await Self.finish(&writer, base, work))
    }
    return manifests
  }

  /// An old manifest without some of its files.
  ///
  /// - Parameters:
  ///   - asked: data files of which `LiveFiles` has to know whether they stay.
  ///   - isFinal: whether `isRemoved` says the same on every base, so that another attempt can use the result.
  func inspect(
    _ manifest: ManifestFile, _ base: TableMetadata, _ work: CommitWork, asked: Set<String> = [], isFinal: Bool = true,
    without isRemoved: (ManifestEntry) -> Bool
  ) async throws(IcebergError) -> Inspection {
    if isFinal, let known = state.withLock({ $0.inspected[Source(manifest, of: $0.snapshotID)] }) { return known }
    let entries = try await ManifestReader.entries(manifest, base, from: work.store).filter(\.isLive)
    let goes = entries.map(isRemoved)
    let removed = zip(entries, goes).filter(\.1).map(\.0)
    var result = Inspection()
    if manifest.content == .data {
      for (entry, isGone) in zip(entries, goes) where !isGone { result.live.add(entry.file, sequenceNumber: entry.sequenceNumber, asked: asked) }
    }
    if !removed.isEmpty {
      guard let spec = base.partitionSpec(id: manifest.partitionSpecID) else {
        throw IcebergError(.corrupt, "a manifest has a partition spec that the table does not list", file: manifest.path)
      }
      var writer = try ManifestWriter(
        base, spec: spec, content: manifest.content, snapshotID: snapshotID, sync: work.ids.syncMarker())
      for (entry, isGone) in zip(entries, goes) { if isGone { try writer.remove(entry) } else { try writer.keep(entry) } }
      result.rewritten = Rewritten(manifest: try await Self.finish(&writer, base, work), removed: removed)
    }
    let final = result
    if isFinal { state.withLock { $0.inspected[Source(manifest, of: $0.snapshotID)] = final } }
    return result
  }

  /// One manifest with the entries of several: all that are live, and what this snapshot removes.
  func merge(
    _ group: [ManifestFile], _ sequenceNumber: Int64?, _ base: TableMetadata, _ work: CommitWork
  ) async throws(IcebergError) -> ManifestFile {
    let snapshotID = snapshotID
    let sources = group.map { Source($0, of: snapshotID) }
    if let known = state.withLock({ $0.merged[sources] }) { return known }
    guard let spec = base.partitionSpec(id: group[0].partitionSpecID) else {
      throw IcebergError(.corrupt, "a manifest has a partition spec that the table does not list", file: group[0].path)
    }
    var writer = try ManifestWriter(
      base, spec: spec, content: group[0].content, snapshotID: snapshotID, sync: work.ids.syncMarker())
    for entries in try await ManifestReader.sideBySide(group, { try await ManifestReader.entries($0, base, from: work.store) }) {
      for entry in entries {
        switch entry.status {
        case .added where entry.snapshotID == snapshotID: try writer.add(entry.file, sequenceNumber: sequenceNumber)
        case .added, .existing: try writer.keep(entry)
        case .deleted: if entry.snapshotID == snapshotID { try writer.remove(entry) }
        }
      }
    }
    let merged = try await Self.finish(&writer, base, work)
    state.withLock { $0.merged[sources] = merged }
    return merged
  }

  private static func finish(
    _ writer: inout ManifestWriter, _ base: TableMetadata, _ work: CommitWork
  ) async throws(IcebergError) -> ManifestFile {
    var (bytes, manifest) = try writer.finish()
    manifest.path = try await work.writeManifest(bytes, of: base)
    return manifest
  }
}
