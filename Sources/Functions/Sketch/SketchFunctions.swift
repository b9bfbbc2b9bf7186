import Columnar

extension FunctionLibrary {
  /// What can be asked of sketches.
  static let sketchFunctions: [ScalarDefinition] = hyperLogLogs + tdigests + QuantileNumber.allCases.flatMap(qdigests) + setDigests

  private static let hyperLogLogs: [ScalarDefinition] =
    [SketchType.hyperLogLog, .p4HyperLogLog].map { type in
      sketchFunction("cardinality", "About how many different values went into the sketch.", HyperLogLog.self, [.exact(.sketch(type))], returns: .bigint) {
        (sketch: HyperLogLog, _: SketchCall, result: ColumnBuilder) in
        result.append(fixed: sketch.cardinality)
      }
    } + [
      ScalarDefinition("empty_approx_set", "A HyperLogLog of nothing.", [], returns: .type(.sketch(.hyperLogLog))) {
        (_: [Column], call: FunctionCall) throws(KernelError) -> Column in
        emptySketches(count: call.count) { HyperLogLog(indexBits: HyperLogLog.defaultIndexBits) }
      },
      ScalarDefinition("empty_approx_set", "The same with a standard error of at most e.", [.double], returns: .type(.sketch(.hyperLogLog))) {
        (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
          let errors = Operand(arguments[0])
          var out = TextColumnBuilder(count: call.count)
          for row in 0..<call.count {
            if errors.isValid(row) {
              let bits = try HyperLogLog.indexBits(standardError: errors.pointer(as: Double.self)[row & errors.mask])
              HyperLogLog(indexBits: bits).write(to: &out.bytes)
            } else {
              out.setNull()
            }
            out.endRow()
          }
          return out.finish(.sketch(.hyperLogLog))
        }
      },
    ]

  private static let tdigests: [ScalarDefinition] = [
    sketchFunction(
      "value_at_quantile", "The value below which about a share of the values lie: (digest, share).", TDigest.self,
      [.exact(.sketch(.tdigest)), .double], returns: .double
    ) { (sketch: TDigest, call: SketchCall, result: ColumnBuilder) throws(KernelError) in
      sketch.compress()
      result.append(fixed: sketch.value(at: try call.share(1)))
    },
    sketchFunction(
      "values_at_quantiles", "The same for several shares.", TDigest.self, [.exact(.sketch(.tdigest)), .array(.double)], returns: .array(.double)
    ) { (sketch: TDigest, call: SketchCall, result: ColumnBuilder) throws(KernelError) in
      sketch.compress()
      let shares = try call.shares(1)
      result.append(listOf: shares.count)
      for share in shares { result.child(0).append(fixed: sketch.value(at: share)) }
    },
    sketchFunction(
      "quantile_at_value", "The share of values up to and including x: (digest, x).", TDigest.self, [.exact(.sketch(.tdigest)), .double],
      returns: .double
    ) { (sketch: TDigest, call: SketchCall, result: ColumnBuilder) in
      sketch.compress()
      if let share = sketch.share(upTo: call.double(1)) { result.append(fixed: share) } else { result.appendNull() }
    },
    sketchFunction(
      "trimmed_mean", "The mean of the values between two shares: (digest, low, high).", TDigest.self, [.exact(.sketch(.tdigest)), .double, .double],
      returns: .double
    ) { (sketch: TDigest, call: SketchCall, result: ColumnBuilder) throws(KernelError) in
      sketch.compress()
      if let mean = sketch.mean(from: try call.share(1), to: try call.share(2)) { result.append(fixed: mean) } else { result.appendNull() }
    },
  ]

  private static func qdigests(_ number: QuantileNumber) -> [ScalarDefinition] {
    let digest = TypePattern.exact(.sketch(.qdigest(number)))
    return [
      sketchFunction(
        "value_at_quantile", "The value below which about a share of the values lie: (digest, share).", QuantileDigest.self, [digest, .double],
        returns: number.type
      ) { (sketch: QuantileDigest, call: SketchCall, result: ColumnBuilder) throws(KernelError) in
        if let value = sketch.value(at: try call.share(1)) { number.append(value, to: result) } else { result.appendNull() }
      },
      sketchFunction(
        "values_at_quantiles", "The same for several shares.", QuantileDigest.self, [digest, .array(.double)], returns: .array(number.type)
      ) { (sketch: QuantileDigest, call: SketchCall, result: ColumnBuilder) throws(KernelError) in
        let shares = try call.shares(1)
        result.append(listOf: shares.count)
        for share in shares {
          if let value = sketch.value(at: share) { number.append(value, to: result.child(0)) } else { result.child(0).appendNull() }
        }
      },
      sketchFunction(
        "quantile_at_value", "The share of values up to and including x, NULL outside of the values: (digest, x).", QuantileDigest.self,
        [digest, .exact(number.type)], returns: .double
      ) { (sketch: QuantileDigest, call: SketchCall, result: ColumnBuilder) in
        let operand = call.operands[1]
        if let share = sketch.share(upTo: number.sortable(operand, call.row & operand.mask)) { result.append(fixed: share) } else { result.appendNull() }
      },
    ]
  }

  private static let setDigests: [ScalarDefinition] = [
    sketchFunction("cardinality", "How many members the set has, exact below 8,192.", SetDigest.self, [.exact(.sketch(.setDigest))], returns: .bigint) {
      (sketch: SetDigest, _: SketchCall, result: ColumnBuilder) in
      result.append(fixed: sketch.cardinality)
    },
    sketchFunction(
      "intersection_cardinality", "About how many members two sets have in common, exact below 8,192.", SetDigest.self,
      [.exact(.sketch(.setDigest)), .exact(.sketch(.setDigest))], returns: .bigint
    ) { (sketch: SetDigest, call: SketchCall, result: ColumnBuilder) throws(KernelError) in
      result.append(fixed: try sketch.intersectionCardinality(try SetDigest(bytes: call.bytes(1))))
    },
    sketchFunction(
      "jaccard_index", "About the share of the members of two sets that are in both.", SetDigest.self,
      [.exact(.sketch(.setDigest)), .exact(.sketch(.setDigest))], returns: .double
    ) { (sketch: SetDigest, call: SketchCall, result: ColumnBuilder) throws(KernelError) in
      result.append(fixed: sketch.jaccardIndex(try SetDigest(bytes: call.bytes(1))))
    },
    sketchFunction(
      "hash_counts", "A map from the smallest hashes of a set to how often each was seen.", SetDigest.self, [.exact(.sketch(.setDigest))],
      returns: .map(key: .bigint, value: .smallint)
    ) { (sketch: SetDigest, _: SketchCall, result: ColumnBuilder) in
      let counts = sketch.hashCounts
      result.append(listOf: counts.count)
      for (hash, count) in counts {
        result.child(0).append(fixed: hash)
        result.child(1).append(fixed: count)
      }
    },
  ]
}

/// The arguments of a function of a sketch in one row, none of them NULL.
private struct SketchCall {
  let arguments: [Column]
  let operands: [Operand]
  var row = 0

  func double(_ argument: Int) -> Double { operands[argument].pointer(as: Double.self)[row & operands[argument].mask] }

  func bytes(_ argument: Int) -> UnsafeRawBufferPointer {
    StringView.buffer(at: operands[argument].pointer(as: StringView.self) + (row & operands[argument].mask))
  }

  func share(_ argument: Int) throws(KernelError) -> Double { try checked(double(argument)) }

  func shares(_ argument: Int) throws(KernelError) -> [Double] {
    let list = ListOperand(arguments[argument])
    let elements = Operand(list.elements)
    var result: [Double] = []
    for element in list.range(row) {
      guard elements.isValid(element) else { throw .invalidArgument("All quantiles should be non-null") }
      result.append(try checked(elements.pointer(as: Double.self)[element & elements.mask]))
    }
    return result
  }

  private func checked(_ share: Double) throws(KernelError) -> Double {
    guard share >= 0, share <= 1 else { throw .invalidArgument("Quantile should be within bounds [0, 1], was: \(javaText(share))") }
    return share
  }
}

/// A function whose first argument is a sketch; a row with any NULL is NULL.
private func sketchFunction<Kind: Sketch>(
  _ name: String, _ description: String, _ kind: Kind.Type, _ parameters: [TypePattern], returns result: SQLType,
  _ body: @escaping @Sendable (_ sketch: Kind, _ call: SketchCall, _ result: ColumnBuilder) throws(KernelError) -> Void
) -> ScalarDefinition {
  ScalarDefinition(name, description, parameters, returns: .type(result)) {
    (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let builder = ColumnBuilder(type: result, capacity: call.count)
      var sketchCall = SketchCall(arguments: arguments, operands: arguments.map { Operand($0) })
      // A sketch that is the same for all rows is read once.
      var known: Kind?
      for row in 0..<call.count {
        guard sketchCall.operands.allSatisfy({ $0.isValid(row) }) else {
          builder.appendNull()
          continue
        }
        sketchCall.row = row
        do throws(KernelError) {
          let sketch: Kind
          if let known { sketch = known } else { sketch = try Kind(bytes: sketchCall.bytes(0)) }
          if sketchCall.operands[0].isConstant { known = sketch }
          try body(sketch, sketchCall, builder)
        } catch {
          throw error.at(row: row)
        }
      }
      return builder.finish()
    }
  }
}

private func emptySketches<Kind: Sketch>(count: Int, _ make: () -> Kind) -> Column {
  var out = TextColumnBuilder(count: count)
  for _ in 0..<count {
    make().write(to: &out.bytes)
    out.endRow()
  }
  return out.finish(.sketch(.hyperLogLog))
}
