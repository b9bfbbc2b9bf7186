import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// Counts and bounds of the values of a page or chunk. NaN counts, but bounds nothing.
struct ValueStatistics {
  /// Level entries, nulls included.
  var entryCount = 0
  var nullCount = 0
  var nanCount = 0
  var minimum: ScalarValue?
  var maximum: ScalarValue?

  mutating func merge(_ other: ValueStatistics) {
    entryCount += other.entryCount
    nullCount += other.nullCount
    nanCount += other.nanCount
    if let low = other.minimum, minimum.flatMap({ low.order($0) }).map({ $0 < 0 }) ?? true { minimum = low }
    if let high = other.maximum, maximum.flatMap({ high.order($0) }).map({ $0 > 0 }) ?? true { maximum = high }
  }

  var isAllNaN: Bool { nanCount > 0 && nanCount == entryCount - nullCount }
}

/// Finds the bounds of values in memory; one loop per physical type.
enum BoundsScan {
  /// Adds `count` values of the physical type at `values`.
  ///
  /// - Parameter form: columns whose order the format does not define get no bounds.
  static func scan(
    _ values: UnsafeRawPointer, _ count: Int, _ physical: PhysicalType, into statistics: inout ValueStatistics
  ) {
    guard count > 0 else { return }
    func integers<Value: FixedWidthInteger>(_ type: Value.Type) -> (Value, Value) {
      let source = values.assumingMemoryBound(to: type)
      var low = source[0]
      var high = source[0]
      for index in 0..<count {
        low = min(low, source[index])
        high = max(high, source[index])
      }
      return (low, high)
    }
    var part = ValueStatistics()
    switch physical {
    case .boolean:
      let (low, high) = integers(UInt8.self)
      (part.minimum, part.maximum) = (.boolean(low != 0), .boolean(high != 0))
    case .int8:
      let (low, high) = integers(Int8.self)
      (part.minimum, part.maximum) = (.int(Int64(low)), .int(Int64(high)))
    case .int16:
      let (low, high) = integers(Int16.self)
      (part.minimum, part.maximum) = (.int(Int64(low)), .int(Int64(high)))
    case .int32:
      let (low, high) = integers(Int32.self)
      (part.minimum, part.maximum) = (.int(Int64(low)), .int(Int64(high)))
    case .int64:
      let (low, high) = integers(Int64.self)
      (part.minimum, part.maximum) = (.int(low), .int(high))
    case .int128:
      let (low, high) = integers(Int128.self)
      (part.minimum, part.maximum) = (.int128(low), .int128(high))
    case .float:
      let (low, high, nans) = floats(values.assumingMemoryBound(to: Float.self), count)
      part.nanCount = nans
      if nans < count { (part.minimum, part.maximum) = (.real(low), .real(high)) }
    case .double:
      let (low, high, nans) = floats(values.assumingMemoryBound(to: Double.self), count)
      part.nanCount = nans
      if nans < count { (part.minimum, part.maximum) = (.double(low), .double(high)) }
    case .string:
      let views = values.assumingMemoryBound(to: StringView.self)
      var low = views
      var high = views
      for index in 1..<max(1, count) {
        let view = views + index
        if StringView.compare(view, low) < 0 {
          low = view
        } else if StringView.compare(view, high) > 0 {
          high = view
        }
      }
      (part.minimum, part.maximum) = (.bytes(Array(StringView.buffer(at: low))), .bytes(Array(StringView.buffer(at: high))))
    case .timestampTZ, .list, .row: break
    }
    statistics.merge(part)
  }

  /// Bounds without NaN, eight lanes at a time: a comparison with NaN is false, so NaN never replaces a bound.
  private static func floats(_ source: UnsafePointer<Double>, _ count: Int) -> (Double, Double, Int) {
    var low = SIMD8<Double>(repeating: .infinity)
    var high = SIMD8<Double>(repeating: -.infinity)
    var nans = SIMD8<Int64>.zero
    let base = UnsafeRawPointer(source)
    var index = 0
    while index &+ 8 <= count {
      let values = base.loadUnaligned(fromByteOffset: index &* 8, as: SIMD8<Double>.self)
      low.replace(with: values, where: values .< low)
      high.replace(with: values, where: values .> high)
      nans.replace(with: nans &+ 1, where: values .!= values)
      index &+= 8
    }
    var least = low.min()
    var most = high.max()
    var total = Int(nans.wrappedSum())
    while index < count {
      let value = source[index]
      if value < least { least = value }
      if value > most { most = value }
      if value != value { total &+= 1 }
      index &+= 1
    }
    return (least, most, total)
  }

  private static func floats(_ source: UnsafePointer<Float>, _ count: Int) -> (Float, Float, Int) {
    var least = Float.infinity
    var most = -Float.infinity
    var total = 0
    for index in 0..<count {
      let value = source[index]
      if value < least { least = value }
      if value > most { most = value }
      if value != value { total &+= 1 }
    }
    return (least, most, total)
  }
}
