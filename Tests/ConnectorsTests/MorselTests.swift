import Columnar
import Connectors
import Frazil
import Planner
import Storage
import TestSupport
import Testing

/// Large morsels are divided among workers: together the pieces are the whole, each row once and with its own position.
@Suite struct MorselTests {
  private static func ids(_ scan: ParquetScan, _ split: any Split) throws -> [[Int64]] {
    let reader = try scan.open(split, QueryContext(batchCapacity: 700))
    var rows: [[Int64]] = []
    while let batch = try reader.next() {
      for row in 0..<batch.count {
        rows.append(batch.columns.map { column in if case .int(let value) = column.scalarValue(at: row) { value } else { -1 } })
      }
    }
    return rows
  }

  @Test("pieces of a file with many row groups and pages")
  func pieces() async throws {
    let scratch = ScratchFolder()
    let session = try Engine(Configuration(warehouse: scratch.path)).makeSession()
    for sql in [
      """
      CREATE TABLE t WITH (table_type = 'ICEBERG', is_external = false) AS SELECT n FROM UNNEST(sequence(1, 30000)) AS s(n) LIMIT 0
      """,
      "ALTER TABLE t SET TBLPROPERTIES ('write.parquet.page-row-limit' = '500', 'write.parquet.row-group-size-bytes' = '65536')",
      "INSERT INTO t SELECT n FROM UNNEST(sequence(1, 30000)) AS s(n)",
    ] { _ = try await session.run(sql).allRows() }
    let files = try await session.run("SELECT file_path FROM \"t$files\"").allRows()
    guard files.count == 1, case .text(let path) = files[0][0] else { return #expect(Bool(false), "one file, not \(files)") }
    let sources: [ParquetColumnSource] = [
      .file(ParquetColumnSource.FileColumn(type: .bigint, match: .name("n")), missing: .null(.bigint)), .rowPosition,
    ]
    let store = LocalStore()
    let whole = ParquetSplit(location: Location(path), size: nil, byteCount: 1 << 30, sources: sources)
    let scan = ParquetScan([whole], notes: [], footers: ParquetFooterCache(store: store))
    let expected = (0..<30_000).map { [Int64($0) + 1, Int64($0)] }
    #expect(try Self.ids(scan, whole) == expected)
    #expect(scan.divided(whole, into: 1).count == 1)
    for count in [2, 3, 7, 64] {
      let pieces = scan.divided(whole, into: count)
      #expect(pieces.count == count)
      #expect(pieces.reduce(0) { $0 + $1.byteCount } == whole.byteCount)
      #expect(try pieces.flatMap { try Self.ids(scan, $0) } == expected, "\(count) pieces")
      let late = try pieces.map { scan.narrowed($0, by: [ColumnPredicate(column: 0, test: .greaterOrEqual(.bigint(25_000)))]) }
        .flatMap { try Self.ids(scan, $0) }
      #expect(late.count < 10_000 && late.suffix(5_001) == expected.suffix(5_001), "\(count) pieces")
      let notes = try pieces.map { try Self.rowGroups(scan.open($0, QueryContext())) }
      let rowGroups = try Self.rowGroups(scan.open(whole, QueryContext()))
      #expect(rowGroups > 1 && notes.reduce(0, +) == rowGroups)
    }
    var endless = whole
    endless.byteCount = .max
    #expect(scan.divided(endless, into: 8).map(\.byteCount).reduce(0, +) == .max)
    var small = whole
    small.byteCount = 1 << 20
    #expect(scan.divided(small, into: 8).count == 1)
    var remote = whole
    remote.location = Location("s3://bucket/key")
    #expect(scan.divided(remote, into: 8).count == 1)
  }

  private static func rowGroups(_ reader: any SplitReader) throws -> Int {
    while try reader.next() != nil {}
    return reader.notes.first { $0.label == "row groups read" }?.count ?? 0
  }
}
