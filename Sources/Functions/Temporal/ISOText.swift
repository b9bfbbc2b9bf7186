import Columnar

/// Dates and timestamps by ISO 8601.
enum ISOText {
  struct Moment {
    var day: Int
    /// Since local midnight.
    var nanoseconds: Int
    /// Seconds east of UTC, when the text says.
    var offsetSeconds: Int?
  }

  /// `2020-05-11`, `2020-05`, `2020`, `2020-W20-1`, `2020-W20`, `2020-132`: the day number.
  static func date(_ text: UnsafeRawBufferPointer) -> Int? {
    var reader = Reader(bytes: text)
    guard let day = reader.date(), reader.isAtEnd else { return nil }
    return day
  }

  /// A date, then perhaps `T` and a time with an offset; a time alone stands for 1970-01-01.
  static func timestamp(_ text: UnsafeRawBufferPointer) -> Moment? {
    var reader = Reader(bytes: text)
    var moment = Moment(day: 0, nanoseconds: 0, offsetSeconds: nil)
    if reader.peek != UInt8(ascii: "T") {
      guard let day = reader.date() else { return nil }
      moment.day = day
    }
    guard reader.accept(UInt8(ascii: "T")) else { return reader.isAtEnd ? moment : nil }
    if !reader.isAtEnd {
      guard let nanoseconds = reader.time() else { return nil }
      moment.nanoseconds = nanoseconds
    }
    if !reader.isAtEnd {
      guard let offset = reader.offset() else { return nil }
      moment.offsetSeconds = offset
    }
    return reader.isAtEnd ? moment : nil
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }
    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func accept(_ byte: UInt8) -> Bool {
      guard peek == byte else { return false }
      position += 1
      return true
    }

    private func digits(from start: Int) -> Int {
      var end = start
      while end < bytes.count, bytes[end] &- 0x30 <= 9 { end += 1 }
      return end - start
    }

    /// Exactly `count` digits.
    private mutating func number(_ count: Int) -> Int? {
      guard digits(from: position) >= count else { return nil }
      var value = 0
      for _ in 0..<count {
        value = value * 10 + Int(bytes[position] - 0x30)
        position += 1
      }
      return value
    }

    mutating func date() -> Int? {
      let isNegative = peek == UInt8(ascii: "-")
      if isNegative || peek == UInt8(ascii: "+") { position += 1 }
      let size = digits(from: position)
      guard size >= 1, size <= 7, let digits = number(size) else { return nil }
      let year = isNegative ? -digits : digits
      guard accept(UInt8(ascii: "-")) else { return CivilCalendar.day(year: year, month: 1, day: 1) }
      if accept(UInt8(ascii: "W")) {
        guard let week = number(min(2, max(1, self.digits(from: position)))) else { return nil }
        let start = CivilCalendar.isoYearStart(year)
        guard week >= 1, week <= (CivilCalendar.isoYearStart(year + 1) - start) / 7 else { return nil }
        guard accept(UInt8(ascii: "-")) else { return start + (week - 1) * 7 }
        guard let weekday = number(1), (1...7).contains(weekday) else { return nil }
        return start + (week - 1) * 7 + weekday - 1
      }
      let next = self.digits(from: position)
      if next == 3 {
        guard let number = number(3), number >= 1, number <= (CivilCalendar.isLeap(year) ? 366 : 365) else { return nil }
        return CivilCalendar.day(year: year, month: 1, day: 1) + number - 1
      }
      guard (1...2).contains(next), let month = number(next) else { return nil }
      var day = 1
      if accept(UInt8(ascii: "-")) {
        let size = self.digits(from: position)
        guard (1...2).contains(size), let value = number(size) else { return nil }
        day = value
      }
      guard CivilCalendar.isValid(year: year, month: month, day: day) else { return nil }
      return CivilCalendar.day(year: year, month: month, day: day)
    }

    /// `10`, `10:20`, `10:20:30`, each with a decimal fraction of its last part: nanoseconds.
    mutating func time() -> Int? {
      var total = 0
      var unit = 3_600_000_000_000
      for (part, limit) in [24, 60, 60].enumerated() {
        guard let value = number(min(2, max(1, digits(from: position)))), value < limit || (part == 0 && value == 24) else {
          return nil
        }
        total += value * unit
        if accept(UInt8(ascii: ".")) || accept(UInt8(ascii: ",")) {
          let size = digits(from: position)
          guard size > 0 else { return nil }
          var rest = unit
          for index in 0..<size where index < 12 {
            let digit = Int(bytes[position + index] - 0x30)
            total += digit * (rest / 10)
            rest /= 10
          }
          position += size
          break
        }
        unit /= 60
        guard part < 2, accept(UInt8(ascii: ":")) else { break }
      }
      return total <= 86_400_000_000_000 ? total : nil
    }

    mutating func offset() -> Int? {
      if accept(UInt8(ascii: "Z")) || accept(UInt8(ascii: "z")) { return 0 }
      guard peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") else { return nil }
      let sign = peek == UInt8(ascii: "-") ? -1 : 1
      position += 1
      guard let hours = number(2), hours <= 14 else { return nil }
      var minutes = 0
      if accept(UInt8(ascii: ":")) || digits(from: position) == 2 {
        guard let value = number(2), value < 60 else { return nil }
        minutes = value
      }
      return sign * (hours * 3600 + minutes * 60)
    }
  }
}

extension TextBuffer {
  /// `2020-05-11`, `2020-05-11T10:20:30.123`, and with a zone `Z` or `+02:00` behind it.
  mutating func append(iso row: Int, _ reader: inout TemporalReader) {
    let reading = reader.reading(row)
    append(date: reading.day)
    let precision: Int
    switch reader.type {
    case .timestamp(let digits), .timestampTZ(let digits): precision = digits
    default: return
    }
    append(UInt8(ascii: "T"))
    append(timeOfDay: reading.ticks, ticksPerSecond: Int(reader.ticksPerSecond), fractionDigits: precision)
    guard reader.kind == .timestampTZ else { return }
    let offset = reader.offsetSeconds(row)
    if offset == 0 { return append(UInt8(ascii: "Z")) }
    append(offset < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
    append(twoDigits: abs(offset) / 3600)
    append(UInt8(ascii: ":"))
    append(twoDigits: abs(offset) / 60 % 60)
  }
}

/// Durations as people write them.
enum DurationText {
  /// `42.8ms`, `5 m`: a number and a unit.
  static func parse(_ text: String) throws(KernelError) -> Milliseconds {
    let trimmed = text.trimmingSpaces
    let digits = trimmed.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = String(trimmed.dropFirst(digits.count)).trimmingSpaces
    guard let value = Double(digits), digits.first != ".", digits.last != ".", !unit.isEmpty,
      unit.allSatisfy({ $0.isASCII && $0.isLetter })
    else { throw .invalidArgument("duration is not a valid data duration string: \(text)") }
    let milliseconds: Double
    switch unit {
    case "ns": milliseconds = 1e-6
    case "us": milliseconds = 1e-3
    case "ms": milliseconds = 1
    case "s": milliseconds = 1000
    case "m": milliseconds = 60_000
    case "h": milliseconds = 3_600_000
    case "d": milliseconds = 86_400_000
    default: throw .invalidArgument("Unknown time unit: \(unit)")
    }
    guard let whole = Int64(exactly: (value * milliseconds + 0.5).rounded(.down)) else {
      throw .outOfRange("duration is out of range: \(text)")
    }
    return Milliseconds(value: whole)
  }

  /// `1 week, 2 days, 3 seconds`; the sign is dropped.
  static func words(_ seconds: Double) -> String {
    var rest = UInt64(exactly: seconds.magnitude.rounded()) ?? .max
    var parts: [String] = []
    for (name, size) in [("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)] as [(String, UInt64)] {
      let count = rest / size
      rest %= size
      if count > 0 { parts.append("\(count) \(name)\(count == 1 ? "" : "s")") }
    }
    return parts.isEmpty ? "0 seconds" : parts.joined(separator: ", ")
  }
}

extension String {
  var trimmingSpaces: String {
    var view = self[...]
    while let first = view.first, first.isWhitespace { view = view.dropFirst() }
    while let last = view.last, last.isWhitespace { view = view.dropLast() }
    return String(view)
  }
}
