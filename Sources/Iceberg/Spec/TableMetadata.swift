package import Columnar
package import JSONText
package import Storage

/// One state of a table: what a `…metadata.json` file holds. Versions 1, 2 and 3 are read; changed copies are written by `Committer`.
///
/// Entry points: `load(_:from:)` reads a file, `scanTarget(_:)` chooses a snapshot, `ScanPlanner` plans it, `SnapshotChange` adds to it.
package struct TableMetadata: Sendable {
  package var formatVersion: Int
  /// nil in some version 1 tables; made up at the next commit.
  package var tableUUID: String?
  /// Base path, without a slash at its end.
  package var location: String
  package var lastSequenceNumber: Int64
  package var lastUpdatedMilliseconds: Int64
  /// Highest column id ever given.
  package var lastColumnID: Int32
  package var schemas: [IcebergSchema]
  package var currentSchemaID: Int32
  package var partitionSpecs: [PartitionSpec]
  package var defaultSpecID: Int32
  /// Highest partition field id ever given; 999 when there was none.
  package var lastPartitionID: Int32
  package var properties: [String: String]
  package var currentSnapshotID: Int64?
  package var snapshots: [Snapshot]
  package var snapshotLog: [LogEntry]
  /// Files of earlier states, oldest first.
  package var metadataLog: [MetadataLogEntry]
  package var sortOrders: [IcebergSortOrder]
  package var defaultSortOrderID: Int32
  package var references: [String: SnapshotReference]
  /// `statistics` and `partition-statistics`, kept as they are.
  package var statistics: JSONValue?
  package var partitionStatistics: JSONValue?
  /// Version 3.
  package var nextRowID: Int64
  package var encryptionKeys: JSONValue?

  package struct LogEntry: Hashable, Sendable {
    package var timestampMilliseconds: Int64
    package var snapshotID: Int64
    package init(timestampMilliseconds: Int64, snapshotID: Int64) {
      self.timestampMilliseconds = timestampMilliseconds
      self.snapshotID = snapshotID
    }
  }

  package struct MetadataLogEntry: Hashable, Sendable {
    package var timestampMilliseconds: Int64
    package var file: String
    package init(timestampMilliseconds: Int64, file: String) {
      self.timestampMilliseconds = timestampMilliseconds
      self.file = file
    }
  }

  /// The highest version this code understands.
  package static let highestFormatVersion = 3

  // MARK: Current state

  package var schema: IcebergSchema { schemas.first { $0.id == currentSchemaID } ?? schemas[0] }
  package var partitionSpec: PartitionSpec { partitionSpecs.first { $0.id == defaultSpecID } ?? .unpartitioned }
  package var sortOrder: IcebergSortOrder { sortOrders.first { $0.id == defaultSortOrderID } ?? .unsorted }
  package var currentSnapshot: Snapshot? { currentSnapshotID.flatMap(snapshot(id:)) }

  package func schema(id: Int32) -> IcebergSchema? { schemas.first { $0.id == id } }
  package func partitionSpec(id: Int32) -> PartitionSpec? { partitionSpecs.first { $0.id == id } }
  package func snapshot(id: Int64) -> Snapshot? { snapshots.last { $0.id == id } }

  /// A field of the current schema, or of the newest older one that had it: partition specs and deletes may name dropped columns.
  package func field(id: Int32) -> IcebergField? {
    if let field = schema.field(id: id) { return field }
    for schema in schemas.reversed() { if let field = schema.field(id: id) { return field } }
    return nil
  }

  /// The fields from a top-level column down to the one of that id, in the current schema or the newest older one that had it.
  package func path(toID id: Int32) -> [IcebergField]? {
    if let path = schema.path(toID: id) { return path }
    for schema in schemas.reversed() { if let path = schema.path(toID: id) { return path } }
    return nil
  }

  /// The type of a spec's partition value; void of a column nobody remembers counts as int.
  package func resultType(_ field: PartitionField) -> SQLType {
    guard let source = self.field(id: field.sourceID), let type = try? source.type.sqlType() else { return .integer }
    return field.transform.resultType(type) ?? type
  }

  /// All branches and tags; `main` is implied by the current snapshot.
  package var allReferences: [String: SnapshotReference] {
    var all = references
    if all[SnapshotReference.mainBranch] == nil, let currentSnapshotID {
      all[SnapshotReference.mainBranch] = SnapshotReference(snapshotID: currentSnapshotID, kind: .branch)
    }
    return all
  }

  package var nameMapping: NameMapping? {
    get throws(IcebergError) {
      guard let text = properties[NameMapping.property] else { return nil }
      return try NameMapping(text: text)
    }
  }

  // MARK: Time travel

  /// Which state of a table a scan reads.
  package enum Version: Sendable, Hashable {
    case current
    case snapshot(Int64)
    /// The state at that time: milliseconds since 1970 UTC.
    case timestamp(milliseconds: Int64)
    /// A branch or tag.
    case reference(String)
  }

  /// The snapshot of a version with the schema its rows are read by; the snapshot is nil for an empty table.
  package func scanTarget(_ version: Version) throws(IcebergError) -> (snapshot: Snapshot?, schema: IcebergSchema) {
    switch version {
    case .current:
      guard let currentSnapshotID else { return (nil, schema) }
      return (try requireSnapshot(currentSnapshotID), schema)
    case .snapshot(let id):
      let snapshot = try requireSnapshot(id)
      return (snapshot, ownSchema(snapshot))
    case .timestamp(let milliseconds):
      // The log, not the list of snapshots: it knows rollbacks. In order of the file: clocks may have gone back.
      guard let entry = snapshotLog.last(where: { $0.timestampMilliseconds <= milliseconds }) else {
        throw IcebergError(.notFound, "the table has no snapshot as of \(Self.timeText(milliseconds))")
      }
      let snapshot = try requireSnapshot(entry.snapshotID)
      return (snapshot, ownSchema(snapshot))
    case .reference(let name):
      guard let reference = reference(named: name)?.reference else {
        let names = allReferences.keys.sorted().joined(separator: ", ")
        throw IcebergError(.notFound, "the table has no branch or tag '\(name)'" + (names.isEmpty ? "" : "; it has \(names)"))
      }
      let snapshot = try requireSnapshot(reference.snapshotID)
      return (snapshot, reference.kind == .branch ? schema : ownSchema(snapshot))
    }
  }

  private func requireSnapshot(_ id: Int64) throws(IcebergError) -> Snapshot {
    guard let snapshot = snapshot(id: id) else { throw IcebergError(.notFound, "the table has no snapshot \(id)") }
    return snapshot
  }

  private func ownSchema(_ snapshot: Snapshot) -> IcebergSchema { snapshot.schemaID.flatMap(schema(id:)) ?? schema }

  /// `2024-01-31T13:05:00Z`
  package static func timeText(_ milliseconds: Int64) -> String {
    let (micros, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000)
    return overflow ? "\(milliseconds) ms" : TimeText.instant(micros, ticksPerSecond: 1_000_000) + "Z"
  }

  // MARK: Reading

  /// Metadata files above this size are refused; the largest seen in practice are some tens of megabytes.
  package static let maximumByteCount = 1 << 30

  /// Reads a metadata file, plain, gzip or zstd (told by its first bytes).
  package static func load(_ location: Location, from store: any ObjectStore) async throws(IcebergError) -> TableMetadata {
    let bytes = try await storing { () async throws(StorageError) in try await store.readImmutable(location) }
    do { return try TableMetadata(bytes: bytes) } catch { throw error.inFile(location) }
  }
}
