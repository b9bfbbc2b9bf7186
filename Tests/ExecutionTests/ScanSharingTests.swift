import Columnar
import Execution
import Functions
import Planner
import SQLSyntax
import Testing

/// Scans that take rows which an earlier scan of the same table has kept: which ones do, and that no row differs.
@Suite struct ScanSharingTests {
  /// 60 rows: id, a text, and id * 10.
  static let targetRows: [[ScalarValue]] = (0..<60).map { [.int($0), label("n", $0 % 7), .int($0 * 10)] }
  static let target = table("target", targetRows)
  /// Ids 3, 6, ..., 90, the larger ones not in the target, and a NULL.
  static let arrivals = table("arrivals", (1...30).map { [.int($0 * 3), label("m", $0 % 5), .int($0)] } + [[nil, "none", 0]])

  static func label(_ letter: String, _ number: Int64) -> ScalarValue { .bytes(Array("\(letter)\(number)".utf8)) }

  static func table(_ identity: String?, _ rows: [[ScalarValue]]) -> MemoryTable {
    var table = MemoryTable([("id", .bigint), ("name", .varchar), ("number", .bigint)], rows)
    table.identity = identity
    table.statistics = TableStatistics(rowCount: rows.count, byteCount: rows.count * 24)
    return table
  }

  static func scan(_ table: MemoryTable, _ columns: [Int] = [0, 1, 2]) -> LogicalPlan {
    .scan(
      ScanNode(
        table: table, tableName: table.identity ?? "t", tableColumns: columns,
        columns: columns.map { OutputColumn(name: table.schema.fields[$0].name, type: table.schema.fields[$0].type) }, range: .unknown))
  }

  static func join(
    _ kind: JoinKind, _ left: LogicalPlan, _ leftKey: Int, _ right: LogicalPlan, _ rightKey: Int, residual: BoundExpression? = nil
  ) -> LogicalPlan {
    .join(
      JoinNode(
        kind: kind, left: left, right: right, keys: [JoinKey(left: column(leftKey, .bigint), right: column(rightKey, .bigint))],
        residual: residual, range: .unknown))
  }

  static func filtered(_ plan: LogicalPlan) throws -> LogicalPlan { .filter(plan, try call("<>", column(1, .varchar), text("n3"))) }

  /// As the source of an SCD2 MERGE: every arrival with its key, and once more without it where it differs from the target's row.
  static func changes(_ target: LogicalPlan, _ arrivals: LogicalPlan) throws -> LogicalPlan {
    let arrived = column(target.columns.count + 1, .varchar)
    let changed = join(.inner, target, 0, arrivals, 0, residual: try call("<>", column(1, .varchar), arrived))
    let null = BoundExpression.literal(.null(.bigint), .unknown)
    return .unionAll([
      .project(arrivals, named(column(0, .bigint), column(1, .varchar))), .project(changed, named(null, arrived)),
    ])
  }

  /// The rows of a plan with and without sharing; how many were taken from earlier scans.
  static func run(_ plan: LogicalPlan, _ mode: Mode) async throws -> (rows: [String], unshared: [String], taken: Int) {
    let executor = mode.makeExecutor()
    var options = executor.options
    let prepared = try await executor.prepare(plan)
    var rows: [[ScalarValue]] = []
    for batch in try await executor.run(prepared).collect() {
      for row in 0..<batch.count { rows.append(batch.columns.map { $0.scalarValue(at: row) }) }
    }
    options.sharesScans = false
    var unshared: [[ScalarValue]] = []
    for batch in try await QueryExecutor(context: mode.makeExecutor().context, options: options).execute(plan).collect() {
      for row in 0..<batch.count { unshared.append(batch.columns.map { $0.scalarValue(at: row) }) }
    }
    func taken(_ statistics: PlanStatistics) -> Int {
      statistics.children.reduce(statistics.notes.first { $0.label == "rows taken from an earlier scan" }?.count ?? 0) { $0 + taken($1) }
    }
    return (sortedText(rows), sortedText(unshared), taken(prepared.statistics))
  }

  @Test("the target of a merge is read once, the arrivals too", arguments: Mode.all)
  func merge(_ mode: Mode) async throws {
    let source = try Self.changes(try Self.filtered(Self.scan(Self.target, [0, 1])), Self.scan(Self.arrivals, [0, 1]))
    // The outer scan wants a column more, in another order, and filters more.
    let outer = LogicalPlan.filter(
      Self.scan(Self.target, [2, 1, 0]),
      .and([try call("<>", column(0, .bigint), literal(60)), try call("<>", column(1, .varchar), text("n3"))], .unknown))
    let result = try await Self.run(Self.join(.right, outer, 2, source, 0), mode)
    #expect(result.rows == result.unshared)
    // 31 arrivals, and the 16 of the target's rows with ids 3, 6, ..., 57 that are not named n3 (3, 24 and 45 are).
    #expect(result.rows.count == 31 + 16)
    #expect(result.taken >= 31 + 16 && result.taken <= 31 + 60)
  }

  @Test("keys that the earlier scan did not look for are read", arguments: Mode.all)
  func otherKeys(_ mode: Mode) async throws {
    // The inner join keeps ids that arrive with a small number only; the outer one looks for all.
    let few = LogicalPlan.filter(Self.scan(Self.arrivals), try call("<", column(2, .bigint), literal(5)))
    let inner = Self.join(.inner, Self.scan(Self.target), 0, few, 0)
    let source = LogicalPlan.unionAll([
      .project(inner, named(column(3, .bigint))), .project(Self.scan(Self.arrivals), named(column(0, .bigint))),
    ])
    let result = try await Self.run(Self.join(.inner, Self.scan(Self.target), 0, source, 0), mode)
    #expect(result.rows == result.unshared)
    #expect(result.rows.count == 19 + 4)
    #expect(result.taken == 0)
  }

  @Test("a scan that stopped early has not kept everything")
  func stopped() async throws {
    let first = LogicalPlan.limit(Self.scan(Self.target), offset: 0, count: 9)
    for mode in [Mode(batchCapacity: 3), Mode(batchCapacity: 3, workers: 2)] {
      let result = try await Self.run(Self.join(.inner, Self.scan(Self.target), 0, first, 0), mode)
      #expect(result.rows.count == 9)
      #expect(result.taken == 0)
    }
  }

  @Test("other tables, and rows that a filter has sorted out, are read")
  func others() async throws {
    let plans = [
      Self.join(.inner, Self.scan(Self.target), 0, Self.scan(Self.table("old target", Self.targetRows)), 0),
      Self.join(.inner, Self.scan(Self.table(nil, Self.targetRows)), 0, Self.scan(Self.table(nil, Self.targetRows)), 0),
      Self.join(.inner, Self.scan(Self.target), 0, try Self.filtered(Self.scan(Self.target)), 0),
    ]
    for plan in plans {
      let result = try await Self.run(plan, Mode())
      #expect(result.rows == result.unshared)
      #expect(result.taken == 0)
    }
  }

  @Test("a grouping of the rows that a join has found takes them", arguments: Mode.all)
  func grouped(_ mode: Mode) async throws {
    let found = Self.join(.inner, Self.scan(Self.target), 0, Self.scan(Self.arrivals, [0]), 0)
    let totals = groupBy(Self.scan(Self.target, [0, 2]), [column(0, .bigint)], aggregate(TestSum.function, column(1, .bigint)))
    let result = try await Self.run(Self.join(.right, totals, 0, found, 3), mode)
    #expect(result.rows == result.unshared)
    #expect(result.rows.count == 19)
    #expect(result.taken >= 19)
  }

  @Test("nothing is kept where there is no memory for it", arguments: Mode.spilling)
  func noMemory(_ mode: Mode) async throws {
    let source = try Self.changes(Self.scan(Self.target), Self.scan(Self.arrivals))
    let result = try await Self.run(Self.join(.right, Self.scan(Self.target), 0, source, 0), mode)
    #expect(result.rows == result.unshared)
    #expect(result.taken == 0)
  }

  @Test("a table that is scanned three times is read once")
  func threeTimes() async throws {
    let plan = Self.join(.inner, Self.scan(Self.target), 0, Self.join(.inner, Self.scan(Self.target), 0, Self.scan(Self.target), 0), 0)
    let result = try await Self.run(plan, Mode())
    #expect(result.rows.count == 60 && result.rows == result.unshared)
    #expect(result.taken == 120)
  }
}
