import Frazil
import Storage
import Testing
import TestSupport

/// INSERT and CREATE TABLE AS against a store that fails at its nth call: a failed statement leaves the table as it was, and no file.
@Suite struct FailingStoreTests {
  private struct Place {
    let scratch = ScratchFolder()
    let store = MemoryStore()
    let session: Session

    init(memoryLimit: Int = 256 << 20) throws {
      var configuration = Configuration(warehouse: scratch.path)
      configuration.workers = 2
      configuration.memoryLimit = memoryLimit
      session = try Engine(configuration, stores: ["mem": store]).makeSession()
    }

    func run(_ sql: String) async throws { for try await _ in try await session.run(sql).rows {} }

    func rows(_ sql: String) async throws -> [[ResultValue]] { try await session.run(sql).allRows() }
  }

  /// `WITH` that gives n from 1 to 20,000.
  private static let numbers = """
    WITH d(d) AS (VALUES 0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    s(n) AS (SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.f FROM d a, d b, d c, d e, (VALUES 0, 1) f(f))
    """
  private static let define = """
    CREATE TABLE t (id bigint, region string, x double) PARTITIONED BY (region)
    LOCATION 'mem://b/t' TBLPROPERTIES ('table_type' = 'ICEBERG')
    """
  private static let firstRows = "INSERT INTO t VALUES (1, 'a', 0.5), (2, 'b', NULL)"

  @Test("INSERT", arguments: [MemoryStore.Fault.Moment.before, .after])
  func insert(_ moment: MemoryStore.Fault.Moment) async throws {
    var failures = 0
    for call in 1...30 {
      let place = try Place()
      try await place.run(Self.define)
      try await place.run(Self.firstRows)
      let files = place.store.locations
      place.store.inject(MemoryStore.Fault(call: place.store.callCount + call, moment, .diskFull))
      let isDone: Bool
      do {
        try await place.run("INSERT INTO t SELECT id + 2, region, x FROM t UNION ALL VALUES (9, 'c', 1e0)")
        isDone = true
      } catch {
        isDone = false
        failures += 1
        #expect(place.store.locations == files, "call \(call): \(error)")
      }
      place.store.clearFaults()
      let ids = try await place.rows("SELECT id FROM t ORDER BY id")
      #expect(ids == (isDone ? [1, 2, 3, 4, 9] : [1, 2]).map { [.integer($0)] }, "call \(call)")
    }
    // Three data files, manifest, list and metadata file are written, and as many files read.
    #expect(failures >= 10)
  }

  @Test("INSERT that closes files on the way: small target size, little memory")
  func insertManyFiles() async throws {
    var failures = 0
    for call in stride(from: 1, through: 61, by: 6) {
      let place = try Place(memoryLimit: 8 << 20)
      try await place.run(
        """
        CREATE TABLE t (id bigint, part bigint) PARTITIONED BY (part)
        LOCATION 'mem://b/t' TBLPROPERTIES ('table_type' = 'ICEBERG', 'write_target_data_file_size_bytes' = '2000')
        """)
      let files = place.store.locations
      place.store.inject(MemoryStore.Fault(call: place.store.callCount + call, .before, .io))
      do {
        try await place.run("INSERT INTO t \(Self.numbers) SELECT n, n % 20 FROM s")
      } catch let error as SQLError {
        failures += 1
        #expect(error.code.kind == .external, "\(error)")
        #expect(place.store.locations == files, "call \(call): \(error)")
      }
      place.store.clearFaults()
      let count = try await place.rows("SELECT count(*), count(DISTINCT id) FROM t")
      #expect(count == [[.integer(0), .integer(0)]] || count == [[.integer(20_000), .integer(20_000)]], "call \(call)")
    }
    #expect(failures >= 5)
  }

  @Test("CREATE TABLE AS", arguments: [MemoryStore.Fault.Moment.before, .after])
  func createTableAs(_ moment: MemoryStore.Fault.Moment) async throws {
    var failures = 0
    for call in 1...10 {
      let place = try Place()
      place.store.inject(MemoryStore.Fault(call: call, moment, .permission))
      do {
        try await place.run(
          """
          CREATE TABLE t WITH (table_type = 'ICEBERG', is_external = false, location = 'mem://b/t', partitioning = ARRAY['k'])
          AS SELECT * FROM (VALUES (1, 'x'), (2, 'y')) AS v(k, s)
          """)
        place.store.clearFaults()
        #expect(try await place.rows("SELECT k, s FROM t ORDER BY k").count == 2)
      } catch {
        failures += 1
        place.store.clearFaults()
        #expect(place.store.locations.isEmpty, "call \(call): \(error)")
        #expect(try await place.rows("SHOW TABLES").isEmpty)
      }
    }
    // The look at the location, two data files, manifest, list, metadata file.
    #expect(failures >= 6)
  }

  @Test("a transaction over two tables, rolled back after its first error", arguments: [
    (MemoryStore.Fault.Moment.before, 2), (.after, 2), (.before, 3), (.after, 3),
  ])
  func transaction(_ moment: MemoryStore.Fault.Moment, _ formatVersion: Int) async throws {
    let statements = [
      "START TRANSACTION", "INSERT INTO t VALUES (3, 'a', 1e0), (4, 'b', 2e0)", "UPDATE u SET v = 'new' WHERE id = 1",
      "DELETE FROM t WHERE id = 3", "MERGE INTO u USING t ON u.id = t.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (t.id, 'm')",
      "COMMIT",
    ]
    var (failures, commits) = (0, 0)
    for call in stride(from: 1, through: 161, by: 8) {
      let place = try Place()
      try await place.run(Self.define)
      try await place.run(
        "CREATE TABLE u (id bigint, v string) LOCATION 'mem://b/u' TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '\(formatVersion)', 'write.update.mode' = 'copy-on-write')")
      try await place.run(Self.firstRows)
      try await place.run("INSERT INTO u VALUES (1, 'one'), (9, 'nine')")
      let files = place.store.locations
      place.store.inject(MemoryStore.Fault(call: place.store.callCount + call, moment, .io))
      var isDone = true
      do { for sql in statements { try await place.run(sql) } } catch {
        isDone = false
        failures += 1
        // COMMIT has rolled back already.
        if place.session.transactionState == .aborted { try await place.run("ROLLBACK") }
        #expect(place.session.transactionState == .none)
        #expect(place.store.locations == files, "call \(call): \(error)")
      }
      place.store.clearFaults()
      if isDone { commits += 1 }
      #expect(try await place.rows("SELECT id FROM t ORDER BY id") == (isDone ? [1, 2, 4] : [1, 2]).map { [.integer($0)] }, "call \(call)")
      #expect(try await place.rows("SELECT id FROM u ORDER BY id") == (isDone ? [2, 4, 9] : [1, 9]).map { [.integer($0)] }, "call \(call)")
    }
    #expect(failures >= 8 && commits >= 1, "\(failures) failures, \(commits) commits")
  }

  @Test("a row that breaks a rule in the middle of an INSERT: nothing stays", arguments: [
    ("SELECT 100 / (5000 - n), 'r', 1e0 FROM s", ErrorCode.divisionByZero),
    ("SELECT CAST(CASE WHEN n = 5000 THEN 'x' ELSE '1' END AS bigint), 'r', 1e0 FROM s", .invalidCastArgument),
  ])
  func failingRows(_ query: String, _ code: ErrorCode) async throws {
    let place = try Place(memoryLimit: 8 << 20)
    try await place.run(Self.define)
    try await place.run(Self.firstRows)
    let files = place.store.locations
    let error = await #expect(throws: SQLError.self) { try await place.run("INSERT INTO t \(Self.numbers) \(query)") }
    #expect(error?.code == code)
    #expect(place.store.locations == files)
    #expect(try await place.rows("SELECT count(*) FROM t") == [[.integer(2)]])
  }
}
