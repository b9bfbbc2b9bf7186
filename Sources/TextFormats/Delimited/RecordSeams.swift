import CIntrinsics
import Storage
import Synchronization

/// Where records begin at the borders between the splits of one CSV file, whose quoted fields may hold line ends.
///
/// Whether a border lies inside quotes follows from the number of quotes before it, which is counted here, each byte once. That holds for
/// every file by RFC 4180; quotes inside unquoted fields would break it. So both readers at a border say where the first record behind
/// it begins: the one before, which has read its way there, and the one behind, which relied on the count. They must agree.
package final class RecordSeams: Sendable {
  private struct State {
    var countedTo = 0
    var isInQuotes = false
    var recordStarts: [Int: Int] = [:]
  }

  private let state = Mutex(State())
  private let source: TextSource
  private let quote: UInt8
  private let size: Int

  /// - Parameter size: of the file, in bytes.
  package init(_ source: TextSource, quote: UInt8, size: Int) {
    self.source = source
    self.quote = quote
    self.size = size
  }

  /// Whether the byte at `offset` follows an odd number of quotes. Readers ask in any order; they are cheapest in ascending order.
  func isInQuotes(at offset: Int) throws -> Bool {
    try state.withLock { state in
      if offset < state.countedTo {
        state.countedTo = 0
        state.isInQuotes = false
      }
      let stream = try source.open(from: state.countedTo)
      let piece = ByteBuffer(byteCount: 1 << 17)
      while state.countedTo < offset {
        let wanted = min(piece.byteCount, offset - state.countedTo)
        let count = try stream.read(into: UnsafeMutableRawBufferPointer(start: piece.start, count: wanted))
        guard count > 0 else { break }
        if countQuotes(piece.start, count) & 1 == 1 { state.isInQuotes.toggle() }
        state.countedTo += count
      }
      return state.isInQuotes
    }
  }

  private func countQuotes(_ start: UnsafeMutableRawPointer, _ count: Int) -> Int {
    let bytes = start.assumingMemoryBound(to: UInt8.self)
    var total = 0
    var base = 0
    while base < count {
      let left = count &- base
      let present: UInt64 = left >= 64 ? ~0 : (1 &<< UInt64(truncatingIfNeeded: left)) &- 1
      total &+= (frazil_match64(bytes + base, quote) & present).nonzeroBitCount
      base &+= 64
    }
    return total
  }

  /// False when the other reader at this border says something else.
  ///
  /// - Parameter recordStart: where the first record at or behind `boundary` begins; at or beyond the size of the file when none does.
  func agree(boundary: Int, recordStart: Int) -> Bool {
    let start = min(recordStart, size)
    return state.withLock { state in
      guard let known = state.recordStarts.updateValue(start, forKey: boundary) else { return true }
      return known == start
    }
  }
}
