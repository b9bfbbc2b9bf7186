import Columnar
import Execution
import Functions
import Planner
import SQLSyntax
import Testing

@Suite struct AggregateTests {
  let table = MemoryTable(
    [("k", .varchar), ("v", .bigint)],
    [["a", 1], ["b", 2], ["a", 3], [nil, 4], ["b", nil], [nil, 6], ["a long key beyond twelve bytes", 7], ["a", 1]],
    splitRows: 3)

  @Test("GROUP BY a text key counts, sums and keeps NULL as a key", arguments: Mode.all + Mode.spilling)
  func groups(_ mode: Mode) async throws {
    let plan = groupBy(
      table.scan, [column(0, .varchar)], aggregate(TestCount.function([])), aggregate(TestSum.function, column(1, .bigint)))
    #expect(
      try await mode.rowSet(plan)
        == sortedText([["a", 3, 5], ["b", 2, 2], [nil, 2, 10], ["a long key beyond twelve bytes", 1, 7]]))
  }

  @Test("groups appear in the order of their first rows with one worker")
  func order() async throws {
    let plan = groupBy(table.scan, [column(0, .varchar)])
    #expect(try await Mode().rows(plan) == [["a"], ["b"], [nil], ["a long key beyond twelve bytes"]])
  }

  @Test("a global aggregate over no rows gives one row; a grouped one gives none", arguments: Mode.all)
  func empty(_ mode: Mode) async throws {
    let nothing = MemoryTable([("v", .bigint)], [])
    #expect(
      try await mode.rows(groupBy(nothing.scan, [], sets: [[]], aggregate(TestCount.function([])))) == [[0]])
    #expect(try await mode.rows(groupBy(nothing.scan, [column(0, .bigint)])) == [])
  }

  @Test("DISTINCT, FILTER and ORDER BY inside a call", arguments: Mode.all + Mode.spilling)
  func modifiers(_ mode: Mode) async throws {
    let v = column(1, .bigint)
    let plan = groupBy(
      table.scan, [column(0, .varchar)],
      aggregate(TestSum.function, v, isDistinct: true),
      aggregate(TestCount.function([]), filter: try call(">", v, literal(1))),
      aggregate(TestCollect.function, v, order: [SortKey(v, isDescending: true)]))
    #expect(
      try await mode.rowSet(plan)
        == sortedText([
          ["a", 4, 1, .list([3, 1, 1])], ["b", 2, 1, .list([nil, 2])].map { $0 }, [nil, 10, 2, .list([6, 4])],
          ["a long key beyond twelve bytes", 7, 1, .list([7])],
        ].map { row in
          // NULLS LAST also when descending.
          row[0] == "b" ? [row[0], row[1], row[2], .list([2, nil])] : row
        }))
  }

  @Test("grouping sets number their sets and leave other keys NULL", arguments: Mode.all + Mode.spilling)
  func sets(_ mode: Mode) async throws {
    let plan = groupBy(
      table.scan, [column(0, .varchar), column(1, .bigint)], sets: [[0], []], aggregate(TestCount.function([])))
    #expect(
      try await mode.rowSet(plan)
        == sortedText([
          ["a", nil, 3, 0], ["b", nil, 2, 0], [nil, nil, 2, 0], ["a long key beyond twelve bytes", nil, 1, 0],
          [nil, nil, 8, 1],
        ]))
  }

  @Test("NaNs are one group and so are both zeros; several keys of any type", arguments: Mode.all + Mode.spilling)
  func floats(_ mode: Mode) async throws {
    let table = MemoryTable(
      [("d", .double), ("t", .timestampTZ(precision: 3)), ("l", .array(.varchar)), ("b", .boolean)],
      [
        [.double(0), .timestampTZ(TimestampTZ(instant: 5, zone: 1)), .list(["x", nil]), .boolean(true)],
        [.double(-0.0), .timestampTZ(TimestampTZ(instant: 5, zone: 1)), .list(["x", nil]), .boolean(true)],
        [.double(.nan), nil, .list([]), nil], [.double(-.nan), nil, .list([]), nil], [.double(1), nil, nil, nil],
      ], splitRows: 2)
    let keys = table.schema.fields.enumerated().map { column($0, $1.type) }
    #expect(try await mode.rows(groupBy(table.scan, [keys[0]])).count == 3)
    let rows = try await mode.rows(groupBy(table.scan, keys, aggregate(TestCount.function([]))))
    #expect(rows.map { $0[4] }.sorted { "\($0)" < "\($1)" } == [1, 2, 2])
    #expect(rows.contains { $0[2] == .list(["x", nil]) && $0[3] == .boolean(true) && $0[4] == 2 })
  }

  @Test("many groups, in memory and spilled, agree with a dictionary", arguments: [Mode(), Mode(workers: 2)] + Mode.spilling)
  func many(_ mode: Mode) async throws {
    var dice = Dice(7)
    var rows: [[ScalarValue]] = []
    var expected: [ScalarValue: (Int64, Int64)] = [:]
    for _ in 0..<3000 {
      let key: ScalarValue = dice.roll(50) == 0 ? nil : .int(Int64(dice.roll(700)))
      let value = Int64(dice.roll(1000))
      rows.append([key, .int(value)])
      let known = expected[key] ?? (0, 0)
      expected[key] = (known.0 + 1, known.1 + value)
    }
    let table = MemoryTable([("k", .bigint), ("v", .bigint)], rows, splitRows: 100)
    let plan = groupBy(
      table.scan, [column(0, .bigint)], aggregate(TestCount.function([])), aggregate(TestSum.function, column(1, .bigint)))
    #expect(try await mode.rowSet(plan) == sortedText(expected.map { [$0, .int($1.0), .int($1.1)] }))
  }

  @Test("tables of several workers too large to merge at once give each group once", arguments: [1, 2, 3])
  func partitioned(_ workers: Int) async throws {
    // Each key occurs twice, far apart, so that both workers meet most of them; every thousandth is NULL in its own column.
    let keyCount = 40_000
    var rows: [[ScalarValue]] = []
    for turn in 0..<2 {
      for key in 0..<keyCount {
        let number = ScalarValue.int(Int64(key))
        let text = ScalarValue.bytes(Array("a text of more than twelve bytes \(key)".utf8))
        let list = ScalarValue.list([number, .null])
        rows.append([key == 7 ? .null : number, key == 8 ? .null : text, key % 1000 == 0 ? .null : list, .int(Int64(key + turn))])
      }
    }
    let table = MemoryTable([("i", .bigint), ("t", .varchar), ("l", .array(.bigint)), ("v", .bigint)], rows, splitRows: 1000)
    let library = FunctionLibrary.standard
    let calls = try ["count", "sum", "min", "max"].map { name in
      aggregate(try library.resolveAggregate(name, [.bigint]), column(3, .bigint))
    }
    let keys = table.schema.fields.prefix(3).enumerated().map { column($0, $1.type) }
    for columns in [[0], [1], [0, 2]] {
      let chosen = columns.map { keys[$0] }
      let plan = LogicalPlan.aggregate(
        AggregateNode(
          input: table.scan, keys: chosen.map { NamedExpression($0, name: "k") }, groupingSets: [Array(chosen.indices)], aggregates: calls))
      var seen = Set<Int>()
      for row in try await Mode(workers: workers).rows(plan) {
        guard case .int(let least) = row[row.count - 2] else { continue }
        let key = Int(least)
        #expect(seen.insert(key).inserted)
        let values: [ScalarValue] = [2, .int(Int64(2 * key + 1)), .int(Int64(key)), .int(Int64(key + 1))]
        #expect(Array(row.suffix(4)) == values)
        #expect(Array(row.dropLast(4)) == columns.map { rows[key][$0] })
      }
      #expect(seen.count == keyCount)
    }
  }

  @Test("count(*) over a table that knows its size is answered from metadata")
  func metadata() async throws {
    var exact = table
    exact.hasExactCount = true
    let plan = groupBy(exact.scan, [], sets: [[]], aggregate(TestCount.function([])))
    let prepared = try await Mode().makeExecutor().prepare(plan)
    #expect(prepared.statistics.name == "Values")
    #expect(try await Mode().rows(plan) == [[8]])
  }
}
