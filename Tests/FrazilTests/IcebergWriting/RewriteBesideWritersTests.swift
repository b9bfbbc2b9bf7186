import Frazil
import Storage
import Testing
import Synchronization
import TestSupport

/// Compaction beside other statements: deletes are never lost, rows are never lost or doubled, a statement that gives way leaves no file.
@Suite struct RewriteBesideWritersTests {
  private struct Place {
    let scratch = ScratchFolder()
    let store = MemoryStore()
    let engine: Engine

    init() throws {
      var configuration = Configuration(warehouse: scratch.path)
      configuration.workers = 2
      engine = try Engine(configuration, stores: ["mem": store])
    }

    func run(_ sql: String) async throws { for try await _ in try await engine.makeSession().run(sql).rows {} }

    func rows(_ sql: String) async throws -> [[ResultValue]] { try await engine.makeSession().run(sql).allRows() }

    /// Data and delete files in the store that no snapshot names.
    func strays() async throws -> [String] {
      let known = Set(try await rows("SELECT file_path FROM t.all_files").map { $0[0] })
      return store.locations.map(\.text).filter { $0.contains("/data/") && !known.contains(.text($0)) }
    }
  }

  @Test(
    "DELETE and MERGE race with a compaction: both outcomes keep the rows right",
    arguments: [("2", "merge-on-read"), ("2", "copy-on-write"), ("3", "merge-on-read")])
  func race(version: String, mode: String) async throws {
    let place = try Place()
    try await place.run(
      """
      CREATE TABLE t (id bigint, name string) LOCATION 'mem://b/t' TBLPROPERTIES ('table_type' = 'ICEBERG',
        'format-version' = '\(version)', 'write.delete.mode' = '\(mode)', 'write.merge.mode' = '\(mode)', 'commit.retry.min-wait-ms' = '1')
      """)
    for start in [0, 10, 20, 30] {
      let values = (start..<start + 10).map { "(\($0), 'n')" }.joined(separator: ", ")
      try await place.run("INSERT INTO t VALUES \(values)")
    }
    var expected = Dictionary(uniqueKeysWithValues: (0..<40).map { (Int64($0), "n") })
    var conflicts = 0
    for round in 0..<12 {
      async let compaction: Void = place.run(
        "CALL system.rewrite_data_files(table => 't', options => map('rewrite-all', 'true'))")
      let id = Int64(round * 3)
      let isDelete = round % 2 == 0
      let sql =
        isDelete
        ? "DELETE FROM t WHERE id = \(id)"
        : "MERGE INTO t USING (VALUES (BIGINT '\(id)')) AS s(id) ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = 'm'"
      do {
        try await place.run(sql)
        expected[id] = isDelete ? nil : "m"
      } catch let error as SQLError {
        #expect(error.code == .icebergCommitError, "\(error)")
        conflicts += 1
      }
      do { try await compaction } catch let error as SQLError {
        #expect(error.code == .icebergCommitError, "\(error)")
        conflicts += 1
      }
      let found = try await place.rows("SELECT id, name FROM t ORDER BY id")
      #expect(found == expected.sorted { $0.key < $1.key }.map { [.integer($0.key), .text($0.value)] }, "round \(round)")
    }
    #expect(try await place.strays() == [], "\(conflicts) conflicts")
  }

  @Test("a rewrite that fails leaves the table as it was, and no file")
  func failure() async throws {
    var failures = 0
    for call in 1...12 {
      let place = try Place()
      try await place.run(
        "CREATE TABLE t (id bigint, part int) PARTITIONED BY (part) LOCATION 'mem://b/t' TBLPROPERTIES ('table_type' = 'ICEBERG')")
      for _ in 0..<2 { try await place.run("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)") }
      let files = place.store.locations
      place.store.inject(MemoryStore.Fault(call: place.store.callCount + call * 3, .before, .diskFull))
      do {
        try await place.run("CALL system.rewrite_data_files(table => 't', sort_order => 'id', options => map('rewrite-all', 'true'))")
      } catch {
        failures += 1
        #expect(place.store.locations == files, "\(error)")
      }
      place.store.clearFaults()
      #expect(try await place.rows("SELECT count(*), sum(id) FROM t") == [[.integer(6), .integer(12)]])
    }
    #expect(failures > 0)
  }

  @Test("a rewrite can be cancelled between its groups; nothing stays behind")
  func cancelled() async throws {
    let place = try Place()
    try await place.run(
      "CREATE TABLE t (id bigint, part int) PARTITIONED BY (part) LOCATION 'mem://b/t' TBLPROPERTIES ('table_type' = 'ICEBERG')")
    let values = (0..<60).map { "(\($0), \($0))" }.joined(separator: ", ")
    for _ in 0..<2 { try await place.run("INSERT INTO t VALUES \(values)") }
    let files = place.store.locations
    let session = place.engine.makeSession()
    let seen = Mutex<Progress?>(nil)
    place.store.before(call: place.store.callCount + 60) {
      seen.withLock { $0 = session.progress }
      session.cancel()
    }
    let error = await #expect(throws: SQLError.self) {
      for try await _ in try await session.run("CALL system.rewrite_data_files(table => 't', options => map('rewrite-all', 'true'))").rows {}
    }
    #expect(error?.code == .userCanceled)
    let progress = try #require(seen.withLock { $0 })
    #expect(progress.filesTotal == 120)
    #expect(progress.filesDone > 0 && progress.filesDone < 120)
    #expect(progress.fileBytesDone > 0)
    #expect(place.store.locations == files)
  }
}
