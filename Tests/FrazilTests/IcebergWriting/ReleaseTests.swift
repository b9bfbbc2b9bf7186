import Frazil
import Storage
import Testing
import TestSupport

/// What a statement holds goes with it: an engine that nobody has any more leaves neither its store nor threads behind.
@Suite struct ReleaseTests {
  @Test("statements that write keep nothing")
  func writes() async throws {
    let scratch = ScratchFolder()
    weak var store: MemoryStore?
    do {
      let memory = MemoryStore()
      store = memory
      let session = try Engine(Configuration(warehouse: scratch.path), stores: ["mem": memory]).makeSession()
      for sql in [
        "CREATE TABLE t (id bigint) LOCATION 'mem://b/t' TBLPROPERTIES ('table_type' = 'ICEBERG')",
        "INSERT INTO t VALUES (1), (2)", "UPDATE t SET id = id + 1", "DELETE FROM t WHERE id = 2",
        "MERGE INTO t USING (VALUES BIGINT '7') AS s(id) ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id)",
      ] {
        for try await _ in try await session.run(sql).rows {}
      }
    }
    // A worker's last reference may go a moment after the statement's result has come, on a busy machine a long one.
    for _ in 0..<6_000 where store != nil { try await Task.sleep(for: .milliseconds(10)) }
    #expect(store == nil)
  }
}
