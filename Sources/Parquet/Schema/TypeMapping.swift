import Columnar

extension LogicalKind {
  /// The logical type of an element or, where it has none, what its converted type stands for.
  init?(of element: SchemaElement) {
    if let logical = element.logical {
      self = logical
      return
    }
    guard let converted = element.convertedType else { return nil }
    switch converted {
    case 0: self = .string
    case 1: self = .map
    case 2: self = .mapKeyValue
    case 3: self = .list
    case 4: self = .enumeration
    case 5: self = .decimal(precision: Int(element.precision ?? 0), scale: Int(element.scale ?? 0))
    case 6: self = .date
    case 7: self = .time(.millis, isUTC: true)
    case 8: self = .time(.micros, isUTC: true)
    case 9: self = .timestamp(.millis, isUTC: true)
    case 10: self = .timestamp(.micros, isUTC: true)
    case 11: self = .integer(bitWidth: 8, isSigned: false)
    case 12: self = .integer(bitWidth: 16, isSigned: false)
    case 13: self = .integer(bitWidth: 32, isSigned: false)
    case 14: self = .integer(bitWidth: 64, isSigned: false)
    case 15: self = .integer(bitWidth: 8, isSigned: true)
    case 16: self = .integer(bitWidth: 16, isSigned: true)
    case 17: self = .integer(bitWidth: 32, isSigned: true)
    case 18: self = .integer(bitWidth: 64, isSigned: true)
    case 19: self = .json
    case 20: self = .bson
    case 21: self = .interval
    default: return nil
    }
  }
}

/// The SQL type of a leaf and how its values get there.
///
/// | in the file | SQL type |
/// |---|---|
/// | INT(8, 16, 32, 64) | tinyint, smallint, integer, bigint |
/// | UINT(8, 16, 32, 64) | smallint, integer, bigint, decimal(20,0) |
/// | STRING, ENUM | varchar; JSON: json; BSON, INTERVAL, geometry, plain bytes: varbinary |
/// | TIME, TIMESTAMP not in UTC | time(p), timestamp(p) with p = 3, 6, 9 |
/// | TIMESTAMP in UTC | timestamp(p) with time zone, in UTC |
/// | INT96 | timestamp(6), or timestamp(9) on request (its range is then years 1677...2262) |
/// | FLOAT16 | real |
///
/// - Source: parquet-format, LogicalTypes.md.
struct TypeMapping {
  private(set) var type: SQLType
  private(set) var conversion: ValueConversion
  private(set) var logical: LogicalKind?
  private(set) var problem: ParquetError?

  init(_ element: SchemaElement, _ kind: PhysicalKind, typeLength: Int, int96InNanoseconds: Bool) {
    logical = LogicalKind(of: element)
    // What the physical type means by itself.
    switch kind {
    case .boolean: (type, conversion) = (.boolean, .identity)
    case .int32: (type, conversion) = (.integer, .identity)
    case .int64: (type, conversion) = (.bigint, .identity)
    case .int96:
      (type, conversion) = (.timestamp(precision: int96InNanoseconds ? 9 : 6), .int96(isNanos: int96InNanoseconds))
    case .float: (type, conversion) = (.real, .identity)
    case .double: (type, conversion) = (.double, .identity)
    case .byteArray, .fixedByteArray: (type, conversion) = (.varbinary, .bytes)
    }
    guard let logical else { return }
    guard let refined = Self.refine(logical, kind, typeLength: typeLength) else {
      switch logical {
      case .decimal(let precision, let scale):
        problem =
          precision > SQLType.maxDecimalPrecision && scale >= 0
          ? .unsupported("decimals of more than \(SQLType.maxDecimalPrecision) digits (\(precision)) are not supported")
          : .corrupt("a decimal(\(precision),\(scale)) cannot be stored as \(kind)")
      default: problem = .corrupt("the logical type \(logical) cannot annotate \(kind)")
      }
      return
    }
    if let (type, conversion) = refined.mapping {
      self.type = type
      self.conversion = conversion
    }
  }

  private struct Refinement {
    /// nil leaves the meaning of the physical type.
    var mapping: (SQLType, ValueConversion)?
  }

  /// nil for a combination the format forbids.
  private static func refine(_ logical: LogicalKind, _ kind: PhysicalKind, typeLength: Int) -> Refinement? {
    func only(_ allowed: PhysicalKind, _ type: SQLType, _ conversion: ValueConversion) -> Refinement? {
      kind == allowed ? Refinement(mapping: (type, conversion)) : nil
    }
    switch logical {
    case .string, .enumeration:
      // Some writers annotate fixed byte arrays as text.
      return kind == .byteArray || kind == .fixedByteArray ? Refinement(mapping: (.varchar, .bytes)) : nil
    case .json: return only(.byteArray, .json, .bytes)
    case .bson: return only(.byteArray, .varbinary, .bytes)
    case .interval: return typeLength == 12 ? only(.fixedByteArray, .varbinary, .bytes) : nil
    case .uuid: return typeLength == 16 ? only(.fixedByteArray, .uuid, .uuid) : nil
    case .float16: return typeLength == 2 ? only(.fixedByteArray, .real, .float16) : nil
    case .date: return only(.int32, .date, .identity)
    case .time(let unit, _):
      let type = SQLType.time(precision: unit.precision)
      switch unit {
      case .millis: return only(.int32, type, .int32MillisToMicros)
      case .micros, .nanos: return only(.int64, type, .identity)
      }
    case .timestamp(let unit, let isUTC):
      if isUTC {
        return only(.int64, .timestampTZ(precision: unit.precision), .timestampTZ(isMillis: unit == .millis))
      }
      return only(.int64, .timestamp(precision: unit.precision), unit == .millis ? .int64MillisToMicros : .identity)
    case .integer(let bitWidth, let isSigned):
      switch (bitWidth, isSigned) {
      case (8, true): return only(.int32, .tinyint, .int32ToInt8)
      case (16, true): return only(.int32, .smallint, .int32ToInt16)
      case (32, true): return only(.int32, .integer, .identity)
      case (64, true): return only(.int64, .bigint, .identity)
      case (8, false): return only(.int32, .smallint, .int32ToUInt8)
      case (16, false): return only(.int32, .integer, .int32ToUInt16)
      case (32, false): return only(.int32, .bigint, .uint32ToInt64)
      case (64, false): return only(.int64, .decimal(precision: 20, scale: 0), .uint64ToInt128)
      default: return nil
      }
    case .decimal(let precision, let scale):
      guard precision >= 1, precision <= SQLType.maxDecimalPrecision, scale >= 0, scale <= precision else { return nil }
      let type = SQLType.decimal(precision: precision, scale: scale)
      let isWide = precision > 18
      switch kind {
      case .int32: return Refinement(mapping: (type, isWide ? .int32ToInt128 : .int32ToInt64))
      case .int64: return Refinement(mapping: (type, isWide ? .int64ToInt128 : .identity))
      case .byteArray: return Refinement(mapping: (type, .decimalBytes(isWide: isWide)))
      case .fixedByteArray: return typeLength > 0 ? Refinement(mapping: (type, .decimalBytes(isWide: isWide))) : nil
      default: return nil
      }
    case .null: return Refinement(mapping: (.unknown, .nullOnly))
    case .geometry, .geography, .other: return Refinement(mapping: nil)
    case .map, .list, .mapKeyValue, .variant: return Refinement(mapping: nil)
    }
  }
}
