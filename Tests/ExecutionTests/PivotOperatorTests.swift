import Columnar
import Execution
import Functions
import Planner
import SQLSyntax
import TestSupport
import Testing

/// The pivot operator against the general aggregate, which knows nothing of it.
@Suite struct PivotOperatorTests {
  static let names: [ScalarValue] = ["a", "b", "c", "d", "in no column", nil]
  /// Sums of these are exact in any order.
  static let values: [ScalarValue] = [
    .double(0), .double(1.25), .double(-3.5), .double(7), .double(100), .double(.nan), nil,
  ]

  /// Rows of random keys, samples and values, many of them several times.
  static func table(seed: UInt64, keys: Int, rows: Int, inOrder: Bool) -> MemoryTable {
    var random = SeededRandom(seed)
    var made: [[ScalarValue]] = []
    for row in 0..<rows {
      let key = inOrder ? row % keys : Int.random(in: 0..<keys, using: &random)
      let name = inOrder ? names[row / keys % names.count] : names[Int.random(in: 0..<names.count, using: &random)]
      if inOrder && Int.random(in: 0..<10, using: &random) == 0 { continue }
      made.append([
        key == 3 ? nil : .bytes(Array("a rather long key \(key)".utf8)), name,
        values[Int.random(in: 0..<values.count, using: &random)],
      ])
    }
    return MemoryTable([("k", .varchar), ("s", .varchar), ("v", .double)], made, splitRows: 50)
  }

  static func pivot(_ table: MemoryTable, _ aggregates: [String]) throws -> PivotNode {
    var cells: [PivotCell] = []
    for name in aggregates {
      let aggregate = try FunctionLibrary.standard.resolveAggregate(name, [.double])
      for sample in ["a", "b", "c", "d", "in no row"] {
        cells.append(PivotCell(value: .text(sample), aggregate: aggregate, arguments: [column(2, .double)], name: "c"))
      }
    }
    return PivotNode(
      input: table.scan, keys: [NamedExpression(column(0, .varchar), name: "k")], pivotKey: column(1, .varchar), cells: cells)
  }

  @Test(
    "cells are those of the general aggregate: keys in order or not, NaN, NULLs, repeated cells",
    arguments: Mode.all + Mode.spilling, [true, false])
  func sameCells(_ mode: Mode, inOrder: Bool) async throws {
    for seed in 1...4 as ClosedRange<UInt64> {
      let table = Self.table(seed: seed, keys: 40, rows: 600, inOrder: inOrder)
      let pivot = try Self.pivot(table, ["max", "min", "sum", "avg", "count"])
      let expected = try await Mode().rowSet(.aggregate(try pivot.asAggregate()))
      #expect(expected.count == 40)
      #expect(try await mode.rowSet(.pivot(pivot)) == expected, "seed \(seed)")
    }
  }

  @Test("a sum of values that came as numbers of a dictionary becomes a value of its own", arguments: Mode.all)
  func sums(_ mode: Mode) async throws {
    let table = MemoryTable(
      [("k", .varchar), ("s", .varchar), ("v", .double)],
      [
        ["x", "a", .double(1)], ["y", "a", .double(2)], ["x", "b", .double(4)], ["x", "a", .double(1)],
        ["y", "a", nil], ["x", "a", .double(8)], ["y", "b", .double(16)],
      ], splitRows: 3)
    let rows = try await mode.rowSet(.pivot(try Self.pivot(table, ["sum"])))
    #expect(
      rows == sortedText([["x", .double(10), .double(4), nil, nil, nil], ["y", .double(2), .double(16), nil, nil, nil]]))
  }

  @Test("more distinct values than there are numbers for", arguments: [Mode(), Mode(workers: 2), Mode(encoding: .dictionary)])
  func manyValues(_ mode: Mode) async throws {
    let count = 70_000
    let names = ["a", "b"]
    let table = MemoryTable(
      [("k", .varchar), ("s", .varchar), ("v", .double)],
      (0..<count * 2).map { row in
        [.bytes(Array("key \(row % count)".utf8)), .bytes(Array(names[row / count].utf8)), .double(Double(row) / 4)]
      }, splitRows: 9_000)
    var seen = 0
    var sum = 0.0
    for row in try await mode.rows(.pivot(try Self.pivot(table, ["max"]))) {
      guard case .double(let first) = row[1], case .double(let second) = row[2] else {
        Issue.record("a cell is missing: \(row)")
        continue
      }
      #expect(second - first == Double(count) / 4)
      seen += 1
      sum += first
    }
    #expect(seen == count)
    #expect(sum == Double(count - 1) * Double(count) / 8)
  }

  @Test("ORDER BY of the group keys", arguments: Mode.all + Mode.spilling)
  func ordered(_ mode: Mode) async throws {
    let table = Self.table(seed: 9, keys: 30, rows: 400, inOrder: false)
    let pivot = try Self.pivot(table, ["max"])
    let wanted = named(column(1, .double), column(0, .varchar), column(3, .double))
    let projected = LogicalPlan.project(.pivot(pivot), wanted)
    let keys = [SortKey(column(1, .varchar), isDescending: true, nullsFirst: true)]
    let expected = try await Mode().rows(.sort(.project(.aggregate(try pivot.asAggregate()), wanted), keys))
    #expect(expected.count == 30 && expected[0][1] == nil)
    #expect("\(try await mode.rows(.sort(projected, keys)))" == "\(expected)")
    let top = try await mode.rows(.topN(projected, keys, offset: 2, count: 5, withTies: false))
    #expect("\(top)" == "\(Array(expected[2..<7]))")
  }
}
