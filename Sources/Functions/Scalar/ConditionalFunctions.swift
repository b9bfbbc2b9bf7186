import Columnar
import Glibc

extension FunctionLibrary {
  static let conditional: [ScalarDefinition] = [
    extreme("greatest", "The largest argument; NULL when one is NULL.", isGreatest: true),
    extreme("least", "The smallest argument; NULL when one is NULL.", isGreatest: false),
    ScalarDefinition(
      "current_timezone", "The zone of the session.", [], returns: .type(.varchar)
    ) { (_: [Column], call: FunctionCall) throws(KernelError) -> Column in
      .constant(.text(ZoneID.name(call.context.sessionZone)), count: call.count)
    },
    ScalarDefinition(
      "current_groups", "The groups of the user: none, since there are no groups.", [], returns: .type(.array(.varchar)),
      kernel: constantKernel(Scalar(.array(.varchar), .list([])))),
    ScalarDefinition("version", "The version of the engine.", [], returns: .type(.varchar), kernel: constantKernel(.text("frazil"))),
    ScalarDefinition("fail", "Raises an error with a message.", [.varchar], returns: .type(.unknown), kernel: failure),
    ScalarDefinition("fail", "Raises an error with a message.", [.integer, .varchar], returns: .type(.unknown), kernel: failure),
    ScalarDefinition(
      "uuid", "A random identifier.", [], returns: .type(.uuid), isDeterministic: false
    ) { (_: [Column], call: FunctionCall) throws(KernelError) -> Column in
      var generator = SeededGenerator(call.context)
      let values = Buffer(byteCount: call.count * 16)
      let target = values.pointer(as: Int128.self)
      for row in 0..<call.count {
        var bits = UInt128(generator.next()) << 64 | UInt128(generator.next())
        // Version 4, variant 1 (RFC 9562).
        bits = bits & ~(UInt128(0xF) << 76) | UInt128(4) << 76
        bits = bits & ~(UInt128(3) << 62) | UInt128(2) << 62
        target[row] = Int128(bitPattern: bits ^ (1 << 127))
      }
      return Column(type: .uuid, count: call.count, values: values)
    },
    ScalarDefinition(
      "random", aliases: ["rand"], "A random number between 0 and 1.", [], returns: .type(.double), isDeterministic: false
    ) { (_: [Column], call: FunctionCall) throws(KernelError) -> Column in
      var generator = SeededGenerator(call.context)
      let values = Buffer(byteCount: call.count * 8)
      let target = values.pointer(as: Double.self)
      for row in 0..<call.count { target[row] = Double(generator.next() >> 11) * 0x1p-53 }
      return Column(type: .double, count: call.count, values: values)
    },
  ] + randomIntegers(Int8.self) + randomIntegers(Int16.self) + randomIntegers(Int32.self) + randomIntegers(Int64.self)

  private static func randomIntegers<Value: FixedWidthInteger & SignedInteger & SQLArgument & SQLResult>(
    _ type: Value.Type
  ) -> [ScalarDefinition] where Value.Output == Value, Value.Stored == Value {
    func definition(_ count: Int) -> ScalarDefinition {
      ScalarDefinition(
        "random", aliases: ["rand"], "A random whole number from a bound (0 without) up to, not including, another.",
        Array(repeating: Value.pattern, count: count), returns: .type(Value.resultType), isDeterministic: false
      ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let operands = arguments.map { Operand($0) }
        var generator = SeededGenerator(call.context)
        let values = Buffer.zeroed(byteCount: call.count * MemoryLayout<Value>.stride)
        let target = values.pointer(as: Value.self)
        let validity = mergedValidity(operands, count: call.count)
        let valid = validity?.pointer(as: UInt8.self)
        for row in 0..<call.count {
          if let valid, valid[row] == 0 { continue }
          let low = count == 2 ? operands[0].pointer(as: Value.self)[row & operands[0].mask] : 0
          let high = operands[count - 1].pointer(as: Value.self)[row & operands[count - 1].mask]
          guard high > low else {
            throw KernelError.invalidArgument(
              count == 2 ? "start value must be less than stop value" : "bound must be positive").at(row: row)
          }
          target[row] = Value.random(in: low..<high, using: &generator)
        }
        return Column(type: Value.resultType, count: call.count, values: values, validity: validity)
      }
    }
    return [definition(1), definition(2)]
  }

  private static func extreme(_ name: String, _ description: String, isGreatest: Bool) -> ScalarDefinition {
    ScalarDefinition(name, description, [.variable("T")], isVariadic: true, returns: .pattern(.variable("T"))) {
      (types: [SQLType], _: SQLType) throws(FunctionError) -> ScalarKernel in
      guard types[0].isOrderable else {
        throw FunctionError("TYPE_MISMATCH", "Cannot order values of type \(types[0]) in \(name)")
      }
      return { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let flats = arguments.map { $0.flattened() }
        let comparers = flats.indices.map { index in flats.indices.map { RowComparer(flats[index], flats[$0]) } }
        let all = Column.concatenated(flats, type: types[0])
        var picker = RowPicker(capacity: call.count)
        for row in 0..<call.count {
          var best = 0
          var isNull = !comparers[0][0].isLeftValid(row)
          for index in 1..<max(1, flats.count) where !isNull {
            if !comparers[index][index].isLeftValid(row) {
              isNull = true
            } else if isNaN(flats[best], row) {
              best = index
            } else if !isNaN(flats[index], row) {
              let order = comparers[index][best].order(row, row)
              if isGreatest ? order > 0 : order < 0 { best = index }
            }
          }
          if isNull { picker.appendNull() } else { picker.append(best * call.count + row) }
        }
        return picker.take(from: all)
      }
    }
  }
}

/// Whether a flat column of floating point holds NaN at a row; `greatest` and `least` pass over it.
private func isNaN(_ column: Column, _ row: Int) -> Bool {
  switch column.type {
  case .double: column.flat.values.pointer(as: Double.self)[row].isNaN
  case .real: column.flat.values.pointer(as: Float.self)[row].isNaN
  default: false
  }
}

private let failure: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  guard let message = arguments.last, call.count > 0 else { return .nulls(.unknown, count: call.count) }
  throw KernelError("GENERIC_USER_ERROR", message.scalar(at: 0).text ?? "", row: 0)
}

/// Random numbers that a fixed seed makes repeatable (SplitMix64); each call of a kernel draws a stream of its own.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(_ context: QueryContext) {
    if let seed = context.seed {
      state = seed &+ context.nextRandomStream() &* 0xD1B5_4A32_D192_ED03
    } else {
      var system = SystemRandomNumberGenerator()
      state = system.next()
    }
  }

  mutating func next() -> UInt64 {
    state = state &+ 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z &>> 31)
  }
}
