import Columnar

extension FunctionLibrary {
  static let approximateCounts: [AggregateDefinition] = [
    AggregateDefinition(
      "approx_distinct", "About how many different values there are (standard error 2.3 %).", [.variable("T")],
      returns: .type(.bigint), ignoresDuplicates: true
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) in
      try requireComparable(types[0], "approx_distinct")
      return { _ in DistinctSketchState() }
    },
    AggregateDefinition(
      "approx_distinct", "The same with a standard error of at most e.", [.variable("T"), .double], returns: .type(.bigint)
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) in
      try requireComparable(types[0], "approx_distinct")
      return { _ in DistinctSketchState() }
    },
    AggregateDefinition(
      "checksum", "A checksum of all values that does not depend on their order.", [.variable("T")], returns: .type(.varbinary)
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) in { _ in ChecksumState() } },
  ]
}

/// HyperLogLog per group; the first 256 different hashes of a group are kept as they are, so that small numbers are exact.
/// - Source: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007).
private final class DistinctSketchState: AggregateState {
  private enum Sketch {
    case empty
    case exact(Set<UInt64>)
    /// The longest run of leading zeros plus one, for each bucket.
    case registers([UInt8])
  }

  private var sketches: [Sketch] = []
  private var bucketCount = 2048
  private var heldBytes = 0
  private static let exactLimit = 256

  func resize(groupCount: Int) {
    if groupCount > sketches.count { sketches += Array(repeating: .empty, count: groupCount - sketches.count) }
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    if count == 0 { return }
    if arguments.count == 2 {
      let errors = Operand(arguments[1])
      for row in 0..<(errors.isConstant ? 1 : count) where errors.isValid(row) {
        try setError(errors.pointer(as: Double.self)[row & errors.mask])
      }
    }
    let hashes = Buffer(byteCount: count * 8)
    let base = hashes.pointer(as: UInt64.self)
    arguments[0].hash(into: base, combining: false)
    let view = ColumnView(arguments[0])
    for row in 0..<count where view.isValid(row) { add(Self.scrambled(base[row]), to: Int(groups[row])) }
  }

  /// Buckets follow from the error: 1.04 / sqrt(buckets). It is meant to be one for all rows; the last one counts.
  private func setError(_ error: Double) throws(KernelError) {
    bucketCount = 1 << (try HyperLogLog.indexBits(standardError: error))
  }

  /// The hashes of the kernels are made for tables; a sketch needs every bit to depend on all of the value.
  /// - Source: the finaliser of MurmurHash3 (Austin Appleby).
  private static func scrambled(_ hash: UInt64) -> UInt64 {
    var bits = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    bits = (bits ^ (bits >> 33)) &* 0xC4CE_B9FE_1A85_EC53
    return bits ^ (bits >> 33)
  }

  private func add(_ hash: UInt64, to group: Int) {
    switch sketches[group] {
    case .empty:
      sketches[group] = .exact([hash])
      heldBytes += 64
    case .exact(var hashes):
      sketches[group] = .empty
      if hashes.insert(hash).inserted { heldBytes += 16 }
      if hashes.count <= Self.exactLimit {
        sketches[group] = .exact(hashes)
      } else {
        sketches[group] = .registers(registers(of: hashes))
      }
    case .registers(var registers):
      sketches[group] = .empty
      HyperLogLog.note(hash, in: &registers)
      sketches[group] = .registers(registers)
    }
  }

  private func registers(of hashes: Set<UInt64>) -> [UInt8] {
    var registers = [UInt8](repeating: 0, count: bucketCount)
    for hash in hashes { HyperLogLog.note(hash, in: &registers) }
    heldBytes += bucketCount
    return registers
  }

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? DistinctSketchState else { return }
    if other.bucketCount != bucketCount { bucketCount = other.bucketCount }
    for group in 0..<min(count, other.sketches.count) {
      let target = Int(groupMap[group])
      switch other.sketches[group] {
      case .empty: break
      case .exact(let hashes): for hash in hashes { add(hash, to: target) }
      case .registers(let theirs):
        var mine: [UInt8]
        switch sketches[target] {
        case .registers(let known): mine = known
        case .exact(let hashes): mine = registers(of: hashes)
        case .empty:
          heldBytes += theirs.count
          mine = [UInt8](repeating: 0, count: theirs.count)
        }
        for bucket in 0..<min(mine.count, theirs.count) { mine[bucket] = max(mine[bucket], theirs[bucket]) }
        sketches[target] = .registers(mine)
      }
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let sketches = self.sketches
    return try groupColumn(.bigint, start: start, count: count, isPresent: { _ in true }) {
      (group: Int) throws(KernelError) -> Int64 in
      switch sketches[group] {
      case .empty: 0
      case .exact(let hashes): Int64(hashes.count)
      case .registers(let registers): HyperLogLog.estimate(registers)
      }
    }
  }

  var byteCount: Int { heldBytes + sketches.count * 16 }
}

/// The sum of the hashes of all values, times a prime; NULLs count as the prime.
private final class ChecksumState: GroupwiseAggregateState {
  private let sums = GroupValues<UInt64>()
  private let seen = GroupValues<UInt8>()
  private static let prime: UInt64 = 0x9E37_79B1_85EB_CA87

  func resize(groupCount: Int) {
    sums.resize(groupCount)
    seen.resize(groupCount)
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let hasher = ValueHasher(arguments[0])
    for row in 0..<count {
      let group = Int(groups[row])
      sums.base[group] &+= hasher.hash(row).map { $0 &* Self.prime } ?? Self.prime
      seen.base[group] = 1
    }
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? ChecksumState else { return }
    for index in 0..<count where other.seen[Int(groups[index])] != 0 {
      sums.base[Int(targets[index])] &+= other.sums[Int(groups[index])]
      seen.base[Int(targets[index])] = 1
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    var out = TextColumnBuilder(count: count)
    for group in start..<start + count {
      if seen[group] == 0 {
        out.setNull()
      } else {
        withUnsafeBytes(of: sums[group].littleEndian) { out.bytes.append($0) }
      }
      out.endRow()
    }
    return out.finish(.varbinary)
  }

  var byteCount: Int { sums.byteCount + seen.byteCount }
}

/// xxHash64 of values as Trino computes it: numbers, dates and times as 8 bytes, texts by their bytes.
private struct ValueHasher {
  private let view: ColumnView
  private let type: SQLType
  private let comparer: RowComparer

  init(_ column: Column) {
    view = ColumnView(column)
    type = column.type
    comparer = RowComparer(column)
  }

  /// Nil for NULL.
  func hash(_ row: Int) -> UInt64? {
    guard view.isValid(row) else { return nil }
    let index = view.index(row)
    func word(_ value: UInt64) -> UInt64 { withUnsafeBytes(of: value.littleEndian) { XXHash64.hash($0) } }
    switch type.physical {
    case .boolean: return word(UInt64(view.pointer(as: UInt8.self)[index]))
    case .int8: return word(UInt64(bitPattern: Int64(view.pointer(as: Int8.self)[index])))
    case .int16: return word(UInt64(bitPattern: Int64(view.pointer(as: Int16.self)[index])))
    case .int32: return word(UInt64(bitPattern: Int64(view.pointer(as: Int32.self)[index])))
    case .int64: return word(UInt64(bitPattern: view.pointer(as: Int64.self)[index]))
    case .float:
      let value = view.pointer(as: Float.self)[index]
      return word(UInt64(bitPattern: Int64(Int32(bitPattern: value == 0 ? 0 : value.bitPattern))))
    case .double:
      let value = view.pointer(as: Double.self)[index]
      return word(value.isNaN ? Double.nan.bitPattern : value == 0 ? 0 : value.bitPattern)
    case .string: return XXHash64.hash(StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case .timestampTZ:
      return word(UInt64(bitPattern: view.pointer(as: TimestampTZ.self)[index].instant))
    case .int128, .list, .row: return word(comparer.hash(row))
    }
  }
}
