/// A set of row positions of one data file, in the shape of a roaring bitmap: positions that share their upper 48 bits lie in one
/// container.
///
/// ```
/// key 0  ─ array   [5, 7]                  positions 5, 7
/// key 1  ─ bitmap  1024 words              positions 65536 ... 131071, a bit each
/// key 9  ─ runs    [(0, 99)]               positions 589824 ... 589923
/// ```
package struct PositionSet: Sendable, Equatable {
  /// The lower 16 bits of the positions of one key.
  enum Container: Sendable, Equatable {
    /// Ascending.
    case array([UInt16])
    /// 1024 words, bit `low & 63` of word `low >> 6`.
    case bitmap([UInt64])
    /// Ascending and disjoint; `last` is included.
    case runs([Run])
  }

  struct Run: Sendable, Equatable {
    var first: UInt16
    var last: UInt16
  }

  /// Position >> 16, ascending.
  private(set) var keys: [Int64] = []
  private(set) var containers: [Container] = []

  package init() {}

  /// Above so many positions a container is a bitmap.
  static let arrayLimit = 4_096

  /// Adds the container of a key above all others.
  mutating func append(key: Int64, _ container: Container) {
    keys.append(key)
    containers.append(container)
  }

  /// A set of positions in any order, repeats allowed.
  package init(_ positions: [Int64]) {
    var sorted = positions
    for index in sorted.indices.dropFirst() where sorted[index - 1] > sorted[index] {
      sorted.sort()
      break
    }
    var start = 0
    while start < sorted.count {
      let key = sorted[start] >> 16
      var end = start
      while end < sorted.count, sorted[end] >> 16 == key { end += 1 }
      append(key: key, Self.container(sorted[start..<end]))
      start = end
    }
  }

  /// - Parameter positions: ascending, of one key, repeats allowed.
  private static func container(_ positions: ArraySlice<Int64>) -> Container {
    var lows: [UInt16] = []
    lows.reserveCapacity(positions.count)
    for position in positions {
      let low = UInt16(truncatingIfNeeded: position)
      if lows.last != low { lows.append(low) }
    }
    guard lows.count > arrayLimit else { return .array(lows) }
    var words = [UInt64](repeating: 0, count: 1_024)
    for low in lows { words[Int(low >> 6)] |= 1 << UInt64(low & 63) }
    return .bitmap(words)
  }

  package var isEmpty: Bool { keys.isEmpty }

  package var count: Int64 { containers.reduce(0) { $0 + Int64($1.count) } }

  package func contains(_ position: Int64) -> Bool {
    guard let index = index(of: position >> 16) else { return false }
    let low = UInt16(truncatingIfNeeded: position)
    switch containers[index] {
    case .array(let lows):
      let found = Self.lowerBound(lows.count) { lows[$0] < low }
      return found < lows.count && lows[found] == low
    case .bitmap(let words): return words[Int(low >> 6)] >> UInt64(low & 63) & 1 == 1
    case .runs(let runs): return runs.contains { $0.first <= low && low <= $0.last }
    }
  }

  /// All positions, ascending.
  package var positions: [Int64] {
    var result: [Int64] = []
    for (key, container) in zip(keys, containers) {
      container.forEach { result.append(key << 16 | Int64($0)) }
    }
    return result
  }

  /// Sets `flags[i]` to 0 for every position `first + i` of the set with `i < count`.
  ///
  /// - Returns: how many flags were 1 before.
  package func clear(_ flags: UnsafeMutablePointer<UInt8>, first: Int64, count: Int) -> Int {
    guard count > 0, first >= 0 else { return 0 }
    let last = first + Int64(count - 1)
    var cleared = 0
    var index = Self.lowerBound(keys.count) { keys[$0] < first >> 16 }
    while index < keys.count, keys[index] <= last >> 16 {
      let base = keys[index] << 16
      // The part of the container that lies in the wanted range.
      let low = UInt16(truncatingIfNeeded: max(first, base) - base)
      let high = UInt16(truncatingIfNeeded: min(last, base | 0xFFFF) - base)
      let origin = Int(base - first)
      func clear(_ position: UInt16) {
        cleared += Int(flags[origin + Int(position)])
        flags[origin + Int(position)] = 0
      }
      switch containers[index] {
      case .array(let lows):
        var at = Self.lowerBound(lows.count) { lows[$0] < low }
        while at < lows.count, lows[at] <= high {
          clear(lows[at])
          at += 1
        }
      case .bitmap(let words):
        for word in Int(low >> 6)...Int(high >> 6) {
          var bits = words[word]
          while bits != 0 {
            let position = UInt16(truncatingIfNeeded: word << 6 | bits.trailingZeroBitCount)
            if position >= low, position <= high { clear(position) }
            bits &= bits &- 1
          }
        }
      case .runs(let runs):
        for run in runs where run.last >= low && run.first <= high {
          for position in max(run.first, low)...min(run.last, high) { clear(position) }
        }
      }
      index += 1
    }
    return cleared
  }

  package mutating func formUnion(_ other: PositionSet) {
    if other.isEmpty { return }
    if isEmpty {
      self = other
      return
    }
    var result = PositionSet()
    var left = 0
    var right = 0
    while left < keys.count || right < other.keys.count {
      if right == other.keys.count || (left < keys.count && keys[left] < other.keys[right]) {
        result.append(key: keys[left], containers[left])
        left += 1
      } else if left == keys.count || other.keys[right] < keys[left] {
        result.append(key: other.keys[right], other.containers[right])
        right += 1
      } else {
        result.append(key: keys[left], containers[left].union(other.containers[right]))
        left += 1
        right += 1
      }
    }
    self = result
  }

  private func index(of key: Int64) -> Int? {
    let index = Self.lowerBound(keys.count) { keys[$0] < key }
    return index < keys.count && keys[index] == key ? index : nil
  }

  /// The first index in `0 ..< count` for which `isBefore` is false; it must be true for all before and false for all after.
  private static func lowerBound(_ count: Int, _ isBefore: (Int) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) >> 1
      if isBefore(middle) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  package static func == (left: PositionSet, right: PositionSet) -> Bool {
    left.keys == right.keys && zip(left.containers, right.containers).allSatisfy { $0.words == $1.words }
  }
}

extension PositionSet.Container {
  var count: Int {
    switch self {
    case .array(let lows): lows.count
    case .bitmap(let words): words.reduce(0) { $0 + $1.nonzeroBitCount }
    case .runs(let runs): runs.reduce(0) { $0 + Int($1.last) - Int($1.first) + 1 }
    }
  }

  func forEach(_ body: (UInt16) -> Void) {
    switch self {
    case .array(let lows): lows.forEach(body)
    case .bitmap(let words):
      for (index, word) in words.enumerated() {
        var bits = word
        while bits != 0 {
          body(UInt16(truncatingIfNeeded: index << 6 | bits.trailingZeroBitCount))
          bits &= bits &- 1
        }
      }
    case .runs(let runs):
      for run in runs { for low in run.first...run.last { body(low) } }
    }
  }

  /// As a bitmap.
  var words: [UInt64] {
    if case .bitmap(let words) = self { return words }
    var words = [UInt64](repeating: 0, count: 1_024)
    forEach { words[Int($0 >> 6)] |= 1 << UInt64($0 & 63) }
    return words
  }

  func union(_ other: Self) -> Self {
    var words = self.words
    other.forEach { words[Int($0 >> 6)] |= 1 << UInt64($0 & 63) }
    let result = Self.bitmap(words)
    guard result.count <= PositionSet.arrayLimit else { return result }
    var lows: [UInt16] = []
    result.forEach { lows.append($0) }
    return .array(lows)
  }
}
