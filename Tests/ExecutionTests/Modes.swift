import Columnar
import Execution
import Functions
import Planner
import SQLSyntax

/// One way to run a plan; every operator test runs in all of them.
struct Mode: CustomStringConvertible, Sendable {
  var batchCapacity = 8192
  var workers = 1
  var encoding = ExecutionOptions.Encoding.asRead
  var memoryLimit = Int.max

  var description: String { "capacity \(batchCapacity), workers \(workers), \(encoding), memory \(memoryLimit)" }

  static let all: [Mode] = [
    Mode(), Mode(batchCapacity: 1), Mode(batchCapacity: 3), Mode(workers: 2), Mode(batchCapacity: 3, workers: 2),
    Mode(encoding: .dictionary), Mode(encoding: .constantRuns), Mode(batchCapacity: 1, encoding: .constantRuns),
    Mode(batchCapacity: 3, encoding: .dictionary),
  ]
  /// No reservation succeeds: whatever can spill does.
  static let spilling: [Mode] = [
    Mode(memoryLimit: 0), Mode(workers: 2, memoryLimit: 0), Mode(batchCapacity: 3, memoryLimit: 0),
  ]

  func makeExecutor() -> QueryExecutor {
    var options = ExecutionOptions()
    options.scanEncoding = encoding
    return QueryExecutor(
      context: QueryContext(
        memory: MemoryPool(limit: memoryLimit), batchCapacity: batchCapacity, workerCount: workers), options: options)
  }

  /// The rows of a plan.
  func rows(_ plan: LogicalPlan) async throws(SQLError) -> [[ScalarValue]] {
    var rows: [[ScalarValue]] = []
    for batch in try await makeExecutor().execute(plan).collect() {
      for row in 0..<batch.count { rows.append(batch.columns.map { $0.scalarValue(at: row) }) }
    }
    return rows
  }

  /// The rows in any order, for comparing.
  func rowSet(_ plan: LogicalPlan) async throws(SQLError) -> [String] { try await rows(plan).map { "\($0)" }.sorted() }
}

func sortedText(_ rows: [[ScalarValue]]) -> [String] { rows.map { "\($0)" }.sorted() }

// Short forms for expressions.
func column(_ index: Int, _ type: SQLType) -> BoundExpression { .column(index, type, .unknown) }
func literal(_ value: Int64) -> BoundExpression { .literal(.bigint(value), .unknown) }
func text(_ value: String) -> BoundExpression { .literal(.text(value), .unknown) }
func call(_ name: String, _ arguments: BoundExpression...) throws -> BoundExpression {
  .call(try FunctionLibrary.standard.resolveScalar(name, arguments.map(\.type)), arguments, SourceRange(3, 7))
}
func named(_ expressions: BoundExpression...) -> [NamedExpression] { expressions.map { NamedExpression($0, name: "c") } }

extension ScalarValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
  ExpressibleByNilLiteral
{
  public init(integerLiteral value: Int64) { self = .int(value) }
  public init(stringLiteral value: String) { self = .bytes(Array(value.utf8)) }
  public init(nilLiteral: ()) { self = .null }
}

// Aggregates with answers that can be checked by hand.

/// sum(bigint), NULL for no rows.
final class TestSum: AggregateState {
  private var sums: [Int64] = []
  private var seen: [Bool] = []
  func resize(groupCount: Int) {
    while sums.count < groupCount {
      sums.append(0)
      seen.append(false)
    }
  }
  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    for row in 0..<count {
      guard case .int(let value) = arguments[0].scalarValue(at: row) else { continue }
      sums[Int(groups[row])] += value
      seen[Int(groups[row])] = true
    }
  }
  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? TestSum else { return }
    for group in 0..<count where other.seen[group] {
      sums[Int(groupMap[group])] += other.sums[group]
      seen[Int(groupMap[group])] = true
    }
  }
  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let builder = ColumnBuilder(type: .bigint)
    for group in start..<start + count { if seen[group] { builder.append(fixed: sums[group]) } else { builder.appendNull() } }
    return builder.finish()
  }
  var byteCount: Int { sums.count * 9 }
  static let function = ResolvedAggregate(
    name: "sum", argumentTypes: [.bigint], resultType: .bigint, makeState: { _ in TestSum() })
}

/// array_agg(bigint).
final class TestCollect: AggregateState {
  private var values: [[ScalarValue]] = []
  func resize(groupCount: Int) { while values.count < groupCount { values.append([]) } }
  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    for row in 0..<count { values[Int(groups[row])].append(arguments[0].scalarValue(at: row)) }
  }
  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? TestCollect else { return }
    for group in 0..<count { values[Int(groupMap[group])] += other.values[group] }
  }
  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let builder = ColumnBuilder(type: .array(.bigint))
    for group in start..<start + count { builder.append(.list(values[group])) }
    return builder.finish()
  }
  var byteCount: Int { values.reduce(0) { $0 + $1.count * 16 } }
  static let function = ResolvedAggregate(
    name: "array_agg", argumentTypes: [.bigint], resultType: .array(.bigint), isOrderSensitive: true,
    makeState: { _ in TestCollect() })
}

/// count(*).
final class TestCount: AggregateState {
  private var counts: [Int64] = []
  func resize(groupCount: Int) { while counts.count < groupCount { counts.append(0) } }
  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    for row in 0..<count where arguments.isEmpty || arguments[0].scalarValue(at: row) != .null { counts[Int(groups[row])] += 1 }
  }
  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? TestCount else { return }
    for group in 0..<count { counts[Int(groupMap[group])] += other.counts[group] }
  }
  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    Column(type: .bigint, count: count, values: Buffer.of(Array(counts[start..<start + count])))
  }
  var byteCount: Int { counts.count * 8 }
  static func function(_ types: [SQLType]) -> ResolvedAggregate {
    ResolvedAggregate(name: "count", argumentTypes: types, resultType: .bigint, makeState: { _ in TestCount() })
  }
}

func aggregate(
  _ function: ResolvedAggregate, _ arguments: BoundExpression..., isDistinct: Bool = false, filter: BoundExpression? = nil,
  order: [SortKey] = []
) -> AggregateCall {
  AggregateCall(
    function: function, arguments: arguments, isDistinct: isDistinct, filter: filter, order: order, name: "a", range: .unknown)
}

func groupBy(
  _ input: LogicalPlan, _ keys: [BoundExpression], sets: [[Int]]? = nil, _ aggregates: AggregateCall...
) -> LogicalPlan {
  .aggregate(
    AggregateNode(
      input: input, keys: keys.map { NamedExpression($0, name: "k") }, groupingSets: sets ?? [Array(keys.indices)],
      aggregates: aggregates))
}

/// Numbers that look random and are the same every time.
struct Dice {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func roll(_ sides: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % sides
  }
}
