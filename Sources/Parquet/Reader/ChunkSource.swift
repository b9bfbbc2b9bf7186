import Columnar
import Storage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The stored bytes of one column chunk.
///
/// Chunks of a local file are read window by window, so that a wide row group is never in memory as a whole (the kernel
/// reads ahead). Elsewhere requests are dear: there the bytes were fetched before, neighbouring chunks together.
final class ChunkSource {
  /// A stretch of the file in memory. The buffer has slack behind its end for overrunning loads.
  struct Segment {
    var fileOffset: Int
    var buffer: Buffer
    var bufferOffset = 0
    var count: Int

    var end: Int { fileOffset &+ count }
  }

  private let end: Int
  private var segments: [Segment]
  private let reader: (any SynchronousReader)?
  private let windowSize: Int
  /// Bytes from here on are read only when they are asked for.
  var readAheadEnd: Int
  /// What of the chunk is wanted, when that is not all: no window reaches from there into what is not.
  private let wanted: [Range<Int>]?
  /// Counts what is read here.
  private let progress: ProgressCounters?

  /// Bytes that are in memory already, ascending.
  init(segments: [Segment], end: Int) {
    self.segments = segments
    self.end = end
    reader = nil
    windowSize = 0
    readAheadEnd = end
    wanted = nil
    progress = nil
  }

  /// Bytes that are read when they are asked for.
  init(_ reader: any SynchronousReader, end: Int, windowSize: Int, within wanted: [Range<Int>]? = nil, progress: ProgressCounters?) {
    self.reader = reader
    self.wanted = wanted
    self.progress = progress
    self.end = end
    self.windowSize = windowSize
    readAheadEnd = end
    segments = []
  }

  /// Bytes from an offset to the end of the chunk, or of what has been fetched of it.
  func available(at fileOffset: Int) -> Int {
    if reader != nil { return max(0, end &- fileOffset) }
    guard let segment = segment(at: fileOffset) else { return 0 }
    return segment.end &- fileOffset
  }

  private func segment(at fileOffset: Int) -> Segment? {
    segments.first { fileOffset >= $0.fileOffset && fileOffset < $0.end }
  }

  /// The bytes from an offset on, at least `count` of them unless the chunk ends before.
  func bytes(at fileOffset: Int, atLeast count: Int) throws(ParquetError) -> (Buffer, UnsafeRawBufferPointer) {
    if let segment = segment(at: fileOffset) {
      let rest = segment.end &- fileOffset
      if reader == nil || rest >= count || segment.end == end { return view(segment, fileOffset) }
    }
    guard let reader, fileOffset >= 0, fileOffset < end else {
      throw .corrupt("a page is due behind the end of its column chunk", at: fileOffset)
    }
    let stretch = self.wanted?.first { $0.contains(fileOffset) }.map { $0.upperBound &- fileOffset } ?? windowSize
    let wanted = min(end &- fileOffset, max(count, min(windowSize, stretch, readAheadEnd &- fileOffset)))
    let (buffer, known) = nextWindow(at: fileOffset, wanted)
    do throws(StorageError) {
      try reader.read(
        at: fileOffset &+ known, into: UnsafeMutableRawBufferPointer(start: buffer.base + known, count: wanted &- known))
    } catch {
      throw ParquetError(storage: error, byteOffset: fileOffset)
    }
    if let progress { ProgressCounters.add(wanted &- known, to: progress.bytesRead) }
    let segment = Segment(fileOffset: fileOffset, buffer: buffer, count: wanted)
    segments = [segment]
    return view(segment, fileOffset)
  }

  /// Memory for the next window, that of the last one unless somebody still looks at it, and how many of the bytes are there already:
  /// where windows overlap.
  private func nextWindow(at fileOffset: Int, _ wanted: Int) -> (Buffer, known: Int) {
    guard var last = segments.popLast() else { return (Buffer(byteCount: wanted), 0) }
    let isFree = isKnownUniquelyReferenced(&last.buffer) && last.buffer.byteCount >= wanted
    let buffer = isFree ? last.buffer : Buffer(byteCount: wanted)
    guard fileOffset >= last.fileOffset, fileOffset < last.end else { return (buffer, 0) }
    let known = min(last.end &- fileOffset, wanted)
    memmove(buffer.base, last.buffer.base + (last.bufferOffset &+ fileOffset &- last.fileOffset), known)
    return (buffer, known)
  }

  private func view(_ segment: Segment, _ fileOffset: Int) -> (Buffer, UnsafeRawBufferPointer) {
    let skipped = fileOffset &- segment.fileOffset
    return (
      segment.buffer,
      UnsafeRawBufferPointer(
        start: segment.buffer.base + (segment.bufferOffset &+ skipped), count: segment.count &- skipped)
    )
  }
}
