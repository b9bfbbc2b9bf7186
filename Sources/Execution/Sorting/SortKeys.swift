import Columnar
import Glibc

/// The sort keys of some rows, normalised: the order of the rows is the order of their key bytes.
///
///     key   := for each ORDER BY item: place of NULLs: 1, value bytes (all bits flipped when descending)
///     value := big-endian, sign bit flipped | floats in total order, NaN last | text: 0 as 0 255, end 0 0
///              | array: (1 element)... 0 | row: fields
///
/// The first 16 bytes of each key stand in its entry, which is what is moved while sorting; longer keys are compared in full
/// only where those are equal. Ties are broken by row number, so sorting is stable.
final class SortKeys {
  struct Entry {
    var high: UInt64
    var low: UInt64
    var row: UInt32
    var padding: UInt32 = 0
  }

  let count: Int
  private let storage: Buffer
  private var entryBuffer: Buffer
  /// Start of each key in `storage`, for keys of varying width.
  private let offsets: [Int]
  /// Of keys of one width.
  private let width: Int
  private let stride: Int
  /// The 16 bytes in the entries are whole keys.
  let isComplete: Bool

  init(_ batch: Batch, _ order: SortOrder) {
    count = batch.count
    entryBuffer = Buffer(byteCount: max(batch.count, 1) &* MemoryLayout<Entry>.stride)
    let columns = order.keys.map { batch.columns[$0.column] }
    let widths = columns.map { SortKeyWriter.fixedWidth($0.type) }
    if widths.allSatisfy({ $0 != nil }) {
      width = widths.reduce(0) { $0 + 1 + ($1 ?? 0) }
      stride = max(16, width)
      offsets = []
      isComplete = width <= 16
      storage = .zeroed(byteCount: max(batch.count, 1) &* stride)
      var offset = 0
      for (key, column) in zip(order.keys, columns) {
        SortKeyWriter.write(column, key, into: storage.base + offset, stride: stride)
        offset += 1 + (SortKeyWriter.fixedWidth(column.type) ?? 0)
      }
    } else {
      width = 0
      stride = 0
      isComplete = false
      var bytes: [UInt8] = []
      var starts: [Int] = []
      starts.reserveCapacity(batch.count + 1)
      let writers = zip(order.keys, columns).map { SortKeyWriter($1, $0) }
      for row in 0..<batch.count {
        starts.append(bytes.count)
        for writer in writers { writer.append(row, to: &bytes) }
      }
      starts.append(bytes.count)
      offsets = starts
      storage = Buffer.of(bytes)
    }
    fillEntries()
  }

  var entries: UnsafeMutablePointer<Entry> { entryBuffer.base.assumingMemoryBound(to: Entry.self) }
  var byteCount: Int { storage.byteCount &+ entryBuffer.byteCount &+ offsets.count &* 8 }

  private func fillEntries() {
    let entries = entries
    if stride > 0 {
      for row in 0..<count {
        let key = storage.base + row &* stride
        entries[row] = Entry(
          high: key.loadUnaligned(as: UInt64.self).byteSwapped,
          low: key.loadUnaligned(fromByteOffset: 8, as: UInt64.self).byteSwapped, row: UInt32(truncatingIfNeeded: row))
      }
      return
    }
    for row in 0..<count {
      let size = offsets[row + 1] - offsets[row]
      let key = storage.base + offsets[row]
      var head: (UInt64, UInt64) = (0, 0)
      withUnsafeMutableBytes(of: &head) { if let base = $0.baseAddress { memcpy(base, key, min(16, size)) } }
      entries[row] = Entry(
        high: head.0.byteSwapped, low: head.1.byteSwapped, row: UInt32(truncatingIfNeeded: row))
    }
  }

  private func key(_ row: UInt32) -> UnsafeRawBufferPointer {
    if stride > 0 { return UnsafeRawBufferPointer(start: storage.base + Int(row) &* stride, count: width) }
    let start = offsets[Int(row)]
    return UnsafeRawBufferPointer(start: storage.base + start, count: offsets[Int(row) + 1] - start)
  }

  /// Negative, zero or positive: the order of two keys, without regard to row numbers.
  @inline(__always)
  static func compare(_ left: Entry, _ leftKeys: SortKeys, _ right: Entry, _ rightKeys: SortKeys) -> Int {
    if left.high != right.high { return left.high < right.high ? -1 : 1 }
    if left.low != right.low { return left.low < right.low ? -1 : 1 }
    if leftKeys.isComplete { return 0 }
    return compareWhole(leftKeys.key(left.row), rightKeys.key(right.row))
  }

  private static func compareWhole(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let common = min(left.count, right.count)
    if common > 16, let first = left.baseAddress, let second = right.baseAddress {
      let order = memcmp(first + 16, second + 16, common - 16)
      if order != 0 { return Int(order) }
    }
    return left.count - right.count
  }

  /// Brings the entries into order.
  func sort() {
    let entries = entries
    let count = count
    if count < 2 || isSorted() { return }
    var range = UnsafeMutableBufferPointer(start: entries, count: count)
    if isComplete {
      let bytes = varyingBytes()
      var logarithm = 0
      while (count >> logarithm) > 1 { logarithm += 1 }
      if bytes.count * 4 <= logarithm * 3 {
        sortByRadix(bytes)
        return
      }
      range.sort { left, right in
        if left.high != right.high { return left.high < right.high }
        if left.low != right.low { return left.low < right.low }
        return left.row < right.row
      }
      return
    }
    range.sort { left, right in
      let order = Self.compare(left, self, right, self)
      return order != 0 ? order < 0 : left.row < right.row
    }
  }

  private func isSorted() -> Bool {
    let entries = entries
    for index in 1..<count where Self.compare(entries[index - 1], self, entries[index], self) > 0 { return false }
    return true
  }

  /// Positions 0...15, most significant first, of key bytes that are not the same in all rows.
  private func varyingBytes() -> [Int] {
    let entries = entries
    var high: UInt64 = 0
    var low: UInt64 = 0
    let first = entries[0]
    for index in 1..<count {
      high |= entries[index].high ^ first.high
      low |= entries[index].low ^ first.low
    }
    return (0..<16).filter { position in
      let word = position < 8 ? high : low
      return (word >> UInt64(56 - 8 * (position & 7))) & 0xFF != 0
    }
  }

  /// Least significant byte first; each pass is stable.
  private func sortByRadix(_ positions: [Int]) {
    var source = entryBuffer
    var target = Buffer(byteCount: entryBuffer.byteCount)
    for position in positions.reversed() {
      let shift = UInt64(56 - 8 * (position & 7))
      if position < 8 {
        Self.scatter(source, target, count) { Int(truncatingIfNeeded: ($0.high &>> shift) & 0xFF) }
      } else {
        Self.scatter(source, target, count) { Int(truncatingIfNeeded: ($0.low &>> shift) & 0xFF) }
      }
      swap(&source, &target)
    }
    entryBuffer = source
  }

  @inline(__always)
  private static func scatter(_ source: Buffer, _ target: Buffer, _ count: Int, _ digit: (Entry) -> Int) {
    let from = source.base.assumingMemoryBound(to: Entry.self)
    let to = target.base.assumingMemoryBound(to: Entry.self)
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 256) { places in
      places.initialize(repeating: 0)
      for index in 0..<count { places[digit(from[index])] &+= 1 }
      var sum = 0
      for value in 0..<256 {
        let size = places[value]
        places[value] = sum
        sum &+= size
      }
      for index in 0..<count {
        let entry = from[index]
        let value = digit(entry)
        to[places[value]] = entry
        places[value] &+= 1
      }
    }
  }

  /// Row numbers of entries `start ..< start + size`.
  func rows(_ start: Int, _ size: Int) -> [UInt32] {
    let entries = entries
    return [UInt32](unsafeUninitializedCapacity: size) { buffer, initialised in
      for index in 0..<size { buffer[index] = entries[start &+ index].row }
      initialised = size
    }
  }
}

/// Writes the bytes of one ORDER BY item.
struct SortKeyWriter {
  private let column: Column
  private let view: ColumnView
  private let type: SQLType
  private let flip: UInt8
  private let validByte: UInt8
  private let children: [SortKeyWriter]

  /// Bytes of a value after its NULL byte; nil when they vary.
  static func fixedWidth(_ type: SQLType) -> Int? {
    switch type.physical {
    case .boolean, .int8: 1
    case .int16: 2
    case .int32, .float: 4
    case .int64, .double, .timestampTZ: 8
    case .int128: 16
    case .string, .list, .row: nil
    }
  }

  init(_ column: Column, _ key: SortOrder.Key) {
    self.init(column, flip: key.isDescending ? 0xFF : 0, nullsFirst: key.nullsFirst)
  }

  private init(_ column: Column, flip: UInt8, nullsFirst: Bool) {
    self.column = column
    view = ColumnView(column)
    type = column.type
    self.flip = flip
    validByte = nullsFirst ? 1 : 0
    // Inside a value NULLs come last, in the direction of the item.
    children = view.children.map { SortKeyWriter($0, flip: flip, nullsFirst: flip != 0) }
  }

  // MARK: Fixed width, a column at a time

  static func write(_ column: Column, _ key: SortOrder.Key, into target: UnsafeMutableRawPointer, stride: Int) {
    let sign: UInt64 = key.isDescending ? .max : 0
    switch column.type.physical {
    case .boolean: fill(column, key, target, stride, UInt8.self) { $0 ^ UInt8(truncatingIfNeeded: sign) }
    case .int8:
      fill(column, key, target, stride, UInt8.self) { $0 ^ 0x80 ^ UInt8(truncatingIfNeeded: sign) }
    case .int16:
      fill(column, key, target, stride, UInt16.self) { ($0 ^ 0x8000 ^ UInt16(truncatingIfNeeded: sign)).byteSwapped }
    case .int32:
      fill(column, key, target, stride, UInt32.self) {
        ($0 ^ 0x8000_0000 ^ UInt32(truncatingIfNeeded: sign)).byteSwapped
      }
    case .int64:
      fill(column, key, target, stride, UInt64.self) { ($0 ^ 0x8000_0000_0000_0000 ^ sign).byteSwapped }
    case .timestampTZ:
      fill(column, key, target, stride, TimestampTZ.self) {
        (UInt64(bitPattern: $0.instant) ^ 0x8000_0000_0000_0000 ^ sign).byteSwapped
      }
    case .int128:
      let wide: UInt128 = key.isDescending ? .max : 0
      fill(column, key, target, stride, UInt128.self) { ($0 ^ (UInt128(1) << 127) ^ wide).byteSwapped }
    case .float:
      fill(column, key, target, stride, Float.self) {
        (ordered($0) ^ UInt32(truncatingIfNeeded: sign)).byteSwapped
      }
    case .double: fill(column, key, target, stride, Double.self) { (ordered($0) ^ sign).byteSwapped }
    case .string, .list, .row: break
    }
  }

  @inline(__always)
  private static func fill<Value, Stored: BitwiseCopyable>(
    _ column: Column, _ key: SortOrder.Key, _ target: UnsafeMutableRawPointer, _ stride: Int, _ type: Value.Type,
    _ convert: (Value) -> Stored
  ) {
    let view = ColumnView(column)
    let values = view.pointer(as: type)
    let valid: UInt8 = key.nullsFirst ? 1 : 0
    if view.isFlat && !view.mayHaveNulls {
      for row in 0..<column.count {
        let place = target + row &* stride
        place.storeBytes(of: valid, as: UInt8.self)
        place.storeBytes(of: convert(values[row]), toByteOffset: 1, as: Stored.self)
      }
      return
    }
    for row in 0..<column.count {
      let place = target + row &* stride
      if view.isValid(row) {
        place.storeBytes(of: valid, as: UInt8.self)
        place.storeBytes(of: convert(values[view.index(row)]), toByteOffset: 1, as: Stored.self)
      } else {
        place.storeBytes(of: 1 &- valid, as: UInt8.self)
      }
    }
  }

  /// Bits whose unsigned order is the numbers' order; NaN above all.
  @inline(__always)
  private static func ordered(_ value: Double) -> UInt64 {
    let bits = Hashing.normalised(value)
    return bits ^ (bits &>> 63 == 0 ? 0x8000_0000_0000_0000 : .max)
  }

  @inline(__always)
  private static func ordered(_ value: Float) -> UInt32 {
    let bits = Hashing.normalised(value)
    return bits ^ (bits &>> 31 == 0 ? 0x8000_0000 : .max)
  }

  // MARK: Varying width, a row at a time

  func append(_ row: Int, to bytes: inout [UInt8]) {
    guard view.isValid(row) else {
      bytes.append(1 &- validByte)
      return
    }
    bytes.append(validByte)
    let index = view.index(row)
    switch type.physical {
    case .boolean: bytes.append(view.pointer(as: UInt8.self)[index] ^ flip)
    case .int8: bytes.append(view.pointer(as: UInt8.self)[index] ^ 0x80 ^ flip)
    case .int16: append(view.pointer(as: UInt16.self)[index] ^ 0x8000, to: &bytes)
    case .int32: append(view.pointer(as: UInt32.self)[index] ^ 0x8000_0000, to: &bytes)
    case .int64: append(view.pointer(as: UInt64.self)[index] ^ 0x8000_0000_0000_0000, to: &bytes)
    case .timestampTZ:
      append(
        UInt64(bitPattern: view.pointer(as: TimestampTZ.self)[index].instant) ^ 0x8000_0000_0000_0000, to: &bytes)
    case .int128: append(view.pointer(as: UInt128.self)[index] ^ (UInt128(1) << 127), to: &bytes)
    case .float: append(Self.ordered(view.pointer(as: Float.self)[index]), to: &bytes)
    case .double: append(Self.ordered(view.pointer(as: Double.self)[index]), to: &bytes)
    case .string: appendText(StringView.buffer(at: view.pointer(as: StringView.self) + index), to: &bytes)
    case .row: for child in children { child.append(index, to: &bytes) }
    case .list:
      let entry = view.pointer(as: ListEntry.self)[index]
      for element in Int(entry.offset)..<Int(entry.offset) + Int(entry.count) {
        bytes.append(1 ^ flip)
        for child in children { child.append(element, to: &bytes) }
      }
      bytes.append(flip)
    }
  }

  private func append<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value, to bytes: inout [UInt8]) {
    var left = MemoryLayout<Value>.size * 8
    while left > 0 {
      left -= 8
      bytes.append(UInt8(truncatingIfNeeded: value >> Value(left)) ^ flip)
    }
  }

  private func appendText(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    var hasZero = false
    if let base = text.baseAddress, text.count > 0 { hasZero = memchr(base, 0, text.count) != nil }
    if flip == 0 && !hasZero {
      bytes.append(contentsOf: text)
    } else {
      for byte in text {
        bytes.append(byte ^ flip)
        if byte == 0 { bytes.append(0xFF ^ flip) }
      }
    }
    // char values are stored without trailing blanks but compare as if they had them.
    if case .char(let length) = type, text.count < length {
      bytes.append(contentsOf: repeatElement(0x20 ^ flip, count: length - text.count))
    }
    bytes.append(flip)
    bytes.append(flip)
  }
}
