import Frazil
import Storage
import Testing
import TestSupport

/// With a fixed clock and seed, two runs of a script write the same bytes, whatever the number of workers.
@Suite struct ReproducibleTests {
  private func files(workers: Int) async throws -> [String: [UInt8]] {
    let scratch = ScratchFolder()
    let store = MemoryStore()
    var configuration = Configuration(warehouse: scratch.path)
    configuration.workers = workers
    configuration.now = 1_767_225_600_000_000
    configuration.seed = 42
    let session = try Engine(configuration, stores: ["mem": store]).makeSession()
    for sql in [
      "CREATE TABLE t (id bigint, part bigint, s string) PARTITIONED BY (bucket(4, id), part) LOCATION 'mem://b/t' TBLPROPERTIES ('table_type' = 'ICEBERG')",
      """
      INSERT INTO t WITH d(d) AS (VALUES 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
      SELECT n, n % 3, CAST(n AS varchar) FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS n FROM d a, d b, d c, d e) s
      """,
      "INSERT INTO t SELECT id * 7, part, s FROM t",
      "CREATE TABLE u WITH (table_type = 'ICEBERG', is_external = false, location = 'mem://b/u') AS SELECT part, count(*) AS c FROM t GROUP BY part ORDER BY 1",
    ] {
      for try await _ in try await session.run(sql).rows {}
    }
    var contents: [String: [UInt8]] = [:]
    for location in store.locations { contents[location.text] = try await store.read(location).array }
    return contents
  }

  @Test("same bytes, same names")
  func sameBytes() async throws {
    let first = try await files(workers: 1)
    #expect(first.count > 20)
    #expect(try await files(workers: 1) == first)
    #expect(try await files(workers: 4) == first)
  }
}
