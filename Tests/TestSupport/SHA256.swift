/// SHA-256 (FIPS 180-4), for the digests of the corpus.
package struct SHA256 {
  private var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]

  private static let roundConstants: [UInt32] = {
    // The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    var primes: [Int] = []
    var candidate = 2
    while primes.count < 64 {
      if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
      candidate += 1
    }
    return primes.map { prime in
      // floor(cbrt(prime) * 2^32) by binary search on integers: x^3 <= prime * 2^96.
      var low: UInt128 = 0
      var high: UInt128 = 1 << 36
      let target = UInt128(prime) << 96
      while high - low > 1 {
        let middle = (low + high) / 2
        if middle * middle * middle <= target { low = middle } else { high = middle }
      }
      return UInt32(truncatingIfNeeded: low)
    }
  }()

  package static func hex(_ message: [UInt8]) -> String {
    var padded = message
    padded.append(0x80)
    while padded.count % 64 != 56 { padded.append(0) }
    let bits = UInt64(message.count) * 8
    for shift in stride(from: 56, through: 0, by: -8) { padded.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift))) }
    var hash = SHA256()
    padded.withUnsafeBytes { bytes in
      roundConstants.withUnsafeBufferPointer { constants in
        hash.run(bytes.baseAddress!, blocks: bytes.count / 64, constants.baseAddress!)
      }
    }
    return hash.state.map { word in
      let text = String(word, radix: 16)
      return String(repeating: "0", count: 8 - text.count) + text
    }.joined()
  }

  private mutating func run(_ bytes: UnsafeRawPointer, blocks: Int, _ constants: UnsafePointer<UInt32>) {
    let w = UnsafeMutablePointer<UInt32>.allocate(capacity: 64)
    defer { w.deallocate() }
    var s0 = state[0], s1 = state[1], s2 = state[2], s3 = state[3]
    var s4 = state[4], s5 = state[5], s6 = state[6], s7 = state[7]
    var block = bytes
    for _ in 0..<blocks {
      var i = 0
      while i < 16 {
        w[i] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: i &* 4, as: UInt32.self))
        i &+= 1
      }
      while i < 64 {
        let x = w[i &- 15], y = w[i &- 2]
        let p = (x &>> 7 | x &<< 25) ^ (x &>> 18 | x &<< 14) ^ (x &>> 3)
        let q = (y &>> 17 | y &<< 15) ^ (y &>> 19 | y &<< 13) ^ (y &>> 10)
        w[i] = w[i &- 16] &+ p &+ w[i &- 7] &+ q
        i &+= 1
      }
      var a = s0, b = s1, c = s2, d = s3, e = s4, f = s5, g = s6, h = s7
      i = 0
      while i < 64 {
        let u = (e &>> 6 | e &<< 26) ^ (e &>> 11 | e &<< 21) ^ (e &>> 25 | e &<< 7)
        let t1 = h &+ u &+ ((e & f) ^ (~e & g)) &+ constants[i] &+ w[i]
        let v = (a &>> 2 | a &<< 30) ^ (a &>> 13 | a &<< 19) ^ (a &>> 22 | a &<< 10)
        let t2 = v &+ ((a & b) ^ (a & c) ^ (b & c))
        h = g
        g = f
        f = e
        e = d &+ t1
        d = c
        c = b
        b = a
        a = t1 &+ t2
        i &+= 1
      }
      s0 &+= a
      s1 &+= b
      s2 &+= c
      s3 &+= d
      s4 &+= e
      s5 &+= f
      s6 &+= g
      s7 &+= h
      block += 64
    }
    state = [s0, s1, s2, s3, s4, s5, s6, s7]
  }
}
