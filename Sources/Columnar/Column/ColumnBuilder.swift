#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Builds a flat column value by value; for cold paths and irregular values. Kernels fill a `Buffer` directly instead.
package final class ColumnBuilder {
  package let type: SQLType
  package private(set) var count = 0
  private let physical: PhysicalType
  private let width: Int
  private var capacity: Int
  private var values: Buffer
  private var validity: Buffer?
  private var heap = StringHeap()
  private var foreignHeap: [Buffer] = []
  private let children: [ColumnBuilder]

  package init(type: SQLType, capacity: Int = 0) {
    self.type = type
    physical = type.physical
    width = physical.byteWidth
    self.capacity = max(capacity, 4)
    values = Buffer(byteCount: self.capacity &* width)
    let childCapacity = type.physical == .row ? capacity : 0
    children = type.children.map { ColumnBuilder(type: $0, capacity: childCapacity) }
  }

  /// The values so far; the builder must not be used afterwards.
  package func finish() -> Column {
    Column(
      flat: FlatVector(
        values: BufferSlice(values), validity: validity.map { BufferSlice($0) }, heap: heap.blocks + foreignHeap,
        children: children.map { $0.finish() }),
      type: type, count: count)
  }

  package func appendNull() {
    reserveOne()
    if validity == nil {
      let buffer = Buffer(byteCount: capacity)
      memset(buffer.base, 1, capacity)
      validity = buffer
    }
    validity?.base.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
    memset(values.base + count &* width, 0, width)
    if physical == .row { for child in children { child.appendNull() } }
    count &+= 1
  }

  /// A fixed-width value; `Value` must be what `type.physical` holds.
  package func append<Value: BitwiseCopyable>(fixed value: Value) {
    assert(MemoryLayout<Value>.size == width)
    reserveOne()
    (values.base + count &* width).storeBytes(of: value, as: Value.self)
    count &+= 1
  }

  package func append(timestampTZ value: TimestampTZ) {
    reserveOne()
    (values.base + count &* width).assumingMemoryBound(to: TimestampTZ.self).initialize(to: value)
    count &+= 1
  }

  /// Text or binary; the bytes are copied.
  package func append(bytes: UnsafeRawBufferPointer) {
    reserveOne()
    (values.base + count &* width).storeBytes(of: heap.copy(bytes), as: StringView.self)
    count &+= 1
  }

  package func append(text: String) {
    var text = text
    text.withUTF8 { append(bytes: UnsafeRawBufferPointer($0)) }
  }

  /// Opens an array or map row of `elementCount` elements, which the caller appends to `child(0)` (and `child(1)`) afterwards.
  package func append(listOf elementCount: Int) {
    reserveOne()
    let entry = ListEntry(
      offset: UInt32(truncatingIfNeeded: children[0].count), count: UInt32(truncatingIfNeeded: elementCount))
    (values.base + count &* width).storeBytes(of: entry, as: ListEntry.self)
    count &+= 1
  }

  /// Opens a row value; the caller then appends one value to each child.
  package func appendRow() {
    reserveOne()
    count &+= 1
  }

  package func child(_ index: Int) -> ColumnBuilder { children[index] }

  /// A value of this builder's type; integers are narrowed to the physical width.
  package func append(_ value: ScalarValue) {
    switch (value, physical) {
    case (.null, _): appendNull()
    case (.boolean(let flag), .boolean): append(fixed: UInt8(flag ? 1 : 0))
    case (.int(let number), .int8): append(fixed: Int8(truncatingIfNeeded: number))
    case (.int(let number), .int16): append(fixed: Int16(truncatingIfNeeded: number))
    case (.int(let number), .int32): append(fixed: Int32(truncatingIfNeeded: number))
    case (.int(let number), .int64): append(fixed: number)
    case (.int(let number), .int128): append(fixed: Int128(number))
    case (.int128(let number), .int128): append(fixed: number)
    case (.int128(let number), .int64): append(fixed: Int64(truncatingIfNeeded: number))
    case (.real(let number), .float): append(fixed: number)
    case (.double(let number), .double): append(fixed: number)
    case (.bytes(let bytes), .string): bytes.withUnsafeBytes { append(bytes: $0) }
    case (.timestampTZ(let moment), .timestampTZ): append(timestampTZ: moment)
    case (.list(let elements), .list):
      append(listOf: elements.count)
      for element in elements { children[0].append(element) }
    case (.map(let pairs), .list):
      append(listOf: pairs.count)
      for pair in pairs {
        children[0].append(pair.key)
        children[1].append(pair.value)
      }
    case (.row(let fields), .row):
      appendRow()
      for (child, field) in zip(children, fields) { child.append(field) }
    default: preconditionFailure("a \(value) is not a \(type)")
    }
  }

  /// One row of another column of the same physical type. Strings keep pointing into that column's blocks, which are retained.
  package func append(from column: Column, row: Int) {
    append(from: ColumnView(column), heap: column.flat.heap, row: row)
  }

  private var lastForeignHeap: ObjectIdentifier?

  private func append(from view: ColumnView, heap: [Buffer], row: Int) {
    guard view.isValid(row) else { return appendNull() }
    let index = view.index(row)
    switch physical {
    case .row:
      appendRow()
      for (builder, child) in zip(children, view.children) { builder.append(from: child, row: index) }
    case .list:
      let entry = view.pointer(as: ListEntry.self)[index]
      append(listOf: Int(entry.count))
      for (builder, child) in zip(children, view.children) {
        for element in 0..<Int(entry.count) { builder.append(from: child, row: Int(entry.offset) &+ element) }
      }
    case .string:
      reserveOne()
      let string = view.pointer(as: StringView.self)[index]
      if !string.isInline { retain(heap) }
      (values.base + count &* width).storeBytes(of: string, as: StringView.self)
      count &+= 1
    default:
      reserveOne()
      memcpy(values.base + count &* width, view.values + index &* width, width)
      count &+= 1
    }
  }

  private func retain(_ heap: [Buffer]) {
    guard let last = heap.last, lastForeignHeap != ObjectIdentifier(last) else { return }
    lastForeignHeap = ObjectIdentifier(last)
    let known = Set(foreignHeap.map { ObjectIdentifier($0) })
    foreignHeap += heap.filter { !known.contains(ObjectIdentifier($0)) }
  }

  private func reserveOne() {
    guard count == capacity else {
      if let validity { validity.base.storeBytes(of: 1, toByteOffset: count, as: UInt8.self) }
      return
    }
    let grown = capacity &* 2
    let larger = Buffer(byteCount: grown &* width)
    memcpy(larger.base, values.base, count &* width)
    values = larger
    if let old = validity {
      let buffer = Buffer(byteCount: grown)
      memset(buffer.base, 1, grown)
      memcpy(buffer.base, old.base, count)
      validity = buffer
    }
    capacity = grown
  }
}
