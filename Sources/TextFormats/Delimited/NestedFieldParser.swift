import Columnar
import Glibc

/// Values inside a LazySimpleSerDe field: `a\u{2}b` is an array, `k\u{3}v\u{2}k\u{3}v` a map, and each level down uses the next delimiters.
struct NestedFieldParser {
  private let format: DelimitedTextFormat
  private let unquoter = FieldUnquoter()

  init(_ format: DelimitedTextFormat) { self.format = format }

  /// Appends one value; text that gives none becomes NULL, as everywhere in this SerDe.
  ///
  /// - Parameter level: index of the first delimiter this value may use for its own parts.
  func append(_ field: UnsafeBufferPointer<UInt8>, to column: ValueColumn, level: Int) {
    guard let bytes = field.baseAddress, !format.nullTexts.contains(where: { $0.elementsEqual(field) }) else {
      return column.appendNull()
    }
    switch column.type {
    case .array:
      guard let delimiter = delimiter(level) else { return column.appendNull() }
      let start = column.children[0].count
      if field.count > 0 {
        forEachPart(field, delimiter) { append($0, to: column.children[0], level: level + 1) }
      }
      column.appendList(from: start)
    case .map:
      guard let delimiter = delimiter(level), let keyDelimiter = self.delimiter(level + 1) else { return column.appendNull() }
      let start = column.children[0].count
      if field.count > 0 {
        forEachPart(field, delimiter) { pair in
          let split = firstIndex(of: keyDelimiter, in: pair)
          let key = UnsafeBufferPointer(rebasing: pair[..<(split ?? pair.count)])
          append(key, to: column.children[0], level: level + 2)
          if let split {
            append(UnsafeBufferPointer(rebasing: pair[(split + 1)...]), to: column.children[1], level: level + 2)
          } else {
            column.children[1].appendNull()
          }
        }
      }
      column.appendList(from: start)
    case .row:
      guard let delimiter = delimiter(level) else { return column.appendNull() }
      column.appendRow()
      var index = 0
      forEachPart(field, delimiter) { part in
        if index < column.children.count { append(part, to: column.children[index], level: level + 1) }
        index += 1
      }
      while index < column.children.count {
        column.children[index].appendNull()
        index += 1
      }
    case .varchar, .char, .json, .varbinary:
      guard let decoded = try? unquoter.decode(field, format) else { return column.appendNull() }
      column.append(copying: UnsafeRawBufferPointer(start: decoded.bytes, count: decoded.count))
    default:
      if !ScalarText.append(bytes, field.count, to: column) { column.appendNull() }
    }
  }

  private func delimiter(_ level: Int) -> UInt8? {
    level < format.nestedDelimiters.count ? format.nestedDelimiters[level] : nil
  }

  private func forEachPart(
    _ field: UnsafeBufferPointer<UInt8>, _ delimiter: UInt8, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    var rest = field
    while let index = firstIndex(of: delimiter, in: rest) {
      body(UnsafeBufferPointer(rebasing: rest[..<index]))
      rest = UnsafeBufferPointer(rebasing: rest[(index + 1)...])
    }
    body(rest)
  }

  private func firstIndex(of byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    guard let escape = format.escape else { return bytes.firstIndex(of: byte) }
    var index = 0
    while index < bytes.count {
      if bytes[index] == escape { index += 1 } else if bytes[index] == byte { return index }
      index += 1
    }
    return nil
  }
}

/// The text form of scalar values other than text, shared by nested fields and JSON strings.
enum ScalarText {
  /// False, with nothing appended, when the bytes are no value of the column's type.
  static func append(_ bytes: UnsafePointer<UInt8>, _ count: Int, to column: ValueColumn) -> Bool {
    switch column.type {
    case .boolean, .unknown:
      let text = UnsafeBufferPointer(start: bytes, count: count)
      if isWord(text, "true") { column.append(boolean: true) } else if isWord(text, "false") { column.append(boolean: false) } else { return false }
      return true
    case .tinyint, .smallint, .integer, .bigint:
      guard let value = NumberParsing.int64(bytes, count) else { return false }
      return column.append(integer: value)
    case .real:
      guard let value = NumberParsing.float(bytes, count) else { return false }
      column.append(float: value)
      return true
    case .double:
      guard let value = NumberParsing.double(bytes, count) else { return false }
      column.append(double: value)
      return true
    case .decimal(let precision, let scale):
      guard let value = NumberParsing.decimal(bytes, count, precision: precision, scale: scale) else { return false }
      column.append(decimal: value)
      return true
    case .date:
      guard let days = DateTimeParsing.date(bytes, count) else { return false }
      return column.append(integer: Int64(days))
    case .timestamp(let precision):
      guard let micros = DateTimeParsing.timestamp(bytes, count), let ticks = ticks(micros, precision) else { return false }
      return column.append(integer: ticks)
    case .timestampTZ(let precision):
      guard let micros = DateTimeParsing.timestamp(bytes, count, allowsZone: true), let ticks = ticks(micros, precision) else { return false }
      column.append(instant: ticks)
      return true
    case .time(let precision):
      guard let micros = DateTimeParsing.time(bytes, count), let ticks = ticks(micros, precision) else { return false }
      return column.append(integer: ticks)
    case .varchar, .char, .json, .varbinary:
      column.append(copying: UnsafeRawBufferPointer(start: bytes, count: count))
      return true
    case .uuid, .ipaddress, .timeTZ, .sketch, .color, .intervalDayToSecond, .intervalYearToMonth, .array, .map, .row: return false
    }
  }

  /// Microseconds in the unit of a timestamp type; nil when they do not fit.
  static func ticks(_ microseconds: Int64, _ precision: Int) -> Int64? {
    guard precision > 6 else { return microseconds }
    let (result, overflow) = microseconds.multipliedReportingOverflow(by: 1_000)
    return overflow ? nil : result
  }

  static func isWord(_ bytes: UnsafeBufferPointer<UInt8>, _ word: StaticString) -> Bool {
    guard bytes.count == word.utf8CodeUnitCount else { return false }
    for index in 0..<bytes.count where bytes[index] | 0x20 != word.utf8Start[index] { return false }
    return true
  }
}
