import Frazil
import TestSupport
import Testing

/// Generated SQL nests as deep as no person writes: some hundred levels run, more are refused, nothing crashes.
@Suite struct DeepStatementTests {
  /// Text before, what is repeated, the core, what closes it, text after; how often it runs, and what it gives.
  private struct Shape: Sendable {
    var head = "SELECT "
    var open: String
    var core = "1"
    var close: String
    var tail = ""
    var depth: Int
    var result: String

    func statement(_ depth: Int) -> String {
      head + String(repeating: open, count: depth) + core + String(repeating: close, count: depth) + tail
    }
  }

  private static let shapes = [
    Shape(head: "SELECT x FROM ", open: "(SELECT x FROM ", core: "(SELECT 1 AS x)", close: ")", depth: 190, result: "1"),
    Shape(open: "(SELECT ", close: ")", depth: 190, result: "1"),
    Shape(open: "replace(", core: "'a'", close: ", 'b', 'c')", depth: 450, result: "a"),
    Shape(
      open: "replace(", core: "s", close: ", 'b', 'c')", tail: " FROM (VALUES 'abc') AS t (s)", depth: 450, result: "acc"),
    Shape(open: "CASE WHEN true THEN ", close: " ELSE 0 END", depth: 450, result: "1"),
    Shape(head: "SELECT cardinality(", open: "ARRAY[", close: "]", tail: ")", depth: 450, result: "1"),
    Shape(open: "(", close: ")", depth: 950, result: "1"),
    Shape(open: "", close: " + 1", depth: 950, result: "951"),
    Shape(head: "SELECT length(", open: "", core: "'a'", close: " || 'b'", tail: ")", depth: 950, result: "951"),
    Shape(
      head: "SELECT a FROM (VALUES 1) AS t (a) WHERE ", open: "(a = 1 AND (", core: "a = 1", close: "))", depth: 180, result: "1"),
  ]

  @Test("statements that are nested some hundred levels deep run", arguments: shapes.indices)
  func deep(index: Int) async throws {
    let session = try TestEngine().engine.makeSession()
    let shape = Self.shapes[index]
    #expect(try await session.texts(shape.statement(shape.depth)) == [[shape.result]])
  }

  @Test("statements that are nested deeper are refused", arguments: shapes.indices)
  func tooDeep(index: Int) async throws {
    let session = try TestEngine().engine.makeSession()
    let error = await #expect(throws: SQLError.self) { try await session.texts(Self.shapes[index].statement(1_100)) }
    #expect(error?.code == .syntaxError && error?.message.contains(" too ") == true)
  }

  @Test("views, prepared statements and changes of rows nest as deep")
  func others() async throws {
    let session = try TestEngine().engine.makeSession()
    let calls = Self.shapes[3].statement(400)
    _ = try await session.run("CREATE VIEW deep AS SELECT * FROM (\(calls)) AS v (x)")
    #expect(try await session.texts("SELECT x FROM deep") == [["acc"]])
    _ = try await session.run("PREPARE deep FROM \(calls)")
    #expect(try await session.texts("EXECUTE deep") == [["acc"]])
    _ = try await session.run("CREATE TABLE t (s string) TBLPROPERTIES ('table_type' = 'ICEBERG')")
    #expect(try await session.run("INSERT INTO t \(calls)").rowsAffected == 1)
    #expect(try await session.run("UPDATE t SET s = " + String(repeating: "upper(", count: 400) + "s" + String(repeating: ")", count: 400)).rowsAffected == 1)
    #expect(try await session.texts("EXPLAIN \(calls)").count > 0)
    #expect(try await session.run("DELETE FROM t WHERE " + String(repeating: "(", count: 900) + "s = 'ACC'" + String(repeating: ")", count: 900)).rowsAffected == 1)
  }
}
