import Columnar
import JSONText
import Storage
import Synchronization

/// Adds data files: INSERT. Nothing that others do meanwhile can contradict it.
///
/// New files get manifests of their own once; a retry takes those manifests over, since sequence numbers are inherited. Old manifests
/// are taken over, or merged when there are many (`ManifestMerging`).
package final class Append: SnapshotUpdate {
  private let files: [DataFile]
  private let state = Mutex(State())

  private struct State {
    /// Of the snapshot; stays the same over all attempts.
    var snapshotID: Int64?
    /// Manifests of the new files.
    var added: [ManifestFile] = []
    /// Merged manifests by the paths that went into them.
    var merged: [[String]: ManifestFile] = [:]
  }

  /// - Parameter files: written and closed; all under one partition spec of the table.
  package init(_ files: [DataFile]) { self.files = files }

  package func apply(to base: TableMetadata, _ work: CommitWork) async throws(IcebergError) -> TableMetadata {
    try base.checkIsWritable()
    let snapshotID = self.snapshotID(in: base, work.ids)
    let properties = TableProperties(base.properties)
    let sequenceNumber = base.formatVersion > 1 ? base.lastSequenceNumber &+ 1 : 0
    let parent = base.currentSnapshot
    var old: [ManifestFile] = []
    if let parent { old = try await Self.liveManifests(of: parent, base, work.store) }

    let added = try await addedManifests(base, snapshotID, work)
    let data = added.map { manifest in
      var manifest = manifest
      manifest.sequenceNumber = sequenceNumber
      manifest.minimumSequenceNumber = min(manifest.minimumSequenceNumber, sequenceNumber)
      return manifest
    } + old.filter { $0.content == .data }
    var manifests: [ManifestFile] = []
    var replaced = 0
    var created = added.count
    var entriesProcessed = 0
    for group in ManifestMerging(properties).groups(data) {
      guard group.count > 1 else {
        manifests += group
        continue
      }
      var merged = try await self.merged(group, base, snapshotID, work)
      merged.sequenceNumber = sequenceNumber
      merged.minimumSequenceNumber = min(merged.minimumSequenceNumber, sequenceNumber)
      manifests.append(merged)
      entriesProcessed += merged.liveFileCount ?? 0
      replaced += group.count { manifest in old.contains { $0.path == manifest.path } }
      created += 1 - group.count { manifest in added.contains { $0.path == manifest.path } }
    }
    manifests += old.filter { $0.content == .deletes }

    var firstRowID: Int64?
    var addedRows: Int64?
    if base.formatVersion > 2 {
      firstRowID = base.nextRowID
      addedRows = Self.assignRowIDs(&manifests, from: base.nextRowID)
    }
    let list = try ManifestList.write(
      manifests, snapshotID: snapshotID, parentID: parent?.id, sequenceNumber: sequenceNumber, formatVersion: base.formatVersion,
      firstRowID: firstRowID, sync: work.ids.syncMarker())
    var summary = SnapshotSummaryBuilder(operation: "append")
    for file in files {
      guard let spec = base.partitionSpec(id: file.partitionSpecID) else {
        throw IcebergError(.validation, "the partition spec \(file.partitionSpecID) that rows were written under is gone")
      }
      summary.add(file, spec)
    }
    return base.adding(
      Snapshot(
        id: snapshotID, parentID: parent?.id, sequenceNumber: sequenceNumber,
        // Never before the parent's, so that time travel stays ordered when clocks differ.
        timestampMilliseconds: max(work.now(), parent?.timestampMilliseconds ?? .min, base.lastUpdatedMilliseconds),
        manifestList: try await work.writeManifestList(list, snapshotID: snapshotID, of: base),
        summary: summary.summary(
          parent: parent?.summary, partitionLimit: properties.summaryPartitionLimit,
          manifests: (created, manifests.count - created, replaced), entriesProcessed: entriesProcessed, engine: work.engine),
        schemaID: base.currentSchemaID, firstRowID: firstRowID, addedRows: addedRows))
  }

  /// The same id at every attempt, unless somebody else has used it meanwhile.
  private func snapshotID(in base: TableMetadata, _ ids: IDSource) -> Int64 {
    state.withLock { state in
      if let id = state.snapshotID, base.snapshot(id: id) == nil { return id }
      var id = ids.snapshotID()
      while base.snapshot(id: id) != nil { id = ids.snapshotID() }
      state = State(snapshotID: id)
      return id
    }
  }

  /// The manifests of a snapshot that hold live files. Old version 1 snapshots name them only: their sizes are looked up.
  private static func liveManifests(
    of snapshot: Snapshot, _ base: TableMetadata, _ store: any ObjectStore
  ) async throws(IcebergError) -> [ManifestFile] {
    var manifests = try await ScanPlanner.manifests(of: snapshot, base, store).filter(\.mayHaveLiveFiles)
    guard snapshot.manifestList == nil else { return manifests }
    for index in manifests.indices {
      let location = Location(manifests[index].path)
      manifests[index].length = Int64(try await storing { () async throws(StorageError) in try await store.info(location).size })
    }
    return manifests
  }

  private func addedManifests(_ base: TableMetadata, _ snapshotID: Int64, _ work: CommitWork) async throws(IcebergError) -> [ManifestFile] {
    let known = state.withLock { $0.added }
    guard known.isEmpty, let first = files.first else { return known }
    guard let spec = base.partitionSpec(id: first.partitionSpecID) else {
      throw IcebergError(.validation, "the partition spec \(first.partitionSpecID) that rows were written under is gone")
    }
    let targetSize = TableProperties(base.properties).manifestTargetSize
    var manifests: [ManifestFile] = []
    var rest = files[...]
    while !rest.isEmpty {
      var writer = try ManifestWriter(base, spec: spec, content: .data, snapshotID: snapshotID, sync: work.ids.syncMarker())
      while Int64(writer.byteCount) < targetSize, let file = rest.popFirst() { try writer.add(file) }
      manifests.append(try await Self.finish(&writer, base, work))
    }
    let result = manifests
    state.withLock { $0.added = result }
    return result
  }

  /// One manifest with the live entries of several.
  private func merged(
    _ group: [ManifestFile], _ base: TableMetadata, _ snapshotID: Int64, _ work: CommitWork
  ) async throws(IcebergError) -> ManifestFile {
    let paths = group.map(\.path)
    if let known = state.withLock({ $0.merged[paths] }) { return known }
    guard let spec = base.partitionSpec(id: group[0].partitionSpecID) else {
      throw IcebergError(.corrupt, "a manifest has a partition spec that the table does not list", file: group[0].path)
    }
    var writer = try ManifestWriter(base, spec: spec, content: .data, snapshotID: snapshotID, sync: work.ids.syncMarker())
    for manifest in group {
      for entry in try await ManifestReader.entries(manifest, base, from: work.store) where entry.isLive {
        if entry.status == .added, entry.snapshotID == snapshotID { try writer.add(entry.file) } else { try writer.keep(entry) }
      }
    }
    let merged = try await Self.finish(&writer, base, work)
    state.withLock { $0.merged[paths] = merged }
    return merged
  }

  private static func finish(_ writer: inout ManifestWriter, _ base: TableMetadata, _ work: CommitWork) async throws(IcebergError) -> ManifestFile {
    var (bytes, manifest) = try writer.finish()
    manifest.path = try await work.writeManifest(bytes, of: base)
    return manifest
  }

  /// Gives a first row id to the data manifests without one, in the order of the list. SPEC "Row Lineage".
  ///
  /// - Returns: the ids given out.
  private static func assignRowIDs(_ manifests: inout [ManifestFile], from first: Int64) -> Int64 {
    var next = first
    for index in manifests.indices where manifests[index].content == .data && manifests[index].firstRowID == nil {
      manifests[index].firstRowID = next
      next &+= (manifests[index].addedRowCount ?? 0) &+ (manifests[index].existingRowCount ?? 0)
    }
    return next &- first
  }
}

extension TableMetadata {
  /// - Throws: `unsupported` for tables that this version must not write.
  package func checkIsWritable() throws(IcebergError) {
    if encryptionKeys?.elements.contains(where: { _ in true }) == true || properties["encryption.key-id"] != nil {
      throw .unsupported("encrypted tables cannot be written")
    }
    for field in partitionSpec.fields {
      if case .unknown(let text) = field.transform { throw .unsupported("tables partitioned by transform \(text) cannot be written") }
    }
    if let field = schema.allFields.first(where: { $0.type == .unknown }) {
      throw .unsupported("column '\(field.name)' has the type unknown; such tables cannot be written yet")
    }
    // A new column's default would have to be written into every row.
    for field in schema.allFields where field.writeDefault != nil && field.writeDefault != .null {
      throw .unsupported("column '\(field.name)' has a write default, which INSERT does not apply yet")
    }
  }
}
