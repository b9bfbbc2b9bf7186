import Columnar
import Execution
import Functions
import Planner
import SQLSyntax
import Synchronization
import Testing

@Suite struct OperatorTests {
  let numbers = MemoryTable([("n", .bigint)], (0..<20).map { [.int(Int64($0))] })

  @Test("filter and project see every row once", arguments: Mode.all)
  func filterProject(_ mode: Mode) async throws {
    let n = column(0, .bigint)
    let plan = LogicalPlan.project(
      .filter(numbers.scan, .and([try call(">", n, literal(4)), try call("<>", n, literal(7))], .unknown)),
      named(n, text("x")))
    #expect(try await mode.rowSet(plan) == sortedText((5..<20).filter { $0 != 7 }.map { [.int(Int64($0)), "x"] }))
  }

  @Test("LIMIT and OFFSET take rows in order with one worker, and the right number with two", arguments: Mode.all)
  func limit(_ mode: Mode) async throws {
    let rows = try await mode.rows(.limit(numbers.scan, offset: 3, count: 5))
    #expect(rows.count == 5)
    if mode.workers == 1 { #expect(rows == (3..<8).map { [.int(Int64($0))] }) }
    #expect(try await mode.rows(.limit(numbers.scan, offset: 18, count: nil)).count == 2)
    #expect(try await mode.rows(.limit(numbers.scan, offset: 0, count: 0)).isEmpty)
  }

  @Test("UNION ALL keeps every row of every input", arguments: Mode.all)
  func union(_ mode: Mode) async throws {
    let plan = LogicalPlan.unionAll([numbers.scan, .limit(numbers.scan, offset: 0, count: 4), numbers.scan])
    #expect(try await mode.rows(plan).count == 44)
  }

  @Test("VALUES evaluates literals and expressions", arguments: Mode.all)
  func values(_ mode: Mode) async throws {
    let plan = LogicalPlan.values(
      rows: [[literal(1), text("a")], [.coalesce([.literal(.null(.bigint), .unknown), literal(2)], type: .bigint, .unknown), text("b")]],
      columns: [OutputColumn(name: "x", type: .bigint), OutputColumn(name: "y", type: .varchar)])
    #expect(try await mode.rows(plan) == [[1, "a"], [2, "b"]])
  }

  @Test("sort places NULLs as asked and keeps equal rows in order", arguments: Mode.all + Mode.spilling)
  func sort(_ mode: Mode) async throws {
    let table = MemoryTable(
      [("a", .varchar), ("b", .double)],
      [
        ["b", .double(1)], [nil, .double(2)], ["a", .double(.nan)], ["b", .double(-3)], ["ab", nil], ["a", .double(.infinity)],
        ["", .double(0)],
      ], splitRows: 2)
    let a = column(0, .varchar)
    let b = column(1, .double)
    let ascending = try await mode.rows(.sort(table.scan, [SortKey(a), SortKey(b, isDescending: true, nullsFirst: true)]))
    #expect(ascending.map { $0[0] } == ["", "a", "a", "ab", "b", "b", nil])
    #expect("\(ascending[1][1]) \(ascending[2][1]) \(ascending[4][1])" == "double(nan) double(inf) double(1.0)")
    let descending = try await mode.rows(.sort(table.scan, [SortKey(a, isDescending: true, nullsFirst: true), SortKey(b)]))
    #expect(descending.map { $0[0] } == [nil, "b", "b", "ab", "a", "a", ""])
    #expect(descending[1][1] == .double(-3))
  }

  @Test("sort of many rows agrees with the standard library's", arguments: [Mode(), Mode(workers: 2)] + Mode.spilling)
  func sortMany(_ mode: Mode) async throws {
    var dice = Dice(3)
    let rows: [[ScalarValue]] = (0..<2000).map { _ in
      [.int(Int64(dice.roll(100) - 50)), .bytes(Array(repeating: 0x41, count: dice.roll(30)) + Array("\(dice.roll(1000))".utf8))]
    }
    let table = MemoryTable([("a", .integer), ("b", .varchar)], rows, splitRows: 64)
    let keys = [SortKey(column(0, .integer), isDescending: true), SortKey(column(1, .varchar))]
    func text(_ value: ScalarValue) -> [UInt8] { if case .bytes(let bytes) = value { bytes } else { [] } }
    func number(_ value: ScalarValue) -> Int64 { if case .int(let number) = value { number } else { 0 } }
    let expected = rows.sorted {
      number($0[0]) != number($1[0])
        ? number($0[0]) > number($1[0]) : text($0[1]).lexicographicallyPrecedes(text($1[1]))
    }
    #expect(try await mode.rows(.sort(table.scan, keys)) == expected)
    #expect(
      try await mode.rows(.topN(table.scan, keys, offset: 5, count: 40, withTies: false)) == Array(expected[5..<45]))
  }

  @Test("WITH TIES keeps rows equal to the last one", arguments: Mode.all)
  func ties(_ mode: Mode) async throws {
    let table = MemoryTable([("a", .bigint)], [[3], [1], [2], [2], [1], [2]], splitRows: 2)
    let plan = LogicalPlan.topN(table.scan, [SortKey(column(0, .bigint))], offset: 0, count: 3, withTies: true)
    #expect(try await mode.rows(plan) == [[1], [1], [2], [2], [2]])
  }

  @Test("set operations count copies and treat NULLs as equal", arguments: Mode.all + Mode.spilling)
  func setOperations(_ mode: Mode) async throws {
    let left = MemoryTable([("a", .bigint)], [[1], [1], [2], [nil], [nil], [3]], splitRows: 2)
    let right = MemoryTable([("a", .bigint)], [[1], [nil], [4], [3], [3]], splitRows: 2)
    func run(_ kind: SetOperationKind, _ isDistinct: Bool) async throws -> [String] {
      try await mode.rowSet(.setOperation(kind, isDistinct: isDistinct, left.scan, right.scan))
    }
    #expect(try await run(.intersect, true) == sortedText([[1], [nil], [3]]))
    #expect(try await run(.intersect, false) == sortedText([[1], [nil], [3]]))
    #expect(try await run(.except, true) == sortedText([[2]]))
    #expect(try await run(.except, false) == sortedText([[1], [2], [nil]]))
  }

  @Test("UNNEST zips arrays, opens maps and rows, and numbers elements", arguments: Mode.all)
  func unnest(_ mode: Mode) async throws {
    let pair = SQLType.row([RowField(name: "x", type: .bigint), RowField(name: "y", type: .varchar)])
    let table = MemoryTable(
      [("id", .bigint), ("a", .array(.bigint)), ("m", .map(key: .varchar, value: .bigint)), ("r", .array(pair))],
      [
        [1, .list([10, 11, nil]), .map([ScalarPair(key: "k", value: 5)]), .list([.row([7, "z"]), nil])],
        [2, nil, .map([]), .list([])],
      ], splitRows: 1)
    func plan(_ keepsEmpty: Bool) -> LogicalPlan {
      .unnest(
        UnnestNode(
          input: table.scan,
          expressions: [
            column(1, .array(.bigint)), column(2, .map(key: .varchar, value: .bigint)), column(3, .array(pair)),
          ],
          withOrdinality: true, keepsEmpty: keepsEmpty,
          columns: [SQLType.bigint, .varchar, .bigint, .bigint, .varchar, .bigint].map { OutputColumn(name: "c", type: $0) }))
    }
    let expected: [[ScalarValue]] = [
      [1, 10, "k", 5, 7, "z", 1], [1, 11, nil, nil, nil, nil, 2], [1, nil, nil, nil, nil, nil, 3],
    ]
    func ends(_ rows: [[ScalarValue]]) -> [[ScalarValue]] { rows.map { [$0[0]] + $0[4...] } }
    #expect(sortedText(ends(try await mode.rows(plan(false)))) == sortedText(expected))
    #expect(
      sortedText(ends(try await mode.rows(plan(true)))) == sortedText(expected + [[2, nil, nil, nil, nil, nil, nil]]))
  }

  @Test("a scalar subquery gives one row, NULLs for none, an error for two", arguments: Mode.all)
  func singleRow(_ mode: Mode) async throws {
    func plan(_ count: Int) -> LogicalPlan {
      .singleRow(.limit(numbers.scan, offset: 0, count: count), SourceRange(1, 2))
    }
    #expect(try await mode.rows(plan(1)).count == 1)
    #expect(try await mode.rows(plan(0)) == [[nil]])
    let error = await #expect(throws: SQLError.self) { _ = try await mode.rows(plan(2)) }
    #expect(error?.code == .subqueryMultipleRows)
  }

  @Test("a common table is computed once and read twice", arguments: Mode.all + Mode.spilling)
  func commonTable(_ mode: Mode) async throws {
    let read = LogicalPlan.commonTableScan(id: 1, name: "c", columns: numbers.scan.columns)
    let plan = LogicalPlan.commonTable(id: 1, name: "c", definition: numbers.scan, body: .unionAll([read, read]))
    #expect(try await mode.rows(plan).count == 40)
  }

  @Test("a sample is the same for the same seed, and about as large as asked")
  func sample() async throws {
    let table = MemoryTable([("n", .bigint)], (0..<2000).map { [.int(Int64($0))] }, splitRows: 500)
    let first = try await Mode().rows(.sample(table.scan, fraction: 0.25))
    #expect(first == (try await Mode().rows(.sample(table.scan, fraction: 0.25))))
    #expect(first.count > 400 && first.count < 600)
  }

  @Test("a failing row reports its expression, and ends the query on all workers", arguments: Mode.all)
  func failure(_ mode: Mode) async throws {
    let bad = BoundExpression.call(
      ResolvedScalar(name: "fail", argumentTypes: [.bigint], resultType: .bigint) { _, _ throws(KernelError) in
        throw KernelError("DIVISION_BY_ZERO", "Division by zero")
      }, [column(0, .bigint)], SourceRange(10, 15))
    let error = await #expect(throws: SQLError.self) { _ = try await mode.rows(.project(numbers.scan, named(bad))) }
    #expect(error?.code == .divisionByZero && error?.range == SourceRange(10, 15))
    let caught = LogicalPlan.project(numbers.scan, named(.tryCatch(bad, .unknown)))
    #expect(try await mode.rows(caught) == Array(repeating: [nil], count: 20))
  }

  @Test("a reader that lets go stops the query")
  func abandon() async throws {
    let executor = Mode(batchCapacity: 1, workers: 2).makeExecutor()
    do {
      let stream = try await executor.execute(numbers.scan)
      var iterator = stream.makeAsyncIterator()
      _ = try await iterator.next()
    }
    #expect(executor.context.cancellation.isCancelled || executor.context.progress.rowsRead.load(ordering: .relaxed) == 20)
  }

  @Test("an insert hands every row to a writer and returns what the writers made", arguments: Mode.all)
  func insert(_ mode: Mode) async throws {
    let executor = mode.makeExecutor()
    let files = try await executor.run(try await executor.prepare(numbers.scan), into: MemoryWrite())
    #expect(files.reduce(0) { $0 + $1.rowCount } == 20)
  }

  @Test("statistics count rows at every node")
  func statistics() async throws {
    let executor = Mode().makeExecutor()
    let plan = try await executor.prepare(
      .filter(numbers.scan, try call("<", column(0, .bigint), literal(5))))
    _ = try await executor.run(plan).collect()
    #expect(plan.statistics.rowsIn == 20 && plan.statistics.rowsOut == 5)
    #expect(plan.statistics.children[0].rowsOut == 20)
    #expect(plan.statistics.children[0].notes == [ScanNote("splits", 3)])
  }
}
