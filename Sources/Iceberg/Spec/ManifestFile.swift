import Avro
import Compression
package import Storage

/// One entry of a manifest list: a manifest, and what is known of its files without opening it. SPEC "Manifest Lists".
package struct ManifestFile: Sendable, Hashable {
  package enum Content: Int32, Sendable { case data = 0, deletes = 1 }

  package var path: String
  package var length: Int64
  package var partitionSpecID: Int32
  package var content: Content
  /// 0 for manifests of version 1.
  package var sequenceNumber: Int64
  package var minimumSequenceNumber: Int64
  package var addedSnapshotID: Int64
  /// nil: not recorded, assume some.
  package var addedFileCount: Int32?
  package var existingFileCount: Int32?
  package var deletedFileCount: Int32?
  package var addedRowCount: Int64?
  package var existingRowCount: Int64?
  package var deletedRowCount: Int64?
  /// One per field of the spec; nil when not recorded.
  package var partitions: [FieldSummary]?
  package var keyMetadata: [UInt8]?
  /// Version 3, data manifests only.
  package var firstRowID: Int64?

  /// What the values of one partition field are in a manifest; bounds are single values of the field's result type.
  package struct FieldSummary: Sendable, Hashable {
    package var containsNull: Bool
    package var containsNaN: Bool?
    package var lowerBound: [UInt8]?
    package var upperBound: [UInt8]?

    package init(containsNull: Bool, containsNaN: Bool? = nil, lowerBound: [UInt8]? = nil, upperBound: [UInt8]? = nil) {
      self.containsNull = containsNull
      self.containsNaN = containsNaN
      self.lowerBound = lowerBound
      self.upperBound = upperBound
    }
  }

  package init(path: String, length: Int64, partitionSpecID: Int32, content: Content, addedSnapshotID: Int64) {
    self.path = path
    self.length = length
    self.partitionSpecID = partitionSpecID
    self.content = content
    self.addedSnapshotID = addedSnapshotID
    sequenceNumber = 0
    minimumSequenceNumber = 0
  }

  /// Whether it may hold files that are part of the snapshot.
  package var mayHaveLiveFiles: Bool {
    guard let addedFileCount, let existingFileCount else { return true }
    return addedFileCount != 0 || existingFileCount != 0
  }

  /// Live files, when both counts are recorded.
  package var liveFileCount: Int? {
    guard let addedFileCount, let existingFileCount else { return nil }
    return Int(addedFileCount) + Int(existingFileCount)
  }
}

/// Reads and writes manifest lists.
package enum ManifestList {
  private static let fieldIDs: [Int32] = [500, 501, 502, 517, 515, 516, 503, 504, 505, 506, 512, 513, 514, 507, 519, 520]
  private static let summaryIDs: [Int32] = [509, 518, 510, 511]

  /// Fields are found by id: old writers named 504 to 506 differently.
  package static func read(_ bytes: UnsafeRawBufferPointer) throws(IcebergError) -> [ManifestFile] {
    do throws(AvroError) {
      var reader = try ContainerReader(bytes)
      let projection = try AvroProjection(reader.schema, fieldIDs: fieldIDs)
      var summaries: AvroProjection?
      if case .array(let item) = projection.types[13]?.kind {
        summaries = try AvroProjection(reader.schema, type: item, fieldIDs: summaryIDs)
      }
      var result: [ManifestFile] = []
      for block in try reader.readAll(projection) {
        for row in 0..<block.rows.count { result.append(try manifest(block, row, summaries)) }
      }
      return result
    } catch { throw IcebergError(error) }
  }

  package static func read(_ location: Location, from store: any ObjectStore) async throws(IcebergError) -> [ManifestFile] {
    let bytes = try await storing { () async throws(StorageError) in try await store.readImmutable(location) }
    do { return try bytes.withBytes { bytes throws(IcebergError) in try read(bytes) } } catch { throw error.inFile(location) }
  }

  private static func manifest(_ block: AvroBlockRows, _ row: Int, _ summaries: AvroProjection?) throws(AvroError) -> ManifestFile {
    func number(_ slot: Int) -> Int64? {
      let found = block.rows[row, slot]
      return found.isNull ? nil : found.value
    }
    func count(_ slot: Int) -> Int32? { number(slot).map { Int32(clamping: $0) } }
    guard !block.rows[row, 0].isNull else { throw AvroError(.corrupt, "an entry has no manifest_path (field 500)") }
    guard let specID = count(2) else { throw AvroError(.corrupt, "an entry has no partition_spec_id (field 502)") }
    guard let content = ManifestFile.Content(rawValue: count(3) ?? 0) else {
      throw AvroError(.corrupt, "an entry has content \(count(3) ?? 0); 0 and 1 are known (field 517)")
    }
    var manifest = ManifestFile(
      path: String(decoding: block.bytes[block.rows[row, 0].range], as: UTF8.self), length: number(1) ?? 0,
      partitionSpecID: specID, content: content, addedSnapshotID: number(6) ?? 0)
    manifest.sequenceNumber = number(4) ?? 0
    manifest.minimumSequenceNumber = number(5) ?? 0
    manifest.addedFileCount = count(7)
    manifest.existingFileCount = count(8)
    manifest.deletedFileCount = count(9)
    manifest.addedRowCount = number(10)
    manifest.existingRowCount = number(11)
    manifest.deletedRowCount = number(12)
    manifest.firstRowID = number(15)
    if !block.rows[row, 14].isNull { manifest.keyMetadata = Array(block.bytes[block.rows[row, 14].range]) }
    let list = block.rows[row, 13]
    if let summaries, !list.isNull {
      let items = Array(block.bytes[list.range])
      let rows = try items.withUnsafeBytes { items in Result { () throws(AvroError) in try summaries.decodeItems(items) } }.get()
      manifest.partitions = (0..<rows.count).map { item in
        func bytes(_ slot: Int) -> [UInt8]? { rows[item, slot].isNull ? nil : Array(items[rows[item, slot].range]) }
        return ManifestFile.FieldSummary(
          containsNull: rows[item, 0].isNull || rows[item, 0].value != 0,
          containsNaN: rows[item, 1].isNull ? nil : rows[item, 1].value != 0, lowerBound: bytes(2), upperBound: bytes(3))
      }
    }
    return manifest
  }

  // MARK: Writing

  /// The file of a snapshot.
  ///
  /// - Parameter sync: the Avro sync marker; from the caller's `IDSource`.
  package static func write(
    _ manifests: [ManifestFile], snapshotID: Int64, parentID: Int64?, sequenceNumber: Int64, formatVersion: Int, firstRowID: Int64?,
    sync: (UInt64, UInt64)
  ) throws(IcebergError) -> [UInt8] {
    do throws(AvroError) {
      var metadata: [(key: String, value: String)] = [
        ("snapshot-id", "\(snapshotID)"), ("parent-snapshot-id", parentID.map { "\($0)" } ?? "null"),
      ]
      if formatVersion > 1 { metadata.append(("sequence-number", "\(sequenceNumber)")) }
      if formatVersion > 2, let firstRowID { metadata.append(("first-row-id", "\(firstRowID)")) }
      metadata.append(("format-version", "\(formatVersion)"))
      let schema = schema(formatVersion)
      var writer = try ContainerWriter(schemaText: schema.text, metadata: metadata, codec: .deflate, level: 9, sync: sync)
      for manifest in manifests {
        try writer.append { encoder throws(AvroError) in encode(manifest, formatVersion, to: &encoder) }
      }
      return try writer.finish()
    } catch { throw IcebergError(error) }
  }

  /// Java's order of fields; version 1 has neither content nor sequence numbers.
  private static func schema(_ formatVersion: Int) -> AvroSchema {
    let summary = AvroRecord(
      name: "r508",
      fields: [
        AvroField("contains_null", .boolean, id: 509), optional("contains_nan", .boolean, 518), optional("lower_bound", .bytes, 510),
        optional("upper_bound", .bytes, 511),
      ])
    var summaries = AvroType(.array(AvroType(.record(1))))
    summaries.elementID = 508
    var fields = [
      AvroField("manifest_path", .string, id: 500), AvroField("manifest_length", .long, id: 501),
      AvroField("partition_spec_id", .int, id: 502),
    ]
    if formatVersion > 1 {
      fields += [
        AvroField("content", .int, id: 517), AvroField("sequence_number", .long, id: 515),
        AvroField("min_sequence_number", .long, id: 516),
      ]
    }
    fields.append(AvroField("added_snapshot_id", .long, id: 503))
    for (name, id) in [("added", Int32(504)), ("existing", 505), ("deleted", 506)] {
      let name = name + (formatVersion > 1 ? "_files_count" : "_data_files_count")
      fields.append(formatVersion > 1 ? AvroField(name, .int, id: id) : optional(name, .int, id))
    }
    for (name, id) in [("added_rows_count", Int32(512)), ("existing_rows_count", 513), ("deleted_rows_count", 514)] {
      fields.append(formatVersion > 1 ? AvroField(name, .long, id: id) : optional(name, .long, id))
    }
    fields += [optional("partitions", summaries, 507), optional("key_metadata", .bytes, 519)]
    if formatVersion > 2 { fields.append(optional("first_row_id", .long, 520)) }
    return AvroSchema(root: AvroType(.record(0)), records: [AvroRecord(name: "manifest_file", fields: fields), summary])
  }

  static func optional(_ name: String, _ type: AvroType, _ id: Int32) -> AvroField {
    AvroField(name, type.optional, id: id, defaultText: "null")
  }

  private static func encode(_ manifest: ManifestFile, _ formatVersion: Int, to encoder: inout BinaryEncoder) {
    encoder.string(manifest.path)
    encoder.long(manifest.length)
    encoder.int(manifest.partitionSpecID)
    if formatVersion > 1 {
      encoder.int(manifest.content.rawValue)
      encoder.long(manifest.sequenceNumber)
      encoder.long(manifest.minimumSequenceNumber)
    }
    encoder.long(manifest.addedSnapshotID)
    for count in [manifest.addedFileCount, manifest.existingFileCount, manifest.deletedFileCount] {
      if formatVersion > 1 { encoder.int(count ?? 0) } else { encoder.optional(count.map { Int64($0) }) }
    }
    for count in [manifest.addedRowCount, manifest.existingRowCount, manifest.deletedRowCount] {
      if formatVersion > 1 { encoder.long(count ?? 0) } else { encoder.optional(count) }
    }
    if let partitions = manifest.partitions {
      encoder.long(1)
      if !partitions.isEmpty { encoder.long(Int64(partitions.count)) }
      for summary in partitions {
        encoder.boolean(summary.containsNull)
        if let containsNaN = summary.containsNaN {
          encoder.long(1)
          encoder.boolean(containsNaN)
        } else {
          encoder.long(0)
        }
        encoder.optional(summary.lowerBound)
        encoder.optional(summary.upperBound)
      }
      encoder.long(0)
    } else {
      encoder.long(0)
    }
    encoder.optional(manifest.keyMetadata)
    if formatVersion > 2 { encoder.optional(manifest.firstRowID) }
  }
}

extension BinaryEncoder {
  /// A union of null and a long or int.
  mutating func optional(_ value: Int64?) {
    guard let value else { return long(0) }
    long(1)
    long(value)
  }

  mutating func optional(_ value: [UInt8]?) {
    guard let value else { return long(0) }
    long(1)
    lengthPrefixed(value)
  }

  mutating func optional(_ value: String?) {
    guard let value else { return long(0) }
    long(1)
    string(value)
  }
}
