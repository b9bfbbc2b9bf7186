import Columnar
import Storage
import TestSupport
import Testing
import TextFormats

struct SplitTests {
  private static let columns: [(String, SQLType)] = [("id", .bigint), ("text", .varchar), ("n", .bigint)]

  /// Quoted fields with line ends, doubled quotes, delimiters; plain and empty ones; both kinds of line end.
  private static func records(_ random: inout SeededRandom, count: Int) -> (text: String, rows: [[String]]) {
    var text = ""
    var rows: [[String]] = []
    let pieces = ["a", "bc", "\n", "\"\"", ",", "\r\n", " ", "\"\"\"\"", "", "long text of some length"]
    for id in 0..<count {
      let isQuoted = Int.random(in: 0..<3, using: &random) > 0
      var field = ""
      for _ in 0..<Int.random(in: 0..<6, using: &random) { field += pieces.randomElement(using: &random) ?? "" }
      let value: String
      if isQuoted {
        value = field.replacing("\"\"", with: "\"")
        text += "\(id),\"\(field)\",\(id * 2)"
      } else {
        value = "plain\(id)"
        text += "\(id),\(value),\(id * 2)"
      }
      text += Int.random(in: 0..<4, using: &random) == 0 ? "\r\n" : "\n"
      rows.append(["\(id)", value, "\(id * 2)"])
    }
    return (text, rows)
  }

  @Test("a file cut anywhere gives the rows of the whole file, each once", arguments: 0..<12)
  func cuts(seed: Int) async throws {
    var random = SeededRandom(UInt64(seed))
    let (text, rows) = Self.records(&random, count: 40)
    let table = try await TextTable(text)
    #expect(try table.rows(.csv, Self.columns) == rows)
    let size = text.utf8.count
    for step in [1, 2, 3, 5, 7, 11, 16, 33, 64, 100, 257] {
      let seams = RecordSeams(table.source, quote: UInt8(ascii: "\""), size: size)
      var found: [[String]] = []
      // Out of order too: workers take splits as they come.
      let starts = Array(stride(from: 0, to: size, by: step)).shuffled(using: &random)
      var byStart: [Int: [[String]]] = [:]
      for start in starts {
        let reader = try DelimitedReader(
          table.source, format: .csv, columns: Self.columns.map { Field($0.0, $0.1) }, projection: [0, 1, 2],
          split: start..<(start + step >= size ? Int.max : start + step), seams: seams, context: QueryContext(batchCapacity: 4))
        byStart[start] = try TextTable.rows(reader)
      }
      for start in starts.sorted() { found += byStart[start] ?? [] }
      #expect(found == rows, "cut every \(step) bytes")
    }
  }

  @Test("a stray quote is noticed, not read as something else")
  func strayQuote() async throws {
    let text = "1,5\" pipe,1\n2,\"x\ny\",2\n3,plain,3\n4,plain,4\n"
    let table = try await TextTable(text)
    for step in 1..<30 {
      let seams = RecordSeams(table.source, quote: UInt8(ascii: "\""), size: text.utf8.count)
      var count = 0
      var failed = false
      do {
        for start in stride(from: 0, to: text.utf8.count, by: step) {
          let reader = try DelimitedReader(
            table.source, format: .csv, columns: Self.columns.map { Field($0.0, $0.1) }, projection: [0],
            split: start..<(start + step >= text.utf8.count ? Int.max : start + step), seams: seams, context: QueryContext())
          while let batch = try reader.next() { count += batch.count }
        }
      } catch is TextFormatError {
        failed = true
      }
      #expect(failed || count == 4, "cut every \(step) bytes")
    }
  }

  @Test("an error in a later split names the line of the file")
  func lines() async throws {
    let table = try await TextTable("1,a,1\n2,b,2\n3,c,3\n4,d,oops\n")
    let reader = try DelimitedReader(
      table.source, format: .csv, columns: Self.columns.map { Field($0.0, $0.1) }, projection: [2], split: 13..<Int.max,
      seams: RecordSeams(table.source, quote: UInt8(ascii: "\""), size: 27), context: QueryContext())
    #expect { _ = try TextTable.rows(reader) } throws: { ($0 as? TextFormatError)?.line == 4 }
  }

  @Test("JSON lines cut anywhere give the objects of the whole file, each once")
  func jsonLines() async throws {
    let text = (0..<30).map { "{\"id\": \($0), \"t\": \"\(String(repeating: ["x", "é", "€", "😀"][$0 % 4], count: $0 % 9))\"}\n" }.joined()
    let table = try await TextTable(text, name: "t.json")
    var format = JSONLinesFormat(.plain)
    format.isLineDelimited = true
    for step in [1, 2, 3, 7, 20, 50, 333] {
      var ids: [String] = []
      for start in stride(from: 0, to: text.utf8.count, by: step) {
        let reader = try JSONLinesReader(
          table.source, format: format, columns: [Field("id", .bigint)], split: start..<start + step, context: QueryContext())
        ids += try TextTable.rows(reader).map { $0[0] }
      }
      #expect(ids == (0..<30).map { "\($0)" }, "cut every \(step) bytes")
    }
  }
}

struct DateStepsTests {
  private static let now: Int64 = 1_709_210_096_000_000  // 2024-02-29 12:34:56 UTC

  private func texts(
    _ format: String, _ range: String, _ interval: Int64? = nil, _ unit: String? = nil, from low: String? = nil
  ) throws -> [String] {
    let steps = try DateSteps(format: format, range: range, interval: interval, unit: unit, nowMicroseconds: Self.now)
    return steps.texts(from: low.flatMap { steps.microseconds(of: $0) }, through: nil, limit: 100) ?? ["too many"]
  }

  @Test("dates follow each other in the steps of their format")
  func steps() throws {
    #expect(try texts("yyyy-MM-dd", "2024-02-27,2024-03-02") == ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"])
    #expect(try texts("yyyy/MM", "2023/11,2024/02") == ["2023/11", "2023/12", "2024/01", "2024/02"])
    #expect(try texts("yyyy", "2020,2022") == ["2020", "2021", "2022"])
    #expect(try texts("yyyy-MM-dd-HH", "2024-01-31-22,2024-02-01-01", 1, "HOURS") == ["2024-01-31-22", "2024-01-31-23", "2024-02-01-00", "2024-02-01-01"])
    #expect(try texts("yyyyMMdd", "20240101,20240131", 2, "WEEKS") == ["20240101", "20240115", "20240129"])
  }

  @Test("NOW counts from the statement's clock, months from the same day")
  func now() throws {
    #expect(try texts("yyyy-MM-dd", "NOW-1DAY,NOW") == ["2024-02-28", "2024-02-29"])
    #expect(try texts("yyyy-MM-dd", "NOW-1YEAR,NOW-1YEARS") == ["2023-02-28"])
    #expect(try texts("yyyy-MM", "NOW-1MONTHS,NOW+1MONTH") == ["2024-01", "2024-02", "2024-03"])
    #expect(try texts("yyyy-MM-dd'T'HH", "NOW-2HOURS,NOW", 1, "HOURS") == ["2024-02-29T10", "2024-02-29T11", "2024-02-29T12"])
  }

  @Test("a bound skips what lies before it, and too many is not a list")
  func bounds() throws {
    #expect(try texts("yyyy-MM-dd", "1000-01-01,2024-01-02", from: "2024-01-01") == ["2024-01-01", "2024-01-02"])
    #expect(try texts("yyyy-MM-dd", "1000-01-01,2024-01-02") == ["too many"])
    #expect(try texts("yyyy-MM-dd", "2024-01-02,2024-01-01") == [])
  }

  @Test("what cannot be understood is refused", arguments: [
    ("yyyy-MM-dd", "2024-01-01", nil, nil), ("yyyy-MM-dd", "soon,NOW", nil, nil), ("yyyy-MM-dd HH", "NOW,NOW", nil, nil),
    ("yyyy-MM-dd HH", "NOW,NOW", 1, "FORTNIGHTS"), ("EEEE", "NOW,NOW", nil, nil), ("yyyy", "NOW*2YEARS,NOW", nil, nil),
  ] as [(String, String, Int64?, String?)])
  func refused(format: String, range: String, interval: Int64?, unit: String?) {
    #expect(throws: TextFormatError.self) { try texts(format, range, interval, unit) }
  }
}
