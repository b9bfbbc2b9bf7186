import Columnar

extension Caster {
  func castTemporal(_ column: Column) throws(KernelError) -> Column {
    let values = column.flat.values
    var clock = ZoneClock()
    switch (column.type, target) {
    case (.date, .timestamp(let precision)):
      let days = values.pointer(as: Int32.self)
      return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
        try Self.midnight(days[row], precision)
      }
    case (.date, .timestampTZ(let precision)):
      let days = values.pointer(as: Int32.self)
      return try fixed(column, TimestampTZ.self) { (row: Int) throws(KernelError) -> TimestampTZ in
        zoned(try Self.midnight(days[row], precision), precision, &clock)
      }
    case (.timestamp(let precision), .date):
      let ticks = values.pointer(as: Int64.self)
      let perSecond = SQLType.ticksPerSecond(precision: precision)
      return try fixed(column, Int32.self) { (row: Int) throws(KernelError) -> Int32 in
        Int32(truncatingIfNeeded: CivilTime(ticks[row], ticksPerSecond: perSecond).day)
      }
    case (.timestampTZ(let precision), .date):
      let moments = values.pointer(as: TimestampTZ.self)
      let perSecond = SQLType.ticksPerSecond(precision: precision)
      return try fixed(column, Int32.self) { (row: Int) throws(KernelError) -> Int32 in
        let local = clock.local(moments[row], ticksPerSecond: perSecond)
        return Int32(truncatingIfNeeded: CivilTime(local, ticksPerSecond: perSecond).day)
      }
    case (.timestamp(let from), .time(let to)):
      let ticks = values.pointer(as: Int64.self)
      return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
        try Self.timeOfDay(ticks[row], from, to)
      }
    case (.timestampTZ(let from), .time(let to)):
      let moments = values.pointer(as: TimestampTZ.self)
      let perSecond = SQLType.ticksPerSecond(precision: from)
      return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
        try Self.timeOfDay(clock.local(moments[row], ticksPerSecond: perSecond), from, to)
      }
    case (.timestamp(let from), .timestamp(let to)):
      if from <= to && SQLType.ticksPerSecond(precision: from) == SQLType.ticksPerSecond(precision: to) {
        return column.relabelled(target)
      }
      let ticks = values.pointer(as: Int64.self)
      return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
        try Self.rescale(ticks[row], from, to)
      }
    case (.time(let from), .time(let to)):
      let ticks = values.pointer(as: Int64.self)
      return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
        try Self.rescale(ticks[row], from, to) % (SQLType.ticksPerSecond(precision: to) * 86_400)
      }
    case (.timestampTZ(let from), .timestampTZ(let to)):
      if from <= to && SQLType.ticksPerSecond(precision: from) == SQLType.ticksPerSecond(precision: to) {
        return column.relabelled(target)
      }
      let moments = values.pointer(as: TimestampTZ.self)
      return try fixed(column, TimestampTZ.self) { (row: Int) throws(KernelError) -> TimestampTZ in
        TimestampTZ(instant: try Self.rescale(moments[row].instant, from, to), zone: moments[row].zone)
      }
    case (.timestamp(let from), .timestampTZ(let to)):
      let ticks = values.pointer(as: Int64.self)
      return try fixed(column, TimestampTZ.self) { (row: Int) throws(KernelError) -> TimestampTZ in
        zoned(try Self.rescale(ticks[row], from, to), to, &clock)
      }
    case (.timestampTZ(let from), .timestamp(let to)):
      // The reading of the value's own clock, as Trino gives it.
      let moments = values.pointer(as: TimestampTZ.self)
      let perSecond = SQLType.ticksPerSecond(precision: from)
      return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
        try Self.rescale(clock.local(moments[row], ticksPerSecond: perSecond), from, to)
      }
    case (.timeTZ, _), (_, .timeTZ): return try castZonedTime(column, &clock)
    case (.time(let from), .timestamp(let to)), (.time(let from), .timestampTZ(let to)):
      // A time stands for that time of the current day.
      let ticks = values.pointer(as: Int64.self)
      let today = CivilTime(context.nowMicroseconds, ticksPerSecond: 1_000_000).day
      let start = try Self.midnight(Int32(truncatingIfNeeded: today), to)
      if case .timestamp = target {
        return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
          start &+ (try Self.rescale(ticks[row], from, to))
        }
      }
      return try fixed(column, TimestampTZ.self) { (row: Int) throws(KernelError) -> TimestampTZ in
        zoned(start &+ (try Self.rescale(ticks[row], from, to)), to, &clock)
      }
    default: throw KernelError("NOT_SUPPORTED", "Cannot cast \(column.type) to \(target)")
    }
  }

  /// A time with time zone is what its clock reads and the clock's offset. What has no offset of its own is read in the session's zone, at the
  /// offset that this has now.
  private func castZonedTime(_ column: Column, _ clock: inout ZoneClock) throws(KernelError) -> Column {
    let values = column.flat.values
    let now = CivilCalendar.floorDivide(Int(context.nowMicroseconds), 1_000_000)
    let sessionOffset = clock.offsetSeconds(zone: context.sessionZone, at: now)
    switch (column.type, target) {
    case (.time(let from), .timeTZ(let to)):
      let ticks = values.pointer(as: Int64.self)
      return try fixed(column, TimestampTZ.self) { (row: Int) throws(KernelError) -> TimestampTZ in
        ZonedTime.value(local: try Self.timeOfDay(ticks[row], from, to), offsetSeconds: sessionOffset, precision: to)
      }
    case (.timestamp(let from), .timeTZ(let to)):
      let ticks = values.pointer(as: Int64.self)
      return try fixed(column, TimestampTZ.self) { (row: Int) throws(KernelError) -> TimestampTZ in
        ZonedTime.value(local: try Self.timeOfDay(ticks[row], from, to), offsetSeconds: sessionOffset, precision: to)
      }
    case (.timestampTZ(let from), .timeTZ(let to)):
      let moments = values.pointer(as: TimestampTZ.self)
      let perSecond = SQLType.ticksPerSecond(precision: from)
      return try fixed(column, TimestampTZ.self) { (row: Int) throws(KernelError) -> TimestampTZ in
        let local = clock.local(moments[row], ticksPerSecond: perSecond)
        let offset = Int((local &- moments[row].instant) / perSecond)
        return ZonedTime.value(local: try Self.timeOfDay(local, from, to), offsetSeconds: offset, precision: to)
      }
    case (.timeTZ(let from), .timeTZ(let to)):
      let times = values.pointer(as: TimestampTZ.self)
      return try fixed(column, TimestampTZ.self) { (row: Int) throws(KernelError) -> TimestampTZ in
        TimestampTZ(instant: try Self.timeOfDay(times[row].instant, from, to), zone: times[row].zone)
      }
    case (.timeTZ(let from), .time(let to)):
      let times = values.pointer(as: TimestampTZ.self)
      return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
        try Self.timeOfDay(ZonedTime.local(times[row], precision: from), from, to)
      }
    case (.timeTZ(let from), .timestamp(let to)):
      let times = values.pointer(as: TimestampTZ.self)
      let start = try Self.midnight(today(sessionOffset), to)
      return try fixed(column, Int64.self) { (row: Int) throws(KernelError) -> Int64 in
        start &+ (try Self.rescale(ZonedTime.local(times[row], precision: from), from, to))
      }
    case (.timeTZ(let from), .timestampTZ(let to)):
      let times = values.pointer(as: TimestampTZ.self)
      let start = try Self.midnight(today(sessionOffset), to)
      let perSecond = SQLType.ticksPerSecond(precision: to)
      return try fixed(column, TimestampTZ.self) { (row: Int) throws(KernelError) -> TimestampTZ in
        let local = start &+ (try Self.rescale(ZonedTime.local(times[row], precision: from), from, to))
        return TimestampTZ(instant: clock.instant(local: local, zone: times[row].zone, ticksPerSecond: perSecond), zone: times[row].zone)
      }
    default: throw KernelError("NOT_SUPPORTED", "Cannot cast \(column.type) to \(target)")
    }
  }

  /// The day that the session's clock shows.
  private func today(_ sessionOffset: Int) -> Int32 {
    Int32(truncatingIfNeeded: CivilTime(context.nowMicroseconds &+ Int64(sessionOffset) &* 1_000_000, ticksPerSecond: 1_000_000).day)
  }

  /// A local reading in the session's zone.
  private func zoned(_ local: Int64, _ precision: Int, _ clock: inout ZoneClock) -> TimestampTZ {
    let zone = context.sessionZone
    return TimestampTZ(
      instant: clock.instant(local: local, zone: zone, ticksPerSecond: SQLType.ticksPerSecond(precision: precision)),
      zone: zone)
  }

  static func midnight(_ day: Int32, _ precision: Int) throws(KernelError) -> Int64 {
    let perDay = SQLType.ticksPerSecond(precision: precision) * 86_400
    let (ticks, overflows) = Int64(day).multipliedReportingOverflow(by: perDay)
    if overflows { throw .invalidCast("Value out of range for timestamp(\(precision))") }
    return ticks
  }

  private static func timeOfDay(_ ticks: Int64, _ from: Int, _ to: Int) throws(KernelError) -> Int64 {
    let time = CivilTime(ticks, ticksPerSecond: SQLType.ticksPerSecond(precision: from)).ticks
    return try rescale(Int64(time), from, to) % (SQLType.ticksPerSecond(precision: to) * 86_400)
  }

  /// Ticks at another precision; digits that go are rounded half up.
  static func rescale(_ ticks: Int64, _ from: Int, _ to: Int) throws(KernelError) -> Int64 {
    let storedFrom = from <= 6 ? 6 : 9
    let storedTo = to <= 6 ? 6 : 9
    // Rounding at the target precision first, in the unit of the source.
    var rounded = ticks
    if to < from {
      let unit = DecimalMath.shortPowers[storedFrom - to]
      rounded = Int64(CivilCalendar.floorDivide(Int(ticks &+ unit / 2), Int(unit))) &* unit
    }
    if storedTo == storedFrom { return rounded }
    if storedTo < storedFrom { return rounded / 1000 }
    let (result, overflows) = rounded.multipliedReportingOverflow(by: 1000)
    if overflows { throw .invalidCast("Value out of range for timestamp(\(to))") }
    return result
  }
}
