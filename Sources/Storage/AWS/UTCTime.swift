/// Moments as AWS writes them, to and from seconds since 1970 UTC.
package enum UTCTime {
  /// `20130524T000000Z`, the form that signatures want.
  package static func basic(_ seconds: Int64) -> String {
    let parts = fields(seconds)
    return padded(parts[0], 4) + padded(parts[1], 2) + padded(parts[2], 2) + "T" + padded(parts[3], 2) + padded(parts[4], 2)
      + padded(parts[5], 2) + "Z"
  }

  /// `2013-05-24T00:00:00Z`.
  package static func extended(_ seconds: Int64) -> String {
    let parts = fields(seconds)
    let date = padded(parts[0], 4) + "-" + padded(parts[1], 2) + "-" + padded(parts[2], 2)
    return date + "T" + padded(parts[3], 2) + ":" + padded(parts[4], 2) + ":" + padded(parts[5], 2) + "Z"
  }

  /// ISO 8601 with date and time: `2013-05-24T00:00:00[.123](Z|+02:00|UTC)`. Nil for anything else.
  package static func parse(iso text: String) -> (seconds: Int64, microseconds: Int64)? {
    let bytes = Array(text.utf8)
    func digits(_ range: Range<Int>) -> Int64? {
      guard range.upperBound <= bytes.count else { return nil }
      var value: Int64 = 0
      for byte in bytes[range] {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      }
      return value
    }
    guard bytes.count >= 19, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[13] == UInt8(ascii: ":"),
      bytes[16] == UInt8(ascii: ":"), bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "),
      let year = digits(0..<4), let month = digits(5..<7), let day = digits(8..<10), let hour = digits(11..<13),
      let minute = digits(14..<16), let second = digits(17..<19),
      let seconds = Self.seconds(year, month, day, hour, minute, second)
    else { return nil }
    var index = 19
    var fraction: Int64 = 0
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
      index += 1
      var scale: Int64 = 100_000
      while index < bytes.count, let digit = digits(index..<index + 1) {
        fraction += digit * scale
        scale /= 10
        index += 1
      }
    }
    let zone = String(decoding: bytes[index...], as: UTF8.self)
    if zone == "Z" || zone == "UTC" || zone.isEmpty { return (seconds, fraction) }
    let sign: Int64
    switch bytes[index] {
    case UInt8(ascii: "+"): sign = -1
    case UInt8(ascii: "-"): sign = 1
    default: return nil
    }
    guard let hours = digits(index + 1..<index + 3) else { return nil }
    let minutesStart = index + 3 < bytes.count && bytes[index + 3] == UInt8(ascii: ":") ? index + 4 : index + 3
    guard let minutes = digits(minutesStart..<minutesStart + 2), minutesStart + 2 == bytes.count else { return nil }
    return (seconds + sign * (hours * 3_600 + minutes * 60), fraction)
  }

  /// An HTTP date, `Fri, 24 May 2013 00:00:00 GMT`. Nil for anything else.
  package static func parse(http text: String) -> Int64? {
    let words = text.split { $0 == " " || $0 == "," || $0 == "-" }
    guard words.count >= 6, let day = Int64(words[1]), let month = months.firstIndex(of: words[2].lowercased()),
      let year = Int64(words[3])
    else { return nil }
    let time = words[4].split(separator: ":").map { Int64($0) }
    guard time.count == 3, let hour = time[0], let minute = time[1], let second = time[2] else { return nil }
    return seconds(year, Int64(month) + 1, day, hour, minute, second)
  }

  private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

  private static func seconds(_ year: Int64, _ month: Int64, _ day: Int64, _ hour: Int64, _ minute: Int64, _ second: Int64) -> Int64? {
    guard (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
      (0...59).contains(minute), (0...60).contains(second)
    else { return nil }
    // Days of the proleptic Gregorian calendar, counted from March so that leap days come last.
    let shifted = month > 2 ? year : year - 1
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    return days * 86_400 + hour * 3_600 + minute * 60 + second
  }

  /// Year, month, day, hour, minute, second.
  private static func fields(_ seconds: Int64) -> [Int64] {
    let clamped = min(max(seconds, 0), 253_402_300_799)
    let days = clamped / 86_400 + 719_468
    let rest = clamped % 86_400
    let era = days / 146_097
    let dayOfEra = days % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return [year, month, dayOfYear - (153 * monthIndex + 2) / 5 + 1, rest / 3_600, rest / 60 % 60, rest % 60]
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}
