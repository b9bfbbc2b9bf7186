import Columnar

extension FunctionLibrary {
  static let arithmeticOperators: [OperatorDefinition] = [
    OperatorDefinition(["+", "-", "*", "/", "%"], "Arithmetic on numbers of one type; integer overflow is an error.") {
      (name: String, types: [SQLType]) throws(FunctionError) -> ResolvedScalar? in
      guard types.count == 2, types[0].isNumeric || types[0] == .unknown, types[1].isNumeric || types[1] == .unknown,
        let common = TypeCoercion.commonSuperType(types[0], types[1])
      else { return nil }
      if case .decimal = common { return try decimalArithmetic(name, types) }
      // NULL + NULL: Trino picks the first of its overloads that fit.
      let type = common == .unknown ? SQLType.bigint : common
      guard let kernel = numericKernel(name, type) else { return nil }
      return ResolvedScalar(name: name, argumentTypes: [type, type], resultType: type, kernel: kernel)
    },
    OperatorDefinition(["negate"], "The number with its sign turned.") {
      (name: String, types: [SQLType]) throws(FunctionError) -> ResolvedScalar? in
      guard types.count == 1 else { return nil }
      let type = types[0] == .unknown ? SQLType.bigint : types[0]
      guard let kernel = negationKernel(type) else { return nil }
      return ResolvedScalar(name: name, argumentTypes: [type], resultType: type, kernel: kernel)
    },
  ]
}

private func numericKernel(_ name: String, _ type: SQLType) -> ScalarKernel? {
  switch type {
  case .tinyint: integerKernel(name, type, Int8.self)
  case .smallint: integerKernel(name, type, Int16.self)
  case .integer: integerKernel(name, type, Int32.self)
  case .bigint: integerKernel(name, type, Int64.self)
  case .real: realKernel(name, type)
  case .double: doubleKernel(name, type)
  default: nil
  }
}

// MARK: Integers

private func integerKernel<Value: FixedWidthInteger & SignedInteger & SQLArgument & SQLResult & BitwiseCopyable>(
  _ name: String, _ type: SQLType, _ value: Value.Type
) -> ScalarKernel where Value.Stored == Value {
  let typeName = type.description
  switch name {
  case "+":
    return overflowKernel(type, { (x: Value, y: Value) in x.addingReportingOverflow(y) }) { x, y in
      "\(typeName) addition overflow: \(x) + \(y)"
    }
  case "-":
    return overflowKernel(type, { (x: Value, y: Value) in x.subtractingReportingOverflow(y) }) { x, y in
      "\(typeName) subtraction overflow: \(x) - \(y)"
    }
  case "*":
    return overflowKernel(type, { (x: Value, y: Value) in x.multipliedReportingOverflow(by: y) }) { x, y in
      "\(typeName) multiplication overflow: \(x) * \(y)"
    }
  case "/":
    return overflowKernel(
      type,
      { (x: Value, y: Value) in
        if y == 0 || (y == -1 && x == Value.min) { return (0, true) }
        return (x / y, false)
      }
    ) { x, y in y == 0 ? nil : "\(typeName) division overflow: \(x) / \(y)" }
  default:
    return overflowKernel(
      type,
      { (x: Value, y: Value) in
        if y == 0 { return (0, true) }
        if y == -1 { return (0, false) }
        return (x % y, false)
      }
    ) { _, _ in nil }
  }
}

/// Runs the operation over all rows, gathering overflow in one flag; only when it is set are the rows looked at again.
///
/// - Parameter message: what went wrong with a pair of values; nil stands for division by zero.
@inline(__always)
private func overflowKernel<Value: FixedWidthInteger & BitwiseCopyable & SendableMetatype>(
  _ type: SQLType, _ operation: @escaping @Sendable (Value, Value) -> (partialValue: Value, overflow: Bool),
  _ message: @escaping @Sendable (Value, Value) -> String?
) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let first = Operand(arguments[0])
      let second = Operand(arguments[1])
      let count = call.count
      if first.isAllNull || second.isAllNull { return .nulls(type, count: count) }
      let values = Buffer(byteCount: count &* MemoryLayout<Value>.stride)
      let target = values.pointer(as: Value.self)
      let left = first.pointer(as: Value.self)
      let right = second.pointer(as: Value.self)
      let leftMask = first.mask
      let rightMask = second.mask
      var overflowed: UInt8 = 0
      if second.isConstant {
        let value = right[0]
        for row in 0..<count {
          let (result, overflow) = operation(left[row & leftMask], value)
          target[row] = result
          overflowed |= unsafeBitCast(overflow, to: UInt8.self)
        }
      } else {
        for row in 0..<count {
          let (result, overflow) = operation(left[row & leftMask], right[row])
          target[row] = result
          overflowed |= unsafeBitCast(overflow, to: UInt8.self)
        }
      }
      let validity = mergedValidity([first, second], count: count)
      if overflowed != 0 {
        let valid = validity?.pointer(as: UInt8.self)
        for row in 0..<count {
          if let valid, valid[row] == 0 { continue }
          let x = left[row & leftMask]
          let y = right[row & rightMask]
          guard operation(x, y).overflow else { continue }
          guard let text = message(x, y) else { throw KernelError.divisionByZero.at(row: row) }
          throw KernelError.outOfRange(text).at(row: row)
        }
      }
      return Column(type: type, count: count, values: values, validity: validity)
    }
  }
}

// MARK: Floating point

private enum FloatOperation {
  case addition, subtraction, multiplication, division, remainder

  init(_ name: String) {
    self =
      switch name {
      case "+": .addition
      case "-": .subtraction
      case "*": .multiplication
      case "/": .division
      default: .remainder
      }
  }
}

// The loops stand in functions without type parameters: closures that are handed through a generic helper stay calls, seven times slower
// than the addition.
private func doubleKernel(_ name: String, _ type: SQLType) -> ScalarKernel {
  let operation = FloatOperation(name)
  return { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      doubleColumn(operation, Operand(arguments[0]), Operand(arguments[1]), type, call.count)
    }
  }
}

private func doubleColumn(_ operation: FloatOperation, _ left: Operand, _ right: Operand, _ type: SQLType, _ count: Int) -> Column {
  if left.isAllNull || right.isAllNull { return .nulls(type, count: count) }
  let values = Buffer(byteCount: count &* MemoryLayout<Double>.stride)
  let target = values.base.assumingMemoryBound(to: Double.self)
  switch operation {
  case .addition: floatLoop(left, right, target, count) { (x: Double, y: Double) in x + y }
  case .subtraction: floatLoop(left, right, target, count) { (x: Double, y: Double) in x - y }
  case .multiplication: floatLoop(left, right, target, count) { (x: Double, y: Double) in x * y }
  case .division: floatLoop(left, right, target, count) { (x: Double, y: Double) in x / y }
  case .remainder: floatLoop(left, right, target, count) { (x: Double, y: Double) in x.truncatingRemainder(dividingBy: y) }
  }
  return Column(type: type, count: count, values: values, validity: mergedValidity([left, right], count: count))
}

private func realKernel(_ name: String, _ type: SQLType) -> ScalarKernel {
  let operation = FloatOperation(name)
  return { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      realColumn(operation, Operand(arguments[0]), Operand(arguments[1]), type, call.count)
    }
  }
}

private func realColumn(_ operation: FloatOperation, _ left: Operand, _ right: Operand, _ type: SQLType, _ count: Int) -> Column {
  if left.isAllNull || right.isAllNull { return .nulls(type, count: count) }
  let values = Buffer(byteCount: count &* MemoryLayout<Float>.stride)
  let target = values.base.assumingMemoryBound(to: Float.self)
  switch operation {
  case .addition: floatLoop(left, right, target, count) { (x: Float, y: Float) in x + y }
  case .subtraction: floatLoop(left, right, target, count) { (x: Float, y: Float) in x - y }
  case .multiplication: floatLoop(left, right, target, count) { (x: Float, y: Float) in x * y }
  case .division: floatLoop(left, right, target, count) { (x: Float, y: Float) in x / y }
  case .remainder: floatLoop(left, right, target, count) { (x: Float, y: Float) in x.truncatingRemainder(dividingBy: y) }
  }
  return Column(type: type, count: count, values: values, validity: mergedValidity([left, right], count: count))
}

@inline(__always)
private func floatLoop<Value: BitwiseCopyable>(
  _ left: Operand, _ right: Operand, _ target: UnsafeMutablePointer<Value>, _ count: Int, _ body: (Value, Value) -> Value
) {
  let (first, second) = (left.pointer(as: Value.self), right.pointer(as: Value.self))
  if right.isConstant {
    let value = second[0]
    for row in 0..<count { target[row] = body(first[row], value) }
  } else if left.isConstant {
    let value = first[0]
    for row in 0..<count { target[row] = body(value, second[row]) }
  } else {
    for row in 0..<count { target[row] = body(first[row], second[row]) }
  }
}

// MARK: Negation

private func negationKernel(_ type: SQLType) -> ScalarKernel? {
  switch type {
  case .tinyint: integerNegation(type, Int8.self)
  case .smallint: integerNegation(type, Int16.self)
  case .integer: integerNegation(type, Int32.self)
  case .bigint, .intervalDayToSecond: integerNegation(type, Int64.self)
  case .intervalYearToMonth: integerNegation(type, Int32.self)
  case .real: unaryKernel(type) { (x: Float) -> Float in -x }
  case .double: unaryKernel(type) { (x: Double) -> Double in -x }
  case .decimal(let precision, _):
    // 38 digits are symmetric around zero: nothing overflows.
    precision <= 18
      ? unaryKernel(type) { (x: Int64) -> Int64 in 0 &- x }
      : unaryKernel(type) { (x: WideInteger) -> WideInteger in WideInteger(value: 0 &- x.value) }
  default: nil
  }
}

private func integerNegation<Value: FixedWidthInteger & SQLArgument & SQLResult>(
  _ type: SQLType, _ value: Value.Type
) -> ScalarKernel where Value.Stored == Value {
  let typeName = type.description
  return optionalKernel(type) { (operands: [Operand], row: Int) throws(KernelError) -> Value? in
    let x = operands[0].pointer(as: Value.self)[row & operands[0].mask]
    let (result, overflow) = Value.zero.subtractingReportingOverflow(x)
    if overflow { throw .outOfRange("\(typeName) negation overflow: \(x)") }
    return result
  }
}

/// The unscaled value of a decimal of more than 18 digits, for the generic loops; the SQL type is stated beside it.
struct WideInteger: SQLArgument, SQLResult {
  let value: Int128
  static var pattern: TypePattern { .decimal }
  static var resultType: SQLType { .decimal(precision: 38, scale: 0) }
  @inline(__always)
  static func load(_ base: UnsafePointer<Int128>, _ index: Int) -> WideInteger { WideInteger(value: base[index]) }
  @inline(__always) var output: Int128 { value }
}
