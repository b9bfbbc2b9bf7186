import Avro
import Columnar
package import Storage

/// A file of a manifest with its state, after inheritance.
package struct ManifestEntry: Sendable {
  package enum Status: Int32, Sendable { case existing = 0, added = 1, deleted = 2 }

  package var status: Status
  /// The snapshot that added the file, or deleted it.
  package var snapshotID: Int64
  /// Data sequence number: decides which deletes apply.
  package var sequenceNumber: Int64
  package var fileSequenceNumber: Int64
  package var file: DataFile

  package init(status: Status, snapshotID: Int64, sequenceNumber: Int64, fileSequenceNumber: Int64, file: DataFile) {
    self.status = status
    self.snapshotID = snapshotID
    self.sequenceNumber = sequenceNumber
    self.fileSequenceNumber = fileSequenceNumber
    self.file = file
  }

  package var isLive: Bool { status != .deleted }
}

/// One block of a manifest, decoded to slots only; entries are made for those that a plan keeps.
package struct ManifestRows: Sendable {
  /// Positions in `fieldIDs`; partition fields follow behind.
  enum Slot {
    static let status = 0, snapshotID = 1, sequence = 2, fileSequence = 3, content = 4, path = 5, format = 6, recordCount = 7,
      fileSize = 8, columnSizes = 9, valueCounts = 10, nullCounts = 11, nanCounts = 12, lowerBounds = 13, upperBounds = 14,
      keyMetadata = 15, splitOffsets = 16, equalityIDs = 17, sortOrder = 18, firstRowID = 19, referencedFile = 20,
      contentOffset = 21, contentSize = 22, partition = 23
  }
  static let fieldIDs: [Int32] = [
    0, 1, 3, 4, 134, 100, 101, 103, 104, 108, 109, 110, 137, 125, 128, 131, 132, 135, 140, 142, 143, 144, 145,
  ]

  let block: AvroBlockRows
  /// How to decode each partition field; nil for a field the manifest lacks.
  let partition: [PartitionDecoder?]
  /// Slots whose arrays have another form than Iceberg's (BigQuery wraps everything in unions): they count as not recorded.
  let unreadable: Set<Int>

  package var count: Int { block.rows.count }

  func slot(_ row: Int, _ slot: Int) -> AvroSlot { block.rows[row, slot] }

  func number(_ row: Int, _ slot: Int) -> Int64? {
    let found = block.rows[row, slot]
    return found.isNull ? nil : found.value
  }

  func text(_ row: Int, _ slot: Int) -> String? {
    let found = block.rows[row, slot]
    guard !found.isNull else { return nil }
    return block.bytes.withUnsafeBytes { String(decoding: UnsafeRawBufferPointer(rebasing: $0[found.range]), as: UTF8.self) }
  }

  func bytes(_ row: Int, _ slot: Int) -> [UInt8]? {
    let found = block.rows[row, slot]
    return found.isNull ? nil : Array(block.bytes[found.range])
  }

  private func withItems<Value>(_ row: Int, _ slot: Int, _ body: (UnsafeRawBufferPointer) throws(AvroError) -> Value)
    throws(AvroError) -> Value?
  {
    let found = block.rows[row, slot]
    guard !found.isNull, !unreadable.contains(slot) else { return nil }
    return try block.bytes.withUnsafeBytes { bytes in
      Result { () throws(AvroError) in try body(UnsafeRawBufferPointer(rebasing: bytes[found.range])) }
    }.get()
  }

  func longPair(_ row: Int, _ slot: Int, _ key: Int32) -> Int64? {
    do { return try withItems(row, slot) { items throws(AvroError) in try AvroItems.long(forKey: key, in: items) } ?? nil } catch {
      return nil  // Metrics only help to skip: without them the file is read.
    }
  }

  func withPair<Value>(_ row: Int, _ slot: Int, _ key: Int32, _ body: (UnsafeRawBufferPointer) -> Value) -> Value? {
    do {
      return try withItems(row, slot) { items throws(AvroError) in
        try AvroItems.range(forKey: key, in: items).map { body(UnsafeRawBufferPointer(rebasing: items[$0])) }
      } ?? nil
    } catch { return nil }  // As above.
  }

  func longs(_ row: Int, _ slot: Int) throws(AvroError) -> [Int64] {
    try withItems(row, slot) { items throws(AvroError) in try AvroItems.longs(items) } ?? []
  }

  func metrics(_ row: Int) throws(IcebergError) -> FileMetrics {
    do throws(AvroError) {
      func longs(_ slot: Int) throws(AvroError) -> [Int32: Int64]? {
        try withItems(row, slot) { items throws(AvroError) in try AvroItems.longPairs(items) }
      }
      func bytes(_ slot: Int) throws(AvroError) -> [Int32: [UInt8]]? {
        try withItems(row, slot) { items throws(AvroError) in try AvroItems.bytesPairs(items) }
      }
      return FileMetrics(
        columnSizes: try longs(Slot.columnSizes), valueCounts: try longs(Slot.valueCounts), nullCounts: try longs(Slot.nullCounts),
        nanCounts: try longs(Slot.nanCounts), lowerBounds: try bytes(Slot.lowerBounds), upperBounds: try bytes(Slot.upperBounds))
    } catch { throw IcebergError(error, field: "data_file") }
  }

  /// The partition tuple of a row.
  func partitionValues(_ row: Int) throws(IcebergError) -> [Scalar] {
    var values: [Scalar] = []
    values.reserveCapacity(partition.count)
    for index in partition.indices { values.append(try partitionValue(row, index)) }
    return values
  }

  func partitionValue(_ row: Int, _ index: Int) throws(IcebergError) -> Scalar {
    guard let decoder = partition[index] else { return .null(.integer) }
    let slot = block.rows[row, Slot.partition + index]
    guard !slot.isNull else { return .null(decoder.type) }
    return Scalar(decoder.type, try decoder.decode(slot, block.bytes))
  }
}

/// Turns a slot of a partition record into a value of the transform's result type.
struct PartitionDecoder: Sendable {
  let type: SQLType
  let avro: AvroType
  let name: String

  func decode(_ slot: AvroSlot, _ bytes: [UInt8]) throws(IcebergError) -> ScalarValue {
    switch (avro.kind, type) {
    case (.boolean, .boolean): return .boolean(slot.value != 0)
    case (.int, .integer), (.int, .date), (.int, .bigint), (.long, .bigint), (.long, .integer), (.long, .date): return .int(slot.value)
    case (.int, .time(let precision)), (.long, .time(let precision)): return .int(try ticks(slot.value, precision))
    case (.int, .timestamp(let precision)), (.long, .timestamp(let precision)): return .int(try ticks(slot.value, precision))
    case (.int, .timestampTZ(let precision)), (.long, .timestampTZ(let precision)):
      return .timestampTZ(TimestampTZ(instant: try ticks(slot.value, precision)))
    case (.float, .real): return .real(Float(bitPattern: UInt32(truncatingIfNeeded: slot.value)))
    case (.float, .double): return .double(Double(Float(bitPattern: UInt32(truncatingIfNeeded: slot.value))))
    case (.double, .double): return .double(Double(bitPattern: UInt64(bitPattern: slot.value)))
    case (.string, .varchar), (.bytes, .varbinary), (.fixed, .varbinary), (.bytes, .varchar), (.string, .varbinary):
      return .bytes(Array(bytes[slot.range]))
    case (.fixed, .decimal(let precision, _)), (.bytes, .decimal(let precision, _)):
      guard let number = bytes.withUnsafeBytes({ SingleValue.bigEndian(UnsafeRawBufferPointer(rebasing: $0[slot.range])) }) else { break }
      return SingleValue.decimal(number, precision: precision)
    case (.fixed(_, 16), .uuid):
      return .int128(bytes.withUnsafeBytes { SingleValue.uuid(UnsafeRawBufferPointer(rebasing: $0[slot.range])) })
    case (.string, .uuid):
      let text = String(decoding: bytes[slot.range], as: UTF8.self).filter { $0 != "-" }
      guard let raw = SingleValue.hexadecimal(text), raw.count == 16 else { break }
      return .int128(raw.withUnsafeBytes { SingleValue.uuid($0) })
    default: break
    }
    throw .corrupt("a partition value stored as \(avro.kind) cannot be a \(type)", field: "partition." + name)
  }

  /// Avro's other units brought to microseconds or nanoseconds.
  private func ticks(_ value: Int64, _ precision: Int) throws(IcebergError) -> Int64 {
    let stored: Int64
    switch avro.logicalType ?? "" {
    case let name where name.hasSuffix("millis"): stored = 1_000
    case let name where name.hasSuffix("nanos"): stored = 1_000_000_000
    case "date": stored = 0
    default: stored = 1_000_000
    }
    let wanted = SQLType.ticksPerSecond(precision: precision)
    let factor = stored == 0 ? 86_400 * wanted : wanted / stored
    if factor == 0 { return floorDivide(value, stored / wanted) }
    let (result, overflow) = value.multipliedReportingOverflow(by: factor)
    if overflow { throw .corrupt("a partition value is out of range", field: "partition." + name) }
    return result
  }
}

/// Reads manifests. SPEC "Manifests".
package enum ManifestReader {
  /// Decodes all blocks to slots.
  ///
  /// Spec and content come from the manifest list, not from the file's header, which some writers leave out.
  package static func rows(
    _ bytes: UnsafeRawBufferPointer, _ manifest: ManifestFile, _ metadata: TableMetadata
  ) throws(IcebergError) -> [ManifestRows] {
    guard let spec = metadata.partitionSpec(id: manifest.partitionSpecID) else {
      throw .corrupt("the manifest has partition spec \(manifest.partitionSpecID), which the table does not list")
    }
    do throws(AvroError) {
      var reader = try ContainerReader(bytes)
      let projection = try AvroProjection(reader.schema, fieldIDs: ManifestRows.fieldIDs + spec.fields.map(\.fieldID))
      let decoders: [PartitionDecoder?] = spec.fields.enumerated().map { index, field in
        projection.types[ManifestRows.Slot.partition + index].map {
          PartitionDecoder(type: metadata.resultType(field), avro: $0, name: field.name)
        }
      }
      typealias Slot = ManifestRows.Slot
      var unreadable: Set<Int> = []
      for slot in Slot.columnSizes...Slot.upperBounds where !projection.holdsPairs(slot, ofBytes: slot >= Slot.lowerBounds) {
        unreadable.insert(slot)
      }
      for slot in [Slot.splitOffsets, Slot.equalityIDs] where !projection.holdsLongs(slot) { unreadable.insert(slot) }
      var result: [ManifestRows] = []
      while let block = try reader.nextBlock() {
        result.append(ManifestRows(block: try block.decode(projection), partition: decoders, unreadable: unreadable))
      }
      return result
    } catch { throw IcebergError(error) }
  }

  /// Reads the file and decodes its blocks to slots.
  package static func rows(
    _ manifest: ManifestFile, _ metadata: TableMetadata, from store: any ObjectStore
  ) async throws(IcebergError) -> [ManifestRows] {
    guard manifest.keyMetadata == nil else { throw IcebergError(.unsupported, "encrypted manifests are not supported", file: manifest.path) }
    let location = Location(manifest.path)
    let bytes = try await storing { () async throws(StorageError) in try await store.readImmutable(location) }
    do { return try bytes.withBytes { bytes throws(IcebergError) in try rows(bytes, manifest, metadata) } } catch { throw error.inFile(location) }
  }

  /// Every entry, deleted ones included, with everything inherited.
  package static func entries(
    _ manifest: ManifestFile, _ metadata: TableMetadata, from store: any ObjectStore
  ) async throws(IcebergError) -> [ManifestEntry] {
    var inheritance = Inheritance(manifest)
    var result: [ManifestEntry] = []
    for rows in try await rows(manifest, metadata, from: store) {
      for row in 0..<rows.count {
        do { result.append(try entry(rows, row, &inheritance)) } catch { throw error.inFile(Location(manifest.path)) }
      }
    }
    return result
  }

  /// What entries take from their manifest. Rows must be asked for in order: row ids add up.
  package struct Inheritance: Sendable {
    package let manifest: ManifestFile
    private var nextRowID: Int64?

    package init(_ manifest: ManifestFile) {
      self.manifest = manifest
      nextRowID = manifest.content == .data ? manifest.firstRowID : nil
    }

    /// The row id of a live data entry without one: those before it in the manifest push it on.
    fileprivate mutating func firstRowID(recordCount: Int64) -> Int64? {
      guard let first = nextRowID else { return nil }
      nextRowID = first &+ max(0, recordCount)
      return first
    }
  }

  static func status(_ rows: ManifestRows, _ row: Int) throws(IcebergError) -> ManifestEntry.Status {
    guard let number = rows.number(row, ManifestRows.Slot.status), let status = ManifestEntry.Status(rawValue: Int32(clamping: number)) else {
      throw .corrupt("a manifest entry has no valid status", field: "status")
    }
    return status
  }

  package static func entry(
    _ rows: ManifestRows, _ row: Int, _ inheritance: inout Inheritance
  ) throws(IcebergError) -> ManifestEntry {
    typealias Slot = ManifestRows.Slot
    let manifest = inheritance.manifest
    let status = try status(rows, row)
    guard let path = rows.text(row, Slot.path) else { throw .corrupt("a manifest entry has no file_path", field: "file_path") }
    guard let content = DataFile.Content(rawValue: Int32(clamping: rows.number(row, Slot.content) ?? 0)) else {
      throw .corrupt("unknown content \(rows.number(row, Slot.content) ?? 0) of \(path)", field: "content")
    }
    let formatName = rows.text(row, Slot.format) ?? "PARQUET"
    guard let format = DataFile.Format(rawValue: formatName.uppercased()) else {
      throw IcebergError(.unsupported, "files of format \(formatName) are not supported", file: path)
    }
    guard let recordCount = rows.number(row, Slot.recordCount) else {
      throw .corrupt("no record_count for \(path)", field: "record_count")
    }
    var file = DataFile(
      content: content, path: path, format: format, partitionSpecID: manifest.partitionSpecID,
      partition: try rows.partitionValues(row), recordCount: recordCount, fileSize: rows.number(row, Slot.fileSize) ?? 0,
      sortOrderID: rows.number(row, Slot.sortOrder).map { Int32(clamping: $0) })
    file.metricsSource = .encoded(rows, row: row)
    do throws(AvroError) {
      file.splitOffsets = try rows.longs(row, Slot.splitOffsets)
      if content == .equalityDeletes, rows.unreadable.contains(Slot.equalityIDs) {
        throw AvroError(.unsupported, "the equality_ids of \(path) are stored in a form that is not supported")
      }
      if content == .equalityDeletes { file.equalityIDs = try rows.longs(row, Slot.equalityIDs).map { Int32(clamping: $0) } }
    } catch { throw IcebergError(error, field: "data_file") }
    file.keyMetadata = rows.bytes(row, Slot.keyMetadata)
    file.referencedDataFile = rows.text(row, Slot.referencedFile)
    file.contentOffset = rows.number(row, Slot.contentOffset)
    file.contentSize = rows.number(row, Slot.contentSize)
    if content == .data, status != .deleted {
      file.firstRowID = rows.number(row, Slot.firstRowID) ?? inheritance.firstRowID(recordCount: recordCount)
    }

    // Null sequence numbers come from the manifest for added files, and are 0 below version 1 manifests.
    let mayInherit = status == .added || manifest.sequenceNumber == 0
    guard let sequence = rows.number(row, Slot.sequence) ?? (mayInherit ? manifest.sequenceNumber : nil) else {
      throw .corrupt("\(path) is not new in its manifest but has no sequence number", field: "sequence_number")
    }
    return ManifestEntry(
      status: status, snapshotID: rows.number(row, Slot.snapshotID) ?? manifest.addedSnapshotID, sequenceNumber: sequence,
      fileSequenceNumber: rows.number(row, Slot.fileSequence) ?? (mayInherit ? manifest.sequenceNumber : sequence), file: file)
  }
}
