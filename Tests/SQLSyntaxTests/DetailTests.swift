import SQLSyntax
import Testing

/// What the trees hold, where a wrong reading would still parse and print.
@Suite struct DetailTests {
  private func createTable(_ sql: String) throws -> CreateTableStatement {
    guard case .createTable(let create) = try Parser.parseStatement(sql).kind else { throw Mismatch() }
    return create
  }

  private struct Mismatch: Error {}

  @Test("text in property lists and delimiters follows Hive's rules")
  func hiveText() throws {
    let create = try createTable(
      #"""
      CREATE EXTERNAL TABLE t (a string) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\012'
      LOCATION 's3://b/it''s\' TBLPROPERTIES ("skip.header.line.count"="1", 'q'="\"", 'u'='\u00e9', 'p'='\%')
      """#)
    guard case .delimited(let format)? = create.rowFormat else { throw Mismatch() }
    #expect(format.fields?.value == "\t")
    #expect(format.escape?.value == "\\")
    #expect(format.lines?.value == "\n")
    #expect(create.location?.value == #"s3://b/it's\"#)
    #expect(create.tableProperties.map(\.key.value) == ["skip.header.line.count", "q", "u", "p"])
    #expect(create.tableProperties.map(\.value.value) == ["1", "\"", "é", #"\%"#])
  }

  @Test("elsewhere a double-quoted word is a name and a backslash is only a backslash")
  func trinoText() throws {
    #expect(try Parser.parseExpression(#"'a\'"#).kind == .string(#"a\"#))
    #expect(try Parser.parseExpression(#""a\""#).kind == .name(QualifiedName([Identifier(#"a\"#, isQuoted: true)])))
  }

  @Test("partition terms take their number on either side")
  func partitionTerms() throws {
    let create = try createTable(
      "CREATE TABLE t (a int) PARTITIONED BY (bucket(16, a), truncate(b.c, 4), day(d), e) LOCATION 'x' COMMENT 'y'")
    let terms = create.partitionedBy.compactMap { if case .term(let term) = $0 { term } else { nil } }
    #expect(terms.map { $0.transform?.folded } == ["bucket", "truncate", "day", nil])
    #expect(terms.map { $0.argument?.int64Value } == [16, 4, nil, nil])
    #expect(terms.map(\.column.folded) == ["a", "b.c", "d", "e"])
    #expect(create.clauseRanges.map(\.name) == ["PARTITIONED BY", "LOCATION", "COMMENT"])
  }

  @Test("a clause written twice is refused with its range")
  func duplicateClause() throws {
    let sql = "CREATE TABLE t (a int) LOCATION 'x' LOCATION 'y'"
    do throws(SQLError) {
      _ = try Parser.parseStatement(sql)
      Issue.record("accepted")
    } catch {
      #expect(error.message == "Duplicate clause: LOCATION")
      #expect(SourceText(sql).excerpt(try #require(error.range)) == "LOCATION 'y'")
    }
  }

  @Test("MERGE keeps its clauses in text order")
  func merge() throws {
    let sql = """
      MERGE INTO t USING s ON t.id = s.id WHEN MATCHED AND s.d THEN DELETE WHEN MATCHED THEN UPDATE SET *
      WHEN NOT MATCHED BY TARGET THEN INSERT (id) VALUES (s.id) WHEN NOT MATCHED BY SOURCE THEN UPDATE SET a = 1
      """
    guard case .merge(let merge) = try Parser.parseStatement(sql).kind else { throw Mismatch() }
    #expect(merge.clauses.map(\.match) == [.matched, .matched, .notMatched, .notMatchedBySource])
    #expect(merge.clauses.map { $0.condition != nil } == [true, false, false, false])
    #expect(merge.clauses[1].action == .updateAll)
  }

  @Test("parameters are counted from left to right, also where the parser turns arguments around")
  func parameters() throws {
    let expression = try Parser.parseExpression("position(? IN ?)")
    guard case .function(let call) = expression.kind else { throw Mismatch() }
    #expect(call.arguments.map(\.value.kind) == [.parameter(.positional(1)), .parameter(.positional(0))])
    #expect(SQLPrinter.print(expression) == "POSITION(? IN ?)")
  }

  @Test("(r).* is a row's fields and r.* a relation's columns")
  func starTargets() throws {
    #expect(SQLPrinter.print(try Parser.parseQuery("select (r).*, r.* from t")) == "SELECT (r).*, r.* FROM t")
  }

  @Test("the query of a view can be cut out of the script by its range")
  func viewText() throws {
    let sql = "CREATE VIEW v AS  SELECT a -- why\n FROM t ;"
    guard case .createView(let view) = try Parser.parseStatement(sql).kind else { throw Mismatch() }
    #expect(SourceText(sql).excerpt(view.query.range) == "SELECT a -- why\n FROM t")
  }

  // MARK: Scripts

  @Test("a script is cut at semicolons outside of text, names and comments")
  func splitting() throws {
    let script = "SELECT ';' ; -- a ; b\n/* ; */ SELECT \";\";;\n SELECT 3"
    let source = SourceText(script)
    let pieces = ScriptSplitter.split(script)
    #expect(pieces.map { source.excerpt($0.range) } == ["SELECT ';'", "SELECT \";\"", "SELECT 3"])
    #expect(pieces.map(\.isTerminated) == [true, true, false])
    #expect(try Parser.parseScript(script).map(\.range) == pieces.map(\.range))
  }

  @Test("a prompt knows when a statement is complete", arguments: [
    ("", true), ("SELECT 1", false), ("SELECT 1;", true), ("SELECT ';", false), ("SELECT 1; /* x", false), ("SELECT 1; -- x", true), ("SELECT 1; SELECT", false),
    ("-- only a comment", true), (#"ALTER TABLE t SET TBLPROPERTIES ('a' = '\';"#, false), (#"ALTER TABLE t SET TBLPROPERTIES ('a' = '\'');"#, true),
  ])
  func completeness(text: String, isComplete: Bool) {
    #expect(ScriptSplitter.isComplete(text) == isComplete)
  }

  // MARK: Places and suggestions

  @Test("columns count characters, and lines may end with CRLF")
  func locations() {
    let source = SourceText("é😀 x\r\n\ty")
    #expect(source.location(of: 7) == SourceLocation(line: 1, column: 4))
    #expect(source.line(1) == "é😀 x")
    #expect(source.location(of: 11) == SourceLocation(line: 2, column: 2))
    #expect(source.location(of: 1_000).line == 2)
  }

  @Test("an error shows its notes, hint and a long line cut around the caret")
  func rendering() {
    let text = String(repeating: "a", count: 300) + " b " + String(repeating: "c", count: 300)
    let error = SQLError(
      .columnNotFound, "Column 'b' cannot be resolved", range: SourceRange(301, 302),
      notes: [.init("the table has no columns")], hint: "did you mean 'a'?")
    let lines = error.rendered(in: SourceText(text)).split(separator: "\n")
    #expect(lines.count == 6)
    #expect(lines[0] == "COLUMN_NOT_FOUND: Column 'b' cannot be resolved")
    #expect(lines[1] == "  line 1, column 302")
    let column = Array(lines[3]).firstIndex(of: "^")!
    #expect(Array(lines[2])[column] == "b")
    #expect(lines[2].count < 140)
    #expect(lines[4] == "  note: the table has no columns")
    #expect(lines[5] == "  hint: did you mean 'a'?")
    #expect(error.summary(in: SourceText(text)) == "COLUMN_NOT_FOUND: line 1:302: Column 'b' cannot be resolved")
  }

  @Test("suggestions are close words only", arguments: [
    ("regoin", "region"), ("REGION", "region"), ("amuont", "amount"), ("xyz", nil), ("", nil), ("rgn", nil),
  ])
  func suggestions(word: String, expected: String?) {
    #expect(Suggestion.closest(to: word, among: ["region", "amount", "day"]) == expected)
  }
}
