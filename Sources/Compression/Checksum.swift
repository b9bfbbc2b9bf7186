import CZlib

/// Cyclic redundancy checks.
package enum Checksum {
  /// CRC-32 of gzip, Avro's snappy blocks and deletion vectors (polynomial 0x04C11DB7, reflected).
  ///
  /// - Parameter seed: the checksum of the bytes before, to go on with.
  package static func crc32(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return seed }
    return UInt32(truncatingIfNeeded: crc32_z(UInt(seed), base.assumingMemoryBound(to: UInt8.self), bytes.count))
  }

  package static func crc32(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { crc32($0) } }

  /// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected), eight bytes per step.
  package static func crc32c(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    var crc = ~seed
    castagnoliTables.withUnsafeBufferPointer { tables in
      var at = 0
      while at &+ 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian ^ UInt64(crc)
        var next: UInt32 = 0
        for lane in 0..<8 { next ^= tables[(7 - lane) * 256 + Int(truncatingIfNeeded: (word >> (8 * UInt64(lane))) & 0xFF)] }
        crc = next
        at &+= 8
      }
      while at < bytes.count {
        crc = tables[Int((crc ^ UInt32(bytes[at])) & 0xFF)] ^ (crc >> 8)
        at &+= 1
      }
    }
    return ~crc
  }

  package static func crc32c(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { crc32c($0) } }

  /// The form in which snappy's framing stores a CRC-32C (framing_format.txt, section 3).
  static func masked(_ crc: UInt32) -> UInt32 { ((crc >> 15) | (crc << 17)) &+ 0xA282_EAD8 }

  /// Table `k` at `256 * k` advances a byte that is followed by `k` further bytes.
  private static let castagnoliTables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
      tables[byte] = crc
    }
    for k in 1..<8 {
      for byte in 0..<256 {
        let crc = tables[(k - 1) * 256 + byte]
        tables[k * 256 + byte] = tables[Int(crc & 0xFF)] ^ (crc >> 8)
      }
    }
    return tables
  }()
}
