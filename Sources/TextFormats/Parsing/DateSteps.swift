/// The dates of a projected partition column: from one moment to another in equal steps, written by a Java date pattern.
///
/// Source: Athena user guide, "Supported types for partition projection", "Date type".
package struct DateSteps: Sendable {
  private let pattern: DatePattern
  private let first: Int64
  private let last: Int64
  private let interval: Int64
  private let unit: Unit
  /// Texts sort as the dates do: fixed widths, largest unit first.
  package let isSortable: Bool

  enum Unit: String, CaseIterable {
    case years, months, weeks, days, hours, minutes, seconds, milliseconds

    init?(word: String) {
      let lower = word.lowercased()
      self.init(rawValue: lower.hasSuffix("s") ? lower : lower + "s")
    }

    /// Nil for months and years, which have no fixed length.
    var microseconds: Int64? {
      switch self {
      case .years, .months: nil
      case .weeks: 7 * 86_400_000_000
      case .days: 86_400_000_000
      case .hours: 3_600_000_000
      case .minutes: 60_000_000
      case .seconds: 1_000_000
      case .milliseconds: 1_000
      }
    }
  }

  /// - Parameters:
  ///   - range: two dates in the format, or `NOW`, `NOW-3YEARS`, `NOW+1MONTH`, with a comma between.
  ///   - interval: 1 when not given, which only day and month formats allow.
  package init(
    format: String, range: String, interval: Int64?, unit: String?, nowMicroseconds: Int64
  ) throws(TextFormatError) {
    pattern = DatePattern(format)
    guard pattern.canFormat else { throw TextFormatError(.badOption, "format '\(format)' is not a date pattern that can be written") }
    isSortable = pattern.isSortable
    let bounds = range.split(separator: ",").map { String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
    guard bounds.count == 2 else { throw TextFormatError(.badOption, "range must be two dates, not '\(range)'") }
    first = try Self.moment(bounds[0], pattern, nowMicroseconds)
    last = try Self.moment(bounds[1], pattern, nowMicroseconds)
    if let unit {
      guard let known = Unit(word: unit) else { throw TextFormatError(.badOption, "interval.unit '\(unit)' is not known") }
      self.unit = known
    } else if let usual = pattern.usualStep {
      self.unit = usual
    } else {
      throw TextFormatError(.badOption, "interval.unit is missing, which formats finer than days need")
    }
    guard interval != nil || pattern.usualStep != nil else {
      throw TextFormatError(.badOption, "interval is missing, which formats finer than days need")
    }
    guard interval ?? 1 <= 1_000_000 else { throw TextFormatError(.badOption, "interval \(interval ?? 1) is too large") }
    self.interval = interval ?? 1
  }

  /// Microseconds since 1970 of a text in the format.
  package func microseconds(of text: String) -> Int64? { pattern.microseconds(of: text) }

  /// The texts of all steps between two moments (all when nil), or nil when there are more than `limit`.
  package func texts(from low: Int64?, through high: Int64?, limit: Int) -> [String]? {
    var texts: [String] = []
    var step: Int64 = 0
    let start = floored(first)
    if let low, low > start, let length = unit.microseconds {
      let (distance, overflow) = low.subtractingReportingOverflow(start)
      step = overflow ? Int64.max / 2 / interval : distance / (length * interval)
    }
    while true {
      guard let moment = Self.adding(step * interval, unit, to: start), moment <= min(last, high ?? last) else { return texts }
      step += 1
      if let low, moment < low { continue }
      guard texts.count < limit else { return nil }
      let text = pattern.format(moment)
      if texts.last != text { texts.append(text) }
    }
  }

  /// The moment that the format's text of a moment stands for: `NOW` in a day format begins at midnight.
  private func floored(_ moment: Int64) -> Int64 { pattern.microseconds(of: pattern.format(moment)) ?? moment }

  private static func moment(_ text: String, _ pattern: DatePattern, _ now: Int64) throws(TextFormatError) -> Int64 {
    let compact = text.filter { $0 != " " }.uppercased()
    guard compact.hasPrefix("NOW") else {
      guard let moment = pattern.microseconds(of: text) else {
        throw TextFormatError(.badOption, "range: '\(text)' does not have the format")
      }
      return moment
    }
    let rest = compact.dropFirst(3)
    guard let sign = rest.first else { return now }
    let digits = rest.dropFirst().prefix { $0.isNumber }
    guard sign == "+" || sign == "-", let count = Int64(digits), let unit = Unit(word: String(rest.dropFirst(1 + digits.count))),
      let moment = adding(sign == "-" ? -count : count, unit, to: now)
    else { throw TextFormatError(.badOption, "range: '\(text)' is no date like NOW-3YEARS") }
    return moment
  }

  /// Months keep the day where the month has it, else its last day. Nil on overflow.
  private static func adding(_ count: Int64, _ unit: Unit, to moment: Int64) -> Int64? {
    if let length = unit.microseconds {
      let (distance, overflow) = count.multipliedReportingOverflow(by: length)
      let (sum, overflow2) = moment.addingReportingOverflow(distance)
      return overflow || overflow2 ? nil : sum
    }
    guard abs(count) < 1_000_000 else { return nil }
    let day: Int64 = 86_400_000_000
    let days = moment / day - (moment % day < 0 ? 1 : 0)
    let timeOfDay = moment - days * day
    let (year, month, dayOfMonth) = ValueText.civil(Int(days))
    let months = year * 12 + month - 1 + Int(count) * (unit == .years ? 12 : 1)
    let newYear = months >= 0 ? months / 12 : (months - 11) / 12
    var candidate = dayOfMonth
    while candidate > 0 {
      if let found = DateTimeParsing.days(newYear, months - newYear * 12 + 1, candidate) { return Int64(found) * day + timeOfDay }
      candidate -= 1
    }
    return nil
  }
}
