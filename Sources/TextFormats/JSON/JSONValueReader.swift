import Columnar
import Glibc

/// Reads JSON values into columns as their SQL types ask, without building a tree first.
///
/// Which mismatches become NULL and which are errors differs between the SerDes (sql.md section 11; trino-hive-formats,
/// openxjson/README): see `JSONLinesFormat`.
final class JSONValueReader {
  /// A value that cannot be had as the column's type, in a dialect that minds.
  struct Mismatch: Error {
    var type: SQLType
    var text: String
    var position: Int
  }

  private let format: JSONLinesFormat
  private let patterns: [DatePattern]
  private let isOpenX: Bool
  private var unescaper = JSONUnescaper()

  init(_ format: JSONLinesFormat) {
    self.format = format
    isOpenX = format.dialect == .openX
    patterns = format.timestampPatterns.map(DatePattern.init)
  }

  /// The keys of a row type's fields, or of the table's columns.
  struct Keys {
    private let exact: [[UInt8]]
    private let format: JSONLinesFormat

    init(_ keys: [String], _ format: JSONLinesFormat) {
      exact = keys.map { Array($0.utf8) }
      self.format = format
    }

    /// The index of a key, searching first where keys in the usual order would find it.
    @inline(__always)
    func index(of key: UnsafeBufferPointer<UInt8>, guess: Int) -> Int? {
      if guess < exact.count, matches(guess, key) { return guess }
      for index in exact.indices where matches(index, key) { return index }
      return format.isCaseInsensitive || format.mapsDots ? foldedIndex(of: key) : nil
    }

    @inline(__always)
    private func matches(_ index: Int, _ key: UnsafeBufferPointer<UInt8>) -> Bool {
      exact[index].withUnsafeBufferPointer { wanted in
        guard wanted.count == key.count else { return false }
        guard let left = wanted.baseAddress, let right = key.baseAddress else { return true }
        return memcmp(left, right, key.count) == 0
      }
    }

    @inline(never)
    private func foldedIndex(of key: UnsafeBufferPointer<UInt8>) -> Int? {
      let folded = Array(format.folded(String(decoding: key, as: UTF8.self)).utf8)
      return exact.firstIndex(of: folded)
    }
  }

  /// One object into the columns, NULL for missing keys. The cursor stands on `{`.
  func readObject(
    _ cursor: inout JSONCursor, _ keys: Keys, _ columns: [ValueColumn], _ block: Buffer, depth: Int = 0
  ) throws {
    guard depth < JSONCursor.depthLimit else { throw cursor.malformed("values are nested more than \(JSONCursor.depthLimit) deep") }
    try cursor.expect(UInt8(ascii: "{"), "'{'")
    let before = columns.first?.count ?? 0
    var guess = 0
    if !cursor.take(UInt8(ascii: "}")) {
      repeat {
        guard cursor.peek() == UInt8(ascii: "\"") else { throw cursor.malformed("a key is expected") }
        let key = try cursor.string()
        try cursor.expect(UInt8(ascii: ":"), "':'")
        guard let index = index(of: key, cursor, keys, guess) else {
          try cursor.skipValue(depth: depth)
          continue
        }
        let column = columns[index]
        if column.count > before {
          // A second value for one key: the last one counts, except where keys must be unique.
          guard format.dialect != .hive else { throw cursor.malformed("the key '\(text(key, cursor))' appears twice") }
          column.truncate(to: before)
        }
        try readValue(&cursor, into: column, block, depth: depth + 1)
        guess = index &+ 1
      } while cursor.take(UInt8(ascii: ","))
      try cursor.expect(UInt8(ascii: "}"), "',' or '}'")
    }
    for column in columns where column.count == before { column.appendNull() }
  }

  private func index(of key: JSONCursor.StringSpan, _ cursor: JSONCursor, _ keys: Keys, _ guess: Int) -> Int? {
    guard key.hasEscapes else {
      return keys.index(of: UnsafeBufferPointer(start: cursor.bytes + key.start, count: key.count), guess: guess)
    }
    guard unescaper.decode(cursor.bytes + key.start, key.count) else { return nil }
    return unescaper.bytes.withUnsafeBufferPointer { keys.index(of: $0, guess: guess) }
  }

  private func text(_ span: JSONCursor.StringSpan, _ cursor: JSONCursor) -> String {
    String(decoding: UnsafeBufferPointer(start: cursor.bytes + span.start, count: span.count), as: UTF8.self)
  }

  /// One value, appended exactly once.
  func readValue(_ cursor: inout JSONCursor, into column: ValueColumn, _ block: Buffer, depth: Int) throws {
    guard depth < JSONCursor.depthLimit else { throw cursor.malformed("values are nested more than \(JSONCursor.depthLimit) deep") }
    let first = cursor.peek()
    switch first {
    case UInt8(ascii: "\""):
      try readString(&cursor, into: column, block, depth)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      try readContainer(&cursor, first, into: column, block, depth)
    default:
      let start = cursor.position
      let word = cursor.word()
      if cursor.isWord(word, "null") { return column.appendNull() }
      let isBoolean = cursor.isWord(word, "true") || cursor.isWord(word, "false")
      guard isBoolean || cursor.isNumber(word) else {
        cursor.position = start
        throw cursor.malformed("a value is expected")
      }
      try readWord(cursor, word, isBoolean, into: column, block)
    }
  }

  // MARK: Scalars

  /// A number, `true` or `false`.
  private func readWord(
    _ cursor: JSONCursor, _ word: Range<Int>, _ isBoolean: Bool, into column: ValueColumn, _ block: Buffer
  ) throws {
    let bytes = cursor.bytes + word.lowerBound
    let count = word.count
    switch column.type {
    case .boolean:
      // OpenX: true only for `true`, anything else is false.
      if isBoolean || isOpenX { return column.append(boolean: count == 4 && bytes[0] == UInt8(ascii: "t")) }
    case .varchar, .char, .json:
      return column.append(bytes: bytes, count: limited(bytes, count, column.type), in: block)
    case .varbinary:
      if isOpenX { return column.append(copying: UnsafeRawBufferPointer(start: bytes, count: count)) }
    case .tinyint, .smallint, .integer, .bigint:
      if !isBoolean {
        if let value = NumberParsing.int64(bytes, count) {
          if column.append(integer: value) { return }
        } else if let value = wholeNumber(bytes, count), column.append(integer: value) {
          return
        }
      }
    case .timestamp, .timestampTZ:
      if !isBoolean, let micros = epoch(bytes, count), append(microseconds: micros, to: column) { return }
    case .date:
      if !isBoolean, let days = NumberParsing.int64(bytes, count), column.append(integer: days) { return }
    case .array where isOpenX:
      let start = column.children[0].count
      try readWord(cursor, word, isBoolean, into: column.children[0], block)
      return column.appendList(from: start)
    case .map where isOpenX, .row where isOpenX:
      break
    case .real, .double, .decimal, .unknown, .time:
      if !isBoolean, ScalarText.append(bytes, count, to: column) { return }
    case .uuid, .ipaddress, .timeTZ, .sketch, .color, .intervalDayToSecond, .intervalYearToMonth, .array, .map, .row: break
    }
    try appendMismatch(cursor, word, to: column)
  }

  private func readString(_ cursor: inout JSONCursor, into column: ValueColumn, _ block: Buffer, _ depth: Int) throws {
    let start = cursor.position
    let span = try cursor.string()
    guard span.hasEscapes else {
      let bytes = cursor.bytes + span.start
      switch column.type {
      case .varchar(nil):
        return column.append(bytes: bytes, count: span.count, in: block)
      case .json:
        return column.append(bytes: bytes - 1, count: span.count + 2, in: block)
      default:
        if try appendText(bytes, span.count, to: column, block: block, cursor, start) { return }
      }
      return try appendMismatch(cursor, start..<cursor.position, to: column)
    }
    if case .json = column.type {
      return column.append(bytes: cursor.bytes + start, count: cursor.position - start, in: block)
    }
    guard unescaper.decode(cursor.bytes + span.start, span.count) else {
      cursor.position = start
      throw cursor.malformed("a string holds an unknown escape")
    }
    // Number parsers may look a few bytes behind the end.
    let padded = unescaper.bytes + [UInt8](repeating: 0, count: 16)
    let done = try padded.withUnsafeBufferPointer { padded throws in
      guard let base = padded.baseAddress else { return false }
      return try appendText(base, padded.count - 16, to: column, block: nil, cursor, start)
    }
    if !done { try appendMismatch(cursor, start..<cursor.position, to: column) }
  }

  /// The characters of a string as a value of the column's type; false when they are none.
  ///
  /// - Parameter block: holds the bytes, so that text need not be copied; nil for scratch memory.
  private func appendText(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, to column: ValueColumn, block: Buffer?, _ cursor: JSONCursor, _ start: Int
  ) throws -> Bool {
    switch column.type {
    case .varchar, .char, .json:
      let kept = limited(bytes, count, column.type)
      if let block {
        column.append(bytes: bytes, count: kept, in: block)
      } else {
        column.append(copying: UnsafeRawBufferPointer(start: bytes, count: kept))
      }
      return true
    case .varbinary:
      guard let binary = Base64Coding.decode(bytes, count) else { return false }
      binary.withUnsafeBytes { column.append(copying: $0) }
      return true
    case .boolean:
      let text = UnsafeBufferPointer(start: bytes, count: count)
      let isTrue = ScalarText.isWord(text, "true")
      guard isTrue || isOpenX || ScalarText.isWord(text, "false") else { return false }
      column.append(boolean: isTrue)
      return true
    case .tinyint, .smallint, .integer, .bigint:
      guard readsNumbersFromText else { return false }
      if let value = NumberParsing.int64(bytes, count) { return column.append(integer: value) }
      guard isOpenX, let value = openXInteger(bytes, count) else { return false }
      return column.append(integer: value)
    case .real, .double, .decimal:
      return readsNumbersFromText && ScalarText.append(bytes, count, to: column)
    case .timestamp, .timestampTZ:
      for pattern in patterns {
        if let micros = pattern.microseconds(bytes, count) { return append(microseconds: micros, to: column) }
      }
      if let micros = DateTimeParsing.timestamp(bytes, count, allowsZone: format.dialect != .hive) {
        return append(microseconds: micros, to: column)
      }
      guard isOpenX, let micros = epoch(bytes, count) else { return false }
      return append(microseconds: micros, to: column)
    case .date:
      if let days = DateTimeParsing.date(bytes, count) { return column.append(integer: Int64(days)) }
      guard isOpenX, let days = NumberParsing.int64(bytes, count) else { return false }
      return column.append(integer: days)
    case .time: return ScalarText.append(bytes, count, to: column)
    case .array where isOpenX:
      if isBlank(bytes, count) { return false }
      let first = column.children[0].count
      if try !appendText(bytes, count, to: column.children[0], block: block, cursor, start) { column.children[0].appendNull() }
      column.appendList(from: first)
      return true
    case .unknown, .uuid, .ipaddress, .timeTZ, .sketch, .color, .intervalDayToSecond, .intervalYearToMonth, .array, .map, .row: return false
    }
  }

  // MARK: Containers

  private func readContainer(
    _ cursor: inout JSONCursor, _ first: UInt8, into column: ValueColumn, _ block: Buffer, _ depth: Int
  ) throws {
    let isObject = first == UInt8(ascii: "{")
    switch column.type {
    case .array where !isObject:
      let start = column.children[0].count
      cursor.position += 1
      if !cursor.take(UInt8(ascii: "]")) {
        repeat { try readValue(&cursor, into: column.children[0], block, depth: depth + 1) } while cursor.take(UInt8(ascii: ","))
        try cursor.expect(UInt8(ascii: "]"), "',' or ']'")
      }
      column.appendList(from: start)
    case .map where isObject:
      try readMap(&cursor, into: column, block, depth)
    case .row(let fields) where isObject:
      column.appendRow()
      try readObject(&cursor, rowKeys(fields), column.children, block, depth: depth)
    case .row where isOpenX:
      // Trino reads an array into a row by position.
      column.appendRow()
      cursor.position += 1
      var index = 0
      if !cursor.take(UInt8(ascii: "]")) {
        repeat {
          if index < column.children.count {
            try readValue(&cursor, into: column.children[index], block, depth: depth + 1)
          } else {
            try cursor.skipValue(depth: depth + 1)
          }
          index += 1
        } while cursor.take(UInt8(ascii: ","))
        try cursor.expect(UInt8(ascii: "]"), "',' or ']'")
      }
      for child in column.children.dropFirst(index) { child.appendNull() }
    case .array where isOpenX:
      let start = column.children[0].count
      try readValue(&cursor, into: column.children[0], block, depth: depth + 1)
      column.appendList(from: start)
    case .varchar where format.dialect != .hive, .json where format.dialect != .hive:
      let range = try cursor.skipValue(depth: depth)
      compact(cursor.bytes + range.lowerBound, range.count).withUnsafeBytes { column.append(copying: $0) }
    case .boolean where isOpenX:
      try cursor.skipValue(depth: depth)
      column.append(boolean: false)
    default:
      let range = try cursor.skipValue(depth: depth)
      throw mismatch(cursor, range, column.type)
    }
  }

  private func readMap(_ cursor: inout JSONCursor, into column: ValueColumn, _ block: Buffer, _ depth: Int) throws {
    let (keys, values) = (column.children[0], column.children[1])
    let start = keys.count
    cursor.position += 1
    if !cursor.take(UInt8(ascii: "}")) {
      repeat {
        guard cursor.peek() == UInt8(ascii: "\"") else { throw cursor.malformed("a key is expected") }
        // Keys are strings whatever the type of the map's keys is.
        isReadingKey = true
        defer { isReadingKey = false }
        try readString(&cursor, into: keys, block, depth)
        isReadingKey = false
        try cursor.expect(UInt8(ascii: ":"), "':'")
        try readValue(&cursor, into: values, block, depth: depth + 1)
      } while cursor.take(UInt8(ascii: ","))
      try cursor.expect(UInt8(ascii: "}"), "',' or '}'")
    }
    column.appendList(from: start)
  }

  private var isReadingKey = false
  private var readsNumbersFromText: Bool { format.dialect != .plain || isReadingKey }

  private var rowKeysByType: [SQLType: Keys] = [:]

  private func rowKeys(_ fields: [RowField]) -> Keys {
    let type = SQLType.row(fields)
    if let keys = rowKeysByType[type] { return keys }
    let keys = Keys(fields.map { format.folded($0.name ?? "") }, format)
    rowKeysByType[type] = keys
    return keys
  }

  /// JSON without the blanks between its parts.
  private func compact(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    var isInString = false
    var index = 0
    while index < count {
      let byte = bytes[index]
      if isInString {
        result.append(byte)
        if byte == UInt8(ascii: "\\"), index + 1 < count {
          index += 1
          result.append(bytes[index])
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
      } else if byte > 0x20 {
        result.append(byte)
        isInString = byte == UInt8(ascii: "\"")
      }
      index += 1
    }
    return result
  }

  // MARK: Details

  /// Bytes that a bounded text type keeps.
  private func limited(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ type: SQLType) -> Int {
    let limit: Int
    switch type {
    case .varchar(let length?), .char(let length): limit = length
    default: return count
    }
    var kept = count
    var seen = 0
    for index in 0..<count where bytes[index] & 0xC0 != 0x80 {
      if seen == limit {
        kept = index
        break
      }
      seen += 1
    }
    if case .char = type { while kept > 0, bytes[kept - 1] == 0x20 { kept -= 1 } }
    return kept
  }

  /// `1.0`, `1e3`: a number without a fraction, written as one.
  private func wholeNumber(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int64? {
    if isOpenX { return openXInteger(bytes, count) }
    guard let value = NumberParsing.double(bytes, count), value.rounded(.towardZero) == value else { return nil }
    return Int64(exactly: value)
  }

  /// What OpenX takes as an integer beside plain digits: decimals cut off, `0x` and leading-zero octal numbers.
  private func openXInteger(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int64? {
    let text = String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    let isNegative = text.hasPrefix("-")
    let digits = isNegative ? text.dropFirst() : text[...]
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") { return Int64((isNegative ? "-" : "") + digits.dropFirst(2), radix: 16) }
    if let decimal = NumberParsing.double(bytes, count), decimal.isFinite, abs(decimal) < 9.3e18 {
      return NumberParsing.decimal(bytes, count, precision: 38, scale: 6).flatMap { Int64(exactly: $0 / 1_000_000) }
    }
    return nil
  }

  /// A number as a point in time: 13 and more digits are milliseconds, fewer seconds (which may have a fraction).
  private func epoch(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int64? {
    if let value = NumberParsing.int64(bytes, count) {
      let digits = count - (bytes[0] == 0x2D || bytes[0] == 0x2B ? 1 : 0)
      let (result, overflow) = value.multipliedReportingOverflow(by: digits >= 13 ? 1_000 : 1_000_000)
      return overflow ? nil : result
    }
    guard let micros = NumberParsing.decimal(bytes, count, precision: 24, scale: 6) else { return nil }
    return Int64(exactly: micros)
  }

  private func append(microseconds: Int64, to column: ValueColumn) -> Bool {
    switch column.type {
    case .timestamp(let precision):
      guard let ticks = ScalarText.ticks(microseconds, precision) else { return false }
      return column.append(integer: ticks)
    case .timestampTZ(let precision):
      guard let ticks = ScalarText.ticks(microseconds, precision) else { return false }
      column.append(instant: ticks)
      return true
    default: return false
    }
  }

  private func isBlank(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    (0..<count).allSatisfy { bytes[$0] <= 0x20 }
  }

  /// A scalar that is no value of the type: NULL for OpenX, an error elsewhere.
  private func appendMismatch(_ cursor: JSONCursor, _ range: Range<Int>, to column: ValueColumn) throws {
    if isOpenX { return column.appendNull() }
    throw mismatch(cursor, range, column.type)
  }

  private func mismatch(_ cursor: JSONCursor, _ range: Range<Int>, _ type: SQLType) -> Mismatch {
    let text = UnsafeBufferPointer(start: cursor.bytes + range.lowerBound, count: min(range.count, 100))
    return Mismatch(type: type, text: String(decoding: text, as: UTF8.self), position: range.lowerBound)
  }
}
