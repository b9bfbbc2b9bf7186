import Columnar

// One line makes a function: the helpers here supply NULL propagation, constants, result columns and the loop. They are inlined into
// their callers so that the closure becomes the body of the loop.
//
// | helper | closure | rows with NULL |
// |---|---|---|
// | `unary`, `binary` | cannot fail | computed and masked |
// | `checkedUnary` ... `checkedQuaternary` | may throw | skipped |
// | `optionalUnary` ... | may throw; nil is NULL | skipped |
// | `textUnary` ... | appends to a `TextColumnBuilder` | skipped |

@inline(__always)
func unary<A: SQLArgument, R: SQLResult>(
  _ name: String, aliases: [String] = [], _ description: String, _ body: @escaping @Sendable (A) -> R
) -> ScalarDefinition {
  ScalarDefinition(
    name, aliases: aliases, description, [A.pattern], returns: .type(R.resultType),
    kernel: unaryKernel(R.resultType, body))
}

@inline(__always)
func unaryKernel<A: SQLArgument, R: SQLResult>(
  _ resultType: SQLType, _ body: @escaping @Sendable (A) -> R
) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let operand = Operand(arguments[0])
    if operand.isAllNull { return .nulls(resultType, count: call.count) }
    let rows = operand.isConstant ? min(1, call.count) : call.count
    let values = Buffer(byteCount: rows &* MemoryLayout<R.Output>.stride)
    let target = values.pointer(as: R.Output.self)
    let source = operand.pointer(as: A.Stored.self)
    for row in 0..<rows { target[row] = body(A.load(source, row)).output }
    let column = Column(
      flat: FlatVector(
        values: BufferSlice(values), validity: operand.isConstant ? nil : operand.column.flat.validity),
      type: resultType, count: rows)
    return operand.isConstant && call.count > 0 ? column.asConstant(count: call.count) : column
  }
}

@inline(__always)
func binary<A: SQLArgument, B: SQLArgument, R: SQLResult>(
  _ name: String, aliases: [String] = [], _ description: String, _ body: @escaping @Sendable (A, B) -> R
) -> ScalarDefinition {
  ScalarDefinition(
    name, aliases: aliases, description, [A.pattern, B.pattern], returns: .type(R.resultType),
    kernel: binaryKernel(R.resultType, body))
}

@inline(__always)
func binaryKernel<A: SQLArgument, B: SQLArgument, R: SQLResult>(
  _ resultType: SQLType, _ body: @escaping @Sendable (A, B) -> R
) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let first = Operand(arguments[0])
      let second = Operand(arguments[1])
      if first.isAllNull || second.isAllNull { return .nulls(resultType, count: call.count) }
      let values = Buffer(byteCount: call.count &* MemoryLayout<R.Output>.stride)
      let target = values.pointer(as: R.Output.self)
      let left = first.pointer(as: A.Stored.self)
      let right = second.pointer(as: B.Stored.self)
      if second.isConstant {
        let value = B.load(right, 0)
        for row in 0..<call.count { target[row] = body(A.load(left, row), value).output }
      } else if first.isConstant {
        let value = A.load(left, 0)
        for row in 0..<call.count { target[row] = body(value, B.load(right, row)).output }
      } else {
        for row in 0..<call.count { target[row] = body(A.load(left, row), B.load(right, row)).output }
      }
      return Column(
        type: resultType, count: call.count, values: values,
        validity: mergedValidity([first, second], count: call.count))
    }
  }
}

// MARK: Closures that may fail or give NULL

@inline(__always)
func optionalUnary<A: SQLArgument, R: SQLResult>(
  _ name: String, aliases: [String] = [], _ description: String,
  _ body: @escaping @Sendable (A) throws(KernelError) -> R?
) -> ScalarDefinition {
  ScalarDefinition(
    name, aliases: aliases, description, [A.pattern], returns: .type(R.resultType),
    kernel: optionalKernel(R.resultType) { (operands: [Operand], row: Int) throws(KernelError) -> R? in
      try body(A.load(operands[0].pointer(as: A.Stored.self), row & operands[0].mask))
    })
}

@inline(__always)
func checkedUnary<A: SQLArgument, R: SQLResult>(
  _ name: String, aliases: [String] = [], _ description: String,
  _ body: @escaping @Sendable (A) throws(KernelError) -> R
) -> ScalarDefinition {
  optionalUnary(name, aliases: aliases, description) { (x: A) throws(KernelError) -> R? in try body(x) }
}

@inline(__always)
func optionalBinary<A: SQLArgument, B: SQLArgument, R: SQLResult>(
  _ name: String, aliases: [String] = [], _ description: String,
  _ body: @escaping @Sendable (A, B) throws(KernelError) -> R?
) -> ScalarDefinition {
  ScalarDefinition(
    name, aliases: aliases, description, [A.pattern, B.pattern], returns: .type(R.resultType),
    kernel: optionalKernel(R.resultType) { (operands: [Operand], row: Int) throws(KernelError) -> R? in
      try body(
        A.load(operands[0].pointer(as: A.Stored.self), row & operands[0].mask),
        B.load(operands[1].pointer(as: B.Stored.self), row & operands[1].mask))
    })
}

@inline(__always)
func checkedBinary<A: SQLArgument, B: SQLArgument, R: SQLResult>(
  _ name: String, aliases: [String] = [], _ description: String,
  _ body: @escaping @Sendable (A, B) throws(KernelError) -> R
) -> ScalarDefinition {
  optionalBinary(name, aliases: aliases, description) { (x: A, y: B) throws(KernelError) -> R? in try body(x, y) }
}

@inline(__always)
func optionalTernary<A: SQLArgument, B: SQLArgument, C: SQLArgument, R: SQLResult>(
  _ name: String, aliases: [String] = [], _ description: String,
  _ body: @escaping @Sendable (A, B, C) throws(KernelError) -> R?
) -> ScalarDefinition {
  ScalarDefinition(
    name, aliases: aliases, description, [A.pattern, B.pattern, C.pattern], returns: .type(R.resultType),
    kernel: optionalKernel(R.resultType) { (operands: [Operand], row: Int) throws(KernelError) -> R? in
      try body(
        A.load(operands[0].pointer(as: A.Stored.self), row & operands[0].mask),
        B.load(operands[1].pointer(as: B.Stored.self), row & operands[1].mask),
        C.load(operands[2].pointer(as: C.Stored.self), row & operands[2].mask))
    })
}

@inline(__always)
func checkedTernary<A: SQLArgument, B: SQLArgument, C: SQLArgument, R: SQLResult>(
  _ name: String, aliases: [String] = [], _ description: String,
  _ body: @escaping @Sendable (A, B, C) throws(KernelError) -> R
) -> ScalarDefinition {
  optionalTernary(name, aliases: aliases, description) { (x: A, y: B, z: C) throws(KernelError) -> R? in
    try body(x, y, z)
  }
}

@inline(__always)
func checkedQuaternary<A: SQLArgument, B: SQLArgument, C: SQLArgument, D: SQLArgument, R: SQLResult>(
  _ name: String, aliases: [String] = [], _ description: String,
  _ body: @escaping @Sendable (A, B, C, D) throws(KernelError) -> R
) -> ScalarDefinition {
  ScalarDefinition(
    name, aliases: aliases, description, [A.pattern, B.pattern, C.pattern, D.pattern], returns: .type(R.resultType),
    kernel: optionalKernel(R.resultType) { (operands: [Operand], row: Int) throws(KernelError) -> R? in
      try body(
        A.load(operands[0].pointer(as: A.Stored.self), row & operands[0].mask),
        B.load(operands[1].pointer(as: B.Stored.self), row & operands[1].mask),
        C.load(operands[2].pointer(as: C.Stored.self), row & operands[2].mask),
        D.load(operands[3].pointer(as: D.Stored.self), row & operands[3].mask))
    })
}

/// The loop of all closures of fixed-width results that may fail: rows with a NULL argument are skipped.
@inline(__always)
func optionalKernel<R: SQLResult>(
  _ resultType: SQLType, _ body: @escaping @Sendable (_ operands: [Operand], _ row: Int) throws(KernelError) -> R?
) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let operands = arguments.map { Operand($0) }
      let count = call.count
      let values = Buffer.zeroed(byteCount: count &* MemoryLayout<R.Output>.stride)
      let target = values.pointer(as: R.Output.self)
      var validity = mergedValidity(operands, count: count)
      var valid = validity?.pointer(as: UInt8.self)
      for row in 0..<count {
        if let valid, valid[row] == 0 { continue }
        do throws(KernelError) {
          if let value = try body(operands, row) {
            target[row] = value.output
            continue
          }
        } catch {
          throw error.at(row: row)
        }
        if valid == nil {
          let fresh = Buffer.allValid(count: count)
          validity = fresh
          valid = fresh.pointer(as: UInt8.self)
        }
        valid?[row] = 0
      }
      return Column(type: resultType, count: count, values: values, validity: validity)
    }
  }
}

// MARK: Text results

@inline(__always)
func textUnary<A: SQLArgument>(
  _ name: String, aliases: [String] = [], _ description: String, returns result: ResultRule = .type(.varchar),
  _ body: @escaping @Sendable (A, inout TextColumnBuilder) throws(KernelError) -> Void
) -> ScalarDefinition {
  ScalarDefinition(
    name, aliases: aliases, description, [A.pattern], returns: result,
    kernel: textKernel { (operands: [Operand], row: Int, out: inout TextColumnBuilder) throws(KernelError) in
      try body(A.load(operands[0].pointer(as: A.Stored.self), row & operands[0].mask), &out)
    })
}

@inline(__always)
func textBinary<A: SQLArgument, B: SQLArgument>(
  _ name: String, aliases: [String] = [], _ description: String, returns result: ResultRule = .type(.varchar),
  _ body: @escaping @Sendable (A, B, inout TextColumnBuilder) throws(KernelError) -> Void
) -> ScalarDefinition {
  ScalarDefinition(
    name, aliases: aliases, description, [A.pattern, B.pattern], returns: result,
    kernel: textKernel { (operands: [Operand], row: Int, out: inout TextColumnBuilder) throws(KernelError) in
      try body(
        A.load(operands[0].pointer(as: A.Stored.self), row & operands[0].mask),
        B.load(operands[1].pointer(as: B.Stored.self), row & operands[1].mask), &out)
    })
}

@inline(__always)
func textTernary<A: SQLArgument, B: SQLArgument, C: SQLArgument>(
  _ name: String, aliases: [String] = [], _ description: String, returns result: ResultRule = .type(.varchar),
  _ body: @escaping @Sendable (A, B, C, inout TextColumnBuilder) throws(KernelError) -> Void
) -> ScalarDefinition {
  ScalarDefinition(
    name, aliases: aliases, description, [A.pattern, B.pattern, C.pattern], returns: result,
    kernel: textKernel { (operands: [Operand], row: Int, out: inout TextColumnBuilder) throws(KernelError) in
      try body(
        A.load(operands[0].pointer(as: A.Stored.self), row & operands[0].mask),
        B.load(operands[1].pointer(as: B.Stored.self), row & operands[1].mask),
        C.load(operands[2].pointer(as: C.Stored.self), row & operands[2].mask), &out)
    })
}

/// The loop of all closures with text or binary results; rows with a NULL argument are NULL.
@inline(__always)
func textKernel(
  _ body: @escaping @Sendable (_ operands: [Operand], _ row: Int, _ out: inout TextColumnBuilder) throws(KernelError) ->
    Void
) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let operands = arguments.map { Operand($0) }
      let validity = mergedValidity(operands, count: call.count)
      let valid = validity?.pointer(as: UInt8.self)
      var out = TextColumnBuilder(count: call.count)
      for row in 0..<call.count {
        if let valid, valid[row] == 0 {
          out.endRowAsNull()
          continue
        }
        do throws(KernelError) {
          try body(operands, row, &out)
        } catch {
          throw error.at(row: row)
        }
        out.endRow()
      }
      return out.finish(call.resultType, retaining: operands.flatMap(\.heap))
    }
  }
}

extension Buffer {
  /// Validity bytes of rows none of which is NULL.
  static func allValid(count: Int) -> Buffer {
    let buffer = Buffer(byteCount: count)
    buffer.base.initializeMemory(as: UInt8.self, repeating: 1, count: count)
    return buffer
  }
}

extension KernelError {
  /// The same error, with a row when it has none yet.
  func at(row: Int) -> KernelError {
    var copy = self
    if copy.row == nil { copy.row = row }
    return copy
  }

  static let divisionByZero = KernelError("DIVISION_BY_ZERO", "Division by zero")
  static func outOfRange(_ message: String) -> KernelError { KernelError("NUMERIC_VALUE_OUT_OF_RANGE", message) }
  static func invalidArgument(_ message: String) -> KernelError { KernelError("INVALID_FUNCTION_ARGUMENT", message) }
  static func invalidCast(_ message: String) -> KernelError { KernelError("INVALID_CAST_ARGUMENT", message) }
}
