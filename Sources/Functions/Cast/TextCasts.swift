import Columnar
import Glibc

extension Caster {
  // MARK: To varchar and char

  func castToText(_ column: Column) throws(KernelError) -> Column {
    let values = column.flat.values
    let limit: Int? =
      switch target {
      case .varchar(let length): length
      case .char(let length): length
      default: nil
      }
    let isChar = if case .char = target { true } else { false }
    if case .varchar = column.type {
      let views = values.pointer(as: StringView.self)
      return try text(column, retaining: column.flat.heap) { (row: Int, out: inout TextColumnBuilder) throws(KernelError) in
        var bytes = StringView.buffer(at: views + row)
        if let limit, bytes.count > limit { bytes = slice(bytes, 0, UTF8Text.offset(bytes, of: limit)) }
        if isChar { bytes = withoutTrailingBlanks(bytes) }
        out.borrow(bytes)
      }
    }
    if case .char(let length) = column.type {
      let views = values.pointer(as: StringView.self)
      return try text(column, retaining: column.flat.heap) { (row: Int, out: inout TextColumnBuilder) throws(KernelError) in
        var bytes = StringView.buffer(at: views + row)
        if isChar {
          if let limit, bytes.count > limit { bytes = withoutTrailingBlanks(slice(bytes, 0, UTF8Text.offset(bytes, of: limit))) }
          return out.borrow(bytes)
        }
        out.bytes.append(paddedText: bytes, length: length)
        if let limit { out.bytes.truncate(to: UTF8Text.offset(out.bytes.bytes, of: limit)) }
      }
    }
    let printer = ValuePrinter(column)
    let targetName = target.description
    var clock = ZoneClock()
    return try text(column) { (row: Int, out: inout TextColumnBuilder) throws(KernelError) in
      printer.append(row, to: &out.bytes, &clock)
      guard let limit, out.bytes.count > limit else { return }
      let shown = String(decoding: out.bytes.bytes, as: UTF8.self)
      if case .double = column.type {
        let plain = javaText(values.pointer(as: Double.self)[row])
        throw .invalidCast("Value \(plain) (\(shown)) cannot be represented as \(targetName)")
      }
      if case .real = column.type {
        var plain = TextBuffer()
        plain.append(real: values.pointer(as: Float.self)[row])
        throw .invalidCast(
          "Value \(String(decoding: plain.bytes, as: UTF8.self)) (\(shown)) cannot be represented as \(targetName)")
      }
      throw .invalidCast("Value \(shown) cannot be represented as \(targetName)")
    }
  }

  // MARK: From varchar and char

  func castFromText(_ column: Column) throws(KernelError) -> Column {
    let views = column.flat.values.pointer(as: StringView.self)
    func fail(_ row: Int, _ typeName: String) -> KernelError {
      .invalidCast("Cannot cast '\(StringView.string(at: views + row))' to \(typeName)")
    }
    func whole<Target: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
      _ type: Target.Type, _ name: String
    ) throws(KernelError) -> Column {
      try fixed(column, type) { (row: Int) throws(KernelError) -> Target in
        guard let value = NumberParser.integer(StringView.buffer(at: views + row), as: type) else { throw fail(row, name) }
        return value
      }
    }
    switch target {
    case .boolean:
      return try fixed(column, UInt8.self) { (row: Int) throws(KernelError) -> UInt8 in
        switch StringView.string(at: views + row).lowercased() {
        case "t", "true", "1": return 1
        case "f", "false", "0": return 0
        default: throw fail(row, "BOOLEAN")
        }
      }
    case .tinyint: return try whole(Int8.self, "TINYINT")
    case .smallint: return try whole(Int16.self, "SMALLINT")
    case .integer: return try whole(Int32.self, "INT")
    case .bigint: return try whole(Int64.self, "BIGINT")
    case .double:
      return try fixed(column, Double.self) { (row: Int) throws(KernelError) -> Double in
        guard let value = NumberParser.double(StringView.buffer(at: views + row)) else { throw fail(row, "DOUBLE") }
        return value
      }
    case .real:
      return try fixed(column, Float.self) { (row: Int) throws(KernelError) -> Float in
        guard let value = NumberParser.double(StringView.buffer(at: views + row)) else { throw fail(row, "REAL") }
        return Float(value)
      }
    case .decimal:
      return try toDecimal(column) { (row: Int, precision: Int, scale: Int) throws(KernelError) -> Int128 in
        switch NumberParser.decimal(StringView.buffer(at: views + row), precision: precision, scale: scale) {
        case .value(let value): return value
        case .notANumber:
          throw .invalidCast(
            "Cannot cast VARCHAR '\(StringView.string(at: views + row))' to DECIMAL(\(precision), \(scale)). Value is not a number.")
        case .tooLarge:
          throw .invalidCast(
            "Cannot cast VARCHAR '\(StringView.string(at: views + row))' to DECIMAL(\(precision), \(scale)). Value too large.")
        }
      }
    case .uuid:
      return try fixed(column, Int128.self) { (row: Int) throws(KernelError) -> Int128 in
        guard let value = IdentifierParser.uuid(StringView.buffer(at: views + row)) else {
          throw .invalidCast("Invalid UUID string length: \((views + row).pointee.count)")
        }
        return value
      }
    case .ipaddress:
      return try fixed(column, Int128.self) { (row: Int) throws(KernelError) -> Int128 in
        guard let value = IdentifierParser.ipAddress(StringView.string(at: views + row)) else {
          throw .invalidCast("Cannot cast value to IPADDRESS: \(StringView.string(at: views + row))")
        }
        return value
      }
    default: return try castTemporalText(column)
    }
  }

  private func castTemporalText(_ column: Column) throws(KernelError) -> Column {
    let views = column.flat.values.pointer(as: StringView.self)
    func fail(_ row: Int, _ name: String) -> KernelError {
      .invalidCast("Value cannot be cast to \(name): \(StringView.string(at: views + row))")
    }
    switch target {
    case .date:
      return try fixed(column, Int32.self) { (row: Int) throws(KernelError) -> Int32 in
        guard let day = TemporalParser.date(StringView.buffer(at: views + row)), let value = Int32(exactly: day) else {
          throw fail(row, "date")
        }
        return value
      }
    case .time(let precision):
      return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
        guard let (nanoseconds, _) = TemporalParser.time(StringView.buffer(at: views + row)),
          let ticks = TemporalParser.ticks(day: 0, nanoseconds: nanoseconds, precision: precision)
        else { throw fail(row, "time") }
        return ticks % (SQLType.ticksPerSecond(precision: precision) * 86_400)
      }
    case .timeTZ(let precision):
      return try fixed(column, TimestampTZ.self) { (row: Int) throws(KernelError) -> TimestampTZ in
        guard let parsed = TemporalParser.zonedTime(StringView.buffer(at: views + row)),
          let ticks = TemporalParser.ticks(day: 0, nanoseconds: parsed.nanoseconds, precision: precision)
        else { throw fail(row, "time with time zone") }
        return ZonedTime.value(
          local: ticks % (SQLType.ticksPerSecond(precision: precision) * 86_400), offsetSeconds: parsed.offsetMinutes * 60, precision: precision)
      }
    case .timestamp(let precision):
      return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
        guard let parsed = TemporalParser.timestamp(StringView.buffer(at: views + row)), parsed.zone == nil,
          let ticks = parsed.ticks(precision: precision)
        else { throw fail(row, "timestamp") }
        return ticks
      }
    case .timestampTZ(let precision):
      let sessionZone = context.sessionZone
      let perSecond = SQLType.ticksPerSecond(precision: precision)
      var clock = ZoneClock()
      return try fixed(column, TimestampTZ.self) { (row: Int) throws(KernelError) -> TimestampTZ in
        guard let parsed = TemporalParser.timestamp(StringView.buffer(at: views + row)),
          let ticks = parsed.ticks(precision: precision)
        else { throw fail(row, "timestamp with time zone") }
        var zone = sessionZone
        if let name = parsed.zone {
          guard let known = ZoneID.named(name) else { throw fail(row, "timestamp with time zone") }
          zone = known
        }
        return TimestampTZ(instant: clock.instant(local: ticks, zone: zone, ticksPerSecond: perSecond), zone: zone)
      }
    default: throw KernelError("NOT_SUPPORTED", "Cannot cast \(column.type) to \(target)")
    }
  }
}

/// How CAST prints values of the simple types.
struct ValuePrinter {
  private let column: Column
  private let view: ColumnView

  init(_ column: Column) {
    self.column = column
    view = ColumnView(column)
  }

  /// Appends a valid row of any simple type.
  func append(_ row: Int, to out: inout TextBuffer, _ clock: inout ZoneClock) {
    let index = view.index(row)
    switch column.type {
    case .boolean: if view.pointer(as: UInt8.self)[index] != 0 { out.append("true") } else { out.append("false") }
    case .tinyint: out.append(integer: Int64(view.pointer(as: Int8.self)[index]))
    case .smallint: out.append(integer: Int64(view.pointer(as: Int16.self)[index]))
    case .integer: out.append(integer: Int64(view.pointer(as: Int32.self)[index]))
    case .bigint: out.append(integer: view.pointer(as: Int64.self)[index])
    case .real: out.append(castReal: view.pointer(as: Float.self)[index])
    case .double: out.append(castDouble: view.pointer(as: Double.self)[index])
    case .decimal(let precision, let scale):
      out.append(decimal: loadDecimal(view.values, index, isShort: precision <= 18), scale: scale)
    case .varchar, .json, .varbinary, .sketch: out.append(StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case .char(let length):
      out.append(paddedText: StringView.buffer(at: view.pointer(as: StringView.self) + index), length: length)
    case .uuid: out.append(uuid: view.pointer(as: Int128.self)[index])
    case .ipaddress: out.append(ipAddress: view.pointer(as: Int128.self)[index])
    case .color: out.append(text: TerminalColor(value: view.pointer(as: Int32.self)[index]).text)
    case .date: out.append(date: Int(view.pointer(as: Int32.self)[index]))
    case .time(let precision):
      out.append(
        timeOfDay: Int(view.pointer(as: Int64.self)[index]),
        ticksPerSecond: Int(SQLType.ticksPerSecond(precision: precision)), fractionDigits: precision)
    case .timeTZ(let precision):
      out.append(timeTZ: view.pointer(as: TimestampTZ.self)[index], precision: precision, fractionDigits: precision)
    case .timestamp(let precision):
      out.append(timestamp: view.pointer(as: Int64.self)[index], precision: precision, fractionDigits: precision)
    case .timestampTZ(let precision):
      out.append(
        timestampTZ: view.pointer(as: TimestampTZ.self)[index], precision: precision, fractionDigits: precision,
        clock: &clock)
    case .intervalDayToSecond: out.append(dayTimeInterval: view.pointer(as: Int64.self)[index])
    case .intervalYearToMonth: out.append(yearMonthInterval: view.pointer(as: Int32.self)[index])
    case .unknown, .array, .map, .row: break
    }
  }

  /// The text of a row for a message.
  func string(_ row: Int) -> String {
    var out = TextBuffer()
    var clock = ZoneClock()
    if column.type.isNested {
      var formatter = AthenaText(column)
      formatter.append(row: row, to: &out)
    } else {
      append(row, to: &out, &clock)
    }
    return String(decoding: out.bytes, as: UTF8.self)
  }
}

/// `char(n)` values are stored without the blanks that pad them.
func withoutTrailingBlanks(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
  var end = bytes.count
  while end > 0, bytes[end - 1] == 0x20 { end -= 1 }
  return slice(bytes, 0, end)
}

/// Reads uuid and ipaddress texts into their stored form (big-endian number, top bit flipped).
enum IdentifierParser {
  /// 8-4-4-4-12 hex digits.
  static func uuid(_ text: UnsafeRawBufferPointer) -> Int128? {
    guard text.count == 36 else { return nil }
    var bits: UInt128 = 0
    for (index, byte) in text.enumerated() {
      if index == 8 || index == 13 || index == 18 || index == 23 {
        guard byte == UInt8(ascii: "-") else { return nil }
        continue
      }
      guard let digit = hexDigit(byte) else { return nil }
      bits = bits << 4 | UInt128(digit)
    }
    return Int128(bitPattern: bits ^ (1 << 127))
  }

  static func ipAddress(_ text: String) -> Int128? {
    var bits: UInt128 = 0
    var four = in_addr()
    var six = in6_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      bits = 0xFFFF << 32 | UInt128(UInt32(bigEndian: four.s_addr))
    } else if inet_pton(AF_INET6, text, &six) == 1 {
      withUnsafeBytes(of: six) { bytes in for byte in bytes { bits = bits << 8 | UInt128(byte) } }
    } else {
      return nil
    }
    return Int128(bitPattern: bits ^ (1 << 127))
  }

  static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}
