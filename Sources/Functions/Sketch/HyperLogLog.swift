import Columnar
import Glibc

/// How many different values there are, from the longest run of zero bits among the hashes of each of 2^`indexBits` buckets.
///
/// Few hashes are kept apart by their first 26 bits, which counts them nearly exactly; many become one register per bucket.
///
/// ```
/// sparse: 2 | indexBits | count: int16 | entries: uint32, first 26 bits of a hash, then the zeros that follow in 6 bits; ascending
/// dense:  3 | indexBits | baseline | 4 bits per bucket above the baseline, the first of two in the high half |
///         overflows: uint16 | their buckets: uint16 | what they have beyond 15: int8
/// ```
/// - Source: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007); the sparse form
///   from Heule, Nunkesser, Hall, "HyperLogLog in Practice" (2013); the bytes from airlift, stats/docs/hll.md.
final class HyperLogLog: Sketch {
  let indexBits: Int
  private var entries: [UInt32] = []
  /// Longest run of zeros plus one by bucket; empty while the sketch is sparse.
  private var registers: [UInt8] = []

  private static let prefixBits = 26
  private static let valueBits = 6
  /// Trino's default standard error of 1.625 %.
  static let defaultIndexBits = 12

  init(indexBits: Int) { self.indexBits = indexBits }

  var byteCount: Int { entries.capacity * 4 + registers.capacity + 96 }

  /// Buckets follow from the standard error: 1.04 / sqrt(buckets).
  static func indexBits(standardError error: Double) throws(KernelError) -> Int {
    guard error >= 0.0040625, error <= 0.26 else {
      throw .invalidArgument("Standard error must be in [0.0040625, 0.26]: \(javaText(error))")
    }
    var bits = 4
    while 1.04 / Double(1 << bits).squareRoot() > error { bits += 1 }
    return bits
  }

  // MARK: Adding

  func insert(_ hash: UInt64) {
    if !registers.isEmpty { return Self.note(hash, in: &registers) }
    // A marker behind the bits that are left bounds the run.
    let zeros = (hash << 26 | 1 << 25).leadingZeroBitCount
    insert(entry: UInt32(truncatingIfNeeded: hash >> 38) << 6 | UInt32(zeros))
  }

  private func insert(entry: UInt32) {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle] >> 6 < entry >> 6 { low = middle + 1 } else { high = middle }
    }
    if low < entries.count, entries[low] >> 6 == entry >> 6 {
      entries[low] = max(entries[low], entry)
    } else {
      entries.insert(entry, at: low)
      // As dense as it is sparse: half a byte per bucket.
      if entries.count * 4 > (1 << indexBits) / 2 { makeDense() }
    }
  }

  /// One hash in registers, whose number is a power of two.
  static func note(_ hash: UInt64, in registers: inout [UInt8]) {
    let bits = registers.count.trailingZeroBitCount
    let bucket = Int(hash >> UInt64(64 - bits))
    let rest = hash << UInt64(bits) | 1 << UInt64(bits - 1)
    registers[bucket] = max(registers[bucket], UInt8(truncatingIfNeeded: rest.leadingZeroBitCount + 1))
  }

  func makeDense() {
    guard registers.isEmpty else { return }
    registers = [UInt8](repeating: 0, count: 1 << indexBits)
    for entry in entries { note(entry) }
    entries = []
  }

  private func note(_ entry: UInt32) {
    let bucket = Int(entry >> UInt32(32 - indexBits))
    let between = Self.prefixBits - indexBits
    var zeros = (entry << UInt32(indexBits)).leadingZeroBitCount
    if zeros >= between { zeros = between + Int(entry & 63) }
    registers[bucket] = max(registers[bucket], UInt8(truncatingIfNeeded: zeros + 1))
  }

  func merge(_ other: HyperLogLog) throws(KernelError) {
    guard other.indexBits == indexBits else {
      throw .invalidArgument("Cannot merge HLLs with different number of buckets: \(1 << indexBits) vs \(1 << other.indexBits)")
    }
    if other.registers.isEmpty {
      if registers.isEmpty {
        for entry in other.entries {
          // The sketch may become dense under way.
          if registers.isEmpty { insert(entry: entry) } else { note(entry) }
        }
      } else {
        for entry in other.entries { note(entry) }
      }
      return
    }
    makeDense()
    for bucket in 0..<registers.count { registers[bucket] = max(registers[bucket], other.registers[bucket]) }
  }

  // MARK: Counting

  var cardinality: Int64 {
    guard registers.isEmpty else { return Self.estimate(registers) }
    // How many of 2^26 boxes are empty when so many things were thrown into them.
    let boxes = Double(1 << Self.prefixBits)
    return Int64((boxes * Glibc.log(boxes / (boxes - Double(entries.count)))).rounded())
  }

  /// Needs no table of biases and no second method for few values; Trino corrects by tables, and differs by less than the standard error.
  /// - Source: Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6.
  static func estimate(_ registers: [UInt8]) -> Int64 {
    let bucketCount = Double(registers.count)
    let longest = 64 - registers.count.trailingZeroBitCount
    var histogram = [Double](repeating: 0, count: longest + 2)
    for register in registers { histogram[min(Int(register), longest + 1)] += 1 }
    var sum = bucketCount * tau(1 - histogram[longest + 1] / bucketCount)
    for length in stride(from: longest, through: 1, by: -1) { sum = 0.5 * (sum + histogram[length]) }
    sum += bucketCount * sigma(histogram[0] / bucketCount)
    let estimate = bucketCount * bucketCount / (2 * Glibc.log(2) * sum)
    return Int64(exactly: estimate.rounded()) ?? (estimate.isFinite ? .max : 0)
  }

  private static func sigma(_ share: Double) -> Double {
    if share == 1 { return .infinity }
    var (x, y, z) = (share, 1.0, share)
    while true {
      x *= x
      let last = z
      z += x * y
      y += y
      if z == last { return z }
    }
  }

  private static func tau(_ share: Double) -> Double {
    if share == 0 || share == 1 { return 0 }
    var (x, y, z) = (share, 1.0, 1 - share)
    while true {
      x = x.squareRoot()
      let last = z
      y *= 0.5
      z -= (1 - x) * (1 - x) * y
      if z == last { return z / 3 }
    }
  }

  // MARK: Bytes

  private static let sparseTag: UInt8 = 2
  private static let denseTag: UInt8 = 3
  /// What four bits hold.
  private static let largestDelta: UInt8 = 15

  init(bytes: UnsafeRawBufferPointer) throws(KernelError) {
    var reader = SketchReader(bytes, "HyperLogLog")
    let tag = try reader.integer(UInt8.self)
    indexBits = Int(try reader.integer(UInt8.self))
    try reader.require((1...16).contains(indexBits), "it has no number of buckets")
    switch tag {
    case Self.sparseTag:
      for _ in 0..<(try reader.count(Int16.self, ofSize: 4)) {
        let entry = try reader.integer(UInt32.self)
        try reader.require(entries.last.map { $0 >> 6 < entry >> 6 } ?? true, "its entries are not sorted")
        try reader.require(entry & 63 <= 64 - Self.prefixBits, "a hash has too many zeros")
        entries.append(entry)
      }
    case Self.denseTag:
      let baseline = try reader.integer(UInt8.self)
      let longest = UInt8(64 - indexBits + 1)
      try reader.require(baseline <= longest, "a hash has too many zeros")
      for pair in try reader.bytes((1 << indexBits) / 2) { registers += [baseline + pair >> 4, baseline + pair & 15] }
      let overflows = try reader.count(UInt16.self, ofSize: 3)
      var buckets: [Int] = []
      for _ in 0..<overflows { buckets.append(Int(try reader.integer(UInt16.self))) }
      for bucket in buckets {
        let more = try reader.integer(UInt8.self)
        try reader.require(bucket < registers.count, "a bucket is out of range")
        try reader.require(more <= longest && registers[bucket] <= baseline + Self.largestDelta, "a bucket is there twice")
        registers[bucket] += more
      }
      try reader.require(registers.allSatisfy { $0 <= longest }, "a hash has too many zeros")
    default: try reader.require(false, "its format is unknown")
    }
    try reader.end()
  }

  func write(to bytes: inout TextBuffer) {
    if registers.isEmpty {
      bytes.append(Self.sparseTag)
      bytes.append(UInt8(indexBits))
      bytes.append(littleEndian: Int16(truncatingIfNeeded: entries.count))
      for entry in entries { bytes.append(littleEndian: entry) }
      return
    }
    let baseline = registers.min() ?? 0
    bytes.append(Self.denseTag)
    bytes.append(UInt8(indexBits))
    bytes.append(baseline)
    for bucket in stride(from: 0, to: registers.count, by: 2) {
      bytes.append(min(registers[bucket] - baseline, Self.largestDelta) << 4 | min(registers[bucket + 1] - baseline, Self.largestDelta))
    }
    let overflows = registers.indices.filter { registers[$0] - baseline > Self.largestDelta }
    bytes.append(littleEndian: UInt16(truncatingIfNeeded: overflows.count))
    for bucket in overflows { bytes.append(littleEndian: UInt16(truncatingIfNeeded: bucket)) }
    for bucket in overflows { bytes.append(registers[bucket] - baseline - Self.largestDelta) }
  }
}
