import Columnar
import Glibc

/// Turns the fields of one column into a `Column`; every choice (type, dialect, NULL text) is made before the loop over rows.
final class FieldDecoder {
  /// A value the dialect does not forgive.
  struct BadValue: Error {
    var row: Int
    var column: Int
    var text: String
    var reason: String?
  }

  private let type: SQLType
  private let format: DelimitedTextFormat
  private let column: Int
  private let scratch = FieldUnquoter()

  init(_ type: SQLType, _ format: DelimitedTextFormat, column: Int) {
    self.type = type
    self.format = format
    self.column = column
  }

  /// - Parameter decodesQuotes: the block holds escapes or odd quotes, so that each field is looked at closely.
  func decode(_ table: FieldTable, block: Buffer, decodesQuotes: Bool) throws -> Column {
    let rows = Rows(
      table: table, column: column, type: type, format: format, unquoter: scratch,
      nullText: format.dialect == .openCSV ? nil : format.nullTexts.first, otherNullTexts: Array(format.nullTexts.dropFirst()),
      quote: format.quote, decodesAll: decodesQuotes)
    switch type {
    case .boolean, .unknown: return try rows.fixed(UInt8.self) { Self.boolean($0, $1) }
    case .tinyint: return try rows.fixed(Int8.self) { NumberParsing.int64($0, $1).flatMap { Int8(exactly: $0) } }
    case .smallint: return try rows.fixed(Int16.self) { NumberParsing.int64($0, $1).flatMap { Int16(exactly: $0) } }
    case .integer: return try rows.fixed(Int32.self) { NumberParsing.int64($0, $1).flatMap { Int32(exactly: $0) } }
    case .bigint: return try rows.fixed(Int64.self) { NumberParsing.int64($0, $1) }
    case .real: return try rows.fixed(Float.self) { NumberParsing.float($0, $1) }
    case .double: return try rows.fixed(Double.self) { NumberParsing.double($0, $1) }
    case .decimal(let precision, let scale):
      if type.physical == .int64 {
        return try rows.fixed(Int64.self) { bytes, count in
          NumberParsing.decimal(bytes, count, precision: precision, scale: scale).map { Int64(truncatingIfNeeded: $0) }
        }
      }
      return try rows.fixed(Int128.self) { NumberParsing.decimal($0, $1, precision: precision, scale: scale) }
    case .date:
      if format.dialect == .openCSV { return try rows.fixed(Int32.self) { Self.openCSVDate($0, $1) } }
      return try rows.fixed(Int32.self) { DateTimeParsing.date($0, $1) }
    case .timestamp(let precision):
      let scale = Int64(precision <= 6 ? 1 : 1_000)
      if format.dialect == .openCSV {
        return try rows.fixed(Int64.self) { bytes, count in
          NumberParsing.int64(bytes, count).flatMap { Self.scaled($0, by: 1_000 * scale) }
        }
      }
      let patterns = format.timestampPatterns.map(DatePattern.init)
      return try rows.fixed(Int64.self) { bytes, count in
        for pattern in patterns { if let micros = pattern.microseconds(bytes, count) { return Self.scaled(micros, by: scale) } }
        return DateTimeParsing.timestamp(bytes, count).flatMap { Self.scaled($0, by: scale) }
      }
    case .timestampTZ(let precision):
      let scale = Int64(precision <= 6 ? 1 : 1_000)
      return try rows.fixed(TimestampBits.self) { bytes, count in
        DateTimeParsing.timestamp(bytes, count, allowsZone: true).flatMap { Self.scaled($0, by: scale) }.map { TimestampBits(instant: $0) }
      }
    case .time(let precision):
      let scale = Int64(precision <= 6 ? 1 : 1_000)
      return try rows.fixed(Int64.self) { bytes, count in DateTimeParsing.time(bytes, count).map { $0 * scale } }
    case .varchar(nil), .json: return try rows.text(block, limit: nil, transform: nil)
    case .varchar(let length?): return try rows.text(block, limit: length, transform: nil)
    case .char(let length): return try rows.text(block, limit: length, transform: .trimTrailingBlanks)
    case .varbinary: return try rows.text(block, limit: nil, transform: format.dialect == .lazySimple ? .base64 : nil)
    case .array, .map, .row:
      guard format.dialect == .lazySimple else { throw unsupported() }
      return try rows.nested(block)
    case .uuid, .ipaddress, .timeTZ, .sketch, .color, .intervalDayToSecond, .intervalYearToMonth: throw unsupported()
    }
  }

  private func unsupported() -> TextFormatError {
    TextFormatError(.notSupported, "a column of type \(type) cannot be read from this kind of text file")
  }

  @inline(__always)
  private static func boolean(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt8? {
    if count == 4, bytes[0] | 0x20 == 0x74, bytes[1] | 0x20 == 0x72, bytes[2] | 0x20 == 0x75, bytes[3] | 0x20 == 0x65 { return 1 }
    if count == 5, bytes[0] | 0x20 == 0x66, bytes[1] | 0x20 == 0x61, bytes[2] | 0x20 == 0x6C, bytes[3] | 0x20 == 0x73,
      bytes[4] | 0x20 == 0x65
    {
      return 0
    }
    return nil
  }

  /// OpenCSVSerde counts days; a written date is taken too, which Athena refuses and which can mean nothing else.
  private static func openCSVDate(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int32? {
    if let days = NumberParsing.int64(bytes, count) { return Int32(exactly: days) }
    return DateTimeParsing.date(bytes, count)
  }

  @inline(__always)
  private static func scaled(_ value: Int64, by factor: Int64) -> Int64? {
    let (result, overflow) = value.multipliedReportingOverflow(by: factor)
    return overflow ? nil : result
  }
}

/// The memory of a `TimestampTZ` in UTC.
struct TimestampBits: BitwiseCopyable {
  var instant: Int64
  var zone: Int64 = 0
}

/// One column's fields in one batch, and how to read them.
private struct Rows {
  let table: FieldTable
  let column: Int
  let type: SQLType
  let format: DelimitedTextFormat
  let unquoter: FieldUnquoter
  /// The most common way to write NULL, checked before anything else.
  let nullText: [UInt8]?
  let otherNullTexts: [[UInt8]]
  let quote: UInt8?
  let decodesAll: Bool

  enum Transform { case trimTrailingBlanks, base64 }

  /// Fixed-width values: `parse` gives nil for text that is none.
  @inline(__always)
  func fixed<Value: BitwiseCopyable>(
    _: Value.Type, _ parse: (UnsafePointer<UInt8>, Int) -> Value?
  ) throws -> Column {
    let count = table.rowCount
    let table = self.table
    let column = self.column
    let quote = self.quote ?? 0
    let hasQuote = self.quote != nil
    let decodesAll = self.decodesAll
    let values = Buffer(byteCount: count &* MemoryLayout<Value>.stride)
    let output = values.base.assumingMemoryBound(to: UInt8.self)
    var validity: Buffer?
    try nullBytes.withUnsafeBufferPointer { null throws in
      let nullCount = self.nullText == nil ? -1 : null.count
      let nullBase = null.baseAddress ?? UnsafePointer(output)
      for row in 0..<count {
        let slot = UnsafeMutableRawPointer(output) + row &* MemoryLayout<Value>.stride
        guard let field = table.field(row, column), let bytes = field.baseAddress else {
          markNull(row, &validity)
          memset(slot, 0, MemoryLayout<Value>.stride)
          continue
        }
        if !decodesAll, !hasQuote || field.count == 0 || bytes[0] != quote {
          let isNull = field.count == nullCount && (nullCount == 0 || memcmp(bytes, nullBase, nullCount) == 0)
          if !isNull, let value = parse(bytes, field.count) {
            slot.storeBytes(of: value, as: Value.self)
            continue
          }
        } else {
          let decoded = try decodedField(field, row)
          if let decoded, let value = parse(decoded.bytes, decoded.count) {
            slot.storeBytes(of: value, as: Value.self)
            continue
          }
        }
        try checkNull(field, row)
        markNull(row, &validity)
        memset(slot, 0, MemoryLayout<Value>.stride)
      }
    }
    return Column(type: type, count: count, values: values, validity: validity)
  }

  func text(_ block: Buffer, limit: Int?, transform: Transform?) throws -> Column {
    let count = table.rowCount
    let table = self.table
    let column = self.column
    let quote = self.quote ?? 0
    let hasQuote = self.quote != nil
    let isPlain = limit == nil && transform == nil && !decodesAll
    let values = Buffer(byteCount: count &* MemoryLayout<StringView>.stride)
    let views = values.base.assumingMemoryBound(to: StringView.self)
    var validity: Buffer?
    var heap = StringHeap()
    var pointsIntoBlock = false
    let hasOtherNulls = !otherNullTexts.isEmpty
    try nullBytes.withUnsafeBufferPointer { null throws in
      let nullCount = nullText == nil ? -1 : null.count
      let nullBase = null.baseAddress ?? UnsafePointer(values.base.assumingMemoryBound(to: UInt8.self))
      for row in 0..<count {
        guard let field = table.field(row, column), let bytes = field.baseAddress else {
          markNull(row, &validity)
          views[row] = StringView()
          continue
        }
        if isPlain, !hasQuote || field.count == 0 || bytes[0] != quote {
          let isNull =
            (field.count == nullCount && (nullCount == 0 || memcmp(bytes, nullBase, nullCount) == 0))
            || (hasOtherNulls && isNullText(field))
          if isNull {
            markNull(row, &validity)
            views[row] = StringView()
            continue
          }
          views[row] = StringView(bytes, count: field.count)
          pointsIntoBlock = pointsIntoBlock || field.count > StringView.maxInlineLength
          continue
        }
        guard let decoded = try decodedField(field, row) else {
          markNull(row, &validity)
          views[row] = StringView()
          continue
        }
        var decodedCount = decoded.count
        if let limit { decodedCount = Self.prefix(decoded.bytes, decodedCount, characters: limit) }
        switch transform {
        case nil: break
        case .trimTrailingBlanks:
          while decodedCount > 0, decoded.bytes[decodedCount - 1] == 0x20 { decodedCount -= 1 }
        case .base64:
          if let binary = Base64Coding.decode(decoded.bytes, decodedCount) {
            views[row] = binary.withUnsafeBytes { heap.copy($0) }
            continue
          }
        }
        if decoded.isInBlock {
          views[row] = StringView(decoded.bytes, count: decodedCount)
          pointsIntoBlock = pointsIntoBlock || decodedCount > StringView.maxInlineLength
        } else {
          views[row] = heap.copy(UnsafeRawBufferPointer(start: decoded.bytes, count: decodedCount))
        }
      }
    }
    return Column(
      type: type, count: count, views: values, heap: heap.blocks + (pointsIntoBlock ? [block] : []), validity: validity)
  }

  func nested(_ block: Buffer) throws -> Column {
    let builder = ValueColumn(type)
    let parser = NestedFieldParser(format)
    for row in 0..<table.rowCount {
      guard let field = table.field(row, column), !isNullText(field) else {
        builder.appendNull()
        continue
      }
      parser.append(field, to: builder, level: 0)
    }
    return builder.finish()
  }

  private var nullBytes: [UInt8] { nullText ?? [] }

  /// The field's value without quotes and escapes; nil for NULL. The bytes are good until the next call.
  private func decodedField(_ field: UnsafeBufferPointer<UInt8>, _ row: Int) throws -> FieldUnquoter.Decoded? {
    if format.dialect != .openCSV, isNullText(field) { return nil }
    do throws(FieldUnquoter.Malformed) {
      return try unquoter.decode(field, format)
    } catch {
      throw FieldDecoder.BadValue(row: row, column: column, text: "", reason: error.reason)
    }
  }

  private func isNullText(_ field: UnsafeBufferPointer<UInt8>) -> Bool {
    format.nullTexts.contains { null in null.count == field.count && null.elementsEqual(field) }
  }

  /// Passes when a field that gave no value means NULL, in this dialect or because it says so.
  private func checkNull(_ field: UnsafeBufferPointer<UInt8>, _ row: Int) throws {
    if format.dialect == .lazySimple { return }
    if format.dialect == .csv, isNullText(field) { return }
    var text = String(decoding: field, as: UTF8.self)
    if let decoded = try decodedField(field, row) {
      // A quoted nothing in a column of numbers.
      if decoded.count == 0, format.dialect == .csv, format.nullTexts.contains([]) { return }
      text = String(decoding: UnsafeBufferPointer(start: decoded.bytes, count: decoded.count), as: UTF8.self)
    }
    throw FieldDecoder.BadValue(row: row, column: column, text: String(text.prefix(200)))
  }

  @inline(never)
  private func markNull(_ row: Int, _ validity: inout Buffer?) {
    if validity == nil {
      let buffer = Buffer(byteCount: table.rowCount)
      memset(buffer.base, 1, table.rowCount)
      validity = buffer
    }
    validity?.base.storeBytes(of: 0, toByteOffset: row, as: UInt8.self)
  }

  /// Bytes of the first `limit` code points.
  private static func prefix(_ bytes: UnsafePointer<UInt8>, _ count: Int, characters limit: Int) -> Int {
    guard count > limit else { return count }
    var seen = 0
    for index in 0..<count where bytes[index] & 0xC0 != 0x80 {
      if seen == limit { return index }
      seen += 1
    }
    return count
  }
}
