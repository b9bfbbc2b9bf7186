package import Storage

/// Chooses the files a query must read.
///
/// ```
/// metadata ─ version ─▶ snapshot ─▶ manifest list ─ summaries ─▶ manifests ─ tuple, metrics ─▶ tasks with their deletes
/// ```
///
/// Manifests are read and decoded side by side; entries are decoded to slots first, and only those that stay become tasks.
package struct ScanPlanner: Sendable {
  private let metadata: TableMetadata
  private let store: any ObjectStore
  private let version: TableMetadata.Version
  private let predicate: IcebergPredicate
  private let readsDeletes: Bool

  /// - Parameters:
  ///   - predicate: true for all wanted rows; fields by id, see `IcebergPredicate`.
  ///   - readsDeletes: whether the caller applies `FileScanTask.deletes`. If not, a file with deletes makes the plan fail instead of
  ///     giving rows that were deleted.
  package init(
    _ metadata: TableMetadata, store: any ObjectStore, version: TableMetadata.Version = .current,
    predicate: IcebergPredicate = .everything, readsDeletes: Bool = false
  ) {
    self.metadata = metadata
    self.store = store
    self.version = version
    self.predicate = predicate
    self.readsDeletes = readsDeletes
  }

  package func plan() async throws(IcebergError) -> ScanPlan {
    let (snapshot, schema) = try metadata.scanTarget(version)
    guard let snapshot else { return ScanPlan(snapshot: nil, schema: schema, tasks: [], report: ScanReport()) }
    let manifests = try await Self.manifests(of: snapshot, metadata, store)
    var report = ScanReport()
    report.manifestCount = manifests.count

    let checked = predicate.checked(schema)
    var projections: [Int32: PartitionProjection] = [:]
    for manifest in manifests where projections[manifest.partitionSpecID] == nil {
      guard let spec = metadata.partitionSpec(id: manifest.partitionSpecID) else {
        throw IcebergError(
          .corrupt, "a manifest has partition spec \(manifest.partitionSpecID), which the table does not list", file: manifest.path)
      }
      projections[manifest.partitionSpecID] = PartitionProjection(checked, spec, metadata)
    }
    let filter = Filter(metadata: metadata, metrics: MetricsFilter(checked, schema), projections: projections)

    var dataManifests: [ManifestFile] = []
    var deleteManifests: [ManifestFile] = []
    for manifest in manifests {
      let isData = manifest.content == .data
      guard manifest.mayHaveLiveFiles else {
        report.manifestsSkipped += 1
        continue
      }
      guard projections[manifest.partitionSpecID]?.mayMatch(manifest.partitions) ?? true else {
        report.manifestsSkipped += 1
        if isData {
          report.filesSkippedByManifest += manifest.liveFileCount ?? 0
          report.fileCount += manifest.liveFileCount ?? 0
        }
        continue
      }
      if isData { dataManifests.append(manifest) } else { deleteManifests.append(manifest) }
    }

    var deletes = DeleteIndex()
    for entries in try await ManifestReader.sideBySide(deleteManifests, { [metadata, store] manifest in
      try await ManifestReader.entries(manifest, metadata, from: store).filter(\.isLive)
    }) {
      for entry in entries { try deletes.add(entry, metadata) }
    }
    report.deleteFileCount = deletes.fileCount

    var tasks: [FileScanTask] = []
    let (index, readsDeletes) = (deletes, readsDeletes)
    for (found, part) in try await ManifestReader.sideBySide(dataManifests, { [metadata, store] manifest in
      try await filter.tasks(manifest, index, metadata, store, readsDeletes: readsDeletes)
    }) {
      tasks += found
      report.add(part)
    }
    report.plannedFileCount = tasks.count
    for task in tasks {
      report.plannedByteCount &+= task.file.fileSize
      report.plannedRecordCount &+= task.file.recordCount
    }
    return ScanPlan(snapshot: snapshot, schema: schema, tasks: tasks, report: report)
  }

  /// Rows of the version from metadata alone; nil when a predicate, or deletes that do not say how many rows they take, make that
  /// impossible.
  package func exactRowCount() async throws(IcebergError) -> Int64? {
    guard predicate == .everything else { return nil }
    guard let snapshot = try metadata.scanTarget(version).snapshot else { return 0 }
    let manifests = try await Self.manifests(of: snapshot, metadata, store)
    if manifests.contains(where: { $0.content == .deletes && $0.mayHaveLiveFiles }) {
      guard readsDeletes else { return nil }
      // Only deletion vectors tell: the rows of position delete files may repeat, and equality deletes may match nothing.
      return try await plan().tasks.reduce(Int64?.some(0)) { total, task in
        guard let total, task.deletes.allSatisfy(\.file.isDeletionVector) else { return nil }
        return total &+ task.file.recordCount &- task.deletes.reduce(0) { $0 &+ $1.file.recordCount }
      }
    }
    var total: Int64 = 0
    for manifest in manifests where manifest.content == .data && manifest.mayHaveLiveFiles {
      guard let added = manifest.addedRowCount, let existing = manifest.existingRowCount else {
        return try await plan().report.plannedRecordCount
      }
      total &+= added &+ existing
    }
    return total
  }

  /// The manifests of a snapshot, whether it has a list file or, as old version 1 tables, names them in the metadata.
  package static func manifests(
    of snapshot: Snapshot, _ metadata: TableMetadata, _ store: any ObjectStore
  ) async throws(IcebergError) -> [ManifestFile] {
    guard snapshot.keyID == nil else { throw .unsupported("encrypted tables are not supported") }
    if let list = snapshot.manifestList { return try await ManifestList.read(Location(list), from: store) }
    return (snapshot.manifests ?? []).map { path in
      // Only the path is known: counts and summaries are missing, the spec is the table's only one.
      ManifestFile(
        path: path, length: 0, partitionSpecID: metadata.partitionSpecs.first?.id ?? metadata.defaultSpecID, content: .data,
        addedSnapshotID: snapshot.id)
    }
  }

  private struct Filter: Sendable {
    let metadata: TableMetadata
    let metrics: MetricsFilter
    let projections: [Int32: PartitionProjection]

    /// The wanted files of one data manifest.
    func tasks(
      _ manifest: ManifestFile, _ deletes: DeleteIndex, _ metadata: TableMetadata, _ store: any ObjectStore, readsDeletes: Bool
    ) async throws(IcebergError) -> ([FileScanTask], ScanReport) {
      do {
        let blocks = try await ManifestReader.rows(manifest, metadata, from: store)
        return try tasks(manifest, blocks, deletes, readsDeletes: readsDeletes)
      } catch { throw error.inFile(Location(manifest.path)) }
    }

    private func tasks(
      _ manifest: ManifestFile, _ blocks: [ManifestRows], _ deletes: DeleteIndex, readsDeletes: Bool
    ) throws(IcebergError) -> ([FileScanTask], ScanReport) {
      var report = ScanReport()
      var tasks: [FileScanTask] = []
      var inheritance = ManifestReader.Inheritance(manifest)
      let spec = metadata.partitionSpec(id: manifest.partitionSpecID) ?? .unpartitioned
      let projection = projections[manifest.partitionSpecID].flatMap { $0.isTrivial ? nil : $0 }
      // Row ids add up over all entries, so every entry must be looked at when the manifest assigns them.
      let needsAll = manifest.firstRowID != nil
      for rows in blocks {
        for row in 0..<rows.count {
          if try ManifestReader.status(rows, row) == .deleted { continue }
          report.fileCount += 1
          var isWanted = true
          if let projection, try !projection.mayMatch({ index throws(IcebergError) in try rows.partitionValue(row, index) }) {
            report.filesSkippedByPartition += 1
            isWanted = false
          } else if !metrics.isTrivial,
            !metrics.mayMatch(.encoded(rows, row: row), recordCount: rows.number(row, ManifestRows.Slot.recordCount) ?? -1)
          {
            report.filesSkippedByMetrics += 1
            isWanted = false
          }
          guard isWanted || needsAll else { continue }
          let entry = try ManifestReader.entry(rows, row, &inheritance)
          guard isWanted else { continue }
          tasks.append(try task(entry, spec, deletes, readsDeletes: readsDeletes))
        }
      }
      return (tasks, report)
    }

    private func task(
      _ entry: ManifestEntry, _ spec: PartitionSpec, _ deletes: DeleteIndex, readsDeletes: Bool
    ) throws(IcebergError) -> FileScanTask {
      let file = entry.file
      guard file.content == .data else { throw IcebergError(.corrupt, "a data manifest lists a delete file", file: file.path) }
      guard file.format == .parquet || file.format == .avro else {
        throw IcebergError(
          .unsupported, "data files of format \(file.format.rawValue) are not supported, only Parquet and Avro", file: file.path)
      }
      guard file.keyMetadata == nil else { throw IcebergError(.unsupported, "encrypted data files are not supported", file: file.path) }
      let applying = try deletes.deletes(for: entry)
      guard applying.isEmpty || readsDeletes else {
        throw IcebergError(
          .unsupported,
          "the file has row-level deletes (\(applying[0].file.path)), and what reads it here does not apply them",
          file: file.path)
      }
      return FileScanTask(file: file, spec: spec, sequenceNumber: entry.sequenceNumber, deletes: applying)
    }
  }
}
