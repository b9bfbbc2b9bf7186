import Frazil
import Testing

/// What the formats write, to the byte.
@Suite struct OutputTests {
  private static let sql = """
    SELECT * FROM (VALUES
      (1, CAST('a"b' AS varchar), 1e10, CAST(DECIMAL '1.50' AS decimal(5,2)), ARRAY['x', NULL], MAP(ARRAY['k'], ARRAY[2]), TIMESTAMP '2024-01-02 03:04:05.000', true, X'0aff'),
      (-20, CAST('' AS varchar), nan(), NULL, ARRAY[], MAP(), NULL, NULL, NULL),
      (NULL, NULL, 0.1, DECIMAL '-7.00', NULL, NULL, TIMESTAMP '2024-01-02 03:04:05.678', false, X'')
    ) AS t (i, s, d, m, a, p, ts, b, x)
    """

  private func written(_ sql: String, _ format: OutputFormat, width: Int? = nil) async throws -> String {
    let session = try TestEngine { $0.workers = 1 }.engine.makeSession()
    let result = try await session.run(sql)
    var writer = ResultWriter(format: format, columns: result.columns, terminalWidth: width)
    var bytes = writer.begin()
    for try await batch in result.rows { bytes += writer.write(batch) }
    return String(decoding: bytes + writer.end(), as: UTF8.self)
  }

  @Test("csv is Athena's: every value in quotes, NULL nothing, empty text two quotes, Athena's text of values")
  func csv() async throws {
    #expect(
      try await written(Self.sql, .csv) == """
        "i","s","d","m","a","p","ts","b","x"
        "1","a""b","1.0E10","1.50","[x, null]","{k=2}","2024-01-02 03:04:05.000","true","0a ff"
        "-20","","NaN",,"[]","{}",,,
        ,,"0.1","-7.00",,,"2024-01-02 03:04:05.678","false",""

        """)
    #expect(try await written("SELECT CAST(NULL AS varchar) AS \"a \"\"b\"", .csv) == "\"a \"\"b\"\n\n")
    #expect(try await written("SELECT 'two' || chr(10) || 'lines, and a comma' AS a", .csv) == "\"a\"\n\"two\nlines, and a comma\"\n")
    #expect(try await written("SELECT 1 AS a WHERE false", .csv) == "\"a\"\n")
  }

  @Test("json and jsonl keep numbers, NULL and nesting")
  func json() async throws {
    let lines = [
      #"{"i":1,"s":"a\"b","d":1.0E10,"m":1.50,"a":["x",null],"p":{"k":2},"ts":"2024-01-02 03:04:05.000","b":true,"x":"0a ff"}"#,
      #"{"i":-20,"s":"","d":"NaN","m":null,"a":[],"p":{},"ts":null,"b":null,"x":null}"#,
      #"{"i":null,"s":null,"d":0.1,"m":-7.00,"a":null,"p":null,"ts":"2024-01-02 03:04:05.678","b":false,"x":""}"#,
    ]
    #expect(try await written(Self.sql, .jsonl) == lines.joined(separator: "\n") + "\n")
    #expect(try await written(Self.sql, .json) == "[\n" + lines.joined(separator: ",\n") + "\n]\n")
    #expect(try await written("SELECT 1 AS a WHERE false", .json) == "[]\n")
    #expect(try await written("SELECT 1 AS a WHERE false", .jsonl) == "")
    #expect(
      try await written("SELECT 1 AS a, 2 AS a, ROW(1, 'x') AS r, CAST(ROW(3) AS ROW(n integer)) AS q, chr(1) || chr(10) AS c", .jsonl)
        == #"{"a":1,"a_2":2,"r":{"field0":1,"field1":"x"},"q":{"n":3},"c":"\u0001\n"}"# + "\n")
  }

  @Test("markdown is a table of GitHub's kind")
  func markdown() async throws {
    #expect(
      try await written("SELECT 1 AS n, 'a|b' || chr(10) || 'c' AS s UNION ALL SELECT NULL, 'é' ORDER BY 1", .markdown) == """
        | n | s |
        | ---: | --- |
        | 1 | a\\|b<br>c |
        | NULL | é |

        """)
  }

  @Test("a table has aligned columns, numbers to the right, wide characters counted as two")
  func table() async throws {
    #expect(
      try await written("SELECT * FROM (VALUES (1, '日本', 'x'), (200, 'ab', NULL)) t (n, s, \"long name\") ORDER BY 1", .table) == """
        ┌─────┬──────┬───────────┐
        │ n   │ s    │ long name │
        ├─────┼──────┼───────────┤
        │   1 │ 日本 │ x         │
        │ 200 │ ab   │ NULL      │
        └─────┴──────┴───────────┘
        (2 rows)

        """)
    #expect(try await written("SELECT 1 AS a WHERE false", .table).hasSuffix("(0 rows)\n"))
    #expect(try await written("SELECT 'a' || chr(9) || 'b' || chr(27) AS s", .table).contains("│ a\\tb\u{FFFD} │"))
  }

  @Test("on a terminal no line is wider than it: wide columns are cut, then columns in the middle left out")
  func widths() async throws {
    let wide = try await written("SELECT 1 AS id, '\(String(repeating: "long ", count: 40))' AS text, 2 AS last", .table, width: 40)
    for line in wide.split(separator: "\n") { #expect(line.count <= 40) }
    #expect(wide.contains("…") && wide.contains("last"))
    let names = (0..<60).map { "\($0) AS column_\($0)" }.joined(separator: ", ")
    let many = try await written("SELECT \(names)", .table, width: 80)
    for line in many.split(separator: "\n") { #expect(line.count <= 80) }
    #expect(many.contains("colum") && many.contains(" … ") && many.contains("of 60 columns shown"))
    #expect(many.contains(" 0 │") && many.contains(" 59 │"))
    // Into a file everything is written.
    #expect(try await written("SELECT \(names)", .table).contains("column_30"))
  }

  @Test("a plan and a CREATE statement are lines without a frame, which no terminal cuts")
  func laidOut() async throws {
    let plan = try await written("EXPLAIN SELECT x FROM (VALUES 1, 2) t (x) WHERE x > 1", .table, width: 10)
    #expect(plan.contains("Filter") && !plan.contains("│") && !plan.contains("…"))
    #expect(try await written("EXPLAIN (FORMAT JSON) SELECT 1 AS a", .csv).hasPrefix("\"Query Plan\"\n"))
  }
}
