import Storage
import Testing

@testable import Parquet

/// What of a file is asked for together.
@Suite struct CoalescingTests {
  /// Only says how far away it is.
  private final class Reader: SynchronousReader {
    let location = Location("x")
    let size = Int.max
    let isRemote: Bool
    let coalesceGap: Int
    let readsAheadByItself = true

    init(isRemote: Bool, coalesceGap: Int) {
      self.isRemote = isRemote
      self.coalesceGap = coalesceGap
    }

    func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {}
    func willNeed(_ range: Range<Int>) {}
  }

  private static let kib = 1 << 10

  private func requests(_ ranges: [Range<Int>], isRemote: Bool = true) -> [Range<Int>] {
    RangeCoalescing.requests(
      for: ranges.map { $0.lowerBound * Self.kib..<$0.upperBound * Self.kib }, of: Reader(isRemote: isRemote, coalesceGap: (isRemote ? 1024 : 64) * Self.kib)
    ).map { $0.lowerBound / Self.kib..<$0.upperBound / Self.kib }
  }

  @Test("ranges that overlap, touch or nearly do come together, wherever the file is")
  func near() {
    for isRemote in [true, false] {
      #expect(requests([40..<60, 0..<10, 10..<30, 20..<25], isRemote: isRemote) == [0..<60])
      #expect(requests([], isRemote: isRemote) == [])
      #expect(requests([5..<5], isRemote: isRemote) == [])
    }
    #expect(requests([0..<10, 74..<80], isRemote: false) == [0..<80])
    #expect(requests([0..<10, 75..<80], isRemote: false) == [0..<10, 75..<80])
  }

  @Test("far away wide gaps are read along, the narrowest first, until they make a quarter of what is wanted")
  func wide() {
    #expect(requests([0..<100, 150..<250]) == [0..<250])
    #expect(requests([0..<100, 151..<251]) == [0..<100, 151..<251])
    // 1,000 wanted: 100 and 150 fit, 200 does not.
    #expect(requests([0..<250, 400..<650, 850..<1100, 1200..<1450]) == [0..<650, 850..<1450])
    // What is near counts as wanted already, and costs nothing.
    #expect(requests([0..<4, 36..<40, 50..<60]) == [0..<60])
    // However much is wanted, a mebibyte is a request of its own.
    #expect(requests([0..<100_000, 101_025..<200_000]) == [0..<100_000, 101_025..<200_000])
    #expect(requests([0..<100_000, 101_024..<200_000]) == [0..<200_000])
  }
}
