import Storage
import Synchronization
import Testing

/// A reader that notes its calls and does not read ahead by itself, like one over a network.
final class CountingReader: SynchronousReader {
  let location = Location("mem://slow")
  let size = 10_000_000
  var readsAheadByItself: Bool { false }
  private let ranges = Mutex<[Range<Int>]>([])

  var seen: [Range<Int>] { ranges.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } } }

  func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    let count = destination.count
    ranges.withLock { $0.append(offset..<offset + count) }
    for index in destination.indices { destination[index] = UInt8(truncatingIfNeeded: offset + index) }
  }

  func willNeed(_ range: Range<Int>) {}
}

struct ReadSchedulerTests {
  @Test("neighbouring ranges are read together, far ones apart, each once")
  func coalescing() throws {
    let reader = CountingReader()
    let ranges = [5_000_000..<5_000_100, 100..<200, 250..<300, 150..<180, 7..<7]
    let reads = ReadScheduler().schedule(reader, ranges, coalesceGap: 60)
    for (index, range) in ranges.enumerated() {
      #expect(try reads.bytes(index).array == range.map { UInt8(truncatingIfNeeded: $0) })
    }
    #expect(reader.seen == [100..<300, 5_000_000..<5_000_100])
  }

  @Test("a budget of nothing still reads everything, on the caller's thread")
  func noBudget() throws {
    let reader = CountingReader()
    let reads = ReadScheduler(byteBudget: 0).schedule(reader, [0..<10, 9_000_000..<9_000_001])
    #expect(reader.seen.isEmpty)
    #expect(try reads.bytes(1).count == 1)
    #expect(try reads.bytes(0).count == 10)
  }
}
