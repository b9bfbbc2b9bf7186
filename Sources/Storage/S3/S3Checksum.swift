import Compression

/// Checksums of S3: base64 of the big-endian value, in headers `x-amz-checksum-…`.
enum S3Checksum {
  /// The one sent along with uploads: what AWS's SDKs send, which every server that knows checksums understands.
  static func crc32(_ bytes: ByteSlice) -> String {
    base64(bigEndian(UInt64(bytes.withBytes { Checksum.crc32($0) }), byteCount: 4))
  }

  /// Compares a downloaded object with the checksum that came with it; nil when it brought none that says something about these bytes.
  ///
  /// A value with a dash is one over the checksums of parts.
  static func isRight(_ headers: HTTPHeaders, _ body: ByteSlice) -> Bool? {
    func stated(_ name: String) -> String? { headers["x-amz-checksum-" + name].flatMap { $0.contains("-") ? nil : $0 } }
    if headers["x-amz-checksum-type"]?.uppercased() == "COMPOSITE" { return nil }
    if let stated = stated("crc32") { return stated == crc32(body) }
    if let stated = stated("crc32c") { return stated == base64(bigEndian(UInt64(body.withBytes { Checksum.crc32c($0) }), byteCount: 4)) }
    if let stated = stated("crc64nvme") { return stated == base64(bigEndian(crc64(body), byteCount: 8)) }
    return nil
  }

  private static func bigEndian(_ value: UInt64, byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (byteCount - 1 - $0))) }
  }

  static func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var word: UInt32 = 0
      for index in 0..<3 { word = word << 8 | (index < group.count ? UInt32(group[start + index]) : 0) }
      for index in 0..<4 {
        text.append(index <= group.count ? digits[Int(word >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// CRC-64/NVME: polynomial 0xAD93D23594C93659, reflected, eight bytes per step.
  static func crc64(_ bytes: ByteSlice) -> UInt64 {
    bytes.withBytes { bytes in
      crc64Tables.withUnsafeBufferPointer { tables in
        var crc = ~UInt64(0)
        var at = 0
        while at + 8 <= bytes.count {
          let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian ^ crc
          var next: UInt64 = 0
          for index in 0..<8 { next ^= tables[(7 - index) * 256 + Int(word >> UInt64(8 * index) & 0xFF)] }
          crc = next
          at += 8
        }
        while at < bytes.count {
          crc = tables[Int((crc ^ UInt64(bytes[at])) & 0xFF)] ^ (crc >> 8)
          at += 1
        }
        return ~crc
      }
    }
  }

  private static let crc64Tables: [UInt64] = {
    var tables = [UInt64](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var crc = UInt64(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x9A6C_9329_AC4B_C9B5 : crc >> 1 }
      tables[byte] = crc
    }
    for table in 1..<8 {
      for byte in 0..<256 {
        let crc = tables[(table - 1) * 256 + byte]
        tables[table * 256 + byte] = tables[Int(crc & 0xFF)] ^ (crc >> 8)
      }
    }
    return tables
  }()
}
