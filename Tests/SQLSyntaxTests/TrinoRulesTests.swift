import SQLSyntax
import Testing

/// What is named before a script is sent to Trino or to Athena.
@Suite struct TrinoRulesTests {
  private func violations(_ sql: String) throws -> [SQLError] { TrinoRules.violations(try Parser.parseStatement(sql)) }

  @Test(
    "what comes from Hive, Athena, Spark, DuckDB or Frazil is refused, with its place",
    arguments: [
      ("UNLOAD (SELECT 1 AS a) TO 's3://b/x' WITH (format = 'PARQUET')", 0), ("VACUUM t", 0), ("OPTIMIZE t REWRITE DATA USING BIN_PACK", 0), ("MSCK REPAIR TABLE t", 0),
      ("CREATE EXTERNAL TABLE t (a int) LOCATION 's3://b/t'", 0), ("CREATE TABLE t (a int) TBLPROPERTIES ('table_type' = 'ICEBERG')", 0),
      ("ALTER TABLE t SET TBLPROPERTIES ('a' = 'b')", 0), ("SHOW TBLPROPERTIES t", 0), ("EXPLAIN VACUUM t", 8), ("PREPARE p FROM VACUUM t", 15),
      ("SELECT * FROM read_csv('x.csv')", 14), ("SELECT a FROM t QUALIFY row_number() OVER () = 1", 24), ("SELECT initcap(a) FROM t", 7),
      ("SELECT * FROM t VERSION AS OF 1", 16),
    ])
  func refused(sql: String, offset: Int) throws {
    let found = try violations(sql)
    #expect(found.first?.range?.lowerBound == offset, "\(sql): \(found)")
  }

  @Test(
    "what Trino has is not",
    arguments: [
      "SELECT a, count(*) FROM c.s.t WHERE b = ? GROUP BY 1", "CREATE TABLE t (a integer) WITH (format = 'PARQUET')", "CREATE OR REPLACE TABLE t AS SELECT 1 AS a",
      "ALTER TABLE t EXECUTE optimize", "ALTER TABLE t ADD COLUMN b integer", "USE a.b", "SET SESSION x = 1", "START TRANSACTION", "CALL system.flush()",
      "SELECT * FROM t FOR VERSION AS OF 1", "SELECT * FROM TABLE(sequence(1, 3))", "TRUNCATE TABLE t", "SHOW CREATE TABLE t",
      "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET b = u.b WHEN NOT MATCHED THEN INSERT (a, b) VALUES (u.a, u.b)",
    ])
  func accepted(sql: String) throws { #expect(try violations(sql).isEmpty, "\(sql)") }

  @Test("all rules that a statement breaks are named, not the first alone")
  func severalViolations() throws {
    let statement = try Parser.parseStatement("SELECT initcap(a) FROM read_csv('x') QUALIFY true")
    #expect(AthenaRule.violations(statement).count == 3)
  }

  @Test("parameters are found with their places, those of EXPLAIN too")
  func parameters() throws {
    let statement = try Parser.parseStatement("EXPLAIN SELECT :a, ? FROM t WHERE x = :b")
    #expect(statement.parameterPlaces.map(\.range.lowerBound) == [15, 19, 38])
    #expect(try Parser.parseStatement("PREPARE p FROM SELECT ?").parameterPlaces.isEmpty)
  }

  @Test("a line and a column lead back to a byte")
  func offsets() {
    let source = SourceText("SELECT 'ä',\n  x")
    #expect(source.offset(of: SourceLocation(line: 2, column: 3)) == 15 && source.offset(of: SourceLocation(line: 1, column: 11)) == 11)
    #expect(source.offset(of: SourceLocation(line: 3, column: 1)) == nil && source.offset(of: SourceLocation(line: 2, column: 9)) == nil)
  }
}
