import Columnar
import Execution
import Functions
import Planner
import SQLSyntax
import Testing

@Suite struct WindowTests {
  /// p, o, v
  let table = MemoryTable(
    [("p", .varchar), ("o", .bigint), ("v", .bigint)],
    [["a", 1, 10], ["b", 1, 5], ["a", 3, nil], ["a", 3, 7], ["b", 2, 6], ["a", nil, 8]], splitRows: 2)
  let value = column(2, .bigint)

  func window(
    _ calls: [WindowCall], order: [SortKey]? = nil, partition: [BoundExpression] = [column(0, .varchar)], input: LogicalPlan? = nil
  ) -> LogicalPlan {
    .window(
      WindowNode(
        input: input ?? table.scan, partition: partition, order: order ?? [SortKey(column(1, .bigint))], functions: calls))
  }

  func function(
    _ kind: WindowFunctionKind, _ arguments: BoundExpression..., frame: WindowFrame = .standard, ignoresNulls: Bool = false,
    type: SQLType = .bigint
  ) -> WindowCall {
    WindowCall(
      function: ResolvedWindow(body: .function(kind), argumentTypes: arguments.map(\.type), resultType: type),
      arguments: arguments, frame: frame, ignoresNulls: ignoresNulls, name: "w", range: .unknown)
  }

  func sum(_ frame: WindowFrame, filter: BoundExpression? = nil) -> WindowCall {
    WindowCall(
      function: ResolvedWindow(body: .aggregate(TestSum.function), argumentTypes: [.bigint], resultType: .bigint),
      arguments: [value], filter: filter, frame: frame, name: "w", range: .unknown)
  }

  /// The window columns of a plan over `table`, in the order of partitions and then of `o`.
  func results(_ mode: Mode, _ plan: LogicalPlan) async throws -> [[ScalarValue]] {
    try await mode.rows(plan).map { Array($0[3...]) }
  }

  @Test("ranking functions number rows, peers and buckets", arguments: Mode.all + Mode.spilling)
  func ranking(_ mode: Mode) async throws {
    let plan = window([
      function(.rowNumber), function(.rank), function(.denseRank), function(.percentRank, type: .double),
      function(.cumeDist, type: .double), function(.ntile, literal(3)),
    ])
    #expect(
      try await results(mode, plan) == [
        [1, 1, 1, .double(0), .double(0.25), 1], [2, 2, 2, .double(1.0 / 3), .double(0.75), 1],
        [3, 2, 2, .double(1.0 / 3), .double(0.75), 2], [4, 4, 3, .double(1), .double(1), 3],
        [1, 1, 1, .double(0), .double(0.5), 1], [2, 2, 2, .double(1), .double(1), 2],
      ])
  }

  @Test("lag, lead and values of frames, with and without IGNORE NULLS")
  func navigation() async throws {
    let whole = WindowFrame(unit: .rows, start: .unboundedPreceding, end: .unboundedFollowing)
    let plan = window([
      function(.lag, value), function(.lead, value, literal(1), literal(-1)), function(.lag, value, ignoresNulls: true),
      function(.firstValue, value), function(.lastValue, value, frame: whole),
      function(.nthValue, value, literal(2), frame: whole), function(.nthValue, value, literal(2), frame: whole, ignoresNulls: true),
    ])
    #expect(
      try await results(Mode(), plan) == [
        [nil, nil, nil, 10, 8, nil, 7], [10, 7, 10, 10, 8, nil, 7], [nil, 8, 10, 10, 8, nil, 7], [7, -1, 7, 10, 8, nil, 7],
        [nil, 6, nil, 5, 6, 6, 6], [5, -1, 5, 5, 6, 6, 6],
      ])
  }

  @Test("aggregates over running, sliding, peer and whole frames", arguments: Mode.all + Mode.spilling)
  func aggregates(_ mode: Mode) async throws {
    let plan = window([
      sum(.standard), sum(WindowFrame(unit: .rows, start: .unboundedPreceding, end: .unboundedFollowing)),
      sum(WindowFrame(unit: .rows, start: .preceding(literal(1)), end: .following(literal(1)))),
      sum(WindowFrame(unit: .range, start: .preceding(literal(2)), end: .currentRow)),
      sum(WindowFrame(unit: .groups, start: .preceding(literal(1)), end: .preceding(literal(1)))),
      sum(.standard, filter: try call("<>", value, literal(10))),
    ])
    // Peers arrive in any order with two workers: compare what does not depend on it.
    let rows = try await results(mode, plan)
    let expected: [[ScalarValue]] = [
      [10, 25, 10, 10, nil, nil], [17, 25, 17, 17, 10, 7], [17, 25, 15, 17, 10, 7], [25, 25, 15, 8, 7, 15],
      [5, 11, 11, 5, nil, 5], [11, 11, 11, 11, 5, 11],
    ]
    if mode.workers == 1 {
      #expect(rows == expected)
    } else {
      func stable(_ rows: [[ScalarValue]]) -> [[ScalarValue]] { rows.map { [$0[0], $0[1]] + $0[3...] } }
      #expect(stable(rows) == stable(expected))
    }
  }

  @Test("a negative frame offset is an error")
  func negative() async throws {
    let plan = window([sum(WindowFrame(unit: .rows, start: .preceding(literal(-1)), end: .currentRow))])
    let error = await #expect(throws: SQLError.self) { _ = try await Mode().rows(plan) }
    #expect(error?.code == .invalidWindowFrame)
  }

  @Test("random frames agree with adding up the rows of each frame", arguments: [Mode(), Mode(batchCapacity: 3)])
  func random(_ mode: Mode) async throws {
    var dice = Dice(5)
    let rows: [[ScalarValue]] = (0..<300).map { row in
      [.bytes([UInt8(0x61 + dice.roll(3))]), .int(Int64(row)), .int(Int64(dice.roll(100)))]
    }
    let input = MemoryTable([("p", .varchar), ("o", .bigint), ("v", .bigint)], rows, splitRows: 50)
    let frames: [(Int, Int, WindowFrame)] = [
      (.min, 0, .standard), (-3, 2, WindowFrame(unit: .rows, start: .preceding(literal(3)), end: .following(literal(2)))),
      (1, 4, WindowFrame(unit: .rows, start: .following(literal(1)), end: .following(literal(4)))),
      (0, .max, WindowFrame(unit: .rows, start: .currentRow, end: .unboundedFollowing)),
      (-2, -1, WindowFrame(unit: .groups, start: .preceding(literal(2)), end: .preceding(literal(1)))),
    ]
    let output = try await mode.rows(window(frames.map { sum($0.2) }, input: input.scan))
    func number(_ value: ScalarValue) -> Int64 { if case .int(let number) = value { number } else { 0 } }
    for (index, row) in output.enumerated() {
      let first = output.firstIndex { $0[0] == row[0] } ?? 0
      let last = output.lastIndex { $0[0] == row[0] } ?? 0
      for (position, frame) in frames.enumerated() {
        let start = frame.0 == .min ? first : max(first, index + frame.0)
        let end = frame.1 == .max ? last : min(last, index + frame.1)
        let expected: ScalarValue = start > end ? nil : .int((start...end).reduce(0) { $0 + number(output[$1][2]) })
        #expect(row[3 + position] == expected)
      }
    }
  }

  @Test("RANGE offsets work backwards in a descending order and on floating keys")
  func rangeDescending() async throws {
    let table = MemoryTable([("o", .double), ("v", .bigint)], [[.double(1), 1], [.double(2.5), 2], [.double(4), 4], [nil, 8]])
    let plan = LogicalPlan.window(
      WindowNode(
        input: table.scan, partition: [], order: [SortKey(column(0, .double), isDescending: true)],
        functions: [
          WindowCall(
            function: ResolvedWindow(body: .aggregate(TestSum.function), argumentTypes: [.bigint], resultType: .bigint),
            arguments: [column(1, .bigint)],
            frame: WindowFrame(
              unit: .range, start: .preceding(.literal(.double(1.5), .unknown)), end: .currentRow), name: "w", range: .unknown)
        ]))
    #expect(try await Mode().rows(plan).map { $0[2] } == [4, 6, 3, 8])
  }
}
