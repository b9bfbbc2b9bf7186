import Columnar

extension FunctionLibrary {
  /// `year(x)`, `hour(x)` and the like; EXTRACT binds to them.
  static let temporalFields: [ScalarDefinition] =
    part("year", "The year.", .days) { time, _ in CivilCalendar.date(ofDay: time.day).year }
    + part("quarter", "The quarter, 1 to 4.", .days) { time, _ in (CivilCalendar.date(ofDay: time.day).month + 2) / 3 }
    + part("month", "The month, 1 to 12.", .days) { time, _ in CivilCalendar.date(ofDay: time.day).month }
    + part("week", aliases: ["week_of_year"], "The ISO week, 1 to 53.", .days) { time, _ in
      CivilCalendar.isoWeek(time.day).week
    }
    + part("day", aliases: ["day_of_month"], "The day of the month.", .days) { time, _ in
      CivilCalendar.date(ofDay: time.day).day
    }
    + part("day_of_week", aliases: ["dow"], "The ISO day of the week: Monday 1, Sunday 7.", .days) { time, _ in
      CivilCalendar.weekday(time.day)
    }
    + part("day_of_year", aliases: ["doy"], "The day of the year, 1 to 366.", .days) { time, _ in
      CivilCalendar.dayOfYear(time.day)
    }
    + part("year_of_week", aliases: ["yow"], "The year that the ISO week belongs to.", .days) { time, _ in
      CivilCalendar.isoWeek(time.day).year
    }
    + part("hour", "The hour, 0 to 23.", .times) { time, perSecond in time.ticks / perSecond / 3600 }
    + part("minute", "The minute of the hour.", .times) { time, perSecond in time.ticks / perSecond / 60 % 60 }
    + part("second", "The second of the minute.", .times) { time, perSecond in time.ticks / perSecond % 60 }
    + part("millisecond", "The millisecond of the second.", .times) { time, perSecond in
      time.ticks % perSecond / (perSecond / 1000)
    }
    + [TypePattern.timestampTZ, .timeTZ].flatMap { pattern in
      [
        offsetPart("timezone_hour", "The hours of the offset from UTC.", pattern) { $0 / 3600 },
        offsetPart("timezone_minute", "The minutes of the offset from UTC.", pattern) { $0 / 60 % 60 },
      ]
    }
    + [
      intervalPart("year", "The whole years of an interval.", .intervalYearToMonth) { $0 / 12 },
      intervalPart("month", "The months of an interval beside its years.", .intervalYearToMonth) { $0 % 12 },
      intervalPart("day", "The whole days of an interval.", .intervalDayToSecond) { $0 / 86_400_000 },
      intervalPart("hour", "The hours of an interval beside its days.", .intervalDayToSecond) { $0 / 3_600_000 % 24 },
      intervalPart("minute", "The minutes of an interval beside its hours.", .intervalDayToSecond) { $0 / 60_000 % 60 },
      intervalPart("second", "The seconds of an interval beside its minutes.", .intervalDayToSecond) { $0 / 1000 % 60 },
      intervalPart("millisecond", "The milliseconds of an interval beside its seconds.", .intervalDayToSecond) { $0 % 1000 },
    ]

  private enum Operands { case days, times }

  private static func part(
    _ name: String, aliases: [String] = [], _ description: String, _ operands: Operands,
    _ body: @escaping @Sendable (_ time: CivilTime, _ ticksPerSecond: Int) -> Int
  ) -> [ScalarDefinition] {
    let patterns: [TypePattern] = (operands == .days ? [.date] : [.time, .timeTZ]) + [.timestamp, .timestampTZ]
    return patterns.map { pattern in
      ScalarDefinition(name, aliases: aliases, description, [pattern], returns: .type(.bigint)) {
        (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        temporalLoop(arguments[0], call) { (reader: inout TemporalReader, row: Int) -> Int64 in
          Int64(body(reader.reading(row), Int(reader.ticksPerSecond)))
        }
      }
    }
  }

  private static func offsetPart(
    _ name: String, _ description: String, _ pattern: TypePattern, _ body: @escaping @Sendable (Int) -> Int
  ) -> ScalarDefinition {
    ScalarDefinition(name, description, [pattern], returns: .type(.bigint)) {
      (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      temporalLoop(arguments[0], call) { (reader: inout TemporalReader, row: Int) -> Int64 in
        Int64(body(reader.offsetSeconds(row)))
      }
    }
  }

  private static func intervalPart(
    _ name: String, _ description: String, _ type: SQLType, _ body: @escaping @Sendable (Int64) -> Int64
  ) -> ScalarDefinition {
    ScalarDefinition(
      name, description, [.exact(type)], returns: .type(.bigint),
      kernel: type == .intervalDayToSecond
        ? unaryKernel(.bigint) { (x: Milliseconds) -> Int64 in body(x.value) }
        : unaryKernel(.bigint) { (x: Months) -> Int64 in body(Int64(x.value)) })
  }
}

/// An interval year to month: months.
struct Months: SQLArgument, SQLResult {
  let value: Int32
  static var pattern: TypePattern { .exact(.intervalYearToMonth) }
  static var resultType: SQLType { .intervalYearToMonth }
  @inline(__always)
  static func load(_ base: UnsafePointer<Int32>, _ index: Int) -> Months { Months(value: base[index]) }
  @inline(__always) var output: Int32 { value }
}

/// Bigint results of one temporal argument; NULL for NULL.
@inline(__always)
private func temporalLoop(
  _ argument: Column, _ call: FunctionCall, _ body: (inout TemporalReader, Int) -> Int64
) -> Column {
  if argument.isConstant, call.count > 1 {
    let single = FunctionCall(count: 1, resultType: call.resultType, context: call.context)
    return temporalLoop(argument.slice(0, 1), single, body).asConstant(count: call.count)
  }
  let plain = argument.flattened()
  var reader = TemporalReader(plain)
  let values = Buffer.zeroed(byteCount: call.count * 8)
  let target = values.pointer(as: Int64.self)
  for row in 0..<call.count where reader.isValid(row) { target[row] = body(&reader, row) }
  return Column(
    flat: FlatVector(values: BufferSlice(values), validity: plain.flat.validity), type: .bigint, count: call.count)
}
