package import Storage

/// Bytes in order, as a file or a decompressor gives them.
package protocol ByteStream: AnyObject {
  /// Fills as much of `destination` as is easily had, at least one byte; 0 means the end.
  func read(into destination: UnsafeMutableRawBufferPointer) throws -> Int
  /// Bytes taken from storage so far.
  var bytesRead: Int { get }
}

/// Part of a stored object, read with the kernel's or store's read-ahead.
package final class ObjectStream: ByteStream {
  package private(set) var bytesRead = 0
  private let reader: any SynchronousReader
  private var position: Int
  private let end: Int
  private var announced: Int
  private static let readAhead = 8 << 20

  package init(_ reader: any SynchronousReader, _ range: Range<Int>? = nil) {
    self.reader = reader
    position = min(max(range?.lowerBound ?? 0, 0), reader.size)
    end = min(max(range?.upperBound ?? reader.size, position), reader.size)
    announced = position
  }

  package func read(into destination: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = min(destination.count, end - position)
    guard count > 0 else { return 0 }
    if position + count + Self.readAhead / 2 > announced, announced < end {
      let next = announced..<min(announced + Self.readAhead, end)
      reader.willNeed(next)
      announced = next.upperBound
    }
    try reader.read(at: position, into: UnsafeMutableRawBufferPointer(rebasing: destination[..<count]))
    position += count
    bytesRead += count
    return count
  }
}
