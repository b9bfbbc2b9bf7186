import Columnar
package import Iceberg
import Parquet
import SQLSyntax
import Storage

/// Makes data files of an Iceberg table out of Parquet files that are there already: nothing is copied. Spark's add_files.
///
/// Columns are found by field id, or, in files without any, by name: then the table gets a name mapping. Counts and bounds come from
/// the footers, partition values from the folders.
package struct FileImport {
  package private(set) var files: [DataFile] = []
  /// The table's name mapping with the names that the files use; nil when no file needs one.
  package private(set) var mapping: NameMapping?
  private let metadata: TableMetadata
  private let spec: PartitionSpec
  private let configuration: MetricsConfiguration

  /// Partitions that get files.
  package var partitionCount: Int { Set(files.map(FilePartition.init)).count }

  /// - Throws: when a file is no Parquet file, or its columns cannot be read as the table's.
  package init(_ source: ImportSource, into metadata: TableMetadata, footers: ParquetFooterCache) throws {
    try metadata.checkIsWritable()
    self.metadata = metadata
    configuration = MetricsConfiguration(metadata)
    spec = try Self.spec(for: source.keys, metadata)
    var mapping = try metadata.nameMapping ?? NameMapping(schema: metadata.schema)
    var needsMapping = false
    for file in source.files.sorted(by: { $0.info.location.text < $1.info.location.text }) {
      let parquet = try footers.open(file.info.location, size: file.info.size)
      let hasIDs = parquet.columns.contains { StoredColumn($0).hasFieldIDs }
      if !hasIDs { needsMapping = true }
      var columns: [ImportedColumn] = []
      try match(
        parquet.columns, metadata.schema.fields, &mapping.entries, hasIDs: hasIDs, isRepeated: false, in: parquet, &columns)
      try checkRequired(columns, file)
      var described = DataFile(
        path: file.info.location.text, partitionSpecID: spec.id, partition: try partition(of: file),
        recordCount: Int64(parquet.rowCount), fileSize: Int64(file.info.size),
        metrics: FileMetrics(columns, metadata.schema, configuration))
      let offsets = parquet.splitOffsets
      // Offsets out of order would only be ignored by readers.
      if zip(offsets, offsets.dropFirst()).allSatisfy({ $0 < $1 }) { described.splitOffsets = offsets }
      files.append(described)
    }
    if needsMapping { self.mapping = mapping }
  }

  /// The snapshot that adds the files, and the name mapping with it.
  package var update: FileImportUpdate {
    FileImportUpdate(files, mapping: mapping?.text, replacing: metadata.properties[NameMapping.property])
  }

  /// The partition spec that files in folders of these keys belong to: the default one, or an older one.
  private static func spec(for keys: [String], _ metadata: TableMetadata) throws -> PartitionSpec {
    let current = metadata.partitionSpec
    for spec in [current] + metadata.partitionSpecs.reversed() {
      let fields = spec.fields.filter { $0.transform != .void }
      guard fields.allSatisfy({ $0.transform == .identity }) else { continue }
      let names = fields.compactMap { metadata.schema.fullName(id: $0.sourceID)?.lowercased() }
      if names.count == fields.count, Set(names) == Set(keys) { return spec }
    }
    let names = keys.joined(separator: ", ")
    if current.isUnpartitioned {
      throw IcebergError(.invalid, "Cannot add files partitioned by \(names) to an unpartitioned table")
    }
    if let field = current.fields.first(where: { $0.transform != .identity && $0.transform != .void }) {
      throw IcebergError(
        .invalid,
        "Cannot add data files: the table is partitioned by \(field.transform.text), and the folders of files only give values of columns")
    }
    let wanted = current.fields.compactMap { metadata.schema.fullName(id: $0.sourceID) }.joined(separator: ", ")
    throw IcebergError(
      .invalid, "Cannot add data files: the table is partitioned by \(wanted), the files by \(keys.isEmpty ? "nothing" : names)")
  }

  private func partition(of file: ImportSource.File) throws -> [Scalar] {
    try spec.fields.map { field in
      let type = metadata.resultType(field)
      guard field.transform == .identity, let name = metadata.schema.fullName(id: field.sourceID)?.lowercased(),
        let text = file.partition[name] ?? nil
      else { return .null(type) }
      guard let value = PartitionValue.parse(text, as: type) else {
        throw SQLError(
          .icebergInvalidPartitionValue, "'\(text)' is no \(type) for partition column '\(name)' (\(file.info.location.text))")
      }
      return value
    }
  }

  // MARK: Columns

  /// Matches one level of a file's columns with the table's fields, and notes the names that the file uses.
  private func match(
    _ nodes: [ColumnNode], _ fields: [IcebergField], _ entries: inout [NameMapping.Entry], hasIDs: Bool, isRepeated: Bool,
    in file: ParquetFile, _ columns: inout [ImportedColumn]
  ) throws {
    for field in fields {
      let position = entries.firstIndex { $0.fieldID == field.id }
      let names = position.map { entries[$0].names } ?? [field.name]
      let wanted = ParquetColumnSource.Match.fieldIDOrNames(field.id, names + [field.name])
      guard let index = wanted.find(in: nodes.map { StoredColumn($0) }, hasIDs: hasIDs) else { continue }
      let node = nodes[index]
      if hasIDs, node.name.lowercased() != field.name.lowercased(), !names.contains(node.name) {
        throw refused(
          file, "column '\(node.name)' has field id \(field.id), which is column '\(field.name)' in the table")
      }
      if !hasIDs, let position, !entries[position].names.contains(node.name) { entries[position].names.append(node.name) }
      var children = position.map { entries[$0].children } ?? []
      try match(node, field, &children, hasIDs: hasIDs, isRepeated: isRepeated, in: file, &columns)
      if let position { entries[position].children = children }
    }
  }

  /// One column, or one part of a nested one.
  private func match(
    _ node: ColumnNode, _ field: IcebergField, _ entries: inout [NameMapping.Entry], hasIDs: Bool, isRepeated: Bool,
    in file: ParquetFile, _ columns: inout [ImportedColumn]
  ) throws {
    if let problem = node.problem { throw problem }
    switch (node.shape, field.type) {
    case (.leaf(let leaf), _) where !field.type.isNested:
      guard Self.canRead(leaf.type, as: try field.type.sqlType()) else { throw mismatch(file, node, field) }
      columns.append(
        ImportedColumn(fieldID: field.id, type: leaf.type, summary: try file.summary(of: leaf), isRepeated: isRepeated))
    case (.row(let inner), .structure(let fields)):
      try match(inner, fields, &entries, hasIDs: hasIDs, isRepeated: isRepeated, in: file, &columns)
    case (.list(let element), .list(let inner)):
      try matchInside([(element, inner)], &entries, hasIDs: hasIDs, in: file, &columns)
    case (.map(let key, let value), .map(key: let keyField, value: let valueField)):
      try matchInside([(key, keyField), (value, valueField)], &entries, hasIDs: hasIDs, in: file, &columns)
    default: throw mismatch(file, node, field)
    }
  }

  /// Elements, keys and values: there is one of each, whatever the file calls it.
  private func matchInside(
    _ pairs: [(node: ColumnNode, field: IcebergField)], _ entries: inout [NameMapping.Entry], hasIDs: Bool, in file: ParquetFile,
    _ columns: inout [ImportedColumn]
  ) throws {
    for (node, field) in pairs {
      let position = entries.firstIndex { $0.fieldID == field.id }
      var children = position.map { entries[$0].children } ?? []
      try match(node, field, &children, hasIDs: hasIDs, isRepeated: true, in: file, &columns)
      if let position { entries[position].children = children }
    }
  }

  /// Whether the stored type is the table's, or one that Iceberg promotes to it or that importing engines take for it.
  private static func canRead(_ stored: SQLType, as wanted: SQLType) -> Bool {
    if stored == wanted { return true }
    switch (stored, wanted) {
    case (.tinyint, .integer), (.smallint, .integer), (.tinyint, .bigint), (.smallint, .bigint), (.integer, .bigint),
      (.real, .double), (.varchar, .varchar), (.varbinary, .varchar), (.json, .varchar),
      (.timestamp, .timestamp), (.timestampTZ, .timestampTZ), (.timestamp, .timestampTZ), (.timestampTZ, .timestamp):
      return true
    case (.decimal(let precision, let scale), .decimal(let wide, let same)): return scale == same && precision <= wide
    default: return false
    }
  }

  /// A required column must be there and without NULL, as far as the footer tells.
  private func checkRequired(_ columns: [ImportedColumn], _ file: ImportSource.File) throws {
    let partitionSources = Set(spec.fields.filter { $0.transform == .identity }.map(\.sourceID))
    for field in metadata.schema.fields where field.isRequired && !field.type.isNested {
      guard let column = columns.first(where: { $0.fieldID == field.id }) else {
        if partitionSources.contains(field.id) || field.initialDefault != nil { continue }
        throw IcebergError(.invalid, "Cannot add file: it lacks the required column '\(field.name)'", file: file.info.location.text)
      }
      if let nulls = column.summary.nullCount, nulls > 0 {
        throw IcebergError(
          .invalid, "Cannot add file: the required column '\(field.name)' has \(nulls) NULLs", file: file.info.location.text)
      }
    }
  }

  private func mismatch(_ file: ParquetFile, _ node: ColumnNode, _ field: IcebergField) -> IcebergError {
    refused(file, "column '\(node.name)' is \(node.type), which cannot be read as \(field.type)")
  }

  private func refused(_ file: ParquetFile, _ reason: String) -> IcebergError {
    IcebergError(.invalid, "Cannot add file: \(reason)", file: file.reader.location.text)
  }
}
