import Columnar
import Glibc

/// An argument as loops read it: flat, or one value for all rows. Dictionaries are flattened, because the evaluator has
/// already run deterministic calls once per entry where that was possible.
struct Operand: @unchecked Sendable {  // pointers into an immutable column that it holds
  /// Keeps the memory behind `base` alive.
  let column: Column
  let base: UnsafeRawPointer
  /// `row & mask` is the index of a row's value: -1 for flat columns, 0 for constants.
  let mask: Int
  /// By index; nil when no value is NULL.
  let validity: UnsafePointer<UInt8>?

  init(_ column: Column) {
    let plain = column.dictionary == nil ? column : column.flattened()
    self.column = plain
    let vector = plain.flat
    base = UnsafeRawPointer(vector.values.base)
    mask = plain.isConstant ? 0 : -1
    validity = vector.validity?.pointer(as: UInt8.self)
  }

  @inline(__always) var isConstant: Bool { mask == 0 }
  @inline(__always) func pointer<Value>(as type: Value.Type) -> UnsafePointer<Value> {
    base.assumingMemoryBound(to: Value.self)
  }
  @inline(__always) func isValid(_ row: Int) -> Bool {
    if let validity { return validity[row & mask] != 0 }
    return true
  }
  /// A constant NULL: whatever propagates NULL has nothing to compute.
  var isAllNull: Bool { isConstant && validity.map { $0[0] == 0 } ?? false }
  var heap: [Buffer] { column.flat.heap }
}

/// Validity bytes of rows in which all operands are valid; nil when every row is.
func mergedValidity(_ operands: [Operand], count: Int) -> Buffer? {
  var result: Buffer?
  for operand in operands {
    guard let bytes = operand.validity else { continue }
    if operand.isConstant {
      if bytes[0] == 0 { return Buffer.zeroed(byteCount: count) }
      continue
    }
    guard let known = result else {
      let copy = Buffer(byteCount: count)
      memcpy(copy.base, bytes, count)
      result = copy
      continue
    }
    let target = known.base.assumingMemoryBound(to: UInt8.self)
    for row in 0..<count { target[row] &= bytes[row] }
  }
  return result
}

extension Buffer {
  @inline(__always) func pointer<Value>(as type: Value.Type) -> UnsafeMutablePointer<Value> {
    base.assumingMemoryBound(to: Value.self)
  }
}

extension Column {
  /// Runs `body` on one row when all arguments are constant, and repeats its result.
  static func oncePerConstant(
    _ arguments: [Column], _ call: FunctionCall,
    _ body: (_ arguments: [Column], _ call: FunctionCall) throws(KernelError) -> Column
  ) throws(KernelError) -> Column {
    guard call.count > 1, !arguments.isEmpty, arguments.allSatisfy(\.isConstant) else { return try body(arguments, call) }
    let single = FunctionCall(
      count: 1, resultType: call.resultType, context: call.context, lambdas: call.lambdas)
    return try body(arguments.map { $0.slice(0, 1) }, single).asConstant(count: call.count)
  }
}
