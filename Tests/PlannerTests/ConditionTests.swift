import Planner
import Testing

@Suite("Conditions with OR, written-out null-safe keys, quantified comparisons")
struct ConditionTests {
  let planning = Planning()

  @Test("what all branches of an OR have in common becomes a join key; what they say of one table is looked at below the join")
  func commonTerms() throws {
    let sql = "SELECT t.b FROM t, s WHERE (t.a = s.a AND t.c > 1 AND s.x = 1) OR (s.a = t.a AND t.c < 0 AND s.x = 2)"
    #expect(
      try planning.optimized(sql) == """
        Project [b]
          InnerJoin on=[a = a] residual=[((c > 1.0) AND (x = 1)) OR ((c < 0.0) AND (x = 2))]
            Filter [(c > 1.0) OR (c < 0.0)]
              Scan t columns=[a, b, c]
            Filter [(x = 1) OR (x = 2)]
              Scan s columns=[a, x] predicates=[x IN (1, 2)]
        """)
    let plain = try planning.optimized(sql, only: [.predicatePushdown, .joinKeys])
    #expect(plain.contains("InnerJoin residual="))
    #expect(!plain.contains("Filter"))
  }

  @Test("a branch that says less takes the others in, and a filter loses what its branches share")
  func absorption() throws {
    #expect(try planning.optimized("SELECT a FROM t WHERE a = 1 OR (a = 1 AND c > 2)").contains("Filter [a = 1]"))
    #expect(
      try planning.optimized("SELECT a FROM t WHERE (a = 1 AND c > 2) OR (a = 1 AND b = 'x')").contains(
        "Filter [(a = 1) AND ((c > 2.0) OR (b = 'x'))]"))
  }

  @Test("a term that may fail does not overtake the terms before it")
  func failingTerms() throws {
    let sql = "SELECT a FROM t WHERE (a > 0 AND 10 / a > 1 AND c > 1) OR (a < 0 AND 10 / a > 1)"
    #expect(try planning.optimized(sql, only: [.orFactoring]) == planning.bound(sql))
    let shared = "SELECT a FROM t WHERE (a <> 0 AND 10 / a > 1 AND c > 1) OR (a <> 0 AND 10 / a > 1 AND c < 0)"
    #expect(try planning.optimized(shared, only: [.orFactoring]).contains("Filter [(a <> 0) AND ((10 / a) > 1) AND"))
  }

  @Test("an outer join keeps its rows: an OR in ON narrows the other side, one above it the side that is kept")
  func outerJoins() throws {
    let on = try planning.optimized("SELECT t.b, s.x FROM t LEFT JOIN s ON (t.c > 1 AND s.x = 1) OR (t.c < 0 AND s.x = 2)")
    #expect(on.contains("predicates=[x IN (1, 2)]"))
    #expect(!on.contains("Filter [(c >"))
    let above = try planning.optimized(
      "SELECT t.b, s.x FROM t LEFT JOIN s ON t.a = s.a WHERE (t.c > 1 AND s.x IS NULL) OR (t.c < 0 AND s.x = 2)")
    #expect(above.contains("LeftJoin"))
    #expect(above.contains("Filter [(c > 1.0) OR (c < 0.0)]"))
    #expect(!above.contains("Filter [(x IS NULL) OR (x = 2)]"))
  }

  @Test("a = b OR (a IS NULL AND b IS NULL) is the key that IS NOT DISTINCT FROM is", arguments: [
    "t.a = s.a OR (t.a IS NULL AND s.a IS NULL)", "(s.a IS NULL AND t.a IS NULL) OR s.a = t.a",
    "t.a = s.a OR (s.a IS NULL AND t.a IS NULL)",
  ])
  func nullSafeKeys(condition: String) throws {
    let written = try planning.optimized("SELECT t.b FROM t JOIN s ON \(condition)")
    #expect(try written == planning.optimized("SELECT t.b FROM t JOIN s ON t.a IS NOT DISTINCT FROM s.a"))
  }

  @Test("a null-safe key of widened columns; with NaN the condition stays beside it")
  func nullSafeKeyTypes() throws {
    #expect(
      !(try planning.optimized("SELECT t.b FROM t JOIN s ON t.a = s.x OR (t.a IS NULL AND s.x IS NULL)").contains("residual")))
    let doubles = try planning.optimized("SELECT t.b FROM t JOIN u ON t.c = u.z OR (t.c IS NULL AND u.z IS NULL)")
    #expect(doubles.contains("InnerJoin on=") && doubles.contains("residual"))
    #expect(
      try planning.optimized("SELECT t.b FROM t JOIN s ON t.a = s.a OR (t.a IS NULL AND s.x IS NULL)").contains(
        "InnerJoin residual="))
  }

  @Test("a quantified comparison reads its subquery once, as an aggregate of one row")
  func quantifiedComparisons() throws {
    let plan = try planning.optimized("SELECT b FROM t WHERE a > ALL (SELECT a FROM s)")
    #expect(plan.ranges(of: "Scan s").count == 1)
    #expect(plan.contains("aggregates=[count(*), count(a), max(a)]"))
    #expect(!plan.contains("MarkJoin"))
    #expect(try planning.optimized("SELECT b FROM t WHERE a <> ANY (SELECT a FROM s)").contains("min(a), max(a)"))
    #expect(try planning.optimized("SELECT b FROM t WHERE a > ALL (SELECT s.a FROM s WHERE s.y = t.b)").contains("Aggregate") == false)
  }
}
