package import Columnar

/// How a partition field (or sort field) is computed from its source column (Iceberg spec, "Partition Transforms").
package enum PartitionTransform: Hashable, Sendable {
  case identity
  case bucket(Int)
  case truncate(Int)
  case year, month, day, hour
  /// Always NULL: what remains of a dropped field in a v1 table.
  case void
  /// A transform this version does not know: compared for equality, never pruned by, refused for writing.
  case unknown(String)

  /// Reads the form of table metadata: `day`, `bucket[16]`.
  package init(_ text: String) {
    switch text {
    case "identity": self = .identity
    case "year": self = .year
    case "month": self = .month
    case "day": self = .day
    case "hour": self = .hour
    case "void": self = .void
    default:
      if let width = Self.argument(text, "bucket") {
        self = .bucket(width)
      } else if let width = Self.argument(text, "truncate") {
        self = .truncate(width)
      } else {
        self = .unknown(text)
      }
    }
  }

  private static func argument(_ text: String, _ name: String) -> Int? {
    guard text.hasPrefix(name + "["), text.hasSuffix("]") else { return nil }
    guard let number = Int32(text.dropFirst(name.count + 1).dropLast()), number > 0 else { return nil }
    return Int(number)
  }

  /// The form of table metadata.
  package var text: String {
    switch self {
    case .identity: "identity"
    case .bucket(let count): "bucket[\(count)]"
    case .truncate(let width): "truncate[\(width)]"
    case .year: "year"
    case .month: "month"
    case .day: "day"
    case .hour: "hour"
    case .void: "void"
    case .unknown(let text): text
    }
  }

  /// The type of the result for a source type; nil when the transform does not take the type.
  package func resultType(_ source: SQLType) -> SQLType? {
    switch self {
    case .identity: return source.isNested ? nil : source
    case .void, .unknown: return source
    case .bucket:
      switch source {
      case .integer, .bigint, .decimal, .date, .time, .timestamp, .timestampTZ, .varchar, .char, .uuid, .varbinary:
        return .integer
      default: return nil
      }
    case .truncate:
      switch source {
      case .integer, .bigint, .decimal, .varchar, .char, .varbinary: return source
      default: return nil
      }
    case .year, .month:
      switch source {
      case .date, .timestamp, .timestampTZ: return .integer
      default: return nil
      }
    case .day:
      switch source {
      case .date, .timestamp, .timestampTZ: return .date
      default: return nil
      }
    case .hour:
      switch source {
      case .timestamp, .timestampTZ: return .integer
      default: return nil
      }
    }
  }

  /// The partition value of one source value. The source type must be one that `resultType` takes.
  package func apply(_ scalar: Scalar) -> Scalar {
    let type = resultType(scalar.type) ?? scalar.type
    if scalar.isNull { return .null(type) }
    switch self {
    case .identity: return scalar
    case .void, .unknown: return .null(type)
    case .bucket(let count):
      guard let hash = Self.hash(scalar) else { return .null(type) }
      return Scalar(type, .int(Int64(Int(hash & .max) % count)))
    case .truncate(let width): return Scalar(type, Self.truncated(scalar, width))
    case .year, .month, .day, .hour:
      guard let ticks = Self.ticks(scalar) else { return .null(type) }
      return Scalar(type, .int(timeUnits(ticks, scalar.type)))
    }
  }

  /// The partition values of a whole column; dictionaries and constants are computed once per entry.
  package func apply(_ column: Column) -> Column {
    let type = resultType(column.type) ?? column.type
    switch (self, column.encoding) {
    case (.identity, _): return column
    case (.void, _), (.unknown, _): return .nulls(type, count: column.count)
    case (_, .constant): return .constant(apply(column.scalar(at: 0)), count: column.count)
    case (_, .dictionary(let vector)):
      guard vector.values.count > 0 else { return .nulls(type, count: column.count) }
      return Column(
        type: type, count: column.count,
        encoding: .dictionary(
          DictionaryVector(
            values: apply(vector.values), indices: vector.indices, validity: vector.validity)))
    case (_, .flat(let vector)):
      if let fast = applyToTimes(vector, column, type) ?? applyToFlat(vector, column, type) { return fast }
      let builder = ColumnBuilder(type: type, capacity: column.count)
      for row in 0..<column.count { builder.append(apply(column.scalar(at: row)).value) }
      return builder.finish()
    }
  }

  /// Dates and timestamps without a detour through scalars: the common case on write.
  private func applyToTimes(_ vector: FlatVector, _ column: Column, _ type: SQLType) -> Column? {
    switch self {
    case .year, .month, .day, .hour: break
    default: return nil
    }
    let count = column.count
    let output = Buffer(byteCount: count * 4)
    let target = output.base.assumingMemoryBound(to: Int32.self)
    let source = column.type
    switch source.physical {
    case .int32:
      let values = vector.values.pointer(as: Int32.self)
      for row in 0..<count { target[row] = Int32(truncatingIfNeeded: timeUnits(Int64(values[row]), source)) }
    case .int64:
      let values = vector.values.pointer(as: Int64.self)
      for row in 0..<count { target[row] = Int32(truncatingIfNeeded: timeUnits(values[row], source)) }
    case .timestampTZ:
      let values = vector.values.pointer(as: TimestampTZ.self)
      for row in 0..<count { target[row] = Int32(truncatingIfNeeded: timeUnits(values[row].instant, source)) }
    default: return nil
    }
    return Column(
      flat: FlatVector(values: BufferSlice(output), validity: vector.validity), type: type, count: count)
  }

  // MARK: Times

  /// Days of a date, ticks of a timestamp.
  private static func ticks(_ scalar: Scalar) -> Int64? {
    switch scalar.value {
    case .int(let number): number
    case .timestampTZ(let moment): moment.instant
    default: nil
    }
  }

  private func timeUnits(_ ticks: Int64, _ source: SQLType) -> Int64 {
    let days: Int64
    switch source {
    case .date: days = ticks
    case .timestamp(let precision), .timestampTZ(let precision):
      let second = SQLType.ticksPerSecond(precision: precision)
      if self == .hour { return floorDivide(ticks, second * 3_600) }
      days = floorDivide(ticks, second * 86_400)
    default: return 0
    }
    switch self {
    case .year: return CivilDate(days: days).year - 1970
    case .month:
      let date = CivilDate(days: days)
      return (date.year - 1970) * 12 + date.month - 1
    default: return days
    }
  }

  // MARK: Bucket

  private static func hash(_ scalar: Scalar) -> Int32? {
    switch (scalar.value, scalar.type) {
    case (.int(let number), .decimal): SingleValue.minimalBigEndian(Int128(number)).withUnsafeBytes(Murmur3.hash)
    case (.int128(let number), .decimal): SingleValue.minimalBigEndian(number).withUnsafeBytes(Murmur3.hash)
    case (.int128(let number), _): SingleValue.uuidBytes(number).withUnsafeBytes(Murmur3.hash)
    case (.int(let number), .timestamp(let precision)): Murmur3.hash(precision > 6 ? floorDivide(number, 1_000) : number)
    case (.int(let number), _): Murmur3.hash(number)
    case (.timestampTZ(let moment), .timestampTZ(let precision)):
      Murmur3.hash(precision > 6 ? floorDivide(moment.instant, 1_000) : moment.instant)
    case (.bytes(let bytes), _): bytes.withUnsafeBytes(Murmur3.hash)
    default: nil
    }
  }

  // MARK: Truncate

  private static func truncated(_ scalar: Scalar, _ width: Int) -> ScalarValue {
    switch (scalar.value, scalar.type) {
    case (.int(let number), .integer):
      return .int(Int64(floorToMultiple(Int32(truncatingIfNeeded: number), Int32(truncatingIfNeeded: width))))
    case (.int(let number), _): return .int(floorToMultiple(number, Int64(width)))
    case (.int128(let number), _): return .int128(floorToMultiple(number, Int128(width)))
    case (.bytes(let bytes), .varbinary): return .bytes(Array(bytes.prefix(width)))
    case (.bytes(let bytes), _): return .bytes(Array(bytes.prefix(byteCount(of: bytes, codePoints: width))))
    default: return .null
    }
  }

  /// Near the smallest value this wraps around, as Java's does.
  private static func floorToMultiple<Number: FixedWidthInteger & SignedInteger>(_ value: Number, _ width: Number) -> Number {
    let remainder = value % width
    return value &- (remainder < 0 ? remainder &+ width : remainder)
  }

  /// Bytes of the first `codePoints` characters of UTF-8 text.
  private static func byteCount(of bytes: [UInt8], codePoints: Int) -> Int {
    var left = codePoints
    for (index, byte) in bytes.enumerated() where byte & 0xC0 != 0x80 {
      if left == 0 { return index }
      left -= 1
    }
    return bytes.count
  }
}
