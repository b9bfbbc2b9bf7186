import Columnar

/// Texts of the values JSON has no type for, in Trino's form.
enum ValueText {
  static func decimal(_ unscaled: Int128, scale: Int) -> String {
    let digits = String(unscaled.magnitude)
    let sign = unscaled < 0 ? "-" : ""
    guard scale > 0 else { return sign + digits }
    let padded = String(repeating: "0", count: max(scale + 1 - digits.count, 0)) + digits
    return sign + padded.dropLast(scale) + "." + padded.suffix(scale)
  }

  static func date(_ days: Int32) -> String {
    let (year, month, day) = civil(Int(days))
    return "\(yearText(year))-\(twoDigits(month))-\(twoDigits(day))"
  }

  /// `yyyy-MM-dd HH:mm:ss.SSS` with `precision` fractional digits.
  static func timestamp(_ ticks: Int64, precision: Int) -> String {
    let perDay = 86_400 * SQLType.ticksPerSecond(precision: precision)
    var day = ticks / perDay
    var rest = ticks % perDay
    if rest < 0 {
      day -= 1
      rest += perDay
    }
    return date(Int32(truncatingIfNeeded: day)) + " " + time(rest, precision: precision)
  }

  static func time(_ ticks: Int64, precision: Int) -> String {
    let perSecond = SQLType.ticksPerSecond(precision: precision)
    let seconds = ticks / perSecond
    let text = "\(twoDigits(Int(seconds / 3_600))):\(twoDigits(Int(seconds / 60 % 60))):\(twoDigits(Int(seconds % 60)))"
    guard precision > 0 else { return text }
    let stored = precision <= 6 ? 6 : 9
    let fraction = String(ticks % perSecond)
    let padded = String(repeating: "0", count: max(stored - fraction.count, 0)) + fraction
    return text + "." + padded.prefix(precision)
  }

  /// - Parameter value: the big-endian number with its top bit flipped, as columns hold it.
  static func uuid(_ value: Int128) -> String {
    let bits = UInt128(bitPattern: value) ^ (1 << 127)
    let hex = String(bits, radix: 16)
    let padded = String(repeating: "0", count: 32 - hex.count) + hex
    var text = ""
    for (index, digit) in padded.enumerated() {
      if index == 8 || index == 12 || index == 16 || index == 20 { text += "-" }
      text.append(digit)
    }
    return text
  }

  /// Year, month and day of a day number (Hinnant's civil_from_days; years begin in March inside).
  static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  private static func yearText(_ year: Int) -> String {
    let digits = String(abs(year))
    return (year < 0 ? "-" : "") + String(repeating: "0", count: max(4 - digits.count, 0)) + digits
  }

  private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
