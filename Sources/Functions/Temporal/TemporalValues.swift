import Columnar

/// Reads the values of one date, time or timestamp argument as a wall clock, and makes values of the same type from readings.
///
/// Dates have one tick per day and no time of day. Zoned timestamps are read on their own zone's clock.
struct TemporalReader {
  enum Kind { case date, time, timeTZ, timestamp, timestampTZ }

  let type: SQLType
  let kind: Kind
  let ticksPerSecond: Int64
  private let operand: Operand
  private var clock = ZoneClock()

  init(_ column: Column) {
    operand = Operand(column)
    type = column.type
    switch column.type {
    case .date:
      kind = .date
      ticksPerSecond = 1_000_000
    case .time(let precision):
      kind = .time
      ticksPerSecond = SQLType.ticksPerSecond(precision: precision)
    case .timeTZ(let precision):
      kind = .timeTZ
      ticksPerSecond = SQLType.ticksPerSecond(precision: precision)
    case .timestampTZ(let precision):
      kind = .timestampTZ
      ticksPerSecond = SQLType.ticksPerSecond(precision: precision)
    case .timestamp(let precision):
      kind = .timestamp
      ticksPerSecond = SQLType.ticksPerSecond(precision: precision)
    default:
      kind = .timestamp
      ticksPerSecond = 1_000_000
    }
  }

  func isValid(_ row: Int) -> Bool { operand.isValid(row) }
  var ticksPerDay: Int64 { ticksPerSecond * 86_400 }

  /// The value of a row as it is stored, for zoned timestamps.
  func moment(_ row: Int) -> TimestampTZ { operand.pointer(as: TimestampTZ.self)[row & operand.mask] }

  /// What the clock reads: a day, and the ticks since its start.
  mutating func reading(_ row: Int) -> CivilTime {
    let index = row & operand.mask
    switch kind {
    case .date: return CivilTime(day: Int(operand.pointer(as: Int32.self)[index]), ticks: 0)
    case .time: return CivilTime(day: 0, ticks: Int(operand.pointer(as: Int64.self)[index]))
    case .timeTZ:
      let local = Int(operand.pointer(as: TimestampTZ.self)[index].instant) + offsetSeconds(row) * Int(ticksPerSecond)
      return CivilTime(day: 0, ticks: CivilCalendar.floorModulo(local, Int(ticksPerDay)))
    case .timestamp: return CivilTime(operand.pointer(as: Int64.self)[index], ticksPerSecond: ticksPerSecond)
    case .timestampTZ:
      let value = operand.pointer(as: TimestampTZ.self)[index]
      return CivilTime(clock.local(value, ticksPerSecond: ticksPerSecond), ticksPerSecond: ticksPerSecond)
    }
  }

  /// Seconds east of UTC on a zoned timestamp's clock.
  mutating func offsetSeconds(_ row: Int) -> Int {
    guard kind == .timestampTZ || kind == .timeTZ else { return 0 }
    let value = moment(row)
    return clock.offsetSeconds(
      zone: value.zone, at: CivilCalendar.floorDivide(Int(value.instant), Int(ticksPerSecond)))
  }

  /// Ticks since the epoch on the local clock; days of dates are multiplied out.
  func ticks(_ reading: CivilTime) throws(KernelError) -> Int64 {
    let (start, first) = Int64(reading.day).multipliedReportingOverflow(by: ticksPerDay)
    let (sum, second) = start.addingReportingOverflow(Int64(reading.ticks))
    if first || second { throw TemporalMath.overflow }
    return sum
  }

  /// The value of this type that has a reading; of zoned ones in the zone of the row's value.
  mutating func store(
    _ reading: CivilTime, _ row: Int, _ target: UnsafeMutableRawPointer
  ) throws(KernelError) {
    switch kind {
    case .date:
      guard let day = Int32(exactly: reading.day) else { throw TemporalMath.overflow }
      target.assumingMemoryBound(to: Int32.self)[row] = day
    case .time: target.assumingMemoryBound(to: Int64.self)[row] = Int64(reading.ticks)
    case .timestamp: target.assumingMemoryBound(to: Int64.self)[row] = try ticks(reading)
    case .timeTZ:
      let instant = CivilCalendar.floorModulo(reading.ticks - offsetSeconds(row) * Int(ticksPerSecond), Int(ticksPerDay))
      target.assumingMemoryBound(to: TimestampTZ.self)[row] = TimestampTZ(instant: Int64(instant), zone: moment(row).zone)
    case .timestampTZ:
      let zone = moment(row).zone
      let instant = clock.instant(local: try ticks(reading), zone: zone, ticksPerSecond: ticksPerSecond)
      target.assumingMemoryBound(to: TimestampTZ.self)[row] = TimestampTZ(instant: instant, zone: zone)
    }
  }
}

extension CivilTime {
  init(day: Int, ticks: Int) {
    self.day = day
    self.ticks = ticks
  }
}

/// The fields by which moments are cut, moved and compared.
enum TemporalUnit: String, Sendable {
  case millisecond, second, minute, hour, day, week, month, quarter, year

  /// - Throws: `'x' is not a valid DATE field` and the like, when the type has no such field.
  static func parse(_ text: UnsafeRawBufferPointer, for kind: TemporalReader.Kind) throws(KernelError) -> TemporalUnit {
    let spelled = String(decoding: text, as: UTF8.self)
    let unit = TemporalUnit(rawValue: spelled.lowercased())
    let (name, isAllowed): (String, Bool) =
      switch kind {
      case .date: ("DATE", unit.map { $0.milliseconds == nil || $0 == .day || $0 == .week } ?? false)
      case .time, .timeTZ: ("TIME", unit?.milliseconds != nil && unit != .day && unit != .week)
      case .timestamp, .timestampTZ: ("Timestamp", unit != nil)
      }
    guard let unit, isAllowed else { throw .invalidArgument("'\(spelled)' is not a valid \(name) field") }
    return unit
  }

  /// Its length, where that does not depend on the calendar.
  var milliseconds: Int64? {
    switch self {
    case .millisecond: 1
    case .second: 1000
    case .minute: 60_000
    case .hour: 3_600_000
    case .day: 86_400_000
    case .week: 604_800_000
    case .month, .quarter, .year: nil
    }
  }

  /// In months, where it is a number of them.
  var months: Int? {
    switch self {
    case .month: 1
    case .quarter: 3
    case .year: 12
    default: nil
    }
  }

  /// Days or more, which follow the local calendar; smaller units follow the time line.
  var isCalendar: Bool {
    switch self {
    case .day, .week, .month, .quarter, .year: true
    default: false
    }
  }
}

/// The unit of a row, parsed again only when the text changes.
struct UnitReader {
  private let operand: Operand
  private let kind: TemporalReader.Kind
  private var last: (text: UnsafeRawBufferPointer, unit: TemporalUnit)?

  init(_ column: Column, for kind: TemporalReader.Kind) {
    operand = Operand(column)
    self.kind = kind
  }

  mutating func unit(_ row: Int) throws(KernelError) -> TemporalUnit {
    if operand.isConstant, let last { return last.unit }
    let text = StringView.buffer(at: operand.pointer(as: StringView.self) + (row & operand.mask))
    if let last, StringSearch.isEqual(last.text, text) { return last.unit }
    let unit = try TemporalUnit.parse(text, for: kind)
    last = (text, unit)
    return unit
  }
}
