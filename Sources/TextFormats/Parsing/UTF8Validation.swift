/// Whether bytes are UTF-8. ASCII, which most files are, is told at the speed of memory.
enum UTF8Validation {
  /// The first byte that cannot stand where it stands; nil when there is none.
  static func firstError(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    let count = bytes.count
    var position = 0
    while true {
      position = firstNonASCII(base, from: position, count)
      guard position < count else { return nil }
      let length = sequenceLength(base + position, count &- position)
      guard length > 0 else { return position }
      position &+= length
    }
  }

  private static func firstNonASCII(_ base: UnsafePointer<UInt8>, from start: Int, _ count: Int) -> Int {
    let raw = UnsafeRawPointer(base)
    let high: UInt64 = 0x8080_8080_8080_8080
    var position = start
    while position &+ 64 <= count {
      var seen: UInt64 = 0
      for word in 0..<8 { seen |= raw.loadUnaligned(fromByteOffset: position &+ word &* 8, as: UInt64.self) }
      if seen & high != 0 { break }
      position &+= 64
    }
    while position < count, base[position] < 0x80 { position &+= 1 }
    return position
  }

  /// Bytes of the character at `base`; 0 when it is none. Unicode 15, table 3-7.
  private static func sequenceLength(_ base: UnsafePointer<UInt8>, _ available: Int) -> Int {
    func isTail(_ index: Int) -> Bool { base[index] & 0xC0 == 0x80 }
    switch base[0] {
    case 0x00...0x7F: return 1
    case 0xC2...0xDF: return available >= 2 && isTail(1) ? 2 : 0
    case 0xE0...0xEF:
      guard available >= 3, isTail(1), isTail(2) else { return 0 }
      if base[0] == 0xE0, base[1] < 0xA0 { return 0 }
      if base[0] == 0xED, base[1] > 0x9F { return 0 }
      return 3
    case 0xF0...0xF4:
      guard available >= 4, isTail(1), isTail(2), isTail(3) else { return 0 }
      if base[0] == 0xF0, base[1] < 0x90 { return 0 }
      if base[0] == 0xF4, base[1] > 0x8F { return 0 }
      return 4
    default: return 0
    }
  }
}
