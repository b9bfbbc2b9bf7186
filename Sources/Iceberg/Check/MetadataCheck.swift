import Columnar

/// What a metadata file says of itself, without looking at any other file. SPEC "Table Metadata Fields".
package struct MetadataCheck {
  private let metadata: TableMetadata
  private let place: String
  private var problems: [TableProblem] = []

  /// - Parameter file: the metadata file, for messages.
  package static func problems(_ metadata: TableMetadata, file: String) -> [TableProblem] {
    var check = MetadataCheck(metadata: metadata, place: file)
    check.ids()
    check.snapshots()
    check.references()
    check.history()
    return check.problems
  }

  private init(metadata: TableMetadata, place: String) {
    self.metadata = metadata
    self.place = place
  }

  private mutating func error(_ message: String) { problems.append(TableProblem(.error, place, message)) }
  private mutating func warning(_ message: String) { problems.append(TableProblem(.warning, place, message)) }

  private mutating func ids() {
    if metadata.schema(id: metadata.currentSchemaID) == nil { error("current-schema-id \(metadata.currentSchemaID) is no schema of the table") }
    if metadata.partitionSpec(id: metadata.defaultSpecID) == nil { error("default-spec-id \(metadata.defaultSpecID) is no partition spec of the table") }
    if !metadata.sortOrders.contains(where: { $0.id == metadata.defaultSortOrderID }), metadata.defaultSortOrderID != 0 {
      error("default-sort-order-id \(metadata.defaultSortOrderID) is no sort order of the table")
    }
    for schema in metadata.schemas {
      if schema.highestFieldID > metadata.lastColumnID {
        error("schema \(schema.id) has field \(schema.highestFieldID), above last-column-id \(metadata.lastColumnID)")
      }
      var seen: Set<Int32> = []
      for field in schema.allFields where !seen.insert(field.id).inserted { error("schema \(schema.id) gives field id \(field.id) twice") }
    }
    for spec in metadata.partitionSpecs {
      for field in spec.fields where field.fieldID > metadata.lastPartitionID {
        error("partition field \(field.fieldID) is above last-partition-id \(metadata.lastPartitionID)")
      }
    }
    for field in metadata.partitionSpec.fields where field.transform != .void && metadata.schema.field(id: field.sourceID) == nil {
      error("partition field '\(field.name)' has no source column any more")
    }
    if metadata.formatVersion > 1, metadata.tableUUID == nil { error("there is no table-uuid") }
  }

  private mutating func snapshots() {
    var seen: Set<Int64> = []
    for snapshot in metadata.snapshots {
      let name = "snapshot \(snapshot.id)"
      if !seen.insert(snapshot.id).inserted { error("\(name) is listed twice") }
      if snapshot.sequenceNumber > metadata.lastSequenceNumber {
        error("\(name) has sequence number \(snapshot.sequenceNumber), above last-sequence-number \(metadata.lastSequenceNumber)")
      }
      if let parent = snapshot.parentID.flatMap(metadata.snapshot(id:)), metadata.formatVersion > 1,
        parent.sequenceNumber >= snapshot.sequenceNumber, snapshot.sequenceNumber != 0
      {
        error("\(name) has no higher sequence number than its parent \(parent.id)")
      }
      if let schemaID = snapshot.schemaID, metadata.schema(id: schemaID) == nil { error("\(name) names schema \(schemaID), which is not there") }
      if metadata.formatVersion > 2, let first = snapshot.firstRowID, let added = snapshot.addedRows, first &+ added > metadata.nextRowID {
        error("\(name) gave out row ids up to \(first &+ added), above next-row-id \(metadata.nextRowID)")
      }
    }
    for entry in metadata.snapshotLog where metadata.snapshot(id: entry.snapshotID) == nil {
      warning("snapshot-log names snapshot \(entry.snapshotID), which is not there")
    }
  }

  private mutating func references() {
    for (name, reference) in metadata.references.sorted(by: { $0.key < $1.key }) where metadata.snapshot(id: reference.snapshotID) == nil {
      error("\(reference.kind.rawValue) '\(name)' points at snapshot \(reference.snapshotID), which is not there")
    }
    if let current = metadata.currentSnapshotID, metadata.snapshot(id: current) == nil {
      error("current-snapshot-id \(current) is no snapshot of the table")
    }
    if let main = metadata.references[SnapshotReference.mainBranch], main.snapshotID != metadata.currentSnapshotID {
      error("the main branch and current-snapshot-id differ")
    }
  }

  private mutating func history() {
    if let last = metadata.snapshotLog.last, let current = metadata.currentSnapshotID, last.snapshotID != current {
      error("snapshot-log ends with snapshot \(last.snapshotID), not with the current one")
    }
    for (earlier, later) in zip(metadata.snapshotLog, metadata.snapshotLog.dropFirst())
    where later.timestampMilliseconds < earlier.timestampMilliseconds - Self.clockTolerance {
      error("snapshot-log goes back in time at snapshot \(later.snapshotID)")
    }
    if let last = metadata.snapshotLog.last, metadata.lastUpdatedMilliseconds < last.timestampMilliseconds - Self.clockTolerance {
      error("last-updated-ms is before the last entry of snapshot-log")
    }
    for reference in metadata.references.values where reference.kind == .tag {
      if reference.minimumSnapshotsToKeep != nil || reference.maximumSnapshotAgeMilliseconds != nil {
        error("a tag has the retention of a branch")
      }
    }
    if metadata.formatVersion < 3 {
      for field in metadata.schema.allFields {
        // Readers of the time before version 3 would give NULL.
        if field.initialDefault.map({ $0 != .null }) ?? false { warning("column '\(field.name)' has an initial-default, which came with version 3") }
        if field.type.minimumFormatVersion > metadata.formatVersion, !field.type.isNested {
          error("column '\(field.name)' of type \(field.type) in a table of format version \(metadata.formatVersion)")
        }
      }
    }
    if (try? metadata.nameMapping) == nil, metadata.properties[NameMapping.property] != nil {
      error("\(NameMapping.property) is no name mapping")
    }
  }

  /// Java lets clocks go back by a minute.
  private static let clockTolerance: Int64 = 60_000
}
