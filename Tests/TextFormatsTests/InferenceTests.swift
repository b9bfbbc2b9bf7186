import Columnar
import Compression
import Storage
import TestSupport
import Testing
import TextFormats

struct InferenceTests {
  func describe(_ text: String, _ options: CSVInference.Options = .init()) async throws -> String {
    let found = try CSVInference(try await TextTable(text).source, options)
    let delimiter = String(UnicodeScalar(found.format.fieldDelimiter))
    return ([delimiter, found.hasHeader ? "header" : "data"] + found.columns.map { "\($0.name) \($0.type)" }).joined(separator: "|")
  }

  @Test("read_csv finds delimiter, header and types")
  func csv() async throws {
    #expect(
      try await describe("chromosome,start,beta\nchr22,1,94.44\nchr22,2,\n") == ",|header|chromosome varchar|start bigint|beta double")
    #expect(try await describe("1\t2020-01-01\n2\t2020-01-02 03:04:05\n") == "\t|data|column0 bigint|column1 timestamp(6)")
    #expect(try await describe("a;b;a\nx;\"p;q\";true\n") == ";|header|a varchar|b varchar|a_1 boolean")
    #expect(try await describe("n\n1\n2\n") == ",|header|n bigint")
    #expect(try await describe("name,city\nAnn,Paris\n") == ",|header|name varchar|city varchar")
    #expect(try await describe("t\n2020-01-01T00:00:00Z\n") == ",|header|t timestamp(6) with time zone")
    #expect(try await describe("x\n99999999999999999999\n1\n") == ",|header|x double")
    #expect(try await describe("") == ",|data")
  }

  @Test("what the caller says is taken as said")
  func options() async throws {
    var options = CSVInference.Options()
    options.hasHeader = false
    options.allVarchar = true
    options.delimiter = UInt8(ascii: "|")
    #expect(try await describe("1|2\n", options) == "||data|column0 varchar|column1 varchar")
    options = .init()
    options.types = ["a": .decimal(precision: 9, scale: 2)]
    options.skippedLines = 1
    #expect(try await describe("# note, with comma\na,b\n1,2\n", options) == ",|header|a decimal(9,2)|b bigint")
    options = .init()
    options.columns = [Field("p", .integer), Field("q", .varchar)]
    #expect(try await describe("1,x\n2,y\n", options) == ",|data|p integer|q varchar")
  }

  @Test("compressed files are read by their extension, a cut one is an error", arguments: [".gz", ".zst", ".snappy", ".lz4"])
  func compressed(fileExtension: String) async throws {
    let text = (0..<30_000).map { "\($0),value \($0 % 97)\n" }.joined()
    let compression = FileCompression(fileName: "x" + fileExtension)
    let bytes = try compression.compress(Array(text.utf8))
    let table = try await TextTable(bytes: bytes, name: "t.csv\(fileExtension)")
    let columns: [(String, SQLType)] = [("n", .bigint), ("v", .varchar)]
    let rows = try table.rows(.csv, columns, capacity: 8_192)
    #expect(rows.count == 30_000 && rows[29_999] == ["29999", "value 26"])
    let cut = try await TextTable(bytes: Array(bytes.dropLast(bytes.count / 3)), name: "t.csv\(fileExtension)")
    #expect(throws: TextFormatError.self) { _ = try cut.rows(.csv, columns, capacity: 8_192) }
  }

  @Test("bzip2 is refused with a hint")
  func bzip2() async throws {
    let table = try await TextTable(bytes: [1], name: "t.csv.bz2")
    #expect { _ = try table.rows(.csv, [("a", .varchar)]) } throws: { ($0 as? TextFormatError)?.kind == .notSupported }
  }

  @Test("SerDe properties become formats")
  func serDes() throws {
    let lazy = try TextSerDe(
      library: TextSerDe.lazySimple,
      properties: ["field.delim": "\t", "collection.delim": ";", "mapkey.delim": "58", "escape.delim": "\\", "serialization.null.format": ""],
      tableProperties: ["skip.header.line.count": "1"])
    guard case .delimited(let format)? = lazy else {
      Issue.record("not delimited")
      return
    }
    #expect(format.fieldDelimiter == 9 && format.nestedDelimiters.prefix(3) == [59, 58, 4])
    #expect(format.escape == 92 && format.nullTexts == [[]] && format.skippedLines == 1)
    #expect(try TextSerDe(library: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", properties: [:], tableProperties: [:]) == nil)
    #expect(throws: TextFormatError.self) {
      try TextSerDe(library: TextSerDe.openCSV, properties: ["separatorChar": "ab"], tableProperties: [:])
    }
    #expect(throws: TextFormatError.self) {
      try TextSerDe(library: TextSerDe.lazySimple, properties: [:], tableProperties: ["skip.header.line.count": "x"])
    }
  }

  @Test("a real file of the corpus: columns, rows, and rows without a value as its notes count them")
  func corpus() throws {
    guard let folder = Corpus.folder("methylation") else { return }
    let source = TextSource(LocalStore(), Location(folder + "/imr90_r1.csv.gz"))
    let found = try CSVInference(source)
    #expect(
      found.columns.map { "\($0.name) \($0.type)" }
        == ["chromosome varchar", "start bigint", "end bigint", "beta_value double", "coverage bigint"])
    let reader = try DelimitedReader(
      source, format: found.format, columns: found.columns, projection: [3], hasHeader: found.hasHeader, context: QueryContext())
    var (rows, missing) = (0, 0)
    while let batch = try reader.next() {
      let view = ColumnView(batch.columns[0])
      for row in 0..<batch.count where !view.isValid(row) { missing += 1 }
      rows += batch.count
      withExtendedLifetime(batch) {}
    }
    #expect(rows == 494_728 && missing == 20_762)
  }
}
