import Columnar
import Glibc

/// Growing bytes: what formatters append to. Reused from value to value.
package struct TextBuffer: ~Copyable {
  package private(set) var base: UnsafeMutableRawPointer
  package private(set) var count = 0
  private var capacity: Int

  package init(capacity: Int = 256) {
    self.capacity = max(capacity, 64)
    base = .allocate(byteCount: self.capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  package mutating func removeAll() { count = 0 }
  package mutating func truncate(to newCount: Int) { count = min(count, newCount) }

  /// Room for `extra` more bytes at the returned address; follow with `advance(by:)`.
  @inline(__always)
  package mutating func reserve(_ extra: Int) -> UnsafeMutableRawPointer {
    if count &+ extra > capacity { grow(extra) }
    return base + count
  }

  @inline(__always)
  package mutating func advance(by bytes: Int) { count &+= bytes }

  @inline(__always)
  package mutating func append(_ byte: UInt8) {
    reserve(1).storeBytes(of: byte, as: UInt8.self)
    count &+= 1
  }

  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    memcpy(reserve(bytes.count), source, bytes.count)
    count &+= bytes.count
  }

  package mutating func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  package mutating func append(text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  package mutating func append(_ scalar: Unicode.Scalar) {
    for byte in UTF8.encode(scalar).unsafelyUnwrapped { append(byte) }
  }

  /// Decimal digits with a sign.
  package mutating func append(integer value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    append(unsigned: value.magnitude)
  }

  package mutating func append(unsigned value: UInt64, minimumDigits: Int = 1) {
    let size = max(20, minimumDigits)
    let target = reserve(size).assumingMemoryBound(to: UInt8.self)
    var rest = value
    var position = size
    while rest > 0 || size &- position < minimumDigits {
      position &-= 1
      target[position] = UInt8(truncatingIfNeeded: 0x30 &+ rest % 10)
      rest /= 10
    }
    memmove(target, target + position, size &- position)
    count &+= size &- position
  }

  package mutating func append(integer value: Int128) {
    if value < 0 { append(UInt8(ascii: "-")) }
    append(unsigned: value.magnitude)
  }

  package mutating func append(unsigned value: UInt128, minimumDigits: Int = 1) {
    if value <= UInt128(UInt64.max) { return append(unsigned: UInt64(value), minimumDigits: minimumDigits) }
    let (high, low) = value.quotientAndRemainder(dividingBy: 10_000_000_000_000_000_000)
    append(unsigned: high, minimumDigits: max(1, minimumDigits &- 19))
    append(unsigned: UInt64(truncatingIfNeeded: low), minimumDigits: 19)
  }

  /// Two digits of a number below 100.
  @inline(__always)
  package mutating func append(twoDigits value: Int) {
    let target = reserve(2).assumingMemoryBound(to: UInt8.self)
    target[0] = UInt8(truncatingIfNeeded: 0x30 &+ value / 10)
    target[1] = UInt8(truncatingIfNeeded: 0x30 &+ value % 10)
    count &+= 2
  }

  private mutating func grow(_ extra: Int) {
    var larger = capacity &* 2
    while larger < count &+ extra { larger = larger &* 2 }
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    memcpy(fresh, base, count)
    base.deallocate()
    base = fresh
    capacity = larger
  }
}

/// Builds a text or binary column row by row; kernels append to `bytes`, or borrow memory an argument column keeps alive.
struct TextColumnBuilder: ~Copyable {
  /// The value of the row under way.
  var bytes = TextBuffer()
  private(set) var row = 0
  private let count: Int
  private let views: Buffer
  private let viewBase: UnsafeMutablePointer<StringView>
  private var heap = StringHeap()
  private var validity: Buffer?
  private var state = State.copied

  private enum State { case copied, borrowed, null }

  init(count: Int) {
    self.count = count
    views = Buffer(byteCount: count &* 16)
    viewBase = views.pointer(as: StringView.self)
  }

  /// The row under way is NULL.
  mutating func setNull() { state = .null }

  /// The row under way is a piece of an argument; the argument's blocks must be passed to `finish(retaining:)`.
  @inline(__always)
  mutating func borrow(_ piece: UnsafeRawBufferPointer) {
    if let start = piece.baseAddress, piece.count > 0 {
      viewBase[row] = StringView(start, count: piece.count)
    } else {
      viewBase[row] = StringView()
    }
    state = .borrowed
  }

  /// Ends the row under way.
  @inline(__always)
  mutating func endRow() {
    switch state {
    case .copied:
      viewBase[row] = heap.copy(bytes.bytes)
      bytes.removeAll()
    case .borrowed: state = .copied
    case .null:
      bytes.removeAll()
      markNull()
    }
    row &+= 1
  }

  private mutating func markNull() {
    viewBase[row] = StringView()
    if validity == nil {
      let fresh = Buffer(byteCount: count)
      memset(fresh.base, 1, count)
      validity = fresh
    }
    validity?.base.storeBytes(of: 0, toByteOffset: row, as: UInt8.self)
    state = .copied
  }

  /// Drops what an unfinished row has appended, after an error that becomes NULL.
  mutating func endRowAsNull() {
    state = .null
    endRow()
  }

  consuming func finish(_ type: SQLType, retaining blocks: [Buffer] = []) -> Column {
    Column(type: type, count: count, views: views, heap: heap.blocks + blocks, validity: validity)
  }
}
