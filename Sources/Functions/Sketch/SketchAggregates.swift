import Columnar

extension FunctionLibrary {
  /// Aggregates whose results are sketches.
  static let sketchAggregates: [AggregateDefinition] = setSketches + quantileSketches + mergers

  private static let setSketches: [AggregateDefinition] =
    [TypePattern.bigint, .double, .varchar].flatMap { pattern in
      [
        AggregateDefinition(
          "approx_set", "A HyperLogLog of all values (standard error 1.625 %).", [pattern], returns: .type(.sketch(.hyperLogLog))
        ) { (_: [SQLType], _: SQLType) throws(FunctionError) in { _ in SketchState(.hyperLogLog, input: addToHyperLogLogs) } },
        AggregateDefinition(
          "approx_set", "The same with a standard error of at most e.", [pattern, .double], returns: .type(.sketch(.hyperLogLog))
        ) { (_: [SQLType], _: SQLType) throws(FunctionError) in { _ in SketchState(.hyperLogLog, input: addToHyperLogLogs) } },
      ]
    } + [
      AggregateDefinition(
        "make_set_digest", "A SetDigest of all values.", [.variable("T")], returns: .type(.sketch(.setDigest))
      ) { (types: [SQLType], _: SQLType) throws(FunctionError) in
        guard sketchHash(of: types[0]) != nil else {
          throw FunctionError("TYPE_MISMATCH", "make_set_digest takes numbers, text, binary values and dates, not \(types[0])")
        }
        return { _ in SketchState(.setDigest, input: addToSetDigests) }
      }
    ]

  private static let quantileSketches: [AggregateDefinition] =
    [
      AggregateDefinition("tdigest_agg", "A t-digest of all values.", [.double], returns: .type(.sketch(.tdigest))) {
        (_: [SQLType], _: SQLType) throws(FunctionError) in
        { _ in SketchState(.tdigest, input: addToTDigests) }
      },
      AggregateDefinition(
        "tdigest_agg", "The same with a weight for each value: (x, w).", [.double, .double], returns: .type(.sketch(.tdigest))
      ) { (_: [SQLType], _: SQLType) throws(FunctionError) in { _ in SketchState(.tdigest, input: addToTDigests) } },
    ]
    + QuantileNumber.allCases.flatMap { number -> [AggregateDefinition] in
      [
        quantileDigest("A quantile digest of all values, whose ranks are off by at most 1 %.", number, []),
        quantileDigest("The same with a weight for each value: (x, w).", number, [.bigint]),
        quantileDigest("The same with the greatest error of a rank, between 0 and 1: (x, w, accuracy).", number, [.bigint, .double]),
      ]
    }

  private static func quantileDigest(_ description: String, _ number: QuantileNumber, _ more: [TypePattern]) -> AggregateDefinition {
    AggregateDefinition(
      "qdigest_agg", description, [.exact(number.type)] + more, returns: .type(.sketch(.qdigest(number)))
    ) { (_: [SQLType], _: SQLType) throws(FunctionError) in
      { _ in
        SketchState(.qdigest(number)) {
          (arguments: [Column], groups: UnsafePointer<UInt32>, count: Int, state: SketchState) throws(KernelError) in
          try addToQuantileDigests(number, arguments, groups, count, state)
        }
      }
    }
  }

  private static let mergers: [AggregateDefinition] = SketchType.allCases.map { type in
    AggregateDefinition(
      type == .setDigest ? "merge_set_digest" : "merge", "One \(type) of many.", [.exact(.sketch(type))], returns: .type(.sketch(type))
    ) { (_: [SQLType], _: SQLType) throws(FunctionError) in
      { _ in
        SketchState(type) {
          (arguments: [Column], groups: UnsafePointer<UInt32>, count: Int, state: SketchState) throws(KernelError) in
          switch type {
          case .hyperLogLog, .p4HyperLogLog: try mergeRows(HyperLogLog.self, arguments[0], groups, count, state)
          case .tdigest: try mergeRows(TDigest.self, arguments[0], groups, count, state)
          case .qdigest: try mergeRows(QuantileDigest.self, arguments[0], groups, count, state)
          case .setDigest: try mergeRows(SetDigest.self, arguments[0], groups, count, state)
          }
        }
      }
    }
  }
}

// MARK: Rows

private func mergeRows<Kind: Sketch>(
  _ kind: Kind.Type, _ column: Column, _ groups: UnsafePointer<UInt32>, _ count: Int, _ state: SketchState
) throws(KernelError) {
  let values = Operand(column)
  let texts = values.pointer(as: StringView.self)
  for row in 0..<count where values.isValid(row) {
    let bytes = StringView.buffer(at: texts + (row & values.mask))
    var isFirst = false
    try state.change(
      Int(groups[row]),
      { () throws(KernelError) -> Kind in
        isFirst = true
        return try Kind(bytes: bytes)
      }
    ) { (sketch: Kind) throws(KernelError) in if !isFirst { try sketch.merge(try Kind(bytes: bytes)) } }
  }
}

private let addToHyperLogLogs: SketchState.Input = {
  (arguments: [Column], groups: UnsafePointer<UInt32>, count: Int, state: SketchState) throws(KernelError) in
  let values = Operand(arguments[0])
  guard let hash = sketchHash(of: arguments[0].type) else { return }
  let errors = arguments.count > 1 ? Operand(arguments[1]) : nil
  for row in 0..<count where values.isValid(row) {
    try state.change(
      Int(groups[row]),
      { () throws(KernelError) -> HyperLogLog in
        guard let errors else { return HyperLogLog(indexBits: HyperLogLog.defaultIndexBits) }
        guard errors.isValid(row) else { throw .invalidArgument("Standard error must not be NULL") }
        return HyperLogLog(indexBits: try HyperLogLog.indexBits(standardError: errors.pointer(as: Double.self)[row & errors.mask]))
      }
    ) { (sketch: HyperLogLog) in sketch.insert(hash(values, row & values.mask)) }
  }
}

private let addToSetDigests: SketchState.Input = {
  (arguments: [Column], groups: UnsafePointer<UInt32>, count: Int, state: SketchState) throws(KernelError) in
  let values = Operand(arguments[0])
  guard let hash = sketchHash(of: arguments[0].type) else { return }
  for row in 0..<count where values.isValid(row) {
    try state.change(Int(groups[row]), { SetDigest() }) { (sketch: SetDigest) in sketch.insert(hash(values, row & values.mask)) }
  }
}

private let addToTDigests: SketchState.Input = {
  (arguments: [Column], groups: UnsafePointer<UInt32>, count: Int, state: SketchState) throws(KernelError) in
  let values = Operand(arguments[0])
  let weights = arguments.count > 1 ? Operand(arguments[1]) : nil
  for row in 0..<count where values.isValid(row) && (weights?.isValid(row) ?? true) {
    let value = values.pointer(as: Double.self)[row & values.mask]
    guard value.isFinite else { throw .invalidArgument(value.isNaN ? "value is NaN" : "value must be finite") }
    let weight = weights.map { $0.pointer(as: Double.self)[row & $0.mask] } ?? 1
    guard weight > 0, weight.isFinite else { throw .invalidArgument("weight must be > 0") }
    try state.change(Int(groups[row]), { TDigest() }) { (sketch: TDigest) in sketch.add(value, weight: weight) }
  }
}

private func addToQuantileDigests(
  _ number: QuantileNumber, _ arguments: [Column], _ groups: UnsafePointer<UInt32>, _ count: Int, _ state: SketchState
) throws(KernelError) {
  let operands = arguments.map { Operand($0) }
  for row in 0..<count where operands.allSatisfy({ $0.isValid(row) }) {
    var weight: Int64 = 1
    if operands.count > 1 {
      weight = operands[1].pointer(as: Int64.self)[row & operands[1].mask]
      guard weight > 0 else { throw .invalidArgument("weight must be > 0") }
    }
    try state.change(
      Int(groups[row]),
      { () throws(KernelError) -> QuantileDigest in
        guard operands.count > 2 else { return QuantileDigest(maxError: QuantileDigest.defaultError) }
        let error = operands[2].pointer(as: Double.self)[row & operands[2].mask]
        guard error > 0, error < 1 else { throw .invalidArgument("Percentile accuracy must be strictly between 0 and 1") }
        return QuantileDigest(maxError: error)
      }
    ) { (sketch: QuantileDigest) in sketch.add(number.sortable(operands[0], row & operands[0].mask), weight: Double(weight)) }
  }
}

/// The hash of a value as Trino's sketches take it: whole numbers and dates as 8 bytes, doubles by their bits, text by its bytes. Nil for types
/// that have none.
private func sketchHash(of type: SQLType) -> ((Operand, Int) -> UInt64)? {
  switch type.physical {
  case .boolean: { Murmur3Hash128.hash(word: UInt64($0.pointer(as: UInt8.self)[$1])) }
  case .int8: { Murmur3Hash128.hash(word: UInt64(bitPattern: Int64($0.pointer(as: Int8.self)[$1]))) }
  case .int16: { Murmur3Hash128.hash(word: UInt64(bitPattern: Int64($0.pointer(as: Int16.self)[$1]))) }
  case .int32: { Murmur3Hash128.hash(word: UInt64(bitPattern: Int64($0.pointer(as: Int32.self)[$1]))) }
  case .int64: { Murmur3Hash128.hash(word: UInt64(bitPattern: $0.pointer(as: Int64.self)[$1])) }
  case .float: { Murmur3Hash128.hash(word: UInt64(bitPattern: Int64(Int32(bitPattern: $0.pointer(as: Float.self)[$1].bitPattern)))) }
  case .double:
    {
      let value = $0.pointer(as: Double.self)[$1]
      return Murmur3Hash128.hash(word: value.isNaN ? Double.nan.bitPattern : value.bitPattern)
    }
  case .string: { Murmur3Hash128.hash(StringView.buffer(at: $0.pointer(as: StringView.self) + $1)).0 }
  case .int128, .timestampTZ, .list, .row: nil
  }
}

extension QuantileNumber {
  /// A value as a whole number, in the same order.
  func sortable(_ operand: Operand, _ index: Int) -> Int64 {
    switch self {
    case .bigint: return operand.pointer(as: Int64.self)[index]
    case .real:
      let bits = Int32(bitPattern: operand.pointer(as: Float.self)[index].bitPattern)
      return Int64(bits ^ (bits >> 31 & .max))
    case .double:
      let bits = Int64(bitPattern: operand.pointer(as: Double.self)[index].bitPattern)
      return bits ^ (bits >> 63 & .max)
    }
  }

  /// What `sortable` makes of a value, back to the value.
  func append(_ number: Int64, to column: ColumnBuilder) {
    switch self {
    case .bigint: column.append(fixed: number)
    case .real:
      let bits = Int32(truncatingIfNeeded: number)
      column.append(fixed: Float(bitPattern: UInt32(bitPattern: bits ^ (bits >> 31 & .max))))
    case .double: column.append(fixed: Double(bitPattern: UInt64(bitPattern: number ^ (number >> 63 & .max))))
    }
  }
}
