import CIntrinsics
import Columnar
import Storage
import Synchronization

/// Where records begin at the borders between the splits of one CSV file, whose quoted fields may hold line ends.
///
/// Whether a border lies inside quotes follows from the number of quotes before it, which is counted here, each byte once. That holds for
/// every file by RFC 4180; quotes inside unquoted fields would break it. So both readers at a border say where the first record behind
/// it begins: the one before, which has read its way there, and the one behind, which relied on the count. They must agree.
///
/// Of a file far away a split is counted before its bytes are read, while they lie in the memory of the reader that fetched them.
package final class RecordSeams: Sendable {
  private struct State {
    var countedTo = 0
    var isInQuotes = false
    /// What was found at borders.
    var known: [Int: Bool] = [:]
    var recordStarts: [Int: Int] = [:]
  }

  private let state = Mutex(State())
  private let source: TextSource
  private let quote: UInt8
  private let size: Int
  private let splitByteCount: Int

  /// - Parameters:
  ///   - size: of the file, in bytes.
  ///   - splitByteCount: of each split but the last: the state at their borders is remembered.
  package init(_ source: TextSource, quote: UInt8, size: Int, splitByteCount: Int = .max) {
    self.source = source.lookedAt
    self.quote = quote
    self.size = size
    self.splitByteCount = splitByteCount
  }

  /// Whether the byte at `offset` follows an odd number of quotes. Readers ask in any order; they are cheapest in ascending order.
  func isInQuotes(at offset: Int, _ cancellation: Cancellation) throws -> Bool {
    try state.withLock { state in
      if let known = state.known[offset] { return known }
      if offset < state.countedTo {
        state.countedTo = 0
        state.isInQuotes = false
      }
      try count(to: offset, &state, cancellation)
      return state.isInQuotes
    }
  }

  /// Counts to a border already, when the file is far away: its bytes are about to be read, and let go.
  func countAhead(to offset: Int, _ cancellation: Cancellation) throws {
    guard source.isRemote else { return }
    try state.withLock { state in
      if offset > state.countedTo, offset < size { try count(to: offset, &state, cancellation) }
    }
  }

  private func count(to offset: Int, _ state: inout State, _ cancellation: Cancellation) throws {
    let stream = try source.open(from: state.countedTo, readAheadEnd: offset, cancellation)
    let piece = ByteBuffer(byteCount: 1 << 17)
    while state.countedTo < offset {
      // Borders are counted one byte early, as their readers begin.
      let toBorder = splitByteCount - (state.countedTo + 1) % splitByteCount
      let wanted = min(piece.byteCount, offset - state.countedTo, toBorder)
      let count = try stream.read(into: UnsafeMutableRawBufferPointer(start: piece.start, count: wanted))
      guard count > 0 else { break }
      if countQuotes(piece.start, count) & 1 == 1 { state.isInQuotes.toggle() }
      state.countedTo += count
      if count == toBorder { state.known[state.countedTo] = state.isInQuotes }
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
