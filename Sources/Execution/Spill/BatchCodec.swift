import Columnar
import Glibc

/// Batches as bytes, for rows that leave memory. Not a file format: written and read by one process.
///
///     batch  := rows: 4, columns...
///     column := 1 (constant) column of one row | 0 flat
///     flat   := hasValidity: 1, [validity bytes], values, children...
///     values := fixed-width bytes | lengths: 4 each, bytes (text) | counts: 4 each (lists)
struct BatchCodec {
  let types: [SQLType]

  func encode(_ batch: Batch, into bytes: inout ByteWriter) {
    bytes.append(UInt32(truncatingIfNeeded: batch.count))
    for column in batch.columns { encode(column, into: &bytes) }
  }

  private func encode(_ column: Column, into bytes: inout ByteWriter) {
    if column.isConstant, column.count > 1 {
      bytes.append(UInt8(1))
      return encodeFlat(column.repeated(1).flattened(), into: &bytes)
    }
    bytes.append(UInt8(0))
    encodeFlat(column.flattened(), into: &bytes)
  }

  private func encodeFlat(_ column: Column, into bytes: inout ByteWriter) {
    let vector = column.flat
    let count = column.count
    if let validity = vector.validity {
      bytes.append(UInt8(1))
      bytes.append(from: validity.base, count: count)
    } else {
      bytes.append(UInt8(0))
    }
    switch column.type.physical {
    case .row: for child in vector.children { encode(child, into: &bytes) }
    case .string:
      let views = vector.values.pointer(as: StringView.self)
      let valid = vector.validity?.pointer(as: UInt8.self)
      for row in 0..<count { bytes.append(valid.map { $0[row] == 0 } ?? false ? 0 : views[row].length) }
      for row in 0..<count where valid.map({ $0[row] != 0 }) ?? true {
        bytes.append(from: StringView.bytes(at: views + row), count: views[row].count)
      }
    case .list:
      let entries = vector.values.pointer(as: ListEntry.self)
      var elements: [UInt32] = []
      for row in 0..<count {
        let isNull = vector.validity.map { $0.pointer(as: UInt8.self)[row] == 0 } ?? false
        let size = isNull ? 0 : entries[row].count
        bytes.append(size)
        for element in 0..<size { elements.append(entries[row].offset &+ element) }
      }
      bytes.append(UInt32(truncatingIfNeeded: elements.count))
      for child in vector.children { encode(child.take(elements), into: &bytes) }
    default: bytes.append(from: vector.values.base, count: count &* column.type.physical.byteWidth)
    }
  }

  func decode(_ bytes: inout ByteParser) throws -> Batch {
    let count = Int(try bytes.read(UInt32.self))
    var columns: [Column] = []
    for type in types { columns.append(try decode(type, count, &bytes)) }
    return Batch(columns: columns, count: count)
  }

  private func decode(_ type: SQLType, _ count: Int, _ bytes: inout ByteParser) throws -> Column {
    if try bytes.read(UInt8.self) == 1 {
      return try decodeFlat(type, 1, &bytes).asConstant(count: count)
    }
    return try decodeFlat(type, count, &bytes)
  }

  private func decodeFlat(_ type: SQLType, _ count: Int, _ bytes: inout ByteParser) throws -> Column {
    var validity: BufferSlice?
    if try bytes.read(UInt8.self) == 1 { validity = BufferSlice(try bytes.readBuffer(count)) }
    switch type.physical {
    case .row:
      let children = try type.children.map { try decode($0, count, &bytes) }
      return Column(
        flat: FlatVector(values: BufferSlice(Buffer(byteCount: 0)), validity: validity, children: children), type: type,
        count: count)
    case .string:
      let lengths = try bytes.readBuffer(count &* 4)
      let sizes = lengths.base.assumingMemoryBound(to: UInt32.self)
      var total = 0
      for row in 0..<count { total &+= Int(sizes[row]) }
      let heap = try bytes.readBuffer(total)
      let views = Buffer(byteCount: count &* 16)
      let target = views.base.assumingMemoryBound(to: StringView.self)
      var offset = 0
      for row in 0..<count {
        let size = Int(sizes[row])
        target[row] = StringView(heap.base + offset, count: size)
        offset &+= size
      }
      return Column(
        flat: FlatVector(values: BufferSlice(views), validity: validity, heap: total > 0 ? [heap] : []), type: type,
        count: count)
    case .list:
      let counts = try bytes.readBuffer(count &* 4)
      let sizes = counts.base.assumingMemoryBound(to: UInt32.self)
      let entries = Buffer(byteCount: count &* 8)
      let target = entries.base.assumingMemoryBound(to: ListEntry.self)
      var offset: UInt32 = 0
      for row in 0..<count {
        target[row] = ListEntry(offset: offset, count: sizes[row])
        offset &+= sizes[row]
      }
      let elements = Int(try bytes.read(UInt32.self))
      let children = try type.children.map { try decode($0, elements, &bytes) }
      return Column(
        flat: FlatVector(values: BufferSlice(entries), validity: validity, children: children), type: type, count: count)
    default:
      return Column(
        flat: FlatVector(values: BufferSlice(try bytes.readBuffer(count &* type.physical.byteWidth)), validity: validity),
        type: type, count: count)
    }
  }
}

/// Bytes that grow; kept and emptied between frames.
struct ByteWriter: ~Copyable {
  private(set) var base: UnsafeMutableRawPointer
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int = 1 << 16) {
    self.capacity = capacity
    base = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  mutating func removeAll() { count = 0 }

  mutating func append<Value: BitwiseCopyable>(_ value: Value) {
    reserve(MemoryLayout<Value>.size)
    (base + count).storeBytes(of: value, as: Value.self)
    count &+= MemoryLayout<Value>.size
  }

  mutating func append(from source: UnsafeRawPointer, count size: Int) {
    if size == 0 { return }
    reserve(size)
    memcpy(base + count, source, size)
    count &+= size
  }

  private mutating func reserve(_ more: Int) {
    if count &+ more <= capacity { return }
    let larger = max(capacity &* 2, count &+ more)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    memcpy(memory, base, count)
    base.deallocate()
    base = memory
    capacity = larger
  }
}

/// Reads what `ByteWriter` wrote; a length that overruns the frame is an error, not a trap.
struct ByteParser {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func read<Value: BitwiseCopyable>(_ type: Value.Type) throws -> Value {
    guard bytes.count - offset >= MemoryLayout<Value>.size else { throw SpillError.corrupt }
    defer { offset &+= MemoryLayout<Value>.size }
    return bytes.loadUnaligned(fromByteOffset: offset, as: type)
  }

  mutating func readBuffer(_ size: Int) throws -> Buffer {
    guard size >= 0, bytes.count - offset >= size else { throw SpillError.corrupt }
    let buffer = Buffer(byteCount: size)
    if size > 0, let base = bytes.baseAddress { memcpy(buffer.base, base + offset, size) }
    offset &+= size
    return buffer
  }
}
