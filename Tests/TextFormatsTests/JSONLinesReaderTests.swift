import Columnar
import Storage
import Testing
import TextFormats

struct JSONLinesReaderTests {
  func rows(
    _ text: String, _ format: JSONLinesFormat, _ columns: [(String, SQLType)], ordinals: [Int]? = nil, split: Range<Int>? = nil,
    capacity: Int = 3
  ) async throws -> [[String]] {
    let table = try await TextTable(text, name: "t.json")
    let reader = try JSONLinesReader(
      table.source, format: format, columns: columns.map { Field($0.0, $0.1) }, ordinals: ordinals, split: split,
      context: QueryContext(batchCapacity: capacity))
    return try TextTable.rows(reader)
  }

  @Test("keys in any order, missing keys NULL, others ignored, escapes decoded, nesting kept")
  func basics() async throws {
    let columns: [(String, SQLType)] = [
      ("id", .bigint), ("name", .varchar), ("tags", .array(.varchar)), ("at", .row([RowField(name: "x", type: .double), RowField(name: "y", type: .integer)])),
      ("m", .map(key: .varchar, value: .integer)),
    ]
    let text = """
      {"id": 1, "name": "a\\n\\u00e4\\ud83d\\ude00", "tags": ["x", null, "long text that is not inline"], "at": {"y": 2, "x": 1.5}, "m": {"k": 1}}
      {"extra": {"deep": [1, {"a": "}"}]}, "m": {}, "tags": [], "name": "plain", "ID": 2}
      {}
      """
    let expected = [
      ["1", "a\nä😀", "[x, NULL, long text that is not inline]", "(1.5, 2)", "{k=1}"],
      ["2", "plain", "[]", "NULL", "{}"], ["NULL", "NULL", "NULL", "NULL", "NULL"],
    ]
    #expect(try await rows(text, JSONLinesFormat(.openX), columns) == expected)
    #expect(try await rows(text, JSONLinesFormat(.hive), columns) == expected)
    #expect(try await rows(text, JSONLinesFormat(.openX), [columns[2]]).map { $0[0] } == expected.map { $0[2] })
  }

  @Test("OpenX turns what does not fit into NULL and reads numbers, booleans and times from many spellings")
  func openXTypes() async throws {
    let columns: [(String, SQLType)] = [
      ("i", .integer), ("b", .boolean), ("s", .varchar), ("d", .decimal(precision: 5, scale: 1)), ("t", .timestamp(precision: 3)), ("dt", .date),
      ("a", .array(.integer)),
    ]
    let text = """
      {"i": "0x1F", "b": "TRUE", "s": {"k": [1,  2]}, "d": "1.25", "t": 1600000000123, "dt": "2020-01-02 rest", "a": 5}
      {"i": 99999999999, "b": 1, "s": 1.50, "d": 99999, "t": 1600000000, "dt": 3, "a": ""}
      {"i": "x", "b": "no", "s": true, "d": "x", "t": "2020-09-13T12:26:40Z", "dt": "nodate", "a": ["1", "x"]}
      """
    #expect(
      try await rows(text, JSONLinesFormat(.openX), columns) == [
        ["31", "true", "{\"k\":[1,2]}", "13", "1600000000123000", "18263", "[5]"],
        ["NULL", "false", "1.50", "NULL", "1600000000000000", "3", "NULL"],
        ["NULL", "false", "true", "NULL", "1600000000000000", "NULL", "[1, NULL]"],
      ])
  }

  @Test("OpenX: broken lines are errors with their line, or NULLs with ignore.malformed.json; no column gets out of step")
  func malformed() async throws {
    let columns: [(String, SQLType)] = [("a", .array(.row([RowField(name: "x", type: .integer), RowField(name: "y", type: .integer)]))), ("b", .bigint)]
    let text = """
      {"a": [{"x": 1, "y": 2}], "b": 1}
      {"b": 5, "a": [{"x": 3, "y": 4}, {"x": 5
      not an object

      {"a": [{"y": 6}], "b": 2} trailing
      """
    await #expect { _ = try await rows(text, JSONLinesFormat(.openX), columns) } throws: { error in
      guard let error = error as? TextFormatError else { return false }
      return error.line == 2 && error.message.hasPrefix("Row is not a valid JSON Object")
    }
    var lenient = JSONLinesFormat(.openX)
    lenient.ignoresMalformed = true
    for capacity in [1, 2, 100] {
      #expect(
        try await rows(text, lenient, columns, capacity: capacity) == [
          ["[(1, 2)]", "1"], ["NULL", "NULL"], ["NULL", "NULL"], ["NULL", "NULL"], ["[(NULL, 6)]", "2"],
        ])
    }
  }

  @Test("Hive's SerDe refuses wrong types and double keys")
  func hiveStrict() async throws {
    for text in ["{\"i\": \"x\"}", "{\"i\": 1, \"I\": 2}", "[1]", "{\"i\": {}}"] {
      await #expect(throws: TextFormatError.self, "\(text)") { _ = try await rows(text, JSONLinesFormat(.hive), [("i", .integer)]) }
    }
    #expect(try await rows("{\"i\":1}\n\n{\"i\":2}\n", JSONLinesFormat(.hive), [("i", .integer)]) == [["1"], ["2"]])
  }

  @Test("OpenX: mapping, dots.in.keys, case.insensitive, arrays by position, last of equal keys")
  func openXProperties() async throws {
    let serde = try TextSerDe(
      library: TextSerDe.openXJSON,
      properties: ["mapping.ts": "Time-Stamp", "dots.in.keys": "true", "case.insensitive": "TRUE", "ignore.malformed.json": "true"], tableProperties: [:])
    guard case .json(let format)? = serde else {
      Issue.record("not a JSON SerDe")
      return
    }
    let columns: [(String, SQLType)] = [("ts", .bigint), ("a_b", .varchar)]
    #expect(
      try await rows("{\"time-stamp\": 1, \"A.B\": \"x\", \"a.b\": \"y\"}\n[7, \"z\"]\n", format, columns)
        == [["1", "y"], ["7", "z"]])
    #expect(try await rows("[7, \"z\"]", format, [columns[1]], ordinals: [1]) == [["z"]])
  }

  @Test("timestamp.formats are tried first")
  func patterns() async throws {
    var format = JSONLinesFormat(.hive)
    format.timestampPatterns = ["dd/MM/yyyy HH:mm", "yyyyMMddHHmmssSSS", "yyyy-MM-dd'T'HH:mm:ss.SSSX"]
    let text = ["13/09/2020 12:26", "2020-09-13T14:26:40.5+02:00"].map { "{\"t\": \"\($0)\"}\n" }.joined()
    #expect(
      try await rows(text, format, [("t", .timestamp(precision: 6))]) == [["1599999960000000"], ["1600000000500000"]])
  }

  @Test("read_json takes lines, spread-out objects and arrays, and finds the columns")
  func inference() async throws {
    let long = String(repeating: "z", count: 700_000)
    let inner = """
      {"id": 1, "v": 1, "when": "2020-01-01", "list": [1, 2.5], "o": {"a": null, "b": true}, "mix": 1},
      {
        "id": 2, "v": 2.5, "when": "2020-01-01 10:00:00", "list": [], "o": {"c": "\(long)"}, "mix": "one"
      },
      {"id": 3, "new": "n"}
      """
    for text in ["[\(inner)]", inner.replacing("},\n{", with: "}\n{").replacing("},\n  {", with: "}\n{")] {
      let table = try await TextTable(text, name: "t.json")
      let columns = try JSONInference([table.source]).columns
      #expect(
        columns.map { "\($0.name) \($0.type)" } == [
          "id bigint", "v double", "when timestamp(6)", "list array(double)", "o row(a varchar, b boolean, c varchar)", "mix json", "new varchar",
        ])
      let reader = try JSONLinesReader(table.source, format: JSONLinesFormat(.plain), columns: columns, context: QueryContext(batchCapacity: 2))
      let rows = try TextTable.rows(reader)
      #expect(rows.map { $0[0] } == ["1", "2", "3"])
      #expect(rows[1][4] == "(NULL, NULL, \(long))")
      #expect(rows.map { $0[5] } == ["1", "\"one\"", "NULL"])
      #expect(rows.map { $0[6] } == ["NULL", "NULL", "n"])
    }
  }

  @Test("splits give every line once")
  func splits() async throws {
    let text = (0..<20).map { "{\"n\": \($0)}" }.joined(separator: "\n")
    let all = (0..<20).map { ["\($0)"] }
    for cut in 0...text.utf8.count {
      let left = try await rows(text, JSONLinesFormat(.openX), [("n", .integer)], split: 0..<cut)
      let right = try await rows(text, JSONLinesFormat(.openX), [("n", .integer)], split: cut..<text.utf8.count)
      #expect(left + right == all, "cut at \(cut)")
    }
  }

  @Test("random bytes and deep nesting never trap", arguments: 0..<20)
  func fuzz(seed: Int) async throws {
    var generator = SplitMix(state: UInt64(seed))
    let parts = ["{", "}", "[", "]", ":", ",", "\"a\"", "\"b\"", "1", "-", "1e999", "\\", "\"", "null", "true", "\n", "x", "\u{1}", "\"\\u12\""]
    let text = (0..<600).map { _ in parts[Int(generator.next() % UInt64(parts.count))] }.joined()
    let columns: [(String, SQLType)] = [
      ("a", .array(.row([RowField(name: "a", type: .varchar), RowField(name: "b", type: .map(key: .varchar, value: .bigint))]))), ("b", .double),
    ]
    var lenient = JSONLinesFormat(.openX)
    lenient.ignoresMalformed = true
    _ = try? await rows(text, lenient, columns)
    _ = try? await rows(text, JSONLinesFormat(.plain), columns)
    _ = try? await rows(text, JSONLinesFormat(.hive), columns)
    let deep = String(repeating: "[", count: 100_000)
    await #expect(throws: TextFormatError.self) { _ = try await rows("{\"z\": \(deep)", JSONLinesFormat(.openX), columns) }
    await #expect(throws: TextFormatError.self) { _ = try await rows("{\"z\": \(deep)", JSONLinesFormat(.plain), columns) }
  }
}
