/// Murmur3, x86, 32 bits, seed 0: the hash of the bucket transform (Iceberg spec, Appendix B).
package enum Murmur3 {
  package static func hash(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    var hash: UInt32 = 0
    let count = bytes.count
    var position = 0
    while position &+ 4 <= count {
      hash = (hash ^ scrambled(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))))
      hash = (hash << 13 | hash >> 19) &* 5 &+ 0xE654_6B64
      position &+= 4
    }
    var tail: UInt32 = 0
    var shift: UInt32 = 0
    while position < count {
      tail |= UInt32(bytes[position]) << shift
      shift &+= 8
      position &+= 1
    }
    if shift > 0 { hash ^= scrambled(tail) }
    return finished(hash, count)
  }

  /// The hash of the eight little-endian bytes of a long.
  package static func hash(_ value: Int64) -> Int32 {
    let bits = UInt64(bitPattern: value)
    var hash = scrambled(UInt32(truncatingIfNeeded: bits))
    hash = (hash << 13 | hash >> 19) &* 5 &+ 0xE654_6B64
    hash ^= scrambled(UInt32(truncatingIfNeeded: bits >> 32))
    hash = (hash << 13 | hash >> 19) &* 5 &+ 0xE654_6B64
    return finished(hash, 8)
  }

  private static func scrambled(_ block: UInt32) -> UInt32 {
    let product = block &* 0xCC9E_2D51
    return (product << 15 | product >> 17) &* 0x1B87_3593
  }

  private static func finished(_ state: UInt32, _ count: Int) -> Int32 {
    var hash = state ^ UInt32(truncatingIfNeeded: count)
    hash = (hash ^ hash >> 16) &* 0x85EB_CA6B
    hash = (hash ^ hash >> 13) &* 0xC2B2_AE35
    return Int32(bitPattern: hash ^ hash >> 16)
  }
}
