import Synchronization

/// Where the ids of one write come from: snapshot ids, the UUIDs in file names, Avro sync markers.
///
/// Without a seed they come from the system. With one they follow from the seed and from what the write starts from (`scope`: the
/// table and its current metadata file), so that two runs of a script write the same bytes while the statements of one script, which
/// start from different states, never give the same id.
package final class IDSource: Sendable {
  /// State of a SplitMix64 generator; nil draws from the system.
  private let state: Mutex<UInt64?>

  package init(seed: UInt64?, scope: [String]) {
    guard let seed else {
      state = Mutex(nil)
      return
    }
    // FNV-1a over the scope, a zero byte after each part; then the seed, spread over all bits.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for part in scope {
      for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      hash = hash &* 0x100_0000_01B3
    }
    state = Mutex(Self.mixed(hash) ^ Self.mixed(seed &+ 0x9E37_79B9_7F4A_7C15))
  }

  package func next() -> UInt64 {
    state.withLock { state in
      guard var current = state else { return UInt64.random(in: 0 ... .max) }
      current &+= 0x9E37_79B9_7F4A_7C15
      state = current
      return Self.mixed(current)
    }
  }

  /// Whether names made from these ids cannot be anybody else's: true unless a seed makes them repeat.
  package var isUnique: Bool { state.withLock { $0 == nil } }

  private static func mixed(_ word: UInt64) -> UInt64 {
    var word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }

  /// A random (version 4) UUID in lower case.
  package func uuid() -> String {
    let high = next() & ~0xF000 | 0x4000
    let low = next() & ~(0b11 << 62) | 0b10 << 62
    var text = ""
    for (index, byte) in (Self.bytes(high) + Self.bytes(low)).enumerated() {
      if [4, 6, 8, 10].contains(index) { text += "-" }
      text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return text
  }

  /// Positive, as Java's.
  package func snapshotID() -> Int64 { max(1, Int64(bitPattern: next() & ~(1 << 63))) }

  package func syncMarker() -> (UInt64, UInt64) { (next(), next()) }

  private static func bytes(_ word: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } }
}
