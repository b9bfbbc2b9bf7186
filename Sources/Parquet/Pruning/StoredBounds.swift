import Columnar

/// Reads bounds out of statistics and page indexes, where their order can be trusted.
///
/// - Source: parquet.thrift, `Statistics` and `ColumnOrder`; the rules about older writers are parquet-java's.
struct StoredBounds {
  let leaf: LeafColumn
  let order: ColumnOrder?

  init(_ file: ParquetFile, _ leaf: LeafColumn) {
    self.leaf = leaf
    if let orders = file.metadata.columnOrders {
      order = leaf.index < orders.count ? orders[leaf.index] : .unknown
    } else {
      order = nil
    }
  }

  /// Whether `min_value` and `max_value` follow an order that the engine's comparisons share.
  var isOrdered: Bool {
    switch leaf.logical {
    case .interval, .list, .map, .variant, .geometry, .geography, .null, .bson, .other: return false
    default: break
    }
    guard leaf.kind != .int96 else { return false }
    switch order {
    case .typeDefined: return true
    case .ieeeTotalOrder: return isFloating
    case .unknown, .int96Timestamp: return false
    // Without column orders nobody knows how binary values were compared.
    case nil: return leaf.kind != .byteArray && leaf.kind != .fixedByteArray && !isUnsigned
    }
  }

  private var isFloating: Bool { leaf.kind == .float || leaf.kind == .double || leaf.conversion == .float16 }

  private var isUnsigned: Bool {
    if case .integer(_, isSigned: false) = leaf.logical { return true }
    return false
  }

  /// Whether the older `min` and `max`, always compared as signed, follow the right order.
  private var isSignedOrdered: Bool {
    guard !isUnsigned else { return false }
    switch leaf.kind {
    case .boolean, .int32, .int64, .float, .double: return true
    case .int96, .byteArray, .fixedByteArray: return false
    }
  }

  /// Bounds of a column chunk.
  func chunk(_ statistics: StatisticsSpans?, _ metadata: FileMetadata, valueCount: Int64) -> ValueBounds {
    var bounds = ValueBounds(valueCount: valueCount)
    guard let statistics else { return bounds }
    if let nullCount = statistics.nullCount, nullCount >= 0, nullCount <= valueCount { bounds.nullCount = nullCount }
    if isOrdered, statistics.min != nil || statistics.max != nil {
      set(&bounds, statistics.min.map(metadata.raw), statistics.max.map(metadata.raw))
    } else if isSignedOrdered, statistics.oldMin != nil || statistics.oldMax != nil {
      set(&bounds, statistics.oldMin.map(metadata.raw), statistics.oldMax.map(metadata.raw))
    }
    return bounds
  }

  /// Fills in both bounds; a NaN among them discards both.
  func set(_ bounds: inout ValueBounds, _ minimum: UnsafeRawBufferPointer?, _ maximum: UnsafeRawBufferPointer?) {
    let low = minimum.flatMap(value)
    let high = maximum.flatMap(value)
    if low?.isNaN == true || high?.isNaN == true { return }
    bounds.minimum = low?.replacingZero(with: -0.0)
    bounds.maximum = high?.replacingZero(with: 0.0)
  }

  /// A plain-encoded bound as a value of the leaf's type; nil when its length is wrong.
  func value(_ bytes: UnsafeRawBufferPointer) -> ScalarValue? {
    if leaf.kind == .byteArray {
      guard case .decimalBytes(let isWide) = leaf.conversion else { return .bytes(Array(bytes)) }
      guard !bytes.isEmpty, let value = try? ValueConverter.decimal(bytes) else { return nil }
      return isWide ? .int128(value) : Int64(exactly: value).map { .int($0) }
    }
    if leaf.conversion == .bytes { return .bytes(Array(bytes)) }
    guard bytes.count == leaf.storedWidth, let base = bytes.baseAddress else { return nil }
    let target = Buffer(byteCount: 16)
    if leaf.conversion == .identity {
      target.base.copyMemory(from: base, byteCount: bytes.count)
    } else {
      do throws(ParquetError) {
        try ValueConverter.convert(leaf.conversion, base, length: leaf.storedWidth, 1, into: target.base)
      } catch {
        // A bound out of range says nothing.
        return nil
      }
    }
    let column = Column(type: leaf.type, count: 1, values: target)
    return leaf.conversion == .nullOnly ? nil : column.scalarValue(at: 0)
  }

  /// The plain bytes of a value as the file stores it, for Bloom filters; nil when that is not one certain sequence.
  func storedBytes(_ value: ScalarValue) -> [UInt8]? {
    func bytes<Stored: FixedWidthInteger>(_ number: Stored) -> [UInt8] {
      withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
    func int32(_ number: Int64) -> [UInt8]? { Int32(exactly: number).map { bytes($0) } }
    switch (leaf.conversion, value) {
    case (.bytes, .bytes(let array)):
      return leaf.kind == .byteArray || array.count == leaf.typeLength ? array : nil
    case (.identity, .int(let number)): return leaf.kind == .int32 ? int32(number) : bytes(number)
    case (.int32ToInt8, .int(let number)), (.int32ToInt16, .int(let number)), (.int32ToInt64, .int(let number)),
      (.int32ToUInt8, .int(let number)), (.int32ToUInt16, .int(let number)):
      return int32(number)
    case (.uint32ToInt64, .int(let number)): return UInt32(exactly: number).map { bytes($0) }
    case (.uint64ToInt128, .int128(let number)): return UInt64(exactly: number).map { bytes($0) }
    case (.int32ToInt128, .int128(let number)): return Int32(exactly: number).map { bytes($0) }
    case (.int64ToInt128, .int128(let number)): return Int64(exactly: number).map { bytes($0) }
    case (.identity, .double(let number)): return number.isNaN || number == 0 ? nil : bytes(number.bitPattern)
    case (.identity, .real(let number)): return number.isNaN || number == 0 ? nil : bytes(number.bitPattern)
    case (.timestampTZ(isMillis: false), .timestampTZ(let moment)): return bytes(moment.instant)
    case (.uuid, .int128(let number)):
      return withUnsafeBytes(of: (UInt128(bitPattern: number) ^ (1 << 127)).bigEndian) { Array($0) }
    case (.decimalBytes, .int(let number)): return decimalBytes(Int128(number))
    case (.decimalBytes, .int128(let number)): return decimalBytes(number)
    default: return nil
    }
  }

  private func decimalBytes(_ number: Int128) -> [UInt8]? {
    // Byte arrays may hold any number of leading sign bytes.
    guard leaf.kind == .fixedByteArray, leaf.typeLength <= 16 else { return nil }
    return withUnsafeBytes(of: number.bigEndian) { Array($0.suffix(leaf.typeLength)) }
  }
}

extension ScalarValue {
  var isNaN: Bool {
    switch self {
    case .real(let value): value.isNaN
    case .double(let value): value.isNaN
    default: false
    }
  }

  /// Zeros of either sign count as one value; a bound is moved to the side that includes both.
  func replacingZero(with zero: Double) -> ScalarValue {
    switch self {
    case .real(let value) where value == 0: .real(Float(zero))
    case .double(let value) where value == 0: .double(zero)
    default: self
    }
  }
}
