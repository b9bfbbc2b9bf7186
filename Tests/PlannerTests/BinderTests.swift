import Columnar
import Planner
import SQLSyntax
import Testing

@Suite("Binding queries")
struct BinderTests {
  let planning = Planning()

  @Test("a select binds to scan, filter and project over all columns, hidden ones last")
  func simple() throws {
    #expect(
      try planning.bound("SELECT a, b AS name FROM t WHERE c > 1.5 AND \"$path\" = 'x'") == """
        Project [a, name := b]
          Filter [(c > 1.5) AND ($path = CAST('x' AS varchar))]
            Scan t columns=[a, b, c, d, $path]
        """)
  }

  @Test("columns without alias are named by position, plain columns by their folded name")
  func names() throws {
    let columns = try planning.bind("SELECT A, a + 1, t.B, 'x' AS \"Quoted\" FROM t").outputColumns
    #expect(columns.map(\.name) == ["a", "_col1", "b", "Quoted"])
    #expect(columns.map(\.type) == [.integer, .integer, .varchar, .varchar(length: 1)])
  }

  @Test("star leaves hidden columns out and takes a relation's name")
  func star() throws {
    #expect(try planning.bind("SELECT * FROM t").outputColumns.map(\.name) == ["a", "b", "c", "d"])
    #expect(try planning.bind("SELECT s.*, t.a FROM t, s").outputColumns.map(\.name) == ["a", "x", "y", "a"])
    #expect(try planning.bind("SELECT db.t.*, awsdatacatalog.db.t.a FROM t").outputColumns.count == 5)
  }

  @Test("USING gives one column, which stands first; FULL makes it of both")
  func using() throws {
    #expect(try planning.bind("SELECT * FROM t JOIN s USING (a)").outputColumns.map(\.name) == ["a", "b", "c", "d", "x", "y"])
    #expect(
      try planning.bound("SELECT a FROM t FULL JOIN u USING (a)") == """
        Project [a := a#8]
          Project [a := a#0, b, c, d, $path := $path#4, a := a#5, z, $path := $path#7, a := COALESCE(a#0, a#5)]
            FullJoin residual=[a#0 = a#5]
              Scan t columns=[a, b, c, d, $path]
              Scan u columns=[a, z, $path]
        """)
  }

  @Test("fields of row columns, array elements and map values resolve")
  func nested() throws {
    #expect(
      try planning.bind("SELECT r.f, nested.r.g, db.nested.r.g AS g2, r[1] FROM nested").outputColumns.map(\.name)
        == ["f", "g", "g2", "_col3"])
  }

  @Test("literals have Athena's types")
  func literals() throws {
    let types = try planning.bind(
      "SELECT 1, 3000000000, 1.5, 1e0, 'ab', X'00', NULL, true, DECIMAL '1.50', DATE '2020-01-31', TIMESTAMP '2020-01-31 10:00:00.123', INTERVAL '3' DAY, -2147483648"
    ).outputColumns.map(\.type)
    #expect(
      types == [
        .integer, .bigint, .double, .double, .varchar(length: 2), .varbinary, .unknown, .boolean,
        .decimal(precision: 3, scale: 2), .date, .timestamp(precision: 3), .intervalDayToSecond, .integer,
      ])
    var trino = planning
    trino.settings.decimalLiteralsAreDouble = false
    #expect(try trino.bind("SELECT 1.5").outputColumns[0].type == .decimal(precision: 2, scale: 1))
  }

  @Test("set operations bring branches to common types under the first one's names")
  func setOperations() throws {
    #expect(
      try planning.bound("SELECT a AS k FROM t UNION ALL SELECT x FROM s") == """
        UnionAll
          Project [k := CAST(k AS bigint)]
            Project [k := a]
              Scan t columns=[a, b, c, d, $path]
          Project [k := x]
            Project [x]
              Scan s columns=[a, x, y, $path]
        """)
  }

  @Test("ORDER BY takes ordinals, aliases and expressions outside of the select list")
  func orderBy() throws {
    #expect(
      try planning.bound("SELECT a AS k, b FROM t ORDER BY 2 DESC, k NULLS FIRST, c + 1 LIMIT 5") == """
        Project [k, b]
          Limit count=5
            Sort order=[b DESC, k NULLS FIRST, order0]
              Project [k := a, b, order0 := c + CAST(1 AS double)]
                Scan t columns=[a, b, c, d, $path]
        """)
  }

  @Test("ORDER BY inside another query counts only with a limit")
  func innerOrder() throws {
    #expect(
      try planning.bound("SELECT a FROM (SELECT a FROM t ORDER BY a) q") == """
        Project [a]
          Project [a]
            Scan t columns=[a, b, c, d, $path]
        """)
  }

  @Test("a WITH query used once is inlined, a costly one used twice is kept")
  func commonTables() throws {
    #expect(
      try planning.bound("WITH q AS (SELECT DISTINCT a FROM t) SELECT x.a FROM q AS x JOIN q AS y ON x.a = y.a") == """
        CommonTable q#0
          Distinct keys=[a]
            Project [a]
              Scan t columns=[a, b, c, d, $path]
          Project [a := a#0]
            InnerJoin residual=[a#0 = a#1]
              CommonTableScan q#0 columns=[a]
              CommonTableScan q#0 columns=[a]
        """)
    #expect(
      try planning.bound("WITH q AS (SELECT DISTINCT a FROM t) SELECT a FROM q") == """
        Project [a]
          Distinct keys=[a]
            Project [a]
              Scan t columns=[a, b, c, d, $path]
        """)
  }

  @Test("UNNEST spreads arrays, maps and arrays of rows, next to the relation before it")
  func unnest() throws {
    #expect(
      try planning.bound("SELECT id, e, n FROM nested CROSS JOIN UNNEST(list) WITH ORDINALITY AS x(e, n)") == """
        Project [id, e, n]
          Unnest [list] columns=[e, n]
            Scan nested columns=[id, list, m, r, rows, $path]
        """)
    #expect(
      try planning.bind("SELECT * FROM nested, UNNEST(m, rows)").outputColumns.map(\.type)
        == [
          .integer, .array(.integer), .map(key: .varchar, value: .double),
          .row([RowField(name: "f", type: .integer), RowField(name: "g", type: .varchar)]),
          .array(.row([RowField(name: "p", type: .integer), RowField(name: "q", type: .varchar)])),
          .varchar, .double, .integer, .varchar,
        ])
  }

  @Test("a view is expanded in its own place, and its faults point at its name")
  func views() throws {
    var planning = planning
    planning.views["v"] = ViewDefinition(
      name: "db.v", sql: "SELECT a + 1 AS k FROM t", place: NamePlace(catalog: "awsdatacatalog", database: "db"))
    planning.views["broken"] = ViewDefinition(
      name: "db.broken", sql: "SELECT nope FROM t", place: NamePlace(catalog: "awsdatacatalog", database: "db"))
    planning.views["loop"] = ViewDefinition(
      name: "db.loop", sql: "SELECT * FROM loop", place: NamePlace(catalog: "awsdatacatalog", database: "db"))
    #expect(
      try planning.bound("SELECT k FROM v") == """
        Project [k]
          Project [k := a + 1]
            Scan t columns=[a, b, c, d, $path]
        """)
    #expect(
      planning.failure("SELECT * FROM broken")
        == "INVALID_VIEW: line 1:15: Failed analyzing stored view 'db.broken': COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved")
    #expect(planning.failure("SELECT * FROM loop") == "VIEW_IS_RECURSIVE: line 1:15: View 'db.loop' is recursive")
  }

  @Test("parameters take the values given")
  func parameters() throws {
    var planning = planning
    planning.settings.positionalParameters = [.integer(5)]
    planning.settings.namedParameters = ["name": .text("x")]
    #expect(
      try planning.bound("SELECT a FROM t WHERE a = ? AND b = :name") == """
        Project [a]
          Filter [(a = 5) AND (b = 'x')]
            Scan t columns=[a, b, c, d, $path]
        """)
    #expect(planning.failure("SELECT ?, ?").hasPrefix("INVALID_PARAMETER_USAGE: line 1:11: Incorrect number of parameters"))
  }

  @Test("INSERT casts to the table's types, fills missing columns, and refuses text for numbers")
  func insertion() throws {
    let query = try Parser.parseQuery("SELECT x, y FROM s")
    let binder = Binder(relations: try planning.relations(for: query), settings: planning.settings)
    let bound = try binder.bind(query)
    let target = FakeTable([("a", .integer), ("b", .varchar), ("c", .double)])
    let plan = try binder.insertion(
      of: bound, into: target, columns: [Identifier("a"), Identifier("b")], range: SourceRange(0, 5))
    #expect(
      plan.explanation == """
        Project [a := CAST(x AS integer), b := y, c := NULL]
          Project [x, y]
            Scan s columns=[a, x, y, $path]
        """)
    #expect(throws: SQLError.self) {
      try binder.insertion(of: bound, into: target, columns: [], range: SourceRange(0, 5))
    }
    do throws(SQLError) {
      _ = try binder.insertion(
        of: bound, into: target, columns: [Identifier("b"), Identifier("a")], range: SourceRange(0, 5))
    } catch {
      #expect(
        error.message
          == "Insert query has mismatched column types: Table: [varchar, integer], Query: [bigint, varchar]")
    }
  }
}
