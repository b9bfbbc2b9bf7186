import Columnar

/// Turns stored values into the engine's, a stretch at a time; one loop per conversion.
enum ValueConverter {
  private static let microsPerMilli: Int64 = 1_000
  private static let microsPerDay: Int64 = 86_400_000_000
  private static let nanosPerDay: Int64 = 86_400_000_000_000
  /// Days of 2^63 microseconds.
  private static let maxWrappedDay: Int64 = 106_751_992
  private static let lastSparkWrappedDay: Int64 = -103_000_000
  /// Julian day of 1970-01-01.
  private static let julianEpoch: Int64 = 2_440_588

  /// Converts `count` values of fixed stored width.
  ///
  /// - Parameters:
  ///   - source: stored values, side by side, of any alignment.
  ///   - length: bytes of a value that is a fixed byte array.
  ///   - target: room for `count` values of the wanted type.
  static func convert(
    _ conversion: ValueConversion, _ source: UnsafeRawPointer, length: Int, _ count: Int,
    into target: UnsafeMutableRawPointer
  ) throws(ParquetError) {
    switch conversion {
    case .identity, .bytes, .nullOnly: break
    case .int32ToInt8: map(source, Int32.self, count, target) { Int8(truncatingIfNeeded: $0) }
    case .int32ToInt16: map(source, Int32.self, count, target) { Int16(truncatingIfNeeded: $0) }
    case .int32ToUInt8: map(source, Int32.self, count, target) { Int16(UInt8(truncatingIfNeeded: $0)) }
    case .int32ToUInt16: map(source, Int32.self, count, target) { Int32(UInt16(truncatingIfNeeded: $0)) }
    case .uint32ToInt64: map(source, UInt32.self, count, target) { Int64($0) }
    case .uint64ToInt128: map(source, UInt64.self, count, target) { Int128($0) }
    case .int32ToInt64: map(source, Int32.self, count, target) { Int64($0) }
    case .int32ToInt128: map(source, Int32.self, count, target) { Int128($0) }
    case .int64ToInt128: map(source, Int64.self, count, target) { Int128($0) }
    case .int32MillisToMicros: map(source, Int32.self, count, target) { Int64($0) &* microsPerMilli }
    case .int64MillisToMicros:
      try checkMillis(source, count)
      map(source, Int64.self, count, target) { $0 &* microsPerMilli }
    case .timestampTZ(let isMillis):
      if isMillis {
        try checkMillis(source, count)
        map(source, Int64.self, count, target) { TimestampTZ(instant: $0 &* microsPerMilli) }
      } else {
        map(source, Int64.self, count, target) { TimestampTZ(instant: $0) }
      }
    case .int96(let isNanos): try int96(source, count, isNanos: isNanos, target)
    case .float16: map(source, UInt16.self, count, target) { Self.float(fromHalf: UInt16(littleEndian: $0)) }
    case .uuid:
      // Big-endian with the top bit flipped, so that signed order is byte order.
      map(source, UInt128.self, count, target) { Int128(bitPattern: UInt128(bigEndian: $0) ^ (1 << 127)) }
    case .decimalBytes(let isWide): try decimals(source, length: length, count, isWide: isWide, target)
    }
  }

  /// Converts decimals held in byte arrays of varying length.
  static func convertDecimalViews(
    _ views: UnsafePointer<StringView>, _ count: Int, isWide: Bool, into target: UnsafeMutableRawPointer
  ) throws(ParquetError) {
    for index in 0..<count {
      let bytes = StringView.buffer(at: views + index)
      if bytes.isEmpty { throw .corrupt("a decimal without bytes") }
      let value = try decimal(bytes)
      if isWide {
        target.storeBytes(of: value, toByteOffset: index &* 16, as: Int128.self)
      } else {
        guard let short = Int64(exactly: value) else { throw tooLarge() }
        target.storeBytes(of: short, toByteOffset: index &* 8, as: Int64.self)
      }
    }
  }

  @inline(__always)
  private static func map<Stored: BitwiseCopyable, Value>(
    _ source: UnsafeRawPointer, _ stored: Stored.Type, _ count: Int, _ target: UnsafeMutableRawPointer,
    _ body: (Stored) -> Value
  ) {
    let output = target.assumingMemoryBound(to: Value.self)
    for index in 0..<count {
      output[index] = body(source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Stored>.size, as: stored))
    }
  }

  /// Milliseconds whose microseconds do not fit 64 bits are refused once per stretch.
  private static func checkMillis(_ source: UnsafeRawPointer, _ count: Int) throws(ParquetError) {
    let limit = Int64.max / microsPerMilli
    var isTooLarge = false
    for index in 0..<count {
      let value = source.loadUnaligned(fromByteOffset: index &* 8, as: Int64.self)
      isTooLarge = isTooLarge || value > limit || value < -limit
    }
    if isTooLarge { throw .corrupt("a timestamp in milliseconds is beyond the range of microseconds") }
  }

  private static func int96(
    _ source: UnsafeRawPointer, _ count: Int, isNanos: Bool, _ target: UnsafeMutableRawPointer
  ) throws(ParquetError) {
    let output = target.assumingMemoryBound(to: Int64.self)
    for index in 0..<count {
      let nanos = source.loadUnaligned(fromByteOffset: index &* 12, as: Int64.self)
      let julianDay = Int64(source.loadUnaligned(fromByteOffset: index &* 12 &+ 8, as: Int32.self))
      var day = julianDay &- julianEpoch
      // Nanoseconds may exceed a day in old files: added with carry.
      if isNanos {
        let (start, overflow) = day.multipliedReportingOverflow(by: nanosPerDay)
        let (value, overflow2) = start.addingReportingOverflow(nanos)
        if overflow || overflow2 {
          throw ParquetError(.corrupt, "a 12-byte timestamp is beyond the range of nanoseconds in 64 bits")
        }
        output[index] = value
      } else {
        // Spark counts microseconds from Julian day 0 in 64 bits and lets them wrap in the far future, which gives days around
        // -2^63 microseconds; wrapping here undoes it. Other negative days are large unsigned ones, which every reader wraps.
        if julianDay < lastSparkWrappedDay {
          guard julianDay >= -maxWrappedDay else {
            throw ParquetError(.corrupt, "a 12-byte timestamp is beyond the range of microseconds in 64 bits")
          }
        } else if julianDay < 0 {
          day &+= 1 << 32
        } else if julianDay > maxWrappedDay {
          throw ParquetError(.corrupt, "a 12-byte timestamp is beyond the range of microseconds in 64 bits")
        }
        output[index] = day &* microsPerDay &+ floorDivide(nanos, 1_000)
      }
    }
  }

  private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient &- 1 : quotient
  }

  private static func tooLarge() -> ParquetError { .corrupt("a decimal has more digits than its type") }

  private static func decimals(
    _ source: UnsafeRawPointer, length: Int, _ count: Int, isWide: Bool, _ target: UnsafeMutableRawPointer
  ) throws(ParquetError) {
    if length <= 8 {
      // One loop of byte loads; the sign comes from an arithmetic shift of the left-aligned value.
      let shift = Int64(64 &- 8 &* length)
      let wide = target.assumingMemoryBound(to: Int128.self)
      let short = target.assumingMemoryBound(to: Int64.self)
      for index in 0..<count {
        var bits: UInt64 = 0
        let value = source + index &* length
        for byte in 0..<length { bits = bits &<< 8 | UInt64(value.load(fromByteOffset: byte, as: UInt8.self)) }
        let signed = Int64(bitPattern: bits &<< UInt64(shift)) &>> shift
        if isWide { wide[index] = Int128(signed) } else { short[index] = signed }
      }
      return
    }
    for index in 0..<count {
      let value = try decimal(UnsafeRawBufferPointer(start: source + index &* length, count: length))
      if isWide {
        target.storeBytes(of: value, toByteOffset: index &* 16, as: Int128.self)
      } else {
        guard let short = Int64(exactly: value) else { throw tooLarge() }
        target.storeBytes(of: short, toByteOffset: index &* 8, as: Int64.self)
      }
    }
  }

  /// Big-endian two's complement of any length; bytes beyond 16 must repeat the sign.
  static func decimal(_ bytes: UnsafeRawBufferPointer) throws(ParquetError) -> Int128 {
    guard let first = bytes.first else { return 0 }
    var value: Int128 = first >= 0x80 ? -1 : 0
    let fill: UInt8 = first >= 0x80 ? 0xFF : 0
    let surplus = max(0, bytes.count &- 16)
    for index in 0..<surplus where bytes[index] != fill { throw tooLarge() }
    for index in surplus..<bytes.count { value = value &<< 8 | Int128(bytes[index]) }
    if (value < 0) != (first >= 0x80) { throw tooLarge() }
    return value
  }

  /// IEEE half precision to single, exactly; written out because `Float16` is missing on some processors.
  static func float(fromHalf half: UInt16) -> Float {
    let sign = UInt32(half & 0x8000) &<< 16
    let exponent = UInt32(half &>> 10) & 0x1F
    let fraction = UInt32(half & 0x3FF)
    switch exponent {
    case 0:
      let magnitude = Float(fraction) * 0x1p-24
      return sign == 0 ? magnitude : -magnitude
    case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction &<< 13)
    default: return Float(bitPattern: sign | (exponent &+ 112) &<< 23 | fraction &<< 13)
    }
  }
}
