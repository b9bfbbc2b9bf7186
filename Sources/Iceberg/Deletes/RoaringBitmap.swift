/// The portable form of 64-bit roaring bitmaps, as deletion vectors hold it.
///
/// ```
/// count: 8 │ per upper 32 bits, ascending: key: 4 │ 32-bit bitmap
///
/// 32-bit bitmap with runs:  (n-1) << 16 | 12347 : 4 │ run flags: ⌈n/8⌉ │ n × (key: 2, cardinality-1: 2) │ n × offset: 4 if n ≥ 4 │ containers
/// without runs:             12346 : 4 │ n: 4    │                      n × (key: 2, cardinality-1: 2) │ n × offset: 4          │ containers
///
/// container:  runs  count: 2 │ count × (first: 2, length-1: 2)
///             more than 4096 positions  1024 × 8 bytes of bits
///             else  cardinality × 2 bytes, ascending
/// ```
/// All numbers are little-endian. Source: RoaringFormatSpec, "32-bit" and "64-bit portable" forms; SPEC (Puffin) `deletion-vector-v1`.
enum RoaringBitmap {
  private static let cookieWithRuns: UInt32 = 12_347
  private static let cookieWithoutRuns: UInt32 = 12_346
  private static let offsetThreshold = 4

  /// - Returns: the set; the bytes must be used up.
  static func decode(_ bytes: UnsafeRawBufferPointer) throws(IcebergError) -> PositionSet {
    var reader = Reader(bytes: bytes)
    let count = try reader.number(UInt64.self)
    // Each needs its key and a cookie.
    guard count <= UInt64(bytes.count / 8) else { throw reader.corrupt("\(count) bitmaps cannot fit \(bytes.count) bytes") }
    var set = PositionSet()
    var previous: UInt32?
    for _ in 0..<count {
      let high = try reader.number(UInt32.self)
      if let previous, high <= previous { throw reader.corrupt("the keys of a bitmap are not ascending") }
      guard high < 1 << 31 else { throw reader.corrupt("a position is negative") }
      previous = high
      try decodeBitmap(&reader, high: Int64(high), into: &set)
    }
    guard reader.offset == bytes.count else { throw reader.corrupt("\(bytes.count - reader.offset) bytes follow the bitmap") }
    return set
  }

  private static func decodeBitmap(_ reader: inout Reader, high: Int64, into set: inout PositionSet) throws(IcebergError) {
    let cookie = try reader.number(UInt32.self)
    let count: Int
    var runFlags: [UInt8] = []
    switch cookie & 0xFFFF {
    case cookieWithRuns:
      count = Int(cookie >> 16) + 1
      runFlags = try reader.bytes((count + 7) / 8)
    case cookieWithoutRuns:
      let stored = try reader.number(UInt32.self)
      guard stored <= 1 << 16 else { throw reader.corrupt("a bitmap of \(stored) containers") }
      count = Int(stored)
    default: throw reader.corrupt("unknown cookie \(cookie) of a bitmap")
    }
    let hasRuns = cookie & 0xFFFF == cookieWithRuns
    var headers: [(key: UInt16, cardinality: Int)] = []
    headers.reserveCapacity(count)
    for index in 0..<count {
      let key = try reader.number(UInt16.self)
      if let last = headers.last, key <= last.key { throw reader.corrupt("container \(index) of a bitmap is out of order") }
      headers.append((key, Int(try reader.number(UInt16.self)) + 1))
    }
    if !hasRuns || count >= offsetThreshold { _ = try reader.bytes(count * 4) }
    for (index, header) in headers.enumerated() {
      let container: PositionSet.Container
      if hasRuns, runFlags[index / 8] >> UInt8(index % 8) & 1 == 1 {
        container = try runs(&reader)
      } else if header.cardinality > PositionSet.arrayLimit {
        var words: [UInt64] = []
        words.reserveCapacity(1_024)
        for _ in 0..<1_024 { words.append(try reader.number(UInt64.self)) }
        container = .bitmap(words)
      } else {
        var lows: [UInt16] = []
        lows.reserveCapacity(header.cardinality)
        for _ in 0..<header.cardinality {
          let low = try reader.number(UInt16.self)
          if let last = lows.last, low <= last { throw reader.corrupt("the positions of a container are not ascending") }
          lows.append(low)
        }
        container = .array(lows)
      }
      guard container.count == header.cardinality else {
        throw reader.corrupt("a container of \(header.cardinality) positions holds \(container.count)")
      }
      set.append(key: high << 16 | Int64(header.key), container)
    }
  }

  private static func runs(_ reader: inout Reader) throws(IcebergError) -> PositionSet.Container {
    let count = try reader.number(UInt16.self)
    var runs: [PositionSet.Run] = []
    runs.reserveCapacity(Int(count))
    for _ in 0..<count {
      let first = try reader.number(UInt16.self)
      let (last, overflow) = first.addingReportingOverflow(try reader.number(UInt16.self))
      if overflow { throw reader.corrupt("a run of positions is too long") }
      if let previous = runs.last, first <= previous.last { throw reader.corrupt("the runs of a container are not ascending") }
      runs.append(PositionSet.Run(first: first, last: last))
    }
    return .runs(runs)
  }

  /// The smallest of the three container forms is chosen, as Java's `runOptimize` does.
  static func encode(_ set: PositionSet) -> [UInt8] {
    var groups: [(high: Int64, range: Range<Int>)] = []
    for (index, key) in set.keys.enumerated() {
      if let last = groups.last, last.high == key >> 16 {
        groups[groups.count - 1].range = last.range.lowerBound..<index + 1
      } else {
        groups.append((key >> 16, index..<index + 1))
      }
    }
    var output: [UInt8] = []
    append(UInt64(groups.count), to: &output)
    for group in groups {
      append(UInt32(truncatingIfNeeded: group.high), to: &output)
      encodeBitmap(set, group.range, to: &output)
    }
    return output
  }

  private static func encodeBitmap(_ set: PositionSet, _ range: Range<Int>, to output: inout [UInt8]) {
    let start = output.count
    let containers = set.containers[range].map(smallest)
    let hasRuns = containers.contains { if case .runs = $0 { true } else { false } }
    if hasRuns {
      append(UInt32(containers.count - 1) << 16 | cookieWithRuns, to: &output)
      var flags = [UInt8](repeating: 0, count: (containers.count + 7) / 8)
      for (index, container) in containers.enumerated() {
        if case .runs = container { flags[index / 8] |= 1 << UInt8(index % 8) }
      }
      output += flags
    } else {
      append(cookieWithoutRuns, to: &output)
      append(UInt32(containers.count), to: &output)
    }
    for (key, container) in zip(set.keys[range], containers) {
      append(UInt16(truncatingIfNeeded: key), to: &output)
      append(UInt16(truncatingIfNeeded: container.count - 1), to: &output)
    }
    if !hasRuns || containers.count >= offsetThreshold {
      var offset = output.count - start + 4 * containers.count
      for container in containers {
        append(UInt32(offset), to: &output)
        offset += size(container)
      }
    }
    for container in containers {
      switch container {
      case .array(let lows): for low in lows { append(low, to: &output) }
      case .bitmap(let words): for word in words { append(word, to: &output) }
      case .runs(let runs):
        append(UInt16(runs.count), to: &output)
        for run in runs {
          append(run.first, to: &output)
          append(run.last - run.first, to: &output)
        }
      }
    }
  }

  private static func size(_ container: PositionSet.Container) -> Int {
    switch container {
    case .array(let lows): 2 * lows.count
    case .bitmap: 8_192
    case .runs(let runs): 2 + 4 * runs.count
    }
  }

  private static func smallest(_ container: PositionSet.Container) -> PositionSet.Container {
    var runs: [PositionSet.Run] = []
    var lows: [UInt16] = []
    container.forEach { low in
      lows.append(low)
      if let last = runs.last, last.last < .max, last.last + 1 == low { runs[runs.count - 1].last = low } else {
        runs.append(PositionSet.Run(first: low, last: low))
      }
    }
    let plain: PositionSet.Container = lows.count <= PositionSet.arrayLimit ? .array(lows) : .bitmap(container.words)
    return runs.count < 1 << 16 && 2 + 4 * runs.count < size(plain) ? .runs(runs) : plain
  }

  private static func append<Number: FixedWidthInteger>(_ number: Number, to output: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { output.append(contentsOf: $0) }
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(IcebergError) -> Number {
      let size = MemoryLayout<Number>.size
      guard bytes.count - offset >= size else { throw corrupt("the bitmap ends early") }
      defer { offset += size }
      return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }

    mutating func bytes(_ count: Int) throws(IcebergError) -> [UInt8] {
      guard bytes.count - offset >= count else { throw corrupt("the bitmap ends early") }
      defer { offset += count }
      return Array(bytes[offset..<offset + count])
    }

    func corrupt(_ message: String) -> IcebergError {
      IcebergError(.corrupt, "a deletion vector is damaged: \(message)", offset: offset)
    }
  }
}
