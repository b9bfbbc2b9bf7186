package import Compression
package import Parquet

extension ParquetWriterOptions {
  /// How the data files of a table are written: by its `write.parquet.…` properties, zstd without them.
  ///
  /// - Throws: `unsupported` for a compression that cannot be written.
  package init(_ metadata: TableMetadata) throws(IcebergError) {
    self.init()
    let properties = TableProperties(metadata.properties)
    func number(_ key: String) -> Int? { properties.number("write.parquet." + key).map { Int(clamping: $0) } }
    if let name = properties["write.parquet.compression-codec"] {
      guard let codec = Self.codec(named: name) else { throw .unsupported("data files cannot be written with the compression \(name)") }
      self.codec = codec
    }
    if let level = properties["write.parquet.compression-level"].flatMap({ Int($0) }), codec == .zstd || codec == .gzip {
      compressionLevel = level
    }
    let target = properties.targetFileSize
    rowGroupBytes = min(number("row-group-size-bytes") ?? rowGroupBytes, target)
    if let bytes = number("page-size-bytes") { pageBytes = min(bytes, 1 << 30) }
    if let rows = number("page-row-limit") { pageRows = rows }
    if let bytes = number("dict-size-bytes") { dictionaryBytes = bytes }
    usesDataPageV2 = properties["write.parquet.page-version"]?.lowercased() == "v2"
    if let bytes = number("bloom-filter-max-bytes") { bloomFilterBytes = bytes }
    for field in metadata.schema.allFields {
      guard let name = metadata.schema.fullName(id: field.id) else { continue }
      if properties.flag("write.parquet.bloom-filter-enabled.column." + name) == true {
        bloomFilterPaths.insert(Self.filePath(metadata.schema.path(toID: field.id) ?? []))
        if let rate = properties["write.parquet.bloom-filter-fpp.column." + name].flatMap({ Double($0) }), rate > 0, rate < 1 {
          bloomFilterRate = rate
        }
      }
      if case .fixed(let length) = field.type { fixedLengths[field.id] = length }
    }
    keyValues = [KeyValue(key: "iceberg.schema", value: metadata.schema.text)]
  }

  /// A compression as Iceberg's properties and Athena name it; nil for one that is not known.
  package static func codec(named name: String) -> Codec? {
    switch name.lowercased() {
    case "zstd": .zstd
    case "gzip": .gzip
    case "snappy": .snappy
    case "none", "uncompressed": .uncompressed
    default: nil
    }
  }

  /// The dotted path of a leaf inside a Parquet file.
  private static func filePath(_ path: [IcebergField]) -> String {
    var names: [String] = []
    for field in path {
      names.append(field.name)
      switch field.type {
      case .list: names.append("list")
      case .map: names.append("key_value")
      default: break
      }
    }
    return names.joined(separator: ".")
  }
}
