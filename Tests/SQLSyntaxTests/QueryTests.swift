import SQLSyntax
import Testing

@Suite struct QueryTests {
  @Test("every clause of a query is accepted", arguments: [
    "SELECT ALL a, b AS c, t.*, (r).* AS (x, y), t.r.*, * FROM t",
    "SELECT DISTINCT a FROM t WHERE a = 1 GROUP BY a HAVING count(*) > 1 ORDER BY 1 DESC NULLS FIRST OFFSET 2 ROWS LIMIT 5",
    "SELECT a FROM t ORDER BY a FETCH FIRST 3 ROWS WITH TIES",
    "SELECT a FROM t FETCH NEXT ROW ONLY",
    "SELECT a FROM t LIMIT ALL",
    "SELECT a limit FROM t limit LIMIT 1",
    "SELECT a FROM t OFFSET ? LIMIT :n",
    "SELECT 1 EXCEPT ALL SELECT 2 INTERSECT SELECT 3",
    "((SELECT 1) UNION (SELECT 2)) INTERSECT SELECT 3",
    "SELECT * FROM ((SELECT 1) UNION (SELECT 2)) AS t",
    "SELECT * FROM ((SELECT 1 AS a) AS x JOIN y ON x.a = y.a)",
    "SELECT ((SELECT 1) + 2), ((SELECT 1) UNION SELECT 1)",
    "SELECT x IN ((SELECT 1) UNION (SELECT 2)), x IN ((1), 2) FROM t",
    "SELECT * FROM a, b CROSS JOIN c LEFT OUTER JOIN d USING (k, l) FULL JOIN e ON true NATURAL JOIN f",
    "SELECT * FROM a JOIN b JOIN c ON b.x = c.x ON a.x = b.x",
    "SELECT * FROM t CROSS JOIN UNNEST(a, b) WITH ORDINALITY AS u (x, y, n)",
    "SELECT * FROM t LEFT JOIN UNNEST(a) AS u(x) ON TRUE, LATERAL (SELECT t.a) l",
    "SELECT * FROM t TABLESAMPLE BERNOULLI (10), u x TABLESAMPLE SYSTEM (p + 1)",
    "SELECT * FROM t FOR TIMESTAMP AS OF (current_timestamp - interval '1' day) AS a",
    "SELECT * FROM t FOR VERSION AS OF 123 a, u VERSION AS OF 'branch', v TIMESTAMP AS OF '2024-01-01T00:00:00'",
    "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-01 00:00:00 UTC'",
    "SELECT * FROM db.t.snapshots, \"db\".\"t$files\", db.t.`branch_x`, cat.database.table",
    "SELECT * FROM TABLE(sequence(1, 10)), TABLE(f(input => TABLE(t), d => DESCRIPTOR(a, b)))",
    "SELECT * FROM read_csv('*.csv', header => true, delimiter => '\t') AS c, iceberg_table('s3://x')",
    "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(a, b)",
    "SELECT * FROM t PIVOT (max(v) AS m, count(*) FOR s IN ('a', 'b' AS x)) AS p",
    "SELECT * FROM t PIVOT (max(v) FOR s IN (ANY ORDER BY s))",
    "SELECT * FROM t PIVOT (max(v) FOR (a, b) IN ((1, 2), (3, 4) AS z) GROUP BY k)",
    "SELECT * FROM t PIVOT (max(v) FOR s IN (SELECT s FROM u))",
    "SELECT * FROM t UNPIVOT INCLUDE NULLS (v FOR n IN (a AS 'x', b, c d))",
    "SELECT * FROM t UNPIVOT ((v, w) FOR n IN ((a, b) AS 'x', (c, d)))",
    "SELECT pivot, unpivot, version, timestamp, date FROM t pivot, u version",
    "SELECT a FROM t GROUP BY DISTINCT a, (b, c), (), ROLLUP (a, (b, c)), CUBE (a), GROUPING SETS ((a), (), b, ROLLUP (c))",
    "SELECT 1 FROM t GROUP BY (a + b) * 2, (a), grouping(a)",
    "SELECT sum(x) OVER w, rank() OVER (w ORDER BY b), lag(x, 1) IGNORE NULLS OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t WINDOW w AS (PARTITION BY c), v AS (w RANGE UNBOUNDED PRECEDING)",
    "SELECT row_number() OVER () AS rn FROM t QUALIFY rn = 1",
    "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY a MEASURES x AS (y) PATTERN (A B+) DEFINE B AS b > 1) AS m",
    "SELECT * FROM JSON_TABLE(j, '$' COLUMNS (a int))",
    "SELECT * FROM t, JSON_TABLE(j FORMAT JSON, '$' AS p PASSING 1 AS x, k FORMAT JSON AS y COLUMNS (n FOR ORDINALITY, a int PATH '$.a' DEFAULT 1 ON EMPTY ERROR ON ERROR, b varchar FORMAT JSON WITH WRAPPER OMIT QUOTES ON SCALAR STRING EMPTY ARRAY ON EMPTY, NESTED '$.c' AS q COLUMNS (nested int)) PLAN (p OUTER (q UNION (r CROSS s))) ERROR ON ERROR) AS v",
    "SELECT nested, path, plan, scalar, string FROM JSON_TABLE(j, '$' COLUMNS (path int) PLAN DEFAULT (CROSS, INNER) EMPTY ON ERROR)",
    "TABLE t ORDER BY 1",
    "SELECT default.t.a, current, \"select\", `from` FROM default.t",
  ])
  func accepted(sql: String) throws {
    let query = try Parser.parseQuery(sql)
    #expect(try Parser.parseQuery(SQLPrinter.print(query)) == query)
  }

  @Test("an alias of a table is not taken from the words that begin the next clause")
  func aliases() throws {
    let query = try Parser.parseQuery("SELECT * FROM t limit 5")
    guard case .select(let select) = query.body.kind, case .table = select.from[0].kind, case .rows = query.limit else {
      Issue.record("\(query)")
      return
    }
  }

  @Test("UNION ALL of many branches is one node")
  func flatUnion() throws {
    let query = try Parser.parseQuery((1...3000).map { "SELECT \($0)" }.joined(separator: " UNION ALL "))
    guard case .setOperation(let operation) = query.body.kind else {
      Issue.record("not a set operation")
      return
    }
    #expect(operation.operands.count == 3000)
  }

  @Test("INTERSECT binds tighter than UNION, and UNION goes from left to right")
  func setPrecedence() throws {
    let plain = try Parser.parseQuery("SELECT 1 UNION SELECT 2 INTERSECT SELECT 3 EXCEPT SELECT 4")
    guard case .setOperation(let except) = plain.body.kind, except.kind == .except,
      case .setOperation(let union) = except.operands[0].kind, union.kind == .union,
      case .setOperation(let intersect) = union.operands[1].kind, intersect.kind == .intersect
    else {
      Issue.record("\(plain.body)")
      return
    }
  }
}
