import Columnar
import Iceberg
import Parquet
import Storage
import Testing

/// What is recorded of written files, and where they go.
@Suite struct WriteTests {
  @Test("bounds are cut to whole characters; upper ones are raised")
  func truncation() {
    func upper(_ text: String, _ length: Int = 16) -> String? {
      BoundTruncation.upper(Array(text.utf8), length: length, isText: true).map { String(decoding: $0, as: UTF8.self) }
    }
    // SPEC Appendix D and Java's tests of UnicodeUtil and BinaryUtil.
    #expect(upper("aaaaaaaaaaaaaaaaZ") == "aaaaaaaaaaaaaaab")
    #expect(upper("aaaaaaaaaaaaaaaa") == "aaaaaaaaaaaaaaaa")
    #expect(upper("ab\u{10FFFF}\u{10FFFF}c", 4) == "ac")
    #expect(upper("a\u{D7FF}x", 2) == "a\u{E000}")
    #expect(upper("\u{10FFFF}x", 1) == nil)
    #expect(BoundTruncation.lower(Array("δέλτα".utf8), length: 2, isText: true) == Array("δέ".utf8))
    #expect(BoundTruncation.upper([1, 0xFF, 0xFF, 9], length: 3, isText: false) == [2])
    #expect(BoundTruncation.upper([0xFF, 0xFF, 9], length: 2, isText: false) == nil)
    #expect(BoundTruncation.lower([1, 2, 3], length: 2, isText: false) == [1, 2])
  }

  private func metadata(_ fields: [IcebergField], _ properties: [String: String] = [:]) -> TableMetadata {
    TableMetadata(
      newTableAt: "mem://b/t", uuid: "6f1f2f34-0000-4000-8000-000000000001", schema: IcebergSchema(fields: fields), properties: properties,
      nowMilliseconds: 0)
  }

  @Test("metrics modes follow column, default and the number of columns")
  func modes() {
    let fields = [
      IcebergField(id: 1, name: "a", type: .string), IcebergField(id: 2, name: "b", type: .string),
      IcebergField(id: 3, name: "s", type: .structure([IcebergField(id: 4, name: "x", type: .int)])),
    ]
    let plain = MetricsConfiguration(metadata(fields))
    #expect(plain.mode(1) == .truncate(16))
    #expect(plain.mode(4) == .truncate(16))
    let stated = MetricsConfiguration(
      metadata(fields, ["write.metadata.metrics.default": "counts", "write.metadata.metrics.column.s.x": "Full"]))
    #expect(stated.mode(1) == .counts)
    #expect(stated.mode(4) == .full)
    let wide = MetricsConfiguration(metadata((1...150).map { IcebergField(id: $0, name: "c\($0)", type: .int) }))
    #expect(wide.mode(100) == .truncate(16))
    #expect(wide.mode(101) == .none)
    #expect(MetricsMode("truncate(0)") == nil)
    #expect(MetricsMode("everything") == nil)
  }

  @Test("paths of the object storage layout have the hash that other writers give them", arguments: [
    ("a", "0101/0110/1001/10110010"), ("b", "1110/0111/1110/00000011"), ("c", "0010/1101/0110/01011111"),
    ("d", "1001/0001/0100/01110011"),
  ])
  func hashedPaths(_ name: String, _ expected: String) {
    // Values of pyiceberg's tests of its ObjectStoreLocationProvider, which took them from Java's.
    #expect(DataFilePaths.hashed(name) == expected)
  }

  @Test("data files lie below data, in folders of their partition, or where the table's properties say")
  func paths() {
    let spec = PartitionSpec(fields: [
      PartitionField(sourceID: 1, fieldID: 1_000, name: "a b", transform: .identity),
      PartitionField(sourceID: 2, fieldID: 1_001, name: "d_day", transform: .day),
    ])
    let schema = IcebergSchema(fields: [IcebergField(id: 1, name: "a b", type: .string), IcebergField(id: 2, name: "d", type: .date)])
    func path(_ properties: [String: String]) -> String {
      let metadata = TableMetadata(
        newTableAt: "s3://bucket/t", uuid: "6f1f2f34-0000-4000-8000-000000000001", schema: schema, spec: spec, properties: properties,
        nowMilliseconds: 0)
      let paths = DataFilePaths(metadata, ids: IDSource(seed: 1, scope: []), nowMilliseconds: 1_767_225_600_000)
      return paths.next([.text("x/ü"), .null(.date)]).text
    }
    #expect(path([:]).hasPrefix("s3://bucket/t/data/a+b=x%2F%C3%BC/d_day=null/20260101_000000_00000_"))
    #expect(path(["write.data.path": "s3://other/place/"]).hasPrefix("s3://other/place/a+b="))
    #expect(path(["write.data.path": "files"]).hasPrefix("s3://bucket/t/files/a+b="))
    let hashed = path(["write.object-storage.enabled": "true"]).dropFirst("s3://bucket/t/data/".count).split(separator: "/")
    #expect(hashed.count == 7)
    #expect(hashed[4] == "a+b=x%2F%C3%BC")
  }

  @Test("files are described by counts, bounds and sizes of their columns; nothing but sizes below lists")
  func fileMetrics() throws {
    let fields = [
      IcebergField(id: 1, name: "x", type: .double), IcebergField(id: 2, name: "t", type: .string),
      IcebergField(id: 3, name: "l", type: .list(IcebergField(id: 4, name: "element", type: .int))),
    ]
    let metadata = metadata(fields)
    let schema = try metadata.schema.columnarSchema()
    func column(_ index: Int, _ values: [ScalarValue]) -> Column {
      let builder = ColumnBuilder(type: schema.fields[index].type)
      for value in values { builder.append(value) }
      return builder.finish()
    }
    let batch = Batch(
      columns: [
        column(0, [.double(0.0), .double(.nan), .null, .double(2.5)]),
        column(1, [.bytes(Array("abcdefghijklmnopqrst".utf8)), .bytes(Array("b".utf8)), .null, .null]),
        column(2, [.list([.int(1), .int(2)]), .null, .list([]), .list([.int(7)])]),
      ], count: 4)
    let sink = try MemoryStore().openWriter(Location("mem://b/f"))
    let writer = try ParquetWriter(schema, to: sink, options: try ParquetWriterOptions(metadata))
    try writer.write(batch)
    let file = DataFile(
      try writer.finish(), path: "mem://b/f", schema: metadata.schema, specID: 0, partition: [], sortOrderID: 0,
      metrics: MetricsConfiguration(metadata))
    let metrics = try file.metrics
    #expect(file.recordCount == 4)
    #expect(file.fileSize == Int64(sink.byteCount))
    #expect(file.splitOffsets == [4])
    #expect(metrics.valueCounts == [1: 4, 2: 4])
    #expect(metrics.nullCounts == [1: 1, 2: 2])
    #expect(metrics.nanCounts == [1: 1])
    #expect(metrics.columnSizes?.keys.sorted() == [1, 2, 4])
    // -0.0 below zero: readers of other engines may order the zeros.
    #expect(metrics.lowerBounds?[1] == [0, 0, 0, 0, 0, 0, 0, 0x80])
    #expect(metrics.upperBounds?[1] == [0, 0, 0, 0, 0, 0, 4, 0x40])
    #expect(metrics.lowerBounds?[2] == Array("abcdefghijklmnop".utf8))
    #expect(metrics.upperBounds?[2] == Array("b".utf8))
    #expect(metrics.lowerBounds?[4] == nil)
  }
}
