package import Columnar

/// The binary single-value form of bounds and partition summaries (Iceberg spec, Appendix D).
package enum SingleValue {
  /// The bytes of a value that is not NULL; nil for nested types, which have no such form.
  package static func encode(_ scalar: Scalar) -> [UInt8]? {
    switch (scalar.value, scalar.type) {
    case (.boolean(let flag), _): return [flag ? 1 : 0]
    case (.int(let number), .decimal): return minimalBigEndian(Int128(number))
    case (.int128(let number), .decimal): return minimalBigEndian(number)
    case (.int128(let number), .uuid): return uuidBytes(number)
    case (.int(let number), .tinyint), (.int(let number), .smallint), (.int(let number), .integer),
      (.int(let number), .date):
      return littleEndian(UInt64(bitPattern: number), 4)
    case (.int(let number), _): return littleEndian(UInt64(bitPattern: number), 8)
    case (.timestampTZ(let moment), _): return littleEndian(UInt64(bitPattern: moment.instant), 8)
    case (.real(let number), _): return littleEndian(UInt64(number.bitPattern), 4)
    case (.double(let number), _): return littleEndian(number.bitPattern, 8)
    case (.bytes(let bytes), _): return bytes
    default: return nil
    }
  }

  /// The value of a column of `type`; nil when the bytes do not fit it. A column that was promoted (int to long, float to double) may
  /// still have the shorter form.
  package static func decode(_ bytes: [UInt8], as type: SQLType) -> Scalar? {
    switch type {
    case .boolean: return bytes.count == 1 ? Scalar(type, .boolean(bytes[0] != 0)) : nil
    case .tinyint, .smallint, .integer, .date:
      guard bytes.count == 4 else { return nil }
      return Scalar(type, .int(Int64(Int32(truncatingIfNeeded: unsigned(bytes)))))
    case .bigint, .time, .timestamp:
      guard let number = long(bytes) else { return nil }
      return Scalar(type, .int(number))
    case .timestampTZ:
      guard let number = long(bytes) else { return nil }
      return Scalar(type, .timestampTZ(TimestampTZ(instant: number)))
    case .real: return bytes.count == 4 ? Scalar(type, .real(Float(bitPattern: UInt32(unsigned(bytes))))) : nil
    case .double:
      if bytes.count == 4 { return Scalar(type, .double(Double(Float(bitPattern: UInt32(unsigned(bytes)))))) }
      return bytes.count == 8 ? Scalar(type, .double(Double(bitPattern: unsigned(bytes)))) : nil
    case .decimal:
      guard !bytes.isEmpty, bytes.count <= 16 else { return nil }
      var number: Int128 = bytes[0] >= 0x80 ? -1 : 0
      for byte in bytes { number = number << 8 | Int128(byte) }
      if type.physical == .int128 { return Scalar(type, .int128(number)) }
      guard let short = Int64(exactly: number) else { return nil }
      return Scalar(type, .int(short))
    case .uuid:
      guard bytes.count == 16 else { return nil }
      var bits: UInt128 = 0
      for byte in bytes { bits = bits << 8 | UInt128(byte) }
      return Scalar(type, .int128(Int128(bitPattern: bits ^ (1 << 127))))
    case .varchar, .char, .varbinary, .json: return Scalar(type, .bytes(bytes))
    default: return nil
    }
  }

  private static func long(_ bytes: [UInt8]) -> Int64? {
    switch bytes.count {
    case 8: Int64(bitPattern: unsigned(bytes))
    case 4: Int64(Int32(truncatingIfNeeded: unsigned(bytes)))
    default: nil
    }
  }

  private static func unsigned(_ bytes: [UInt8]) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func littleEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }

  /// Two's complement without superfluous leading bytes; zero is one zero byte.
  package static func minimalBigEndian(_ value: Int128) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = value
    repeat {
      bytes.append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    } while !(rest == 0 && (bytes.last ?? 0) < 0x80) && !(rest == -1 && (bytes.last ?? 0) >= 0x80)
    return bytes.reversed()
  }

  /// The 16 big-endian bytes of a UUID held with its top bit flipped (`PhysicalType.int128`).
  package static func uuidBytes(_ value: Int128) -> [UInt8] {
    let bits = UInt128(bitPattern: value) ^ (1 << 127)
    return (0..<16).map { UInt8(truncatingIfNeeded: bits >> UInt128((15 - $0) * 8)) }
  }
}
