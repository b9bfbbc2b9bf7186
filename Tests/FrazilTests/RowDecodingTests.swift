import Frazil
import Testing

@Suite struct RowDecodingTests {
  struct Everything: Decodable, Equatable {
    struct Inner: Decodable, Equatable {
      var p: Int
      var q: String?
    }
    var i: Int
    var small: UInt8
    var d: Double
    var f: Float
    var m: String
    var number: Double
    var flag: Bool
    var nothing: String?
    var list: [Int?]
    var inner: Inner
    var entries: [String: Double]
    var bytes: [UInt8]
    var isoDay: String
  }

  static let sql = """
    SELECT 1 AS i, 255 AS small, 1.5e0 AS d, REAL '0.25' AS f, DECIMAL '12.50' AS m, DECIMAL '12.50' AS number, true AS flag,
      CAST(NULL AS varchar) AS nothing, ARRAY[1, NULL, 3] AS list, CAST(ROW(7, NULL) AS ROW(p integer, q varchar)) AS "inner",
      MAP(ARRAY['a', 'b'], ARRAY[1.5e0, 2]) AS entries, X'00ff' AS bytes, DATE '2024-02-29' AS isoday
    """

  @Test("rows become values of a Decodable type by the names of their columns, in any case")
  func decodable() async throws {
    let session = try TestEngine().engine.makeSession()
    let rows = try await session.run(Self.sql).decoded(as: Everything.self)
    #expect(
      rows == [
        Everything(
          i: 1, small: 255, d: 1.5, f: 0.25, m: "12.50", number: 12.5, flag: true, nothing: nil, list: [1, nil, 3],
          inner: .init(p: 7, q: nil), entries: ["a": 1.5, "b": 2], bytes: [0, 255], isoDay: "2024-02-29")
      ])
  }

  @Test("a result of one column may be read as plain values, any row as a dictionary")
  func plainValues() async throws {
    let session = try TestEngine().engine.makeSession()
    #expect(try await session.run("SELECT x FROM (VALUES 1, 2) t (x) ORDER BY 1").decoded(as: Int.self) == [1, 2])
    #expect(try await session.run("SELECT x FROM (VALUES 'a', NULL) t (x)").decoded(as: String?.self) == ["a", nil])
    #expect(try await session.run("SELECT 1 AS a, 2 AS b").decoded(as: [String: Int].self) == [["a": 1, "b": 2]])
    #expect(try await session.run("SELECT ARRAY[1, 2] AS a").decoded(as: [Int].self) == [[1, 2]])
  }

  @Test("rows become tuples by position")
  func tuples() async throws {
    let session = try TestEngine().engine.makeSession()
    let rows = try await session.run("SELECT * FROM (VALUES (1, 'a', NULL), (2, NULL, 1.5e0)) t (x, y, z) ORDER BY 1")
      .tuples(of: Int.self, String?.self, Double?.self)
    #expect(rows.count == 2)
    #expect(rows[0] == (1, "a", nil))
    #expect(rows[1] == (2, nil, 1.5))
  }

  @Test("what does not fit says the row, the column, what stands there and what was expected")
  func mismatches() async throws {
    struct Wrong: Decodable { var a: Int }
    struct Missing: Decodable { var b: Int }
    struct Nested: Decodable { var l: [Int] }
    let session = try TestEngine().engine.makeSession()
    func reason<Row: Decodable & Sendable>(_ sql: String, _ type: Row.Type) async throws -> String {
      let error = try #require(await #expect(throws: SQLError.self) { try await session.run(sql).decoded(as: type) })
      #expect(error.code == .typeMismatch)
      return error.message
    }
    #expect(try await reason("SELECT a FROM (VALUES 1, NULL) t (a) ORDER BY a", Wrong.self) == "row 2 of the result: column a: NULL where Int was expected")
    #expect(try await reason("SELECT 'x' AS a", Wrong.self) == "row 1 of the result: column a: text where Int was expected")
    #expect(try await reason("SELECT 1 AS a", Missing.self).contains("there is no 'b' among a"))
    #expect(try await reason("SELECT ARRAY[1, NULL] AS l", Nested.self).contains("column l.[1]: NULL where Int was expected"))
    #expect(try await reason("SELECT 300 AS a", UInt8.self).contains("the number 300 where UInt8 was expected"))
    let error = try #require(
      await #expect(throws: SQLError.self) { _ = try await session.run("SELECT 1, 2").tuples(of: Int.self) })
    #expect(error.message == "the result has 2 columns, 1 were asked for")
  }
}
