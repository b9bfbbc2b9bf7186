/// One statement and the table it is for.
struct Scenario: Sendable {
  var name: String
  /// Statements that make the table, a day apart, the last of them ten days ago.
  var setup: [String]
  var statement: String
  /// What else than columns, rows and references tells the old state from the new one.
  var inspection: String?
  /// A file that belongs to nothing lies in the table's folder from the start.
  var hasOrphan = false
  /// It removes files after its commit, and says so when it cannot: then some of those that were there before stay.
  var removesFiles = false

  /// Every statement on every kind of table.
  static var all: [Scenario] {
    var found: [Scenario] = []
    for version in [2, 3] {
      for mode in ["merge-on-read", "copy-on-write"] {
        found += rowChanges.map { name, statement in
          Scenario(name: "\(name) v\(version) \(mode)", setup: table(version, mode), statement: statement)
        }
      }
      found += maintenance(version)
    }
    return found
  }

  private static func table(_ version: Int, _ mode: String, _ properties: String = "") -> [String] {
    [
      """
      CREATE TABLE t (id bigint, region string, x double) PARTITIONED BY (region) LOCATION '${FOLDER}/t'
      TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '\(version)', 'write.delete.mode' = '\(mode)',
        'write.update.mode' = '\(mode)', 'write.merge.mode' = '\(mode)'\(properties))
      """,
      "INSERT INTO t VALUES (1, 'a', 0.5), (2, 'b', NULL), (3, 'a', 1.5), (4, 'b', 2.5), (8, 'c', 8.5)",
      "INSERT INTO t VALUES (5, 'a', 3.5), (6, 'b', 4.5), (7, 'a', 5.5)",
      "DELETE FROM t WHERE id IN (3, 5)",
    ]
  }

  private static let rowChanges = [
    ("INSERT", "INSERT INTO t SELECT id + 10, region, x FROM t UNION ALL VALUES (9, 'd', 1e0)"),
    ("CREATE OR REPLACE TABLE AS", "CREATE OR REPLACE TABLE t AS SELECT id + 10 AS id, region, x FROM t"),
    ("INSERT OVERWRITE", "INSERT OVERWRITE t SELECT id + 10, region, x FROM t WHERE region <> 'b'"),
    ("UPDATE", "UPDATE t SET x = 9e0 WHERE id IN (1, 2, 6)"),
    ("UPDATE of the partition", "UPDATE t SET region = 'z' WHERE id = 1"),
    ("DELETE of rows", "DELETE FROM t WHERE id IN (1, 2, 7)"),
    ("DELETE of files", "DELETE FROM t WHERE region IN ('b', 'c')"),
    (
      "MERGE",
      """
      MERGE INTO t USING (VALUES (1, 'a', 7e0), (6, 'b', NULL), (20, 'd', 8e0)) AS s(id, region, x) ON t.id = s.id
      WHEN MATCHED AND s.x IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET x = s.x
      WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.region, s.x)
      """
    ),
    ("TRUNCATE", "TRUNCATE TABLE t"),
  ]

  private static func maintenance(_ version: Int) -> [Scenario] {
    let setup = table(version, "merge-on-read")
    let keepsOne = table(version, "merge-on-read", ", 'vacuum_max_snapshot_age_seconds' = '86400', 'vacuum_min_snapshots_to_keep' = '1'")
    let snapshots = "SELECT count(*) FROM \"t$snapshots\""
    let changes = [
      ("rollback", setup, "CALL system.rollback_to_timestamp('t', TIMESTAMP '2025-12-21 12:00:00')"),
      ("ADD COLUMNS", setup, "ALTER TABLE t ADD COLUMNS (y int)"),
      ("DROP COLUMN", setup, "ALTER TABLE t DROP COLUMN x"),
      ("RENAME COLUMN", setup, "ALTER TABLE t RENAME COLUMN x TO y"),
      ("SET TBLPROPERTIES", setup, "ALTER TABLE t SET TBLPROPERTIES ('write.metadata.compression-codec' = 'gzip')"),
      ("ANALYZE", setup, "ANALYZE t"),
      ("compute_partition_stats", setup, "CALL system.compute_partition_stats('t')"),
      ("ADD PARTITION FIELD", setup, "ALTER TABLE t ADD PARTITION FIELD bucket(2, id)"),
      ("CREATE BRANCH", setup, "ALTER TABLE t CREATE BRANCH audit"),
      ("DROP BRANCH", setup + ["ALTER TABLE t CREATE BRANCH audit"], "ALTER TABLE t DROP BRANCH audit"),
      ("CREATE TAG", setup, "ALTER TABLE t CREATE TAG here"),
      ("OPTIMIZE", setup, "OPTIMIZE t REWRITE DATA USING BIN_PACK"),
      (
        "rewrite_data_files", setup,
        "CALL system.rewrite_data_files(table => 't', options => map('min-input-files', '2', 'delete-file-threshold', '1'))"
      ),
    ].map { name, setup, statement in Scenario(name: "\(name) v\(version)", setup: setup, statement: statement) }
    let removals = [
      Scenario(name: "VACUUM v\(version)", setup: keepsOne, statement: "VACUUM t", hasOrphan: true),
      Scenario(
        name: "expire_snapshots v\(version)", setup: setup,
        statement: "CALL system.expire_snapshots(table => 't', older_than => TIMESTAMP '2030-01-01 00:00:00', retain_last => 1)",
        inspection: snapshots),
      Scenario(name: "remove_orphan_files v\(version)", setup: setup, statement: "CALL system.remove_orphan_files('t')", hasOrphan: true),
    ].map { scenario in
      var scenario = scenario
      scenario.removesFiles = true
      return scenario
    }
    return changes + removals
  }
}
