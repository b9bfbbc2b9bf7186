import Columnar
import Execution
import Functions
import Planner
import SQLSyntax
import Testing

@Suite struct JoinTests {
  let left = MemoryTable(
    [("k", .bigint), ("l", .varchar)], [[1, "a"], [2, "b"], [2, "c"], [nil, "d"], [5, "e"]], splitRows: 2)
  let right = MemoryTable(
    [("k", .bigint), ("r", .varchar)], [[2, "x"], [2, "y"], [1, "z"], [nil, "n"], [9, "w"]], splitRows: 2)

  func join(
    _ kind: JoinKind, residual: BoundExpression? = nil, isNullAware: Bool = false, matchesNulls: Bool = false,
    keys: Bool = true, left other: LogicalPlan? = nil, buildsLeft: Bool = false
  ) -> LogicalPlan {
    var node = JoinNode(
      kind: kind, left: other ?? left.scan, right: right.scan,
      keys: keys ? [JoinKey(left: column(0, .bigint), right: column(0, .bigint), matchesNulls: matchesNulls)] : [],
      residual: residual, isNullAware: isNullAware, range: SourceRange(1, 2))
    node.buildsLeft = buildsLeft
    return .join(node)
  }

  static let matches: [[ScalarValue]] = [
    [1, "a", 1, "z"], [2, "b", 2, "x"], [2, "b", 2, "y"], [2, "c", 2, "x"], [2, "c", 2, "y"],
  ]
  static let leftOnly: [[ScalarValue]] = [[nil, "d", nil, nil], [5, "e", nil, nil]]
  static let rightOnly: [[ScalarValue]] = [[nil, nil, nil, "n"], [nil, nil, 9, "w"]]

  @Test("inner, left, right and full joins; NULL matches nothing", arguments: Mode.all + Mode.spilling)
  func kinds(_ mode: Mode) async throws {
    #expect(try await mode.rowSet(join(.inner)) == sortedText(Self.matches))
    #expect(try await mode.rowSet(join(.left)) == sortedText(Self.matches + Self.leftOnly))
    #expect(try await mode.rowSet(join(.right)) == sortedText(Self.matches + Self.rightOnly))
    #expect(try await mode.rowSet(join(.full)) == sortedText(Self.matches + Self.leftOnly + Self.rightOnly))
    #expect(
      try await mode.rowSet(join(.inner, matchesNulls: true)) == sortedText(Self.matches + [[nil, "d", nil, "n"]]))
  }

  @Test("semi, anti and mark joins", arguments: Mode.all + Mode.spilling)
  func marks(_ mode: Mode) async throws {
    #expect(try await mode.rowSet(join(.semi)) == sortedText([[1, "a"], [2, "b"], [2, "c"]]))
    #expect(try await mode.rowSet(join(.anti)) == sortedText([[nil, "d"], [5, "e"]]))
    #expect(
      try await mode.rowSet(join(.mark))
        == sortedText([
          [1, "a", .boolean(true)], [2, "b", .boolean(true)], [2, "c", .boolean(true)], [nil, "d", .boolean(false)],
          [5, "e", .boolean(false)],
        ]))
  }

  @Test("semi and anti joins give the same rows when the left side is built", arguments: Mode.all + Mode.spilling)
  func buildsLeft(_ mode: Mode) async throws {
    #expect(try await mode.rowSet(join(.semi, buildsLeft: true)) == sortedText([[1, "a"], [2, "b"], [2, "c"]]))
    #expect(try await mode.rowSet(join(.anti, buildsLeft: true)) == sortedText([[nil, "d"], [5, "e"]]))
    #expect(
      try await mode.rowSet(join(.semi, matchesNulls: true, buildsLeft: true))
        == sortedText([[1, "a"], [2, "b"], [2, "c"], [nil, "d"]]))
    let condition = try call("<>", column(3, .varchar), text("z"))
    #expect(try await mode.rowSet(join(.semi, residual: condition, buildsLeft: true)) == sortedText([[2, "b"], [2, "c"]]))
    #expect(
      try await mode.rowSet(join(.anti, residual: condition, buildsLeft: true)) == sortedText([[1, "a"], [nil, "d"], [5, "e"]]))
    let both = try call("<>", column(1, .varchar), text("b"))
    #expect(try await mode.rowSet(join(.semi, residual: both, buildsLeft: true)) == sortedText([[1, "a"], [2, "c"]]))
    let none = MemoryTable([("k", .bigint), ("l", .varchar)], [])
    #expect(try await mode.rowSet(join(.anti, left: none.scan, buildsLeft: true)) == [])
  }

  @Test("NOT IN and IN with NULLs on either side", arguments: Mode.all)
  func nullAware(_ mode: Mode) async throws {
    #expect(try await mode.rowSet(join(.nullAwareAnti)) == [])
    #expect(
      try await mode.rowSet(join(.mark, isNullAware: true))
        == sortedText([
          [1, "a", .boolean(true)], [2, "b", .boolean(true)], [2, "c", .boolean(true)], [nil, "d", nil], [5, "e", nil],
        ]))
    let without = MemoryTable([("k", .bigint)], [[2]])
    func anti(_ table: MemoryTable) -> LogicalPlan {
      .join(
        JoinNode(
          kind: .nullAwareAnti, left: left.scan, right: table.scan,
          keys: [JoinKey(left: column(0, .bigint), right: column(0, .bigint))], residual: nil, range: .unknown))
    }
    #expect(try await mode.rowSet(anti(without)) == sortedText([[1, "a"], [5, "e"]]))
    #expect(try await mode.rowSet(anti(MemoryTable([("k", .bigint)], []))).count == 5)
  }

  @Test("a residual decides about matches of every kind", arguments: Mode.all + Mode.spilling)
  func residuals(_ mode: Mode) async throws {
    let condition = try call("<>", column(3, .varchar), text("x"))
    let matches: [[ScalarValue]] = [[1, "a", 1, "z"], [2, "b", 2, "y"], [2, "c", 2, "y"]]
    #expect(try await mode.rowSet(join(.inner, residual: condition)) == sortedText(matches))
    #expect(try await mode.rowSet(join(.left, residual: condition)) == sortedText(matches + Self.leftOnly))
    #expect(
      try await mode.rowSet(join(.full, residual: condition))
        == sortedText(matches + Self.leftOnly + Self.rightOnly + [[nil, nil, 2, "x"]]))
    let never = try call("=", column(1, .varchar), column(3, .varchar))
    #expect(try await mode.rowSet(join(.semi, residual: never)) == [])
    #expect(try await mode.rowSet(join(.anti, residual: never)).count == 5)
  }

  @Test("joins without keys test every pair", arguments: Mode.all)
  func nestedLoop(_ mode: Mode) async throws {
    #expect(try await mode.rows(join(.inner, keys: false)).count == 25)
    let less = try call("<", column(0, .bigint), column(2, .bigint))
    #expect(
      try await mode.rowSet(join(.inner, residual: less, keys: false))
        == sortedText([
          [1, "a", 2, "x"], [1, "a", 2, "y"], [1, "a", 9, "w"], [2, "b", 9, "w"], [2, "c", 9, "w"], [5, "e", 9, "w"],
        ]))
    #expect(
      try await mode.rows(join(.left, residual: less, keys: false)).count == 7)
    #expect(try await mode.rows(join(.full, residual: less, keys: false)).count == 9)
  }

  @Test("a correlated scalar subquery with two rows is an error", arguments: Mode.all + Mode.spilling)
  func single(_ mode: Mode) async throws {
    let error = await #expect(throws: SQLError.self) { _ = try await mode.rows(join(.leftSingle)) }
    #expect(error?.code == .subqueryMultipleRows)
    let ones = LogicalPlan.filter(left.scan, try call("<>", column(0, .bigint), literal(2)))
    #expect(
      try await mode.rowSet(join(.leftSingle, left: ones)) == sortedText([[1, "a", 1, "z"], [5, "e", nil, nil]]))
  }

  @Test("random joins agree with two nested loops", arguments: [Mode(), Mode(workers: 2), Mode(batchCapacity: 3, encoding: .dictionary)] + Mode.spilling)
  func random(_ mode: Mode) async throws {
    var dice = Dice(11)
    func rows(_ count: Int) -> [[ScalarValue]] {
      (0..<count).map { row in
        [dice.roll(10) == 0 ? nil : .int(Int64(dice.roll(40))), .bytes(Array("key number \(dice.roll(3))".utf8)), .int(Int64(row))]
      }
    }
    let fields: [(String, SQLType)] = [("a", .integer), ("b", .varchar), ("id", .bigint)]
    let (first, second) = (rows(150), rows(200))
    let plan = LogicalPlan.join(
      JoinNode(
        kind: .full, left: MemoryTable(fields, first, splitRows: 40).scan, right: MemoryTable(fields, second, splitRows: 40).scan,
        keys: [
          JoinKey(left: column(0, .integer), right: column(0, .integer)),
          JoinKey(left: column(1, .varchar), right: column(1, .varchar)),
        ], residual: nil, range: .unknown))
    var expected: [[ScalarValue]] = []
    var matched = Set<Int>()
    for row in first {
      var found = false
      for (index, other) in second.enumerated() where row[0] != nil && row[0] == other[0] && row[1] == other[1] {
        expected.append(row + other)
        matched.insert(index)
        found = true
      }
      if !found { expected.append(row + [nil, nil, nil]) }
    }
    for (index, other) in second.enumerated() where !matched.contains(index) { expected.append([nil, nil, nil] + other) }
    #expect(try await mode.rowSet(plan) == sortedText(expected))
  }
}
