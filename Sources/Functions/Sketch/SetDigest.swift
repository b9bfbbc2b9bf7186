import Columnar

/// A set by the smallest hashes of its members: exact while there are fewer than 8,192, and from then on a sample of the members, with a
/// HyperLogLog that counts them.
///
/// ```
/// 1 | size: int32 | HyperLogLog | most hashes: int32 | count: int32 | hashes: int64, ascending | how often each was seen: int16
/// ```
/// - Source: Broder, "On the resemblance and containment of documents" (1997), the variant with one hash function; the bytes from
///   trino, io.trino.type.setdigest.SetDigest.
final class SetDigest: Sketch {
  private let counter: HyperLogLog
  private var counts: [Int64: Int16] = [:]
  private let limit: Int

  private static let defaultLimit = 8_192
  /// 2,048 buckets.
  private static let indexBits = 11

  init() {
    counter = HyperLogLog(indexBits: Self.indexBits)
    limit = Self.defaultLimit
  }

  var byteCount: Int { counter.byteCount + counts.capacity * 24 + 96 }

  func insert(_ hash: UInt64) {
    counter.insert(hash)
    note(Int64(bitPattern: hash), 1)
    // Sorting is worth while for many hashes at once; what is too many until then is never among the smallest.
    if counts.count > 2 * limit { shrink() }
  }

  private func note(_ hash: Int64, _ count: Int16) {
    let (sum, overflows) = (counts[hash] ?? 0).addingReportingOverflow(count)
    counts[hash] = overflows ? .max : sum
  }

  private func shrink() {
    guard counts.count > limit else { return }
    for hash in counts.keys.sorted()[limit...] { counts[hash] = nil }
  }

  func merge(_ other: SetDigest) throws(KernelError) {
    try counter.merge(other.counter)
    for (hash, count) in other.counts { note(hash, count) }
    shrink()
  }

  // MARK: Reading

  /// How often each of the smallest hashes was seen.
  var hashCounts: [(hash: Int64, count: Int16)] {
    shrink()
    return counts.sorted { $0.key < $1.key }.map { (hash: $0.key, count: $0.value) }
  }

  private var isExact: Bool {
    shrink()
    return counts.count < limit
  }

  var cardinality: Int64 { isExact ? Int64(counts.count) : counter.cardinality }

  /// How many members of both sets there are of members of either; NaN when one is empty, as in Trino.
  func jaccardIndex(_ other: SetDigest) -> Double {
    shrink()
    other.shrink()
    let sampleSize = min(counts.count, other.counts.count)
    let union = Set(counts.keys).union(other.counts.keys).sorted().prefix(sampleSize)
    let common = union.reduce(0) { counts[$1] != nil && other.counts[$1] != nil ? $0 + 1 : $0 }
    return Double(common) / Double(sampleSize)
  }

  func intersectionCardinality(_ other: SetDigest) throws(KernelError) -> Int64 {
    if isExact, other.isExact { return Int64(counts.keys.reduce(0) { other.counts[$1] != nil ? $0 + 1 : $0 }) }
    let smaller = min(cardinality, other.cardinality)
    let union = SetDigest()
    try union.merge(self)
    try union.merge(other)
    let share = jaccardIndex(other)
    // A set that is a small part of the other one has a better estimate of its own.
    return share.isNaN ? 0 : min(Int64((share * Double(union.cardinality)).rounded()), smaller)
  }

  // MARK: Bytes

  init(bytes: UnsafeRawBufferPointer) throws(KernelError) {
    var reader = SketchReader(bytes, "SetDigest")
    try reader.require(try reader.integer(UInt8.self) == 1, "its format is unknown")
    counter = try HyperLogLog(bytes: try reader.bytes(Int(try reader.integer(Int32.self))))
    limit = Int(try reader.integer(Int32.self))
    try reader.require(limit > 0, "it has no room for hashes")
    let count = try reader.count(Int32.self, ofSize: 10)
    try reader.require(count <= limit, "it has more hashes than room for them")
    var hashes: [Int64] = []
    for _ in 0..<count { hashes.append(try reader.integer()) }
    for hash in hashes { note(hash, try reader.integer()) }
    try reader.require(counts.values.allSatisfy { $0 > 0 }, "a hash was never seen")
    try reader.end()
  }

  func write(to bytes: inout TextBuffer) {
    var written = TextBuffer()
    counter.write(to: &written)
    bytes.append(1)
    bytes.append(littleEndian: Int32(truncatingIfNeeded: written.count))
    bytes.append(written.bytes)
    bytes.append(littleEndian: Int32(truncatingIfNeeded: limit))
    let counts = hashCounts
    bytes.append(littleEndian: Int32(truncatingIfNeeded: counts.count))
    for (hash, _) in counts { bytes.append(littleEndian: hash) }
    for (_, count) in counts { bytes.append(littleEndian: count) }
  }
}
