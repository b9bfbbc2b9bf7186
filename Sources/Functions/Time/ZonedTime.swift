import Columnar

/// Times with time zone, kept as `TimestampTZ`: the time of day in UTC, by which they are compared, and an offset of whole minutes.
enum ZonedTime {
  /// - Parameter local: what the clock reads, ticks since midnight.
  static func value(local: Int64, offsetSeconds: Int, precision: Int) -> TimestampTZ {
    let minutes = offsetSeconds / 60
    let perSecond = SQLType.ticksPerSecond(precision: precision)
    let instant = CivilCalendar.floorModulo(Int(local) - minutes * 60 * Int(perSecond), 86_400 * Int(perSecond))
    return TimestampTZ(instant: Int64(instant), zone: ZoneID.fixed(minutes: minutes))
  }

  /// What the clock reads: ticks since midnight.
  static func local(_ value: TimestampTZ, precision: Int) -> Int64 {
    let perSecond = Int(SQLType.ticksPerSecond(precision: precision))
    return Int64(CivilCalendar.floorModulo(Int(value.instant) + (ZoneID.fixedSeconds(value.zone) ?? 0) * perSecond, 86_400 * perSecond))
  }
}

extension TextBuffer {
  /// `10:00:00.123+02:00`
  mutating func append(timeTZ value: TimestampTZ, precision: Int, fractionDigits: Int) {
    append(
      timeOfDay: Int(ZonedTime.local(value, precision: precision)), ticksPerSecond: Int(SQLType.ticksPerSecond(precision: precision)),
      fractionDigits: fractionDigits)
    if value.zone == ZoneID.utc { append("+00:00") } else { append(text: ZoneID.name(value.zone)) }
  }
}
