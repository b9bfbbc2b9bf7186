import CIntrinsics
import Glibc

/// The hash functions of SQL and of request signatures. Written out here because a cryptography package would cost a minute and a half of
/// every clean build and megabytes of Foundation for what is four block functions of fixed, published test vectors. What is hashed stays on
/// this machine, and no tag is compared with one from outside, so timing tells nobody anything.
///
/// - Source: RFC 1321 (MD5), FIPS 180-4 (SHA-1, SHA-256, SHA-512), RFC 2104 (HMAC).
package enum MessageDigest: Sendable {
  case md5, sha1, sha256, sha512

  private var blockSize: Int { self == .sha512 ? 128 : 64 }

  package func hash(_ message: UnsafeRawBufferPointer) -> [UInt8] { hash([], message) }

  package func hash(_ message: [UInt8]) -> [UInt8] { message.withUnsafeBytes { hash($0) } }

  /// HMAC of a message under a key.
  package func authenticate(_ message: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer) -> [UInt8] {
    var block = key.count > blockSize ? hash(key) : Array(key)
    block += [UInt8](repeating: 0, count: blockSize - block.count)
    let inner = hash(block.map { $0 ^ 0x36 }, message)
    return inner.withUnsafeBytes { hash(block.map { $0 ^ 0x5C }, $0) }
  }

  package func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    message.withUnsafeBytes { message in key.withUnsafeBytes { authenticate(message, key: $0) } }
  }

  /// Small letters, as signatures and names of files want them.
  package static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The hash of bytes as hexadecimal text.
  package func hexadecimal(of message: [UInt8]) -> String { Self.hexadecimal(hash(message)) }

  /// Of a prefix of whole blocks followed by a message.
  private func hash(_ prefix: [UInt8], _ message: UnsafeRawBufferPointer) -> [UInt8] {
    if self == .sha256 { return Self.sha256(prefix, message) }
    var bytes = prefix
    bytes.reserveCapacity(prefix.count + message.count + 2 * blockSize)
    bytes += message
    let bitCount = UInt64(bytes.count) &* 8
    bytes.append(0x80)
    let lengthSize = blockSize / 8
    while bytes.count % blockSize != blockSize - lengthSize { bytes.append(0) }
    if self == .sha512 { bytes += [UInt8](repeating: 0, count: 8) }
    let length = self == .md5 ? bitCount.littleEndian : bitCount.bigEndian
    withUnsafeBytes(of: length) { bytes += $0 }
    return bytes.withUnsafeBytes { blocks in
      switch self {
      case .md5: Self.md5(blocks)
      case .sha1: Self.sha1(blocks)
      case .sha256, .sha512: Self.sha512(blocks)
      }
    }
  }

  @inline(__always)
  private static func rotate(left word: UInt32, _ bits: UInt32) -> UInt32 { word &<< bits | word &>> (32 &- bits) }
  @inline(__always)
  private static func rotate(right word: UInt64, _ bits: UInt64) -> UInt64 { word &>> bits | word &<< (64 &- bits) }

  private static func bytes<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
    words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
  }

  private static func md5(_ blocks: UnsafeRawBufferPointer) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476]
    let shifts: [UInt32] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
    for block in stride(from: 0, to: blocks.count, by: 64) {
      var (a, b, c, d) = (state[0], state[1], state[2], state[3])
      for round in 0..<64 {
        let (mixed, word): (UInt32, Int)
        switch round / 16 {
        case 0: (mixed, word) = ((b & c) | (~b & d), round)
        case 1: (mixed, word) = ((d & b) | (~d & c), (5 * round + 1) % 16)
        case 2: (mixed, word) = (b ^ c ^ d, (3 * round + 5) % 16)
        default: (mixed, word) = (c ^ (b | ~d), 7 * round % 16)
        }
        let value = UInt32(littleEndian: blocks.loadUnaligned(fromByteOffset: block + 4 * word, as: UInt32.self))
        let sum = a &+ mixed &+ md5Constants[round] &+ value
        (a, d, c) = (d, c, b)
        b = b &+ rotate(left: sum, shifts[round / 16 * 4 + round % 4])
      }
      state = [state[0] &+ a, state[1] &+ b, state[2] &+ c, state[3] &+ d]
    }
    return bytes(state.map(\.littleEndian))
  }

  private static func sha1(_ blocks: UnsafeRawBufferPointer) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
    var words = [UInt32](repeating: 0, count: 80)
    for block in stride(from: 0, to: blocks.count, by: 64) {
      for index in 0..<16 {
        words[index] = UInt32(bigEndian: blocks.loadUnaligned(fromByteOffset: block + 4 * index, as: UInt32.self))
      }
      for index in 16..<80 {
        words[index] = rotate(left: words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1)
      }
      var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
      for round in 0..<80 {
        let (mixed, constant): (UInt32, UInt32)
        switch round / 20 {
        case 0: (mixed, constant) = ((b & c) | (~b & d), 0x5A82_7999)
        case 1: (mixed, constant) = (b ^ c ^ d, 0x6ED9_EBA1)
        case 2: (mixed, constant) = ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
        default: (mixed, constant) = (b ^ c ^ d, 0xCA62_C1D6)
        }
        let sum = rotate(left: a, 5) &+ mixed &+ e &+ constant &+ words[round]
        (e, d, c, b, a) = (d, c, rotate(left: b, 30), a, sum)
      }
      state = [state[0] &+ a, state[1] &+ b, state[2] &+ c, state[3] &+ d, state[4] &+ e]
    }
    return bytes(state.map(\.bigEndian))
  }

  /// In C, which uses the processor's instructions where it has them: whole uploads pass through it.
  private static func sha256(_ prefix: [UInt8], _ message: UnsafeRawBufferPointer) -> [UInt8] {
    // The first 32 bits of SHA-512's constants and of its initial state are SHA-256's.
    var state = sha512State.map { UInt32(truncatingIfNeeded: $0 >> 32) }
    let whole = message.count & ~63
    var tail = Array(message[whole...])
    tail.append(0x80)
    while tail.count % 64 != 56 { tail.append(0) }
    withUnsafeBytes(of: (UInt64(prefix.count + message.count) &* 8).bigEndian) { tail += $0 }
    frazil_sha256(&state, prefix, prefix.count / 64, sha256Constants)
    frazil_sha256(&state, message.baseAddress, whole / 64, sha256Constants)
    frazil_sha256(&state, tail, tail.count / 64, sha256Constants)
    return bytes(state.map(\.bigEndian))
  }

  private static func sha512(_ blocks: UnsafeRawBufferPointer) -> [UInt8] {
    var state = sha512State
    var words = [UInt64](repeating: 0, count: 80)
    for block in stride(from: 0, to: blocks.count, by: 128) {
      for index in 0..<16 {
        words[index] = UInt64(bigEndian: blocks.loadUnaligned(fromByteOffset: block + 8 * index, as: UInt64.self))
      }
      for index in 16..<80 {
        let (x, y) = (words[index - 15], words[index - 2])
        let first = rotate(right: x, 1) ^ rotate(right: x, 8) ^ (x &>> 7)
        let second = rotate(right: y, 19) ^ rotate(right: y, 61) ^ (y &>> 6)
        words[index] = words[index - 16] &+ first &+ words[index - 7] &+ second
      }
      var v = state
      for round in 0..<80 {
        let (e, a) = (v[4], v[0])
        let sigma1 = rotate(right: e, 14) ^ rotate(right: e, 18) ^ rotate(right: e, 41)
        let choice = (e & v[5]) ^ (~e & v[6])
        let first = v[7] &+ sigma1 &+ choice &+ sha512Constants[round] &+ words[round]
        let sigma0 = rotate(right: a, 28) ^ rotate(right: a, 34) ^ rotate(right: a, 39)
        let majority = (a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2])
        // Moved in place: a new array per round would be most of the work.
        v[7] = v[6]
        v[6] = v[5]
        v[5] = e
        v[4] = v[3] &+ first
        v[3] = v[2]
        v[2] = v[1]
        v[1] = a
        v[0] = first &+ sigma0 &+ majority
      }
      for index in 0..<8 { state[index] = state[index] &+ v[index] }
    }
    return bytes(state.map(\.bigEndian))
  }

  /// floor(2^32 * |sin(i + 1)|)
  private static let md5Constants: [UInt32] = (0..<64).map { index in
    UInt32(truncatingIfNeeded: Int64((4_294_967_296 * abs(Glibc.sin(Double(index + 1)))).rounded(.down)))
  }

  /// Fraction bits of the square roots of the first 8 primes.
  private static let sha512State: [UInt64] = primes.prefix(8).map { fraction(of: $0, root: 2) }
  /// Fraction bits of the cube roots of the first 80 primes.
  private static let sha512Constants: [UInt64] = primes.map { fraction(of: $0, root: 3) }

  private static let sha256Constants: [UInt32] = sha512Constants.prefix(64).map { UInt32(truncatingIfNeeded: $0 >> 32) }

  private static let primes: [UInt64] = {
    var found: [UInt64] = []
    var candidate: UInt64 = 2
    while found.count < 80 {
      if !found.contains(where: { candidate % $0 == 0 }) { found.append(candidate) }
      candidate += 1
    }
    return found
  }()

  /// The 64 bits behind the point of a number's square or cube root, by bisection in whole numbers.
  private static func fraction(of prime: UInt64, root: Int) -> UInt64 {
    // The largest x with x^root <= prime * 2^(64 * root).
    var low = WideNumber(0)
    for bit in (0..<69).reversed() {
      let candidate = low.setting(bit: bit)
      if candidate.power(root) <= WideNumber(prime).shifted(left: 64 * root) { low = candidate }
    }
    return low.words[0] | low.words[1] << 32
  }
}

/// A natural number of up to 320 bits, in words of 32; only for computing constants.
private struct WideNumber {
  var words: [UInt64]

  init(_ value: UInt64) { words = [value & 0xFFFF_FFFF, value >> 32] + Array(repeating: 0, count: 8) }

  func setting(bit: Int) -> WideNumber {
    var copy = self
    copy.words[bit / 32] |= 1 << UInt64(bit % 32)
    return copy
  }

  func shifted(left bits: Int) -> WideNumber {
    var copy = WideNumber(0)
    for index in words.indices where index + bits / 32 < words.count { copy.words[index + bits / 32] = words[index] }
    return copy
  }

  func multiplied(by other: WideNumber) -> WideNumber {
    var product = WideNumber(0)
    for i in words.indices where words[i] != 0 {
      var carry: UInt64 = 0
      for j in 0..<(words.count - i) {
        let sum = product.words[i + j] + words[i] * other.words[j] + carry
        product.words[i + j] = sum & 0xFFFF_FFFF
        carry = sum >> 32
      }
    }
    return product
  }

  func power(_ exponent: Int) -> WideNumber { (1..<exponent).reduce(self) { power, _ in power.multiplied(by: self) } }

  static func <= (left: WideNumber, right: WideNumber) -> Bool {
    for index in left.words.indices.reversed() where left.words[index] != right.words[index] {
      return left.words[index] < right.words[index]
    }
    return true
  }
}
