import Avro
import Compression
import TestSupport
import Testing

@Suite("Avro")
struct AvroTests {
  static let schemaText = """
    {"type":"record","name":"row","namespace":"n","fields":[
     {"name":"a","type":"int","field-id":1},
     {"name":"b","type":["null","string"],"default":null,"field-id":2},
     {"name":"c","type":{"type":"array","items":{"type":"record","name":"pair","fields":[
        {"name":"key","type":"int"},{"name":"value","type":"bytes"}]},"logicalType":"map"},"field-id":3},
     {"name":"d","type":["double","null"],"field-id":4},
     {"name":"e","type":{"type":"map","values":"long"},"field-id":5},
     {"name":"f","type":{"type":"record","name":"inner","fields":[
        {"name":"x","type":{"type":"fixed","name":"f4","size":4},"field-id":6},
        {"name":"y","type":["null","f4"],"field-id":7},
        {"name":"z","type":{"type":"enum","name":"colour","symbols":["red","green"]},"field-id":8}]},"field-id":9},
     {"name":"g","type":{"type":"int","logicalType":"date"},"field-id":10}]}
    """

  static func row(_ index: Int32) -> AvroValue {
    .record([
      .int(index), index % 3 == 0 ? .null : .string("text \(index)"),
      .array([.record([.int(7), .bytes([1, 2])]), .record([.int(index), .bytes(Array("v\(index)".utf8))])]),
      index % 2 == 0 ? .double(Double(index) / 4) : .null,
      .map([AvroMapEntry("k", .long(Int64(index) << 33))]),
      .record([.fixed([1, 2, 3, UInt8(truncatingIfNeeded: index)]), index % 5 == 0 ? .null : .fixed([9, 9, 9, 9]), .symbol("green")]),
      .int(-index),
    ])
  }

  static func file(_ codec: Codec, count: Int32) throws -> [UInt8] {
    let schema = try AvroSchema(text: schemaText)
    var writer = try ContainerWriter(
      schemaText: schema.text, metadata: [("format-version", "2")], codec: codec, sync: (0x0102_0304_0506_0708, 0xA1A2_A3A4_A5A6_A7A8))
    for index in 0..<count { try writer.append(row(index), schema) }
    return try writer.finish()
  }

  static func values(_ file: [UInt8]) throws -> [AvroValue] {
    try file.withUnsafeBytes { bytes in
      var reader = try ContainerReader(bytes)
      return try reader.readAllValues()
    }
  }

  @Test("what is written is read back, in several blocks", arguments: [Codec.uncompressed, .deflate, .snappy, .zstd])
  func roundTrip(codec: Codec) throws {
    let file = try Self.file(codec, count: 5_000)
    #expect(try Self.values(file) == (0..<5_000).map(Self.row))
    try file.withUnsafeBytes { bytes in
      var reader = try ContainerReader(bytes)
      #expect(reader.codec == codec && reader.text("format-version") == "2")
      let projection = try AvroProjection(reader.schema, fieldIDs: [8, 1, 2, 3, 4, 6, 7, 99, 10])
      let blocks = try reader.readAll(projection)
      #expect(blocks.count > 1)
      var index: Int32 = 0
      for block in blocks {
        try block.bytes.withUnsafeBytes { bytes in
          for row in 0..<block.rows.count {
            #expect(block.rows[row, 0].value == 1 && block.rows[row, 1].value == Int64(index))
            let text = block.rows[row, 2]
            if index % 3 == 0 {
              #expect(text.isNull)
            } else {
              #expect(String(decoding: bytes[text.range], as: UTF8.self) == "text \(index)")
            }
            let pairs = UnsafeRawBufferPointer(rebasing: bytes[block.rows[row, 3].range])
            let found = try #require(try AvroItems.range(forKey: index, in: pairs))
            if index != 7 { #expect(String(decoding: pairs[found], as: UTF8.self) == "v\(index)") }
            #expect(try AvroItems.range(forKey: -5, in: pairs) == nil)
            #expect(try AvroItems.bytesPairs(pairs).count == (index == 7 ? 1 : 2))
            let double = block.rows[row, 4]
            if index % 2 == 0 { #expect(Double(bitPattern: UInt64(bitPattern: double.value)) == Double(index) / 4) } else { #expect(double.isNull) }
            #expect(bytes[block.rows[row, 5].range].last == UInt8(truncatingIfNeeded: index))
            #expect(block.rows[row, 6].isNull == (index % 5 == 0))
            #expect(block.rows[row, 7].isNull && block.rows[row, 8].value == Int64(-index))
            index += 1
          }
        }
      }
      #expect(index == 5_000)
    }
  }

  @Test("a file cut short anywhere gives an error or fewer whole blocks, with an offset")
  func truncation() throws {
    let file = try Self.file(.deflate, count: 40)
    for end in 0..<file.count {
      do { #expect(try Self.values(Array(file[..<end])).isEmpty) } catch let error as AvroError {
        #expect(error.offset.map { $0 <= end } ?? true)
      }
    }
  }

  @Test("changed bytes never do more than throw", arguments: [Codec.uncompressed, .snappy])
  func mutation(codec: Codec) throws {
    let file = try Self.file(codec, count: 4)
    for at in file.indices {
      for change: UInt8 in [0x01, 0x80, 0xFF] {
        var changed = file
        changed[at] ^= change
        _ = try? Self.values(changed)
        try? changed.withUnsafeBytes { bytes in
          var reader = try ContainerReader(bytes)
          _ = try reader.readAll(AvroProjection(reader.schema, fieldIDs: [1, 2, 3, 6]))
        }
      }
    }
  }

  @Test("a damaged sync marker is reported with the place of the marker")
  func syncMarker() throws {
    var file = try Self.file(.uncompressed, count: 3)
    file[file.count - 3] ^= 1
    let error = #expect(throws: AvroError.self) { try Self.values(file) }
    #expect(error?.kind == .corrupt && error?.offset == file.count - 16)
  }

  @Test("schemas with references, recursion and attributes survive being written", arguments: [
    schemaText, #""long""#, #"["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]"#,
    #"{"type":"record","name":"list","fields":[{"name":"next","type":["null","list"]},{"name":"v","type":{"type":"array","items":"int","element-id":7}}]}"#,
    #"{"type":"fixed","name":"a.b","size":16,"logicalType":"uuid"}"#,
  ])
  func schemas(text: String) throws {
    let schema = try AvroSchema(text: text)
    #expect(try AvroSchema(text: schema.text) == schema)
  }

  @Test("schemas that are none are refused", arguments: [
    "{", #""nothing""#, #"{"type":"record","name":"r"}"#, #"{"type":"fixed","name":"f","size":-1}"#, "7", #"{"type":"array"}"#,
    #"{"type":"record","name":"r","fields":[{"name":"x"}]}"#,
    #"{"type":"bytes","logicalType":"decimal","precision":5,"scale":10}"#,
  ])
  func badSchemas(text: String) {
    #expect(throws: AvroError.self) { try AvroSchema(text: text) }
  }

  @Test("recursive records are read, endless recursion is stopped")
  func recursion() throws {
    let schema = try AvroSchema(
      text: #"{"type":"record","name":"list","fields":[{"name":"v","type":"int","field-id":1},{"name":"next","type":["null","list"],"field-id":2}]}"#)
    var encoder = BinaryEncoder()
    let chain = AvroValue.record([.int(1), .record([.int(2), .null])])
    try encoder.value(chain, schema.root, schema)
    let rows = try encoder.bytes.withUnsafeBytes { try AvroProjection(schema, fieldIDs: [1, 2]).decode($0, count: 1) }
    #expect(rows[0, 0].value == 1 && !rows[0, 1].isNull)
    let deep = [UInt8](repeating: 2, count: 100_000)
    #expect(throws: AvroError.self) { try deep.withUnsafeBytes { try AvroProjection(schema, fieldIDs: [1]).decode($0, count: 1) } }
    #expect(throws: AvroError.self) {
      try deep.withUnsafeBytes { bytes in
        var decoder = BinaryDecoder(bytes)
        _ = try decoder.value(schema.root, schema)
      }
    }
  }

  @Test("a block that announces more records than it has bytes is refused without allocating for them")
  func hostileCounts() throws {
    let schema = try AvroSchema(text: #"{"type":"array","items":"null"}"#)
    var encoder = BinaryEncoder()
    encoder.long(1 << 40)
    encoder.long(0)
    #expect(throws: AvroError.self) {
      try encoder.bytes.withUnsafeBytes { bytes in
        var decoder = BinaryDecoder(bytes)
        _ = try decoder.value(schema.root, schema)
      }
    }
    let record = try AvroSchema(text: #"{"type":"record","name":"r","fields":[{"name":"x","type":"int"}]}"#)
    #expect(throws: AvroError.self) { try [UInt8]([0]).withUnsafeBytes { try AvroProjection(record, fieldIDs: []).decode($0, count: 1 << 40) } }
  }

  @Test("the corpus files are read or refused as their list says")
  func corpus() throws {
    guard let folder = Corpus.folder("iceberg/misc") else { return }
    for entry in Corpus.table(folder + "/MANIFEST.tsv") {
      guard let name = entry["file"], name.hasPrefix("avro/"), let content = entry["content"] else { continue }
      let file = try #require(Corpus.bytes(folder + "/" + name))
      switch entry["outcome"] {
      case "ok":
        let values = try Self.values(file)
        #expect(content.contains("records=\(values.count) "), "\(name): \(values.count)")
      // Its dates are out of Python's range; as Avro ints they are fine.
      case _ where name.hasSuffix("out_of_range_date.avro"): #expect(try Self.values(file).isEmpty == false)
      default: #expect(throws: AvroError.self, "\(name)") { try Self.values(file) }
      }
    }
  }

  @Test("manifests of other writers give the same paths through slots and through values")
  func manifests() throws {
    guard let folder = Corpus.folder("iceberg/tables") else { return }
    var count = 0
    for path in Corpus.files(below: folder, suffix: ".avro") where path.contains("/metadata/") {
      let file = try #require(Corpus.bytes(path))
      try file.withUnsafeBytes { bytes in
        var reader = try ContainerReader(bytes)
        let schema = reader.schema
        let rows = try reader.readAll(AvroProjection(schema, fieldIDs: [100, 500, 125]))
        var paths: [String] = []
        for block in rows {
          for row in 0..<block.rows.count {
            let slot = block.rows[row, 0].isNull ? block.rows[row, 1] : block.rows[row, 0]
            paths.append(String(decoding: block.bytes[slot.range], as: UTF8.self))
          }
        }
        let values = try Self.values(file)
        let expected = values.map { value -> String in
          guard case .record(let fields) = value else { return "" }
          let isManifest = schema.record(schema.root)?.fields.contains { $0.name == "data_file" } ?? false
          let holder: [AvroValue]
          let names: [String]
          if isManifest, let index = schema.record(schema.root)?.fields.firstIndex(where: { $0.name == "data_file" }),
            case .record(let inner) = fields[index], let record = schema.record(schema.record(schema.root)!.fields[index].type)
          {
            holder = inner
            names = record.fields.map(\.name)
          } else {
            holder = fields
            names = schema.record(schema.root)?.fields.map(\.name) ?? []
          }
          guard let at = names.firstIndex(where: { $0 == "file_path" || $0 == "manifest_path" }), case .string(let text) = holder[at] else {
            return ""
          }
          return text
        }
        #expect(paths == expected && !paths.contains(""), "\(path)")
        count += 1
      }
    }
    #expect(count > 300)
  }

  @Test("fastavro reads what is written here")
  func fastavro() throws {
    guard let python = Corpus.python() else { return }
    let folder = Corpus.temporaryFolder()
    defer { Corpus.remove(folder) }
    for codec in [Codec.uncompressed, .deflate] {
      Corpus.write(try Self.file(codec, count: 3_000), to: folder + "/x.avro")
      let (status, output) = Corpus.run(
        python,
        [
          "-c",
          "import fastavro,sys; r=list(fastavro.reader(open(sys.argv[1],'rb'))); print(len(r), r[4]['b'], r[4]['c'][1], r[4]['f'], r[4]['g'])",
          folder + "/x.avro",
        ])
      #expect(status == 0, "\(output)")
      #expect(
        output
          == "3000 text 4 {'key': 4, 'value': b'v4'} {'x': b'\\x01\\x02\\x03\\x04', 'y': b'\\t\\t\\t\\t', 'z': 'green'} 1969-12-28\n")
    }
  }
}
