package import Columnar

/// How many different values there are, from the smallest of their hashes: what Iceberg's statistics files hold of a column.
///
/// While there are few values all hashes are kept and the count is exact. Of more, the smallest `capacity` are kept, and `theta` is the bound that
/// they stay below: were hashes spread evenly over 0 ..< 2^63, so many values would be there as `count / (theta / 2^63)`.
///
/// ```
/// empty    01 03 03 00 00 1E │ 00 00
/// one      01 03 03 00 00 3A │ seed hash: 2 │ hash: 8
/// exact    02 03 03 00 00 1A │ seed hash: 2 │ count: 4 │ 1.0 as float: 4 │ hashes: 8 each, ascending
/// others   03 03 03 00 00 1A │ seed hash: 2 │ count: 4 │ 1.0 as float: 4 │ theta: 8 │ hashes
/// ```
/// - Source: Bar-Yossef et al., "Counting distinct elements in a data stream" (2002); the bytes are those of Apache DataSketches' compact ordered theta
///   sketches, serial version 3, all little-endian.
package final class ThetaSketch {
  /// Hashes that are kept: a standard error of 1.6 %, as DataSketches' default.
  static let capacity = 4_096
  private static let slotCount = 4 * capacity
  private static let wholeRange: UInt64 = 1 << 63 - 1
  /// DataSketches' default seed, and the low 16 bits of its hash, by which sketches of different seeds are told apart.
  static let seed: UInt64 = 9_001
  private static let seedHash: UInt16 = 0x93CC

  private var theta = ThetaSketch.wholeRange
  /// Open addressing, 0 for empty; no hash is 0.
  private var slots: [UInt64] = []
  private var count = 0

  package init() {}

  var byteCount: Int { slots.capacity * 8 + 64 }

  // MARK: Adding

  /// - Parameter hash: the first word of the value's MurmurHash3 with `seed`.
  func insert(hash: UInt64) { insert(kept: hash >> 1) }

  private func insert(kept hash: UInt64) {
    guard hash < theta, hash != 0 else { return }
    if slots.isEmpty { slots = [UInt64](repeating: 0, count: Self.slotCount) }
    var slot = Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)
    while slots[slot] != 0 {
      if slots[slot] == hash { return }
      slot = (slot + 1) & (Self.slotCount - 1)
    }
    slots[slot] = hash
    count += 1
    if count >= 2 * Self.capacity { shrink() }
  }

  /// Keeps the smallest `capacity` hashes.
  private func shrink() {
    guard count > Self.capacity else { return }
    let hashes = sorted
    theta = hashes[Self.capacity]
    slots = [UInt64](repeating: 0, count: Self.slotCount)
    count = 0
    for hash in hashes.prefix(Self.capacity) { insert(kept: hash) }
  }

  private var sorted: [UInt64] { slots.filter { $0 != 0 }.sorted() }

  func merge(_ other: ThetaSketch) {
    if other.theta < theta {
      theta = other.theta
      let own = sorted
      slots = []
      count = 0
      for hash in own { insert(kept: hash) }
    }
    for hash in other.slots { insert(kept: hash) }
  }

  // MARK: Reading it

  package var estimate: Double {
    theta == Self.wholeRange ? Double(count) : Double(count) / (Double(theta) / Double(sign: .plus, exponent: 63, significand: 1))
  }

  package var bytes: [UInt8] {
    shrink()
    let isExact = theta == Self.wholeRange
    guard count > 0 || !isExact else { return [1, 3, 3, 0, 0, 0x1E, 0, 0] }
    let isSingle = isExact && count == 1
    var bytes: [UInt8] = [isSingle ? 1 : isExact ? 2 : 3, 3, 3, 0, 0, isSingle ? 0x3A : 0x1A]
    func append(_ number: some FixedWidthInteger) { withUnsafeBytes(of: number.littleEndian) { bytes += Array($0) } }
    append(Self.seedHash)
    if !isSingle {
      append(UInt32(count))
      append(Float(1).bitPattern)
    }
    if !isExact { append(theta) }
    for hash in sorted { append(hash) }
    return bytes
  }

  /// - Returns: nil when the bytes are no compact theta sketch of this seed.
  package init?(bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    func number<Number: FixedWidthInteger>(_ offset: Int, _ type: Number.Type) -> Number {
      bytes[offset..<offset + MemoryLayout<Number>.size].reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }
    guard bytes.count >= 8, bytes[1] == 3, bytes[2] == 3 else { return nil }
    if bytes[5] & 4 != 0 { return }
    let words = Int(bytes[0] & 0x3F)
    guard number(6, UInt16.self) == Self.seedHash, (1...3).contains(words), bytes.count >= words * 8 else { return nil }
    let stored = words == 1 ? 1 : Int(number(8, UInt32.self))
    guard bytes.count >= words * 8 + stored * 8 else { return nil }
    if words == 3 { theta = number(16, UInt64.self) }
    // Others may keep more of them.
    for index in 0..<stored { insert(kept: number(words * 8 + index * 8, UInt64.self)) }
  }
}

// MARK: As an aggregate

extension ThetaSketch {
  /// The aggregate whose result is the sketch's bytes, with one value at least; nil for types that Iceberg has no single-value form of. It has
  /// no name in SQL.
  package static func aggregate(of type: SQLType) -> ResolvedAggregate? {
    guard let hash = singleValueHash(of: type) else { return nil }
    return ResolvedAggregate(name: "theta_sketch", argumentTypes: [type], resultType: .varbinary, ignoresDuplicates: true) { _ in
      ThetaSketchState(hash)
    }
  }

  fileprivate typealias Hash = @Sendable (Operand, Int) -> UInt64

  /// The hash of a value's single-value form in Iceberg's metadata. SPEC Appendix D.
  private static func singleValueHash(of type: SQLType) -> Hash? {
    switch type {
    case .boolean: return { hash(UInt8($0.pointer(as: UInt8.self)[$1])) }
    case .tinyint: return { hash(Int32($0.pointer(as: Int8.self)[$1])) }
    case .smallint: return { hash(Int32($0.pointer(as: Int16.self)[$1])) }
    case .integer, .date: return { hash($0.pointer(as: Int32.self)[$1]) }
    case .bigint, .time, .timestamp: return { hash($0.pointer(as: Int64.self)[$1]) }
    case .timestampTZ: return { hash($0.pointer(as: TimestampTZ.self)[$1].instant) }
    case .real: return { hash($0.pointer(as: Float.self)[$1].bitPattern) }
    case .double: return { hash($0.pointer(as: Double.self)[$1].bitPattern) }
    case .decimal:
      if type.physical == .int64 { return { hash(decimal: Int128($0.pointer(as: Int64.self)[$1])) } }
      return { hash(decimal: $0.pointer(as: Int128.self)[$1]) }
    // Columns hold it with the top bit flipped, so that signed order is byte order.
    case .uuid: return { hash(($0.pointer(as: Int128.self)[$1] ^ Int128.min).bigEndian) }
    case .varchar, .char, .varbinary:
      return { Murmur3Hash128.hash(StringView.buffer(at: $0.pointer(as: StringView.self) + $1), seed: seed).0 }
    case .unknown, .json, .ipaddress, .timeTZ, .sketch, .color, .intervalDayToSecond, .intervalYearToMonth, .array, .map, .row: return nil
    }
  }

  private static func hash(_ number: some FixedWidthInteger & BitwiseCopyable) -> UInt64 {
    withUnsafeBytes(of: number) { Murmur3Hash128.hash($0, seed: seed).0 }
  }

  /// The fewest bytes in two's complement, the highest first.
  private static func hash(decimal number: Int128) -> UInt64 {
    let significantBits = 129 - (number < 0 ? ~number : number).leadingZeroBitCount
    let byteCount = (significantBits + 7) / 8
    return withUnsafeBytes(of: number.bigEndian) { bytes in
      Murmur3Hash128.hash(UnsafeRawBufferPointer(rebasing: bytes[(16 - byteCount)...]), seed: seed).0
    }
  }
}

private final class ThetaSketchState: AggregateState {
  private let hash: ThetaSketch.Hash
  private var sketches: [ThetaSketch] = []

  init(_ hash: @escaping ThetaSketch.Hash) { self.hash = hash }

  func resize(groupCount: Int) { while sketches.count < groupCount { sketches.append(ThetaSketch()) } }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let values = Operand(arguments[0])
    for row in 0..<count where values.isValid(row) { sketches[Int(groups[row])].insert(hash: hash(values, row & values.mask)) }
  }

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? ThetaSketchState else { return }
    for group in 0..<min(count, other.sketches.count) { sketches[Int(groupMap[group])].merge(other.sketches[group]) }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    var out = TextColumnBuilder(count: count)
    for group in start..<start + count {
      sketches[group].bytes.withUnsafeBytes { out.bytes.append($0) }
      out.endRow()
    }
    return out.finish(.varbinary)
  }

  var byteCount: Int { sketches.reduce(0) { $0 + $1.byteCount } }
}
