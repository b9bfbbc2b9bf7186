import Columnar
import Planner
import SQLSyntax
import Testing

@Suite("Optimiser rules")
struct OptimizerTests {
  let planning = Planning()

  @Test("conditions reach the scans as predicates with scalars of the column's type; the filter stays")
  func scanPredicates() throws {
    #expect(
      try planning.optimized(
        "SELECT a FROM t WHERE a = 5 AND d >= DATE '2020-01-01' AND b IN ('x', 'y') AND CAST(a AS bigint) < 100 AND c IS NOT NULL"
      ) == """
        Project [a]
          Filter [(a = 5) AND (d >= date '2020-01-01') AND (b IN ('x', 'y')) AND (a < 100) AND (c IS NOT NULL)]
            Scan t columns=[a, b, c, d] predicates=[a = 5, d >= date '2020-01-01', b IN ('x', 'y'), a < 100, c IS NOT NULL]
        """)
  }

  @Test("conditions go through projections, unions, group keys and partition keys, and no further")
  func pushdown() throws {
    #expect(
      try planning.optimized(
        "SELECT k, n FROM (SELECT a AS k, count(*) AS n FROM t GROUP BY a) q WHERE k = 1 AND n > 2",
        only: [.predicatePushdown, .constantFolding]) == """
        Project [k, n]
          Project [k := a, n := count]
            Filter [count > 2]
              Aggregate keys=[a] aggregates=[count(*)]
                Filter [a = 1]
                  Scan t columns=[a, b, c, d, $path]
        """)
    #expect(
      try planning.optimized(
        "SELECT * FROM (SELECT b, row_number() OVER (PARTITION BY b ORDER BY a) AS r FROM t) q WHERE b = 'x' AND r = 1",
        only: [.predicatePushdown, .constantFolding, .projectionPruning]) == """
        Project [b, r := row_number]
          Filter [row_number = 1]
            Window partition=[b] order=[a] functions=[row_number()]
              Filter [b = 'x']
                Scan t columns=[a, b]
        """)
  }

  @Test("a condition that refuses NULLs makes an outer join inner")
  func outerToInner() throws {
    let sql = "SELECT t.b FROM t LEFT JOIN s ON t.a = s.a WHERE s.x > 3"
    #expect(try planning.optimized(sql).contains("InnerJoin on=[a = a]"))
    #expect(
      try planning.optimized(sql, only: [.predicatePushdown, .joinKeys, .projectionPruning]).contains("LeftJoin on=[a = a]"))
    #expect(try planning.optimized("SELECT t.b FROM t LEFT JOIN s ON t.a = s.a WHERE s.x IS NULL").contains("LeftJoin"))
    #expect(
      try planning.optimized("SELECT t.b FROM t FULL JOIN s ON t.a = s.a WHERE t.c > 1").contains("LeftJoin"))
  }

  @Test("equalities become keys, the smaller input goes to the right, what hangs on it is joined to it first, and no cross product is left")
  func joinOrder() throws {
    #expect(
      try planning.optimized("SELECT t.b, s.y, u.z FROM u, t, s WHERE u.a = s.a AND t.a = s.a AND t.c > 1") == """
        Project [b, y, z]
          InnerJoin on=[a = a]
            Project [a, b]
              Filter [c > 1.0]
                Scan t columns=[a, b, c] predicates=[c > 1.0]
            Project [a := a#0, y, z]
              InnerJoin on=[a = a]
                Scan s columns=[a, y]
                Scan u columns=[a, z]
        """)
    #expect(
      try planning.optimized("SELECT u.z, t.b FROM u LEFT JOIN t ON u.a = t.a", only: [.joinKeys, .joinOrder, .projectionPruning])
        == """
        Project [z, b]
          RightJoin on=[a = a]
            Scan t columns=[a, b]
            Scan u columns=[a, z]
        """)
  }

  @Test("a constant on one side of a key holds on the other")
  func constantsAcrossKeys() throws {
    let plan = try planning.optimized("SELECT t.b, s.y FROM t JOIN s ON t.a = s.a WHERE t.a = 5")
    #expect(plan.contains("Scan s columns=[a, y] predicates=[a = 5]"))
  }

  @Test("sort and limit fuse; limits reach branches and scans")
  func limits() throws {
    #expect(
      try planning.optimized("SELECT a, b FROM t ORDER BY c DESC LIMIT 3") == """
        Project [a, b]
          TopN count=3 order=[c DESC]
            Scan t columns=[a, b, c]
        """)
    #expect(
      try planning.optimized("SELECT a FROM t UNION ALL SELECT a FROM s LIMIT 7") == """
        Limit count=7
          UnionAll
            Limit count=7
              Scan t columns=[a] limit=7
            Limit count=7
              Scan s columns=[a] limit=7
        """)
    #expect(try planning.optimized("SELECT a FROM t ORDER BY a FETCH FIRST 2 ROWS WITH TIES").contains("TopN count=2 ties=true"))
  }

  @Test("constants fold, decided conditions disappear, failing ones stay for run time")
  func folding() throws {
    #expect(
      try planning.optimized("SELECT 1 + 2 * 3 AS x FROM t WHERE 1 = 1 OR a = 2") == """
        Project [x := 7]
          Scan t
        """)
    #expect(try planning.optimized("SELECT a FROM t WHERE 1 = 2") == "Values rows=0 columns=[a] ")
    #expect(try planning.optimized("SELECT 1 / 0 AS x").contains("1 / 0"))
    #expect(try planning.optimized("SELECT CASE WHEN a = 1 THEN 1 / 0 ELSE 2 END AS x FROM t").contains("1 / 0"))
  }

  @Test("looking for equal parts visits each node of a long chain once")
  func numberedChain() throws {
    let count = 200
    let plan = try planning.bind("SELECT \(Array(repeating: "a", count: count).joined(separator: " + ")) FROM t").plan
    guard case .project(_, let outputs) = plan else {
      Issue.record("no projection: \(plan.explanation)")
      return
    }
    var numbers = ExpressionNumbers()
    let first = numbers.numbered(outputs[0].expression)
    #expect(numbers.visitCount == 2 * count - 1)
    // a, a + a, a + a + a, ...
    #expect(numbers.count == count)
    #expect(numbers.numbered(outputs[0].expression).number == first.number)
    #expect(numbers.count == count)
  }

  @Test("an expression that is written twice is computed once, unless only some rows need it")
  func commonSubexpressions() throws {
    #expect(
      try planning.optimized("SELECT sum(c * c), avg(c * c) FROM t") == """
        Project [_col0 := sum, _col1 := avg]
          Aggregate aggregates=[sum(expression1), avg(expression1)]
            Project [c, expression1 := c * c]
              Scan t columns=[c]
        """)
    #expect(
      try planning.optimized("SELECT CASE WHEN a > 0 THEN 1 / a END, CASE WHEN a > 1 THEN 1 / a END FROM t") == """
        Project [_col0 := CASE WHEN a > 0 THEN 1 / a ELSE NULL END, _col1 := CASE WHEN a > 1 THEN 1 / a ELSE NULL END]
          Scan t columns=[a]
        """)
  }

  @Test("count(*) of a whole table is answered from metadata")
  func rowCounts() async throws {
    func counted(_ sql: String) async throws -> String {
      try await Optimizer().optimize(planning.bind(sql).plan).answeringRowCounts().explanation
    }
    #expect(try await counted("SELECT count(*) FROM t").hasSuffix("Values rows=1 columns=[count] (1000)"))
    #expect(try await counted("SELECT count(*) FROM t WHERE a = 1").contains("Scan t"))
    #expect(try await counted("SELECT count(a) FROM t").contains("Scan t"))
  }

  @Test("the same statement plans the same way every time, with all rules and with none")
  func deterministic() throws {
    let sql =
      "SELECT t.b, count(DISTINCT s.x), max(u.z) FROM t JOIN s ON t.a = s.a LEFT JOIN u ON u.a = s.a AND u.z > t.c WHERE t.b IN (SELECT y FROM s) GROUP BY t.b ORDER BY 2 LIMIT 5"
    let first = try planning.optimized(sql)
    for _ in 0..<5 { #expect(try planning.optimized(sql) == first) }
    #expect(try planning.optimized(sql, only: []) == planning.bound(sql))
  }
}
