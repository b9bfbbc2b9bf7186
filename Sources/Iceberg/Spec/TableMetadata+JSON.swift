import Compression
package import JSONText
package import Storage

// SPEC "Table Metadata Fields" and Appendix C; key order as Java writes it.

extension TableMetadata {
  /// A metadata file's bytes, compressed or not.
  package init(bytes: ByteSlice) throws(IcebergError) {
    let compression = FileCompression.detected(in: bytes.bytes)
    guard compression != .none else {
      let document = try readingJSON { () throws(JSONError) in try JSONDocument(borrowing: bytes.bytes, owner: bytes.owner) }
      try self.init(json: document.root)
      return
    }
    let plain: [UInt8]
    do {
      plain = try bytes.withBytes { bytes throws(CompressionError) in
        try compression.decompress(bytes, maximumByteCount: Self.maximumByteCount)
      }
    } catch { throw IcebergError(.corrupt, "the metadata file cannot be decompressed: \(error)") }
    let document = try readingJSON { () throws(JSONError) in try JSONDocument(plain) }
    try self.init(json: document.root)
  }

  package init(json: JSONValue) throws(IcebergError) {
    let version = Int(try readingJSON { () throws(JSONError) in try json.requireInt32("format-version") })
    guard (1...Self.highestFormatVersion).contains(version) else {
      throw IcebergError(
        .unsupported, "Iceberg format version \(version) is not supported (1 to \(Self.highestFormatVersion) are)", field: "format-version")
    }
    let isFirst = version == 1
    let (schemas, currentSchemaID) = try Self.schemas(json, isFirst)
    let (specs, defaultSpecID) = try Self.specs(json, isFirst)
    let (orders, defaultOrderID) = try Self.sortOrders(json, isFirst)

    var snapshots: [Snapshot] = []
    if let list = json.present("snapshots") {
      for element in try readingJSON({ () throws(JSONError) in try list.requireElements() }) { snapshots.append(try Snapshot(json: element)) }
    }
    var references: [String: SnapshotReference] = [:]
    if let map = json.present("refs") {
      for member in try readingJSON({ () throws(JSONError) in try map.requireMembers() }) {
        references[member.key] = try SnapshotReference(json: member.value)
      }
    }
    let highestPartitionID = specs.flatMap(\.fields).map(\.fieldID).max() ?? PartitionSpec.firstFieldID - 1

    self = try readingJSON { () throws(JSONError) in
      var current = try json.optionalIdentifier("current-snapshot-id")
      if current == -1 { current = nil }
      if let main = references[SnapshotReference.mainBranch], current == nil { current = main.snapshotID }
      let uuid: String? = isFirst ? try json.optionalString("table-uuid") : try json.requireString("table-uuid")
      var location = try json.requireString("location")
      while location.count > 1, location.utf8.last == UInt8(ascii: "/") { location.removeLast() }
      var metadata = TableMetadata(
        formatVersion: version, tableUUID: uuid, location: location,
        lastSequenceNumber: isFirst ? 0 : try json.requireInt64("last-sequence-number"),
        lastUpdatedMilliseconds: try json.requireInt64("last-updated-ms"), lastColumnID: try json.requireInt32("last-column-id"),
        schemas: schemas, currentSchemaID: currentSchemaID, partitionSpecs: specs, defaultSpecID: defaultSpecID,
        lastPartitionID: isFirst
          ? try json.optionalInt32("last-partition-id") ?? highestPartitionID : try json.requireInt32("last-partition-id"),
        properties: try json.present("properties")?.requireStringMap() ?? [:], currentSnapshotID: current, snapshots: snapshots,
        snapshotLog: [], metadataLog: [], sortOrders: orders, defaultSortOrderID: defaultOrderID, references: references,
        statistics: json.present("statistics"), partitionStatistics: json.present("partition-statistics"),
        nextRowID: try json.optionalInt64("next-row-id") ?? 0, encryptionKeys: json.present("encryption-keys"))
      if let log = json.present("snapshot-log") {
        for entry in try log.requireElements() {
          metadata.snapshotLog.append(
            LogEntry(timestampMilliseconds: try entry.requireInt64("timestamp-ms"), snapshotID: try entry.requireIdentifier("snapshot-id")))
        }
      }
      if let log = json.present("metadata-log") {
        for entry in try log.requireElements() {
          metadata.metadataLog.append(
            MetadataLogEntry(
              timestampMilliseconds: try entry.requireInt64("timestamp-ms"), file: try entry.requireString("metadata-file")))
        }
      }
      return metadata
    }
    if let currentSnapshotID, snapshot(id: currentSnapshotID) == nil {
      throw .corrupt("the current snapshot \(currentSnapshotID) is not in the list of snapshots", field: "current-snapshot-id")
    }
  }

  private static func schemas(_ json: JSONValue, _ isFirst: Bool) throws(IcebergError) -> ([IcebergSchema], Int32) {
    let single = isFirst ? json.present("schema") : nil
    guard let list = json.present("schemas") else {
      guard let single else { throw .corrupt("\"\(isFirst ? "schema" : "schemas")\" is missing", field: "schemas") }
      let schema = try IcebergSchema(json: single)
      return ([schema], schema.id)
    }
    var schemas: [IcebergSchema] = []
    for element in try readingJSON({ () throws(JSONError) in try list.requireElements() }) {
      schemas.append(try IcebergSchema(json: element))
    }
    if let id = try readingJSON({ () throws(JSONError) in try json.optionalInt32("current-schema-id") }) {
      guard schemas.contains(where: { $0.id == id }) else {
        throw .corrupt("the current schema \(id) is not in the list of schemas", field: "current-schema-id")
      }
      return (schemas, id)
    }
    // Only version 1 may leave the id out, and then has the current schema a second time.
    guard let single else { throw .corrupt("\"current-schema-id\" is missing", field: "current-schema-id") }
    let current = try IcebergSchema(json: single)
    if let same = schemas.first(where: { $0.hasSameFields(as: current) }) { return (schemas, same.id) }
    return (schemas.filter { $0.id != current.id } + [current], current.id)
  }

  private static func specs(_ json: JSONValue, _ isFirst: Bool) throws(IcebergError) -> ([PartitionSpec], Int32) {
    guard let list = json.present("partition-specs") else {
      guard isFirst, let fields = json.present("partition-spec") else {
        throw .corrupt("\"\(isFirst ? "partition-spec" : "partition-specs")\" is missing", field: "partition-specs")
      }
      return ([PartitionSpec(id: 0, fields: try PartitionField.list(fields))], 0)
    }
    var specs: [PartitionSpec] = []
    for element in try readingJSON({ () throws(JSONError) in try list.requireElements() }) { specs.append(try PartitionSpec(json: element)) }
    let stated = try readingJSON { () throws(JSONError) in try json.optionalInt32("default-spec-id") }
    guard let id = stated ?? (isFirst ? specs.map(\.id).max() : nil) else {
      throw .corrupt("\"default-spec-id\" is missing", field: "default-spec-id")
    }
    guard specs.contains(where: { $0.id == id }) else {
      throw .corrupt("the default partition spec \(id) is not in the list of specs", field: "default-spec-id")
    }
    return (specs, id)
  }

  private static func sortOrders(_ json: JSONValue, _ isFirst: Bool) throws(IcebergError) -> ([IcebergSortOrder], Int32) {
    // Some writers leave sort orders out; that can only mean unsorted.
    guard let list = json.present("sort-orders") else { return ([.unsorted], 0) }
    var orders: [IcebergSortOrder] = []
    for element in try readingJSON({ () throws(JSONError) in try list.requireElements() }) {
      orders.append(try IcebergSortOrder(json: element))
    }
    let id = try readingJSON { () throws(JSONError) in try json.optionalInt32("default-sort-order-id") ?? 0 }
    if id == 0, !orders.contains(where: { $0.id == 0 }) { orders.append(.unsorted) }
    guard orders.contains(where: { $0.id == id }) else {
      throw .corrupt("the default sort order \(id) is not in the list of orders", field: "default-sort-order-id")
    }
    return (orders, id)
  }

  // MARK: Writing

  /// The file's text; one line, as Java writes it.
  package var text: String { String(decoding: jsonBytes, as: UTF8.self) }

  package var jsonBytes: [UInt8] {
    var writer = JSONWriter()
    write(to: &writer)
    return writer.bytes
  }

  /// The members `schema`, `partition-spec` and `write-order`, as a catalog takes them for a new table.
  package func writeDefinitions(to writer: inout JSONWriter) {
    writer.member("schema") { schema.write(to: &$0) }
    writer.member("partition-spec") { partitionSpec.write(to: &$0) }
    if !sortOrder.fields.isEmpty { writer.member("write-order") { sortOrder.write(to: &$0) } }
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("format-version", formatVersion)
      if let tableUUID { writer.member("table-uuid", tableUUID) }
      writer.member("location", location)
      if formatVersion > 1 { writer.member("last-sequence-number", lastSequenceNumber) }
      writer.member("last-updated-ms", lastUpdatedMilliseconds)
      writer.member("last-column-id", lastColumnID)
      if formatVersion == 1 { writer.member("schema") { schema.write(to: &$0) } }
      writer.member("current-schema-id", currentSchemaID)
      writer.member("schemas") { writer in writer.array { writer in for schema in schemas { schema.write(to: &writer) } } }
      if formatVersion == 1 { writer.member("partition-spec") { partitionSpec.writeFields(to: &$0) } }
      writer.member("default-spec-id", defaultSpecID)
      writer.member("partition-specs") { writer in writer.array { writer in for spec in partitionSpecs { spec.write(to: &writer) } } }
      writer.member("last-partition-id", lastPartitionID)
      writer.member("default-sort-order-id", defaultSortOrderID)
      writer.member("sort-orders") { writer in writer.array { writer in for order in sortOrders { order.write(to: &writer) } } }
      writer.member("properties", properties)
      // Java writes -1 for none up to version 2, null from version 3 on.
      if let currentSnapshotID {
        writer.member("current-snapshot-id", currentSnapshotID)
      } else if formatVersion < 3 {
        writer.member("current-snapshot-id", -1)
      } else {
        writer.member("current-snapshot-id") { $0.null() }
      }
      if formatVersion > 2 {
        writer.member("next-row-id", nextRowID)
        if let encryptionKeys { writer.member("encryption-keys") { $0.value(encryptionKeys) } }
      }
      writer.member("refs") { writer in
        writer.object { writer in
          for (name, reference) in allReferences.sorted(by: { $0.key < $1.key }) { writer.member(name) { reference.write(to: &$0) } }
        }
      }
      writer.member("snapshots") { writer in
        writer.array { writer in for snapshot in snapshots { snapshot.write(to: &writer, formatVersion: formatVersion) } }
      }
      for (key, list) in [("statistics", statistics), ("partition-statistics", partitionStatistics)] {
        writer.member(key) { writer in if let list { writer.value(list) } else { writer.array { _ in } } }
      }
      writer.member("snapshot-log") { writer in
        writer.array { writer in
          for entry in snapshotLog {
            writer.object { writer in
              writer.member("timestamp-ms", entry.timestampMilliseconds)
              writer.member("snapshot-id", entry.snapshotID)
            }
          }
        }
      }
      writer.member("metadata-log") { writer in
        writer.array { writer in
          for entry in metadataLog {
            writer.object { writer in
              writer.member("timestamp-ms", entry.timestampMilliseconds)
              writer.member("metadata-file", entry.file)
            }
          }
        }
      }
    }
  }
}
