package import Columnar

/// The two forms in which metadata holds single values: bytes (bounds, partition summaries) and JSON (defaults).
///
/// In memory a value is Columnar's `ScalarValue`, in the case its SQL type uses. SPEC Appendix D.
package enum SingleValue {
  // MARK: Binary form

  /// A bound of a column of this type.
  ///
  /// Bounds keep the width of the type the column had when they were written; promotions are told by the length.
  /// - Returns: nil for bytes of an impossible length, which a reader treats as no bound at all.
  package static func decode(_ bytes: UnsafeRawBufferPointer, _ type: IcebergType) -> ScalarValue? {
    switch type {
    case .boolean: return bytes.count == 1 ? .boolean(bytes[0] != 0) : nil
    case .int, .date, .long, .time: return integer(bytes).map { .int($0) }
    case .timestamp, .timestampNanos:
      return instant(bytes, type).map { .int($0) }
    case .timestampTZ, .timestampTZNanos:
      return instant(bytes, type).map { .timestampTZ(TimestampTZ(instant: $0)) }
    case .float:
      guard bytes.count == 4 else { return nil }
      return .real(Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))))
    case .double:
      if bytes.count == 4 { return .double(Double(Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))))) }
      guard bytes.count == 8 else { return nil }
      return .double(Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))))
    case .string, .binary, .fixed: return .bytes(Array(bytes))
    case .uuid: return bytes.count == 16 ? .int128(uuid(bytes)) : nil
    case .decimal(let precision, _):
      guard let value = bigEndian(bytes) else { return nil }
      return decimal(value, precision: precision)
    case .unknown, .variant, .geometry, .geography, .structure, .list, .map: return nil
    }
  }

  package static func decode(_ bytes: [UInt8], _ type: IcebergType) -> ScalarValue? { bytes.withUnsafeBytes { decode($0, type) } }

  /// - Returns: nil for null and for values that have no binary form.
  package static func encode(_ value: ScalarValue, _ type: IcebergType) -> [UInt8]? {
    switch (type, value) {
    case (.boolean, .boolean(let flag)): return [flag ? 1 : 0]
    case (.int, .int(let number)), (.date, .int(let number)): return littleEndian(Int32(truncatingIfNeeded: number))
    case (.long, .int(let number)), (.time, .int(let number)), (.timestamp, .int(let number)), (.timestampNanos, .int(let number)):
      return littleEndian(number)
    case (.timestampTZ, .timestampTZ(let moment)), (.timestampTZNanos, .timestampTZ(let moment)): return littleEndian(moment.instant)
    case (.float, .real(let number)): return littleEndian(number.bitPattern)
    case (.double, .double(let number)): return littleEndian(number.bitPattern)
    case (.string, .bytes(let bytes)), (.binary, .bytes(let bytes)), (.fixed, .bytes(let bytes)): return bytes
    case (.uuid, .int128(let number)): return uuidBytes(number)
    case (.decimal, .int(let number)): return minimalBigEndian(Int128(number))
    case (.decimal, .int128(let number)): return minimalBigEndian(number)
    default: return nil
    }
  }

  private static func integer(_ bytes: UnsafeRawBufferPointer) -> Int64? {
    switch bytes.count {
    case 4: Int64(Int32(littleEndian: bytes.loadUnaligned(as: Int32.self)))
    case 8: Int64(littleEndian: bytes.loadUnaligned(as: Int64.self))
    default: nil
    }
  }

  /// Four bytes are days: the column was a date once.
  private static func instant(_ bytes: UnsafeRawBufferPointer, _ type: IcebergType) -> Int64? {
    guard let number = integer(bytes) else { return nil }
    guard bytes.count == 4 else { return number }
    let isNanos = type == .timestampNanos || type == .timestampTZNanos
    let (value, overflow) = number.multipliedReportingOverflow(by: isNanos ? 86_400_000_000_000 : 86_400_000_000)
    return overflow ? nil : value
  }

  private static func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian, Array.init)
  }

  /// Two's complement, big-endian, of any length up to 16 bytes (or more, when only sign bytes lead).
  static func bigEndian(_ bytes: UnsafeRawBufferPointer) -> Int128? {
    guard let first = bytes.first else { return nil }
    let sign: UInt8 = first & 0x80 != 0 ? 0xFF : 0
    var value: Int128 = sign == 0 ? 0 : -1
    for (index, byte) in bytes.enumerated() {
      if bytes.count - index > 16 {
        guard byte == sign else { return nil }
        continue
      }
      value = value << 8 | Int128(byte)
    }
    return value
  }

  static func minimalBigEndian(_ value: Int128) -> [UInt8] {
    var bytes = withUnsafeBytes(of: value.bigEndian, Array.init)
    while bytes.count > 1, (bytes[0] == 0 && bytes[1] & 0x80 == 0) || (bytes[0] == 0xFF && bytes[1] & 0x80 != 0) { bytes.removeFirst() }
    return bytes
  }

  /// Sign-extended to `byteCount` bytes.
  static func bigEndian(_ value: Int128, byteCount: Int) -> [UInt8] {
    let bytes = withUnsafeBytes(of: value.bigEndian, Array.init)
    guard byteCount > 16 else { return Array(bytes.suffix(byteCount)) }
    return [UInt8](repeating: value < 0 ? 0xFF : 0, count: byteCount - 16) + bytes
  }

  /// The payload a decimal of that precision uses.
  static func decimal(_ value: Int128, precision: Int) -> ScalarValue {
    if precision <= 18, let short = Int64(exactly: value) { return .int(short) }
    return .int128(value)
  }

  /// Columnar keeps uuids as a big-endian number with the top bit flipped, so that signed order is byte order.
  static func uuid(_ bytes: UnsafeRawBufferPointer) -> Int128 {
    Int128(bitPattern: UInt128(bigEndian: bytes.loadUnaligned(as: UInt128.self)) ^ (1 << 127))
  }

  static func uuidBytes(_ value: Int128) -> [UInt8] {
    withUnsafeBytes(of: (UInt128(bitPattern: value) ^ (1 << 127)).bigEndian, Array.init)
  }

  // MARK: Order

  /// Negative, zero or positive; both values are of one type and not null. NaN is above everything and equal to itself, -0.0 below 0.0.
  package static func compare(_ left: ScalarValue, _ right: ScalarValue) -> Int {
    switch (left, right) {
    case (.int(let left), .int(let right)): return left < right ? -1 : left > right ? 1 : 0
    case (.int128(let left), .int128(let right)): return left < right ? -1 : left > right ? 1 : 0
    case (.int(let left), .int128(let right)): return Int128(left) < right ? -1 : Int128(left) > right ? 1 : 0
    case (.int128(let left), .int(let right)): return left < Int128(right) ? -1 : left > Int128(right) ? 1 : 0
    case (.boolean(let left), .boolean(let right)): return left == right ? 0 : left ? 1 : -1
    case (.real(let left), .real(let right)): return compareFloats(Double(left), Double(right))
    case (.double(let left), .double(let right)): return compareFloats(left, right)
    case (.timestampTZ(let left), .timestampTZ(let right)):
      return left.instant < right.instant ? -1 : left.instant > right.instant ? 1 : 0
    case (.bytes(let left), .bytes(let right)):
      return left.lexicographicallyPrecedes(right) ? -1 : left == right ? 0 : 1
    default: return 0
    }
  }

  private static func compareFloats(_ left: Double, _ right: Double) -> Int {
    if left.isNaN || right.isNaN { return left.isNaN ? (right.isNaN ? 0 : 1) : -1 }
    if left == right {
      if left == 0, left.sign != right.sign { return left.sign == .minus ? -1 : 1 }
      return 0
    }
    return left < right ? -1 : 1
  }

  package static func isNaN(_ value: ScalarValue) -> Bool {
    switch value {
    case .real(let number): number.isNaN
    case .double(let number): number.isNaN
    default: false
    }
  }
}
