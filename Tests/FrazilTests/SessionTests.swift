import Frazil
import TestSupport
import Testing

/// An engine over a warehouse of its own.
struct TestEngine {
  let scratch = ScratchFolder()
  let engine: Engine

  init(_ change: (inout Configuration) -> Void = { _ in }) throws {
    var configuration = Configuration(warehouse: scratch.path + "/warehouse")
    configuration.workers = 2
    configuration.now = 1_767_225_600_000_000  // 2026-01-01 00:00 UTC
    configuration.seed = 1
    change(&configuration)
    engine = try Engine(configuration)
  }

  /// A query that would take very long: ten billion pairs.
  static let endless = """
    WITH a AS (SELECT * FROM (VALUES 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) t (x)), b AS (SELECT p.x FROM a p, a q, a r, a s, a u)
    SELECT count(*) FROM b, b c WHERE b.x + c.x > 100
    """
}

extension Session {
  func texts(_ sql: String) async throws(SQLError) -> [[String?]] {
    var rows: [[String?]] = []
    for try await batch in try await run(sql).rows { rows += batch.texts }
    return rows
  }
}

@Suite struct SessionTests {
  @Test("a result has the names, the types and the values of its columns")
  func values() async throws {
    let session = try TestEngine().engine.makeSession()
    let result = try await session.run(
      """
      SELECT 1 AS i, 1.5e0 AS d, 'x' AS s, true AS b, CAST(NULL AS varchar) AS n, DECIMAL '1.50' AS m, DATE '2024-01-02' AS day,
        ARRAY[1, NULL] AS l, CAST(ROW(1, 'y') AS ROW(p integer, q varchar)) AS r, X'01ff' AS x, REAL '0.5' AS f
      """)
    #expect(result.columns.map(\.name) == ["i", "d", "s", "b", "n", "m", "day", "l", "r", "x", "f"])
    #expect(
      result.columns.map(\.type) == [
        "integer", "double", "varchar(1)", "boolean", "varchar", "decimal(3,2)", "date", "array(integer)", "row(p integer, q varchar)",
        "varbinary", "real",
      ])
    #expect(result.rowsAffected == nil)
    let rows = try await result.allRows()
    #expect(
      rows == [
        [
          .integer(1), .double(1.5), .text("x"), .boolean(true), .null, .text("1.50"), .text("2024-01-02"),
          .array([.integer(1), .null]), .row([.integer(1), .text("y")]), .bytes([1, 255]), .real(0.5),
        ]
      ])
  }

  @Test("closing a session rolls its transaction back and says so")
  func closing() async throws {
    let place = try TestEngine()
    let session = place.engine.makeSession()
    _ = try await session.texts("CREATE TABLE t (id int) TBLPROPERTIES ('table_type' = 'ICEBERG')")
    #expect(await session.close() == false)
    let files = place.scratch.files
    #expect(session.transactionState == .none)
    _ = try await session.texts("BEGIN")
    _ = try await session.texts("INSERT INTO t VALUES 1")
    #expect(session.transactionState == .open && place.scratch.files != files)
    #expect(await session.close())
    #expect(session.transactionState == .none && place.scratch.files == files)
    #expect(try await session.texts("SELECT count(*) FROM t") == [["0"]])
  }

  @Test("a statement that changes rows says how many, and one that gives none has no columns")
  func rowsAffected() async throws {
    let session = try TestEngine().engine.makeSession()
    let create = try await session.run("CREATE TABLE t (id int) TBLPROPERTIES ('table_type' = 'ICEBERG')")
    #expect(create.columns.isEmpty && create.rowsAffected == nil)
    #expect(try await session.run("INSERT INTO t VALUES (1), (2)").rowsAffected == 2)
    #expect(try await session.run("INSERT INTO t SELECT id FROM t WHERE id > 5").rowsAffected == 0)
    #expect(try await session.texts("SELECT id FROM t ORDER BY id") == [["1"], ["2"]])
  }

  @Test("sessions share tables, and have a database and prepared statements of their own")
  func state() async throws {
    let engine = try TestEngine().engine
    let first = engine.makeSession()
    let second = engine.makeSession()
    _ = try await first.run("CREATE DATABASE other")
    _ = try await first.run("USE other")
    _ = try await first.run("CREATE VIEW v AS SELECT 7 AS x")
    _ = try await first.run("PREPARE p FROM SELECT ? + 1")
    #expect(first.database == "other" && second.database == "default")
    #expect(try await first.texts("SELECT x FROM v") == [["7"]])
    #expect(try await second.texts("SELECT x FROM other.v") == [["7"]])
    await #expect(throws: SQLError.self) { try await second.run("SELECT x FROM v") }
    #expect(try await first.texts("EXECUTE p USING 1") == [["2"]])
    await #expect(throws: SQLError.self) { try await second.run("EXECUTE p USING 1") }
  }

  @Test("run takes exactly one statement")
  func oneStatement() async throws {
    let session = try TestEngine().engine.makeSession()
    for (sql, word) in [("", "no statement"), (" -- nothing\n;", "no statement"), ("SELECT 1; SELECT 2", "Only one"), ("SELEC 1", "SELEC")] {
      let error = try #require(await #expect(throws: SQLError.self) { try await session.run(sql) })
      #expect(error.code == .syntaxError && error.message.contains(word))
    }
    #expect(try await session.texts("SELECT 1;") == [["1"]])
  }

  @Test("a script is its statements up to the first mistake, with places that count from its start")
  func scripts() async throws {
    let session = try TestEngine().engine.makeSession()
    let script = "SELECT 1;\n\n-- two\nSELECT x\n;\nSELEC 3; SELECT 4"
    let statements = session.statements(in: script)
    #expect(statements.map(\.text).prefix(2) == ["SELECT 1", "SELECT x"])
    #expect(statements.map(\.kindName) == ["SELECT", "SELECT", nil])
    let binding = try #require(await #expect(throws: SQLError.self) { try await session.run(statements[1]) })
    #expect(binding.summary(in: SourceText(script)) == "COLUMN_NOT_FOUND: line 4:8: Column 'x' cannot be resolved")
    let syntax = try #require(await #expect(throws: SQLError.self) { try await session.run(statements[2]) })
    #expect(syntax.summary(in: SourceText(script)).hasPrefix("SYNTAX_ERROR: line 6:1: mismatched input 'SELEC'"))
  }

  @Test("an error that shows while rows are read arrives there, with its place")
  func lateErrors() async throws {
    let session = try TestEngine().engine.makeSession()
    let sql = "SELECT 10 / x FROM (VALUES 5, 0) t (x)"
    let result = try await session.run(sql)
    let error = try #require(await #expect(throws: SQLError.self) { for try await _ in result.rows {} })
    #expect(error.code == .divisionByZero)
    #expect(error.summary(in: SourceText(sql)).contains("line 1:8"))
  }

  @Test("cancel ends a running query, and the session goes on")
  func cancel() async throws {
    let session = try TestEngine().engine.makeSession()
    let task = Task { try await session.texts(TestEngine.endless) }
    // Again and again: the first ones may come before the statement has begun.
    let canceller = Task {
      while !Task.isCancelled {
        session.cancel()
        try await Task.sleep(for: .milliseconds(5))
      }
    }
    let error = try #require(await #expect(throws: SQLError.self) { try await task.value })
    canceller.cancel()
    _ = await canceller.result
    #expect(error.code == .userCanceled)
    #expect(try await session.texts("SELECT 1") == [["1"]])
  }

  @Test("cancelling the task that reads a result cancels the query")
  func taskCancellation() async throws {
    let session = try TestEngine().engine.makeSession()
    let task = Task { try await session.texts(TestEngine.endless) }
    task.cancel()
    let error = try #require(await #expect(throws: SQLError.self) { try await task.value })
    #expect(error.code == .userCanceled)
  }

  @Test("a reader may stop early")
  func stopEarly() async throws {
    let session = try TestEngine { $0.batchCapacity = 10 }.engine.makeSession()
    var seen = 0
    for try await batch in try await session.run("SELECT * FROM UNNEST(sequence(1, 100000)) t (x)").rows {
      seen += batch.rowCount
      if seen > 50 { break }
    }
    #expect(seen > 50 && seen < 100_000)
    #expect(try await session.texts("SELECT 1") == [["1"]])
  }

  @Test("with a fixed clock and seed two engines write the same bytes under the same names")
  func determinism() async throws {
    func files() async throws -> [String: [UInt8]] {
      let lake = ScratchFolder()
      let session = try TestEngine {
        $0.workers = 1
        $0.mounts = [Configuration.Mount(prefix: "s3://lake", folder: lake.path)]
      }.engine.makeSession()
      _ = try await session.run(
        "CREATE TABLE t (id int, s string) PARTITIONED BY (s) LOCATION 's3://lake/t' TBLPROPERTIES ('table_type' = 'ICEBERG')")
      _ = try await session.run("INSERT INTO t SELECT x, 's' || CAST(x % 3 AS varchar) FROM UNNEST(sequence(1, 100)) t (x)")
      let paths = Corpus.files(below: lake.path, suffix: "")
      return Dictionary(uniqueKeysWithValues: paths.map { (String($0.dropFirst(lake.path.count)), Corpus.bytes($0) ?? []) })
    }
    let first = try await files()
    let second = try await files()
    #expect(first.count > 5)
    #expect(first == second)
  }

  @Test("three sessions that insert into one table at once lose nothing")
  func concurrentInserts() async throws {
    let engine = try TestEngine { $0.seed = nil }.engine
    // More attempts than there are commits of the others: none gives up, however the threads are scheduled.
    _ = try await engine.makeSession().run(
      "CREATE TABLE t (who int, n int) TBLPROPERTIES ('table_type' = 'ICEBERG', 'commit.retry.num-retries' = '20', 'commit.retry.max-wait-ms' = '50')")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for who in 0..<3 {
        group.addTask {
          let session = engine.makeSession()
          for n in 0..<4 { _ = try await session.run("INSERT INTO t VALUES (\(who), \(n))") }
        }
      }
      try await group.waitForAll()
    }
    let session = engine.makeSession()
    #expect(try await session.texts("SELECT count(*), count(DISTINCT who * 10 + n) FROM t") == [["12", "12"]])
    #expect(try await session.texts("SELECT count(*) FROM \"t$snapshots\"") == [["12"]])
  }

  @Test("the words that a prompt completes hold the language, functions and the tables of the database")
  func completion() async throws {
    let session = try TestEngine().engine.makeSession()
    _ = try await session.run("CREATE VIEW my_view AS SELECT 1 AS x")
    let words = await session.completionWords()
    for word in ["SELECT", "count", "default", "my_view"] { #expect(words.contains(word)) }
  }
}
