import Columnar

/// A compiled date format: MySQL's (`%Y-%m-%d`) or Joda's (`yyyy-MM-dd`). Prints local readings and reads texts.
///
/// Both notations name the same fields, so one list of items serves both. Names of months and days are English, as on Athena.
struct DateTimeFormat: Sendable {
  enum Field: Sendable, Hashable {
    case era, century, yearOfEra, year, weekyear, week, dayOfWeek, dayOfWeekText, dayOfWeekShortText, dayOfYear, month
    case monthText, monthShortText, day, halfday, hourOfHalfday, clockHourOfHalfday, hour, clockHour, minute, second
    case fraction, zoneText, offset, offsetWithColon, zoneID
    /// The last two digits; `pivot` is the middle of the century that they are read in.
    case twoDigitYear, twoDigitWeekyear
  }

  enum Item: Sendable, Hashable {
    case literal([UInt8])
    /// Numbers are printed with at least `minimum` digits and read with at most `maximum`.
    case field(Field, minimum: Int, maximum: Int)
  }

  let items: [Item]
  /// Two-digit years lie in `pivot - 50 ..< pivot + 50`.
  let pivot: Int
  /// Fraction digits that are printed at least; MySQL's `%f` shows six of a clock of milliseconds.
  static let monthNames = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
  ]
  static let dayNames = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
}

// MARK: Notations

extension DateTimeFormat {
  /// `%Y-%m-%d %H:%i:%s`; letters without a meaning stand for themselves (sql.md 8.3).
  static func mysql(_ text: UnsafeRawBufferPointer) throws(KernelError) -> DateTimeFormat {
    var items: [Item] = []
    var literal: [UInt8] = []
    func flush() {
      if !literal.isEmpty { items.append(.literal(literal)) }
      literal = []
    }
    func field(_ field: Field, _ minimum: Int, _ maximum: Int) {
      flush()
      items.append(.field(field, minimum: minimum, maximum: maximum))
    }
    func time12() {
      field(.clockHourOfHalfday, 2, 2)
      literal.append(UInt8(ascii: ":"))
      field(.minute, 2, 2)
      literal.append(UInt8(ascii: ":"))
      field(.second, 2, 2)
      literal.append(UInt8(ascii: " "))
      field(.halfday, 0, 0)
    }
    func time24() {
      field(.hour, 2, 2)
      literal.append(UInt8(ascii: ":"))
      field(.minute, 2, 2)
      literal.append(UInt8(ascii: ":"))
      field(.second, 2, 2)
    }
    var isEscaped = false
    for byte in text {
      guard isEscaped else {
        if byte == UInt8(ascii: "%") { isEscaped = true } else { literal.append(byte) }
        continue
      }
      isEscaped = false
      switch Character(Unicode.Scalar(byte)) {
      case "a": field(.dayOfWeekShortText, 0, 0)
      case "b": field(.monthShortText, 0, 0)
      case "c": field(.month, 1, 2)
      case "d": field(.day, 2, 2)
      case "e": field(.day, 1, 2)
      case "f": field(.fraction, 6, 9)
      case "H": field(.hour, 2, 2)
      case "h", "I": field(.clockHourOfHalfday, 2, 2)
      case "i": field(.minute, 2, 2)
      case "j": field(.dayOfYear, 3, 3)
      case "k": field(.hour, 1, 2)
      case "l": field(.clockHourOfHalfday, 1, 2)
      case "M": field(.monthText, 0, 0)
      case "m": field(.month, 2, 2)
      case "p": field(.halfday, 0, 0)
      case "r": time12()
      case "S", "s": field(.second, 2, 2)
      case "T": time24()
      case "v": field(.week, 2, 2)
      case "x": field(.weekyear, 4, 9)
      case "W": field(.dayOfWeekText, 0, 0)
      case "Y": field(.year, 4, 9)
      case "y": field(.twoDigitYear, 2, 2)
      case "w", "U", "u", "V", "X", "D":
        throw .invalidArgument("%\(Character(Unicode.Scalar(byte))) not supported in date format string")
      default: literal.append(byte)
      }
    }
    flush()
    return DateTimeFormat(items: items, pivot: 2020)
  }

  /// `yyyy-MM-dd'T'HH:mm:ss.SSSZZ`.
  /// - Source: Joda-Time, DateTimeFormat's table of pattern letters.
  static func joda(_ text: UnsafeRawBufferPointer, currentYear: Int) throws(KernelError) -> DateTimeFormat {
    var items: [Item] = []
    var literal: [UInt8] = []
    var index = 0
    func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A }
    /// Whether what follows is a number, which then limits the digits of the one before.
    func isNumberNext(_ start: Int) -> Bool {
      guard start < text.count, isLetter(text[start]) else { return false }
      var end = start
      while end < text.count, text[end] == text[start] { end += 1 }
      switch Character(Unicode.Scalar(text[start])) {
      case "c", "C", "x", "y", "Y", "d", "h", "H", "m", "s", "S", "e", "D", "F", "w", "W", "k", "K": return true
      case "M": return end - start <= 2
      default: return false
      }
    }
    while index < text.count {
      let byte = text[index]
      if byte == UInt8(ascii: "'") {
        index += 1
        if index < text.count, text[index] == UInt8(ascii: "'") {
          literal.append(byte)
          index += 1
          continue
        }
        while index < text.count {
          if text[index] == UInt8(ascii: "'") {
            guard index + 1 < text.count, text[index + 1] == UInt8(ascii: "'") else { break }
            index += 1
          }
          literal.append(text[index])
          index += 1
        }
        index += 1
        continue
      }
      guard isLetter(byte) else {
        literal.append(byte)
        index += 1
        continue
      }
      var end = index
      while end < text.count, text[end] == byte { end += 1 }
      let length = end - index
      index = end
      if !literal.isEmpty { items.append(.literal(literal)) }
      literal = []
      let yearDigits = isNumberNext(end) ? length : 9
      let field: (Field, Int, Int)
      switch Character(Unicode.Scalar(byte)) {
      case "G": field = (.era, 0, 0)
      case "C": field = (.century, length, yearDigits)
      case "Y": field = (.yearOfEra, length, yearDigits)
      case "x": field = length == 2 ? (.twoDigitWeekyear, 2, 2) : (.weekyear, length, yearDigits)
      case "y": field = length == 2 ? (.twoDigitYear, 2, 2) : (.year, length, yearDigits)
      case "w": field = (.week, length, 2)
      case "e": field = (.dayOfWeek, length, 1)
      case "E": field = (length >= 4 ? .dayOfWeekText : .dayOfWeekShortText, 0, 0)
      case "D": field = (.dayOfYear, length, 3)
      case "M":
        field = length >= 4 ? (.monthText, 0, 0) : length == 3 ? (.monthShortText, 0, 0) : (.month, length, 2)
      case "d": field = (.day, length, 2)
      case "a": field = (.halfday, 0, 0)
      case "K": field = (.hourOfHalfday, length, 2)
      case "h": field = (.clockHourOfHalfday, length, 2)
      case "H": field = (.hour, length, 2)
      case "k": field = (.clockHour, length, 2)
      case "m": field = (.minute, length, 2)
      case "s": field = (.second, length, 2)
      case "S": field = (.fraction, length, length)
      case "z": field = (.zoneText, 0, 0)
      case "Z": field = (length == 1 ? .offset : length == 2 ? .offsetWithColon : .zoneID, 0, 0)
      default: throw .invalidArgument("Illegal pattern component: \(Character(Unicode.Scalar(byte)))")
      }
      items.append(.field(field.0, minimum: field.1, maximum: field.2))
    }
    if !literal.isEmpty { items.append(.literal(literal)) }
    return DateTimeFormat(items: items, pivot: currentYear - 30)
  }
}

// MARK: Printing

extension DateTimeFormat {
  /// Appends a moment as a clock shows it.
  ///
  /// - Parameters:
  ///   - day: the local day number.
  ///   - milliseconds: since local midnight.
  func append(day: Int, milliseconds: Int, zone: Int32, offsetSeconds: Int, to out: inout TextBuffer) {
    for item in items {
      switch item {
      case .literal(let bytes): bytes.withUnsafeBytes { out.append($0) }
      case .field(let field, let minimum, let maximum):
        append(field, minimum, maximum, day, milliseconds, zone, offsetSeconds, &out)
      }
    }
  }

  private func append(
    _ field: Field, _ minimum: Int, _ maximum: Int, _ day: Int, _ milliseconds: Int, _ zone: Int32, _ offset: Int,
    _ out: inout TextBuffer
  ) {
    func number(_ value: Int) {
      if value < 0 { out.append(UInt8(ascii: "-")) }
      out.append(unsigned: UInt64(value.magnitude), minimumDigits: max(1, minimum))
    }
    let hour = milliseconds / 3_600_000
    switch field {
    case .era: out.append(CivilCalendar.date(ofDay: day).year > 0 ? "AD" : "BC")
    case .century: number(Self.yearOfEra(day) / 100)
    case .yearOfEra: number(Self.yearOfEra(day))
    case .year: number(CivilCalendar.date(ofDay: day).year)
    case .twoDigitYear: out.append(twoDigits: CivilCalendar.floorModulo(CivilCalendar.date(ofDay: day).year, 100))
    case .weekyear: number(CivilCalendar.isoWeek(day).year)
    case .twoDigitWeekyear: out.append(twoDigits: CivilCalendar.floorModulo(CivilCalendar.isoWeek(day).year, 100))
    case .week: number(CivilCalendar.isoWeek(day).week)
    case .dayOfWeek: number(CivilCalendar.weekday(day))
    case .dayOfWeekText: out.append(text: Self.dayNames[CivilCalendar.weekday(day) - 1])
    case .dayOfWeekShortText: out.append(text: String(Self.dayNames[CivilCalendar.weekday(day) - 1].prefix(3)))
    case .dayOfYear: number(CivilCalendar.dayOfYear(day))
    case .month: number(CivilCalendar.date(ofDay: day).month)
    case .monthText: out.append(text: Self.monthNames[CivilCalendar.date(ofDay: day).month - 1])
    case .monthShortText: out.append(text: String(Self.monthNames[CivilCalendar.date(ofDay: day).month - 1].prefix(3)))
    case .day: number(CivilCalendar.date(ofDay: day).day)
    case .halfday: out.append(hour < 12 ? "AM" : "PM")
    case .hourOfHalfday: number(hour % 12)
    case .clockHourOfHalfday: number(hour % 12 == 0 ? 12 : hour % 12)
    case .hour: number(hour)
    case .clockHour: number(hour == 0 ? 24 : hour)
    case .minute: number(milliseconds / 60_000 % 60)
    case .second: number(milliseconds / 1000 % 60)
    case .fraction:
      // Three digits are known; more are zeros, fewer cut them.
      let thousandths = milliseconds % 1000
      switch minimum {
      case 1: out.append(unsigned: UInt64(thousandths / 100))
      case 2: out.append(unsigned: UInt64(thousandths / 10), minimumDigits: 2)
      default:
        out.append(unsigned: UInt64(thousandths), minimumDigits: 3)
        for _ in 3..<max(3, min(minimum, 64)) { out.append(0x30) }
      }
    case .zoneText, .zoneID: out.append(text: ZoneID.name(zone))
    case .offset, .offsetWithColon:
      out.append(offset < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
      out.append(twoDigits: abs(offset) / 3600)
      if field == .offsetWithColon { out.append(UInt8(ascii: ":")) }
      out.append(twoDigits: abs(offset) / 60 % 60)
    }
  }

  private static func yearOfEra(_ day: Int) -> Int {
    let year = CivilCalendar.date(ofDay: day).year
    return year > 0 ? year : 1 - year
  }
}
