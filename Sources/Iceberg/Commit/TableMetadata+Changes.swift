// What commits do to a table's state. Nothing here writes a file.

extension TableMetadata {
  /// The first state of a new table. SPEC "Table Metadata Fields".
  package init(
    newTableAt location: String, uuid: String, schema: IcebergSchema, spec: PartitionSpec = .unpartitioned,
    sortOrder: IcebergSortOrder = .unsorted, properties: [String: String] = [:], formatVersion: Int = 2, nowMilliseconds: Int64
  ) {
    self.init(
      formatVersion: formatVersion, tableUUID: uuid, location: location, lastSequenceNumber: 0,
      lastUpdatedMilliseconds: nowMilliseconds, lastColumnID: schema.highestFieldID, schemas: [schema],
      currentSchemaID: schema.id, partitionSpecs: [spec], defaultSpecID: spec.id,
      lastPartitionID: spec.fields.map(\.fieldID).max() ?? PartitionSpec.firstFieldID - 1, properties: properties,
      currentSnapshotID: nil, snapshots: [], snapshotLog: [], metadataLog: [],
      sortOrders: sortOrder.fields.isEmpty ? [.unsorted] : [.unsorted, sortOrder], defaultSortOrderID: sortOrder.id,
      references: [:], statistics: nil, partitionStatistics: nil, nextRowID: 0, encryptionKeys: nil)
  }

  /// The state with one more snapshot, which no branch points at: write-audit-publish. It takes its sequence number and row ids.
  package func staging(_ snapshot: Snapshot) -> TableMetadata {
    var next = self
    next.snapshots.append(snapshot)
    next.lastUpdatedMilliseconds = max(lastUpdatedMilliseconds, snapshot.timestampMilliseconds)
    next.lastSequenceNumber = max(lastSequenceNumber, snapshot.sequenceNumber)
    if let first = snapshot.firstRowID, let added = snapshot.addedRows { next.nextRowID = max(nextRowID, first &+ added) }
    return next
  }

  /// This state as the successor of another: its file is noted in the metadata log, which keeps the newest
  /// `write.metadata.previous-versions-max` entries.
  ///
  /// - Returns: the state, and the files that fell out of the log.
  func succeeding(_ previous: TableMetadata, file: String) -> (metadata: TableMetadata, forgotten: [String]) {
    var next = self
    next.metadataLog = previous.metadataLog
    next.metadataLog.append(MetadataLogEntry(timestampMilliseconds: previous.lastUpdatedMilliseconds, file: file))
    let surplus = max(0, next.metadataLog.count - TableProperties(properties).previousVersionsMax)
    let forgotten = next.metadataLog.prefix(surplus).map(\.file)
    next.metadataLog.removeFirst(surplus)
    return (next, forgotten)
  }
}
