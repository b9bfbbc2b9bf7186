import CIntrinsics
import Columnar

/// `IS DISTINCT FROM` for every row: NULL equals NULL, NaN equals NaN; the result is never NULL.
func distinctness(_ left: Column, _ right: Column, count: Int) -> Column {
  if count > 1, left.isConstant, right.isConstant {
    return distinctness(left.slice(0, 1), right.slice(0, 1), count: 1).asConstant(count: count)
  }
  let values = Buffer(byteCount: count)
  let target = values.pointer(as: UInt8.self)
  if left.type.isNested {
    let comparer = RowComparer(left, right)
    for row in 0..<count { target[row] = comparer.isSame(row, row) ? 0 : 1 }
    return Column(type: .boolean, count: count, values: values)
  }
  let first = Operand(left)
  let second = Operand(right)
  switch left.type.physical {
  case .boolean, .int8: unequal(first, second, UInt8.self, target, count) { $0 != $1 }
  case .int16: unequal(first, second, UInt16.self, target, count) { $0 != $1 }
  case .int32: unequal(first, second, UInt32.self, target, count) { $0 != $1 }
  case .int64: unequal(first, second, UInt64.self, target, count) { $0 != $1 }
  case .int128: unequal(first, second, UInt128.self, target, count) { $0 != $1 }
  case .float: unequal(first, second, Float.self, target, count) { $0 != $1 && ($0 == $0 || $1 == $1) }
  case .double: unequal(first, second, Double.self, target, count) { $0 != $1 && ($0 == $0 || $1 == $1) }
  case .timestampTZ: unequal(first, second, TimestampTZ.self, target, count) { $0 != $1 }
  case .string:
    markEqualTexts(first, second, target, count)
    for row in 0..<count { target[row] ^= 1 }
  case .list, .row: break
  }
  if first.validity != nil || second.validity != nil {
    for row in 0..<count {
      let one: UInt8 = first.isValid(row) ? 1 : 0
      let other: UInt8 = second.isValid(row) ? 1 : 0
      // Both there: as compared. Neither: the same. One: different.
      target[row] = (target[row] & one & other) | (one ^ other)
    }
  }
  return Column(type: .boolean, count: count, values: values)
}

@inline(__always)
private func unequal<Value>(
  _ left: Operand, _ right: Operand, _ type: Value.Type, _ target: UnsafeMutablePointer<UInt8>, _ count: Int,
  _ test: (Value, Value) -> Bool
) {
  let first = left.pointer(as: type)
  let second = right.pointer(as: type)
  let (leftMask, rightMask) = (left.mask, right.mask)
  if leftMask & rightMask == -1 {
    for row in 0..<count { target[row] = test(first[row], second[row]) ? 1 : 0 }
  } else {
    for row in 0..<count { target[row] = test(first[row & leftMask], second[row & rightMask]) ? 1 : 0 }
  }
}

/// Writes 1 for rows whose texts have the same bytes, else 0.
///
/// In a join the bytes of long texts lie far apart, each in a cache line of its own: a block of rows is first settled as far as the views
/// can, and the bytes of the others are asked for before the first of them is compared.
func markEqualTexts(_ left: Operand, _ right: Operand, _ target: UnsafeMutablePointer<UInt8>, _ count: Int) {
  let blockSize = 64
  let first = left.pointer(as: StringView.self)
  let second = right.pointer(as: StringView.self)
  let (leftMask, rightMask) = (left.mask, right.mask)
  withUnsafeTemporaryAllocation(of: UInt32.self, capacity: blockSize) { open in
    guard let open = open.baseAddress else { return }
    var begin = 0
    while begin < count {
      let end = min(begin &+ blockSize, count)
      var openCount = 0
      for row in begin..<end {
        let one = first + (row & leftMask)
        let other = second + (row & rightMask)
        let isSameHead = one.pointee.head == other.pointee.head
        let isSame = isSameHead && one.pointee.rest == other.pointee.rest
        target[row] = isSame ? 1 : 0
        if isSameHead && !isSame && one.pointee.length > StringView.maxInlineLength {
          frazil_prefetch(StringView.bytes(at: one))
          frazil_prefetch(StringView.bytes(at: other))
          open[openCount] = UInt32(truncatingIfNeeded: row)
          openCount &+= 1
        }
      }
      for index in 0..<openCount {
        let row = Int(open[index])
        target[row] = StringView.equal(first + (row & leftMask), second + (row & rightMask)) ? 1 : 0
      }
      begin = end
    }
  }
}
