/// Dates and timestamps straight from bytes, in the form Hive's text files write them.
enum DateTimeParsing {
  /// Days since 1970-01-01 of `yyyy-M-d`, nil for anything else (also for days the calendar does not have).
  @inline(__always)
  static func date(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int32? {
    if count == 10, bytes[4] == 0x2D, bytes[7] == 0x2D,
      let year = digits(bytes, 4), let month = digits(bytes + 5, 2), let day = digits(bytes + 8, 2)
    {
      return days(year, month, day)
    }
    return slowDate(bytes, count)
  }

  /// Microseconds since 1970-01-01 00:00 of `yyyy-M-d[(blank|T)H:m[:s[.fraction]]]`; digits beyond microseconds round half up.
  ///
  /// - Parameter allowsZone: accept a trailing `Z` or ±hh[:mm] and convert to UTC; otherwise that is nil.
  static func timestamp(_ bytes: UnsafePointer<UInt8>, _ count: Int, allowsZone: Bool = false) -> Int64? {
    guard let parts = TimestampText(bytes, count) else { return nil }
    if parts.zoneMinutes != nil, !allowsZone { return nil }
    return parts.microseconds
  }

  /// Microseconds since midnight of `H:m[:s[.fraction]]`.
  static func time(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int64? {
    var cursor = Cursor(bytes, count)
    guard let time = cursor.timeOfDay(), cursor.isAtEnd else { return nil }
    return time
  }

  /// `count` ASCII digits as a number.
  @inline(__always)
  static func digits(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int? {
    var value = 0
    var index = 0
    while index < count {
      let digit = bytes[index] &- 0x30
      if digit > 9 { return nil }
      value = value &* 10 &+ Int(digit)
      index &+= 1
    }
    return value
  }

  private static func slowDate(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int32? {
    var cursor = Cursor(bytes, count)
    guard let day = cursor.date() else { return nil }
    // Hive ignores what follows a blank.
    guard cursor.isAtEnd || cursor.peek == 0x20 else { return nil }
    return day
  }

  /// Days since 1970-01-01 in the proleptic Gregorian calendar; nil when there is no such day.
  @inline(__always)
  static func days(_ year: Int, _ month: Int, _ day: Int) -> Int32? {
    guard month >= 1, month <= 12, day >= 1, day <= daysInMonth(year, month) else { return nil }
    // Years begin in March here, so that the leap day comes last (Hinnant's days_from_civil).
    let shifted = month <= 2 ? year &- 1 : year
    let era = (shifted >= 0 ? shifted : shifted &- 399) / 400
    let yearOfEra = shifted &- era &* 400
    let monthFromMarch = (month &+ 9) % 12
    let dayOfYear = (153 &* monthFromMarch &+ 2) / 5 &+ day &- 1
    let dayOfEra = yearOfEra &* 365 &+ yearOfEra / 4 &- yearOfEra / 100 &+ dayOfYear
    return Int32(truncatingIfNeeded: era &* 146_097 &+ dayOfEra &- 719_468)
  }

  private static func daysInMonth(_ year: Int, _ month: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

/// A timestamp taken apart.
struct TimestampText {
  /// Since 1970-01-01 00:00, in UTC when a zone was written.
  let microseconds: Int64
  /// Minutes east of UTC, when a zone was written.
  let zoneMinutes: Int?
  /// Whether a time of day was written at all.
  let hasTime: Bool

  init?(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    var cursor = Cursor(bytes, count)
    guard let day = cursor.date() else { return nil }
    var micros = Int64(day) &* 86_400_000_000
    guard !cursor.isAtEnd else {
      (microseconds, zoneMinutes, hasTime) = (micros, nil, false)
      return
    }
    guard cursor.take(0x20) || cursor.take(0x54) || cursor.take(0x74), let time = cursor.timeOfDay() else { return nil }
    micros &+= time
    var zone: Int?
    if !cursor.isAtEnd {
      guard let minutes = cursor.zone() else { return nil }
      zone = minutes
      micros &-= Int64(minutes) &* 60_000_000
    }
    guard cursor.isAtEnd else { return nil }
    (microseconds, zoneMinutes, hasTime) = (micros, zone, true)
  }
}

private struct Cursor {
  private let bytes: UnsafePointer<UInt8>
  private let count: Int
  private var index = 0

  init(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    self.bytes = bytes
    self.count = count
  }

  var isAtEnd: Bool { index == count }
  var peek: UInt8 { index < count ? bytes[index] : 0 }

  mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte, index < count else { return false }
    index += 1
    return true
  }

  /// A number of `least` to `most` digits.
  mutating func number(_ least: Int, _ most: Int) -> Int? {
    let start = index
    var value = 0
    while index < count, index - start < most {
      let digit = bytes[index] &- 0x30
      if digit > 9 { break }
      value = value * 10 + Int(digit)
      index += 1
    }
    return index - start >= least ? value : nil
  }

  mutating func date() -> Int32? {
    let isNegative = take(0x2D)
    if !isNegative { _ = take(0x2B) }
    guard let year = number(1, 6), take(0x2D), let month = number(1, 2), take(0x2D), let day = number(1, 2) else { return nil }
    return DateTimeParsing.days(isNegative ? -year : year, month, day)
  }

  mutating func timeOfDay() -> Int64? {
    guard let hour = number(1, 2), hour < 24, take(0x3A), let minute = number(1, 2), minute < 60 else { return nil }
    var micros = Int64(hour * 60 + minute) * 60_000_000
    guard take(0x3A) else { return micros }
    guard let second = number(1, 2), second < 60 else { return nil }
    micros += Int64(second) * 1_000_000
    guard take(0x2E) else { return micros }
    var unit: Int64 = 100_000
    var digits = 0
    while index < count {
      let digit = bytes[index] &- 0x30
      if digit > 9 { break }
      if digits == 6, digit >= 5 { micros += 1 }
      micros += Int64(digit) * unit
      unit /= 10
      digits += 1
      index += 1
    }
    return digits > 0 ? micros : nil
  }

  /// Minutes east of UTC: `Z`, ` UTC`, `+02`, `+0200`, `+02:00`.
  mutating func zone() -> Int? {
    _ = take(0x20)
    if take(0x5A) || take(0x7A) { return 0 }
    if count - index == 3, bytes[index] == 0x55, bytes[index + 1] == 0x54, bytes[index + 2] == 0x43 {
      index = count
      return 0
    }
    let isWest = take(0x2D)
    guard isWest || take(0x2B), let hour = number(2, 2), hour <= 14 else { return nil }
    _ = take(0x3A)
    var minute = 0
    if !isAtEnd {
      guard let written = number(2, 2), written < 60 else { return nil }
      minute = written
    }
    let minutes = hour * 60 + minute
    return isWest ? -minutes : minutes
  }
}
