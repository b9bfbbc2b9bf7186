/// Rules of one named zone: when which offset from UTC holds.
final class TimeZoneRules: Sendable {
  let name: String
  /// Seconds since the epoch at which `offsets[i + 1]` begins; ascending.
  private let transitions: [Int]
  /// Seconds east of UTC; one more than `transitions`.
  private let offsets: [Int]
  /// What holds after the last transition.
  private let tail: PosixRule?

  init(name: String, transitions: [Int], offsets: [Int], tail: PosixRule?) {
    self.name = name
    self.transitions = transitions
    self.offsets = offsets
    self.tail = tail
  }

  /// The offset at an instant, and the instants between which it holds.
  func span(at seconds: Int) -> (offset: Int, from: Int, until: Int) {
    var low = 0
    var high = transitions.count
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
    }
    if low == transitions.count, let tail {
      return tail.span(at: seconds, notBefore: transitions.last ?? .min)
    }
    return (
      offsets[low], low == 0 ? .min : transitions[low - 1], low == transitions.count ? .max : transitions[low]
    )
  }

  /// The instant of a local wall-clock time. In a gap the clock reading moves forward by the gap; of two readings the earlier counts.
  func instant(ofLocal seconds: Int) -> Int {
    let before = span(at: seconds &- 86_400).offset
    let after = span(at: seconds &+ 86_400).offset
    if before == after {
      let candidate = seconds &- before
      if span(at: candidate).offset == before { return candidate }
    }
    let early = seconds &- before
    if span(at: early).offset == before { return early }
    let late = seconds &- after
    if span(at: late).offset == after { return late }
    return early
  }
}

/// `EST5EDT,M3.2.0,M11.1.0`: how a zone goes on after the last transition of its file (POSIX TZ, as RFC 8536 section 3.3 extends it).
struct PosixRule: Sendable {
  private enum Day: Sendable {
    /// Month, week (5 = last), weekday (0 = Sunday).
    case monthWeekDay(Int, Int, Int)
    /// 1...365, February 29 never counted.
    case julian(Int)
    /// 0...365.
    case dayOfYear(Int)
  }
  private let standardOffset: Int
  private let daylight: (offset: Int, startDay: Day, startTime: Int, endDay: Day, endTime: Int)?

  func span(at seconds: Int, notBefore: Int) -> (offset: Int, from: Int, until: Int) {
    guard let daylight else { return (standardOffset, notBefore, .max) }
    let year = CivilCalendar.date(ofDay: CivilCalendar.floorDivide(seconds, 86_400)).year
    // Switches of the years around, in order; the last one at or before `seconds` decides.
    var switches: [(at: Int, offset: Int)] = []
    for candidate in (year - 1)...(year + 1) {
      switches.append((Self.day(daylight.startDay, candidate) * 86_400 + daylight.startTime - standardOffset, daylight.offset))
      switches.append((Self.day(daylight.endDay, candidate) * 86_400 + daylight.endTime - daylight.offset, standardOffset))
    }
    switches.sort { $0.at < $1.at }
    var result = (offset: standardOffset, from: notBefore, until: Int.max)
    for change in switches {
      if change.at > seconds {
        result.until = change.at
        break
      }
      result.offset = change.offset
      result.from = max(notBefore, change.at)
    }
    return result
  }

  private static func day(_ day: Day, _ year: Int) -> Int {
    let first = CivilCalendar.day(year: year, month: 1, day: 1)
    switch day {
    case .dayOfYear(let number): return first + number
    case .julian(let number): return first + number - 1 + (CivilCalendar.isLeap(year) && number >= 60 ? 1 : 0)
    case .monthWeekDay(let month, let week, let weekday):
      let start = CivilCalendar.day(year: year, month: month, day: 1)
      let shift = CivilCalendar.floorModulo(weekday - CivilCalendar.weekday(start) % 7, 7)
      var result = start + shift + (week - 1) * 7
      while result >= start + CivilCalendar.daysIn(month: month, year: year) { result -= 7 }
      return result
    }
  }

  /// Nil when the text is not such a rule.
  init?(_ text: String) {
    var rest = Array(text.utf8)[...]
    func name() -> Bool {
      if rest.first == UInt8(ascii: "<") {
        guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
        rest = rest[(end + 1)...]
        return true
      }
      let letters = rest.prefix { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A }
      rest = rest.dropFirst(letters.count)
      return letters.count >= 3
    }
    func number() -> Int? {
      let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
      guard !digits.isEmpty, digits.count <= 6 else { return nil }
      rest = rest.dropFirst(digits.count)
      return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
    func accept(_ byte: UInt8) -> Bool {
      guard rest.first == byte else { return false }
      rest = rest.dropFirst()
      return true
    }
    func time() -> Int? {
      let isNegative = accept(UInt8(ascii: "-"))
      if !isNegative { _ = accept(UInt8(ascii: "+")) }
      guard var total = number().map({ $0 * 3600 }) else { return nil }
      if accept(UInt8(ascii: ":")) {
        guard let minutes = number() else { return nil }
        total += minutes * 60
        if accept(UInt8(ascii: ":")) {
          guard let seconds = number() else { return nil }
          total += seconds
        }
      }
      return isNegative ? -total : total
    }
    func dayRule() -> (Day, Int)? {
      let day: Day
      if accept(UInt8(ascii: "M")) {
        guard let month = number(), accept(UInt8(ascii: ".")), let week = number(), accept(UInt8(ascii: ".")),
          let weekday = number(), (1...12).contains(month), (1...5).contains(week), (0...6).contains(weekday)
        else { return nil }
        day = .monthWeekDay(month, week, weekday)
      } else if accept(UInt8(ascii: "J")) {
        guard let value = number(), (1...365).contains(value) else { return nil }
        day = .julian(value)
      } else {
        guard let value = number(), value <= 365 else { return nil }
        day = .dayOfYear(value)
      }
      guard accept(UInt8(ascii: "/")) else { return (day, 7200) }
      guard let at = time() else { return nil }
      return (day, at)
    }
    guard name(), let west = time() else { return nil }
    standardOffset = -west
    if rest.isEmpty {
      daylight = nil
      return
    }
    guard name() else { return nil }
    var offset = standardOffset + 3600
    if rest.first != UInt8(ascii: ",") {
      guard let west = time() else { return nil }
      offset = -west
    }
    guard accept(UInt8(ascii: ",")), let (startDay, startTime) = dayRule(), accept(UInt8(ascii: ",")),
      let (endDay, endTime) = dayRule()
    else { return nil }
    daylight = (offset, startDay, startTime, endDay, endTime)
  }
}

/// Reads the system's compiled zones.
/// - Source: RFC 8536 (TZif): a version 1 block with 32-bit times, then for version 2 and 3 the same with 64-bit times and a TZ line.
enum TimeZoneFile {
  /// Nil when the bytes are no zone file.
  static func parse(_ bytes: [UInt8], name: String) -> TimeZoneRules? {
    guard let first = Header(bytes, at: 0) else { return nil }
    guard first.version >= 0x32 else { return rules(bytes, first, timeSize: 4, name: name)?.rules }
    let secondOffset = 44 + first.bodySize(timeSize: 4)
    guard let second = Header(bytes, at: secondOffset) else { return nil }
    return rules(bytes, second, timeSize: 8, name: name)?.rules
  }

  private struct Header {
    let start: Int
    let version: UInt8
    let counts: [Int]

    init?(_ bytes: [UInt8], at offset: Int) {
      guard offset >= 0, offset + 44 <= bytes.count, Array(bytes[offset..<offset + 4]) == Array("TZif".utf8) else {
        return nil
      }
      start = offset + 44
      version = bytes[offset + 4]
      counts = (0..<6).map { TimeZoneFile.integer(bytes, offset + 20 + $0 * 4, 4) }
      guard counts.allSatisfy({ $0 >= 0 && $0 < 100_000 }) else { return nil }
    }
    var transitionCount: Int { counts[3] }
    var typeCount: Int { counts[4] }
    func bodySize(timeSize: Int) -> Int {
      counts[3] * (timeSize + 1) + counts[4] * 6 + counts[5] + counts[2] * (timeSize + 4) + counts[1] + counts[0]
    }
  }

  private static func rules(_ bytes: [UInt8], _ header: Header, timeSize: Int, name: String) -> (rules: TimeZoneRules, end: Int)? {
    let end = header.start + header.bodySize(timeSize: timeSize)
    guard end <= bytes.count, header.typeCount > 0 else { return nil }
    let indexStart = header.start + header.transitionCount * timeSize
    let typeStart = indexStart + header.transitionCount
    let offsetsByType = (0..<header.typeCount).map { integer(bytes, typeStart + $0 * 6, 4) }
    var transitions: [Int] = []
    var offsets = [offsetsByType[0]]
    for index in 0..<header.transitionCount {
      let type = Int(bytes[indexStart + index])
      guard type < offsetsByType.count else { return nil }
      let at = integer(bytes, header.start + index * timeSize, timeSize)
      guard transitions.last.map({ $0 < at }) ?? true else { return nil }
      transitions.append(at)
      offsets.append(offsetsByType[type])
    }
    var tail: PosixRule?
    if timeSize == 8, end < bytes.count, bytes[end] == 0x0A, let close = bytes[(end + 1)...].firstIndex(of: 0x0A) {
      tail = PosixRule(String(decoding: bytes[(end + 1)..<close], as: UTF8.self))
    }
    return (TimeZoneRules(name: name, transitions: transitions, offsets: offsets, tail: tail), end)
  }

  /// A big-endian two's complement number.
  private static func integer(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> Int {
    var value: Int = bytes[offset] >= 0x80 ? -1 : 0
    for index in 0..<size { value = (value &<< 8) | Int(bytes[offset + index]) }
    return value
  }
}
