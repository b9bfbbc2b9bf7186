import SQLSyntax
import Testing

@Suite struct ExpressionTests {
  @Test("operators bind as in the dialect's table", arguments: [
    ("a || b + c", "a || (b + c)"),
    ("a + b || c", "(a + b) || c"),
    ("a + b * c - d", "(a + (b * c)) - d"),
    ("a - b - c", "(a - b) - c"),
    ("-a * b", "(-a) * b"),
    ("-x AT TIME ZONE 'UTC'", "-(x AT TIME ZONE 'UTC')"),
    ("NOT a = b AND c", "(NOT (a = b)) AND c"),
    ("a OR b AND c OR d", "a OR (b AND c) OR d"),
    ("NOT NOT a", "NOT (NOT a)"),
    ("a BETWEEN b + 1 AND c AND d", "(a BETWEEN (b + 1) AND c) AND d"),
    ("a + 1 IN (1) OR b", "((a + 1) IN (1)) OR b"),
    ("a || b LIKE c || d ESCAPE '!'", "(a || b) LIKE (c || d) ESCAPE '!'"),
    ("a.b[1].c || d", "(((a.b)[1]).c) || d"),
    ("a IS NOT DISTINCT FROM b + 1", "a IS NOT DISTINCT FROM (b + 1)"),
    ("x -> x + 1 > 2 OR x = 0", "x -> (((x + 1) > 2) OR (x = 0))"),
    ("a -1", "a - 1"),
    ("a - -1", "a - (-1)"),
    ("2 * -3", "2 * (-3)"),
  ])
  func precedence(sql: String, explicit: String) throws {
    let expression = try Parser.parseExpression(sql)
    #expect(try expression == Parser.parseExpression(explicit))
    #expect(try expression == Parser.parseExpression(SQLPrinter.print(expression)))
  }

  @Test("a minus directly before digits belongs to the number")
  func negativeNumbers() throws {
    guard case .number(let number) = try Parser.parseExpression("- 9223372036854775808").kind else {
      Issue.record("not a number")
      return
    }
    #expect(number.int64Value == .min)
    guard case .unary(.minus, let inner) = try Parser.parseExpression("- -9").kind, case .number(let nine) = inner.kind else {
      Issue.record("not a negation")
      return
    }
    #expect(nine.text == "-9")
    #expect(throws: SQLError.self) { try Parser.parseExpression("9223372036854775808") }
  }

  @Test("numbers keep their text and form", arguments: [
    ("123", "123", NumberLiteral.Form.integer), ("1_000", "1000", .integer), ("0xFF", "0xFF", .integer), ("1.5", "1.5", .decimal),
    (".5", ".5", .decimal), ("5.", "5.", .decimal), ("1e0", "1e0", .double), ("1.5E-3", "1.5E-3", .double),
  ])
  func numbers(sql: String, text: String, form: NumberLiteral.Form) throws {
    #expect(try Parser.parseExpression(sql).kind == .number(NumberLiteral(text: text, form: form)))
  }

  @Test("text literals", arguments: [
    ("'it''s'", "it's"), ("''", ""), ("'a\\n'", "a\\n"), ("U&'\\0041\\+01F600\\\\'", "A😀\\"), ("U&'#0041' UESCAPE '#'", "A"),
    ("'two\nlines'", "two\nlines"),
  ])
  func strings(sql: String, value: String) throws {
    #expect(try Parser.parseExpression(sql).kind == .string(value))
  }

  @Test("special forms arrive as plain calls", arguments: [
    ("position('a' IN b)", "strpos(b, 'a')"), ("substring(s FROM 2 FOR 3)", "substring(s, 2, 3)"), ("trim(LEADING 'x' FROM s)", "ltrim(s, 'x')"),
    ("trim(BOTH FROM s)", "trim(s)"), ("trim(s, 'x')", "trim(s, 'x')"), ("normalize(s, nfc)", "normalize(s, 'NFC')"),
    ("x <> ANY (SELECT 1)", "x <> SOME (SELECT 1)"), ("a != b", "a <> b"), ("current_timestamp()", "CURRENT_TIMESTAMP"),
  ])
  func specialForms(sql: String, plain: String) throws {
    #expect(try Parser.parseExpression(sql) == Parser.parseExpression(plain))
  }

  @Test("every kind of expression is accepted", arguments: [
    "X'65 68'", "DATE '2020-01-31'", "TIMESTAMP '2020-01-31 10:00 UTC'", "DOUBLE PRECISION '1'", "JSON '{}'", "interval -'1-3' YEAR TO MONTH",
    "CASE WHEN a THEN 1 ELSE 2 END", "CASE x WHEN 1 THEN 'a' END", "CAST(x AS row(a bigint, varchar(3)))", "TRY_CAST(a AS timestamp(3) with time zone)",
    "CAST(x AS array<struct<a:int,b:array<int>>>)", "CAST(x AS integer array)", "CAST(x AS map(varchar, double precision))", "CAST(x AS interval day to second)",
    "EXISTS (SELECT 1)", "extract(day FROM x)", "ARRAY[1, 2][1]", "ARRAY[]", "ROW(1, 'a' AS b).b", "(1, 2) = (SELECT 1, 2)", "f()", "a.b.f(x, y => 1)",
    "count(DISTINCT a) FILTER (WHERE b > 1)", "array_agg(x ORDER BY y DESC)", "listagg(x, ',' ON OVERFLOW TRUNCATE '..' WITH COUNT) WITHIN GROUP (ORDER BY y)",
    "reduce(a, 0, (s, x) -> s + x, s -> s)", "f(() -> 1)", "grouping(a, b)", "if(a, b, c)", "coalesce(a, b)", "current_timestamp(6)", "localtime", "current_user",
    "json_exists(j, 'lax $.a' PASSING x AS \"y\" TRUE ON ERROR)", "json_value(j, '$' RETURNING bigint DEFAULT 1 ON EMPTY ERROR ON ERROR)",
    "json_query(j, '$' WITH CONDITIONAL ARRAY WRAPPER KEEP QUOTES EMPTY ARRAY ON EMPTY NULL ON ERROR)", "json_object('a' : 1, KEY 'b' VALUE 2, key VALUE 3 ABSENT ON NULL)",
    "json_array(1, 2 NULL ON NULL)", "?", ":name", "x IN (1, 2) AND y NOT IN (SELECT 1)", "a NOT BETWEEN 1 AND 2", "a NOT LIKE 'b' ESCAPE '\\'",
    "date", "year", "timestamp + interval '1' day", "\"a\"\"b\"", "`x y`", "all", "key", "first_value(x) over (order by y)", "map(array[1], array['a'])",
    "last_value(x) RESPECT NULLS OVER w", "filter(a, x -> x > 1)", "a.\"b\".select", "position", "array", "interval",
  ])
  func accepted(sql: String) throws {
    let expression = try Parser.parseExpression(sql)
    #expect(try Parser.parseExpression(SQLPrinter.print(expression)) == expression)
  }

  @Test("ranges cover what was written")
  func ranges() throws {
    let text = "  (a + 1) * sum(b) "
    let expression = try Parser.parseExpression(text)
    let source = SourceText(text)
    #expect(source.excerpt(expression.range) == "(a + 1) * sum(b)")
    guard case .binary(_, let left, let right, let place) = expression.kind else {
      Issue.record("\(expression)")
      return
    }
    #expect(source.excerpt(left.range) == "a + 1")
    #expect(source.excerpt(right.range) == "sum(b)")
    #expect(source.excerpt(place.wrappedValue) == "*")
  }

  @Test("types of both vocabularies", arguments: [
    ("array<int>", "array(int)"), ("map<string,map<int,int>>", "map(string, map(int, int))"), ("struct<a:int,b string>", "row(a int, b string)"),
    ("double precision", "double"), ("timestamp without time zone", "timestamp"), ("list<bigint>", "array(bigint)"), ("bigint array", "array(bigint)"),
  ])
  func types(sql: String, same: String) throws {
    #expect(try Parser.parseType(sql) == Parser.parseType(same))
  }
}
