import Planner
import Testing

/// Plans after optimisation, where the shape of joins shows.
@Suite("Subqueries become joins")
struct SubqueryTests {
  let planning = Planning()

  @Test(
    "each form has its join",
    arguments: [
      (
        "SELECT a FROM t WHERE a IN (SELECT a FROM s)",
        """
        SemiJoin on=[a = a]
          Scan t columns=[a]
          Scan s columns=[a]
        """
      ),
      (
        "SELECT a FROM t WHERE a NOT IN (SELECT a FROM s)",
        """
        NullAwareAntiJoin on=[a = a]
          Scan t columns=[a]
          Scan s columns=[a]
        """
      ),
      (
        "SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM s WHERE s.a = t.a)",
        """
        AntiJoin on=[a = a]
          Scan t columns=[a]
          Scan s columns=[a]
        """
      ),
      (
        "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM s WHERE s.a = t.a AND s.x > t.c)",
        """
        Project [a]
          SemiJoin on=[a = a] residual=[CAST(x AS double) > c]
            Scan t columns=[a, c]
            Scan s columns=[a, x]
        """
      ),
      (
        "SELECT a, a IN (SELECT a FROM s) FROM t",
        """
        Project [a, _col1 := mark]
          NullAwareMarkJoin on=[a = a]
            Scan t columns=[a]
            Scan s columns=[a]
        """
      ),
      (
        "SELECT a FROM t WHERE c > (SELECT max(z) FROM u)",
        """
        Project [a]
          InnerJoin residual=[c > _col0]
            Scan t columns=[a, c]
            Project [_col0 := max]
              Aggregate aggregates=[max(z)]
                Scan u columns=[z]
        """
      ),
      (
        "SELECT a, (SELECT z FROM u) FROM t",
        """
        Project [a, _col1 := z]
          CrossJoin
            Scan t columns=[a]
            SingleRow
              Scan u columns=[z]
        """
      ),
      (
        "SELECT a, (SELECT x FROM s WHERE s.a = t.a) FROM t",
        """
        Project [a := a#0, _col1 := x]
          LeftSingleJoin on=[a = a]
            Scan t columns=[a]
            Project [x, a]
              Scan s columns=[a, x]
        """
      ),
      (
        "SELECT a, (SELECT count(*) FROM s WHERE s.a = t.a) FROM t",
        """
        Project [a, _col1 := CASE WHEN matched IS NULL THEN 0 ELSE _col0 END]
          LeftJoin on=[a = correlated0]
            Scan t columns=[a]
            Project [_col0 := count, correlated0, matched := true]
              Aggregate keys=[correlated0 := a] aggregates=[count(*)]
                Scan s columns=[a]
        """
      ),
      (
        "SELECT b, (SELECT max(x) FROM s WHERE s.y = t.b) FROM t GROUP BY b",
        """
        Project [b, _col1 := _col0]
          LeftJoin on=[b = correlated0]
            Distinct keys=[b]
              Scan t columns=[b]
            Project [_col0 := max, correlated0]
              Aggregate keys=[correlated0 := y] aggregates=[max(x)]
                Scan s columns=[x, y]
        """
      ),
      (
        "SELECT id, (SELECT sum(e) FROM UNNEST(list) AS q(e)) FROM nested",
        """
        Project [id, _col1 := _col0]
          LeftJoin on=[list IS NOT DISTINCT FROM list]
            Scan nested columns=[id, list]
            Project [_col0 := sum, list := list#0]
              LeftJoin on=[list IS NOT DISTINCT FROM list]
                Distinct keys=[list]
                  Scan nested columns=[list]
                Aggregate keys=[list] aggregates=[sum(CAST(element0 AS bigint))]
                  Unnest [list] columns=[element0]
                    Distinct keys=[list]
                      Scan nested columns=[list]
        """
      ),
      (
        "SELECT t.a, q.x FROM t CROSS JOIN LATERAL (SELECT x FROM s WHERE s.a = t.a ORDER BY x LIMIT 2) q",
        """
        Project [a := a#0, x]
          InnerJoin on=[a = a]
            Scan t columns=[a]
            Project [x, a]
              Filter [row_number <= 2]
                Window partition=[a] order=[x] functions=[row_number()]
                  Project [x, a]
                    Scan s columns=[a, x]
        """
      ),
    ])
  func shapes(sql: String, expected: String) throws {
    let plan = try planning.optimized(sql)
    #expect(plan == expected, "\(sql)\n\(plan)")
  }

  @Test("a subquery inside an aggregate is joined before grouping")
  func insideAggregate() throws {
    #expect(
      try planning.optimized("SELECT sum(CASE WHEN a IN (SELECT a FROM s) THEN 1 ELSE 0 END) FROM t") == """
        Project [_col0 := sum]
          Aggregate aggregates=[sum(CAST(CASE WHEN mark THEN 1 ELSE 0 END AS bigint))]
            NullAwareMarkJoin on=[a = a]
              Scan t columns=[a]
              Scan s columns=[a]
        """)
  }

  @Test("no outer column is left in any of these plans")
  func decorrelated() throws {
    for sql in [
      "SELECT a, (SELECT count(*) FROM s WHERE s.a < t.a) FROM t",
      "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM s WHERE s.a = t.a AND EXISTS (SELECT 1 FROM u WHERE u.a = s.a AND u.z = t.c))",
      "SELECT a FROM t WHERE a > ALL (SELECT a FROM s WHERE s.y = t.b)",
      "SELECT a FROM t WHERE a NOT IN (SELECT a FROM s WHERE s.y = t.b)",
      "SELECT a FROM t WHERE (a, b) IN (SELECT a, y FROM s)",
      "SELECT a, (SELECT max(q) FROM (SELECT s.x + t.a AS q FROM s UNION ALL SELECT u.a FROM u WHERE u.z > t.c) w) FROM t",
      "SELECT a, (SELECT sum(n) FROM (SELECT y, count(*) AS n FROM s WHERE s.a = t.a GROUP BY y) w) FROM t",
      "SELECT t.a, q.n FROM t LEFT JOIN LATERAL (SELECT count(*) AS n FROM s WHERE s.a > t.a) q ON true",
      "SELECT t.a, q.x FROM t LEFT JOIN LATERAL (SELECT x FROM s WHERE s.a = t.a) q ON q.x > t.c",
      "SELECT a FROM t WHERE a = (SELECT max(a) FROM s WHERE s.y = t.b AND s.x = (SELECT min(u.a) FROM u WHERE u.z = t.c))",
      "SELECT b, count(*) FROM t GROUP BY b HAVING max(a) > (SELECT min(x) FROM s WHERE s.y = t.b)",
      "SELECT (SELECT t.a) FROM t", "SELECT (SELECT s.a FROM (VALUES (t.a), (2)) AS s(a) ORDER BY 1 LIMIT 1) FROM t",
      "SELECT a FROM t ORDER BY (SELECT max(x) FROM s WHERE s.a = t.a)",
      "SELECT a, (SELECT max(r) FROM (SELECT rank() OVER (ORDER BY x) AS r FROM s WHERE s.a <> t.a) w) FROM t",
      "SELECT a, (SELECT 1 FROM s LEFT JOIN u ON s.a = u.a AND u.z = t.c WHERE s.a = t.a) FROM t",
      "SELECT a, (SELECT 1 FROM s FULL JOIN u ON s.a = u.a AND u.z = t.c LIMIT 1) FROM t",
    ] {
      let plan = try planning.bind(sql).plan
      #expect(!plan.hasAnyOuterColumns, "\(sql)\n\(plan.explanation)")
      _ = Optimizer().optimize(plan).explanation
    }
  }
}
