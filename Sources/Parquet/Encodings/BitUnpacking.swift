/// Unpacks little-endian bit-packed integers: value `i` occupies the bits `i * width ..< (i + 1) * width`, counted from the
/// lowest bit of byte 0 (Encodings.md, "Run Length Encoding / Bit-Packing Hybrid").
///
/// Widths up to 32 have a loop of their own each: with the width a constant, shifts and masks fold and the eight values of a
/// group unroll (2x-3x over a loop with a variable width).
enum BitUnpacking {
  /// Unpacks `groupCount` groups of eight values.
  ///
  /// - Parameters:
  ///   - source: the packed bytes.
  ///   - byteCount: readable bytes at `source`, at least `groupCount * width`. Groups whose word loads would run past them go
  ///     through a padded copy.
  ///   - width: 1...32.
  ///   - target: room for `groupCount * 8` values.
  static func unpackGroups<Value: FixedWidthInteger & UnsignedInteger>(
    _ source: UnsafeRawPointer, byteCount: Int, width: Int, groupCount: Int, into target: UnsafeMutablePointer<Value>
  ) {
    // The last word load of a group begins at most (7 * width) / 8 bytes in.
    let reach = (7 &* width) / 8 &+ 8
    let fast = byteCount < reach ? 0 : min(groupCount, (byteCount &- reach) / width &+ 1)
    unpackFast(source, width: width, groupCount: fast, into: target)
    if fast == groupCount { return }
    withUnsafeTemporaryAllocation(byteCount: 48, alignment: 8) { padded in
      guard let copy = padded.baseAddress else { return }
      for group in fast..<groupCount {
        copy.initializeMemory(as: UInt8.self, repeating: 0, count: 48)
        copy.copyMemory(from: source + group &* width, byteCount: width)
        unpackFast(UnsafeRawPointer(copy), width: width, groupCount: 1, into: target + group &* 8)
      }
    }
  }

  private static func unpackFast<Value: FixedWidthInteger & UnsignedInteger>(
    _ source: UnsafeRawPointer, width: Int, groupCount: Int, into target: UnsafeMutablePointer<Value>
  ) {
    switch width {
    case 1: narrow(1, source, groupCount, target)
    case 2: narrow(2, source, groupCount, target)
    case 3: narrow(3, source, groupCount, target)
    case 4: narrow(4, source, groupCount, target)
    case 5: narrow(5, source, groupCount, target)
    case 6: narrow(6, source, groupCount, target)
    case 7: narrow(7, source, groupCount, target)
    case 8: narrow(8, source, groupCount, target)
    case 9: wide(9, source, groupCount, target)
    case 10: wide(10, source, groupCount, target)
    case 11: wide(11, source, groupCount, target)
    case 12: wide(12, source, groupCount, target)
    case 13: wide(13, source, groupCount, target)
    case 14: wide(14, source, groupCount, target)
    case 15: wide(15, source, groupCount, target)
    case 16: wide(16, source, groupCount, target)
    case 17: wide(17, source, groupCount, target)
    case 18: wide(18, source, groupCount, target)
    case 19: wide(19, source, groupCount, target)
    case 20: wide(20, source, groupCount, target)
    case 21: wide(21, source, groupCount, target)
    case 22: wide(22, source, groupCount, target)
    case 23: wide(23, source, groupCount, target)
    case 24: wide(24, source, groupCount, target)
    default: wide(width, source, groupCount, target)
    }
  }

  /// Eight values of at most 8 bits: one word holds them all.
  @inline(__always)
  private static func narrow<Value: FixedWidthInteger & UnsignedInteger>(
    _ width: Int, _ source: UnsafeRawPointer, _ groupCount: Int, _ target: UnsafeMutablePointer<Value>
  ) {
    let mask = UInt64(1) &<< UInt64(truncatingIfNeeded: width) &- 1
    let step = UInt64(truncatingIfNeeded: width)
    var input = source
    var output = target
    for _ in 0..<groupCount {
      let word = input.loadUnaligned(as: UInt64.self)
      output[0] = Value(truncatingIfNeeded: word & mask)
      output[1] = Value(truncatingIfNeeded: (word &>> step) & mask)
      output[2] = Value(truncatingIfNeeded: (word &>> (2 &* step)) & mask)
      output[3] = Value(truncatingIfNeeded: (word &>> (3 &* step)) & mask)
      output[4] = Value(truncatingIfNeeded: (word &>> (4 &* step)) & mask)
      output[5] = Value(truncatingIfNeeded: (word &>> (5 &* step)) & mask)
      output[6] = Value(truncatingIfNeeded: (word &>> (6 &* step)) & mask)
      output[7] = Value(truncatingIfNeeded: (word &>> (7 &* step)) & mask)
      input += width
      output += 8
    }
  }

  @inline(__always)
  private static func wide<Value: FixedWidthInteger & UnsignedInteger>(
    _ width: Int, _ source: UnsafeRawPointer, _ groupCount: Int, _ target: UnsafeMutablePointer<Value>
  ) {
    let mask = UInt64(1) &<< UInt64(truncatingIfNeeded: width) &- 1
    var input = source
    var output = target
    @inline(__always) func value(_ index: Int) -> Value {
      let bit = index &* width
      let word = input.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self)
      return Value(truncatingIfNeeded: (word &>> UInt64(truncatingIfNeeded: bit & 7)) & mask)
    }
    for _ in 0..<groupCount {
      output[0] = value(0)
      output[1] = value(1)
      output[2] = value(2)
      output[3] = value(3)
      output[4] = value(4)
      output[5] = value(5)
      output[6] = value(6)
      output[7] = value(7)
      input += width
      output += 8
    }
  }

  /// Unpacks `count` values (a multiple of 8) of 1...64 bits; `source` must have 9 readable bytes behind the packed ones.
  static func unpackWide(
    _ source: UnsafeRawPointer, width: Int, count: Int, into target: UnsafeMutablePointer<UInt64>
  ) {
    let mask = width == 64 ? UInt64.max : UInt64(1) &<< UInt64(truncatingIfNeeded: width) &- 1
    var bit = 0
    if width <= 56 {
      for index in 0..<count {
        let word = source.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self)
        target[index] = (word &>> UInt64(truncatingIfNeeded: bit & 7)) & mask
        bit &+= width
      }
      return
    }
    for index in 0..<count {
      let shift = UInt64(truncatingIfNeeded: bit & 7)
      let low = source.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self)
      let high = UInt64(source.load(fromByteOffset: bit &>> 3 &+ 8, as: UInt8.self))
      target[index] = ((low &>> shift) | ((high &<< 1) &<< (63 &- shift))) & mask
      bit &+= width
    }
  }
}
