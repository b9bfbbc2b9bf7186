/// xxHash with 64 bits and seed 0, the hash of Parquet's Bloom filters.
///
/// - Source: xxHash specification, "XXH64 algorithm description".
enum XXHash64 {
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  @inline(__always)
  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
    value &<< count | value &>> (64 &- count)
  }

  @inline(__always)
  private static func round(_ accumulator: UInt64, _ input: UInt64) -> UInt64 {
    rotate(accumulator &+ input &* prime2, 31) &* prime1
  }

  static func hash(_ bytes: UnsafeRawPointer, count: Int) -> UInt64 {
    var cursor = bytes
    let end = bytes + count
    var hash: UInt64
    if count >= 32 {
      var lane1 = prime1 &+ prime2
      var lane2 = prime2
      var lane3: UInt64 = 0
      var lane4 = 0 &- prime1
      while end - cursor >= 32 {
        lane1 = round(lane1, cursor.loadUnaligned(as: UInt64.self))
        lane2 = round(lane2, cursor.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        lane3 = round(lane3, cursor.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        lane4 = round(lane4, cursor.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        cursor += 32
      }
      hash = rotate(lane1, 1) &+ rotate(lane2, 7) &+ rotate(lane3, 12) &+ rotate(lane4, 18)
      for lane in [lane1, lane2, lane3, lane4] { hash = (hash ^ round(0, lane)) &* prime1 &+ prime4 }
    } else {
      hash = prime5
    }
    hash &+= UInt64(truncatingIfNeeded: count)
    while end - cursor >= 8 {
      hash = rotate(hash ^ round(0, cursor.loadUnaligned(as: UInt64.self)), 27) &* prime1 &+ prime4
      cursor += 8
    }
    if end - cursor >= 4 {
      hash = rotate(hash ^ (UInt64(cursor.loadUnaligned(as: UInt32.self)) &* prime1), 23) &* prime2 &+ prime3
      cursor += 4
    }
    while cursor < end {
      hash = rotate(hash ^ (UInt64(cursor.load(as: UInt8.self)) &* prime5), 11) &* prime1
      cursor += 1
    }
    hash = (hash ^ hash &>> 33) &* prime2
    hash = (hash ^ hash &>> 29) &* prime3
    return hash ^ hash &>> 32
  }

  /// The hash of four bytes, without a loop.
  @inline(__always)
  static func hash32(_ value: UInt32) -> UInt64 {
    var hash = prime5 &+ 4
    hash = rotate(hash ^ (UInt64(value) &* prime1), 23) &* prime2 &+ prime3
    hash = (hash ^ hash &>> 33) &* prime2
    hash = (hash ^ hash &>> 29) &* prime3
    return hash ^ hash &>> 32
  }

  /// The hash of eight bytes, without a loop.
  @inline(__always)
  static func hash64(_ value: UInt64) -> UInt64 {
    var hash = prime5 &+ 8
    hash = rotate(hash ^ round(0, value), 27) &* prime1 &+ prime4
    hash = (hash ^ hash &>> 33) &* prime2
    hash = (hash ^ hash &>> 29) &* prime3
    return hash ^ hash &>> 32
  }
}
