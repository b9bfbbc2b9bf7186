package import Columnar

/// Texts of dates, times, timestamps and intervals.
extension TextBuffer {
  /// `2020-01-31`; years over 9999 or below 0 with a sign.
  package mutating func append(date days: Int) {
    let date = CivilCalendar.date(ofDay: days)
    append(year: date.year)
    append(UInt8(ascii: "-"))
    append(twoDigits: date.month)
    append(UInt8(ascii: "-"))
    append(twoDigits: date.day)
  }

  mutating func append(year: Int) {
    if year < 0 {
      append(UInt8(ascii: "-"))
    } else if year > 9999 {
      append(UInt8(ascii: "+"))
    }
    append(unsigned: UInt64(year.magnitude), minimumDigits: 4)
  }

  /// `HH:mm:ss` and `fractionDigits` digits of the second.
  package mutating func append(timeOfDay ticks: Int, ticksPerSecond: Int, fractionDigits: Int) {
    let seconds = ticks / ticksPerSecond
    append(twoDigits: seconds / 3600)
    append(UInt8(ascii: ":"))
    append(twoDigits: seconds / 60 % 60)
    append(UInt8(ascii: ":"))
    append(twoDigits: seconds % 60)
    guard fractionDigits > 0 else { return }
    append(UInt8(ascii: "."))
    var fraction = ticks % ticksPerSecond
    let stored = ticksPerSecond == 1_000_000 ? 6 : 9
    if fractionDigits <= stored {
      for _ in fractionDigits..<stored { fraction /= 10 }
      append(unsigned: UInt64(fraction), minimumDigits: fractionDigits)
    } else {
      append(unsigned: UInt64(fraction), minimumDigits: stored)
      for _ in stored..<fractionDigits { append(0x30) }
    }
  }

  /// `2020-01-31 10:00:00.123`; `separator` stands between date and time.
  package mutating func append(
    timestamp ticks: Int64, precision: Int, fractionDigits: Int, separator: UInt8 = UInt8(ascii: " ")
  ) {
    let perSecond = SQLType.ticksPerSecond(precision: precision)
    let time = CivilTime(ticks, ticksPerSecond: perSecond)
    append(date: time.day)
    append(separator)
    append(timeOfDay: time.ticks, ticksPerSecond: Int(perSecond), fractionDigits: fractionDigits)
  }

  /// The local reading and the zone: `2020-01-31 10:00:00.123 America/New_York`.
  mutating func append(timestampTZ value: TimestampTZ, precision: Int, fractionDigits: Int, clock: inout ZoneClock) {
    let perSecond = SQLType.ticksPerSecond(precision: precision)
    append(
      timestamp: clock.local(value, ticksPerSecond: perSecond), precision: precision, fractionDigits: fractionDigits)
    append(UInt8(ascii: " "))
    append(text: ZoneID.name(value.zone))
  }

  /// `2 03:00:00.000`
  package mutating func append(dayTimeInterval milliseconds: Int64) {
    if milliseconds < 0 { append(UInt8(ascii: "-")) }
    let size = milliseconds.magnitude
    append(unsigned: size / 86_400_000)
    append(UInt8(ascii: " "))
    append(twoDigits: Int(size / 3_600_000 % 24))
    append(UInt8(ascii: ":"))
    append(twoDigits: Int(size / 60_000 % 60))
    append(UInt8(ascii: ":"))
    append(twoDigits: Int(size / 1000 % 60))
    append(UInt8(ascii: "."))
    append(unsigned: size % 1000, minimumDigits: 3)
  }

  /// `1-3`
  package mutating func append(yearMonthInterval months: Int32) {
    if months < 0 { append(UInt8(ascii: "-")) }
    append(unsigned: UInt64(months.magnitude / 12))
    append(UInt8(ascii: "-"))
    append(unsigned: UInt64(months.magnitude % 12))
  }
}

/// A timestamp text taken apart.
package struct ParsedTimestamp: Sendable {
  package var day: Int
  /// Nanoseconds since midnight.
  package var nanoseconds: Int
  /// Digits behind the point as written.
  package var fractionDigits: Int
  /// What followed the time, such as `UTC`, `+02:00`, `America/New_York`.
  package var zone: String?

  /// Ticks since the epoch at a precision, rounded half up; nil outside 64 bits.
  package func ticks(precision: Int) -> Int64? {
    TemporalParser.ticks(day: day, nanoseconds: nanoseconds, precision: precision)
  }
}

/// Reads dates, times and timestamps (sql.md 4.2).
package enum TemporalParser {
  /// `yyyy-M-d`, white space around it ignored; the day number.
  package static func date(_ text: UnsafeRawBufferPointer) -> Int? {
    var cursor = Cursor(bytes: NumberParser.trimmed(text))
    guard let day = cursor.date(), cursor.isAtEnd else { return nil }
    return day
  }

  /// `yyyy-MM-dd[ HH:mm[:ss[.f...]]]` and an optional zone behind it.
  package static func timestamp(_ text: UnsafeRawBufferPointer) -> ParsedTimestamp? {
    var cursor = Cursor(bytes: NumberParser.trimmed(text))
    guard let day = cursor.date() else { return nil }
    var result = ParsedTimestamp(day: day, nanoseconds: 0, fractionDigits: 0, zone: nil)
    if cursor.isAtEnd { return result }
    // One blank: what stands behind more is read as a zone, which is an error for numbers.
    if cursor.accept(UInt8(ascii: " ")) {
      if let digit = cursor.peek, digit >= 0x30 && digit <= 0x39 {
        guard let (nanoseconds, digits) = cursor.time() else { return nil }
        result.nanoseconds = nanoseconds
        result.fractionDigits = digits
      }
      cursor.skipBlanks()
    }
    if !cursor.isAtEnd { result.zone = cursor.rest }
    return result
  }

  /// `HH:mm[:ss[.f...]]`, then perhaps a zone: nanoseconds since midnight.
  package static func time(_ text: UnsafeRawBufferPointer) -> (nanoseconds: Int, fractionDigits: Int)? {
    var cursor = Cursor(bytes: NumberParser.trimmed(text))
    guard let result = cursor.time(), cursor.isAtEnd else { return nil }
    return result
  }

  /// `HH:mm[:ss[.f...]]` and an offset, `+HH:mm` or `-HH:mm` of at most 14 hours, perhaps after blanks.
  package static func zonedTime(_ text: UnsafeRawBufferPointer) -> (nanoseconds: Int, offsetMinutes: Int)? {
    var cursor = Cursor(bytes: NumberParser.trimmed(text))
    guard let time = cursor.time() else { return nil }
    cursor.skipBlanks()
    let isWest = cursor.accept(UInt8(ascii: "-"))
    guard isWest || cursor.accept(UInt8(ascii: "+")), let hours = cursor.number(limit: 2), cursor.accept(UInt8(ascii: ":")),
      let minutes = cursor.number(limit: 2), minutes < 60, cursor.isAtEnd, hours * 60 + minutes <= 14 * 60
    else { return nil }
    return (time.nanoseconds, (isWest ? -1 : 1) * (hours * 60 + minutes))
  }

  /// The type of a `TIMESTAMP '...'` literal: with as many fraction digits as written, and with time zone when a zone follows.
  package static func timestampLiteralType(_ text: String) -> SQLType? {
    var text = text
    guard let parsed = text.withUTF8({ timestamp(UnsafeRawBufferPointer($0)) }) else { return nil }
    let precision = min(parsed.fractionDigits, 9)
    return parsed.zone == nil ? .timestamp(precision: precision) : .timestampTZ(precision: precision)
  }

  package static func timeLiteralType(_ text: String) -> SQLType? {
    var text = text
    guard let parsed = text.withUTF8({ time(UnsafeRawBufferPointer($0)) }) else { return nil }
    return .time(precision: min(parsed.fractionDigits, 9))
  }

  static func ticks(day: Int, nanoseconds: Int, precision: Int) -> Int64? {
    let unit = Int(DecimalMath.shortPowers[9 - min(precision, 9)])
    let rounded = (nanoseconds &+ unit / 2) / unit &* unit
    let perDay = precision <= 6 ? 86_400_000_000 : 86_400_000_000_000
    let (start, overflows) = day.multipliedReportingOverflow(by: perDay)
    let (sum, alsoOverflows) = start.addingReportingOverflow(precision <= 6 ? rounded / 1000 : rounded)
    return overflows || alsoOverflows ? nil : Int64(sum)
  }

  struct Cursor {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    var isAtEnd: Bool { position == bytes.count }
    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }
    var rest: String { String(decoding: slice(bytes, position, bytes.count), as: UTF8.self) }

    mutating func accept(_ byte: UInt8) -> Bool {
      guard peek == byte else { return false }
      position += 1
      return true
    }

    mutating func skipBlanks() { while peek == UInt8(ascii: " ") { position += 1 } }

    /// One to `limit` digits.
    mutating func number(limit: Int) -> Int? {
      let start = position
      var value = 0
      while position < bytes.count, position - start < limit {
        let digit = bytes[position] &- 0x30
        guard digit <= 9 else { break }
        value = value * 10 + Int(digit)
        position += 1
      }
      return position == start ? nil : value
    }

    mutating func date() -> Int? {
      var isNegative = false
      if accept(UInt8(ascii: "-")) { isNegative = true } else { _ = accept(UInt8(ascii: "+")) }
      guard let year = number(limit: 7), accept(UInt8(ascii: "-")), let month = number(limit: 2),
        accept(UInt8(ascii: "-")), let day = number(limit: 2)
      else { return nil }
      let signedYear = isNegative ? -year : year
      guard CivilCalendar.isValid(year: signedYear, month: month, day: day) else { return nil }
      return CivilCalendar.day(year: signedYear, month: month, day: day)
    }

    mutating func time() -> (nanoseconds: Int, fractionDigits: Int)? {
      guard let hour = number(limit: 2), hour < 24, accept(UInt8(ascii: ":")), let minute = number(limit: 2), minute < 60
      else { return nil }
      var nanoseconds = (hour * 60 + minute) * 60_000_000_000
      guard accept(UInt8(ascii: ":")) else { return (nanoseconds, 0) }
      guard let second = number(limit: 2), second < 60 else { return nil }
      nanoseconds += second * 1_000_000_000
      guard accept(UInt8(ascii: ".")) else { return (nanoseconds, 0) }
      let start = position
      var unit = 100_000_000
      var tenth = 0
      while let byte = peek, byte >= 0x30, byte <= 0x39, position - start < 12 {
        nanoseconds += Int(byte - 0x30) * unit
        if unit == 0, position - start == 9 { tenth = Int(byte - 0x30) }
        unit /= 10
        position += 1
      }
      guard position > start else { return nil }
      // Digits beyond nanoseconds round.
      if tenth >= 5 { nanoseconds += 1 }
      return (nanoseconds, position - start)
    }
  }
}
