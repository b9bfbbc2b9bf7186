import Columnar

/// What a text said about a moment; missing fields count as those of 1970-01-01 00:00:00.
struct ParsedMoment {
  /// Local milliseconds since 1970-01-01.
  var local: Int64
  /// The zone that stood in the text.
  var zone: Int32?
  /// A fixed offset that stood in the text, in seconds.
  var offsetSeconds: Int?
}

extension DateTimeFormat {
  /// Reads a text that must match the format from its first to its last character.
  ///
  /// - Throws: `INVALID_FUNCTION_ARGUMENT` with Joda's texts.
  func parse(_ text: UnsafeRawBufferPointer) throws(KernelError) -> ParsedMoment {
    var reader = FormatReader(text: text)
    for item in items {
      switch item {
      case .literal(let bytes): try reader.literal(bytes)
      case .field(let field, _, let maximum): try reader.field(field, maximum, pivot: pivot)
      }
    }
    guard reader.position == text.count else { throw reader.malformed(at: reader.position) }
    return try reader.moment()
  }
}

/// The fields read so far, and where the reading stands.
private struct FormatReader {
  let text: UnsafeRawBufferPointer
  var position = 0
  private var values: [DateTimeFormat.Field: Int] = [:]
  private var zone: Int32?
  private var offset: Int?

  init(text: UnsafeRawBufferPointer) { self.text = text }

  private var shown: String { String(decoding: text, as: UTF8.self) }

  func malformed(at place: Int) -> KernelError {
    if place >= text.count { return .invalidArgument("Invalid format: \"\(shown)\" is too short") }
    if place == 0 { return .invalidArgument("Invalid format: \"\(shown)\"") }
    let rest = String(decoding: slice(text, place, text.count), as: UTF8.self)
    return .invalidArgument("Invalid format: \"\(shown)\" is malformed at \"\(rest)\"")
  }

  mutating func literal(_ bytes: [UInt8]) throws(KernelError) {
    for (index, byte) in bytes.enumerated() {
      guard position + index < text.count, Self.folded(text[position + index]) == Self.folded(byte) else {
        throw malformed(at: position)
      }
    }
    position += bytes.count
  }

  private static func folded(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

  mutating func field(_ field: DateTimeFormat.Field, _ maximum: Int, pivot: Int) throws(KernelError) {
    switch field {
    case .era: values[field] = try word(["BC", "AD"])
    case .dayOfWeekText, .dayOfWeekShortText:
      values[.dayOfWeek] = try word(DateTimeFormat.dayNames, alsoShort: true) + 1
    case .monthText, .monthShortText: values[.month] = try word(DateTimeFormat.monthNames, alsoShort: true) + 1
    case .halfday: values[field] = try word(["AM", "PM"])
    case .fraction:
      let start = position
      var thousandths = 0
      while position < text.count, position - start < maximum, text[position] &- 0x30 <= 9 {
        if position - start < 3 { thousandths = thousandths * 10 + Int(text[position] - 0x30) }
        position += 1
      }
      guard position > start else { throw malformed(at: start) }
      for _ in (position - start)..<max(3, position - start) { thousandths *= 10 }
      values[field] = thousandths
    case .zoneText, .zoneID:
      let start = position
      while position < text.count, !(text[position] == 0x20) { position += 1 }
      let name = String(decoding: slice(text, start, position), as: UTF8.self)
      guard position > start, let known = ZoneID.named(name) else { throw malformed(at: start) }
      zone = known
    case .offset, .offsetWithColon: offset = try zoneOffset()
    case .twoDigitYear, .twoDigitWeekyear:
      let start = position
      let value = try number(maximum: 2, allowsSign: false)
      guard position - start == 2 else { throw malformed(at: start) }
      let low = pivot - 50
      values[field == .twoDigitYear ? .year : .weekyear] = low + CivilCalendar.floorModulo(value - low, 100)
    case .year, .weekyear, .yearOfEra, .century: values[field] = try number(maximum: maximum, allowsSign: true)
    default: values[field] = try number(maximum: maximum, allowsSign: false)
    }
  }

  private mutating func number(maximum: Int, allowsSign: Bool) throws(KernelError) -> Int {
    let start = position
    var isNegative = false
    if allowsSign, position < text.count, text[position] == UInt8(ascii: "-") || text[position] == UInt8(ascii: "+") {
      isNegative = text[position] == UInt8(ascii: "-")
      position += 1
    }
    let first = position
    var value = 0
    while position < text.count, position - first < min(maximum, 9), text[position] &- 0x30 <= 9 {
      value = value * 10 + Int(text[position] - 0x30)
      position += 1
    }
    guard position > first else { throw malformed(at: start) }
    return isNegative ? -value : value
  }

  /// The number of the word at the position, case ignored; the longest that fits.
  private mutating func word(_ words: [String], alsoShort: Bool = false) throws(KernelError) -> Int {
    func fits(_ word: Swift.Substring) -> Bool {
      let bytes = word.utf8
      guard position + bytes.count <= text.count else { return false }
      return zip(position..., bytes).allSatisfy { Self.folded(text[$0]) == Self.folded($1) }
    }
    for (index, word) in words.enumerated() where fits(word[...]) {
      position += word.utf8.count
      return index
    }
    if alsoShort {
      for (index, word) in words.enumerated() where fits(word.prefix(3)) {
        position += 3
        return index
      }
    }
    throw malformed(at: position)
  }

  /// `Z`, `+02:00`, `+0200`, `+02`: seconds.
  private mutating func zoneOffset() throws(KernelError) -> Int {
    let start = position
    guard position < text.count else { throw malformed(at: start) }
    if text[position] == UInt8(ascii: "Z") || text[position] == UInt8(ascii: "z") {
      position += 1
      return 0
    }
    guard text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-") else { throw malformed(at: start) }
    let sign = text[position] == UInt8(ascii: "-") ? -1 : 1
    position += 1
    func two() -> Int? {
      guard position + 2 <= text.count, text[position] &- 0x30 <= 9, text[position + 1] &- 0x30 <= 9 else { return nil }
      return Int(text[position] - 0x30) * 10 + Int(text[position + 1] - 0x30)
    }
    guard let hours = two() else { throw malformed(at: start) }
    position += 2
    var minutes = 0
    if position < text.count, text[position] == UInt8(ascii: ":") { position += 1 }
    if let value = two() {
      minutes = value
      position += 2
    }
    guard hours < 24, minutes < 60 else { throw malformed(at: start) }
    return sign * (hours * 3600 + minutes * 60)
  }

  // MARK: The moment

  private func check(_ field: DateTimeFormat.Field, _ name: String, _ range: ClosedRange<Int>) throws(KernelError) -> Int? {
    guard let value = values[field] else { return nil }
    guard range.contains(value) else {
      throw .invalidArgument(
        "Cannot parse \"\(shown)\": Value \(value) for \(name) must be in the range [\(range.lowerBound),\(range.upperBound)]")
    }
    return value
  }

  func moment() throws(KernelError) -> ParsedMoment {
    var day = try date()
    if let weekday = try check(.dayOfWeek, "dayOfWeek", 1...7) { day += weekday - CivilCalendar.weekday(day) }
    var hour = try check(.hour, "hourOfDay", 0...23) ?? 0
    if let clock = try check(.clockHour, "clockhourOfDay", 1...24) { hour = clock % 24 }
    let isAfternoon = values[.halfday] == 1
    if let clock = try check(.clockHourOfHalfday, "clockhourOfHalfday", 1...12) {
      hour = clock % 12 + (isAfternoon ? 12 : 0)
    } else if let half = try check(.hourOfHalfday, "hourOfHalfday", 0...11) {
      hour = half + (isAfternoon ? 12 : 0)
    } else if values[.halfday] != nil {
      hour = hour % 12 + (isAfternoon ? 12 : 0)
    }
    let minute = try check(.minute, "minuteOfHour", 0...59) ?? 0
    let second = try check(.second, "secondOfMinute", 0...59) ?? 0
    let milliseconds = ((hour * 60 + minute) * 60 + second) * 1000 + (values[.fraction] ?? 0)
    return ParsedMoment(local: Int64(day) * 86_400_000 + Int64(milliseconds), zone: zone, offsetSeconds: offset)
  }

  private func date() throws(KernelError) -> Int {
    if values[.weekyear] != nil || values[.week] != nil {
      let year = values[.weekyear] ?? 1970
      let start = CivilCalendar.isoYearStart(year)
      let weeks = (CivilCalendar.isoYearStart(year + 1) - start) / 7
      let week = try check(.week, "weekOfWeekyear", 1...weeks) ?? 1
      return start + (week - 1) * 7
    }
    var year = values[.year] ?? values[.yearOfEra] ?? values[.century].map { $0 * 100 } ?? 1970
    if values[.era] == 0 { year = 1 - year }
    if let number = try check(.dayOfYear, "dayOfYear", 1...(CivilCalendar.isLeap(year) ? 366 : 365)) {
      return CivilCalendar.day(year: year, month: 1, day: 1) + number - 1
    }
    let month = try check(.month, "monthOfYear", 1...12) ?? 1
    let day = try check(.day, "dayOfMonth", 1...CivilCalendar.daysIn(month: month, year: year)) ?? 1
    return CivilCalendar.day(year: year, month: month, day: day)
  }
}
