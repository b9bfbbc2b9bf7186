import Columnar

extension FunctionLibrary {
  static let logicAndBits: [AggregateDefinition] = [
    AggregateDefinition(
      "bool_and", aliases: ["every"], "Whether all values are true.", .boolean, returns: .boolean, ignoresDuplicates: true,
      fold: TruthFold(winner: 0)),
    AggregateDefinition(
      "bool_or", "Whether some value is true.", .boolean, returns: .boolean, ignoresDuplicates: true, fold: TruthFold(winner: 1)),
    AggregateDefinition(
      "bitwise_and_agg", "The bits that all values have.", .bigint, returns: .bigint, ignoresDuplicates: true,
      fold: BitsFold(kind: .and)),
    AggregateDefinition(
      "bitwise_or_agg", "The bits that some value has.", .bigint, returns: .bigint, ignoresDuplicates: true,
      fold: BitsFold(kind: .or)),
    AggregateDefinition(
      "bitwise_xor_agg", "The bits that an odd number of values have.", .bigint, returns: .bigint, fold: BitsFold(kind: .xor)),
    AggregateDefinition(
      "sum", "Sum of intervals.", .exact(.intervalDayToSecond), returns: .intervalDayToSecond,
      fold: IntervalFold<Int64>(isAverage: false)),
    AggregateDefinition(
      "sum", "Sum of intervals.", .exact(.intervalYearToMonth), returns: .intervalYearToMonth,
      fold: IntervalFold<Int32>(isAverage: false)),
    AggregateDefinition(
      "avg", "Mean of intervals.", .exact(.intervalDayToSecond), returns: .intervalDayToSecond,
      fold: IntervalFold<Int64>(isAverage: true)),
    AggregateDefinition(
      "avg", "Mean of intervals.", .exact(.intervalYearToMonth), returns: .intervalYearToMonth,
      fold: IntervalFold<Int32>(isAverage: true)),
  ]
}

/// AND (the winner is false) and OR (the winner is true).
private struct TruthFold: UnaryFold {
  struct Accumulator: BitwiseCopyable {
    var isSeen = false
    var value: UInt8 = 0
  }
  let winner: UInt8

  func add(_ value: UInt8, to state: inout Accumulator) {
    if !state.isSeen || value == winner { state.value = value }
    state.isSeen = true
  }
  func merge(_ other: Accumulator, into state: inout Accumulator) { if other.isSeen { add(other.value, to: &state) } }
  func result(_ state: Accumulator) -> UInt8? { state.isSeen ? state.value : nil }
}

private struct BitsFold: UnaryFold {
  enum Kind { case and, or, xor }
  struct Accumulator: BitwiseCopyable {
    var isSeen = false
    var bits: Int64 = 0
  }
  let kind: Kind

  func add(_ value: Int64, to state: inout Accumulator) {
    switch kind {
    case .and: state.bits = state.isSeen ? state.bits & value : value
    case .or: state.bits |= value
    case .xor: state.bits ^= value
    }
    state.isSeen = true
  }
  func merge(_ other: Accumulator, into state: inout Accumulator) { if other.isSeen { add(other.bits, to: &state) } }
  func result(_ state: Accumulator) -> Int64? { state.isSeen ? state.bits : nil }
}

private struct IntervalFold<Value: FixedWidthInteger & BitwiseCopyable & Sendable>: UnaryFold {
  struct Accumulator: BitwiseCopyable {
    var sum: Int128 = 0
    var count: Int64 = 0
  }
  let isAverage: Bool

  func add(_ value: Value, to state: inout Accumulator) {
    state.sum &+= Int128(value)
    state.count &+= 1
  }
  func merge(_ other: Accumulator, into state: inout Accumulator) {
    state.sum &+= other.sum
    state.count &+= other.count
  }
  func result(_ state: Accumulator) throws(KernelError) -> Value? {
    guard state.count > 0 else { return nil }
    var result = state.sum
    if isAverage {
      let count = Int128(state.count)
      let (quotient, remainder) = state.sum.quotientAndRemainder(dividingBy: count)
      result = remainder.magnitude * 2 >= count.magnitude ? quotient + (state.sum < 0 ? -1 : 1) : quotient
    }
    guard let value = Value(exactly: result) else { throw .outOfRange("interval addition overflow") }
    return value
  }
}
