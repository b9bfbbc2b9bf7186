import Columnar
import Digests
import Glibc

extension FunctionLibrary {
  static let binaryFunctions: [ScalarDefinition] = hashes + encodings + numberBytes

  // MARK: Hashes

  private static let hashes: [ScalarDefinition] =
    [("md5", MessageDigest.md5), ("sha1", .sha1), ("sha256", .sha256), ("sha512", .sha512)].flatMap { name, digest in
      [
        textUnary(name, "The \(name.uppercased()) hash of bytes.", returns: .type(.varbinary)) {
          (bytes: Binary, out: inout TextColumnBuilder) throws(KernelError) in
          digest.hash(bytes.bytes).withUnsafeBytes { out.bytes.append($0) }
        },
        textBinary("hmac_\(name)", "The keyed \(name.uppercased()) hash of bytes: (bytes, key).", returns: .type(.varbinary)) {
          (bytes: Binary, key: Binary, out: inout TextColumnBuilder) throws(KernelError) in
          digest.authenticate(bytes.bytes, key: key.bytes).withUnsafeBytes { out.bytes.append($0) }
        },
      ]
    } + [
      unary("crc32", "The CRC-32 checksum of bytes.") { (bytes: Binary) -> Int64 in Int64(CRC32.checksum(bytes.bytes)) },
      textUnary("xxhash64", "The xxHash64 of bytes, 8 bytes.", returns: .type(.varbinary)) {
        (bytes: Binary, out: inout TextColumnBuilder) throws(KernelError) in out.bytes.append(bigEndian: XXHash64.hash(bytes.bytes))
      },
      textUnary("murmur3", "The 128-bit MurmurHash3 of bytes, 16 bytes.", returns: .type(.varbinary)) {
        (bytes: Binary, out: inout TextColumnBuilder) throws(KernelError) in
        let (first, second) = Murmur3Hash128.hash(bytes.bytes)
        out.bytes.append(bigEndian: first.byteSwapped)
        out.bytes.append(bigEndian: second.byteSwapped)
      },
      textUnary("spooky_hash_v2_64", "The SpookyHash of bytes, 8 bytes.", returns: .type(.varbinary)) {
        (bytes: Binary, out: inout TextColumnBuilder) throws(KernelError) in out.bytes.append(bigEndian: SpookyHash.hash(bytes.bytes))
      },
      textUnary("spooky_hash_v2_32", "The low half of the SpookyHash of bytes, 4 bytes.", returns: .type(.varbinary)) {
        (bytes: Binary, out: inout TextColumnBuilder) throws(KernelError) in
        out.bytes.append(bigEndian: UInt32(truncatingIfNeeded: SpookyHash.hash(bytes.bytes)))
      },
    ]

  // MARK: Texts

  private static let encodings: [ScalarDefinition] = [
    textUnary("to_hex", aliases: ["hex"], "Bytes as upper-case hex digits.") {
      (bytes: Binary, out: inout TextColumnBuilder) throws(KernelError) in
      for byte in bytes.bytes { out.bytes.append(hex: byte, isUpper: true) }
    },
    textUnary("from_hex", aliases: ["unhex"], "The bytes of hex digits.", returns: .type(.varbinary)) {
      (text: Text, out: inout TextColumnBuilder) throws(KernelError) in try appendHex(text.bytes, to: &out.bytes)
    },
    textUnary("from_hex", "The bytes of hex digits.", returns: .type(.varbinary)) {
      (text: Binary, out: inout TextColumnBuilder) throws(KernelError) in try appendHex(text.bytes, to: &out.bytes)
    },
    textUnary("to_base64", "Bytes in Base64.") { (bytes: Binary, out: inout TextColumnBuilder) throws(KernelError) in
      Radix64.standard.encode(bytes.bytes, to: &out.bytes)
    },
    textUnary("to_base64url", "Bytes in Base64 with the URL-safe alphabet.") {
      (bytes: Binary, out: inout TextColumnBuilder) throws(KernelError) in Radix64.urlSafe.encode(bytes.bytes, to: &out.bytes)
    },
    textUnary("to_base32", "Bytes in Base32.") { (bytes: Binary, out: inout TextColumnBuilder) throws(KernelError) in
      Radix32.encode(bytes.bytes, to: &out.bytes)
    },
  ] + decoders("from_base64", "The bytes of a Base64 text.") { (bytes, out) throws(KernelError) in
    try Radix64.standard.decode(bytes, to: &out)
  } + decoders("from_base64url", "The bytes of a Base64 text with the URL-safe alphabet.") { (bytes, out) throws(KernelError) in
    try Radix64.urlSafe.decode(bytes, to: &out)
  } + decoders("from_base32", "The bytes of a Base32 text.") { (bytes, out) throws(KernelError) in
    try Radix32.decode(bytes, to: &out)
  }

  private static func decoders(
    _ name: String, _ description: String,
    _ body: @escaping @Sendable (UnsafeRawBufferPointer, inout TextBuffer) throws(KernelError) -> Void
  ) -> [ScalarDefinition] {
    [
      textUnary(name, description, returns: .type(.varbinary)) {
        (text: Text, out: inout TextColumnBuilder) throws(KernelError) in try body(text.bytes, &out.bytes)
      },
      textUnary(name, description, returns: .type(.varbinary)) {
        (text: Binary, out: inout TextColumnBuilder) throws(KernelError) in try body(text.bytes, &out.bytes)
      },
    ]
  }

  private static func appendHex(_ text: UnsafeRawBufferPointer, to out: inout TextBuffer) throws(KernelError) {
    guard text.count % 2 == 0 else { throw .invalidArgument("Invalid input length \(text.count)") }
    for index in stride(from: 0, to: text.count, by: 2) {
      guard let high = IdentifierParser.hexDigit(text[index]), let low = IdentifierParser.hexDigit(text[index + 1]) else {
        throw .invalidArgument("Invalid hex character: \(String(decoding: slice(text, index, index + 2), as: UTF8.self))")
      }
      out.append(high << 4 | low)
    }
  }

  // MARK: Numbers as bytes

  private static let numberBytes: [ScalarDefinition] = [
    textUnary("to_big_endian_64", "A bigint as 8 bytes, the most significant first.", returns: .type(.varbinary)) {
      (x: Int64, out: inout TextColumnBuilder) throws(KernelError) in out.bytes.append(bigEndian: UInt64(bitPattern: x))
    },
    textUnary("to_big_endian_32", "An integer as 4 bytes, the most significant first.", returns: .type(.varbinary)) {
      (x: Int32, out: inout TextColumnBuilder) throws(KernelError) in out.bytes.append(bigEndian: UInt32(bitPattern: x))
    },
    checkedUnary("from_big_endian_64", "The bigint of 8 bytes.") { (bytes: Binary) throws(KernelError) -> Int64 in
      guard bytes.bytes.count == 8 else {
        throw .invalidArgument("expected 8-byte input, but got instead: \(bytes.bytes.count)")
      }
      return Int64(bigEndian: bytes.bytes.loadUnaligned(as: Int64.self))
    },
    checkedUnary("from_big_endian_32", "The integer of 4 bytes.") { (bytes: Binary) throws(KernelError) -> Int32 in
      guard bytes.bytes.count == 4 else {
        throw .invalidArgument("expected 4-byte input, but got instead: \(bytes.bytes.count)")
      }
      return Int32(bigEndian: bytes.bytes.loadUnaligned(as: Int32.self))
    },
    textUnary("to_ieee754_64", "A double as 8 bytes.", returns: .type(.varbinary)) {
      (x: Double, out: inout TextColumnBuilder) throws(KernelError) in out.bytes.append(bigEndian: x.bitPattern)
    },
    textUnary("to_ieee754_32", "A real as 4 bytes.", returns: .type(.varbinary)) {
      (x: Float, out: inout TextColumnBuilder) throws(KernelError) in out.bytes.append(bigEndian: x.bitPattern)
    },
    checkedUnary("from_ieee754_64", "The double of 8 bytes.") { (bytes: Binary) throws(KernelError) -> Double in
      guard bytes.bytes.count == 8 else { throw .invalidArgument("Input floating-point value must be exactly 8 bytes long") }
      return Double(bitPattern: UInt64(bigEndian: bytes.bytes.loadUnaligned(as: UInt64.self)))
    },
    checkedUnary("from_ieee754_32", "The real of 4 bytes.") { (bytes: Binary) throws(KernelError) -> Float in
      guard bytes.bytes.count == 4 else { throw .invalidArgument("Input floating-point value must be exactly 4 bytes long") }
      return Float(bitPattern: UInt32(bigEndian: bytes.bytes.loadUnaligned(as: UInt32.self)))
    },
    padding("lpad", "Bytes filled up on the left, or cut, to a length.", isLeft: true),
    padding("rpad", "Bytes filled up on the right, or cut, to a length.", isLeft: false),
  ]

  private static func padding(_ name: String, _ description: String, isLeft: Bool) -> ScalarDefinition {
    textTernary(name, description, returns: .type(.varbinary)) {
      (bytes: Binary, size: Int64, filler: Binary, out: inout TextColumnBuilder) throws(KernelError) in
      guard size >= 0, size <= Int64(Int32.max) else {
        throw .invalidArgument("Target length must be in the range [0..\(Int32.max)]")
      }
      guard filler.bytes.count > 0 else { throw .invalidArgument("Padding bytes must not be empty") }
      if bytes.bytes.count >= Int(size) { return out.bytes.append(slice(bytes.bytes, 0, Int(size))) }
      let missing = Int(size) - bytes.bytes.count
      guard missing <= 1 << 26 else { throw .invalidArgument("Padded bytes are too many: \(size)") }
      if !isLeft { out.bytes.append(bytes.bytes) }
      for index in 0..<missing { out.bytes.append(filler.bytes[index % filler.bytes.count]) }
      if isLeft { out.bytes.append(bytes.bytes) }
    }
  }
}

extension TextBuffer {
  mutating func append<Word: FixedWidthInteger>(bigEndian word: Word) {
    withUnsafeBytes(of: word.bigEndian) { append($0) }
  }
}

/// - Source: RFC 1952 section 8.
private enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
  }

  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var value: UInt32 = 0xFFFF_FFFF
    for byte in bytes { value = value >> 8 ^ table[Int((value ^ UInt32(byte)) & 0xFF)] }
    return value ^ 0xFFFF_FFFF
  }
}

/// - Source: RFC 4648 sections 4 and 5.
private struct Radix64: Sendable {
  private let alphabet: [UInt8]
  private let values: [UInt8]

  static let standard = Radix64("+/")
  static let urlSafe = Radix64("-_")

  private init(_ last: String) {
    alphabet = Array(("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + last).utf8)
    var values = [UInt8](repeating: 0xFF, count: 256)
    for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
    self.values = values
  }

  func encode(_ bytes: UnsafeRawBufferPointer, to out: inout TextBuffer) {
    var index = 0
    while index < bytes.count {
      let size = min(3, bytes.count - index)
      var group = UInt32(bytes[index]) << 16
      if size > 1 { group |= UInt32(bytes[index + 1]) << 8 }
      if size > 2 { group |= UInt32(bytes[index + 2]) }
      for place in 0..<4 {
        out.append(place <= size ? alphabet[Int(group >> UInt32(18 - 6 * place) & 63)] : UInt8(ascii: "="))
      }
      index += 3
    }
  }

  /// Padding may be left out.
  func decode(_ text: UnsafeRawBufferPointer, to out: inout TextBuffer) throws(KernelError) {
    var end = text.count
    while end > 0, text.count - end < 2, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
    guard end % 4 != 1, end == text.count || text.count % 4 == 0 else {
      throw .invalidArgument("Input byte array has wrong 4-byte ending unit")
    }
    var group: UInt32 = 0
    for index in 0..<end {
      let value = values[Int(text[index])]
      guard value != 0xFF else { throw .invalidArgument("Illegal base64 character \(String(text[index], radix: 16))") }
      group = group << 6 | UInt32(value)
      if index % 4 == 3 {
        for shift in [16, 8, 0] as [UInt32] { out.append(UInt8(truncatingIfNeeded: group >> shift)) }
        group = 0
      }
    }
    switch end % 4 {
    case 2: out.append(UInt8(truncatingIfNeeded: group >> 4))
    case 3:
      out.append(UInt8(truncatingIfNeeded: group >> 10))
      out.append(UInt8(truncatingIfNeeded: group >> 2))
    default: break
    }
  }
}

/// - Source: RFC 4648 section 6.
private enum Radix32 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

  static func encode(_ bytes: UnsafeRawBufferPointer, to out: inout TextBuffer) {
    var bits: UInt64 = 0
    var held = 0
    var written = 0
    for byte in bytes {
      bits = bits << 8 | UInt64(byte)
      held += 8
      while held >= 5 {
        held -= 5
        out.append(alphabet[Int(bits >> UInt64(held) & 31)])
        written += 1
      }
    }
    if held > 0 {
      out.append(alphabet[Int(bits << UInt64(5 - held) & 31)])
      written += 1
    }
    while written % 8 != 0 {
      out.append(UInt8(ascii: "="))
      written += 1
    }
  }

  static func decode(_ text: UnsafeRawBufferPointer, to out: inout TextBuffer) throws(KernelError) {
    var bits: UInt64 = 0
    var held = 0
    var end = text.count
    while end > 0, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
    for index in 0..<end {
      guard let value = alphabet.firstIndex(of: text[index] & (text[index] >= 0x61 ? 0xDF : 0xFF)) else {
        throw .invalidArgument("Invalid input: unrecognized character: \(Character(Unicode.Scalar(text[index])))")
      }
      bits = bits << 5 | UInt64(value)
      held += 5
      if held >= 8 {
        held -= 8
        out.append(UInt8(truncatingIfNeeded: bits >> UInt64(held)))
      }
    }
  }
}
