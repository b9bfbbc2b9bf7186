import Catalogs
import Columnar
import Testing

struct HiveTypeTests {
  @Test(
    "types are read and written in Hive's spelling",
    arguments: [
      ("int", "integer"), ("bigint", "bigint"), ("float", "real"), ("string", "varchar"), ("binary", "varbinary"), ("decimal(12,3)", "decimal(12,3)"),
      ("varchar(7)", "varchar(7)"), ("char(3)", "char(3)"), ("timestamp", "timestamp(3)"), ("date", "date"),
      ("array<map<string,struct<a:int,b:array<double>>>>", "array(map(varchar, row(a integer, b array(double))))"),
    ])
  func roundTrip(hive: String, sql: String) throws {
    let type = try HiveType.parse(hive)
    #expect(type.description == sql)
    #expect(HiveType.text(type) == hive)
  }

  @Test("case and blanks do not matter, and decimal alone has ten digits")
  func spelling() throws {
    #expect(try HiveType.parse(" STRUCT< a : INT , b: Decimal > ").description == "row(a integer, b decimal(10,0))")
    #expect(try HiveType.parse("timestamp(6)") == .timestamp(precision: 6))
  }

  @Test("what is no type is an error", arguments: ["", "in", "array<int", "decimal(39,1)", "map<int>", "struct<>", "struct<a>", "int int", "varchar(-1)"])
  func errors(text: String) {
    #expect(throws: CatalogError.self) { try HiveType.parse(text) }
    #expect(throws: CatalogError.self) { try HiveType.parse(String(repeating: "array<", count: 10_000) + text) }
  }

  @Test("views keep their text, and read what Athena writes")
  func views() throws {
    let view = ViewEncoding(
      sql: "SELECT 'ä' AS x", catalog: "awsdatacatalog", database: "d", columns: [.init(name: "x", type: "varchar(1)")])
    #expect(try ViewEncoding(view.encoded) == view)
    // base64 of {"originalSql":"SELECT 1 a","catalog":"awsdatacatalog","schema":"s","columns":[{"name":"a","type":"integer"}]}
    let athena =
      "/* Presto View: eyJvcmlnaW5hbFNxbCI6IlNFTEVDVCAxIGEiLCJjYXRhbG9nIjoiYXdzZGF0YWNhdGFsb2ciLCJzY2hlbWEiOiJzIiwiY29sdW1ucyI6W3sibmFtZSI6ImEiLCJ0eXBlIjoiaW50ZWdlciJ9XX0= */"
    let read = try ViewEncoding(athena)
    #expect(read?.sql == "SELECT 1 a" && read?.database == "s" && read?.columns == [.init(name: "a", type: "integer")])
    #expect(try ViewEncoding("SELECT 1") == nil)
    #expect(throws: CatalogError.self) { try ViewEncoding("/* Presto View: %%% */") }
    #expect(throws: CatalogError.self) { try ViewEncoding("/* Presto View: e30= */") }
  }
}
