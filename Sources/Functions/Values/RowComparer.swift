package import Columnar
import Glibc

/// Compares rows of two columns of one type, nested types included; for kernels that meet arbitrary types
/// (array functions, maps, min/max over rows). Plain types have loops of their own in `Comparison.swift`.
package final class RowComparer {
  /// SQL equality of values that may contain NULLs.
  package enum Equality { case equal, different, unknown }

  private enum Kind {
    case bits8, bits16, bits32, bits64, bits128, float, double, text, paddedText, timestampTZ, array, map, row
  }

  private let columns: (Column, Column)
  private let left: ColumnView
  private let right: ColumnView
  private let kind: Kind
  private let children: [RowComparer]

  package init(_ first: Column, _ second: Column) {
    columns = (first, second)
    left = ColumnView(first)
    right = ColumnView(second)
    switch first.type.physical {
    case .boolean, .int8: kind = .bits8
    case .int16: kind = .bits16
    case .int32: kind = .bits32
    case .int64: kind = .bits64
    case .int128: kind = .bits128
    case .float: kind = .float
    case .double: kind = .double
    case .string: if case .char = first.type { kind = .paddedText } else { kind = .text }
    case .timestampTZ: kind = .timestampTZ
    case .row: kind = .row
    case .list: if case .map = first.type { kind = .map } else { kind = .array }
    }
    children = zip(left.children, right.children).map { RowComparer($0, $1) }
  }

  package convenience init(_ column: Column) { self.init(column, column) }

  /// SQL `=`: NaN equals nothing, NULL anywhere that matters gives unknown.
  package func equality(_ leftRow: Int, _ rightRow: Int) -> Equality {
    guard left.isValid(leftRow), right.isValid(rightRow) else { return .unknown }
    let i = left.index(leftRow)
    let j = right.index(rightRow)
    switch kind {
    case .float: return pair(Float.self, i, j) { $0 == $1 } ? .equal : .different
    case .double: return pair(Double.self, i, j) { $0 == $1 } ? .equal : .different
    case .array:
      let (first, second) = entries(i, j)
      guard first.count == second.count else { return .different }
      return all(Int(first.count)) {
        children[0].equality(Int(first.offset) &+ $0, Int(second.offset) &+ $0)
      }
    case .map: return mapEquality(i, j) { children[1].equality($0, $1) }
    case .row:
      return all(children.count) { children[$0].equality(i, j) }
    default: return order(valid: i, j) == 0 ? .equal : .different
    }
  }

  /// `IS NOT DISTINCT FROM`, also what GROUP BY and DISTINCT use: NULL equals NULL, NaN equals NaN.
  package func isSame(_ leftRow: Int, _ rightRow: Int) -> Bool {
    let leftValid = left.isValid(leftRow)
    guard leftValid == right.isValid(rightRow) else { return false }
    guard leftValid else { return true }
    let i = left.index(leftRow)
    let j = right.index(rightRow)
    switch kind {
    case .array:
      let (first, second) = entries(i, j)
      guard first.count == second.count else { return false }
      for element in 0..<Int(first.count) {
        if !children[0].isSame(Int(first.offset) &+ element, Int(second.offset) &+ element) { return false }
      }
      return true
    case .map: return mapEquality(i, j) { children[1].isSame($0, $1) ? .equal : .different } == .equal
    case .row: return children.allSatisfy { $0.isSame(i, j) }
    default: return order(valid: i, j) == 0
    }
  }

  /// Total order as ORDER BY ASC NULLS LAST: negative, zero or positive. NaN is the largest number.
  package func order(_ leftRow: Int, _ rightRow: Int) -> Int {
    let leftValid = left.isValid(leftRow)
    let rightValid = right.isValid(rightRow)
    guard leftValid && rightValid else { return leftValid == rightValid ? 0 : (leftValid ? -1 : 1) }
    return order(valid: left.index(leftRow), right.index(rightRow))
  }

  package func isLeftValid(_ row: Int) -> Bool { left.isValid(row) }
  package func isRightValid(_ row: Int) -> Bool { right.isValid(row) }

  /// Equal for rows that are the same in the sense of `isSame`; of the left column.
  package func hash(_ row: Int) -> UInt64 {
    guard left.isValid(row) else { return 0x9E37_79B9_7F4A_7C15 }
    let i = left.index(row)
    switch kind {
    case .bits8: return Self.mix(UInt64(left.pointer(as: UInt8.self)[i]))
    case .bits16: return Self.mix(UInt64(left.pointer(as: UInt16.self)[i]))
    case .bits32: return Self.mix(UInt64(left.pointer(as: UInt32.self)[i]))
    case .bits64: return Self.mix(left.pointer(as: UInt64.self)[i])
    case .bits128:
      let value = left.pointer(as: UInt128.self)[i]
      return Self.mix(UInt64(truncatingIfNeeded: value) ^ Self.mix(UInt64(truncatingIfNeeded: value >> 64)))
    case .float:
      let value = left.pointer(as: Float.self)[i]
      return Self.mix(value.isNaN ? 0x7FC0_0000 : value == 0 ? 0 : UInt64(value.bitPattern))
    case .double:
      let value = left.pointer(as: Double.self)[i]
      return Self.mix(value.isNaN ? 0x7FF8_0000_0000_0000 : value == 0 ? 0 : value.bitPattern)
    case .text, .paddedText:
      return XXHash64.hash(StringView.buffer(at: left.pointer(as: StringView.self) + i))
    case .timestampTZ: return Self.mix(UInt64(bitPattern: left.pointer(as: TimestampTZ.self)[i].instant))
    case .array:
      let entry = left.pointer(as: ListEntry.self)[i]
      var state = UInt64(entry.count)
      for element in 0..<Int(entry.count) {
        state = Self.mix(state &* 31 &+ children[0].hash(Int(entry.offset) &+ element))
      }
      return state
    case .map:
      // Entries have no order: sum of entry hashes.
      let entry = left.pointer(as: ListEntry.self)[i]
      var state = UInt64(entry.count)
      for element in Int(entry.offset)..<Int(entry.offset) + Int(entry.count) {
        state = state &+ Self.mix(children[0].hash(element) ^ Self.mix(children[1].hash(element)))
      }
      return Self.mix(state)
    case .row:
      var state: UInt64 = 17
      for child in children { state = Self.mix(state &* 31 &+ child.hash(i)) }
      return state
    }
  }

  @inline(__always)
  static func mix(_ value: UInt64) -> UInt64 {
    var x = value &* 0x9E37_79B9_7F4A_7C15
    x ^= x &>> 32
    x = x &* 0xD6E8_FEB8_6659_FD93
    return x ^ (x &>> 32)
  }

  // MARK: By index of valid values

  private func order(valid i: Int, _ j: Int) -> Int {
    switch kind {
    case .bits8: return pair(Int8.self, i, j, Self.compare)
    case .bits16: return pair(Int16.self, i, j, Self.compare)
    case .bits32: return pair(Int32.self, i, j, Self.compare)
    case .bits64: return pair(Int64.self, i, j, Self.compare)
    case .bits128: return pair(Int128.self, i, j, Self.compare)
    case .float: return pair(Float.self, i, j, Self.compareFloating)
    case .double: return pair(Double.self, i, j, Self.compareFloating)
    case .text: return StringView.compare(left.pointer(as: StringView.self) + i, right.pointer(as: StringView.self) + j)
    case .paddedText:
      return comparePadded(
        StringView.buffer(at: left.pointer(as: StringView.self) + i),
        StringView.buffer(at: right.pointer(as: StringView.self) + j))
    case .timestampTZ: return pair(TimestampTZ.self, i, j, Self.compare)
    case .array:
      let (first, second) = entries(i, j)
      for element in 0..<Int(min(first.count, second.count)) {
        let order = children[0].order(Int(first.offset) &+ element, Int(second.offset) &+ element)
        if order != 0 { return order }
      }
      return Int(first.count) - Int(second.count)
    case .map:
      // Maps are not orderable in SQL; any consistent order serves sorting for output.
      let (first, second) = entries(i, j)
      if first.count != second.count { return Int(first.count) - Int(second.count) }
      for element in 0..<Int(first.count) {
        for child in children {
          let order = child.order(Int(first.offset) &+ element, Int(second.offset) &+ element)
          if order != 0 { return order }
        }
      }
      return 0
    case .row:
      for child in children {
        let order = child.order(i, j)
        if order != 0 { return order }
      }
      return 0
    }
  }

  private func all(_ count: Int, _ test: (Int) -> Equality) -> Equality {
    var sawUnknown = false
    for index in 0..<count {
      switch test(index) {
      case .equal: break
      case .different: return .different
      case .unknown: sawUnknown = true
      }
    }
    return sawUnknown ? .unknown : .equal
  }

  private func mapEquality(_ i: Int, _ j: Int, _ sameValue: (Int, Int) -> Equality) -> Equality {
    let (first, second) = entries(i, j)
    guard first.count == second.count else { return .different }
    let count = Int(first.count)
    return all(count) { element in
      let key = Int(first.offset) &+ element
      // Maps with equal keys mostly list them in the same order: start looking at the same place.
      for distance in 0..<count {
        let other = Int(second.offset) &+ (element &+ distance) % count
        if children[0].isSame(key, other) { return sameValue(key, other) }
      }
      return .different
    }
  }

  @inline(__always)
  private func pair<Value, Result>(_ type: Value.Type, _ i: Int, _ j: Int, _ body: (Value, Value) -> Result) -> Result {
    body(left.pointer(as: type)[i], right.pointer(as: type)[j])
  }

  private func entries(_ i: Int, _ j: Int) -> (ListEntry, ListEntry) {
    (left.pointer(as: ListEntry.self)[i], right.pointer(as: ListEntry.self)[j])
  }

  private static func compare<Value: Comparable>(_ first: Value, _ second: Value) -> Int {
    first < second ? -1 : (first == second ? 0 : 1)
  }

  private static func compareFloating<Value: BinaryFloatingPoint>(_ first: Value, _ second: Value) -> Int {
    if first < second { return -1 }
    if first == second { return 0 }
    if first > second { return 1 }
    return first.isNaN ? (second.isNaN ? 0 : 1) : -1
  }
}

/// Order of `char` values, which are stored without trailing blanks: the shorter one is compared as if padded.
func comparePadded(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
  for index in 0..<max(first.count, second.count) {
    let one = index < first.count ? first[index] : 0x20
    let other = index < second.count ? second[index] : 0x20
    if one != other { return one < other ? -1 : 1 }
  }
  return 0
}
