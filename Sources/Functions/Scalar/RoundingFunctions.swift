import Columnar
import Glibc

extension FunctionLibrary {
  static let rounding: [ScalarDefinition] = absolute + integerRounding + floatingRounding + decimalRounding + moduli

  // MARK: abs, sign, mod

  private static let absolute: [ScalarDefinition] = [
    absoluteValue(Int8.self), absoluteValue(Int16.self), absoluteValue(Int32.self), absoluteValue(Int64.self),
    unary("abs", "Size without sign.") { (x: Double) -> Double in abs(x) },
    unary("abs", "Size without sign.") { (x: Float) -> Float in abs(x) },
    decimalFunction("abs", "Size without sign.", precision: { $0.precision }, scale: { $0.scale }) { value, _ in
      value < 0 ? -value : value
    },
    signOf(Int8.self), signOf(Int16.self), signOf(Int32.self), signOf(Int64.self),
    unary("sign", "-1, 0 or 1.") { (x: Double) -> Double in x > 0 ? 1 : (x < 0 ? -1 : x) },
    unary("sign", "-1, 0 or 1.") { (x: Float) -> Float in x > 0 ? 1 : (x < 0 ? -1 : x) },
    decimalFunction("sign", "-1, 0 or 1.", precision: { _ in 1 }, scale: { _ in 0 }) { value, _ in value.signum() },
  ]

  private static func absoluteValue<Value: FixedWidthInteger & SignedInteger & SQLArgument & SQLResult>(
    _ type: Value.Type
  ) -> ScalarDefinition where Value.Output == Value, Value.Stored == Value {
    checkedUnary("abs", "Size without sign.") { (x: Value) throws(KernelError) -> Value in
      guard x != Value.min else { throw .outOfRange("Value \(x) is out of range for abs(\(Value.resultType))") }
      return x < 0 ? 0 - x : x
    }
  }

  private static func signOf<Value: FixedWidthInteger & SignedInteger & SQLArgument & SQLResult>(
    _ type: Value.Type
  ) -> ScalarDefinition where Value.Output == Value, Value.Stored == Value {
    unary("sign", "-1, 0 or 1.") { (x: Value) -> Value in x.signum() }
  }

  private static let moduli: [ScalarDefinition] = [
    remainder(Int8.self), remainder(Int16.self), remainder(Int32.self), remainder(Int64.self),
    binary("mod", "Remainder with the sign of the dividend.") { (x: Double, y: Double) -> Double in
      x.truncatingRemainder(dividingBy: y)
    },
    binary("mod", "Remainder with the sign of the dividend.") { (x: Float, y: Float) -> Float in
      x.truncatingRemainder(dividingBy: y)
    },
    ScalarDefinition(
      "mod", "Remainder with the sign of the dividend.", [.decimal, .decimal],
      returns: .computed("decimal(p,s)") { (types: [SQLType]) throws(FunctionError) -> SQLType in
        try decimalArithmetic("%", types)?.resultType ?? .double
      }
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) -> ScalarKernel in
      guard let resolved = try decimalArithmetic("%", types) else {
        throw FunctionError("TYPE_MISMATCH", "mod of \(types[0]) and \(types[1])")
      }
      return resolved.kernel
    },
  ]

  private static func remainder<Value: FixedWidthInteger & SignedInteger & SQLArgument & SQLResult>(
    _ type: Value.Type
  ) -> ScalarDefinition where Value.Output == Value, Value.Stored == Value {
    checkedBinary("mod", "Remainder with the sign of the dividend.") { (x: Value, y: Value) throws(KernelError) -> Value in
      if y == 0 { throw .divisionByZero }
      return y == -1 ? 0 : x % y
    }
  }

  // MARK: Integers

  private static let integerRounding: [ScalarDefinition] =
    whole(Int8.self) + whole(Int16.self) + whole(Int32.self) + whole(Int64.self)

  private static func whole<Value: FixedWidthInteger & SignedInteger & SQLArgument & SQLResult>(
    _ type: Value.Type
  ) -> [ScalarDefinition] where Value.Output == Value, Value.Stored == Value {
    [
      unary("ceil", aliases: ["ceiling"], "Smallest whole number not below x.") { (x: Value) -> Value in x },
      unary("floor", "Largest whole number not above x.") { (x: Value) -> Value in x },
      unary("round", "Nearest whole number.") { (x: Value) -> Value in x },
      unary("truncate", "x without its fraction.") { (x: Value) -> Value in x },
      checkedBinary("round", "Nearest multiple of 10^-d; halves away from zero.") {
        (x: Value, digits: Int32) throws(KernelError) -> Value in
        if digits >= 0 { return x }
        let places = Int(min(Int64(19), -Int64(digits)))
        let rounded = DecimalMath.scaleDown(Int128(x), by: places) * DecimalMath.power(places)
        guard let result = Value(exactly: rounded) else { throw .outOfRange("\(Value.resultType) out of range: \(rounded)") }
        return result
      },
      checkedBinary("truncate", "x cut to a multiple of 10^-d.") { (x: Value, digits: Int32) throws(KernelError) -> Value in
        if digits >= 0 { return x }
        let power = DecimalMath.power(Int(min(Int64(19), -Int64(digits))))
        return Value(truncatingIfNeeded: Int128(x) / power * power)
      },
    ]
  }

  // MARK: Floating point

  private static let floatingRounding: [ScalarDefinition] = [
    unary("ceil", aliases: ["ceiling"], "Smallest whole number not below x.") { (x: Double) -> Double in x.rounded(.up) },
    unary("floor", "Largest whole number not above x.") { (x: Double) -> Double in x.rounded(.down) },
    unary("round", "Nearest whole number; halves away from zero.") { (x: Double) -> Double in
      x.rounded(.toNearestOrAwayFromZero)
    },
    unary("truncate", "x without its fraction.") { (x: Double) -> Double in x.rounded(.towardZero) },
    binary("round", "x rounded to d digits behind the point; halves away from zero.") { (x: Double, digits: Int32) -> Double in
      roundDouble(x, Int(digits), .toNearestOrAwayFromZero)
    },
    binary("truncate", "x cut to d digits behind the point.") { (x: Double, digits: Int32) -> Double in
      roundDouble(x, Int(digits), .towardZero)
    },
    unary("ceil", aliases: ["ceiling"], "Smallest whole number not below x.") { (x: Float) -> Float in x.rounded(.up) },
    unary("floor", "Largest whole number not above x.") { (x: Float) -> Float in x.rounded(.down) },
    unary("round", "Nearest whole number; halves away from zero.") { (x: Float) -> Float in
      x.rounded(.toNearestOrAwayFromZero)
    },
    unary("truncate", "x without its fraction.") { (x: Float) -> Float in x.rounded(.towardZero) },
    binary("round", "x rounded to d digits behind the point; halves away from zero.") { (x: Float, digits: Int32) -> Float in
      Float(roundDouble(Double(x), Int(digits), .toNearestOrAwayFromZero))
    },
    binary("truncate", "x cut to d digits behind the point.") { (x: Float, digits: Int32) -> Float in
      Float(roundDouble(Double(x), Int(digits), .towardZero))
    },
  ]

  // MARK: Decimals

  private typealias Shape = (precision: Int, scale: Int)

  private static let decimalRounding: [ScalarDefinition] = [
    decimalFunction(
      "round", "Nearest whole number; halves away from zero.",
      precision: { min(38, $0.precision - $0.scale + min(1, $0.scale)) }, scale: { _ in 0 }
    ) { value, shape in DecimalMath.scaleDown(value, by: shape.scale) },
    decimalFunction(
      "ceil", aliases: ["ceiling"], "Smallest whole number not below x.",
      precision: { $0.precision - $0.scale + min(1, $0.scale) }, scale: { _ in 0 }
    ) { value, shape in
      let power = DecimalMath.power(shape.scale)
      return value / power + (value % power > 0 ? 1 : 0)
    },
    decimalFunction(
      "floor", "Largest whole number not above x.", precision: { $0.precision - $0.scale + min(1, $0.scale) },
      scale: { _ in 0 }
    ) { value, shape in
      let power = DecimalMath.power(shape.scale)
      return value / power - (value % power < 0 ? 1 : 0)
    },
    decimalFunction(
      "truncate", "x without its fraction.", precision: { max(1, $0.precision - $0.scale) }, scale: { _ in 0 }
    ) { value, shape in value / DecimalMath.power(shape.scale) },
    decimalDigits("round", "x rounded to d digits behind the point.", precision: { min(38, $0.precision + 1) }) {
      DecimalMath.scaleDown($0, by: $1)
    },
    decimalDigits("truncate", "x cut to d digits behind the point.", precision: { $0.precision }) {
      $1 > 38 ? 0 : $0 / DecimalMath.power($1)
    },
  ]

  private static func decimalFunction(
    _ name: String, aliases: [String] = [], _ description: String, precision: @escaping @Sendable (Shape) -> Int,
    scale: @escaping @Sendable (Shape) -> Int, _ body: @escaping @Sendable (Int128, Shape) -> Int128
  ) -> ScalarDefinition {
    ScalarDefinition(
      name, aliases: aliases, description, [.decimal],
      returns: .computed("decimal") { (types: [SQLType]) throws(FunctionError) -> SQLType in
        let shape = types[0].decimalShape ?? (1, 0)
        return .decimal(precision: max(1, precision(shape)), scale: scale(shape))
      }
    ) { (types: [SQLType], result: SQLType) throws(FunctionError) -> ScalarKernel in
      let shape = types[0].decimalShape ?? (1, 0)
      return decimalKernel(from: types[0], to: result) { (value: Int128, _: Int) throws(KernelError) -> Int128 in
        body(value, shape)
      }
    }
  }

  /// round(x, d) and truncate(x, d): the scale stays, digits behind d become zero.
  private static func decimalDigits(
    _ name: String, _ description: String, precision: @escaping @Sendable (Shape) -> Int,
    _ drop: @escaping @Sendable (Int128, Int) -> Int128
  ) -> ScalarDefinition {
    ScalarDefinition(
      name, description, [.decimal, .integer],
      returns: .computed("decimal") { (types: [SQLType]) throws(FunctionError) -> SQLType in
        let shape = types[0].decimalShape ?? (1, 0)
        return .decimal(precision: precision(shape), scale: shape.scale)
      }
    ) { (types: [SQLType], result: SQLType) throws(FunctionError) -> ScalarKernel in
      let shape = types[0].decimalShape ?? (1, 0)
      return { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let digits = Operand(arguments[1])
        let kernel = decimalKernel(from: types[0], to: result) { (value: Int128, row: Int) throws(KernelError) -> Int128 in
          let wanted = Int(digits.pointer(as: Int32.self)[row & digits.mask])
          if wanted >= shape.scale { return value }
          let places = shape.scale - wanted
          if places > 38 { return 0 }
          guard let result = DecimalMath.scaleUp(drop(value, places), by: places) else { throw DecimalMath.overflow }
          return result
        }
        return try kernel(arguments, call)
      }
    }
  }
}

/// Runs a body over decimals; the result is held to its precision.
private func decimalKernel(
  from source: SQLType, to result: SQLType, _ body: @escaping @Sendable (Int128, Int) throws(KernelError) -> Int128
) -> ScalarKernel {
  let sourceIsShort = source.physical == .int64
  let resultIsShort = result.physical == .int64
  let precision = result.decimalShape?.precision ?? 38
  return { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let operands = arguments.map { Operand($0) }
    let validity = mergedValidity(operands, count: call.count)
    let valid = validity?.pointer(as: UInt8.self)
    let values = Buffer.zeroed(byteCount: call.count * (resultIsShort ? 8 : 16))
    for row in 0..<call.count {
      if let valid, valid[row] == 0 { continue }
      let value = loadDecimal(operands[0].base, row & operands[0].mask, isShort: sourceIsShort)
      do throws(KernelError) {
        let answer = try body(value, row)
        guard DecimalMath.fits(answer, precision: precision) else { throw DecimalMath.overflow }
        storeDecimal(answer, values.base, row, isShort: resultIsShort)
      } catch { throw error.at(row: row) }
    }
    return Column(type: result, count: call.count, values: values, validity: validity)
  }
}

/// A double at `digits` decimal places. The product with the power decides as in Trino; where it leaves the exact range the value has no such digits.
private func roundDouble(_ x: Double, _ digits: Int, _ rule: FloatingPointRoundingRule) -> Double {
  if !x.isFinite || digits > 308 { return x }
  if digits < -308 { return 0 * x }
  let power = Glibc.pow(10, Double(abs(digits)))
  if digits < 0 { return (x / power).rounded(rule) * power }
  let scaled = x * power
  return scaled.isFinite ? scaled.rounded(rule) / power : x
}
