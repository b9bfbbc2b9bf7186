/// Types of the model's columns.
enum ModelType: Hashable, Sendable, CaseIterable {
  case bigint, integer, text, double, date, timestamp
  /// decimal(9,2)
  case decimal
  case boolean
  /// row(x integer, y varchar)
  case row

  /// In expressions.
  var name: String {
    switch self {
    case .bigint: "bigint"
    case .integer: "integer"
    case .text: "varchar"
    case .double: "double"
    case .date: "date"
    case .timestamp: "timestamp(6)"
    case .decimal: "decimal(9,2)"
    case .boolean: "boolean"
    case .row: "row(x integer, y varchar)"
    }
  }

  /// In column definitions.
  var definition: String {
    switch self {
    case .integer: "int"
    case .text: "string"
    case .timestamp: "timestamp"
    case .row: "struct<x: int, y: string>"
    case .bigint, .double, .date, .decimal, .boolean: name
    }
  }

  var isNumeric: Bool {
    switch self {
    case .bigint, .integer, .double, .decimal: true
    case .text, .date, .timestamp, .boolean, .row: false
    }
  }

  /// Whether a value of this type may stand where the other is wanted: both compare, and either may be assigned to the other.
  func isCompatible(with other: ModelType) -> Bool {
    self == other || (isNumeric && other.isNumeric) || (self == .date && other == .timestamp)
      || (self == .timestamp && other == .date)
  }
}

/// A value that is not NULL.
enum Value: Hashable, Sendable {
  /// bigint and integer
  case integer(Int64)
  case text(String)
  case double(Double)
  /// Days since 1970-01-01.
  case date(Int64)
  /// Microseconds since 1970-01-01.
  case timestamp(Int64)
  /// Hundredths.
  case decimal(Int64)
  case boolean(Bool)
  indirect case row([Value?])

  static let microsecondsPerDay: Int64 = 86_400_000_000

  /// As a query's result shows it.
  var shown: String {
    switch self {
    case .integer(let value): return String(value)
    case .text(let value): return value
    case .double(let value): return Self.shown(value)
    case .date(let days): return Self.calendarDate(days)
    case .timestamp(let microseconds):
      let days = microseconds.flooredDivision(by: Self.microsecondsPerDay)
      let rest = microseconds - days * Self.microsecondsPerDay
      let seconds = rest / 1_000_000
      return Self.calendarDate(days) + " " + Self.padded(seconds / 3_600, 2) + ":" + Self.padded(seconds / 60 % 60, 2) + ":"
        + Self.padded(seconds % 60, 2) + "." + Self.padded(rest % 1_000_000, 6)
    case .decimal(let hundredths):
      let (whole, rest) = hundredths.magnitude.quotientAndRemainder(dividingBy: 100)
      return (hundredths < 0 ? "-" : "") + String(whole) + "." + Self.padded(Int64(rest), 2)
    case .boolean(let value): return value ? "true" : "false"
    case .row(let fields):
      return "{" + zip(["x", "y"], fields).map { "\($0)=\($1?.shown ?? "null")" }.joined(separator: ", ") + "}"
    }
  }

  /// A literal of the type.
  func literal(_ type: ModelType) -> String {
    switch self {
    // A minus sign is an operator, and 2147483648 no integer.
    case .integer(let value): type == .bigint ? "BIGINT '\(shown)'" : value < -99 ? "INTEGER '\(shown)'" : shown
    case .text(let value): "'" + value.replacing("'", with: "''") + "'"
    case .double(let value):
      value.isNaN ? "nan()" : value.isInfinite ? (value < 0 ? "-infinity()" : "infinity()") : "DOUBLE '\(shown)'"
    case .date: "DATE '\(shown)'"
    case .timestamp: "TIMESTAMP '\(shown)'"
    case .decimal: "DECIMAL '\(shown)'"
    case .boolean: shown
    case .row(let fields):
      "CAST(ROW(" + zip([ModelType.integer, .text], fields).map { Value.literal($1, $0) }.joined(separator: ", ")
        + ") AS \(type.name))"
    }
  }

  static func literal(_ value: Value?, _ type: ModelType) -> String { value?.literal(type) ?? "CAST(NULL AS \(type.name))" }

  /// As Java's `Double.toString`: digits and exponent from 10^7 on. Nothing in the model is as small as the other limit.
  private static func shown(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    guard value.magnitude >= 1e7 else { return value.description }
    // Swift's text has all digits that are needed, with or without an exponent.
    let parts = value.magnitude.description.split(separator: "e")
    let whole = parts[0].split(separator: ".")[0]
    let exponent = whole.count - 1 + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    var digits = parts[0].filter { $0 != "." }
    while digits.count > 2, digits.last == "0" { digits.removeLast() }
    return (value < 0 ? "-" : "") + "\(digits.prefix(1)).\(digits.dropFirst())E\(exponent)"
  }

  private static func padded(_ number: Int64, _ digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  /// Proleptic Gregorian year-month-day, counted in years that begin in March, so that the leap day comes last.
  private static func calendarDate(_ days: Int64) -> String {
    let shifted = days + 719_468  // days from 0000-03-01 to 1970-01-01
    let era = shifted.flooredDivision(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let march = (5 * dayOfYear + 2) / 153
    let month = march < 10 ? march + 3 : march - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(dayOfYear - (153 * march + 2) / 5 + 1, 2)
  }
}

extension Int64 {
  func flooredDivision(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder != 0 && (remainder < 0) != (divisor < 0) ? quotient - 1 : quotient
  }
}
