import SQLSyntax
import Testing

/// Every family of statement of the dialect, with the name it goes by in messages.
@Suite struct StatementTests {
  @Test("queries and data statements parse", arguments: [
    ("SELECT 1", "SELECT"),
    ("/* { \"app\": \"dbt\" } */ -- note\nSELECT 1 ; -- done", "SELECT"),
    ("VALUES 1, 2", "VALUES"),
    ("TABLE t", "TABLE"),
    ("(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1", "SELECT"),
    ("WITH a AS (SELECT 1), b(x, y) AS (TABLE a) SELECT * FROM b", "SELECT"),
    ("WITH RECURSIVE t(n) AS (VALUES 1 UNION ALL SELECT n+1 FROM t WHERE n<5) SELECT * FROM t", "SELECT"),
    ("INSERT INTO t VALUES (1, 'a')", "INSERT"),
    ("insert into t (a,b) ( select 1, 2 );", "INSERT"),
    ("INSERT INTO t (SELECT 1)", "INSERT"),
    ("INSERT OVERWRITE t PARTITION (k = 'v', d) SELECT * FROM s", "INSERT OVERWRITE"),
    ("INSERT OVERWRITE TABLE local.db.t SELECT 1", "INSERT OVERWRITE"),
    ("UPDATE t SET a = b, b = a WHERE id IN (SELECT id FROM s)", "UPDATE"),
    ("UPDATE db.t AS x SET a = 1", "UPDATE"),
    ("DELETE FROM t x WHERE x.a IS NULL", "DELETE"),
    ("""
     MERGE INTO t AS target USING (SELECT * FROM s) AS source ON target.id = source.id AND FALSE
     WHEN MATCHED AND source.op = 'D' THEN DELETE
     WHEN MATCHED THEN UPDATE SET target.a = source.a, b = 1
     WHEN NOT MATCHED BY TARGET THEN INSERT (id, a) VALUES (source.id, source.a)
     WHEN NOT MATCHED BY SOURCE AND target.a > 1 THEN DELETE
     """, "MERGE"),
    ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *", "MERGE"),
    ("MERGE INTO target USING source ON true WHEN MATCHED THEN UPDATE SET target.* = source.*", "MERGE"),
    ("TRUNCATE TABLE t", "TRUNCATE TABLE"),
    ("UNLOAD (SELECT 1 AS a) TO 's3://b/p/' WITH (  format='PARQUET'  , compression='snappy', partitioned_by = ARRAY['a'])", "UNLOAD"),
    ("OPTIMIZE db.t REWRITE DATA USING BIN_PACK WHERE d > DATE '2020-01-01'", "OPTIMIZE"),
    ("VACUUM db.t", "VACUUM"),
    ("ANALYZE TABLE t COMPUTE STATISTICS FOR COLUMNS a, b", "ANALYZE"),
    ("MSCK REPAIR TABLE db.t", "MSCK REPAIR TABLE"),
    ("MSCK REPAIR TABLE db.t SYNC PARTITIONS", "MSCK REPAIR TABLE"),
    ("""
     CALL cat.system.rewrite_data_files(table => 'db.t', options => map('min-input-files','2'),
       target_file_size_bytes => 134217728 -- 128MB
     )
     """, "CALL"),
    ("CALL system.expire_snapshots('db.t', TIMESTAMP '2024-01-01 00:00:00', array(1, 2))", "CALL"),
  ])
  func dataStatements(sql: String, kind: String) throws {
    let statement = try Parser.parseStatement(sql)
    #expect(statement.kindName == kind)
    #expect(try Parser.parseStatement(SQLPrinter.print(statement)) == statement)
  }

  @Test("definitions parse", arguments: [
    ("CREATE DATABASE IF NOT EXISTS db COMMENT 'c' LOCATION 's3://b/' WITH DBPROPERTIES ('k'='v')", "CREATE SCHEMA"),
    ("CREATE NAMESPACE a.b WITH PROPERTIES ('k'='v')", "CREATE SCHEMA"),
    ("ALTER DATABASE db SET DBPROPERTIES ('k'='v')", "ALTER SCHEMA"),
    ("DROP SCHEMA IF EXISTS db CASCADE", "DROP SCHEMA"),
    ("""
     CREATE TABLE IF NOT EXISTS db.t (id bigint COMMENT 'key', ts timestamp(6), `date` date, m map<string,array<int>>,
       s struct<a:int COMMENT 'x', b: struct<c:decimal(5,2)>>, _ingested_at timestamp)
     COMMENT 'table' PARTITIONED BY (day(ts), bucket(16, id), truncate(s, 4), `date`, `hour`(`ts`))
     LOCATION 's3://b/p/' TBLPROPERTIES ('table_type'='ICEBERG', "format"="parquet")
     """, "CREATE TABLE"),
    ("""
     CREATE EXTERNAL TABLE t (a string, b double) PARTITIONED BY (year int, month int COMMENT 'm') CLUSTERED BY (a) SORTED BY (b DESC) INTO 4 BUCKETS
     ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' COLLECTION ITEMS TERMINATED BY ',' MAP KEYS TERMINATED BY ':' LINES TERMINATED BY '\\n' NULL DEFINED AS ''
     STORED AS TEXTFILE LOCATION 's3://b/' TBLPROPERTIES ("skip.header.line.count"="1")
     """, "CREATE EXTERNAL TABLE"),
    ("""
     CREATE EXTERNAL TABLE t (a string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
     WITH SERDEPROPERTIES ("separatorChar" = ",", "quoteChar" = "\\"", 'escapeChar' = '\\\\')
     STORED AS INPUTFORMAT 'i' OUTPUTFORMAT 'o' LOCATION 's3://b/'
     """, "CREATE EXTERNAL TABLE"),
    ("""
     create table "awsdatacatalog"."db"."t" with (table_type='iceberg', is_external=false, location='x',
       partitioning=ARRAY['day(ts)'], format='parquet', vacuum_max_snapshot_age_seconds=86400) as select 1 as a
     """, "CREATE TABLE AS"),
    ("CREATE TABLE t AS SELECT 1 a WITH NO DATA", "CREATE TABLE AS"),
    ("CREATE TABLE t (a int DEFAULT 1 NOT NULL COMMENT 's', b string DEFAULT 'x') USING iceberg", "CREATE TABLE"),
    ("CREATE TABLE t (a, b) AS VALUES (1, 2)", "CREATE TABLE AS"),
    ("CREATE TABLE glue.db.t (id BIGINT NOT NULL COMMENT 'k', data STRING, point STRUCT<x: DOUBLE, y DOUBLE>) USING iceberg PARTITIONED BY (days(ts), bucket(4, id)) TBLPROPERTIES ('format-version'='2', write.format.default='parquet')", "CREATE TABLE"),
    ("CREATE OR REPLACE TABLE t USING iceberg OPTIONS ('a' = 'b') AS SELECT * FROM s", "CREATE OR REPLACE TABLE AS"),
    ("REPLACE TABLE t USING iceberg AS SELECT 1", "REPLACE TABLE AS"),
    ("CREATE TABLE a LIKE b", "CREATE TABLE LIKE"),
    ("CREATE OR REPLACE VIEW v (a COMMENT 'x', b) COMMENT 'y' AS SELECT 1, 2", "CREATE OR REPLACE VIEW"),
    ("CREATE VIEW v AS SELECT 1", "CREATE VIEW"),
    ("ALTER VIEW v RENAME TO w", "ALTER VIEW"),
    ("drop table if exists `db`.`t`", "DROP TABLE"),
    ("DROP TABLE t PURGE", "DROP TABLE"),
    ("DROP VIEW IF EXISTS v", "DROP VIEW"),
    ("COMMENT ON TABLE t IS 'x'", "COMMENT ON TABLE"),
    ("COMMENT ON COLUMN t.a IS NULL", "COMMENT ON COLUMN"),
  ])
  func definitions(sql: String, kind: String) throws {
    let statement = try Parser.parseStatement(sql)
    #expect(statement.kindName == kind)
    #expect(try Parser.parseStatement(SQLPrinter.print(statement)) == statement)
  }

  @Test("ALTER TABLE parses in the words of Hive, Trino and Spark", arguments: [
    ("ADD COLUMNS (c int COMMENT 's', d string)", "ADD COLUMNS"),
    ("ADD COLUMN c int", "ADD COLUMNS"),
    ("ADD COLUMN point.z double AFTER y", "ADD COLUMNS"),
    ("ADD COLUMN IF NOT EXISTS c int FIRST", "ADD COLUMNS"),
    ("ADD COLUMN c int NOT NULL DEFAULT 1 + 1 COMMENT 's' AFTER b", "ADD COLUMNS"),
    ("DROP COLUMN c", "DROP COLUMN"),
    ("DROP COLUMNS a, b.element", "DROP COLUMN"),
    ("CHANGE a b bigint COMMENT 's' AFTER c", "CHANGE COLUMN"),
    ("CHANGE COLUMN a b bigint FIRST", "CHANGE COLUMN"),
    ("CHANGE COLUMN a comment string", "CHANGE COLUMN"),
    ("CHANGE COLUMN a COMMENT 'x'", "ALTER COLUMN"),
    ("ALTER COLUMN a TYPE bigint COMMENT 'x'", "ALTER COLUMN"),
    ("ALTER COLUMN a FIRST", "ALTER COLUMN"),
    ("ALTER COLUMN a DROP NOT NULL", "ALTER COLUMN"),
    ("ALTER COLUMN a SET DATA TYPE bigint", "ALTER COLUMN"),
    ("ALTER COLUMN a SET DEFAULT 'x'", "ALTER COLUMN"),
    ("ALTER COLUMN a.b DROP DEFAULT", "ALTER COLUMN"),
    ("RENAME COLUMN a.b TO c", "RENAME COLUMN"),
    ("REPLACE COLUMNS (a int)", "REPLACE COLUMNS"),
    ("RENAME TO db.u", "RENAME TO"),
    ("SET TBLPROPERTIES ('a'='b')", "SET TBLPROPERTIES"),
    ("UNSET TBLPROPERTIES IF EXISTS ('a', 'b')", "UNSET TBLPROPERTIES"),
    ("SET PROPERTIES format = 'ORC', x = DEFAULT_VALUE", "SET PROPERTIES"),
    ("SET LOCATION 's3://b/'", "SET LOCATION"),
    ("ADD IF NOT EXISTS PARTITION (d='1', e=2) LOCATION 'x' PARTITION (d='2', e=3)", "ADD PARTITION"),
    ("DROP IF EXISTS PARTITION (d='1'), PARTITION (d > '2')", "DROP PARTITION"),
    ("PARTITION (d='1') RENAME TO PARTITION (d='2')", "PARTITION ... RENAME TO PARTITION"),
    ("PARTITION (d='1') SET LOCATION 'x'", "SET LOCATION"),
    ("ADD PARTITION FIELD bucket(16, id) AS shard", "ADD PARTITION FIELD"),
    ("DROP PARTITION FIELD days(ts)", "DROP PARTITION FIELD"),
    ("REPLACE PARTITION FIELD ts_day WITH month(ts) AS m", "REPLACE PARTITION FIELD"),
    ("WRITE ORDERED BY a DESC NULLS LAST, bucket(4, b)", "WRITE"),
    ("WRITE DISTRIBUTED BY PARTITION LOCALLY ORDERED BY a", "WRITE"),
    ("WRITE UNORDERED", "WRITE"),
    ("SET IDENTIFIER FIELDS a, b", "SET IDENTIFIER FIELDS"),
    ("DROP IDENTIFIER FIELDS a", "DROP IDENTIFIER FIELDS"),
    ("CREATE BRANCH audit AS OF VERSION 1234 RETAIN 7 DAYS WITH SNAPSHOT RETENTION 2 SNAPSHOTS 5 DAYS", "CREATE BRANCH"),
    ("CREATE OR REPLACE TAG `end-of-year` RETAIN 365 DAYS", "CREATE OR REPLACE TAG"),
    ("REPLACE BRANCH b AS OF VERSION 1", "REPLACE BRANCH"),
    ("DROP TAG IF EXISTS t", "DROP TAG"),
    ("EXECUTE optimize(file_size_threshold => '10MB') WHERE a = 1", "EXECUTE"),
  ])
  func alterTable(action: String, kind: String) throws {
    let statement = try Parser.parseStatement("ALTER TABLE db.t \(action)")
    #expect(statement.kindName == "ALTER TABLE ... \(kind)")
    #expect(try Parser.parseStatement(SQLPrinter.print(statement)) == statement)
  }

  @Test("statements that look around or change the session parse", arguments: [
    ("SHOW DATABASES LIKE 'a*'", "SHOW DATABASES"),
    ("SHOW SCHEMAS", "SHOW DATABASES"),
    ("SHOW TABLES IN db 'x.*'", "SHOW TABLES"),
    ("SHOW TABLES FROM a.b LIKE 'p'", "SHOW TABLES"),
    ("SHOW VIEWS IN db LIKE 'v*'", "SHOW VIEWS"),
    ("SHOW COLUMNS FROM t IN db", "SHOW COLUMNS"),
    ("SHOW CREATE TABLE db.t", "SHOW CREATE TABLE"),
    ("SHOW CREATE VIEW v", "SHOW CREATE VIEW"),
    ("SHOW TBLPROPERTIES t ('k')", "SHOW TBLPROPERTIES"),
    ("SHOW PARTITIONS t", "SHOW PARTITIONS"),
    ("SHOW FUNCTIONS", "SHOW FUNCTIONS"),
    ("SHOW STATS FOR (SELECT 1)", "SHOW STATS"),
    ("DESCRIBE t", "DESCRIBE"),
    ("DESC TABLE EXTENDED a.b.c x", "DESCRIBE"),
    ("DESCRIBE FORMATTED db.t", "DESCRIBE"),
    ("DESCRIBE formatted", "DESCRIBE"),
    ("DESCRIBE INPUT p", "DESCRIBE INPUT"),
    ("EXPLAIN SELECT 1", "EXPLAIN"),
    ("EXPLAIN (SELECT 1)", "EXPLAIN"),
    ("EXPLAIN (FORMAT JSON, TYPE IO) SELECT 1", "EXPLAIN"),
    ("EXPLAIN ANALYZE VERBOSE INSERT INTO t SELECT 1", "EXPLAIN ANALYZE"),
    ("PREPARE p FROM SELECT * FROM t WHERE a = ? LIMIT ?", "PREPARE"),
    ("EXECUTE p USING 1, 'x'", "EXECUTE"),
    ("EXECUTE IMMEDIATE 'SELECT ?' USING 1", "EXECUTE IMMEDIATE"),
    ("DEALLOCATE PREPARE p", "DEALLOCATE PREPARE"),
    ("SET SESSION parse_decimal_literals_as_double = false", "SET SESSION"),
    ("SET spark.sql.sources.partitionOverwriteMode = 'dynamic'", "SET SESSION"),
    ("RESET SESSION x", "RESET SESSION"),
    ("RESET spark.wap.id", "RESET SESSION"),
    ("RESET session", "RESET SESSION"),
    ("SET TIME ZONE 'UTC'", "SET TIME ZONE"),
    ("USE cat.db", "USE"),
    ("START TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION"),
    ("BEGIN", "START TRANSACTION"),
    ("COMMIT", "COMMIT"),
    ("ROLLBACK WORK", "ROLLBACK"),
  ])
  func sessionStatements(sql: String, kind: String) throws {
    let statement = try Parser.parseStatement(sql)
    #expect(statement.kindName == kind)
    #expect(try Parser.parseStatement(SQLPrinter.print(statement)) == statement)
  }
}
