/// MurmurHash3 of 128 bits for 64-bit machines: 16 bytes, both words little-endian.
/// - Source: Austin Appleby, MurmurHash3_x64_128 (public domain).
enum Murmur3Hash128 {
  private static let c1: UInt64 = 0x87C3_7B91_1142_53D5
  private static let c2: UInt64 = 0x4CF5_AD43_2745_937F

  static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> (UInt64, UInt64) {
    var (h1, h2) = (seed, seed)
    let blocks = bytes.count / 16
    for block in 0..<blocks {
      let k1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: block * 16, as: UInt64.self))
      let k2 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: block * 16 + 8, as: UInt64.self))
      h1 ^= rotate(k1 &* c1, 31) &* c2
      h1 = (rotate(h1, 27) &+ h2) &* 5 &+ 0x52DC_E729
      h2 ^= rotate(k2 &* c2, 33) &* c1
      h2 = (rotate(h2, 31) &+ h1) &* 5 &+ 0x3849_5AB5
    }
    var (k1, k2): (UInt64, UInt64) = (0, 0)
    for (index, byte) in bytes[(blocks * 16)...].enumerated() {
      if index < 8 { k1 |= UInt64(byte) << UInt64(8 * index) } else { k2 |= UInt64(byte) << UInt64(8 * (index - 8)) }
    }
    h2 ^= rotate(k2 &* c2, 33) &* c1
    h1 ^= rotate(k1 &* c1, 31) &* c2
    h1 ^= UInt64(bytes.count)
    h2 ^= UInt64(bytes.count)
    h1 = h1 &+ h2
    h2 = h2 &+ h1
    h1 = finish(h1)
    h2 = finish(h2)
    h1 = h1 &+ h2
    return (h1, h2 &+ h1)
  }

  /// The first word of the hash of 8 little-endian bytes, with seed 0.
  static func hash(word: UInt64) -> UInt64 {
    let h1 = (rotate(word &* c1, 31) &* c2 ^ 8) &+ 8
    return finish(h1) &+ finish(h1 &+ 8)
  }

  private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { value &<< bits | value &>> (64 &- bits) }

  private static func finish(_ value: UInt64) -> UInt64 {
    var bits = (value ^ (value >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    bits = (bits ^ (bits >> 33)) &* 0xC4CE_B9FE_1A85_EC53
    return bits ^ (bits >> 33)
  }
}
