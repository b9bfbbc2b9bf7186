import Columnar

extension Caster {
  // MARK: Number to number

  func castNumber(_ column: Column) throws(KernelError) -> Column {
    switch column.type {
    case .tinyint: try fromInteger(column, Int8.self)
    case .smallint: try fromInteger(column, Int16.self)
    case .integer: try fromInteger(column, Int32.self)
    case .bigint: try fromInteger(column, Int64.self)
    case .real: try fromFloating(column, Float.self)
    case .double: try fromFloating(column, Double.self)
    default: try fromDecimal(column)
    }
  }

  private func fromInteger<Source: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
    _ column: Column, _ type: Source.Type
  ) throws(KernelError) -> Column {
    let source = column.flat.values.pointer(as: type)
    func narrow<Target: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
      _ type: Target.Type
    ) throws(KernelError) -> Column {
      let name = target.description
      return try fixed(column, type) { (row: Int) throws(KernelError) -> Target in
        guard let value = Target(exactly: source[row]) else {
          throw .outOfRange("Out of range for \(name): \(source[row])")
        }
        return value
      }
    }
    switch target {
    case .tinyint: return try narrow(Int8.self)
    case .smallint: return try narrow(Int16.self)
    case .integer: return try narrow(Int32.self)
    case .bigint: return try narrow(Int64.self)
    case .real: return try fixed(column, Float.self) { (row: Int) throws(KernelError) -> Float in Float(source[row]) }
    case .double:
      return try fixed(column, Double.self) { (row: Int) throws(KernelError) -> Double in Double(source[row]) }
    default:
      let name = column.type.description.uppercased()
      return try toDecimal(column) { (row: Int, precision: Int, scale: Int) throws(KernelError) -> Int128 in
        guard let value = DecimalMath.rescale(Int128(source[row]), from: 0, to: scale, precision: precision) else {
          throw .invalidCast("Cannot cast \(name) '\(source[row])' to DECIMAL(\(precision), \(scale))")
        }
        return value
      }
    }
  }

  private func fromFloating<Source: BinaryFloatingPoint & BitwiseCopyable & SendableMetatype>(
    _ column: Column, _ type: Source.Type
  ) throws(KernelError) -> Column {
    let source = column.flat.values.pointer(as: type)
    let sourceName = column.type.description
    func whole<Target: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
      _ type: Target.Type
    ) throws(KernelError) -> Column {
      let name = target.description
      return try fixed(column, type) { (row: Int) throws(KernelError) -> Target in
        let value = Double(source[row])
        if value.isNaN { throw .invalidCast("Cannot cast \(sourceName) NaN to \(name)") }
        guard let result = Target(exactly: value.rounded(.toNearestOrAwayFromZero)) else {
          if Target.bitWidth == 64 { throw .invalidCast("Unable to cast \(javaText(value)) to bigint") }
          throw .outOfRange("Out of range for \(name): \(javaText(value))")
        }
        return result
      }
    }
    switch target {
    case .tinyint: return try whole(Int8.self)
    case .smallint: return try whole(Int16.self)
    case .integer: return try whole(Int32.self)
    case .bigint: return try whole(Int64.self)
    case .real: return try fixed(column, Float.self) { (row: Int) throws(KernelError) -> Float in Float(source[row]) }
    case .double:
      return try fixed(column, Double.self) { (row: Int) throws(KernelError) -> Double in Double(source[row]) }
    default:
      let name = sourceName.uppercased()
      return try toDecimal(column) { (row: Int, precision: Int, scale: Int) throws(KernelError) -> Int128 in
        let value = source[row]
        if value.isFinite {
          // Through the shortest digits, as Java's BigDecimal.valueOf does: 0.1 is one tenth.
          var text = (Source.self == Float.self) ? Float(value).description : Double(value).description
          let parsed = text.withUTF8 {
            NumberParser.decimal(UnsafeRawBufferPointer($0), precision: precision, scale: scale)
          }
          if case .value(let result) = parsed { return result }
        }
        throw .invalidCast("Cannot cast \(name) '\(javaText(Double(value)))' to DECIMAL(\(precision), \(scale))")
      }
    }
  }

  private func fromDecimal(_ column: Column) throws(KernelError) -> Column {
    guard let (precision, scale) = column.type.decimalShape else { return column }
    let isShort = precision <= 18
    let base = UnsafeRawPointer(column.flat.values.base)
    func whole<Target: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
      _ type: Target.Type
    ) throws(KernelError) -> Column {
      let name = target.description.uppercased()
      return try fixed(column, type) { (row: Int) throws(KernelError) -> Target in
        let value = DecimalMath.scaleDown(loadDecimal(base, row, isShort: isShort), by: scale)
        guard let result = Target(exactly: value) else { throw .invalidCast("Cannot cast '\(value)' to \(name)") }
        return result
      }
    }
    switch target {
    case .tinyint: return try whole(Int8.self)
    case .smallint: return try whole(Int16.self)
    case .integer: return try whole(Int32.self)
    case .bigint: return try whole(Int64.self)
    case .real:
      return try fixed(column, Float.self) { (row: Int) throws(KernelError) -> Float in
        Float(decimalToDouble(loadDecimal(base, row, isShort: isShort), scale: scale))
      }
    case .double:
      return try fixed(column, Double.self) { (row: Int) throws(KernelError) -> Double in
        decimalToDouble(loadDecimal(base, row, isShort: isShort), scale: scale)
      }
    default:
      return try toDecimal(column) { (row: Int, newPrecision: Int, newScale: Int) throws(KernelError) -> Int128 in
        let value = loadDecimal(base, row, isShort: isShort)
        guard let result = DecimalMath.rescale(value, from: scale, to: newScale, precision: newPrecision) else {
          throw .invalidCast(
            "Cannot cast DECIMAL '\(decimalText(value, scale: scale))' to DECIMAL(\(newPrecision), \(newScale))")
        }
        return result
      }
    }
  }

  @inline(__always)
  func toDecimal(
    _ column: Column, _ body: (_ row: Int, _ precision: Int, _ scale: Int) throws(KernelError) -> Int128
  ) throws(KernelError) -> Column {
    guard let (precision, scale) = target.decimalShape else { return column }
    if precision <= 18 {
      return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
        Int64(truncatingIfNeeded: try body(row, precision, scale))
      }
    }
    return try fixed(column, Int128.self) { (row: Int) throws(KernelError) -> Int128 in
      try body(row, precision, scale)
    }
  }

  // MARK: Boolean

  func castBoolean(_ column: Column) throws(KernelError) -> Column {
    guard column.type == .boolean else {
      let view = ColumnView(column)
      return try fixed(column, UInt8.self) { (row: Int) throws(KernelError) -> UInt8 in
        switch column.type.physical {
        case .int8: view.pointer(as: Int8.self)[row] != 0 ? 1 : 0
        case .int16: view.pointer(as: Int16.self)[row] != 0 ? 1 : 0
        case .int32: view.pointer(as: Int32.self)[row] != 0 ? 1 : 0
        case .int64: view.pointer(as: Int64.self)[row] != 0 ? 1 : 0
        case .int128: view.pointer(as: Int128.self)[row] != 0 ? 1 : 0
        case .float: view.pointer(as: Float.self)[row] != 0 ? 1 : 0
        default: view.pointer(as: Double.self)[row] != 0 ? 1 : 0
        }
      }
    }
    let flags = column.flat.values.pointer(as: UInt8.self)
    switch target {
    case .tinyint: return try fixed(column, Int8.self) { (row: Int) throws(KernelError) -> Int8 in Int8(flags[row]) }
    case .smallint: return try fixed(column, Int16.self) { (row: Int) throws(KernelError) -> Int16 in Int16(flags[row]) }
    case .integer: return try fixed(column, Int32.self) { (row: Int) throws(KernelError) -> Int32 in Int32(flags[row]) }
    case .bigint: return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in Int64(flags[row]) }
    case .real: return try fixed(column, Float.self) { (row: Int) throws(KernelError) -> Float in Float(flags[row]) }
    case .double: return try fixed(column, Double.self) { (row: Int) throws(KernelError) -> Double in Double(flags[row]) }
    default:
      return try toDecimal(column) { (row: Int, precision: Int, scale: Int) throws(KernelError) -> Int128 in
        guard let value = DecimalMath.rescale(Int128(flags[row]), from: 0, to: scale, precision: precision) else {
          throw .invalidCast("Cannot cast BOOLEAN '\(flags[row] != 0)' to DECIMAL(\(precision), \(scale))")
        }
        return value
      }
    }
  }

  // MARK: uuid and ipaddress as bytes

  func castIdentifierBytes(_ column: Column) throws(KernelError) -> Column {
    if target == .varbinary {
      let values = column.flat.values.pointer(as: Int128.self)
      let isAddress = column.type == .ipaddress
      return try text(column) { (row: Int, out: inout TextColumnBuilder) throws(KernelError) in
        let bits = UInt128(bitPattern: values[row]) ^ (1 << 127)
        let size = isAddress && bits >> 32 == 0xFFFF ? 4 : 16
        for index in (16 - size)..<16 { out.bytes.append(UInt8(truncatingIfNeeded: bits >> UInt128(120 - index * 8))) }
      }
    }
    let views = column.flat.values.pointer(as: StringView.self)
    let isAddress = target == .ipaddress
    return try fixed(column, Int128.self) { (row: Int) throws(KernelError) -> Int128 in
      let bytes = StringView.buffer(at: views + row)
      guard bytes.count == 16 || (isAddress && bytes.count == 4) else {
        if isAddress { throw .invalidCast("Invalid IP address binary length: \(bytes.count)") }
        throw .invalidCast("Invalid UUID binary length: \(bytes.count)")
      }
      var bits: UInt128 = bytes.count == 4 ? 0xFFFF : 0
      for byte in bytes { bits = bits << 8 | UInt128(byte) }
      return Int128(bitPattern: bits ^ (1 << 127))
    }
  }
}

/// The nearest double of an unscaled decimal.
func decimalToDouble(_ value: Int128, scale: Int) -> Double {
  // Exact operands and one rounding where possible; long values go through their text.
  if value.magnitude <= 1 << 53, scale <= 22 { return Double(Int64(value)) / decimalPowersOfTen[scale] }
  return Double(decimalText(value, scale: scale)) ?? .nan
}

private let decimalPowersOfTen: [Double] = (0...22).map { exponent in Double(Int128.tenToThe(exponent)) }

extension Int128 {
  static func tenToThe(_ exponent: Int) -> Int128 { DecimalMath.power(exponent) }
}

/// Texts for messages.
func javaText(_ value: Double) -> String {
  var buffer = TextBuffer()
  buffer.append(double: value)
  return String(decoding: buffer.bytes, as: UTF8.self)
}

func decimalText(_ value: Int128, scale: Int) -> String {
  var buffer = TextBuffer()
  buffer.append(decimal: value, scale: scale)
  return String(decoding: buffer.bytes, as: UTF8.self)
}
