import SQLSyntax
import Testing

/// Every rule of strict mode that looks at syntax refuses its example, and lets what Athena has pass.
@Suite struct AthenaRuleTests {
  /// By rule: what it refuses, and what stands close to it and is fine.
  private static let examples: [String: (refused: [String], accepted: [String])] = [
    "query-length": (["SELECT '\(String(repeating: "x", count: 262_144))'"], ["SELECT '\(String(repeating: "x", count: 262_000))'"]),
    "function-arguments": (["SELECT greatest(\(list(128)))"], ["SELECT greatest(\(list(127)))"]),
    "array-elements": (["SELECT ARRAY[\(list(255))]"], ["SELECT ARRAY[\(list(254))]"]),
    "row-limit": (["SELECT 1 LIMIT 2147483648"], ["SELECT 1 LIMIT 2147483647", "SELECT 1 LIMIT ALL"]),
    "buckets": (
      [
        "CREATE EXTERNAL TABLE t (a int) CLUSTERED BY (a) INTO 101 BUCKETS LOCATION 's3://b/t/'",
        "CREATE TABLE t WITH (bucketed_by = ARRAY['a'], bucket_count = 101) AS SELECT 1 AS a",
      ], ["CREATE EXTERNAL TABLE t (a int) CLUSTERED BY (a) INTO 100 BUCKETS LOCATION 's3://b/t/'"]
    ),
    "statements": (
      [
        "CALL system.expire_snapshots('t')", "USE db", "TRUNCATE TABLE t", "COMMENT ON TABLE t IS 'x'", "CREATE TABLE t LIKE s", "SET TIME ZONE 'UTC'",
        "START TRANSACTION", "COMMIT", "ROLLBACK", "DESCRIBE INPUT p", "DESCRIBE OUTPUT p",
      ], ["SHOW TABLES", "DESCRIBE t", "DEALLOCATE PREPARE p", "SET SESSION strict_athena = false"]
    ),
    "prepare": (["PREPARE p FROM DELETE FROM t", "PREPARE p FROM DROP TABLE t"], ["PREPARE p FROM SELECT ?", "PREPARE p FROM INSERT INTO t SELECT 1"]),
    "insert-overwrite": (
      ["INSERT OVERWRITE t SELECT 1", "INSERT INTO t PARTITION (k = 'v') SELECT 1"], ["INSERT INTO t (a) SELECT 1"]
    ),
    "row-change-alias": (["UPDATE t x SET a = 1", "DELETE FROM t AS x"], ["UPDATE t SET a = 1", "DELETE FROM t WHERE a = 1"]),
    "merge-clauses": (
      [
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET *", "MERGE INTO t USING s ON t.a = s.a WHEN NOT MATCHED THEN INSERT *",
        "MERGE INTO t USING s ON t.a = s.a WHEN NOT MATCHED BY SOURCE THEN DELETE",
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET t.a = 1",
        "MERGE INTO t USING s ON t.a = s.a WHEN NOT MATCHED THEN INSERT (t.a) VALUES (1)",
      ],
      [
        "MERGE INTO t AS x USING s AS y ON x.a = y.a WHEN MATCHED AND y.a > 1 THEN DELETE WHEN MATCHED THEN UPDATE SET a = y.a WHEN NOT MATCHED THEN INSERT (a) VALUES (y.a)"
      ]
    ),
    "update-target": (["UPDATE t SET t.a = 1"], ["UPDATE t SET a = t.b"]),
    "replace-table": (["CREATE OR REPLACE TABLE t AS SELECT 1 AS a", "REPLACE TABLE t AS SELECT 1 AS a"], ["CREATE TABLE t AS SELECT 1 AS a"]),
    "using": (["CREATE TABLE t (a int) USING iceberg"], []),
    "table-location": (
      ["CREATE TABLE t (a int) TBLPROPERTIES ('table_type' = 'ICEBERG')"],
      ["CREATE TABLE t (a int) LOCATION 's3://b/t/' TBLPROPERTIES ('table_type' = 'ICEBERG')"]
    ),
    "column-constraints": (
      [iceberg("a int NOT NULL"), "ALTER TABLE t ADD COLUMNS (a int DEFAULT 1)"], [iceberg("a int COMMENT 'x'"), "ALTER TABLE t ADD COLUMNS (a int)"]
    ),
    "iceberg-types": (
      ["tinyint", "smallint", "char(3)", "time", "uuid", "timestamp with time zone", "array<smallint>", "struct<x: map<string, tinyint>>"].map { iceberg("a \($0)") },
      [iceberg("a int, b bigint, c timestamp, d decimal(9, 2), e array<struct<x: string>>, f binary"), "CREATE EXTERNAL TABLE t (a tinyint) LOCATION 's3://b/t/'"]
    ),
    "partition-transforms": (
      [iceberg("d date", partition: "days(d)"), iceberg("d timestamp", partition: "hours(d)")],
      [iceberg("d date", partition: "day(d)"), iceberg("d string", partition: "bucket(16, d)"), iceberg("d string", partition: "d")]
    ),
    "table-properties": (
      [
        "CREATE TABLE t (a int) LOCATION 's3://b/t/' TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '2')",
        "ALTER TABLE t SET TBLPROPERTIES ('write.upsert.enabled' = 'true')",
      ],
      [
        "CREATE TABLE t (a int) LOCATION 's3://b/t/' TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd')",
        "ALTER TABLE t SET TBLPROPERTIES ('vacuum_max_snapshot_age_seconds' = '3600')",
      ]
    ),
    "alter-table": (
      [
        "ALTER TABLE t ADD COLUMN a int", "ALTER TABLE t RENAME COLUMN a TO b", "ALTER TABLE t DROP COLUMN IF EXISTS a", "ALTER TABLE t DROP COLUMNS (a, b)",
        "ALTER TABLE IF EXISTS t DROP COLUMN a", "ALTER TABLE t ADD PARTITION FIELD bucket(4, a)", "ALTER TABLE t CREATE BRANCH b", "ALTER TABLE t ALTER COLUMN a TYPE bigint",
      ],
      [
        "ALTER TABLE t ADD COLUMNS (a int)", "ALTER TABLE t DROP COLUMN a", "ALTER TABLE t CHANGE COLUMN a b bigint AFTER c", "ALTER TABLE t RENAME TO u",
        "ALTER TABLE t ADD PARTITION (k = 'v')",
      ]
    ),
    "alter-schema": (["ALTER DATABASE d SET LOCATION 's3://b/'"], ["ALTER DATABASE d SET DBPROPERTIES ('k' = 'v')"]),
    "drop-purge": (["DROP TABLE t PURGE"], ["DROP TABLE IF EXISTS t"]),
    "view-clauses": (["CREATE VIEW IF NOT EXISTS v AS SELECT 1 AS a"], ["CREATE OR REPLACE VIEW v AS SELECT 1 AS a"]),
    "pivot": (["SELECT * FROM t PIVOT (count(*) FOR k IN ('a'))", "SELECT * FROM t UNPIVOT (v FOR k IN (a, b))"], []),
    "qualify": (["SELECT a FROM t QUALIFY row_number() OVER (ORDER BY a) = 1"], []),
    "file-functions": (
      ["SELECT * FROM read_csv('x.csv')", "SELECT * FROM TABLE(read_csv('x.csv'))"], ["SELECT * FROM TABLE(sequence(1, 3))"]
    ),
    "table-names": (["SELECT * FROM c.d.t.files"], ["SELECT * FROM c.d.\"t$files\""]),
    "spark-time-travel": (
      ["SELECT * FROM t VERSION AS OF 1", "SELECT * FROM t FOR SYSTEM_TIME AS OF current_timestamp"],
      ["SELECT * FROM t FOR VERSION AS OF 1", "SELECT * FROM t FOR TIMESTAMP AS OF current_timestamp"]
    ),
    "named-parameters": (["SELECT :name"], ["SELECT ?"]),
    "functions": (
      [
        "SELECT size(a)", "SELECT aggregate(a, 0, (s, x) -> s + x)", "SELECT date_add(d, 1)", "SELECT to_date(s)", "SELECT to_date(s, 'yyyy-MM-dd')", "SELECT count(*) FROM t WHERE x IN (SELECT initcap(s) FROM u)",
        "EXPLAIN SELECT size(a)", "CREATE VIEW v AS SELECT size(a) AS n FROM t",
      ], ["SELECT cardinality(a)", "SELECT date_add('day', 1, d)", "SELECT to_date(s, 'yyyy/mm/dd')"]
    ),
  ]

  private static func list(_ count: Int) -> String { Array(repeating: "1", count: count).joined(separator: ", ") }

  private static func iceberg(_ columns: String, partition: String? = nil) -> String {
    "CREATE TABLE t (\(columns))\(partition.map { " PARTITIONED BY (\($0))" } ?? "") LOCATION 's3://b/t/' TBLPROPERTIES ('table_type' = 'ICEBERG')"
  }

  @Test("a rule refuses its examples, and nothing that is near them on Athena")
  func examples() throws {
    for (rule, example) in Self.examples {
      for text in example.refused {
        let error = #expect(throws: SQLError.self, "\(rule): \(text.prefix(100))") { try AthenaRule.check(try Parser.parseStatement(text)) }
        #expect(error?.hint?.contains("strict_athena") == true, "\(rule): \(text.prefix(100)): \(error.map { "\($0)" } ?? "")")
      }
      for text in example.accepted {
        #expect(throws: Never.self, "\(rule): \(text.prefix(100))") { try AthenaRule.check(try Parser.parseStatement(text)) }
      }
    }
  }

  @Test("every rule has an example and names the pages it comes from")
  func complete() {
    let bound = [
      AthenaRule.textAsTime, AthenaRule.usingColumns, AthenaRule.timestampPrecision, AthenaRule.optimizeFilter, AthenaRule.partitionCount, AthenaRule.recursionDepth,
    ]
    #expect(AthenaRule.all.map(\.name).sorted() == (Array(Self.examples.keys) + bound).sorted())
    #expect(AthenaRule.all.allSatisfy { !$0.source.isEmpty })
  }
}
