import Columnar
import Glibc

/// The four comparisons that have loops; `>` and `>=` swap their operands.
private enum Comparison: Sendable { case equal, notEqual, less, lessOrEqual }

extension FunctionLibrary {
  static let comparisonOperators: [OperatorDefinition] = [
    OperatorDefinition(["=", "<>", "<", "<=", ">", ">="], "Comparison; NULL when an operand is NULL.") {
      (name: String, types: [SQLType]) throws(FunctionError) -> ResolvedScalar? in
      guard types.count == 2, let common = TypeCoercion.commonSuperType(types[0], types[1]) else { return nil }
      let needsOrder = name != "=" && name != "<>"
      if needsOrder && !common.isOrderable || !common.isComparable { return nil }
      let isSwapped = name == ">" || name == ">="
      let comparison: Comparison =
        switch name {
        case "=": .equal
        case "<>": .notEqual
        case "<", ">": .less
        default: .lessOrEqual
        }
      return ResolvedScalar(name: name, argumentTypes: [common, common], resultType: .boolean) {
        (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let (left, right) = isSwapped ? (arguments[1], arguments[0]) : (arguments[0], arguments[1])
        return compareColumns(left, right, comparison, count: call.count)
      }
    },
    OperatorDefinition(["is distinct from"], "Comparison in which NULL equals NULL; never NULL.") {
      (name: String, types: [SQLType]) throws(FunctionError) -> ResolvedScalar? in
      guard types.count == 2, let common = TypeCoercion.commonSuperType(types[0], types[1]), common.isComparable else {
        return nil
      }
      return ResolvedScalar(
        name: name, argumentTypes: [common, common], resultType: .boolean, propagatesNulls: false
      ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        distinctness(arguments[0], arguments[1], count: call.count)
      }
    },
  ]
}

extension SQLType {
  /// `=` and grouping are defined.
  package var isComparable: Bool {
    switch self {
    case .sketch: false
    case .array(let element): element.isComparable
    case .map(let key, let value): key.isComparable && value.isComparable
    case .row(let fields): fields.allSatisfy { $0.type.isComparable }
    default: true
    }
  }

  /// `<` and ORDER BY are defined: not for maps, JSON, sketches and colors.
  package var isOrderable: Bool {
    switch self {
    case .map, .json, .sketch, .color: false
    case .array(let element): element.isOrderable
    case .row(let fields): fields.allSatisfy { $0.type.isOrderable }
    default: true
    }
  }
}

private func compareColumns(_ left: Column, _ right: Column, _ comparison: Comparison, count: Int) -> Column {
  if left.type.isNested { return compareNested(left, right, comparison, count: count) }
  let first = Operand(left)
  let second = Operand(right)
  if first.isAllNull || second.isAllNull { return .nulls(.boolean, count: count) }
  if first.isConstant && second.isConstant && count > 1 {
    return compareColumns(left.slice(0, 1), right.slice(0, 1), comparison, count: 1).asConstant(count: count)
  }
  let values = Buffer(byteCount: count)
  let target = values.pointer(as: UInt8.self)
  switch left.type.physical {
  case .boolean: compareFixed(first, second, UInt8.self, comparison, target, count)
  case .int8: compareFixed(first, second, Int8.self, comparison, target, count)
  case .int16: compareFixed(first, second, Int16.self, comparison, target, count)
  case .int32: compareFixed(first, second, Int32.self, comparison, target, count)
  case .int64: compareFixed(first, second, Int64.self, comparison, target, count)
  case .int128: compareFixed(first, second, Int128.self, comparison, target, count)
  case .float: compareFixed(first, second, Float.self, comparison, target, count)
  case .double: compareFixed(first, second, Double.self, comparison, target, count)
  case .timestampTZ: compareFixed(first, second, TimestampTZ.self, comparison, target, count)
  case .string:
    if case .char = left.type, comparison == .less || comparison == .lessOrEqual {
      comparePaddedText(first, second, comparison, target, count)
    } else {
      compareText(first, second, comparison, target, count)
    }
  case .list, .row: break
  }
  return Column(
    type: .boolean, count: count, values: values, validity: mergedValidity([first, second], count: count))
}

private func compareFixed<Value: Comparable>(
  _ left: Operand, _ right: Operand, _ type: Value.Type, _ comparison: Comparison,
  _ target: UnsafeMutablePointer<UInt8>, _ count: Int
) {
  switch comparison {
  case .equal: loop(left, right, type, target, count) { $0 == $1 }
  case .notEqual: loop(left, right, type, target, count) { $0 != $1 }
  case .less: loop(left, right, type, target, count) { $0 < $1 }
  case .lessOrEqual: loop(left, right, type, target, count) { $0 <= $1 }
  }
}

@inline(__always)
private func loop<Value>(
  _ left: Operand, _ right: Operand, _ type: Value.Type, _ target: UnsafeMutablePointer<UInt8>, _ count: Int,
  _ test: (Value, Value) -> Bool
) {
  let first = left.pointer(as: type)
  let second = right.pointer(as: type)
  if right.isConstant {
    let value = second[0]
    if left.isConstant {
      let result: UInt8 = test(first[0], value) ? 1 : 0
      memset(target, Int32(result), count)
    } else {
      for row in 0..<count { target[row] = unsafeBitCast(test(first[row], value), to: UInt8.self) }
    }
  } else if left.isConstant {
    let value = first[0]
    for row in 0..<count { target[row] = unsafeBitCast(test(value, second[row]), to: UInt8.self) }
  } else {
    for row in 0..<count { target[row] = unsafeBitCast(test(first[row], second[row]), to: UInt8.self) }
  }
}

private func compareText(
  _ left: Operand, _ right: Operand, _ comparison: Comparison, _ target: UnsafeMutablePointer<UInt8>, _ count: Int
) {
  let first = left.pointer(as: StringView.self)
  let second = right.pointer(as: StringView.self)
  let leftMask = left.mask
  let rightMask = right.mask
  switch comparison {
  case .equal: markEqualTexts(left, right, target, count)
  case .notEqual:
    markEqualTexts(left, right, target, count)
    for row in 0..<count { target[row] ^= 1 }
  case .less:
    for row in 0..<count {
      target[row] = StringView.compare(first + (row & leftMask), second + (row & rightMask)) < 0 ? 1 : 0
    }
  case .lessOrEqual:
    for row in 0..<count {
      target[row] = StringView.compare(first + (row & leftMask), second + (row & rightMask)) <= 0 ? 1 : 0
    }
  }
}

private func comparePaddedText(
  _ left: Operand, _ right: Operand, _ comparison: Comparison, _ target: UnsafeMutablePointer<UInt8>, _ count: Int
) {
  let first = left.pointer(as: StringView.self)
  let second = right.pointer(as: StringView.self)
  let limit = comparison == .less ? 0 : 1
  for row in 0..<count {
    let order = comparePadded(
      StringView.buffer(at: first + (row & left.mask)), StringView.buffer(at: second + (row & right.mask)))
    target[row] = order < limit ? 1 : 0
  }
}

/// Rows, arrays and maps: NULL elements make an undecided comparison NULL.
private func compareNested(_ left: Column, _ right: Column, _ comparison: Comparison, count: Int) -> Column {
  let comparer = RowComparer(left, right)
  let values = Buffer(byteCount: count)
  let validity = Buffer(byteCount: count)
  let target = values.pointer(as: UInt8.self)
  let valid = validity.pointer(as: UInt8.self)
  for row in 0..<count {
    var result = false
    var isKnown = true
    switch comparison {
    case .equal, .notEqual:
      let equality = comparer.equality(row, row)
      result = (equality == .equal) == (comparison == .equal)
      isKnown = equality != .unknown
    case .less, .lessOrEqual:
      isKnown = comparer.isLeftValid(row) && comparer.isRightValid(row)
      if isKnown {
        let order = comparer.order(row, row)
        result = order < 0 || (order == 0 && comparison == .lessOrEqual)
      }
    }
    target[row] = result ? 1 : 0
    valid[row] = isKnown ? 1 : 0
  }
  return Column(type: .boolean, count: count, values: values, validity: validity)
}
