import Columnar

extension FunctionLibrary {
  static let countSumAverage: [AggregateDefinition] =
    [
      AggregateDefinition("count", "Number of rows.", [], returns: .type(.bigint)) {
        (_: [SQLType], _: SQLType) throws(FunctionError) in
        { _ in CountState() }
      },
      AggregateDefinition("count", "Number of rows where x is not NULL.", [.variable("T")], returns: .type(.bigint)) {
        (_: [SQLType], _: SQLType) throws(FunctionError) in
        { _ in CountState() }
      },
      AggregateDefinition("count_if", "Number of rows where x is true.", [.boolean], returns: .type(.bigint)) {
        (_: [SQLType], _: SQLType) throws(FunctionError) in
        { _ in CountTrueState() }
      },
      AggregateDefinition("sum", "Sum of the values; NULL without any.", [.bigint], returns: .type(.bigint)) {
        (_: [SQLType], _: SQLType) throws(FunctionError) in
        { _ in BigintSumState() }
      },
      AggregateDefinition("sum", "Sum of the values; NULL without any.", [.double], returns: .type(.double)) {
        (_: [SQLType], _: SQLType) throws(FunctionError) in
        { _ in FloatingSumState(.double, isAverage: false) }
      },
      AggregateDefinition("sum", "Sum of the values; NULL without any.", [.real], returns: .type(.real)) {
        (_: [SQLType], _: SQLType) throws(FunctionError) in
        { _ in FloatingSumState(.real, isAverage: false) }
      },
      AggregateDefinition(
        "sum", "Sum of the values; NULL without any.", [.decimal],
        returns: .computed("decimal(38,s)") { (types: [SQLType]) throws(FunctionError) -> SQLType in
          .decimal(precision: SQLType.maxDecimalPrecision, scale: types[0].decimalScale)
        }
      ) { (types: [SQLType], result: SQLType) throws(FunctionError) in
        let source = types[0]
        return { _ in DecimalSumState(source: source, resultType: result, isAverage: false) }
      },
      // Its own overload: without it an integer would reach avg(decimal), which rounds.
      AggregateDefinition("avg", "Arithmetic mean; NULL without any value.", [.bigint], returns: .type(.double)) {
        (_: [SQLType], _: SQLType) throws(FunctionError) in
        { _ in BigintAverageState() }
      },
      AggregateDefinition("avg", "Arithmetic mean; NULL without any value.", [.double], returns: .type(.double)) {
        (_: [SQLType], _: SQLType) throws(FunctionError) in
        { _ in FloatingSumState(.double, isAverage: true) }
      },
      AggregateDefinition("avg", "Arithmetic mean; NULL without any value.", [.real], returns: .type(.real)) {
        (_: [SQLType], _: SQLType) throws(FunctionError) in
        { _ in FloatingSumState(.real, isAverage: true) }
      },
      AggregateDefinition("avg", "Arithmetic mean, rounded to the scale of x.", [.decimal], returns: .argument(0)) {
        (types: [SQLType], result: SQLType) throws(FunctionError) in
        let source = types[0]
        return { _ in DecimalSumState(source: source, resultType: result, isAverage: true) }
      },
    ]
}

extension SQLType {
  /// Digits behind the point of a decimal; 0 for other types.
  var decimalScale: Int { if case .decimal(_, let scale) = self { scale } else { 0 } }
}

/// count(*) and count(x).
private final class CountState: GroupwiseAggregateState {
  private let counts = GroupValues<Int64>()

  func resize(groupCount: Int) { counts.resize(groupCount) }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let target = counts.base
    guard let argument = arguments.first, !argument.hasNoValidity else {
      for row in 0..<count { target[Int(groups[row])] &+= 1 }
      return
    }
    forEachValidRow(ColumnView(argument), count) { row, _ in target[Int(groups[row])] &+= 1 }
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? CountState else { return }
    for index in 0..<count { counts.base[Int(targets[index])] &+= other.counts[Int(groups[index])] }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let counts = self.counts
    return try groupColumn(.bigint, start: start, count: count, isPresent: { _ in true }) {
      (group: Int) throws(KernelError) in counts[group]
    }
  }

  var byteCount: Int { counts.byteCount }
}

private final class CountTrueState: GroupwiseAggregateState {
  private let counts = GroupValues<Int64>()

  func resize(groupCount: Int) { counts.resize(groupCount) }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let target = counts.base
    let argument = arguments[0]
    let view = ColumnView(argument)
    let values = view.pointer(as: UInt8.self)
    forEachValidRow(view, count) { row, index in target[Int(groups[row])] &+= Int64(values[index]) }
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? CountTrueState else { return }
    for index in 0..<count { counts.base[Int(targets[index])] &+= other.counts[Int(groups[index])] }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let counts = self.counts
    return try groupColumn(.bigint, start: start, count: count, isPresent: { _ in true }) {
      (group: Int) throws(KernelError) in counts[group]
    }
  }

  var byteCount: Int { counts.byteCount }
}

/// Sums of bigint; the overflow is found at the first addition that leaves 64 bits, as in Trino.
private final class BigintSumState: GroupwiseAggregateState {
  private let sums = GroupValues<Int64>()
  private let seen = GroupValues<UInt8>()

  func resize(groupCount: Int) {
    sums.resize(groupCount)
    seen.resize(groupCount)
  }

  private static func overflow(_ sum: Int64, _ value: Int64) -> KernelError {
    .outOfRange("bigint addition overflow: \(sum) + \(value)")
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let sums = self.sums.base
    let seen = self.seen.base
    let argument = arguments[0]
    let view = ColumnView(argument)
    let values = view.pointer(as: Int64.self)
    var failure: (sum: Int64, value: Int64)?
    forEachValidRow(view, count) { row, index in
      let group = Int(groups[row])
      let (sum, carry) = sums[group].addingReportingOverflow(values[index])
      if carry, failure == nil { failure = (sums[group], values[index]) }
      sums[group] = sum
      seen[group] = 1
    }
    if let failure { throw Self.overflow(failure.sum, failure.value) }
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? BigintSumState else { return }
    for index in 0..<count where other.seen[Int(groups[index])] != 0 {
      let target = Int(targets[index])
      let (sum, carry) = sums[target].addingReportingOverflow(other.sums[Int(groups[index])])
      if carry { throw Self.overflow(sums[target], other.sums[Int(groups[index])]) }
      sums.base[target] = sum
      seen.base[target] = 1
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let sums = self.sums
    let seen = self.seen
    return try groupColumn(.bigint, start: start, count: count, isPresent: { seen[$0] != 0 }) {
      (group: Int) throws(KernelError) in sums[group]
    }
  }

  var byteCount: Int { sums.byteCount + seen.byteCount }
}

/// Means of bigint: sums are exact, so that the order of rows changes nothing.
private final class BigintAverageState: GroupwiseAggregateState {
  private let sums = GroupValues<Int128>()
  private let counts = GroupValues<Int64>()

  func resize(groupCount: Int) {
    sums.resize(groupCount)
    counts.resize(groupCount)
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let sums = self.sums.base
    let counts = self.counts.base
    let argument = arguments[0]
    let view = ColumnView(argument)
    let values = view.pointer(as: Int64.self)
    forEachValidRow(view, count) { row, index in
      let group = Int(groups[row])
      // 2^63 values of 64 bits fit 127 bits.
      sums[group] &+= Int128(values[index])
      counts[group] &+= 1
    }
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? BigintAverageState else { return }
    for index in 0..<count {
      let target = Int(targets[index])
      sums.base[target] &+= other.sums[Int(groups[index])]
      counts.base[target] &+= other.counts[Int(groups[index])]
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let sums = self.sums
    let counts = self.counts
    return try groupColumn(.double, start: start, count: count, isPresent: { counts[$0] != 0 }) {
      (group: Int) throws(KernelError) in Double(sums[group]) / Double(counts[group])
    }
  }

  var byteCount: Int { sums.byteCount + counts.byteCount }
}

/// Sums and means of doubles and reals, accumulated as doubles row after row, so that batch borders change nothing.
///
/// Not generic over the two: methods of generic classes run unspecialised when they are called through a protocol.
private final class FloatingSumState: GroupwiseAggregateState {
  private let sums = GroupValues<Double>()
  private let counts = GroupValues<Int64>()
  /// Of the argument and of the result.
  private let type: SQLType
  private let isAverage: Bool

  init(_ type: SQLType, isAverage: Bool) {
    self.type = type
    self.isAverage = isAverage
  }

  func resize(groupCount: Int) {
    sums.resize(groupCount)
    counts.resize(groupCount)
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let argument = arguments[0]
    let view = ColumnView(argument)
    if type.physical == .float { add(view, Float.self, groups, count) } else { add(view, Double.self, groups, count) }
  }

  private func add<Value: BinaryFloatingPoint>(
    _ view: ColumnView, _: Value.Type, _ groups: UnsafePointer<UInt32>, _ count: Int
  ) {
    let sums = self.sums.base
    let counts = self.counts.base
    let values = view.pointer(as: Value.self)
    forEachValidRow(view, count) { row, index in
      let group = Int(groups[row])
      sums[group] += Double(values[index])
      counts[group] &+= 1
    }
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? FloatingSumState else { return }
    for index in 0..<count where other.counts[Int(groups[index])] != 0 {
      let target = Int(targets[index])
      sums.base[target] += other.sums[Int(groups[index])]
      counts.base[target] &+= other.counts[Int(groups[index])]
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let sums = self.sums.base
    let counts = self.counts.base
    let isAverage = self.isAverage
    let value = { (group: Int) in isAverage ? sums[group] / Double(counts[group]) : sums[group] }
    if type.physical == .float {
      return try groupColumn(type, start: start, count: count, isPresent: { counts[$0] != 0 }) {
        (group: Int) throws(KernelError) in Float(value(group))
      }
    }
    return try groupColumn(type, start: start, count: count, isPresent: { counts[$0] != 0 }) {
      (group: Int) throws(KernelError) in value(group)
    }
  }

  var byteCount: Int { sums.byteCount + counts.byteCount }
}

/// Exact sums and means of decimals in 128 bits.
private final class DecimalSumState: GroupwiseAggregateState {
  private let sums = GroupValues<Int128>()
  private let counts = GroupValues<Int64>()
  private let isShort: Bool
  private let resultType: SQLType
  private let isAverage: Bool

  init(source: SQLType, resultType: SQLType, isAverage: Bool) {
    isShort = source.physical == .int64
    self.resultType = resultType
    self.isAverage = isAverage
  }

  private static let overflow = KernelError("NUMERIC_VALUE_OUT_OF_RANGE", "Decimal overflow")

  func resize(groupCount: Int) {
    sums.resize(groupCount)
    counts.resize(groupCount)
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let sums = self.sums.base
    let counts = self.counts.base
    let argument = arguments[0]
    let view = ColumnView(argument)
    var overflowed = false
    let isShort = self.isShort
    let shorts = view.pointer(as: Int64.self)
    forEachValidRow(view, count) { row, index in
      let value = isShort ? Int128(shorts[index]) : loadDecimal(view.values, index, isShort: false)
      let group = Int(groups[row])
      let (sum, carry) = sums[group].addingReportingOverflow(value)
      sums[group] = sum
      counts[group] &+= 1
      overflowed = overflowed || carry
    }
    if overflowed { throw Self.overflow }
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? DecimalSumState else { return }
    for index in 0..<count where other.counts[Int(groups[index])] != 0 {
      let target = Int(targets[index])
      let (sum, carry) = sums[target].addingReportingOverflow(other.sums[Int(groups[index])])
      if carry { throw Self.overflow }
      sums.base[target] = sum
      counts.base[target] &+= other.counts[Int(groups[index])]
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let sums = self.sums
    let counts = self.counts
    let isAverage = self.isAverage
    let value = { (group: Int) throws(KernelError) -> Int128 in
      let sum = sums[group]
      guard isAverage else {
        guard DecimalMath.fits(sum, precision: SQLType.maxDecimalPrecision) else { throw Self.overflow }
        return sum
      }
      // Half away from zero.
      let divisor = Int128(counts[group])
      let (quotient, remainder) = sum.quotientAndRemainder(dividingBy: divisor)
      guard remainder.magnitude >= (divisor.magnitude &+ 1) / 2 else { return quotient }
      return sum < 0 ? quotient - 1 : quotient + 1
    }
    if resultType.physical == .int64 {
      return try groupColumn(resultType, start: start, count: count, isPresent: { counts[$0] != 0 }) {
        (group: Int) throws(KernelError) in Int64(truncatingIfNeeded: try value(group))
      }
    }
    return try groupColumn(resultType, start: start, count: count, isPresent: { counts[$0] != 0 }, value: value)
  }

  var byteCount: Int { sums.byteCount + counts.byteCount }
}
