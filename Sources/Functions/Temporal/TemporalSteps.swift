import Columnar

extension FunctionLibrary {
  /// Cutting, moving and comparing by units.
  static let temporalSteps: [ScalarDefinition] =
    [TypePattern.date, .time, .timeTZ, .timestamp, .timestampTZ].flatMap { pattern in
      [
        ScalarDefinition(
          "date_trunc", "A date or time cut down to the start of a unit.", [.varchar, pattern], returns: .argument(1),
          kernel: truncateKernel),
        ScalarDefinition(
          "date_add", "A date or time so many units later.", [.varchar, .bigint, pattern], returns: .argument(2),
          kernel: addKernel),
        ScalarDefinition(
          "date_diff", "Complete units from the first moment to the second.", [.varchar, pattern, pattern],
          returns: .type(.bigint), kernel: differenceKernel),
      ]
    }
    + [TypePattern.date, .timestamp, .timestampTZ].map { pattern in
      ScalarDefinition(
        "last_day_of_month", "The last day of the month.", [pattern], returns: .type(.date)
      ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        try temporalKernel(arguments, argument: 0, result: Int32.self, call) {
          (reader: inout TemporalReader, row: Int, target: UnsafeMutableRawPointer) throws(KernelError) in
          let day = reader.reading(row).day
          let date = CivilCalendar.date(ofDay: day)
          let last = day - date.day + CivilCalendar.daysIn(month: date.month, year: date.year)
          target.assumingMemoryBound(to: Int32.self)[row] = Int32(truncatingIfNeeded: last)
        }
      }
    }
    + [
      daysLater("date_sub", "The date so many days before (Spark).", sign: -1),
      daysLater("date_add", "The date so many days later (Spark).", sign: 1),
    ]

  /// Spark's `date_sub(date, days)`; beside Trino's three arguments nothing is ambiguous.
  private static func daysLater(_ name: String, _ description: String, sign: Int64) -> ScalarDefinition {
    checkedBinary(name, description) { (date: DayNumber, days: Int64) throws(KernelError) -> DayNumber in
      let (move, first) = days.multipliedReportingOverflow(by: sign)
      let (sum, second) = Int64(date.days).addingReportingOverflow(move)
      guard !first, !second, let day = Int32(exactly: sum) else { throw TemporalMath.overflow }
      return DayNumber(days: day)
    }
  }
}

/// The loop of functions with one temporal argument: rows with any NULL argument are NULL.
func temporalKernel<Output: BitwiseCopyable>(
  _ arguments: [Column], argument: Int, result: Output.Type, _ call: FunctionCall,
  _ body: (inout TemporalReader, Int, UnsafeMutableRawPointer) throws(KernelError) -> Void
) throws(KernelError) -> Column {
  try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let operands = arguments.map { Operand($0) }
    var reader = TemporalReader(arguments[argument])
    let values = Buffer.zeroed(byteCount: call.count * MemoryLayout<Output>.stride)
    let validity = mergedValidity(operands, count: call.count)
    let valid = validity?.pointer(as: UInt8.self)
    for row in 0..<call.count {
      if let valid, valid[row] == 0 { continue }
      do throws(KernelError) { try body(&reader, row, values.base) } catch { throw error.at(row: row) }
    }
    return Column(type: call.resultType, count: call.count, values: values, validity: validity)
  }
}

/// The same with results of the argument's own type.
private func temporalKernel(
  sameTypeAs argument: Int, _ arguments: [Column], _ call: FunctionCall,
  _ body: (inout TemporalReader, Int, UnsafeMutableRawPointer) throws(KernelError) -> Void
) throws(KernelError) -> Column {
  switch call.resultType.physical {
  case .int32: try temporalKernel(arguments, argument: argument, result: Int32.self, call, body)
  case .timestampTZ: try temporalKernel(arguments, argument: argument, result: TimestampTZ.self, call, body)
  default: try temporalKernel(arguments, argument: argument, result: Int64.self, call, body)
  }
}

private let truncateKernel: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  var units = UnitReader(arguments[0], for: TemporalReader(arguments[1]).kind)
  return try temporalKernel(sameTypeAs: 1, arguments, call) {
    (reader: inout TemporalReader, row: Int, target: UnsafeMutableRawPointer) throws(KernelError) in
    let unit = try units.unit(row)
    var reading = reader.reading(row)
    if unit.isCalendar {
      reading.ticks = 0
      reading.day = truncated(day: reading.day, unit)
      return try reader.store(reading, row, target)
    }
    let size = Int(unit.milliseconds ?? 1) * Int(reader.ticksPerSecond) / 1000
    let rest = reading.ticks % size
    if reader.kind == .timestampTZ {
      // Going back on the time line keeps the side of a clock change.
      let value = reader.moment(row)
      target.assumingMemoryBound(to: TimestampTZ.self)[row] = TimestampTZ(
        instant: value.instant &- Int64(rest), zone: value.zone)
    } else {
      reading.ticks -= rest
      try reader.store(reading, row, target)
    }
  }
}

private func truncated(day: Int, _ unit: TemporalUnit) -> Int {
  let date = CivilCalendar.date(ofDay: day)
  return switch unit {
  case .week: day - (CivilCalendar.weekday(day) - 1)
  case .month: day - (date.day - 1)
  case .quarter: CivilCalendar.day(year: date.year, month: (date.month - 1) / 3 * 3 + 1, day: 1)
  case .year: CivilCalendar.day(year: date.year, month: 1, day: 1)
  default: day
  }
}

/// Milliseconds of types that have fewer digits are rounded, half up as in Trino: `date_add` may bring more digits than the type has.
/// - Parameter step: ticks per last digit of the type; 1 where it has milliseconds.
private func rounded(_ ticks: Int64, to step: Int64) throws(KernelError) -> Int64 {
  if step == 1 { return ticks }
  return TemporalMath.floorDivide(try TemporalMath.add(ticks, step / 2, 1), step) * step
}

extension SQLType {
  /// Microseconds, its ticks, per last digit of a type with fewer than three; 1 for all other types.
  fileprivate var roundingStep: Int64 {
    switch self {
    case .time(let precision), .timeTZ(let precision), .timestamp(let precision), .timestampTZ(let precision):
      precision >= 3 ? 1 : precision == 2 ? 10_000 : precision == 1 ? 100_000 : 1_000_000
    default: 1
    }
  }
}

private let addKernel: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  var units = UnitReader(arguments[0], for: TemporalReader(arguments[2]).kind)
  let operand = Operand(arguments[1])
  let amounts = operand.pointer(as: Int64.self)
  let step = call.resultType.roundingStep
  return try temporalKernel(sameTypeAs: 2, arguments, call) {
    (reader: inout TemporalReader, row: Int, target: UnsafeMutableRawPointer) throws(KernelError) in
    let unit = try units.unit(row)
    let amount = amounts[row & operand.mask]
    guard amount.magnitude < 1 << 53 else { throw TemporalMath.overflow }
    var reading = reader.reading(row)
    if let months = unit.months {
      guard amount.magnitude < 1 << 32 else { throw TemporalMath.overflow }
      reading.day = CivilCalendar.addMonths(Int(amount) * months, toDay: reading.day)
    } else if unit == .day || unit == .week {
      reading.day += Int(amount) * (unit == .week ? 7 : 1)
    } else {
      let size = Int64(unit.milliseconds ?? 1) * (reader.ticksPerSecond / 1000)
      if reader.kind == .time || reader.kind == .timeTZ {
        let perDay = reader.ticksPerDay
        let move = (amount % 86_400_000) &* size % perDay
        reading.ticks = CivilCalendar.floorModulo(Int(try rounded(Int64(reading.ticks) + move, to: step)), Int(perDay))
      } else if reader.kind == .timestampTZ {
        let value = reader.moment(row)
        target.assumingMemoryBound(to: TimestampTZ.self)[row] = TimestampTZ(
          instant: try rounded(try TemporalMath.add(value.instant, amount, size), to: step), zone: value.zone)
        return
      } else {
        let sum = try rounded(try TemporalMath.add(try reader.ticks(reading), amount, size), to: step)
        reading = CivilTime(sum, ticksPerSecond: reader.ticksPerSecond)
      }
    }
    try reader.store(reading, row, target)
  }
}

private let differenceKernel: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  var units = UnitReader(arguments[0], for: TemporalReader(arguments[1]).kind)
  return try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    var ends = TemporalReader(arguments[2])
    return try temporalKernel(arguments, argument: 1, result: Int64.self, call) {
      (starts: inout TemporalReader, row: Int, target: UnsafeMutableRawPointer) throws(KernelError) in
      let unit = try units.unit(row)
      let result: Int64
      if starts.kind == .timestampTZ && !unit.isCalendar || starts.kind == .timeTZ {
        let from = TemporalMath.floorDivide(starts.moment(row).instant, starts.ticksPerSecond / 1000)
        let to = TemporalMath.floorDivide(ends.moment(row).instant, ends.ticksPerSecond / 1000)
        result = (to &- from) / (unit.milliseconds ?? 1)
      } else {
        result = completeUnits(
          unit, from: milliseconds(starts.reading(row), starts.ticksPerSecond),
          to: milliseconds(ends.reading(row), ends.ticksPerSecond))
      }
      target.assumingMemoryBound(to: Int64.self)[row] = result
    }
  }
}

/// A reading with milliseconds as ticks.
private func milliseconds(_ reading: CivilTime, _ ticksPerSecond: Int64) -> CivilTime {
  CivilTime(day: reading.day, ticks: reading.ticks / Int(ticksPerSecond / 1000))
}

/// How many whole units lie between two readings in milliseconds, negative when `end` comes first.
private func completeUnits(_ unit: TemporalUnit, from start: CivilTime, to end: CivilTime) -> Int64 {
  guard let months = unit.months else {
    let difference = Int64(end.day - start.day) * 86_400_000 + Int64(end.ticks - start.ticks)
    return difference / (unit.milliseconds ?? 1)
  }
  if (end.day, end.ticks) < (start.day, start.ticks) { return -completeUnits(unit, from: end, to: start) }
  let first = CivilCalendar.date(ofDay: start.day)
  let last = CivilCalendar.date(ofDay: end.day)
  var count = (last.year - first.year) * 12 + last.month - first.month
  // The last day of a shorter month completes the month of a later day.
  let isLastDay = last.day == CivilCalendar.daysIn(month: last.month, year: last.year)
  let startDay = isLastDay ? min(first.day, last.day) : first.day
  if (last.day, end.ticks) < (startDay, start.ticks) { count -= 1 }
  return Int64(count / months)
}
