import Columnar
import Planner
import SQLSyntax
import Testing

@Suite("Pivot")
struct PivotTests {
  let planning = Planning()

  @Test("all spellings of a conditional aggregate over one key become one pivot")
  func recognised() throws {
    #expect(
      try planning.optimized(
        """
        SELECT k, max(CASE WHEN sample = 'a' THEN v END) AS a, max(CASE sample WHEN 'b' THEN v END) AS b,
          max(IF('c' = sample, v)) AS c, sum(CASE WHEN sample = 'd' THEN n ELSE NULL END) AS d,
          count(CASE WHEN sample = 'e' THEN 1 END) AS e, avg(v) FILTER (WHERE sample = 'f') AS f,
          count(*) FILTER (WHERE sample = 'g') AS g
        FROM l GROUP BY k
        """) == """
        Project [k, a := max#1, b := max#2, c := max#3, d := sum, e := count#5, f := avg, g := count#7]
          Pivot keys=[k] for=sample cells=['a': max(v), 'b': max(v), 'c': max(v), 'd': sum(CAST(n AS bigint)), 'e': count(1), 'f': avg(v), 'g': count(*)]
            Scan l columns=[k, sample, v, n]
        """)
  }

  @Test(
    "anything else keeps the general aggregate",
    arguments: [
      "SELECT k, max(CASE WHEN sample = 'a' THEN v END), max(v) FROM l GROUP BY k",
      "SELECT k, max(CASE WHEN sample = 'a' THEN v END), max(CASE WHEN k = 'b' THEN v END) FROM l GROUP BY k",
      "SELECT k, sum(CASE WHEN sample = 'a' THEN v ELSE 0 END), sum(CASE WHEN sample = 'b' THEN v ELSE 0 END) FROM l GROUP BY k",
      "SELECT k, max(CASE WHEN sample = 'a' AND n > 1 THEN v END), max(CASE WHEN sample = 'b' THEN v END) FROM l GROUP BY k",
      "SELECT k, count(DISTINCT CASE WHEN sample = 'a' THEN v END), count(DISTINCT CASE WHEN sample = 'b' THEN v END) FROM l GROUP BY k",
      "SELECT k, max(CASE WHEN sample > 'a' THEN v END), max(CASE WHEN sample = 'b' THEN v END) FROM l GROUP BY k",
      "SELECT k, max(CASE WHEN sample = 'a' THEN v END), max(CASE WHEN sample = 'b' THEN v END) FROM l GROUP BY ROLLUP (k)",
    ])
  func general(sql: String) throws {
    let plan = try planning.optimized(sql)
    #expect(plan.contains("Aggregate") && !plan.contains("Pivot"), "\(plan)")
  }

  @Test("the rule can be switched off")
  func switchedOff() throws {
    let sql = "SELECT k, max(CASE WHEN sample = 'a' THEN v END), max(CASE WHEN sample = 'b' THEN v END) FROM l GROUP BY k"
    let rules = Set(OptimizerRule.allCases).subtracting([.pivotRecognition])
    #expect(try planning.optimized(sql).contains("Pivot"))
    #expect(try !planning.optimized(sql, only: rules).contains("Pivot"))
  }

  @Test("PIVOT groups by the other columns and names its columns by value or alias")
  func syntax() throws {
    let one = try planning.bind("SELECT * FROM l PIVOT (max(v) FOR sample IN ('a', 'b' AS bb))")
    #expect(one.outputColumns.map(\.name) == ["k", "n", "a", "bb"])
    let two = try planning.bind(
      "SELECT * FROM (SELECT k, sample, v FROM l) PIVOT (max(v) AS top, count(*) FOR sample IN ('a', 'b'))")
    #expect(two.outputColumns.map(\.name) == ["k", "a_top", "a_count(*)", "b_top", "b_count(*)"])
    #expect(two.outputColumns.map(\.type) == [.varchar, .double, .bigint, .double, .bigint])
  }

  @Test("PIVOT over several columns, DISTINCT or NULL takes the general aggregate")
  func generalSyntax() throws {
    #expect(
      try planning.optimized("SELECT * FROM (SELECT k, sample, v FROM l) PIVOT (count(DISTINCT v) FOR sample IN ('a', NULL AS none))")
        == """
        Aggregate keys=[k] aggregates=[count(DISTINCT v) FILTER (WHERE sample = 'a'), count(DISTINCT v) FILTER (WHERE sample IS NULL)]
          Scan l columns=[k, sample, v]
        """)
  }

  @Test("values from the data are asked for first, also through WITH queries")
  func valuesFromData() throws {
    let sql = "WITH q AS (SELECT k, sample, v FROM l WHERE n > 1) SELECT * FROM q PIVOT (max(v) FOR sample IN (ANY ORDER BY sample DESC))"
    let query = try Parser.parseQuery(sql)
    let relations = try planning.relations(for: query)
    var settings = planning.settings
    let first = Binder(relations: relations, functions: planning.functions, settings: settings)
    guard case .needsPivotValues(let request) = try first.bindStepwise(query) else {
      Issue.record("expected a request")
      return
    }
    #expect(
      Optimizer(functions: planning.functions).optimize(request.plan).explanation == """
        Sort order=[sample DESC]
          Distinct keys=[sample]
            Project [sample]
              Filter [(n > 1) AND (sample IS NOT NULL)]
                Scan l columns=[sample, n] predicates=[n > 1, sample IS NOT NULL]
        """)
    settings.pivotValues[request.key] = [.text("s2"), .text("s1")]
    let second = Binder(relations: relations, functions: planning.functions, settings: settings)
    guard case .complete(let bound) = try second.bindStepwise(query) else {
      Issue.record("expected a plan")
      return
    }
    #expect(bound.outputColumns.map(\.name) == ["k", "s2", "s1"])
    #expect(planning.failure(sql).hasPrefix("NOT_SUPPORTED: line 1:"))
  }

  /// How the time grows with the number is measured in bench/Kernels.
  @Test("thousands of cells make one pivot")
  func wide() throws {
    let count = 4000
    let cells = (0..<count).map { "max(CASE WHEN sample = 's\($0)' THEN v END) AS \"s\($0)\"" }
    let query = try Parser.parseQuery("SELECT k, \(cells.joined(separator: ", ")) FROM l GROUP BY k ORDER BY k")
    let binder = Binder(relations: try planning.relations(for: query), functions: planning.functions, settings: planning.settings)
    let plan = Optimizer(functions: planning.functions).optimize(try binder.bind(query).plan)
    #expect(plan.columns.count == count + 1)
    var below = plan
    while let input = below.inputs.first {
      if case .pivot(let pivot) = below {
        #expect(pivot.cells.count == count)
        return
      }
      below = input
    }
    Issue.record("no pivot in the plan")
  }
}
