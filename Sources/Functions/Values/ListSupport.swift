import Columnar
import Glibc

/// Reads an array or map argument of any encoding: where each row's elements lie.
struct ListOperand: @unchecked Sendable {  // pointers into an immutable column that it holds
  let operand: Operand
  let entries: UnsafePointer<ListEntry>
  let mask: Int
  /// Element column; for maps the keys.
  let elements: Column
  /// Values of a map.
  let values: Column?

  init(_ column: Column) {
    operand = Operand(column)
    entries = operand.pointer(as: ListEntry.self)
    mask = operand.mask
    let children = operand.column.flat.children
    elements = children[0]
    values = children.count > 1 ? children[1] : nil
  }

  @inline(__always) func isValid(_ row: Int) -> Bool { operand.isValid(row) }
  @inline(__always) func range(_ row: Int) -> Range<Int> {
    let entry = entries[row & mask]
    return Int(entry.offset)..<Int(entry.offset) &+ Int(entry.count)
  }
}

/// Collects rows of a column one by one, then takes them in one go; `nil` rows are NULL.
struct RowPicker {
  private var indices: [UInt32] = []
  private var validity: [UInt8] = []
  private var hasNulls = false

  init(capacity: Int) { indices.reserveCapacity(capacity) }

  var count: Int { indices.count }

  @inline(__always)
  mutating func append(_ row: Int) {
    indices.append(UInt32(truncatingIfNeeded: row))
    if hasNulls { validity.append(1) }
  }

  mutating func appendNull() {
    if !hasNulls {
      hasNulls = true
      validity = [UInt8](repeating: 1, count: indices.count)
    }
    indices.append(0)
    validity.append(0)
  }

  func take(from column: Column) -> Column {
    if column.count == 0 { return Column.nulls(column.type, count: indices.count).flattened() }
    let taken = column.take(indices)
    return hasNulls ? taken.masked(by: BufferSlice(Buffer.of(validity))) : taken.flattened()
  }
}

/// Builds the entries of an array or map column whose elements are made elsewhere, in order.
struct ListBuilder {
  private let entries: Buffer
  private let count: Int
  private var validity: Buffer?
  private var row = 0
  private(set) var elementCount = 0

  init(count: Int) {
    self.count = count
    entries = Buffer(byteCount: count * 8)
  }

  /// The next row has this many elements, which follow those of the rows before.
  mutating func append(_ elements: Int) {
    entries.pointer(as: ListEntry.self)[row] = ListEntry(
      offset: UInt32(truncatingIfNeeded: elementCount), count: UInt32(truncatingIfNeeded: elements))
    elementCount += elements
    row += 1
  }

  mutating func appendNull() {
    if validity == nil { validity = Buffer.allValid(count: count) }
    validity?.pointer(as: UInt8.self)[row] = 0
    append(0)
  }

  func finish(_ type: SQLType, children: [Column]) -> Column {
    Column(
      flat: FlatVector(
        values: BufferSlice(entries), validity: validity.map { BufferSlice($0) }, children: children),
      type: type, count: count)
  }
}

/// Looks for a needle column's row among elements; strings and integers of constant needles are the common case.
struct ElementFinder {
  private let comparer: RowComparer
  init(elements: Column, needles: Column) { comparer = RowComparer(elements, needles) }

  /// The first element that equals the needle of `row`.
  func find(_ range: Range<Int>, _ row: Int) -> Int? {
    for element in range where comparer.isSame(element, row) { return element }
    return nil
  }
}
