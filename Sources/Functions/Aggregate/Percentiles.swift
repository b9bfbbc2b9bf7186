import Columnar
import Glibc

extension FunctionLibrary {
  static let percentiles: [AggregateDefinition] =
    [SQLType.bigint, .real, .double].flatMap { type -> [AggregateDefinition] in
      [
        percentile("The value below which a share p of the values lie: (x, p).", type, [.double]),
        percentile("The same for several shares.", type, [.array(.double)]),
        percentile("The same with a weight for each value: (x, w, p).", type, [.double, .double]),
        percentile("The same with weights for several shares.", type, [.double, .array(.double)]),
      ]
    } + [
      numericHistogram([.bigint, .double]), numericHistogram([.bigint, .double, .double]),
    ]

  private static func percentile(_ description: String, _ type: SQLType, _ more: [TypePattern]) -> AggregateDefinition {
    let isList = if case .array = more[more.count - 1] { true } else { false }
    return AggregateDefinition(
      "approx_percentile", description, [.exact(type)] + more, returns: .type(isList ? .array(type) : type)
    ) { (_: [SQLType], result: SQLType) throws(FunctionError) in
      { _ in PercentileState(valueType: type, isWeighted: more.count == 2, isList: isList, result) }
    }
  }

  private static func numericHistogram(_ parameters: [TypePattern]) -> AggregateDefinition {
    AggregateDefinition(
      "numeric_histogram", "About how the values are spread over at most n buckets: (n, x) or (n, x, weight).", parameters,
      returns: .type(.map(key: .double, value: .double))
    ) { (_: [SQLType], _: SQLType) throws(FunctionError) in { _ in NumericHistogramState() } }
  }
}

private final class PercentileState: AggregateState {
  private let valueType: SQLType
  private let isWeighted: Bool
  private let isList: Bool
  private let resultType: SQLType
  private var digests: [TDigest?] = []
  private var shares: [[Double]] = []
  private var heldBytes = 0

  init(valueType: SQLType, isWeighted: Bool, isList: Bool, _ resultType: SQLType) {
    self.valueType = valueType
    self.isWeighted = isWeighted
    self.isList = isList
    self.resultType = resultType
  }

  func resize(groupCount: Int) {
    guard groupCount > digests.count else { return }
    digests += Array(repeating: nil, count: groupCount - digests.count)
    shares += Array(repeating: [], count: groupCount - shares.count)
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let values = Operand(arguments[0])
    let weights = isWeighted ? Operand(arguments[1]) : nil
    let wanted = Operand(arguments[arguments.count - 1])
    for row in 0..<count where values.isValid(row) && (weights?.isValid(row) ?? true) {
      guard wanted.isValid(row) else { throw .invalidArgument("Percentile cannot be null") }
      let group = Int(groups[row])
      if digests[group] == nil {
        digests[group] = TDigest()
        shares[group] = try readShares(arguments[arguments.count - 1], wanted, row)
        heldBytes += 160
      }
      let index = row & values.mask
      let value: Double =
        switch valueType {
        case .bigint: Double(values.pointer(as: Int64.self)[index])
        case .real: Double(values.pointer(as: Float.self)[index])
        default: values.pointer(as: Double.self)[index]
        }
      guard !value.isNaN else { throw .invalidArgument("value is NaN") }
      var weight = 1.0
      if let weights {
        weight = weights.pointer(as: Double.self)[row & weights.mask]
        guard weight > 0 else { throw .invalidArgument("percentile weight must be > 0") }
      }
      let before = digests[group]?.byteCount ?? 0
      digests[group]?.add(value, weight: weight)
      heldBytes += (digests[group]?.byteCount ?? 0) - before
    }
  }

  private func readShares(_ column: Column, _ operand: Operand, _ row: Int) throws(KernelError) -> [Double] {
    func checked(_ share: Double) throws(KernelError) -> Double {
      guard share >= 0, share <= 1 else { throw .invalidArgument("Percentile must be between 0 and 1") }
      return share
    }
    guard isList else { return [try checked(operand.pointer(as: Double.self)[row & operand.mask])] }
    let list = ListOperand(column)
    let elements = Operand(list.elements)
    var result: [Double] = []
    for element in list.range(row) {
      guard elements.isValid(element) else { throw .invalidArgument("Percentile cannot be null") }
      result.append(try checked(elements.pointer(as: Double.self)[element & elements.mask]))
    }
    return result
  }

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? PercentileState else { return }
    for group in 0..<min(count, other.digests.count) {
      guard let theirs = other.digests[group] else { continue }
      let target = Int(groupMap[group])
      if digests[target] == nil {
        digests[target] = TDigest()
        shares[target] = other.shares[group]
      }
      digests[target]?.merge(theirs)
      heldBytes += theirs.byteCount
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let builder = ColumnBuilder(type: resultType, capacity: count)
    for group in start..<start + count {
      guard let digest = digests[group] else {
        builder.appendNull()
        continue
      }
      digest.compress()
      if isList { builder.append(listOf: shares[group].count) }
      let target = isList ? builder.child(0) : builder
      for share in shares[group] {
        let value = digest.value(at: share)
        switch valueType {
        case .bigint: target.append(fixed: Int64(exactly: (value + 0.5).rounded(.down)) ?? (value < 0 ? .min : .max))
        case .real: target.append(fixed: Float(value))
        default: target.append(fixed: value)
        }
      }
    }
    return builder.finish()
  }

  var byteCount: Int { heldBytes + digests.count * 32 }
}

/// Buckets that are merged where that hurts least, whenever there are too many.
/// - Source: Ben-Haim, Tom-Tov, "A streaming parallel decision tree algorithm" (2010), with Trino's penalty for a merge.
private final class NumericHistogramState: AggregateState {
  private struct Bucket {
    var value: Double
    var weight: Double
  }
  private struct Histogram {
    var limit: Int
    var buckets: [Bucket] = []
  }
  private var histograms: [Histogram?] = []
  private var heldBytes = 0

  func resize(groupCount: Int) {
    if groupCount > histograms.count { histograms += Array(repeating: nil, count: groupCount - histograms.count) }
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let limits = Operand(arguments[0])
    let values = Operand(arguments[1])
    let weights = arguments.count == 3 ? Operand(arguments[2]) : nil
    for row in 0..<count where limits.isValid(row) && values.isValid(row) && (weights?.isValid(row) ?? true) {
      let limit = limits.pointer(as: Int64.self)[row & limits.mask]
      guard limit >= 2, limit <= 100_000 else {
        throw .invalidArgument("numeric_histogram bucket count must be greater than one, input bucket count: \(limit)")
      }
      let value = values.pointer(as: Double.self)[row & values.mask]
      guard value.isFinite else { throw .invalidArgument("numeric_histogram values must be finite") }
      add(
        [Bucket(value: value, weight: weights.map { $0.pointer(as: Double.self)[row & $0.mask] } ?? 1)], limit: Int(limit),
        to: Int(groups[row]))
    }
  }

  private func add(_ buckets: [Bucket], limit: Int, to group: Int) {
    var histogram = histograms[group] ?? Histogram(limit: limit)
    histograms[group] = nil
    heldBytes -= histogram.buckets.count * 16
    histogram.buckets += buckets
    if histogram.buckets.count > 2 * histogram.limit + 512 { Self.compact(&histogram) }
    heldBytes += histogram.buckets.count * 16
    histograms[group] = histogram
  }

  private static func compact(_ histogram: inout Histogram) {
    histogram.buckets.sort { $0.value < $1.value }
    var merged: [Bucket] = []
    for bucket in histogram.buckets {
      if let last = merged.last, last.value == bucket.value {
        merged[merged.count - 1].weight += bucket.weight
      } else {
        merged.append(bucket)
      }
    }
    while merged.count > histogram.limit {
      var best = 0
      var least = Double.infinity
      for place in 0..<(merged.count - 1) {
        let penalty = penalty(merged[place], merged[place + 1])
        if penalty < least {
          least = penalty
          best = place
        }
      }
      let (first, second) = (merged[best], merged[best + 1])
      let weight = first.weight + second.weight
      merged[best] = Bucket(value: (first.value * first.weight + second.value * second.weight) / weight, weight: weight)
      merged.remove(at: best + 1)
    }
    histogram.buckets = merged
  }

  private static func penalty(_ first: Bucket, _ second: Bucket) -> Double {
    let weight = first.weight + second.weight
    let distance = first.value - second.value
    return weight * distance * distance * (first.weight * second.weight) / (weight * weight)
  }

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? NumericHistogramState else { return }
    for group in 0..<min(count, other.histograms.count) {
      if let theirs = other.histograms[group] { add(theirs.buckets, limit: theirs.limit, to: Int(groupMap[group])) }
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let builder = ColumnBuilder(type: .map(key: .double, value: .double), capacity: count)
    for group in start..<start + count {
      guard var histogram = histograms[group] else {
        builder.appendNull()
        continue
      }
      Self.compact(&histogram)
      builder.append(listOf: histogram.buckets.count)
      for bucket in histogram.buckets {
        builder.child(0).append(fixed: bucket.value)
        builder.child(1).append(fixed: bucket.weight)
      }
    }
    return builder.finish()
  }

  var byteCount: Int { heldBytes + histograms.count * 32 }
}
