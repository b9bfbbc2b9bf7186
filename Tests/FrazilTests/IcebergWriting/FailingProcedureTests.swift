import Frazil
import Storage
import Testing
import TestSupport

/// Procedures against a store that fails at its nth call: a failed one leaves the tables as they were, and no file.
@Suite struct FailingProcedureTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let setup: [String]
    let call: String
    /// One number before, and after success.
    let query: String
    let before: Int64
    let after: Int64
  }

  private static let table = "CREATE TABLE t (id bigint) LOCATION 'mem://b/t' TBLPROPERTIES ('table_type' = 'ICEBERG'"
  private static let hive = [
    "UNLOAD (SELECT 1 AS id) TO 'mem://b/h'", "CREATE EXTERNAL TABLE h (id bigint) STORED AS PARQUET LOCATION 'mem://b/h/'",
  ]

  static let cases = [
    Case(
      testDescription: "rewrite_manifests",
      setup: [table + ", 'commit.manifest-merge.enabled' = 'false')", "INSERT INTO t VALUES 1", "INSERT INTO t VALUES 2"],
      call: "CALL system.rewrite_manifests('t')", query: "SELECT count(*) FROM t.manifests", before: 2, after: 1),
    Case(
      testDescription: "rewrite_position_delete_files",
      setup: [
        table + ")", "INSERT INTO t VALUES 1, 2, 3, 4", "DELETE FROM t WHERE id = 1", "DELETE FROM t WHERE id = 2",
      ],
      call: "CALL system.rewrite_position_delete_files(table => 't', options => map('min-input-files', '2'))",
      query: "SELECT count(*) FROM t.delete_files", before: 2, after: 1),
    Case(
      testDescription: "publish_changes",
      setup: [
        table + ", 'write.wap.enabled' = 'true')", "INSERT INTO t VALUES 1", "SET spark.wap.id = 'x'", "INSERT INTO t VALUES 2",
        "RESET spark.wap.id", "INSERT INTO t VALUES 3",
      ],
      call: "CALL system.publish_changes('t', 'x')", query: "SELECT sum(id) FROM t", before: 4, after: 6),
    Case(
      testDescription: "add_files", setup: hive + [table + ")"], call: "CALL system.add_files('t', 'h')",
      query: "SELECT count(*) FROM t", before: 0, after: 1),
    Case(
      testDescription: "snapshot", setup: hive, call: "CALL system.snapshot(source_table => 'h', table => 's', location => 'mem://b/s')",
      query: "SELECT count(*) FROM information_schema.tables WHERE table_name = 's'", before: 0, after: 1),
    Case(
      testDescription: "migrate", setup: hive, call: "CALL system.migrate('h')",
      query: "SELECT count(*) FROM information_schema.tables WHERE table_name = 'h_backup_'", before: 0, after: 1),
  ]

  @Test("a failed procedure changes nothing", arguments: cases, [MemoryStore.Fault.Moment.before, .after])
  func failing(_ test: Case, _ moment: MemoryStore.Fault.Moment) async throws {
    var failures = 0
    for call in 1...40 {
      let scratch = ScratchFolder()
      let store = MemoryStore()
      var configuration = Configuration(warehouse: scratch.path)
      configuration.workers = 1
      let session = try Engine(configuration, stores: ["mem": store]).makeSession()
      func number(_ sql: String) async throws -> [[ResultValue]] { try await session.run(sql).allRows() }
      for sql in test.setup { for try await _ in try await session.run(sql).rows {} }
      let files = store.locations
      store.inject(MemoryStore.Fault(call: store.callCount + call, moment, .diskFull))
      var isDone = true
      do {
        for try await _ in try await session.run(test.call).rows {}
      } catch {
        isDone = false
        failures += 1
        #expect(store.locations == files, "call \(call): \(error)")
      }
      store.clearFaults()
      let found = try await number(test.query)
      #expect(found == [[.integer(isDone ? test.after : test.before)]], "call \(call)")
      if test.setup[0].hasPrefix("UNLOAD") { #expect(try await number("SELECT id FROM h") == [[.integer(1)]], "call \(call)") }
    }
    // Manifest, list and metadata file are written at least.
    #expect(failures >= 3)
  }
}
