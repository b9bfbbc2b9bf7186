/// The proleptic Gregorian calendar over day numbers from 1970-01-01.
///
/// All arithmetic wraps instead of trapping: callers check ranges where a value can leave them.
/// - Source: the method of 400-year eras that begin in March, so that the leap day is the last of a year.
package enum CivilCalendar {
  package struct Date: Equatable, Sendable {
    package var year: Int
    package var month: Int
    package var day: Int
  }

  @inline(__always)
  package static func date(ofDay days: Int) -> Date {
    let shifted = days &+ 719_468
    let era = (shifted >= 0 ? shifted : shifted &- 146_096) / 146_097
    let dayOfEra = shifted &- era &* 146_097
    let yearOfEra = (dayOfEra &- dayOfEra / 1460 &+ dayOfEra / 36_524 &- dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra &- (365 &* yearOfEra &+ yearOfEra / 4 &- yearOfEra / 100)
    let shiftedMonth = (5 &* dayOfYear &+ 2) / 153
    let day = dayOfYear &- (153 &* shiftedMonth &+ 2) / 5 &+ 1
    let month = shiftedMonth < 10 ? shiftedMonth &+ 3 : shiftedMonth &- 9
    return Date(year: yearOfEra &+ era &* 400 &+ (month <= 2 ? 1 : 0), month: month, day: day)
  }

  /// The day number of a date whose month is 1...12; the day may lie outside its month.
  @inline(__always)
  package static func day(year: Int, month: Int, day: Int) -> Int {
    let shiftedYear = month <= 2 ? year &- 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear &- 399) / 400
    let yearOfEra = shiftedYear &- era &* 400
    let dayOfYear = (153 &* (month > 2 ? month &- 3 : month &+ 9) &+ 2) / 5 &+ day &- 1
    let dayOfEra = yearOfEra &* 365 &+ yearOfEra / 4 &- yearOfEra / 100 &+ dayOfYear
    return era &* 146_097 &+ dayOfEra &- 719_468
  }

  @inline(__always)
  package static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  @inline(__always)
  package static func daysIn(month: Int, year: Int) -> Int {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: isLeap(year) ? 29 : 28
    default: 31
    }
  }

  /// Whether the three numbers name a day.
  package static func isValid(year: Int, month: Int, day: Int) -> Bool {
    month >= 1 && month <= 12 && day >= 1 && day <= daysIn(month: month, year: year)
  }

  /// The same day some months later, or the last of the month when that one is shorter (Jan 31 + 1 month = Feb 28).
  package static func addMonths(_ months: Int, toDay days: Int) -> Int {
    let date = date(ofDay: days)
    let total = date.year &* 12 &+ (date.month &- 1) &+ months
    let year = floorDivide(total, 12)
    let month = total &- year &* 12 &+ 1
    return day(year: year, month: month, day: min(date.day, daysIn(month: month, year: year)))
  }

  /// Monday = 1 ... Sunday = 7.
  @inline(__always)
  package static func weekday(_ days: Int) -> Int { floorModulo(days &+ 3, 7) &+ 1 }

  package static func dayOfYear(_ days: Int) -> Int {
    days &- day(year: date(ofDay: days).year, month: 1, day: 1) &+ 1
  }

  /// ISO 8601 week: the week belongs to the year of its Thursday.
  package static func isoWeek(_ days: Int) -> (year: Int, week: Int) {
    let thursday = days &+ 4 &- weekday(days)
    let year = date(ofDay: thursday).year
    return (year, (thursday &- day(year: year, month: 1, day: 1)) / 7 &+ 1)
  }

  /// The Monday of week 1 of an ISO year.
  package static func isoYearStart(_ year: Int) -> Int {
    let fourth = day(year: year, month: 1, day: 4)
    return fourth &- (weekday(fourth) &- 1)
  }

  @inline(__always)
  package static func floorDivide(_ value: Int, _ divisor: Int) -> Int {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient &- 1 : quotient
  }

  @inline(__always)
  package static func floorModulo(_ value: Int, _ divisor: Int) -> Int {
    let remainder = value % divisor
    return remainder < 0 ? remainder &+ divisor : remainder
  }
}

/// A timestamp's parts; works for any tick length.
struct CivilTime: Sendable {
  var day: Int
  /// Ticks since midnight.
  var ticks: Int

  @inline(__always)
  init(_ ticksSinceEpoch: Int64, ticksPerSecond: Int64) {
    let perDay = Int(ticksPerSecond) &* 86_400
    day = CivilCalendar.floorDivide(Int(ticksSinceEpoch), perDay)
    ticks = Int(ticksSinceEpoch) &- day &* perDay
  }

  @inline(__always)
  func ticksSinceEpoch(ticksPerSecond: Int64) -> Int64 {
    Int64(day &* (Int(ticksPerSecond) &* 86_400) &+ ticks)
  }
}
