import Columnar
import Storage
import Testing
import TextFormats

struct DelimitedReaderTests {
  let threeTexts: [(String, SQLType)] = [("a", .varchar), ("b", .varchar), ("c", .varchar)]

  @Test("RFC 4180: quotes, doubled quotes, delimiters and line ends inside, CRLF, no line end at the last line")
  func rfc4180() async throws {
    let text = "x,y,z\r\n\"a,1\",\"say \"\"hi\"\"\",\"two\nlines and more\"\r\n,\"\",plain text of some length"
    let table = try await TextTable(text)
    #expect(
      try table.rows(.csv, threeTexts) == [
        ["x", "y", "z"], ["a,1", "say \"hi\"", "two\nlines and more"], ["NULL", "", "plain text of some length"],
      ])
    #expect(try table.rows(.csv, threeTexts, projection: [2, 0], hasHeader: true).first == ["two\nlines and more", "a,1"])
  }

  @Test("records longer than a block and fields across its border are read whole")
  func longRecords() async throws {
    var text = ""
    var expected: [[String]] = []
    for row in 0..<60 {
      let long = String(repeating: "\(row % 10)", count: row * 997 % 40_000) + "\"\"x"
      text += "\(row),\"\(long)\n\",end\(row)\n"
      expected.append(["\(row)", long.replacing("\"\"", with: "\"") + "\n", "end\(row)"])
    }
    let table = try await TextTable(text)
    #expect(try table.rows(.csv, threeTexts) == expected)
    let huge = String(repeating: "y", count: 3_000_000)
    #expect(try await TextTable("a,\(huge),b\nc,d,e").rows(.csv, threeTexts).map { $0[1].count } == [3_000_000, 1])
  }

  @Test("every number of rows around the 64-byte chunks is cut alike", arguments: [",", ",\r"])
  func chunkBorders(variant: String) async throws {
    let lineEnd = variant == "," ? "\n" : "\r\n"
    for width in 0..<140 {
      let filler = String(repeating: "f", count: width)
      let text = "\(filler),\"q,\(filler)\",1\(lineEnd)\(lineEnd)\"\(filler)\",b,2\(lineEnd)"
      let rows = try await TextTable(text).rows(.csv, [("a", .varchar), ("b", .varchar), ("c", .integer)])
      #expect(rows == [[width == 0 ? "NULL" : filler, "q,\(filler)", "1"], [filler, "b", "2"]], "\(width)")
    }
  }

  @Test("a lone carriage return ends a line, as Hadoop reads lines")
  func loneReturn() async throws {
    #expect(try await TextTable("a\rb\r\nc\n\rd\r").rows(.lazySimple, [("x", .varchar)]) == [["a"], ["b"], ["c"], [""], ["d"]])
  }

  @Test(
    "a line with the wrong number of fields is an error with its line",
    arguments: [("1,2\n3,4,5\n", 2, "3 fields"), ("1,2\n\n\"3\n3\",4\n5\n", 5, "1 field,")])
  func fieldCount(text: String, line: Int, words: String) async throws {
    let table = try await TextTable(text)
    #expect {
      _ = try table.rows(.csv, [("a", .varchar), ("b", .varchar)])
    } throws: { error in
      guard let error = error as? TextFormatError else { return false }
      return error.line == line && error.message.contains(words) && error.location == table.place
    }
  }

  @Test("a value of the wrong type is an error naming line, field, text and type")
  func badValue() async throws {
    let table = try await TextTable("id,n\n1,2\n2,twelve\n")
    #expect {
      _ = try table.rows(.csv, [("id", .bigint), ("n", .bigint)], hasHeader: true)
    } throws: { error in
      "\(error)" == "mem://test/t.csv, line 3, field 2: 'twelve' is not a value of type bigint, column 'n'"
    }
  }

  @Test("open quotes and text behind a closing quote are errors")
  func badQuotes() async throws {
    for text in ["a,\"b\nc,d\n", "a,\"b\"c\nd,e\n"] {
      let table = try await TextTable(text)
      #expect(throws: TextFormatError.self) { _ = try table.rows(.csv, [("a", .varchar), ("b", .varchar)]) }
    }
  }

  @Test("quotes inside an unquoted field are text")
  func innerQuotes() async throws {
    #expect(
      try await TextTable("5\" pipe,x\n\"a\",b\n").rows(.csv, [("a", .varchar), ("b", .varchar)])
        == [["5\" pipe", "x"], ["a", "b"]])
  }

  @Test("LazySimpleSerDe: missing fields NULL, extra ignored, bad numbers NULL, null text, no quoting")
  func lazySimple() async throws {
    let text = "1|a|\"2.5\"|extra\n2\nx|\\N|3.5\n\n99999999999|\"b\"|NaN\n"
    var format = DelimitedTextFormat.lazySimple
    format.fieldDelimiter = UInt8(ascii: "|")
    #expect(
      try await TextTable(text).rows(format, [("i", .integer), ("s", .varchar), ("d", .double)]) == [
        ["1", "a", "NULL"], ["2", "NULL", "NULL"], ["NULL", "NULL", "3.5"], ["NULL", "NULL", "NULL"],
        ["NULL", "\"b\"", "nan"],
      ])
  }

  @Test("LazySimpleSerDe: escapes, header and footer lines")
  func lazyEscape() async throws {
    var format = DelimitedTextFormat.lazySimple
    format.fieldDelimiter = UInt8(ascii: ",")
    format.escape = UInt8(ascii: "\\")
    format.skippedLines = 2
    format.skippedFooterLines = 1
    let text = "head\nhead2,x\na\\,b,c\\\\\n\\N,d\\n\nlast,x\nfoot\n"
    #expect(
      try await TextTable(text).rows(format, [("a", .varchar), ("b", .varchar)])
        == [["a,b", "c\\"], ["NULL", "d\n"], ["last", "x"]])
  }

  @Test("LazySimpleSerDe: arrays, maps and rows use the next delimiters level by level")
  func lazyNested() async throws {
    let text = "1\u{2}2\u{2}x\u{1}k\u{3}1\u{2}l\u{3}\\N\u{1}7\u{2}a\u{3}b\u{1}\n\\N\u{1}\u{1}8\n"
    let columns: [(String, SQLType)] = [
      ("a", .array(.integer)), ("m", .map(key: .varchar, value: .integer)),
      ("r", .row([RowField(name: "n", type: .bigint), RowField(name: "s", type: .array(.varchar))])), ("e", .array(.varchar)),
    ]
    #expect(
      try await TextTable(text).rows(.lazySimple, columns) == [
        ["[1, 2, NULL]", "{k=1, l=NULL}", "(7, [a, b])", "[]"], ["NULL", "{}", "(8, NULL)", "NULL"],
      ])
  }

  @Test("OpenCSVSerde: text, empty is not NULL, an empty number is an error, days and milliseconds")
  func openCSV() async throws {
    let columns: [(String, SQLType)] = [("s", .varchar), ("n", .bigint), ("d", .date), ("t", .timestamp(precision: 3))]
    #expect(
      try await TextTable("\"a,\\\"b\\\"\",1,19000,1600000000123\n,\"2\",0,0\n").rows(.openCSV, columns)
        == [["a,\"b\"", "1", "19000", "1600000000123000"], ["", "2", "0", "0"]])
    let bad = try await TextTable("\"\",\"x\"\n")
    #expect {
      _ = try bad.rows(.openCSV, [("n", .integer), ("s", .varchar)])
    } throws: { ($0 as? TextFormatError)?.message == "Error parsing field value '' for field 0" }
  }

  @Test("OpenCSVSerde: a quoted field ends with its line; odd quotes follow opencsv")
  func openCSVOddities() async throws {
    #expect(
      try await TextTable("\"a\nb\",c\nx, \"y\"\n").rows(.openCSV, [("a", .varchar), ("b", .varchar)])
        == [["a", "NULL"], ["b,c", "NULL"], ["x", "y"]])
  }

  @Test("every scalar type is parsed from its text")
  func types() async throws {
    let columns: [(String, SQLType)] = [
      ("b", .boolean), ("t", .tinyint), ("s", .smallint), ("i", .integer), ("l", .bigint), ("f", .real), ("d", .double),
      ("p", .decimal(precision: 10, scale: 2)), ("q", .decimal(precision: 38, scale: 3)), ("v", .varchar(length: 2)), ("c", .char(length: 3)),
      ("x", .varbinary), ("dt", .date), ("ts", .timestamp(precision: 6)),
    ]
    var format = DelimitedTextFormat.lazySimple
    format.fieldDelimiter = UInt8(ascii: ",")
    let text = """
      TRUE,-128,32767,-2147483648,9223372036854775807,0.1,1e-3,12.345,12345678901234567890123456789012345.6785,äöü,ab ,aGVsbG8=,2020-02-29,2020-02-29 23:59:59.1234567
      false,128,32768,2147483648,9223372036854775808,x,.,123456789012.3,1e36,a,,%%,2021-02-29,2020-02-29 25:00:00

      """
    let rows = try await TextTable(text).rows(format, columns)
    #expect(
      rows[0] == [
        "true", "-128", "32767", "-2147483648", "9223372036854775807", "0.1", "0.001", "1235",
        "12345678901234567890123456789012345679", "äö", "ab", "hello", "18321", "1583020799123457",
      ])
    #expect(rows[1] == ["false"] + Array(repeating: "NULL", count: 8) + ["a", "", "%%", "NULL", "NULL"])
  }

  @Test("doubles are rounded correctly, whichever way they are parsed")
  func doubles() async throws {
    var generator = SplitMix(state: 42)
    var texts = [
      "0", "-0", "1", "94.44", "1e22", "1e23", "9007199254740993", "9007199254740992.5", "4.9e-324", "2.4703282292062327e-324", "1.7976931348623157e308",
      "1.7976931348623159e308", "123456789012345678901234567890", "0.000000000000000000000000000001", "2.2250738585072011e-308", "8.5e-3",
      "00000000000000000000000012.5", "1.00000000000000011102230246251565", "1E5", "+3.", ".5",
    ]
    for _ in 0..<3_000 {
      let bits = generator.next()
      let value = Double(bitPattern: bits)
      if value.isFinite { texts.append("\(value)") }
      texts.append("\(Double(bits >> 11) / 9007199254740992.0)")
      texts.append("\(bits % 10_000_000_000).\(generator.next() % 100_000_000)e\(Int(generator.next() % 60) - 30)")
    }
    let table = try await TextTable(texts.joined(separator: "\n"))
    let rows = try table.rows(.csv, [("d", .double)], capacity: 5_000)
    #expect(rows.count == texts.count)
    for (row, text) in zip(rows, texts) { #expect(row[0] == "\(Double(text) ?? .nan)", "\(text)") }
    let floats = try table.rows(.csv, [("f", .real)], capacity: 5_000)
    for (row, text) in zip(floats, texts) { #expect(row[0] == "\(Float(text) ?? .nan)", "\(text)") }
  }

  @Test("splits of a file give every record once, wherever they are cut")
  func splits() async throws {
    let text = (0..<40).map { "\($0)\u{1}" + String(repeating: "x", count: $0 % 7) }.joined(separator: "\n") + "\n"
    let table = try await TextTable(text)
    let columns: [(String, SQLType)] = [("n", .integer), ("s", .varchar)]
    let all = try table.rows(.lazySimple, columns)
    #expect(all.count == 40)
    let size = text.utf8.count
    for cut in 0...size {
      let parts =
        try table.rows(.lazySimple, columns, split: 0..<cut) + table.rows(.lazySimple, columns, split: cut..<size)
      #expect(parts == all, "cut at \(cut)")
    }
  }

  @Test("a batch without columns counts rows, and an empty file has none")
  func noColumns() async throws {
    #expect(try await TextTable("a,b\nc,d\n").rows(.csv, [("a", .varchar), ("b", .varchar)], projection: []).count == 2)
    #expect(try await TextTable("").rows(.csv, threeTexts).isEmpty)
    #expect(try await TextTable("\u{FEFF}a,b,c").rows(.csv, threeTexts) == [["a", "b", "c"]])
  }

  @Test("random bytes never trap", arguments: 0..<20)
  func fuzz(seed: Int) async throws {
    var generator = SplitMix(state: UInt64(seed))
    let alphabet = Array("\"\"\\\\,,\n\n\r\u{1}\u{2}ab1-.eE\0".utf8) + [0xFF, 0xC3]
    let bytes = (0..<2_000).map { _ in alphabet[Int(generator.next() % UInt64(alphabet.count))] }
    let table = try await TextTable(bytes: bytes, name: "t.csv")
    let columns: [(String, SQLType)] = [
      ("a", .varchar), ("b", .double), ("c", .array(.bigint)), ("d", .date), ("e", .timestamp(precision: 3)), ("f", .decimal(precision: 9, scale: 2)),
    ]
    var escaped = DelimitedTextFormat.lazySimple
    escaped.escape = UInt8(ascii: "\\")
    for format in [DelimitedTextFormat.lazySimple, escaped] { _ = try table.rows(format, columns) }
    _ = try? table.rows(.csv, [("a", .varchar), ("b", .varchar)])
    _ = try? table.rows(.openCSV, [("a", .varchar), ("b", .varchar)])
  }
}

/// A small seeded generator.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
