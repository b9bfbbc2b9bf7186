import Avro
package import Columnar
import Compression

/// Writes one manifest: files of one spec and one content. SPEC "Manifests".
package struct ManifestWriter {
  private let metadata: TableMetadata
  private let spec: PartitionSpec
  private let content: ManifestFile.Content
  private let snapshotID: Int64
  private let types: [SQLType]
  /// Partition fields of type fixed, whose bytes Avro stores without a length.
  private let isFixed: [Bool]
  private var writer: ContainerWriter
  private var summaries: [Summary]
  private var manifest: ManifestFile

  /// - Parameters:
  ///   - snapshotID: the snapshot being made.
  ///   - sync: the Avro sync marker.
  package init(
    _ metadata: TableMetadata, spec: PartitionSpec, content: ManifestFile.Content, snapshotID: Int64, sync: (UInt64, UInt64)
  ) throws(IcebergError) {
    self.metadata = metadata
    self.spec = spec
    self.content = content
    self.snapshotID = snapshotID
    types = spec.fields.map(metadata.resultType)
    isFixed = spec.fields.map { if case .fixed = metadata.field(id: $0.sourceID)?.type { true } else { false } }
    for field in spec.fields {
      if case .unknown(let text) = field.transform {
        throw .unsupported("tables partitioned by transform \(text) cannot be written")
      }
    }
    summaries = types.map { Summary(type: $0) }
    manifest = ManifestFile(
      path: "", length: 0, partitionSpecID: spec.id, content: content, addedSnapshotID: snapshotID)
    manifest.addedFileCount = 0
    manifest.existingFileCount = 0
    manifest.deletedFileCount = 0
    manifest.addedRowCount = 0
    manifest.existingRowCount = 0
    manifest.deletedRowCount = 0
    manifest.minimumSequenceNumber = .max
    var header: [(key: String, value: String)] = [
      ("schema", metadata.schema.text), ("schema-id", "\(metadata.currentSchemaID)"), ("partition-spec", spec.fieldsText),
      ("partition-spec-id", "\(spec.id)"), ("format-version", "\(metadata.formatVersion)"),
    ]
    if metadata.formatVersion > 1 { header.append(("content", content == .data ? "data" : "deletes")) }
    let schema = try Self.schema(metadata, spec, types)
    do {
      writer = try ContainerWriter(
        schemaText: schema.text, metadata: header, codec: .deflate, level: 9, sync: sync)
    } catch { throw IcebergError(error) }
  }

  /// Bytes so far; writers begin a new manifest at `commit.manifest.target-size-bytes`.
  package var byteCount: Int { writer.byteCount }

  /// A file of this snapshot; its sequence numbers are inherited from the manifest list.
  ///
  /// - Parameter sequenceNumber: an older data sequence number that the file keeps: compaction.
  package mutating func add(_ file: DataFile, sequenceNumber: Int64? = nil) throws(IcebergError) {
    try append(status: .added, snapshotID: snapshotID, sequenceNumber: sequenceNumber, fileSequenceNumber: nil, file)
  }

  /// A file of an earlier snapshot, with everything explicit.
  package mutating func keep(_ entry: ManifestEntry) throws(IcebergError) {
    try append(
      status: .existing, snapshotID: entry.snapshotID, sequenceNumber: entry.sequenceNumber,
      fileSequenceNumber: entry.fileSequenceNumber, entry.file)
  }

  /// A file this snapshot removes.
  package mutating func remove(_ entry: ManifestEntry) throws(IcebergError) {
    try append(
      status: .deleted, snapshotID: snapshotID, sequenceNumber: entry.sequenceNumber,
      fileSequenceNumber: entry.fileSequenceNumber, entry.file)
  }

  /// - Returns: the file's bytes and its entry for the manifest list, without path and sequence number.
  package mutating func finish() throws(IcebergError) -> (bytes: [UInt8], manifest: ManifestFile) {
    let bytes: [UInt8]
    do { bytes = try writer.finish() } catch { throw IcebergError(error) }
    manifest.length = Int64(bytes.count)
    manifest.partitions = spec.fields.isEmpty && metadata.formatVersion > 1 ? [] : summaries.map(\.summary)
    return (bytes, manifest)
  }

  private mutating func append(
    status: ManifestEntry.Status, snapshotID: Int64, sequenceNumber: Int64?, fileSequenceNumber: Int64?, _ file: DataFile
  ) throws(IcebergError) {
    guard file.partition.count == spec.fields.count, file.partitionSpecID == spec.id else {
      throw .invalid("file \(file.path) has another partition spec than its manifest")
    }
    guard (file.content == .data) == (content == .data) else { throw .invalid("file \(file.path) is in the wrong kind of manifest") }
    let metrics = try file.metrics
    let (types, isFixed, formatVersion, fields) = (types, isFixed, metadata.formatVersion, spec.fields)
    do {
      try writer.append { encoder throws(AvroError) in
        encoder.int(status.rawValue)
        if formatVersion > 1 {
          encoder.optional(snapshotID)
          encoder.optional(sequenceNumber)
          encoder.optional(fileSequenceNumber)
        } else {
          encoder.long(snapshotID)
        }
        if formatVersion > 1 { encoder.int(file.content.rawValue) }
        encoder.string(file.path)
        encoder.string(file.format.rawValue)
        for (index, value) in file.partition.enumerated() {
          try Self.encodePartition(value, types[index], isFixed: isFixed[index], name: fields[index].name, to: &encoder)
        }
        encoder.long(file.recordCount)
        encoder.long(file.fileSize)
        // block_size_in_bytes, required and meaningless in version 1.
        if formatVersion == 1 { encoder.long(67_108_864) }
        for counts in [metrics.columnSizes, metrics.valueCounts, metrics.nullCounts, metrics.nanCounts] {
          Self.encodePairs(counts, to: &encoder) { $0.long($1) }
        }
        for bounds in [metrics.lowerBounds, metrics.upperBounds] { Self.encodePairs(bounds, to: &encoder) { $0.lengthPrefixed($1) } }
        encoder.optional(file.keyMetadata)
        Self.encodeList(file.splitOffsets, to: &encoder)
        if formatVersion > 1 { Self.encodeList(file.equalityIDs.map { Int64($0) }, to: &encoder) }
        encoder.optional(file.sortOrderID.map { Int64($0) })
        if formatVersion > 2 {
          encoder.optional(status == .added ? nil : file.firstRowID)
        }
        if formatVersion > 1 { encoder.optional(file.referencedDataFile) }
        if formatVersion > 2 {
          encoder.optional(file.contentOffset)
          encoder.optional(file.contentSize)
        }
      }
    } catch { throw IcebergError(error) }
    switch status {
    case .added:
      manifest.addedFileCount = (manifest.addedFileCount ?? 0) &+ 1
      manifest.addedRowCount = (manifest.addedRowCount ?? 0) &+ file.recordCount
    case .existing:
      manifest.existingFileCount = (manifest.existingFileCount ?? 0) &+ 1
      manifest.existingRowCount = (manifest.existingRowCount ?? 0) &+ file.recordCount
    case .deleted:
      manifest.deletedFileCount = (manifest.deletedFileCount ?? 0) &+ 1
      manifest.deletedRowCount = (manifest.deletedRowCount ?? 0) &+ file.recordCount
    }
    if status != .deleted, let sequenceNumber { manifest.minimumSequenceNumber = min(manifest.minimumSequenceNumber, sequenceNumber) }
    for (index, value) in file.partition.enumerated() { summaries[index].include(value) }
  }

  // MARK: Schema

  /// The schema of entries of that spec; the union branches are all `[null, T]`.
  private static func schema(_ metadata: TableMetadata, _ spec: PartitionSpec, _ types: [SQLType]) throws(IcebergError) -> AvroSchema {
    let version = metadata.formatVersion
    // 0 manifest_entry, 1 data_file, 2 partition; 3 and on: the pairs of metrics maps.
    var records = [AvroRecord(name: "manifest_entry", fields: []), AvroRecord(name: "r2", fields: []), AvroRecord(name: "r102", fields: [])]
    func optional(_ name: String, _ type: AvroType, _ id: Int32) -> AvroField { ManifestList.optional(name, type, id) }
    func pairs(_ name: String, _ id: Int32, _ key: Int32, _ valueID: Int32, _ value: AvroType) -> AvroField {
      records.append(
        AvroRecord(name: "k\(key)_v\(valueID)", fields: [AvroField("key", .int, id: key), AvroField("value", value, id: valueID)]))
      return optional(name, AvroType(.array(AvroType(.record(records.count - 1))), logicalType: "map"), id)
    }
    func list(_ name: String, _ id: Int32, _ elementID: Int32, _ element: AvroType) -> AvroField {
      var type = AvroType(.array(element))
      type.elementID = elementID
      return optional(name, type, id)
    }
    for (field, type) in zip(spec.fields, types) {
      records[2].fields.append(
        AvroField(avroName(field.name), try avroType(type, metadata, field).optional, id: field.fieldID, defaultText: "null"))
    }
    records[0].fields = [AvroField("status", .int, id: 0)]
    records[0].fields += version > 1 ? [optional("snapshot_id", .long, 1)] : [AvroField("snapshot_id", .long, id: 1)]
    if version > 1 { records[0].fields += [optional("sequence_number", .long, 3), optional("file_sequence_number", .long, 4)] }
    records[0].fields.append(AvroField("data_file", AvroType(.record(1)), id: 2))

    var file: [AvroField] = version > 1 ? [AvroField("content", .int, id: 134)] : []
    file += [
      AvroField("file_path", .string, id: 100), AvroField("file_format", .string, id: 101),
      AvroField("partition", AvroType(.record(2)), id: 102), AvroField("record_count", .long, id: 103),
      AvroField("file_size_in_bytes", .long, id: 104),
    ]
    if version == 1 { file.append(AvroField("block_size_in_bytes", .long, id: 105)) }
    file += [
      pairs("column_sizes", 108, 117, 118, .long), pairs("value_counts", 109, 119, 120, .long),
      pairs("null_value_counts", 110, 121, 122, .long), pairs("nan_value_counts", 137, 138, 139, .long),
      pairs("lower_bounds", 125, 126, 127, .bytes), pairs("upper_bounds", 128, 129, 130, .bytes),
      optional("key_metadata", .bytes, 131), list("split_offsets", 132, 133, .long),
    ]
    if version > 1 { file.append(list("equality_ids", 135, 136, .int)) }
    file.append(optional("sort_order_id", .int, 140))
    if version > 2 { file.append(optional("first_row_id", .long, 142)) }
    if version > 1 { file.append(optional("referenced_data_file", .string, 143)) }
    if version > 2 { file += [optional("content_offset", .long, 144), optional("content_size_in_bytes", .long, 145)] }
    records[1].fields = file
    return AvroSchema(root: AvroType(.record(0)), records: records)
  }

  /// SPEC Appendix A. Names of fixed types are unique per field, as Avro wants.
  private static func avroType(_ type: SQLType, _ metadata: TableMetadata, _ field: PartitionField) throws(IcebergError) -> AvroType {
    switch type {
    case .boolean: return .boolean
    case .integer: return .int
    case .bigint: return .long
    case .real: return .float
    case .double: return .double
    case .date: return AvroType(.int, logicalType: "date")
    case .time: return AvroType(.long, logicalType: "time-micros")
    case .timestamp(let precision), .timestampTZ(let precision):
      var avro = AvroType(.long, logicalType: precision <= 6 ? "timestamp-micros" : "timestamp-nanos")
      if case .timestampTZ = type { avro.adjustsToUTC = true } else { avro.adjustsToUTC = false }
      return avro
    case .varchar: return .string
    case .uuid: return AvroType(.fixed(name: "uuid_fixed_\(field.fieldID)", size: 16), logicalType: "uuid")
    case .decimal(let precision, let scale):
      var avro = AvroType(
        .fixed(name: "decimal_\(precision)_\(scale)_\(field.fieldID)", size: IcebergType.decimalByteCount(precision: precision)),
        logicalType: "decimal")
      avro.precision = precision
      avro.scale = scale
      return avro
    case .varbinary:
      if case .fixed(let size) = metadata.field(id: field.sourceID)?.type {
        return AvroType(.fixed(name: "fixed_\(size)_\(field.fieldID)", size: size))
      }
      return .bytes
    default: throw .unsupported("partition values of type \(type) cannot be written")
    }
  }

  private static func encodePartition(
    _ value: Scalar, _ type: SQLType, isFixed: Bool, name: String, to encoder: inout BinaryEncoder
  ) throws(AvroError) {
    guard !value.isNull else { return encoder.long(0) }
    encoder.long(1)
    switch (type, value.value) {
    case (.boolean, .boolean(let flag)): encoder.boolean(flag)
    case (.integer, .int(let number)), (.bigint, .int(let number)), (.date, .int(let number)), (.time, .int(let number)),
      (.timestamp, .int(let number)):
      encoder.long(number)
    case (.timestampTZ, .timestampTZ(let moment)): encoder.long(moment.instant)
    case (.real, .real(let number)): encoder.float(number)
    case (.double, .double(let number)): encoder.double(number)
    case (.varchar, .bytes(let bytes)): encoder.lengthPrefixed(bytes)
    case (.uuid, .int128(let number)): encoder.raw(SingleValue.uuidBytes(number))
    case (.decimal(let precision, _), .int(let number)):
      encoder.raw(SingleValue.bigEndian(Int128(number), byteCount: IcebergType.decimalByteCount(precision: precision)))
    case (.decimal(let precision, _), .int128(let number)):
      encoder.raw(SingleValue.bigEndian(number, byteCount: IcebergType.decimalByteCount(precision: precision)))
    case (.varbinary, .bytes(let bytes)): if isFixed { encoder.raw(bytes) } else { encoder.lengthPrefixed(bytes) }
    default: throw AvroError(.mismatch, "the value of partition field \(name) is not a \(type)")
    }
  }

  /// Keys ascending, so that the same metrics give the same bytes.
  private static func encodePairs<Value>(
    _ pairs: [Int32: Value]?, to encoder: inout BinaryEncoder, _ body: (inout BinaryEncoder, Value) -> Void
  ) {
    guard let pairs else { return encoder.long(0) }
    encoder.long(1)
    if !pairs.isEmpty { encoder.long(Int64(pairs.count)) }
    for (key, value) in pairs.sorted(by: { $0.key < $1.key }) {
      encoder.int(key)
      body(&encoder, value)
    }
    encoder.long(0)
  }

  private static func encodeList(_ numbers: [Int64], to encoder: inout BinaryEncoder) {
    guard !numbers.isEmpty else { return encoder.long(0) }
    encoder.long(1)
    encoder.long(Int64(numbers.count))
    for number in numbers { encoder.long(number) }
    encoder.long(0)
  }

  /// A name Avro takes: other characters become `_x` and their UTF-16 code in hexadecimal, a leading digit gets `_` in front.
  static func avroName(_ name: String) -> String {
    var result = ""
    for (index, unit) in name.utf16.enumerated() {
      switch unit {
      case 0x41...0x5A, 0x61...0x7A, 0x5F: result.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
      case 0x30...0x39:
        if index == 0 { result += "_" }
        result.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
      default: result += "_x" + String(unit, radix: 16, uppercase: true)
      }
    }
    return result
  }

  /// Bounds and flags of one partition field.
  private struct Summary {
    let type: SQLType
    var containsNull = false
    var containsNaN = false
    var lower: ScalarValue?
    var upper: ScalarValue?

    init(type: SQLType) { self.type = type }

    mutating func include(_ value: Scalar) {
      if value.isNull {
        containsNull = true
      } else if SingleValue.isNaN(value.value) {
        containsNaN = true
      } else {
        if lower.map({ SingleValue.compare(value.value, $0) < 0 }) ?? true { lower = value.value }
        if upper.map({ SingleValue.compare(value.value, $0) > 0 }) ?? true { upper = value.value }
      }
    }

    var summary: ManifestFile.FieldSummary {
      ManifestFile.FieldSummary(
        containsNull: containsNull, containsNaN: containsNaN, lowerBound: lower.flatMap { encode(SingleValue.zeroSigned($0, isUpper: false)) },
        upperBound: upper.flatMap { encode(SingleValue.zeroSigned($0, isUpper: true)) })
    }

    private func encode(_ value: ScalarValue) -> [UInt8]? { IcebergType(storedAs: type).flatMap { SingleValue.encode(value, $0) } }
  }
}

extension SingleValue {
  /// A zero bound covers both zeros: -0.0 below, +0.0 above.
  package static func zeroSigned(_ value: ScalarValue, isUpper: Bool) -> ScalarValue {
    switch value {
    case .real(let number) where number == 0: .real(isUpper ? 0 : -0.0)
    case .double(let number) where number == 0: .double(isUpper ? 0 : -0.0)
    default: value
    }
  }
}

extension IcebergType {
  /// The primitive whose single-value form values of an engine type have; nil for nested types.
  package init?(storedAs type: SQLType) {
    switch type {
    case .boolean: self = .boolean
    case .tinyint, .smallint, .integer: self = .int
    case .bigint: self = .long
    case .real: self = .float
    case .double: self = .double
    case .date: self = .date
    case .time: self = .time
    case .timestamp(let precision): self = precision <= 6 ? .timestamp : .timestampNanos
    case .timestampTZ(let precision): self = precision <= 6 ? .timestampTZ : .timestampTZNanos
    case .varchar, .char: self = .string
    case .varbinary: self = .binary
    case .uuid: self = .uuid
    case .decimal(let precision, let scale): self = .decimal(precision: precision, scale: scale)
    default: return nil
    }
  }
}
