import Synchronization

/// A remote object that does not change, read through a `DiskCache` in pieces of 1 MiB: what is there is read from disk, the rest asked for
/// and kept.
package final class CachedReader: SynchronousReader {
  private let inner: any SynchronousReader
  private let cache: DiskCache
  private let identity: DiskCache.Identity
  /// The state the object must be in for its bytes to be kept; nil keeps whatever an immutable object holds.
  private let state: ObjectVersion?
  /// The ETag that pieces on disk were read with.
  private let cachedVersion = Mutex<String?>(nil)

  private static let pieceSize = 1 << 20

  /// - Parameters:
  ///   - inner: opened with its size known.
  ///   - identity: of the object, with that size and `state`.
  package init(_ inner: any SynchronousReader, _ cache: DiskCache, _ identity: DiskCache.Identity, state: ObjectVersion?) {
    self.inner = inner
    self.cache = cache
    self.state = state
    self.identity = identity
  }

  package var location: Location { inner.location }
  package var size: Int { inner.size }
  package var stateRead: ObjectVersion? { inner.stateRead }
  package var readsAheadByItself: Bool { inner.readsAheadByItself }
  package var coalesceGap: Int { inner.coalesceGap }
  package var isRemote: Bool { true }

  package func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    try fill(destination, from: offset)
    StorageTraffic.current?.note(bytesUsed: destination.count)
  }

  package func look(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    try fill(destination, from: offset)
  }

  private func fill(_ destination: UnsafeMutableRawBufferPointer, from offset: Int) throws(StorageError) {
    let (end, overflow) = offset.addingReportingOverflow(destination.count)
    guard offset >= 0, !overflow, end <= size else { throw outOfBounds(offset..<max(offset, overflow ? offset : end)) }
    var position = offset
    while position < end {
      let piece = position / Self.pieceSize
      let pieceEnd = min(size, (piece + 1) * Self.pieceSize)
      let target = UnsafeMutableRawBufferPointer(rebasing: destination[position - offset..<min(end, pieceEnd) - offset])
      if try readCached(piece, at: position - piece * Self.pieceSize, into: target) {
        position += target.count
        continue
      }
      // Pieces that are missing side by side are asked for together.
      var last = piece + 1
      while last * Self.pieceSize < end, !cache.contains(identity, last) { last += 1 }
      position = try readMissing(piece..<last, from: position, to: end, into: destination, at: offset)
    }
  }

  /// Reads from a piece on disk; false when it is not there, or not what was written.
  private func readCached(_ piece: Int, at offset: Int, into target: UnsafeMutableRawBufferPointer) throws(StorageError) -> Bool {
    guard let file = cache.open(identity, piece) else { return false }
    guard file.byteCount == min(size, (piece + 1) * Self.pieceSize) - piece * Self.pieceSize, file.read(at: offset, into: target) else {
      cache.remove(identity, piece)
      return false
    }
    let known = cachedVersion.withLock { version in
      version = version ?? file.version
      return version
    }
    // Of two states on disk neither is to be trusted.
    guard known == file.version, inner.stateRead.map({ $0.text == file.version }) ?? true else {
      cache.remove(identity, piece)
      return false
    }
    return true
  }

  /// Reads pieces from the object, keeps them, and hands out what is wanted of them; says up to where.
  private func readMissing(
    _ pieces: Range<Int>, from position: Int, to end: Int, into destination: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(StorageError) -> Int {
    let range = pieces.lowerBound * Self.pieceSize..<min(size, pieces.upperBound * Self.pieceSize)
    let buffer = ByteBuffer(byteCount: range.count)
    // What is read along for the cache is asked for, not used, and nobody comes for it again: it goes.
    try inner.read(at: range.lowerBound, into: buffer.mutableBytes)
    StorageTraffic.current?.note(bytesUsed: -range.count)
    let bytes = buffer.slice()
    let wanted = position..<min(end, range.upperBound)
    let version = inner.stateRead
    if let cached = cachedVersion.withLock({ $0 }), let version, cached != version.text {
      for piece in 0..<(size + Self.pieceSize - 1) / Self.pieceSize { cache.remove(identity, piece) }
      throw StorageError(.corrupt, location, "the object was replaced after it went into the cache \(cache.folder)")
    }
    bytes.withBytes { bytes in
      if state == nil || version == state {
        for piece in pieces {
          let start = piece * Self.pieceSize - range.lowerBound
          let content = UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + Self.pieceSize)])
          cache.store(identity, piece, version: version, content)
        }
      }
      UnsafeMutableRawBufferPointer(rebasing: destination[wanted.lowerBound - offset..<wanted.upperBound - offset]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[wanted.lowerBound - range.lowerBound..<wanted.upperBound - range.lowerBound]))
    }
    return wanted.upperBound
  }

  package func willNeed(_ range: Range<Int>) {
    let wanted = pieces(of: range)
    var first = wanted.lowerBound
    while first < wanted.upperBound {
      guard !cache.contains(identity, first) else {
        first += 1
        continue
      }
      var last = first + 1
      while last < wanted.upperBound, !cache.contains(identity, last) { last += 1 }
      inner.willNeed(first * Self.pieceSize..<min(size, last * Self.pieceSize))
      first = last
    }
  }

  package func release(_ range: Range<Int>) {
    let pieces = pieces(of: range)
    inner.release(pieces.lowerBound * Self.pieceSize..<min(size, pieces.upperBound * Self.pieceSize))
  }

  private func pieces(of range: Range<Int>) -> Range<Int> {
    let range = range.clamped(to: 0..<size)
    return range.lowerBound / Self.pieceSize..<(range.upperBound + Self.pieceSize - 1) / Self.pieceSize
  }
}
