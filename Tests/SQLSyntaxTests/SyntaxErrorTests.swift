import Dispatch
import Foundation
import SQLSyntax
import Synchronization
import Testing

@Suite struct SyntaxErrorTests {
  private func failure(of sql: String) -> SQLError? {
    do throws(SQLError) {
      _ = try Parser.parseScript(sql)
      return nil
    } catch {
      return error
    }
  }

  @Test("an error begins like Trino's and shows the place with a caret")
  func rendering() throws {
    let sql = "SELECT a,\n       é FROM\nFROM t"
    let error = try #require(failure(of: "SELECT a\nFROM t WHERE WHERE b"))
    let source = SourceText("SELECT a\nFROM t WHERE WHERE b")
    #expect(error.summary(in: source).hasPrefix("SYNTAX_ERROR: line 2:14: mismatched input 'WHERE'. Expecting: "))
    #expect(
      error.rendered(in: source).contains(
        """
          line 2, column 14
          2 | FROM t WHERE WHERE b
            |              ^^^^^
        """))
    let location = SourceText(sql).location(of: 20)
    #expect(location == SourceLocation(line: 2, column: 10))
  }

  @Test("mistakes people make get advice", arguments: [
    ("SELCT 1", "did you mean 'SELECT'?"),
    ("SELECT a FORM t", "did you mean 'FROM'?"),
    ("SELECT a FROM t WHRE a = 1", "did you mean 'WHERE'?"),
    ("SELECT a FROM t GROUP YB a", "did you mean 'BY'?"),
    ("SELECT a FROM t ODER BY a", "did you mean 'ORDER'?"),
    ("SELECT a == 1 FROM t", "equality is written with a single ="),
    ("SELECT a::int FROM t", "write CAST(value AS type) instead of value::type"),
    ("SELECT a FROM t LIMIT 5 OFFSET 2", "OFFSET comes before LIMIT"),
    ("SELECT a FROM t LIMIT 5, 2", "write OFFSET 5 LIMIT n instead of LIMIT 5, n"),
    ("SELECT 'it\\'s' FROM t", "a backslash does not escape a quote; write it twice: 'it''s'"),
    ("SELECT a, FROM t", "remove the comma before FROM"),
    ("SELECT order FROM t", "'order' is a reserved word; write \"order\" to use it as a name"),
    ("SELECT * FROM 2020_t", "write \"2020_t\""),
    ("SELECT a AS 'x' FROM t", "single quotes make a text; write names in double quotes or without"),
    ("SELECT t@x FROM t", "'@' cannot stand in a name without double quotes: \"t@x\""),
    ("SELECT ‘a’", "this is a typographic quote; write ' for text and \" for names"),
    ("SELECT interval '2' days", "interval units are singular: DAY"),
    ("UNLOAD (SELECT 1) TO \"s3://x\"", "double quotes make a name; write text in single quotes"),
  ])
  func hints(sql: String, hint: String) throws {
    #expect(try #require(failure(of: sql)).hint == hint)
  }

  @Test("errors point into the text", arguments: [
    ("SELECT 1 +", 10, 10), ("SELECT", 6, 6), ("SELECT 'abc", 7, 8), ("SELECT (1", 9, 9), ("SELECT 1 /* x", 9, 11), ("", 0, 0),
    ("SELECT \"\"", 7, 9), ("SELECT X'6'", 7, 11), ("SELECT 1 2", 9, 10),
  ])
  func positions(sql: String, lower: Int, upper: Int) throws {
    guard !sql.isEmpty else {
      #expect(throws: SQLError.self) { try Parser.parseStatement(sql) }
      return
    }
    #expect(try #require(failure(of: sql)).range == SourceRange(lower, upper))
  }

  @Test("comparisons are not chained, as in Trino")
  func chains() throws {
    #expect(try #require(failure(of: "SELECT a = b = c")).message.hasPrefix("comparisons cannot be chained"))
  }

  @Test("two statements where one is allowed are refused")
  func oneStatement() throws {
    do throws(SQLError) {
      _ = try Parser.parseStatement("SELECT 1; SELECT 2")
      Issue.record("accepted")
    } catch {
      #expect(error.message == "Only one sql statement is allowed")
    }
  }

  /// Text before the repeated part, the repeated part, text after it.
  static let deepInputs: [(String, String, String)] = [
    ("", "(", ""), ("SELECT ", "(", "1"), ("SELECT ", " - ", "a"), ("SELECT ", "NOT ", "a"), ("SELECT ", "f(", "1"), ("SELECT ", "CASE WHEN ", "1"),
    ("", "(SELECT ", "1"), ("SELECT ", "(SELECT ", "1"), ("", "SELECT * FROM (", "a"), ("SELECT * FROM ", "(", "a"), ("SELECT CAST(a AS ", "array<", "int"),
    ("", "EXPLAIN ", "SELECT 1"), ("SELECT 1", " + 1", ""), ("SELECT a", "[1]", ""), ("SELECT a", "[a", ""), ("SELECT * FROM a", " JOIN b", ""),
    ("SELECT 1 GROUP BY ", "GROUPING SETS (", "a"), ("SELECT ", "x -> ", "1"), ("SELECT ", "ARRAY[", "1"), ("SELECT ", "a IN (", "1"),
    ("SELECT ", "a IN (SELECT ", "1"), ("", "WITH a AS (", "SELECT 1"), ("SELECT ", "json_object('a' : ", "1"), ("SELECT ", "a AND (b OR ", "c"),
    ("SELECT * FROM ", "t CROSS JOIN LATERAL (SELECT * FROM ", "a"), ("SELECT ", "sum(a) OVER (ORDER BY ", "a"), ("SELECT ", "f(a || CAST(", "a"),
    ("SELECT CAST(a AS ", "row(a ", "int"), ("SELECT ", "EXISTS (SELECT 1 WHERE ", "a"), ("SELECT a", " AT TIME ZONE (a", ""),
    ("SELECT 1 FROM a PIVOT (", "max(CASE WHEN a BETWEEN ", "1"), ("SELECT 1", " UNION SELECT 1 EXCEPT SELECT 1", ""),
    ("SELECT count(*) FILTER (WHERE ", "a LIKE (b || ", "c"), ("MERGE INTO t USING ", "(", "s"), ("SELECT a", ".b", ""),
  ]

  @Test("input nested without end is an error, also on a stack of 512 KiB", arguments: deepInputs.indices)
  func deepInput(index: Int) throws {
    let (start, middle, end) = Self.deepInputs[index]
    let sql = start + String(repeating: middle, count: 2_000) + end
    let code = onSmallStack { self.failure(of: sql)?.code }
    // A long dotted name is flat, so it parses.
    #expect(code == (middle == ".b" ? nil : .syntaxError))
  }

  @Test("the deepest input that is accepted can be parsed and destroyed on a stack of 512 KiB", arguments: deepInputs.indices)
  func deepestAccepted(index: Int) throws {
    let (start, middle, end) = Self.deepInputs[index]
    let count = onSmallStack {
      // Every repetition is tried up to what the caller's stack holds, then the largest that a deep stack does.
      func isTooDeep(_ count: Int) -> Bool {
        self.failure(of: start + String(repeating: middle, count: count) + end)?.message.contains(" too ") == true
      }
      var accepted = 0
      while accepted < 110, !isTooDeep(accepted + 1) { accepted += 1 }
      var refused = 1_100
      while refused - accepted > 1 {
        let middle = (accepted + refused) / 2
        if isTooDeep(middle) { refused = middle } else { accepted = middle }
      }
      return accepted
    }
    #expect(count >= 120, "only \(count) levels of \(middle)")
  }

  /// Runs `body` on a thread of its own with the stack that secondary threads have on some systems.
  private func onSmallStack<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
    let result = Mutex<Result?>(nil)
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      let value = body()
      result.withLock { $0 = value }
      done.signal()
    }
    thread.stackSize = 512 << 10
    thread.start()
    done.wait()
    return result.withLock { $0! }
  }

  @Test("long flat input is fine")
  func longInput() throws {
    let terms = (0..<5000).map { "a = \($0)" }
    _ = try Parser.parseExpression(terms.joined(separator: " OR "))
    _ = try Parser.parseExpression("x IN (" + (0..<5000).map(String.init).joined(separator: ", ") + ")")
    _ = try Parser.parseExpression(Array(repeating: "a", count: 400).joined(separator: " + "))
    _ = try Parser.parseExpression(String(repeating: "f(", count: 45) + "x" + String(repeating: ")", count: 45))
  }
}
