import Columnar

// Transforms of flat columns without a detour through scalars: what a partitioned INSERT spends its time on.

extension PartitionTransform {
  /// - Returns: nil for combinations that are rare enough to go value by value (wide decimals, uuid).
  func applyToFlat(_ vector: FlatVector, _ column: Column, _ type: SQLType) -> Column? {
    switch self {
    case .bucket(let count): bucketed(vector, column, type, UInt32(truncatingIfNeeded: count))
    case .truncate(let width): truncated(vector, column, width)
    default: nil
    }
  }

  private func bucketed(_ vector: FlatVector, _ column: Column, _ type: SQLType, _ buckets: UInt32) -> Column? {
    let count = column.count
    let output = Buffer(byteCount: count * 4)
    let target = output.base.assumingMemoryBound(to: UInt32.self)
    func store(_ hash: Int32, _ row: Int) { target[row] = UInt32(bitPattern: hash & .max) % buckets }
    switch (column.type, column.type.physical) {
    case (.integer, _), (.date, _):
      let values = vector.values.pointer(as: Int32.self)
      for row in 0..<count { store(Murmur3.hash(Int64(values[row])), row) }
    case (.bigint, _), (.time(0...6), _), (.timestamp(0...6), _):
      let values = vector.values.pointer(as: Int64.self)
      for row in 0..<count { store(Murmur3.hash(values[row]), row) }
    case (.timestampTZ(0...6), _):
      let values = vector.values.pointer(as: TimestampTZ.self)
      for row in 0..<count { store(Murmur3.hash(values[row].instant), row) }
    case (_, .string):
      let values = vector.values.pointer(as: StringView.self)
      for row in 0..<count { store(Murmur3.hash(StringView.buffer(at: values + row)), row) }
    default: return nil
    }
    return Column(flat: FlatVector(values: BufferSlice(output), validity: vector.validity), type: type, count: count)
  }

  private func truncated(_ vector: FlatVector, _ column: Column, _ width: Int) -> Column? {
    switch (column.type, column.type.physical) {
    case (.integer, _): return floored(vector, column, Int32(truncatingIfNeeded: width))
    case (.bigint, _), (.decimal, .int64): return floored(vector, column, Int64(width))
    case (_, .string):
      let isText = column.type.isText
      let source = vector.values.pointer(as: StringView.self)
      let output = Buffer(byteCount: column.count * MemoryLayout<StringView>.size)
      let target = output.base.assumingMemoryBound(to: StringView.self)
      for row in 0..<column.count {
        let bytes = StringView.buffer(at: source + row)
        let length = isText ? Self.byteCount(of: bytes, characters: width) : min(width, bytes.count)
        // The cut text begins where the whole one does, and shares its block.
        target[row] = length == bytes.count ? source[row] : bytes.baseAddress.map { StringView($0, count: length) } ?? StringView()
      }
      return Column(
        flat: FlatVector(values: BufferSlice(output), validity: vector.validity, heap: vector.heap), type: column.type, count: column.count)
    default: return nil
    }
  }

  /// Near the smallest value this wraps around, as Java's does.
  private func floored<Number: FixedWidthInteger & SignedInteger>(_ vector: FlatVector, _ column: Column, _ width: Number) -> Column {
    let output = Buffer(byteCount: column.count * MemoryLayout<Number>.size)
    let target = output.base.assumingMemoryBound(to: Number.self)
    let source = vector.values.pointer(as: Number.self)
    for row in 0..<column.count {
      let remainder = source[row] % width
      target[row] = source[row] &- (remainder < 0 ? remainder &+ width : remainder)
    }
    return Column(flat: FlatVector(values: BufferSlice(output), validity: vector.validity), type: column.type, count: column.count)
  }

  private static func byteCount(of bytes: UnsafeRawBufferPointer, characters: Int) -> Int {
    if bytes.count <= characters { return bytes.count }
    var left = characters
    for index in 0..<bytes.count where bytes[index] & 0xC0 != 0x80 {
      if left == 0 { return index }
      left -= 1
    }
    return bytes.count
  }
}
