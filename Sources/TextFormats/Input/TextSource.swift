package import Columnar
package import Compression
package import Storage

/// A text file and how to get its bytes: the compression is told by the extension, unless the caller knows better.
package struct TextSource: Sendable {
  package let location: Location
  private let object: ReadersAhead.Object
  private let readers: ReadersAhead
  private let compression: FileCompression
  private var looksOnly = false

  /// - Parameters:
  ///   - size: of the stored object, when known.
  ///   - compression: of the file; nil is told by its name.
  package init(
    _ store: any ObjectStore, _ location: Location, size: Int? = nil, stability: ObjectStability = .mayChange, compression: FileCompression? = nil
  ) {
    self.location = location
    object = ReadersAhead.Object(location, size: size, stability)
    readers = ReadersAhead(store)
    self.compression = compression ?? FileCompression(fileName: location.name)
  }

  /// A file that was listed.
  package init(_ store: any ObjectStore, _ info: ObjectInfo, compression: FileCompression? = nil) {
    self.init(store, info.location, size: info.size, stability: .inState(info.version), compression: compression)
  }

  /// The same file for those who look at its start before it is read: from far away the bytes come once for both.
  package var lookedAt: TextSource {
    var source = self
    source.looksOnly = true
    return source
  }

  /// See `ObjectStore.isRemote`.
  package var isRemote: Bool { readers.store.isRemote(location) }

  /// Begins to read a part of the file, when it is far away; `open` from the same start on finds it.
  package func announce(_ range: Range<Int>) { readers.announce(object, range) }

  /// Whether a part can be read by itself.
  package var isSplittable: Bool { compression == .none }

  /// Begins to read the starts of the files behind one that is about to be looked at, when they are far away.
  package static func announceStarts(of sources: [TextSource], behind index: Int) {
    guard sources[index].isRemote, index % lookAhead == 0 else { return }
    for source in sources[index..<min(sources.count, index + 2 * lookAhead)] { source.announce(0..<startByteCount) }
  }

  /// Files whose starts are on their way, and what is asked for of each: about what samples take.
  private static let lookAhead = 16
  private static let startByteCount = 1 << 20

  /// The decompressed bytes from `start` on (which must be 0 for compressed files).
  ///
  /// - Parameters:
  ///   - readAheadEnd: what follows is probably not wanted.
  ///   - cancellation: of the statement that reads.
  package func open(from start: Int = 0, readAheadEnd: Int = .max, _ cancellation: Cancellation) throws -> any ByteStream {
    let compression = self.compression
    guard compression != .bzip2, compression != .xz else {
      throw TextFormatError(
        .notSupported, "files compressed with \(compression.rawValue) cannot be read; unpack them, or compress them with gzip or zstd",
        location: location)
    }
    let reader = looksOnly ? try readers.openToLook(object) : try readers.open(object, from: start)
    if compression == .none { return ObjectStream(reader, start..<max(start, reader.size), readAheadEnd: readAheadEnd, looksOnly: looksOnly) }
    guard start == 0 else {
      throw TextFormatError(.notSupported, "a compressed file can only be read from its start", location: location)
    }
    return ReadAheadStream(try DecompressedStream(ObjectStream(reader, looksOnly: looksOnly), compression, location), cancellation)
  }

  /// Line ends among the first bytes of an uncompressed file, as far as it can be read; for the line number of an error.
  func lineEnds(before end: Int) -> Int {
    guard compression == .none, let reader = try? readers.openToLook(object) else { return 0 }
    let stream = ObjectStream(reader, 0..<end, looksOnly: true)
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
