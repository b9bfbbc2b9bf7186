import Columnar

/// Arithmetic where the common type is a decimal. Integers join as decimals of their width; the result type follows Trino's table (sql.md 5.2).
func decimalArithmetic(_ name: String, _ types: [SQLType]) throws(FunctionError) -> ResolvedScalar? {
  let left = types[0] == .unknown ? types[1] : types[0]
  let right = types[1] == .unknown ? types[0] : types[1]
  guard let x = TypeCoercion.decimal(of: left), let y = TypeCoercion.decimal(of: right) else { return nil }
  let maximum = SQLType.maxDecimalPrecision
  let scale = name == "*" ? x.scale + y.scale : max(x.scale, y.scale)
  guard scale <= maximum else {
    throw FunctionError("INVALID_FUNCTION_ARGUMENT", "DECIMAL scale must be in range [0, precision (38)]: \(scale)")
  }
  let precision =
    switch name {
    case "*": min(maximum, x.precision + y.precision)
    case "/": min(maximum, x.precision + y.scale + max(0, y.scale - x.scale))
    case "%": min(x.precision - x.scale, y.precision - y.scale) + max(x.scale, y.scale)
    default: min(maximum, 1 + scale + max(x.precision - x.scale, y.precision - y.scale))
    }
  let result = SQLType.decimal(precision: max(1, precision), scale: scale)
  let argumentTypes = [
    SQLType.decimal(precision: x.precision, scale: x.scale), SQLType.decimal(precision: y.precision, scale: y.scale),
  ]
  let shape = DecimalOperation(name: name, left: x, right: y, scale: scale, precision: max(1, precision))
  return ResolvedScalar(name: name, argumentTypes: argumentTypes, resultType: result, kernel: shape.kernel)
}

private struct DecimalOperation: Sendable {
  let name: String
  let left: (precision: Int, scale: Int)
  let right: (precision: Int, scale: Int)
  let scale: Int
  let precision: Int

  var resultType: SQLType { .decimal(precision: precision, scale: scale) }

  var kernel: ScalarKernel {
    let leftFactor = scale - left.scale
    let rightFactor = scale - right.scale
    // With at most 18 digits in the result, rescaled operands of these operations have at most 18 digits too.
    let isShort = precision <= 18 && left.precision <= 18 && right.precision <= 18
    switch name {
    case "+":
      if isShort { return short(leftFactor, rightFactor) { (x: Int64, y: Int64) in x &+ y } }
      return wide { (x: Int128, y: Int128) throws(KernelError) -> Int128 in
        try sum(x, leftFactor, y, rightFactor, isDifference: false)
      }
    case "-":
      if isShort { return short(leftFactor, rightFactor) { (x: Int64, y: Int64) in x &- y } }
      return wide { (x: Int128, y: Int128) throws(KernelError) -> Int128 in
        try sum(x, leftFactor, y, rightFactor, isDifference: true)
      }
    case "*":
      if isShort { return short(0, 0) { (x: Int64, y: Int64) in x &* y } }
      return wide { (x: Int128, y: Int128) throws(KernelError) -> Int128 in
        let (product, overflows) = x.multipliedReportingOverflow(by: y)
        if overflows { throw DecimalMath.overflow }
        return product
      }
    case "/":
      let places = scale + right.scale - left.scale
      if isShort {
        let factor = DecimalMath.shortPowers[places]
        return wide { (x: Int128, y: Int128) throws(KernelError) -> Int128 in
          let divisor = Int64(truncatingIfNeeded: y)
          if divisor == 0 { throw .divisionByZero }
          let dividend = Int64(truncatingIfNeeded: x) &* factor
          let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
          let size = divisor.magnitude
          guard remainder.magnitude >= size - remainder.magnitude else { return Int128(quotient) }
          return Int128((dividend < 0) != (divisor < 0) ? quotient - 1 : quotient + 1)
        }
      }
      return wide { (x: Int128, y: Int128) throws(KernelError) -> Int128 in
        if y == 0 { throw .divisionByZero }
        guard let quotient = DecimalMath.divide(x, scaledBy: places, by: y) else { throw DecimalMath.overflow }
        return quotient
      }
    default:
      return wide { (x: Int128, y: Int128) throws(KernelError) -> Int128 in
        if y == 0 { throw .divisionByZero }
        guard let dividend = DecimalMath.scaleUp(x, by: leftFactor), let divisor = DecimalMath.scaleUp(y, by: rightFactor)
        else { throw DecimalMath.overflow }
        return dividend % divisor
      }
    }
  }

  private func sum(
    _ x: Int128, _ leftFactor: Int, _ y: Int128, _ rightFactor: Int, isDifference: Bool
  ) throws(KernelError) -> Int128 {
    guard let first = DecimalMath.scaleUp(x, by: leftFactor), let second = DecimalMath.scaleUp(y, by: rightFactor) else {
      throw DecimalMath.overflow
    }
    let (result, overflows) =
      isDifference ? first.subtractingReportingOverflow(second) : first.addingReportingOverflow(second)
    if overflows { throw DecimalMath.overflow }
    return result
  }

  /// 64-bit operands and result that cannot overflow.
  @inline(__always)
  private func short(
    _ leftFactor: Int, _ rightFactor: Int, _ operation: @escaping @Sendable (Int64, Int64) -> Int64
  ) -> ScalarKernel {
    let leftPower = DecimalMath.shortPowers[leftFactor]
    let rightPower = DecimalMath.shortPowers[rightFactor]
    return binaryKernel(resultType) { (x: Int64, y: Int64) -> Int64 in operation(x &* leftPower, y &* rightPower) }
  }

  /// Any widths; rows with NULLs are skipped, results are held to the precision.
  @inline(__always)
  private func wide(
    _ operation: @escaping @Sendable (Int128, Int128) throws(KernelError) -> Int128
  ) -> ScalarKernel {
    let type = resultType
    let precision = precision
    let leftIsShort = left.precision <= 18
    let rightIsShort = right.precision <= 18
    let resultIsShort = precision <= 18
    return { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let first = Operand(arguments[0])
        let second = Operand(arguments[1])
        let values = Buffer.zeroed(byteCount: call.count &* (resultIsShort ? 8 : 16))
        let validity = mergedValidity([first, second], count: call.count)
        let valid = validity?.pointer(as: UInt8.self)
        for row in 0..<call.count {
          if let valid, valid[row] == 0 { continue }
          let x = loadDecimal(first.base, row & first.mask, isShort: leftIsShort)
          let y = loadDecimal(second.base, row & second.mask, isShort: rightIsShort)
          do throws(KernelError) {
            let result = try operation(x, y)
            guard DecimalMath.fits(result, precision: precision) else { throw DecimalMath.overflow }
            storeDecimal(result, values.base, row, isShort: resultIsShort)
          } catch {
            throw error.at(row: row)
          }
        }
        return Column(type: type, count: call.count, values: values, validity: validity)
      }
    }
  }
}
