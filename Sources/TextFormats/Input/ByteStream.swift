package import Storage

/// Bytes in order, as a file or a decompressor gives them.
package protocol ByteStream: AnyObject {
  /// Fills as much of `destination` as is easily had, at least one byte; 0 means the end.
  func read(into destination: UnsafeMutableRawBufferPointer) throws -> Int
  /// Bytes taken from storage so far.
  var bytesRead: Int { get }
}

/// Part of a stored object, read with the kernel's or store's read-ahead.
///
/// From far away several pieces are under way at once. The first ones are small, so that parsing starts early and whoever wants a few rows
/// only does not ask for megabytes; the further a reader has come, the more is asked for.
package final class ObjectStream: ByteStream {
  package private(set) var bytesRead = 0
  private let reader: any SynchronousReader
  private var position: Int
  private let start: Int
  private let end: Int
  private let readAheadEnd: Int
  private let looksOnly: Bool
  private var announced: Int
  private static let readAhead = 8 << 20
  private static let smallestRemoteReadAhead = 1 << 20
  private static let largestRemoteReadAhead = 32 << 20

  /// - Parameters:
  ///   - readAheadEnd: nothing from here on is asked for before it is read.
  ///   - looksOnly: all of it will be read again.
  package init(_ reader: any SynchronousReader, _ range: Range<Int>? = nil, readAheadEnd: Int = .max, looksOnly: Bool = false) {
    self.reader = reader
    start = min(max(range?.lowerBound ?? 0, 0), reader.size)
    end = min(max(range?.upperBound ?? reader.size, start), reader.size)
    self.readAheadEnd = min(readAheadEnd, end)
    self.looksOnly = looksOnly
    position = start
    announced = start
  }

  package func read(into destination: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = min(destination.count, end - position)
    guard count > 0 else { return 0 }
    announce(position + count)
    let target = UnsafeMutableRawBufferPointer(rebasing: destination[..<count])
    if looksOnly { try reader.look(at: position, into: target) } else { try reader.read(at: position, into: target) }
    position += count
    bytesRead += count
    return count
  }

  /// Says what follows the bytes up to `next`.
  private func announce(_ next: Int) {
    guard reader.isRemote else {
      if next + Self.readAhead / 2 > announced, announced < readAheadEnd { announce(announced..<min(announced + Self.readAhead, readAheadEnd)) }
      return
    }
    let ahead = min(max(2 * (position - start), Self.smallestRemoteReadAhead), Self.largestRemoteReadAhead)
    let piece = max(ahead / 4, Self.smallestRemoteReadAhead)
    while announced < readAheadEnd, announced < next + ahead {
      // A short rest comes along.
      let rest = readAheadEnd - announced
      announce(announced..<announced + (rest <= 2 * piece ? rest : piece))
    }
  }

  private func announce(_ range: Range<Int>) {
    reader.willNeed(range)
    announced = range.upperBound
  }
}
