import Columnar

/// SpookyHash version 2 with seed 0: 64 bits, whose low half is the 32-bit hash.
/// - Source: Bob Jenkins, SpookyV2 (public domain). Words are little-endian.
enum SpookyHash {
  private static let filler: UInt64 = 0xDEAD_BEEF_DEAD_BEEF
  private static let blockSize = 96
  /// Shorter messages have a mixing of their own.
  private static let longSize = 192

  static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 { bytes.count < longSize ? short(bytes) : long(bytes) }

  private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { value &<< bits | value &>> (64 &- bits) }

  // MARK: Short messages

  private static let shortMixing: [UInt64] = [50, 52, 30, 41, 54, 48, 38, 37, 62, 34, 5, 36]
  private static let shortEnding: [UInt64] = [15, 52, 26, 51, 28, 9, 47, 54, 32, 25, 63]

  private static func short(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var state: [UInt64] = [0, 0, filler, filler]
    /// Of four words in turn: one turns, takes in the next, and goes into the one after that.
    func mix() {
      for (step, bits) in shortMixing.enumerated() {
        let (turned, next, changed) = ((step + 2) & 3, (step + 3) & 3, step & 3)
        state[turned] = rotate(state[turned], bits) &+ state[next]
        state[changed] ^= state[turned]
      }
    }
    var offset = 0
    while bytes.count - offset >= 32 {
      state[2] &+= word(bytes, offset)
      state[3] &+= word(bytes, offset + 8)
      mix()
      state[0] &+= word(bytes, offset + 16)
      state[1] &+= word(bytes, offset + 24)
      offset += 32
    }
    if bytes.count - offset >= 16 {
      state[2] &+= word(bytes, offset)
      state[3] &+= word(bytes, offset + 8)
      mix()
      offset += 16
    }
    state[3] &+= UInt64(bytes.count) << 56
    if offset == bytes.count {
      state[2] &+= filler
      state[3] &+= filler
    }
    for index in offset..<bytes.count {
      let place = index - offset
      state[2 + place / 8] &+= UInt64(bytes[index]) << UInt64(8 * (place % 8))
    }
    for (step, bits) in shortEnding.enumerated() {
      let (changed, turned) = ((step + 3) & 3, (step + 2) & 3)
      state[changed] ^= state[turned]
      state[turned] = rotate(state[turned], bits)
      state[changed] &+= state[turned]
    }
    return state[0]
  }

  // MARK: Long messages

  private static let mixing: [UInt64] = [11, 32, 43, 31, 17, 28, 39, 57, 55, 54, 22, 46]
  private static let ending: [UInt64] = [44, 15, 34, 21, 38, 33, 10, 13, 38, 53, 42, 54]

  private static func long(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var state: [UInt64] = (0..<12).map { $0 % 3 == 2 ? filler : 0 }
    var offset = 0
    while bytes.count - offset >= blockSize {
      for i in 0..<12 {
        state[i] &+= word(bytes, offset + 8 * i)
        state[(i + 2) % 12] ^= state[(i + 10) % 12]
        state[(i + 11) % 12] ^= state[i]
        state[i] = rotate(state[i], mixing[i])
        state[(i + 11) % 12] &+= state[(i + 1) % 12]
      }
      offset += blockSize
    }
    var last = [UInt8](repeating: 0, count: blockSize)
    for index in offset..<bytes.count { last[index - offset] = bytes[index] }
    last[blockSize - 1] = UInt8(bytes.count - offset)
    last.withUnsafeBytes { last in for i in 0..<12 { state[i] &+= word(last, 8 * i) } }
    for _ in 0..<3 {
      for i in 0..<12 {
        state[(i + 11) % 12] &+= state[(i + 1) % 12]
        state[(i + 2) % 12] ^= state[(i + 11) % 12]
        state[(i + 1) % 12] = rotate(state[(i + 1) % 12], ending[i])
      }
    }
    return state[0]
  }
}
