import Frazil
import Storage
import Synchronization

/// Two statements of which one commits right before the other does. Each race shows one rule of isolation.
struct Race: Sendable {
  var name: String
  var version = 2
  var isolation = "serializable"
  /// Commits last, if it may.
  var statement: String
  /// Commits while the other one is about to.
  var meanwhile: String
  /// The ids that are there in the end where both may commit; nil where the first must be refused.
  var expected: [Int64]?

  /// The table has ids 1 and 2 in region a, and 3 in region b.
  static let all = [
    Race(
      name: "INSERT OVERWRITE of a row that is updated meanwhile", statement: "INSERT OVERWRITE t VALUES (9, 'a', 9)",
      meanwhile: "UPDATE t SET x = 7 WHERE id = 1", expected: nil),
    Race(
      name: "TRUNCATE of a row that is updated meanwhile", statement: "TRUNCATE TABLE t", meanwhile: "UPDATE t SET x = 7 WHERE id = 1",
      expected: nil),
    Race(
      name: "INSERT OVERWRITE of a table that a row is added to meanwhile", statement: "INSERT OVERWRITE t VALUES (9, 'a', 9)",
      meanwhile: "INSERT INTO t VALUES (4, 'a', 4)", expected: nil),
    Race(
      name: "TRUNCATE of a table that a row is added to meanwhile", statement: "TRUNCATE TABLE t",
      meanwhile: "INSERT INTO t VALUES (4, 'a', 4)", expected: nil),
    Race(
      name: "INSERT OVERWRITE of a row that is deleted meanwhile", statement: "INSERT OVERWRITE t VALUES (9, 'a', 9)",
      meanwhile: "DELETE FROM t WHERE id = 1", expected: nil),
    Race(
      name: "DELETE of a row that is updated meanwhile, under snapshot isolation", isolation: "snapshot",
      statement: "DELETE FROM t WHERE id = 1", meanwhile: "UPDATE t SET x = 7 WHERE id = 1", expected: nil),
    Race(
      name: "DELETE of a file with a row that is updated meanwhile, under snapshot isolation", isolation: "snapshot",
      statement: "DELETE FROM t WHERE region = 'a'", meanwhile: "UPDATE t SET x = 7 WHERE id = 1", expected: nil),
    Race(
      name: "DELETE of another row of a file", statement: "DELETE FROM t WHERE id = 1", meanwhile: "DELETE FROM t WHERE id = 2", expected: [3]),
    Race(
      name: "DELETE of another row of a file with deletion vectors", version: 3, statement: "DELETE FROM t WHERE id = 1",
      meanwhile: "DELETE FROM t WHERE id = 2", expected: nil),
    Race(
      name: "MERGE that found a row which is deleted meanwhile",
      statement: """
        MERGE INTO t USING (VALUES (1, 'a', 1), (8, 'a', 8)) AS s(id, region, x) ON t.id = s.id
        WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.region, s.x)
        """, meanwhile: "DELETE FROM t WHERE id IN (1, 8)", expected: nil),
    Race(
      name: "MERGE that found a row whose file is removed meanwhile",
      statement: """
        MERGE INTO t USING (VALUES (3, 'b', 1), (8, 'b', 8)) AS s(id, region, x) ON t.id = s.id
        WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.region, s.x)
        """, meanwhile: "DELETE FROM t WHERE id IN (3, 8)", expected: nil),
    Race(
      name: "the same under snapshot isolation", isolation: "snapshot",
      statement: """
        MERGE INTO t USING (VALUES (3, 'b', 1), (8, 'b', 8)) AS s(id, region, x) ON t.id = s.id
        WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.region, s.x)
        """, meanwhile: "DELETE FROM t WHERE id IN (3, 8)", expected: [1, 2, 8]),
    Race(
      name: "MERGE in another partition than a DELETE",
      statement: """
        MERGE INTO t USING (VALUES (1, 'a', 1), (8, 'a', 8)) AS s(id, region, x) ON t.id = s.id AND t.region = 'a'
        WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.region, s.x)
        """, meanwhile: "DELETE FROM t WHERE id = 3 AND region = 'b'", expected: [1, 2, 8]),
    Race(
      name: "UPDATE that would have had to look at a new row", statement: "UPDATE t SET x = 0 WHERE region = 'a'",
      meanwhile: "INSERT INTO t VALUES (4, 'a', 4)", expected: nil),
    Race(
      name: "UPDATE in another partition than an INSERT", statement: "UPDATE t SET x = 0 WHERE region = 'a'",
      meanwhile: "INSERT INTO t VALUES (4, 'b', 4)", expected: [1, 2, 3, 4]),
  ]

  func run(lockFolder: String) async throws {
    let place = Place(store: MemoryStore(), folder: "/memory", lockFolder: lockFolder)
    let other = try place.session()
    try await other.rows(
      """
      CREATE TABLE t (id bigint, region varchar, x bigint) PARTITIONED BY (region) LOCATION '/memory/t'
      TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '\(version)', 'write.delete.isolation-level' = '\(isolation)',
        'write.update.isolation-level' = '\(isolation)', 'write.merge.isolation-level' = '\(isolation)')
      """)
    try await other.rows("INSERT INTO t VALUES (1, 'a', 10), (2, 'a', 20), (3, 'b', 30)")
    let failure = Mutex<(any Error)?>(nil)
    let isFirst = Mutex(true)
    var catalog = WatchedCatalog(inner: place.catalog(place.store))
    catalog.beforeChange = {
      let interferes = isFirst.withLock { isFirst in
        defer { isFirst = false }
        return isFirst
      }
      guard interferes else { return }
      do { try await other.rows(meanwhile) } catch { failure.withLock { $0 = error } }
    }
    var refusal: SQLError?
    let session = try place.session(through: nil, catalog)
    do throws(SQLError) { _ = try await session.run(statement).allRows() } catch { refusal = error }
    if let failure = failure.withLock({ $0 }) { throw Broken("what comes in between failed: \(failure)") }
    let ids = try await other.rows("SELECT id FROM t ORDER BY id")
    switch (expected, refusal) {
    case (nil, nil): throw Broken("it committed, and the ids are \(ids)")
    case (nil, let refusal?):
      guard refusal.code == .icebergCommitError else { throw Broken("refused with \(refusal)") }
    case (_?, let refusal?): throw Broken("it was refused: \(refusal)")
    case (let expected?, nil):
      guard ids == expected.map({ [.integer($0)] }) else { throw Broken("the ids are \(ids)") }
    }
    let strays = try await place.strays()
    guard strays.isEmpty else { throw Broken("left behind: \(strays.sorted())") }
  }
}
