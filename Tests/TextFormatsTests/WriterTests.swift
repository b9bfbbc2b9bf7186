import Columnar
import Compression
import Storage
import Testing
import TextFormats

struct WriterTests {
  let store = MemoryStore()
  let place = Location("mem://out/file")

  func texts(_ rows: [[String?]]) -> Batch {
    let width = rows.first?.count ?? 0
    let columns = (0..<width).map { index in
      let builder = ColumnBuilder(type: .varchar)
      for row in rows { if let text = row[index] { builder.append(text: text) } else { builder.appendNull() } }
      return builder.finish()
    }
    return Batch(columns: columns, count: rows.count)
  }

  func column(_ type: SQLType, _ values: [ScalarValue]) -> Column {
    let builder = ColumnBuilder(type: type)
    for value in values { builder.append(value) }
    return builder.finish()
  }

  @Test("text files have no quotes, CSV quotes what needs it and empty texts")
  func delimited() async throws {
    let batch = texts([["a", nil, ""], ["x,y", "say \"hi\"", "two\nlines"]])
    let plain = try DelimitedWriter(TextSink(store, place), .textFile(delimiter: UInt8(ascii: "|")))
    try plain.write(texts([["a", nil, ""], ["x,y", "say \"hi\"", "\t"]]))
    // Without quotes these could not be read back.
    for value in ["two\nlines", "a|b", "\r"] {
      #expect(throws: TextFormatError.self) { try plain.write(texts([[value, nil, ""]])) }
    }
    plain.abort()
    let sound = try DelimitedWriter(TextSink(store, place), .textFile(delimiter: UInt8(ascii: "|")))
    try sound.write(texts([["a", nil, ""], ["x,y", "say \"hi\"", "\t"]]))
    try sound.finish()
    #expect(try await store.read(place).string == "a|\\N|\nx,y|say \"hi\"|\t\n")
    let other = place.appending("csv")
    let csv = try DelimitedWriter(TextSink(store, other), .csv(header: ["p", "q,r", "s"]))
    try csv.write(batch)
    try csv.finish()
    let text = "p,\"q,r\",s\na,,\"\"\n\"x,y\",\"say \"\"hi\"\"\",\"two\nlines\"\n"
    #expect(try await store.read(other).string == text)
    let table = try await TextTable(text)
    #expect(
      try table.rows(.csv, [("p", .varchar), ("q", .varchar), ("s", .varchar)], hasHeader: true)
        == [["a", "NULL", ""], ["x,y", "say \"hi\"", "two\nlines"]])
  }

  @Test("JSON lines keep numbers, NULLs and nesting")
  func json() async throws {
    let columns: [(String, SQLType, [ScalarValue])] = [
      ("i", .integer, [.int(-7), .null]), ("d", .double, [.double(1e10), .double(.nan)]), ("b", .boolean, [.boolean(true), .boolean(false)]),
      ("p", .decimal(precision: 20, scale: 3), [.int128(-1_005), .int128(5)]), ("q", .decimal(precision: 5, scale: 0), [.int(12), .null]),
      ("s", .varchar, [.bytes(Array("ä\"\n".utf8)), .bytes([])]), ("x", .varbinary, [.bytes([1, 2, 255]), .null]),
      ("dt", .date, [.int(-1), .int(19_000)]), ("ts", .timestamp(precision: 3), [.int(-1_000), .int(1_600_000_000_123_456)]),
      ("a", .array(.integer), [.list([.int(1), .null]), .list([])]),
      ("m", .map(key: .integer, value: .varchar), [.map([ScalarPair(key: .int(1), value: .bytes([0x76]))]), .null]),
      ("r", .row([RowField(name: "x", type: .bigint), RowField(name: nil, type: .boolean)]), [.row([.int(1), .null]), .null]),
      ("j", .json, [.bytes(Array("{\"k\":1}".utf8)), .null]),
    ]
    let sink = try TextSink(store, place, compression: "GZIP")
    let writer = try JSONLinesWriter(sink, columns: columns.map { Field($0.0, $0.1) })
    try writer.write(Batch(columns: columns.map { column($0.1, $0.2) }, count: 2))
    try writer.finish()
    let bytes = try FileCompression.gzip.decompress(try await store.read(place).array, maximumByteCount: 1 << 20)
    #expect(
      String(decoding: bytes, as: UTF8.self) == """
        {"i":-7,"d":10000000000.0,"b":true,"p":-1.005,"q":12,"s":"ä\\"\\n","x":"AQL/","dt":"1969-12-31","ts":"1969-12-31 23:59:59.999",\
        "a":[1,null],"m":{"1":"v"},"r":{"x":1,"field1":null},"j":{"k":1}}
        {"i":null,"d":"NaN","b":false,"p":0.005,"q":null,"s":"","x":null,"dt":"2022-01-08","ts":"2020-09-13 12:26:40.123","a":[],"m":null,"r":null,"j":null}

        """)
  }

  @Test("an aborted writer leaves nothing, a wrong compression or column type is refused")
  func failures() async throws {
    let writer = try DelimitedWriter(TextSink(store, place), .textFile())
    try writer.write(texts([["a"]]))
    writer.abort()
    #expect(store.locations.isEmpty)
    #expect(throws: TextFormatError.self) { _ = try TextSink(store, place, compression: "bzip2") }
    let numbers = try DelimitedWriter(TextSink(store, place), .textFile())
    #expect(throws: TextFormatError.self) { try numbers.write(Batch(columns: [column(.bigint, [.int(1)])], count: 1)) }
    #expect(throws: TextFormatError.self) { _ = try JSONLinesWriter(TextSink(store, place), columns: [Field("i", .intervalDayToSecond)]) }
  }

  @Test("what was written is read back, in every compression", arguments: ["none", "gzip", "zstd", "snappy"])
  func roundTrip(compression: String) async throws {
    let file = Location("mem://out/t" + (try TextSink.fileExtension(compression: compression)))
    let writer = try DelimitedWriter(TextSink(store, file, compression: compression), .csv(header: nil))
    let rows = (0..<20_000).map { ["\($0)", $0 % 3 == 0 ? nil : "text number \($0)"] as [String?] }
    try writer.write(texts(rows))
    try writer.finish()
    let reader = try DelimitedReader(
      TextSource(store, file), format: .csv, columns: [Field("a", .varchar), Field("b", .varchar)], projection: [0, 1], context: QueryContext())
    #expect(try TextTable.rows(reader) == rows.map { $0.map { $0 ?? "NULL" } })
  }
}
