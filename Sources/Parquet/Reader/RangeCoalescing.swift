import Storage

/// Which ranges of a file are asked for together, and what lies between them with them.
enum RangeCoalescing {
  /// Far away a request costs about as much as so many bytes, even where many are under way at once.
  private static let requestCost = 32 << 10
  /// Wider gaps are read along up to this part of what is wanted: with few requests each waits for one round trip less, but where many overlap
  /// only bytes count.
  private static let gapShare = 4

  /// Ascending ranges that cover the given ones, joined over gaps of at most `gap` bytes.
  static func joined(_ ranges: [Range<Int>], gap: Int) -> [Range<Int>] {
    var result: [Range<Int>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      if let last = result.last, range.lowerBound &- last.upperBound <= gap {
        result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        result.append(range)
      }
    }
    return result
  }

  /// The requests for ranges that are wanted at once of a reader.
  static func requests(for ranges: [Range<Int>], of reader: any SynchronousReader) -> [Range<Int>] {
    guard reader.isRemote else { return joined(ranges, gap: reader.coalesceGap) }
    let near = joined(ranges, gap: min(requestCost, reader.coalesceGap))
    var allowance = near.reduce(0) { $0 + $1.count } / gapShare
    // The smallest gaps go first: they save the most requests.
    var widest = 0
    for gap in zip(near, near.dropFirst()).map({ $1.lowerBound - $0.upperBound }).sorted() {
      guard gap <= reader.coalesceGap, gap <= allowance else { break }
      allowance -= gap
      widest = gap
    }
    return joined(near, gap: widest)
  }
}
