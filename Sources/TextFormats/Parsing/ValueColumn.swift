import Columnar
import Glibc

/// A growing column of any type, filled value by value by the parsers of this module (JSON, nested text).
///
/// Unlike `ColumnBuilder` it takes strings that point into a block without copying, opens lists before their length is known, and lives in
/// this module, so that appending a number is a store and not a generic call.
final class ValueColumn {
  let type: SQLType
  let physical: PhysicalType
  private(set) var count = 0
  /// Array: element. Map: key, value. Row: the fields.
  let children: [ValueColumn]
  private let width: Int
  private var capacity: Int
  private var values: Buffer
  private var base: UnsafeMutableRawPointer
  private var validity: Buffer?
  private var heap = StringHeap()
  private var blocks: [Buffer] = []

  init(_ type: SQLType, capacity: Int = 64) {
    self.type = type
    physical = type.physical
    width = physical.byteWidth
    self.capacity = max(capacity, 8)
    values = Buffer(byteCount: self.capacity &* width)
    base = values.base
    children = type.children.map { ValueColumn($0, capacity: capacity) }
  }

  /// The values so far as a column; the next values begin a new one.
  func finish() -> Column {
    let column = Column(
      flat: FlatVector(
        values: BufferSlice(values), validity: validity.map { BufferSlice($0) }, heap: heap.blocks + blocks,
        children: children.map { $0.finish() }),
      type: type, count: count)
    count = 0
    values = Buffer(byteCount: capacity &* width)
    base = values.base
    validity = nil
    heap = StringHeap()
    blocks = []
    return column
  }

  func appendNull() {
    grow()
    if validity == nil {
      let buffer = Buffer(byteCount: capacity)
      memset(buffer.base, 1, capacity)
      validity = buffer
    }
    validity?.base.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
    memset(base + count &* width, 0, width)
    if physical == .row { for child in children { child.appendNull() } }
    count &+= 1
  }

  func append(boolean value: Bool) {
    grow()
    base.storeBytes(of: value ? 1 : 0, toByteOffset: count, as: UInt8.self)
    count &+= 1
  }

  /// An integer of this column's physical width; false, and nothing appended, when it does not fit.
  func append(integer value: Int64) -> Bool {
    grow()
    switch physical {
    case .int64: (base + count &* 8).storeBytes(of: value, as: Int64.self)
    case .int32:
      guard let narrow = Int32(exactly: value) else { return false }
      (base + count &* 4).storeBytes(of: narrow, as: Int32.self)
    case .int16:
      guard let narrow = Int16(exactly: value) else { return false }
      (base + count &* 2).storeBytes(of: narrow, as: Int16.self)
    case .int8:
      guard let narrow = Int8(exactly: value) else { return false }
      (base + count).storeBytes(of: narrow, as: Int8.self)
    case .int128: (base + count &* 16).storeBytes(of: Int128(value), as: Int128.self)
    case .boolean, .float, .double, .string, .timestampTZ, .list, .row: return false
    }
    count &+= 1
    return true
  }

  /// An unscaled decimal known to fit the precision.
  func append(decimal value: Int128) {
    if physical == .int128 {
      grow()
      (base + count &* 16).storeBytes(of: value, as: Int128.self)
      count &+= 1
    } else {
      _ = append(integer: Int64(truncatingIfNeeded: value))
    }
  }

  func append(double value: Double) {
    grow()
    (base + count &* 8).storeBytes(of: value, as: Double.self)
    count &+= 1
  }

  func append(float value: Float) {
    grow()
    (base + count &* 4).storeBytes(of: value, as: Float.self)
    count &+= 1
  }

  /// An instant in UTC, in the ticks of the type.
  func append(instant: Int64) {
    grow()
    (base + count &* 16).storeBytes(of: TimestampBits(instant: instant), as: TimestampBits.self)
    count &+= 1
  }

  /// Text or binary that stays where it is: `block` is kept alive by the column.
  func append(bytes: UnsafePointer<UInt8>, count byteCount: Int, in block: Buffer) {
    grow()
    (base + count &* 16).storeBytes(of: StringView(bytes, count: byteCount), as: StringView.self)
    count &+= 1
    if byteCount > StringView.maxInlineLength, blocks.last !== block { blocks.append(block) }
  }

  /// Text or binary that is copied.
  func append(copying bytes: UnsafeRawBufferPointer) {
    grow()
    (base + count &* 16).storeBytes(of: heap.copy(bytes), as: StringView.self)
    count &+= 1
  }

  /// Closes an array or map whose elements were appended to the children since the first had `start` values.
  func appendList(from start: Int) {
    grow()
    let entry = ListEntry(
      offset: UInt32(truncatingIfNeeded: start), count: UInt32(truncatingIfNeeded: children[0].count &- start))
    (base + count &* 8).storeBytes(of: entry, as: ListEntry.self)
    count &+= 1
  }

  /// A row value whose fields the caller appends to the children.
  func appendRow() {
    grow()
    count &+= 1
  }

  /// Takes back what was appended from `length` on, here and in the children.
  func truncate(to length: Int) {
    count = min(count, length)
    switch physical {
    case .row: for child in children { child.truncate(to: length) }
    case .list:
      // Values beyond the last list belong to one that was never closed; NULL rows have no place of their own.
      let entries = base.assumingMemoryBound(to: ListEntry.self)
      let flags = validity?.base.assumingMemoryBound(to: UInt8.self)
      var last = count - 1
      while last >= 0, let flags, flags[last] == 0 { last -= 1 }
      let end = last < 0 ? 0 : Int(entries[last].offset &+ entries[last].count)
      for child in children { child.truncate(to: end) }
    default: break
    }
  }

  @inline(__always)
  private func grow() {
    if count < capacity {
      if let validity { validity.base.storeBytes(of: 1, toByteOffset: count, as: UInt8.self) }
    } else {
      growStorage()
    }
  }

  @inline(never)
  private func growStorage() {
    let larger = Buffer(byteCount: capacity &* 2 &* width)
    memcpy(larger.base, base, count &* width)
    values = larger
    base = larger.base
    if let old = validity {
      let buffer = Buffer(byteCount: capacity &* 2)
      memset(buffer.base, 1, capacity &* 2)
      memcpy(buffer.base, old.base, count)
      validity = buffer
    }
    capacity &*= 2
  }
}
