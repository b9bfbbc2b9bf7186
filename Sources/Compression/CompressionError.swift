/// Why bytes could not be compressed or decompressed.
package struct CompressionError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// The bytes are not what the codec writes, or a checksum does not match.
    case corrupt
    /// The compressed bytes end too early.
    case truncated
    /// The result does not fit where it should go: longer than announced, or beyond the allowed maximum.
    case outputTooSmall
    /// The codec is known by name only.
    case unsupported
    /// The library could not get memory.
    case outOfMemory
  }

  package var kind: Kind
  package var codec: Codec
  package var message: String
  /// Offset in the compressed bytes, where it is known.
  package var offset: Int?

  package init(_ kind: Kind, _ codec: Codec, _ message: String, at offset: Int? = nil) {
    self.kind = kind
    self.codec = codec
    self.message = message
    self.offset = offset
  }

  package var description: String {
    let place = offset.map { " (byte \($0) of the compressed data)" } ?? ""
    return "\(codec.rawValue): \(message)\(place)"
  }

  static func unsupported(_ codec: Codec) -> CompressionError {
    CompressionError(.unsupported, codec, "compression \(codec.rawValue) is not supported")
  }

  static func tooSmall(_ codec: Codec, _ limit: Int) -> CompressionError {
    CompressionError(.outputTooSmall, codec, "the data decompress to more than the expected \(limit) bytes")
  }
}
