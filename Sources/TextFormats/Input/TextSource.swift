package import Compression
package import Storage

/// A text file and how to get its bytes: the compression is told by the extension, unless the caller knows better.
package struct TextSource: Sendable {
  package let location: Location
  private let store: any ObjectStore
  /// Size of the stored object, when known.
  private let size: Int?
  private let compression: FileCompression

  /// - Parameter compression: of the file; nil is told by its name.
  package init(_ store: any ObjectStore, _ location: Location, size: Int? = nil, compression: FileCompression? = nil) {
    self.store = store
    self.location = location
    self.size = size
    self.compression = compression ?? FileCompression(fileName: location.name)
  }

  /// Whether a part can be read by itself.
  package var isSplittable: Bool { compression == .none }

  /// The decompressed bytes from `start` on (which must be 0 for compressed files).
  package func open(from start: Int = 0) throws -> any ByteStream {
    let compression = self.compression
    guard compression != .bzip2, compression != .xz else {
      throw TextFormatError(
        .notSupported, "files compressed with \(compression.rawValue) cannot be read; unpack them, or compress them with gzip or zstd",
        location: location)
    }
    let reader = try store.openReader(location, size: size)
    if compression == .none { return ObjectStream(reader, start..<max(start, reader.size)) }
    guard start == 0 else {
      throw TextFormatError(.notSupported, "a compressed file can only be read from its start", location: location)
    }
    return ReadAheadStream(try DecompressedStream(ObjectStream(reader), compression, location))
  }

  /// Line ends among the first bytes of an uncompressed file, as far as it can be read; for the line number of an error.
  func lineEnds(before end: Int) -> Int {
    guard compression == .none, let reader = try? store.openReader(location, size: size) else { return 0 }
    let stream = ObjectStream(reader, 0..<end)
    let piece = ByteBuffer(byteCount: 1 << 18)
    var total = 0
    while let count = try? stream.read(into: piece.mutableBytes), count > 0 {
      total += UnsafeRawBufferPointer(start: piece.start, count: count).count { $0 == 0x0A }
    }
    return total
  }
}

/// What a compressed stream holds.
final class DecompressedStream: ByteStream {
  var bytesRead: Int { source.bytesRead }
  private let source: ObjectStream
  private let decompressor: StreamDecompressor
  private let location: Location
  private let piece = ByteBuffer(byteCount: 1 << 18)
  /// The part of `piece` that is not used up.
  private var rest = UnsafeRawBufferPointer(start: nil, count: 0)
  private var sourceIsAtEnd = false

  init(_ source: ObjectStream, _ compression: FileCompression, _ location: Location) throws {
    self.source = source
    self.location = location
    decompressor = try StreamDecompressor(compression)
  }

  func read(into destination: UnsafeMutableRawBufferPointer) throws -> Int {
    var total = 0
    while total < destination.count {
      let room = UnsafeMutableRawBufferPointer(rebasing: destination[total...])
      let written = try decompress(into: room)
      total += written
      if written == room.count { break }
      if sourceIsAtEnd {
        if total == 0 { try finish() }
        break
      }
      let got = try source.read(into: piece.mutableBytes)
      if got == 0 { sourceIsAtEnd = true }
      rest = UnsafeRawBufferPointer(start: piece.start, count: got)
    }
    return total
  }

  private func decompress(into room: UnsafeMutableRawBufferPointer) throws(TextFormatError) -> Int {
    do throws(CompressionError) { return try decompressor.decompress(&rest, into: room) } catch { throw wrapped(error) }
  }

  private func finish() throws(TextFormatError) {
    do throws(CompressionError) { try decompressor.finish() } catch { throw wrapped(error) }
  }

  private func wrapped(_ error: CompressionError) -> TextFormatError {
    TextFormatError(.badData, "\(error)", location: location)
  }
}
