import Columnar
import Compression
import Iceberg
import Parquet
import Storage
import Testing

/// Properties that decide how data files and manifests are written (iceberg.md section 19); `CommitTests` and the SQL cases have the others.
@Suite struct WritePropertiesTests {
  private static func options(_ key: String, _ value: String) throws -> ParquetWriterOptions {
    try ParquetWriterOptions(TableInMemory.metadata(properties: [key: value]))
  }

  @Test("sizes and limits of Parquet files")
  func parquetSizes() throws {
    #expect(try Self.options("write.parquet.row-group-size-bytes", "1000").rowGroupBytes == 1_000)
    #expect(try Self.options("write.parquet.page-size-bytes", "2000").pageBytes == 2_000)
    #expect(try Self.options("write.parquet.page-row-limit", "30").pageRows == 30)
    #expect(try Self.options("write.parquet.dict-size-bytes", "4000").dictionaryBytes == 4_000)
    #expect(try Self.options("write.target-file-size-bytes", "5000").rowGroupBytes == 5_000)
    #expect(try Self.options("write.parquet.page-version", "v2").usesDataPageV2)
    // What is no positive number counts as not set.
    #expect(try Self.options("write.parquet.page-row-limit", "many").pageRows == ParquetWriterOptions().pageRows)
    #expect(try Self.options("write.parquet.page-row-limit", "0").pageRows == ParquetWriterOptions().pageRows)
  }

  @Test("compression and its level; a codec that cannot be written is refused")
  func compression() throws {
    #expect(try Self.options("write.parquet.compression-codec", "snappy").codec == .snappy)
    #expect(try Self.options("write.parquet.compression-codec", "GZIP").codec == .gzip)
    #expect(try Self.options("write.parquet.compression-codec", "uncompressed").codec == .uncompressed)
    #expect(try Self.options("write.parquet.compression-level", "7").compressionLevel == 7)
    let error = #expect(throws: IcebergError.self) { try Self.options("write.parquet.compression-codec", "brotli") }
    #expect(error?.kind == .unsupported)
  }

  @Test("Bloom filters of single columns")
  func bloomFilters() throws {
    let properties = [
      "write.parquet.bloom-filter-enabled.column.id": "true", "write.parquet.bloom-filter-fpp.column.id": "0.2",
      "write.parquet.bloom-filter-max-bytes": "4096",
    ]
    let options = try ParquetWriterOptions(TableInMemory.metadata(properties: properties))
    #expect(options.bloomFilterPaths == ["id"])
    #expect(options.bloomFilterRate == 0.2)
    #expect(options.bloomFilterBytes == 4_096)
  }

  @Test("manifests end at their target size")
  func manifestSize() async throws {
    let table = TableInMemory()
    try await table.create(properties: ["commit.manifest.target-size-bytes": "1"])
    let metadata = try await table.append("a", "b", "c")
    #expect(try await table.manifests(metadata).count == 3)
  }

  @Test("tags and branches go at the age the table gives them, unless they have one of their own; main stays")
  func referenceAge() async throws {
    let table = TableInMemory()
    try await table.create(properties: ["history.expire.max-ref-age-ms": "1000"])
    var metadata = try await table.append("a")
    let head = try #require(metadata.currentSnapshotID)
    metadata.references["old"] = SnapshotReference(snapshotID: head, kind: .tag)
    var kept = SnapshotReference(snapshotID: head, kind: .tag)
    kept.maximumReferenceAgeMilliseconds = 1_000_000
    metadata.references["kept"] = kept
    // The snapshot was made at 2,000.
    func names(at now: Int64) throws -> [String] {
      try SnapshotExpiry(metadata, nowMilliseconds: now).apply(to: metadata, nowMilliseconds: now).references.keys.sorted()
    }
    #expect(try names(at: 2_500) == ["kept", "main", "old"])
    #expect(try names(at: 9_000) == ["kept", "main"])
  }

  @Test("rows are brought together by partition unless the table says otherwise; commands may differ")
  func distribution() {
    func distributes(_ properties: [String: String], _ command: String? = nil, isPartitioned: Bool = true) -> Bool {
      TableProperties(properties).distributesRows(of: command, isPartitioned: isPartitioned)
    }
    #expect(distributes([:]))
    #expect(!distributes([:], isPartitioned: false))
    #expect(!distributes(["write.distribution-mode": "none"]))
    #expect(distributes(["write.distribution-mode": "hash"], isPartitioned: false))
    #expect(distributes(["write.distribution-mode": "none", "write.merge.distribution-mode": "hash"], "merge"))
    #expect(!distributes(["write.distribution-mode": "none", "write.merge.distribution-mode": "hash"], "update"))
  }
}
