/// Writes the run-length / bit-packed hybrid, see `RunDecoder`. Runs of eight and more repeats become repeated runs, what lies
/// between them packed groups.
///
/// - Source: parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
enum RunLengthEncoder {
  /// Encodes `count` values below `2^width`, `width` 1...32.
  static func encode<Value: FixedWidthInteger & UnsignedInteger>(
    _ values: UnsafePointer<Value>, count: Int, width: Int, into output: OutputBuffer
  ) {
    var index = 0
    while index < count {
      let length = runLength(values, index, count)
      if length >= 8 || index &+ length == count {
        repeated(UInt32(truncatingIfNeeded: values[index]), length, width, output)
        index &+= length
        continue
      }
      // Packed groups up to the next long run that begins on a group border.
      let start = index
      index &+= 8
      while index < count && !isLongRun(values, index, count) { index &+= 8 }
      let end = min(index, count)
      packed(values + start, end &- start, width, output)
      index = end
    }
  }

  /// Encodes `count` zeros and ones. Only 64 and more equal ones become a run: below that packed bits take less space and less time,
  /// for whoever reads them too.
  static func encodeBits(_ values: UnsafePointer<UInt8>, count: Int, into output: OutputBuffer) {
    let groups = count &>> 3
    /// Whether the eight values of a group are all 0, all 1 (then the word), or mixed.
    @inline(__always) func word(_ group: Int) -> UInt64 { UnsafeRawPointer(values).loadUnaligned(fromByteOffset: group &* 8, as: UInt64.self) }
    func uniformGroups(from start: Int) -> Int {
      let first = word(start)
      guard first == 0 || first == 0x0101_0101_0101_0101 else { return 0 }
      var end = start &+ 1
      while end < groups && word(end) == first { end &+= 1 }
      return end &- start
    }
    var packedStart = 0
    var group = 0
    while group < groups {
      let uniform = uniformGroups(from: group)
      if uniform >= 8 {
        packBits(values + packedStart &* 8, count: (group &- packedStart) &* 8, output)
        repeated(UInt32(values[group &* 8]), uniform &* 8, 1, output)
        group &+= uniform
        packedStart = group
      } else {
        group &+= max(1, uniform)
      }
    }
    packBits(values + packedStart &* 8, count: count &- packedStart &* 8, output)
  }

  /// One packed run, its last group padded with zeros.
  private static func packBits(_ values: UnsafePointer<UInt8>, count: Int, _ output: OutputBuffer) {
    guard count > 0 else { return }
    let groups = (count &+ 7) &>> 3
    varint(groups &<< 1 | 1, output)
    let target = output.reserve(groups).assumingMemoryBound(to: UInt8.self)
    let source = UnsafeRawPointer(values)
    for group in 0..<count &>> 3 {
      // The product moves bit 0 of byte i to bit 56 + i.
      let word = source.loadUnaligned(fromByteOffset: group &* 8, as: UInt64.self)
      target[group] = UInt8(truncatingIfNeeded: (word &* 0x0102_0408_1020_4080) &>> 56)
    }
    if count & 7 != 0 {
      var bits: UInt8 = 0
      for index in count & ~7..<count { bits |= values[index] &<< UInt8(truncatingIfNeeded: index & 7) }
      target[groups &- 1] = bits
    }
    output.commit(groups)
  }

  private static func isLongRun<Value: FixedWidthInteger & UnsignedInteger>(
    _ values: UnsafePointer<Value>, _ index: Int, _ count: Int
  ) -> Bool {
    guard index &+ 8 <= count else { return false }
    let first = values[index]
    for offset in 1..<8 where values[index &+ offset] != first { return false }
    return true
  }

  private static func runLength<Value: FixedWidthInteger & UnsignedInteger>(
    _ values: UnsafePointer<Value>, _ index: Int, _ count: Int
  ) -> Int {
    let first = values[index]
    var end = index &+ 1
    while end < count && values[end] == first { end &+= 1 }
    return end &- index
  }

  private static func varint(_ value: Int, _ output: OutputBuffer) {
    var rest = value
    let target = output.reserve(10).assumingMemoryBound(to: UInt8.self)
    var used = 0
    while rest >= 0x80 {
      target[used] = UInt8(truncatingIfNeeded: rest) | 0x80
      rest &>>= 7
      used &+= 1
    }
    target[used] = UInt8(truncatingIfNeeded: rest)
    output.commit(used &+ 1)
  }

  /// One repeated run.
  static func repeated(_ value: UInt32, _ count: Int, _ width: Int, _ output: OutputBuffer) {
    varint(count &<< 1, output)
    let byteCount = (width &+ 7) &>> 3
    output.reserve(4).storeBytes(of: value.littleEndian, as: UInt32.self)
    output.commit(byteCount)
  }

  /// Packed groups; the last one is padded with zeros.
  private static func packed<Value: FixedWidthInteger & UnsignedInteger>(
    _ values: UnsafePointer<Value>, _ count: Int, _ width: Int, _ output: OutputBuffer
  ) {
    let groups = (count &+ 7) &>> 3
    varint(groups &<< 1 | 1, output)
    let byteCount = groups &* width
    let target = output.reserve(byteCount &+ 8)
    var word: UInt64 = 0
    var bits = 0
    var position = 0
    for index in 0..<count {
      word |= UInt64(truncatingIfNeeded: values[index]) &<< UInt64(truncatingIfNeeded: bits)
      bits &+= width
      if bits >= 32 {
        target.storeBytes(of: UInt32(truncatingIfNeeded: word).littleEndian, toByteOffset: position, as: UInt32.self)
        position &+= 4
        word &>>= 32
        bits &-= 32
      }
    }
    while position < byteCount {
      target.storeBytes(of: UInt8(truncatingIfNeeded: word), toByteOffset: position, as: UInt8.self)
      word &>>= 8
      position &+= 1
    }
    output.commit(byteCount)
  }
}
