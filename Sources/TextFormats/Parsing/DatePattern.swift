/// A Java date pattern (`yyyy-MM-dd'T'HH:mm:ss.SSSX`) as the SerDes' `timestamp.formats` gives them.
struct DatePattern: Sendable {
  private enum Part: Sendable {
    case literal([UInt8])
    case number(UInt8, width: Int)
    case fraction(width: Int)
    case zone
    /// Milliseconds since 1970 as a whole number.
    case milliseconds
    /// A letter we do not know: nothing matches.
    case unknown
  }

  private let parts: [Part]

  init(_ pattern: String) {
    guard pattern != "millis" else {
      parts = [.milliseconds]
      return
    }
    var parts: [Part] = []
    let bytes = Array(pattern.utf8)
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "'") {
        let end = bytes[(index + 1)...].firstIndex(of: byte) ?? bytes.count
        parts.append(.literal(end == index + 1 ? [byte] : Array(bytes[(index + 1)..<end])))
        index = end + 1
      } else if (byte | 0x20) >= 0x61, (byte | 0x20) <= 0x7A {
        var end = index
        while end < bytes.count, bytes[end] == byte { end += 1 }
        switch Character(UnicodeScalar(byte)) {
        case "y", "u", "M", "d", "H", "m", "s": parts.append(.number(byte, width: end - index))
        case "S", "n": parts.append(.fraction(width: end - index))
        case "X", "Z", "x", "z", "V": parts.append(.zone)
        default: parts.append(.unknown)
        }
        index = end
      } else {
        parts.append(.literal([byte]))
        index += 1
      }
    }
    self.parts = parts
  }

  // MARK: Writing

  /// Numbers and literal texts can be written; zones, fractions and unknown letters cannot.
  var canFormat: Bool {
    !parts.isEmpty
      && parts.allSatisfy {
        switch $0 {
        case .literal, .number: true
        case .fraction, .zone, .milliseconds, .unknown: false
        }
      }
  }

  /// Texts sort as the moments do: every number has a fixed width and larger units stand first.
  var isSortable: Bool {
    var previous = -1
    for case .number(let letter, let width) in parts {
      let rank = Self.rank(letter)
      guard rank > previous, width == (rank == 0 ? 4 : 2) else { return false }
      previous = rank
    }
    return previous >= 0
  }

  /// The step that a format of whole months or days implies.
  var usualStep: DateSteps.Unit? {
    let finest = parts.map { part -> Int in if case .number(let letter, _) = part { Self.rank(letter) } else { -1 } }.max() ?? -1
    return finest == 2 ? .days : finest == 1 ? .months : finest == 0 ? .years : nil
  }

  /// Year 0, month 1, day 2, hour 3, minute 4, second 5.
  private static func rank(_ letter: UInt8) -> Int {
    switch Character(UnicodeScalar(letter)) {
    case "y", "u": 0
    case "M": 1
    case "d": 2
    case "H": 3
    case "m": 4
    default: 5
    }
  }

  /// The text of a moment (microseconds since 1970, UTC); only when `canFormat`.
  func format(_ microseconds: Int64) -> String {
    let day: Int64 = 86_400_000_000
    var days = microseconds / day
    if microseconds % day < 0 { days -= 1 }
    let seconds = Int((microseconds - days * day) / 1_000_000)
    let (year, month, dayOfMonth) = ValueText.civil(Int(days))
    let values = [year, month, dayOfMonth, seconds / 3_600, seconds / 60 % 60, seconds % 60]
    var text = ""
    for part in parts {
      switch part {
      case .literal(let bytes): text += String(decoding: bytes, as: UTF8.self)
      case .number(let letter, let width):
        let rank = Self.rank(letter)
        let value = rank == 0 && width == 2 ? values[0] % 100 : values[rank]
        let digits = String(value)
        text += String(repeating: "0", count: max(0, width - digits.count)) + digits
      case .fraction, .zone, .milliseconds, .unknown: break
      }
    }
    return text
  }

  func microseconds(of text: String) -> Int64? {
    // Number parsers may look a few bytes behind the end.
    let bytes = Array(text.utf8) + [UInt8](repeating: 0, count: 16)
    return bytes.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.flatMap { microseconds($0, buffer.count - 16) }
    }
  }

  // MARK: Reading

  /// Microseconds since 1970 (UTC when a zone was written), nil when the text does not match as a whole.
  func microseconds(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int64? {
    var position = 0
    var (year, month, day, hour, minute, second) = (1970, 1, 1, 0, 0, 0)
    var micros: Int64 = 0
    var zoneMinutes = 0
    for (index, part) in parts.enumerated() {
      switch part {
      case .unknown: return nil
      case .milliseconds:
        guard let value = NumberParsing.int64(bytes, count) else { return nil }
        let (result, overflow) = value.multipliedReportingOverflow(by: 1_000)
        return overflow ? nil : result
      case .literal(let text):
        guard position + text.count <= count, text.elementsEqual(UnsafeBufferPointer(start: bytes + position, count: text.count)) else {
          return nil
        }
        position += text.count
      case .number(let letter, let width):
        // Fields that touch the next one have a fixed width; others take what digits there are.
        var touches = false
        if index + 1 < parts.count { if case .number = parts[index + 1] { touches = true } }
        let most = touches ? width : (letter == UInt8(ascii: "y") || letter == UInt8(ascii: "u") ? 6 : 2)
        let start = position
        var value = 0
        while position < count, position - start < most, bytes[position] >= 0x30, bytes[position] <= 0x39 {
          value = value * 10 + Int(bytes[position] - 0x30)
          position += 1
        }
        guard position > start else { return nil }
        switch Character(UnicodeScalar(letter)) {
        case "y", "u": year = width == 2 && position - start == 2 ? 2000 + value : value
        case "M": month = value
        case "d": day = value
        case "H": hour = value
        case "m": minute = value
        default: second = value
        }
      case .fraction:
        let start = position
        var unit: Int64 = 100_000
        while position < count, bytes[position] >= 0x30, bytes[position] <= 0x39 {
          micros += Int64(bytes[position] - 0x30) * unit
          unit /= 10
          position += 1
        }
        guard position > start else { return nil }
      case .zone:
        guard let (minutes, length) = Self.zone(bytes + position, count - position) else { return nil }
        zoneMinutes = minutes
        position += length
      }
    }
    guard position == count, hour < 24, minute < 60, second < 60, let days = DateTimeParsing.days(year, month, day) else { return nil }
    let seconds = Int64(hour * 3_600 + minute * 60 + second - zoneMinutes * 60)
    let (whole, overflow) = Int64(days).multipliedReportingOverflow(by: 86_400_000_000)
    let (sum, overflow2) = whole.addingReportingOverflow(seconds * 1_000_000 + micros)
    return overflow || overflow2 ? nil : sum
  }

  private static func zone(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> (minutes: Int, length: Int)? {
    guard count > 0 else { return nil }
    if bytes[0] | 0x20 == 0x7A { return (0, 1) }
    guard bytes[0] == 0x2B || bytes[0] == 0x2D, count >= 3, let hours = DateTimeParsing.digits(bytes + 1, 2) else { return nil }
    var length = 3
    var minutes = 0
    if count >= 6, bytes[3] == 0x3A, let written = DateTimeParsing.digits(bytes + 4, 2) {
      (minutes, length) = (written, 6)
    } else if count >= 5, let written = DateTimeParsing.digits(bytes + 3, 2) {
      (minutes, length) = (written, 5)
    }
    let total = hours * 60 + minutes
    return (bytes[0] == 0x2D ? -total : total, length)
  }
}
