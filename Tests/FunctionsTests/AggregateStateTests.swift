import Columnar
import Functions
import TestSupport
import Testing

/// Aggregate states: one state, states merged, and the same rows in other batches give the same results.
@Suite struct AggregateStateTests {
  /// Sums in another order differ in the last digits.
  private static let inexact: Set<String> = [
    "sum", "avg", "variance", "var_pop", "stddev", "stddev_pop", "skewness", "kurtosis", "geometric_mean", "entropy", "covar_pop",
    "covar_samp", "corr", "regr_slope", "regr_intercept", "regr_r2", "regr_avgx", "regr_avgy", "regr_sxx", "regr_syy", "regr_sxy",
    "approx_percentile", "numeric_histogram",
  ]

  private static func results(_ state: any AggregateState, groups: Int) throws(KernelError) -> [Int] {
    state.resize(groupCount: groups)
    let column = try state.finish(start: 0, count: groups)
    #expect(column.count == groups)
    // Hashes stand for values: NaN equals itself then.
    return (0..<groups).map { column.scalarValue(at: $0).hashValue }
  }

  private static func fill(
    _ state: any AggregateState, _ columns: [Column], _ groups: [UInt32], groupCount: Int, batch: Int
  ) throws(KernelError) {
    var start = 0
    while start < groups.count {
      let size = min(batch, groups.count - start)
      state.resize(groupCount: groupCount)
      try state.update(
        columns.map { $0.slice(start, size) }, groups: Array(groups[start..<(start + size)]), count: size)
      start += size
    }
  }

  private static func outcome(_ body: () throws(KernelError) -> [Int]) -> (values: [Int]?, code: String?) {
    do throws(KernelError) { return (try body(), nil) } catch { return (nil, error.code) }
  }

  @Test("every aggregate gives the same for one state, merged states and small batches")
  func merging() throws {
    var random = SeededRandom(99)
    let context = QueryContext()
    let rows = 60
    let groupCount = 4
    for definition in FunctionLibrary.standard.allAggregates where definition.names[0] != "reduce_agg" {
      for _ in 0..<3 {
        var variables: [String: SQLType] = [:]
        let types = definition.parameters.map { EdgeValues.type(for: $0, &random, &variables) }
        guard let function = try? FunctionLibrary.standard.resolveAggregate(definition.names[0], types) else { continue }
        let columns = function.argumentTypes.map { EdgeValues.column($0, count: rows, &random) }
        // The last group stays empty.
        let groups = (0..<rows).map { _ in UInt32.random(in: 0..<UInt32(groupCount - 1), using: &random) }
        let one = Self.outcome { () throws(KernelError) in
          let state = function.makeState(context)
          try Self.fill(state, columns, groups, groupCount: groupCount, batch: rows)
          let first = try Self.results(state, groups: groupCount)
          #expect(try Self.results(state, groups: groupCount) == first, "\(definition.names[0]) finished twice")
          #expect(state.byteCount >= 0)
          return first
        }
        let small = Self.outcome { () throws(KernelError) in
          let state = function.makeState(context)
          try Self.fill(state, columns, groups, groupCount: groupCount, batch: 1)
          return try Self.results(state, groups: groupCount)
        }
        let merged = Self.outcome { () throws(KernelError) in
          let parts = [function.makeState(context), function.makeState(context)]
          try Self.fill(parts[0], columns.map { $0.slice(0, 25) }, Array(groups[..<25]), groupCount: groupCount, batch: 7)
          try Self.fill(parts[1], columns.map { $0.slice(25, rows - 25) }, Array(groups[25...]), groupCount: groupCount, batch: 9)
          let map = (0..<UInt32(groupCount)).map { $0 }
          try parts[0].merge(parts[1], groupMap: map, count: groupCount)
          return try Self.results(parts[0], groups: groupCount)
        }
        let name = "\(definition.names[0]) over \(types)"
        #expect(one.code == small.code, "\(name)")
        if Self.inexact.contains(definition.names[0]) { continue }
        #expect(one.values == small.values, "\(name) row by row")
        #expect(one.code == merged.code && one.values == merged.values, "\(name) merged")
      }
    }
  }

  private func numbers(_ values: [Double]) -> Column {
    Column(type: .double, count: values.count, values: Buffer.of(values))
  }

  @Test("approx_distinct keeps its error at every size", arguments: [1, 200, 257, 2_000, 30_000, 200_000])
  func distinct(_ size: Int) throws {
    let state = try FunctionLibrary.standard.resolveAggregate("approx_distinct", [.double]).makeState(QueryContext())
    state.resize(groupCount: 1)
    let groups = [UInt32](repeating: 0, count: size)
    // Each value twice: what is counted is different values.
    for _ in 0..<2 { try state.update([numbers((0..<size).map { Double($0) * 1.25 })], groups: groups, count: size) }
    guard case .int(let found) = try state.finish(start: 0, count: 1).scalarValue(at: 0) else {
      Issue.record("no number")
      return
    }
    // Four standard errors of 2.3 %.
    #expect(abs(Double(found) - Double(size)) <= 0.092 * Double(size))
    if size <= 256 { #expect(found == Int64(size)) }
  }

  @Test("approx_percentile finds a value whose rank is near, also when states are merged")
  func percentiles() throws {
    var random = SeededRandom(5)
    let values = (0..<100_000).map { _ in Double.random(in: 0..<1, using: &random) * Double.random(in: 0..<1000, using: &random) }
    let sorted = values.sorted()
    for share in [0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999] {
      let function = try FunctionLibrary.standard.resolveAggregate("approx_percentile", [.double, .double])
      let states = (0..<2).map { _ in function.makeState(QueryContext()) }
      for (index, state) in states.enumerated() {
        state.resize(groupCount: 1)
        let half = Array(values[(index * 50_000)..<((index + 1) * 50_000)])
        try state.update(
          [numbers(half), .constant(.double(share), count: half.count)], groups: [UInt32](repeating: 0, count: half.count),
          count: half.count)
      }
      try states[0].merge(states[1], groupMap: [0], count: 1)
      guard case .double(let found) = try states[0].finish(start: 0, count: 1).scalarValue(at: 0) else {
        Issue.record("no number")
        return
      }
      let rank = Double(sorted.prefix { $0 < found }.count) / Double(sorted.count)
      // t-digest: the error shrinks towards both ends.
      #expect(abs(rank - share) <= 0.01 * max(0.05, 4 * share * (1 - share)), "share \(share), rank \(rank)")
    }
  }
}
