import Columnar
import Compression
import Parquet
import Storage
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Rows of a file as scalars, column by column.
func readAll(_ file: ParquetFile, maxRows: Int = 1_000) throws -> [[ScalarValue]] {
  var result: [[ScalarValue]] = file.columns.map { _ in [] }
  for group in 0..<file.rowGroupCount {
    let rows = try RowGroupReader(file, rowGroup: group, columns: file.columns, context: QueryContext())
    while let batch = try rows.next(maxRows: maxRows) {
      for (index, column) in batch.columns.enumerated() {
        for row in 0..<column.count { result[index].append(column.scalarValue(at: row)) }
      }
    }
  }
  return result
}

@Suite("Files written are read back")
struct RoundTripTests {
  /// One column of every type, with values by row number: all of them the same in the script that other readers run.
  static let types: [(String, SQLType)] = [
    ("b", .boolean), ("i8", .tinyint), ("i16", .smallint), ("i32", .integer), ("i64", .bigint), ("f", .real),
    ("d", .double), ("d5", .decimal(precision: 5, scale: 2)), ("d15", .decimal(precision: 15, scale: 3)),
    ("d38", .decimal(precision: 38, scale: 10)), ("s", .varchar), ("bin", .varbinary), ("u", .uuid), ("day", .date),
    ("t", .time(precision: 6)), ("ts", .timestamp(precision: 6)), ("tsn", .timestamp(precision: 9)),
    ("tz", .timestampTZ(precision: 6)), ("l", .array(.integer)), ("m", .map(key: .varchar, value: .bigint)),
    ("r", .row([RowField(name: "x", type: .integer), RowField(name: "y", type: .array(.varchar))])),
  ]

  static func value(_ type: SQLType, _ i: Int) -> ScalarValue {
    let n = Int64(i)
    func text(_ s: String) -> ScalarValue { .bytes(Array(s.utf8)) }
    switch type {
    case .boolean: return .boolean(i % 3 == 0)
    case .tinyint: return .int(n % 200 - 100)
    case .smallint: return .int(n % 60_000 - 30_000)
    case .integer: return .int(n * 1_000 - 5)
    case .bigint: return .int(n * 10_000_000_000 - 7)
    case .real: return .real(Float(i) / 4)
    case .double: return .double(Double(i) / 3)
    case .decimal(5, 2): return .int(n % 99_999)
    case .decimal(15, 3): return .int(n * 1_000_001)
    case .decimal: return .int128(Int128(n) * 1_000_000_000_000_000_000_000 - 1)
    case .varchar: return text("value \(i % 7)" + (i % 11 == 0 ? " with a long tail é" : ""))
    case .varbinary: return .bytes([UInt8(i & 255), UInt8(i >> 8 & 255), 0xFF])
    case .uuid: return .int128(Int128(bitPattern: (UInt128(i) << 100 | UInt128(i)) ^ (1 << 127)))
    case .date: return .int(n - 1_000)
    case .time: return .int(n * 1_000_003 % 86_400_000_000)
    case .timestamp(9): return .int(n * 1_000_000_007 - 5)
    case .timestamp: return .int(n * 1_000_003 - 77)
    case .timestampTZ: return .timestampTZ(TimestampTZ(instant: n * 60_000_001))
    case .array: return .list((0..<i % 4).map { i % 6 == 5 && $0 == 1 ? .null : .int(Int64($0 * i)) })
    case .map: return .map((0..<i % 3).map { ScalarPair(key: text("k\($0)"), value: .int(Int64(i + $0))) })
    case .row:
      return .row([
        i % 4 == 1 ? .null : .int(n), i % 5 == 2 ? .null : .list((0..<i % 3).map { text("e\($0 + i)") }),
      ])
    default: return .null
    }
  }

  static func batches(_ rowCount: Int, hasNulls: Bool, batchSize: Int) -> [Batch] {
    stride(from: 0, to: rowCount, by: batchSize).map { start in
      let end = min(rowCount, start + batchSize)
      let columns = types.map { _, type in
        let builder = ColumnBuilder(type: type, capacity: end - start)
        for i in start..<end { builder.append(hasNulls && i % 5 == 0 ? .null : value(type, i)) }
        return builder.finish()
      }
      return Batch(columns: columns, count: end - start)
    }
  }

  static func schema(hasNulls: Bool) -> Schema {
    Schema(
      types.enumerated().map { index, column in
        Field(column.0, column.1, isNullable: hasNulls, id: fieldID(column.1, Int32(index * 10 + 1)))
      })
  }

  private static func fieldID(_ type: SQLType, _ id: Int32) -> FieldID {
    // Keys of maps are never NULL.
    var isNullable = type.children.map { _ in true }
    if case .map = type { isNullable[0] = false }
    return FieldID(
      id, children: type.children.enumerated().map { fieldID($1, id + 1 + Int32($0)) }, childIsNullable: isNullable)
  }

  static func write(_ rowCount: Int, hasNulls: Bool, batchSize: Int = 700, _ options: ParquetWriterOptions) throws
    -> (MemorySink, WrittenParquetFile)
  {
    let sink = MemorySink()
    let writer = try ParquetWriter(schema(hasNulls: hasNulls), to: sink, options: options)
    for batch in batches(rowCount, hasNulls: hasNulls, batchSize: batchSize) { try writer.write(batch) }
    return (sink, try writer.finish())
  }

  static func variants() -> [(String, ParquetWriterOptions)] {
    func options(_ change: (inout ParquetWriterOptions) -> Void) -> ParquetWriterOptions {
      var options = ParquetWriterOptions()
      options.pageRows = 300
      change(&options)
      return options
    }
    return [
      ("zstd", options { $0.writesChecksums = true }),
      ("snappy", options { $0.codec = .snappy }),
      ("gzip, pages v2", options { ($0.codec, $0.usesDataPageV2, $0.writesChecksums) = (.gzip, true, true) }),
      ("uncompressed, pages v2", options { ($0.codec, $0.usesDataPageV2) = (.uncompressed, true) }),
      ("no dictionary", options { $0.usesDictionary = false }),
      ("small dictionary", options { $0.dictionaryBytes = 600 }),
      ("many row groups", options { $0.rowGroupRows = 251 }),
      ("small pages", options { $0.pageBytes = 200 }),
    ]
  }

  @Test("every type comes back, with every way of writing", arguments: [false, true])
  func everyType(hasNulls: Bool) throws {
    let rowCount = 1_500
    for (name, options) in Self.variants() {
      let (sink, written) = try Self.write(rowCount, hasNulls: hasNulls, options)
      #expect(written.rowCount == rowCount)
      #expect(written.byteCount == sink.byteCount)
      let file = try sink.open()
      #expect(file.rowCount == rowCount)
      #expect(file.schema == Self.schema(hasNulls: hasNulls))
      let columns = try readAll(file, maxRows: 333)
      for (index, column) in Self.types.enumerated() {
        let wrong = (0..<rowCount).first { columns[index][$0] != (hasNulls && $0 % 5 == 0 ? .null : Self.value(column.1, $0)) }
        #expect(wrong == nil, "\(name), column \(column.0): row \(wrong ?? 0) is \(columns[index][wrong ?? 0])")
      }
    }
  }

  @Test("metrics count and bound what was written")
  func metrics() throws {
    var options = ParquetWriterOptions()
    options.rowGroupRows = 400
    let (_, written) = try Self.write(1_000, hasNulls: true, options)
    #expect(written.splitOffsets.count == 3)
    #expect(written.splitOffsets[0] == 4)
    let integer = try #require(written.leaves.first { $0.path == ["i32"] })
    #expect(integer.valueCount == 1_000)
    #expect(integer.nullCount == 200)
    #expect(integer.lower == .integer(995))
    #expect(integer.upper == .integer(998_995))
    #expect(integer.fieldID == 31)
    let instant = try #require(written.leaves.first { $0.path == ["tz"] })
    #expect(instant.lower?.value == .timestampTZ(TimestampTZ(instant: 60_000_001)))
    let element = try #require(written.leaves.first { $0.path == ["l", "list", "element"] })
    #expect(element.fieldID == 182)
  }

  @Test("NaN counts but bounds nothing, and zeros of both signs are within the bounds")
  func notANumber() throws {
    let values: [Double] = [.nan, 0.0, 2.5, .nan, -0.0]
    let sink = MemorySink()
    let writer = try ParquetWriter(Schema([Field("x", .double, isNullable: false)]), to: sink)
    try writer.write(Batch(columns: [Column(type: .double, count: 5, values: Buffer.of(values))], count: 5))
    let written = try writer.finish()
    #expect(written.leaves[0].nanCount == 2)
    #expect(written.leaves[0].upper == .double(2.5))
    let file = try sink.open()
    #expect(file.select(rowGroup: 0, where: [ColumnPredicate(leaf: 0, .equal(.double(-0.0)))]) != .noneByStatistics)
    #expect(file.select(rowGroup: 0, where: [ColumnPredicate(leaf: 0, .greater(.double(2.5)))]) == .noneByStatistics)
  }

  @Test("dictionary and constant columns keep their encoding through a file")
  func encodingsSurvive() throws {
    let dictionary = ColumnBuilder(type: .varchar)
    for name in ["red", "green", "blue is a longer name"] { dictionary.append(text: name) }
    let indices = (0..<5_000).map { UInt32($0 % 3) }
    let colour = Column.dictionary(values: dictionary.finish(), indices: Buffer.of(indices), count: 5_000)
    let constant = Column.constant(.text("always the same"), count: 5_000)
    let sink = MemorySink()
    let writer = try ParquetWriter(Schema([Field("colour", .varchar), Field("same", .varchar)]), to: sink)
    try writer.write(Batch(columns: [colour, constant], count: 5_000))
    _ = try writer.finish()
    let file = try sink.open()
    let reader = try RowGroupReader(file, rowGroup: 0, columns: file.columns, context: QueryContext())
    let first = try #require(try reader.next(maxRows: 1_000))
    let second = try #require(try reader.next(maxRows: 1_000))
    #expect(first.columns[0].dictionary?.values.count == 3)
    #expect(first.columns[0].dictionary?.values.flat.values.buffer === second.columns[0].dictionary?.values.flat.values.buffer)
    #expect(first.columns[1].isConstant)
    #expect(second.columns[0].scalar(at: 4).text == "blue is a longer name")
    #expect(reader.batchFirstRow == 1_000)
  }

  @Test("rows passed over are not read, with and without a page index")
  func skipping() throws {
    for writesIndex in [false, true] {
      var options = ParquetWriterOptions()
      options.pageRows = 100
      options.writesPageIndex = writesIndex
      let (sink, _) = try Self.write(1_500, hasNulls: true, options)
      let file = try sink.open()
      let ranges = [37..<40, 512..<700, 1_499..<1_500]
      let reader = try RowGroupReader(file, rowGroup: 0, columns: file.columns, rows: ranges, context: QueryContext())
      var rows: [Int] = []
      while let batch = try reader.next(maxRows: 100) {
        for row in 0..<batch.count {
          let i = reader.batchFirstRow + row
          rows.append(i)
          for (index, column) in Self.types.enumerated() {
            #expect(batch.columns[index].scalarValue(at: row) == (i % 5 == 0 ? .null : Self.value(column.1, i)), "\(column.0) row \(i)")
          }
        }
      }
      #expect(rows == ranges.flatMap { Array($0) })
      #expect(reader.pagesSkipped > (writesIndex ? 100 : 20))
      let skipper = try RowGroupReader(file, rowGroup: 0, columns: file.columns, context: QueryContext())
      try skipper.skip(1_001)
      let batch = try #require(try skipper.next(maxRows: 5))
      #expect(batch.columns[3].scalarValue(at: 0) == Self.value(.integer, 1_001))
    }
  }

  @Test("page index and Bloom filter exclude rows that cannot match")
  func pruning() throws {
    var options = ParquetWriterOptions()
    options.pageRows = 100
    options.bloomFilterPaths = ["s", "i64", "u", "d38"]
    options.usesDictionary = true
    let (sink, _) = try Self.write(1_000, hasNulls: false, options)
    let file = try sink.open()
    let i32 = try #require(file.leaf(path: ["i32"])).index
    let s = try #require(file.leaf(path: ["s"])).index
    let i64 = try #require(file.leaf(path: ["i64"])).index
    #expect(file.select(rowGroup: 0, where: [ColumnPredicate(leaf: i32, .less(.integer(150_000)))]) == .some([0..<200]))
    #expect(
      file.select(
        rowGroup: 0,
        where: [
          ColumnPredicate(leaf: i32, .greaterOrEqual(.integer(350_000))), ColumnPredicate(leaf: i32, .lessOrEqual(.integer(420_000))),
        ]) == .some([300..<500]))
    #expect(file.select(rowGroup: 0, where: [ColumnPredicate(leaf: i32, .greater(.integer(998_995)))]) == .noneByStatistics)
    #expect(file.select(rowGroup: 0, where: [ColumnPredicate(leaf: i32, .isNull)]) == .noneByStatistics)
    #expect(file.select(rowGroup: 0, where: [ColumnPredicate(leaf: s, .equal(.text("value 3")))]) == .all)
    #expect(file.select(rowGroup: 0, where: [ColumnPredicate(leaf: s, .equal(.text("value 33")))]) == .noneByBloomFilter)
    #expect(file.select(rowGroup: 0, where: [ColumnPredicate(leaf: i64, .equal(.bigint(10_000_000_000 - 7)))]) == .some([0..<100]))
    #expect(file.select(rowGroup: 0, where: [ColumnPredicate(leaf: i64, .isIn([.bigint(1), .bigint(2)]))]) == .noneByBloomFilter)
    for name in ["u", "d38"] {
      let leaf = try #require(file.leaf(path: [name]))
      let type = leaf.type
      #expect(file.select(rowGroup: 0, where: [ColumnPredicate(leaf: leaf.index, .equal(Scalar(type, Self.value(type, 77))))]) == .some([0..<100]))
    }
  }

  @Test("nested columns are read in part")
  func partsOfNestedColumns() throws {
    let (sink, _) = try Self.write(100, hasNulls: true, ParquetWriterOptions())
    let file = try sink.open()
    let row = try #require(file.column(named: "R"))
    let part = try #require(row.pruned { $0.path == ["r", "x"] })
    #expect(part.type == .row([RowField(name: "x", type: .integer)]))
    let reader = try RowGroupReader(file, rowGroup: 0, columns: [part], context: QueryContext())
    let batch = try #require(try reader.next(maxRows: 100))
    #expect(batch.columns[0].scalarValue(at: 3) == .row([.int(3)]))
    #expect(batch.columns[0].scalarValue(at: 5) == .null)
    let counter = try RowGroupReader(file, rowGroup: 0, columns: [], context: QueryContext())
    #expect(try counter.next(maxRows: 1_000)?.count == 100)
  }

  @Test("a NULL in a required column and types that Parquet lacks are refused")
  func refusals() throws {
    let sink = MemorySink()
    let writer = try ParquetWriter(Schema([Field("x", .integer, isNullable: false)]), to: sink)
    #expect(throws: ParquetError.self) {
      try writer.write(Batch(columns: [Column.nulls(.integer, count: 2)], count: 2))
      _ = try writer.finish()
    }
    #expect(throws: ParquetError.self) {
      _ = try ParquetWriter(Schema([Field("x", .intervalDayToSecond)]), to: MemorySink())
    }
  }

  @Test("columns encoded by several threads give the same file")
  func parallel() throws {
    var options = ParquetWriterOptions()
    let (one, _) = try Self.write(1_000, hasNulls: true, options)
    options.runParallel = { count, body in
      withoutActuallyEscaping(body) { body in
        let threads = (0..<2).map { part in
          Worker { for index in stride(from: part, to: count, by: 2) { body(index) } }
        }
        for thread in threads { thread.join() }
      }
    }
    let (two, _) = try Self.write(1_000, hasNulls: true, options)
    #expect(one.bytes == two.bytes)
  }
}

/// A thread that runs one closure.
private final class Worker {
  private var thread = pthread_t()

  init(_ body: @escaping () -> Void) {
    let box = Unmanaged.passRetained(Box(body))
    pthread_create(&thread, nil, { argument in
      guard let argument else { return nil }
      Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  }

  func join() { pthread_join(thread, nil) }

  private final class Box {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }
}
