import Compression
package import Storage

/// Where a text writer's bytes go: an object, compressed on the way. Used by one thread.
package final class TextSink {
  private let writer: any ObjectWriter
  private let location: Location
  private let compressor: StreamCompressor?

  /// - Parameters:
  ///   - compression: `none`, `gzip`, `zstd`, `snappy` or `lz4`, in any case; nothing else is known.
  ///   - level: of zstd or gzip.
  package init(
    _ store: any ObjectStore, _ location: Location, compression: String = "none", level: Int? = nil,
    if condition: PutCondition = .ifAbsent, _ durability: Durability = .synced
  ) throws {
    self.location = location
    let kind = try Self.compression(compression)
    do {
      compressor = kind == .none ? nil : try StreamCompressor(kind, level: level)
    } catch {
      throw TextFormatError(.badOption, "\(error)", location: location)
    }
    writer = try store.openWriter(location, if: condition, durability)
  }

  /// The extension files of a compression end in, with its dot; empty for none.
  package static func fileExtension(compression: String) throws(TextFormatError) -> String {
    try Self.compression(compression).fileExtension
  }

  private static func compression(_ name: String) throws(TextFormatError) -> FileCompression {
    let lower = name.lowercased()
    if lower == "uncompressed" || lower.isEmpty { return .none }
    guard let kind = FileCompression(rawValue: lower), kind != .bzip2, kind != .xz, kind != .deflate else {
      throw TextFormatError(.badOption, "text files cannot be written with compression '\(name)'; use gzip, zstd, snappy, lz4 or none")
    }
    return kind
  }

  /// Bytes in the object so far (compressed).
  package var byteCount: Int { writer.byteCount }

  package func write(_ bytes: [UInt8]) throws {
    guard let compressor else { return try writer.append(bytes) }
    try writer.append(bytes.withUnsafeBytes { bytes throws in try compressor.compress(bytes) })
  }

  /// Ends the object and makes it visible.
  package func finish() throws {
    if let compressor { try writer.append(compressor.finish()) }
    _ = try writer.finish()
  }

  /// Leaves nothing behind.
  package func abort() { writer.abort() }
}
