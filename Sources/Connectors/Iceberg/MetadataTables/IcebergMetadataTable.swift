package import Columnar
package import Iceberg
package import Planner
package import Storage

/// One metadata table of one state of an Iceberg table. The rows are made when it is scanned.
package struct IcebergMetadataTable: Table {
  private let kind: MetadataTableKind
  private let dialect: MetadataTableKind.Dialect
  private let metadata: TableMetadata
  /// Where the metadata was read from; part of `metadata_log_entries`.
  private let metadataLocation: Location
  private let snapshot: Snapshot?
  private let files: DataFileOpener
  private var store: any ObjectStore { files.store }
  private let layout: FileRows
  package let schema: Schema

  package init(
    _ kind: MetadataTableKind, _ dialect: MetadataTableKind.Dialect, of metadata: TableMetadata, at location: Location,
    version: TableMetadata.Version = .current, store: any ObjectStore, footers: ParquetFooterCache
  ) throws {
    self.kind = kind
    self.dialect = dialect
    self.metadata = metadata
    metadataLocation = location
    files = DataFileOpener(store: store, footers: footers)
    snapshot = try metadata.scanTarget(version).snapshot
    layout = try FileRows(metadata, dialect)
    schema = Schema(Self.fields(kind, dialect, layout))
  }

  private static let committed = Field("committed_at", .timestampTZ(precision: 3))

  private static func fields(
    _ kind: MetadataTableKind, _ dialect: MetadataTableKind.Dialect, _ layout: FileRows
  ) -> [Field] {
    switch kind {
    case .snapshots:
      [
        committed, Field("snapshot_id", .bigint), Field("parent_id", .bigint), Field("operation", .varchar),
        Field("manifest_list", .varchar), Field("summary", .map(key: .varchar, value: .varchar)),
      ]
    case .history:
      [
        Field("made_current_at", .timestampTZ(precision: 3)), Field("snapshot_id", .bigint), Field("parent_id", .bigint),
        Field("is_current_ancestor", .boolean),
      ]
    case .refs:
      [
        Field("name", .varchar), Field("type", .varchar), Field("snapshot_id", .bigint),
        Field("max_reference_age_in_ms", .bigint), Field("min_snapshots_to_keep", .integer),
        Field("max_snapshot_age_in_ms", .bigint),
      ]
    case .properties: [Field("key", .varchar), Field("value", .varchar)]
    case .metadataLogEntries:
      [
        Field("timestamp", .timestampTZ(precision: 3)), Field("file", .varchar), Field("latest_snapshot_id", .bigint),
        Field("latest_schema_id", .integer), Field("latest_sequence_number", .bigint),
      ]
    case .manifests: ManifestRowsOfTable.fields(dialect)
    case .allManifests: ManifestRowsOfTable.fields(dialect) + [Field("reference_snapshot_id", .bigint)]
    case .files, .dataFiles, .deleteFiles, .allFiles, .allDataFiles, .allDeleteFiles: layout.fields
    case .entries, .allEntries: layout.entryFields
    case .partitions: PartitionRows.fields(layout, dialect)
    case .positionDeletes: PositionDeleteRows.fields(layout)
    }
  }

  package func planScan(_ request: ScanRequest) async throws -> any Scan {
    BatchScan(try await rows(), columns: request.columns, label: kind.rawValue)
  }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw IcebergError(.unsupported, "metadata tables cannot be written")
  }

  private func rows() async throws -> Batch {
    var rows = RowCollector(schema.fields)
    switch kind {
    case .snapshots:
      for snapshot in metadata.snapshots {
        rows.append([
          .milliseconds(snapshot.timestampMilliseconds), .number(snapshot.id), .number(snapshot.parentID),
          .text(snapshot.operation), .text(snapshot.manifestList),
          .map(
            snapshot.summary.pairs.filter { $0.key != "operation" }.map {
              ScalarPair(key: .text($0.key), value: .text($0.value))
            }),
        ])
      }
    case .history:
      let ancestors = currentAncestors()
      for entry in metadata.snapshotLog {
        rows.append([
          .milliseconds(entry.timestampMilliseconds), .number(entry.snapshotID),
          .number(metadata.snapshot(id: entry.snapshotID)?.parentID), .boolean(ancestors.contains(entry.snapshotID)),
        ])
      }
    case .refs:
      for (name, reference) in metadata.allReferences.sorted(by: { $0.key < $1.key }) {
        rows.append([
          .text(name), .text(reference.kind.rawValue.uppercased()), .number(reference.snapshotID),
          .number(reference.maximumReferenceAgeMilliseconds), .number(reference.minimumSnapshotsToKeep),
          .number(reference.maximumSnapshotAgeMilliseconds),
        ])
      }
    case .properties:
      for (key, value) in metadata.properties.sorted(by: { $0.key < $1.key }) { rows.append([.text(key), .text(value)]) }
    case .metadataLogEntries: appendMetadataLog(&rows)
    case .manifests:
      for manifest in try await manifests(of: snapshot) { rows.append(ManifestRowsOfTable.row(manifest, metadata, dialect)) }
    case .allManifests:
      for snapshot in metadata.snapshots {
        for manifest in try await manifests(of: snapshot) {
          rows.append(ManifestRowsOfTable.row(manifest, metadata, dialect) + [.number(snapshot.id)])
        }
      }
    case .files, .dataFiles, .deleteFiles, .allFiles, .allDataFiles, .allDeleteFiles:
      for entry in try await entries() where entry.isLive { rows.append(try layout.row(entry.file)) }
    case .entries, .allEntries: for entry in try await entries() { rows.append(try layout.entryRow(entry)) }
    case .positionDeletes:
      for entry in try await entries() where entry.isLive && entry.file.content == .positionDeletes {
        try await PositionDeleteRows.append(entry.file, layout, files, to: &rows)
      }
    case .partitions:
      var partitions = PartitionRows(layout, metadata, dialect)
      for entry in try await entries() where entry.isLive { try partitions.add(entry) }
      for row in partitions.rows() { rows.append(row) }
    }
    return rows.finish()
  }

  /// The current snapshot and everything it grew from.
  private func currentAncestors() -> Set<Int64> {
    var found: Set<Int64> = []
    var next = metadata.currentSnapshotID
    while let id = next, found.insert(id).inserted { next = metadata.snapshot(id: id)?.parentID }
    return found
  }

  /// Every metadata file known, with the snapshot that was current at its time; this one comes last.
  private func appendMetadataLog(_ rows: inout RowCollector) {
    let current = TableMetadata.MetadataLogEntry(
      timestampMilliseconds: metadata.lastUpdatedMilliseconds, file: metadataLocation.text)
    for entry in metadata.metadataLog + [current] {
      let latest = metadata.snapshotLog.last { $0.timestampMilliseconds <= entry.timestampMilliseconds }
      let snapshot = latest.flatMap { metadata.snapshot(id: $0.snapshotID) }
      rows.append([
        .milliseconds(entry.timestampMilliseconds), .text(entry.file), .number(latest?.snapshotID),
        .number(snapshot?.schemaID), .number(snapshot?.sequenceNumber),
      ])
    }
  }

  private func manifests(of snapshot: Snapshot?) async throws -> [ManifestFile] {
    guard let snapshot else { return [] }
    return try await ScanPlanner.manifests(of: snapshot, metadata, store)
  }

  /// The entries that the table is about, manifest by manifest.
  private func entries() async throws -> [ManifestEntry] {
    let isAll = [.allFiles, .allDataFiles, .allDeleteFiles, .allEntries].contains(kind)
    var seen: Set<String> = []
    var wanted: [ManifestFile] = []
    for snapshot in isAll ? metadata.snapshots : snapshot.map({ [$0] }) ?? [] {
      for manifest in try await manifests(of: snapshot) where seen.insert(manifest.path).inserted {
        switch kind {
        case .dataFiles, .allDataFiles: if manifest.content == .data { wanted.append(manifest) }
        case .deleteFiles, .allDeleteFiles, .positionDeletes: if manifest.content == .deletes { wanted.append(manifest) }
        default: wanted.append(manifest)
        }
      }
    }
    var entries: [ManifestEntry] = []
    for manifest in wanted { entries += try await ManifestReader.entries(manifest, metadata, from: store) }
    return entries
  }
}
