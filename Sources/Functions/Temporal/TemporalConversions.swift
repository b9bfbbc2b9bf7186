import Columnar
import Glibc

extension FunctionLibrary {
  /// Between moments, numbers and texts.
  static let temporalConversions: [ScalarDefinition] = epochs + zones + zoneNames + formats + isoTexts + durations

  // MARK: Seconds since 1970

  private static let epochs: [ScalarDefinition] = [
    fromUnixTime("The moment so many seconds after 1970-01-01 UTC.", []) { _, _, session in session },
    fromUnixTime("The same, shown in a zone.", [.varchar]) { operands, row, _ throws(KernelError) in
      try zone(named: Text.load(operands[1].pointer(as: StringView.self), row & operands[1].mask).string)
    },
    fromUnixTime("The same, shown at an offset of hours and minutes.", [.bigint, .bigint]) {
      operands, row, _ throws(KernelError) in
      let hours = operands[1].pointer(as: Int64.self)[row & operands[1].mask]
      let minutes = operands[2].pointer(as: Int64.self)[row & operands[2].mask]
      let offset = hours.magnitude < 1000 && minutes.magnitude < 100_000 ? hours * 60 + minutes : .max
      guard offset.magnitude <= 14 * 60 else { throw .invalidArgument("Invalid offset minutes \(offset)") }
      return ZoneID.fixed(minutes: Int(offset))
    },
    ScalarDefinition(
      "from_unixtime_nanos", "The moment so many nanoseconds after 1970-01-01 UTC.", [.bigint],
      returns: .type(.timestampTZ(precision: 9))
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let zone = call.context.sessionZone
      return try unaryKernel(call.resultType) { (x: Int64) -> ZonedMoment in
        ZonedMoment(value: TimestampTZ(instant: x, zone: zone))
      }(arguments, call)
    },
    ScalarDefinition(
      "from_unixtime_nanos", "The same of a decimal, rounded to whole nanoseconds.", [.decimal], returns: .type(.timestampTZ(precision: 9))
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let zone = call.context.sessionZone
      let nanoseconds = try castColumn(arguments[0], to: .bigint, isTry: false, context: call.context)
      return try unaryKernel(call.resultType) { (x: Int64) -> ZonedMoment in ZonedMoment(value: TimestampTZ(instant: x, zone: zone)) }(
        [nanoseconds], call)
    },
    ScalarDefinition(
      "to_unixtime", "Seconds since 1970-01-01 UTC.", [.timestamp], returns: .type(.double)
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) -> ScalarKernel in
      let perSecond = Double(types[0].ticksPerSecond)
      return unaryKernel(.double) { (x: Int64) -> Double in Double(x) / perSecond }
    },
    ScalarDefinition(
      "to_unixtime", "Seconds since 1970-01-01 UTC.", [.timestampTZ], returns: .type(.double)
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) -> ScalarKernel in
      let perSecond = Double(types[0].ticksPerSecond)
      return unaryKernel(.double) { (x: ZonedMoment) -> Double in Double(x.value.instant) / perSecond }
    },
    castFunction("date", "CAST(x AS date).", from: .varchar, to: .date),
    castFunction("date", "CAST(x AS date).", from: .date, to: .date),
    castFunction("date", "CAST(x AS date).", from: .timestamp, to: .date),
    castFunction("date", "CAST(x AS date).", from: .timestampTZ, to: .date),
    castFunction("to_date", "CAST(x AS date), Spark's name.", from: .varchar, to: .date),
    castFunction("to_date", "CAST(x AS date), Spark's name.", from: .timestamp, to: .date),
    castFunction("to_timestamp", "CAST(x AS timestamp(6)), Spark's name.", from: .varchar, to: .timestamp(precision: 6)),
  ]

  private static func fromUnixTime(
    _ description: String, _ more: [TypePattern],
    zone: @escaping @Sendable ([Operand], Int, _ session: Int32) throws(KernelError) -> Int32
  ) -> ScalarDefinition {
    ScalarDefinition(
      "from_unixtime", description, [.double] + more, returns: .type(.timestampTZ(precision: 3))
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let session = call.context.sessionZone
      return try optionalKernel(call.resultType) { (operands: [Operand], row: Int) throws(KernelError) -> ZonedMoment? in
        let seconds = operands[0].pointer(as: Double.self)[row & operands[0].mask]
        // Java's Math.round, with NaN as zero.
        let milliseconds = (seconds * 1000 + 0.5).rounded(.down)
        guard milliseconds.magnitude < 9.2e15 else {
          if milliseconds.isNaN { return ZonedMoment(value: TimestampTZ(instant: 0, zone: try zone(operands, row, session))) }
          throw .outOfRange("Millis overflow: \(javaText(seconds * 1000))")
        }
        return ZonedMoment(value: TimestampTZ(instant: Int64(milliseconds) * 1000, zone: try zone(operands, row, session)))
      }(arguments, call)
    }
  }

  private static func castFunction(
    _ name: String, _ description: String, from pattern: TypePattern, to type: SQLType
  ) -> ScalarDefinition {
    ScalarDefinition(name, description, [pattern], returns: .type(type)) {
      (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      try castColumn(arguments[0], to: type, isTry: false, context: call.context)
    }
  }

  // MARK: Zones

  private static let zones: [ScalarDefinition] = [
    zoned("at_timezone", "The same moment shown in another zone.", [.timestampTZ, .varchar], keepsInstant: true),
    zoned(
      "at_timezone", "The same moment shown at an offset.", [.timestampTZ, .exact(.intervalDayToSecond)], keepsInstant: true),
    shiftedTime("The same time of day in another zone, at its offset of now.", .varchar),
    shiftedTime("The same time of day at another offset.", .exact(.intervalDayToSecond)),
    zoned("with_timezone", "The moment at which a zone's clock shows the timestamp.", [.timestamp, .varchar], keepsInstant: false),
    zoned(
      "with_timezone", "The moment at which a clock at the offset shows the timestamp.",
      [.timestamp, .exact(.intervalDayToSecond)], keepsInstant: false),
  ]

  private static func zoned(
    _ name: String, _ description: String, _ parameters: [TypePattern], keepsInstant: Bool
  ) -> ScalarDefinition {
    ScalarDefinition(
      name, description, parameters,
      returns: .computed("timestamp(p) with time zone") { (types: [SQLType]) throws(FunctionError) -> SQLType in
        switch types[0] {
        case .timestamp(let precision): .timestampTZ(precision: precision)
        default: types[0]
        }
      }
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      var zones = ZoneReader(arguments[1])
      var clock = ZoneClock()
      let perSecond = call.resultType.ticksPerSecond
      return try temporalKernel(arguments, argument: 0, result: TimestampTZ.self, call) {
        (reader: inout TemporalReader, row: Int, target: UnsafeMutableRawPointer) throws(KernelError) in
        let zone = try zones.zone(row)
        let instant =
          keepsInstant
          ? reader.moment(row).instant
          : clock.instant(local: try reader.ticks(reader.reading(row)), zone: zone, ticksPerSecond: perSecond)
        target.assumingMemoryBound(to: TimestampTZ.self)[row] = TimestampTZ(instant: instant, zone: zone)
      }
    }
  }

  private static func shiftedTime(_ description: String, _ zone: TypePattern) -> ScalarDefinition {
    ScalarDefinition("at_timezone", description, [.timeTZ, zone], returns: .argument(0)) {
      (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      var zones = ZoneReader(arguments[1])
      var clock = ZoneClock()
      let now = CivilCalendar.floorDivide(Int(call.context.nowMicroseconds), 1_000_000)
      return try temporalKernel(arguments, argument: 0, result: TimestampTZ.self, call) {
        (reader: inout TemporalReader, row: Int, target: UnsafeMutableRawPointer) throws(KernelError) in
        let minutes = clock.offsetSeconds(zone: try zones.zone(row), at: now) / 60
        target.assumingMemoryBound(to: TimestampTZ.self)[row] = TimestampTZ(
          instant: reader.moment(row).instant, zone: ZoneID.fixed(minutes: minutes))
      }
    }
  }

  private static let zoneNames: [ScalarDefinition] = [
    textUnary("timezone", "The zone of a timestamp.") { (moment: ZonedMoment, out: inout TextColumnBuilder) throws(KernelError) in
      out.bytes.append(text: ZoneID.name(moment.value.zone))
    },
    textUnary("timezone", "The zone of a time.") { (time: ZonedClockTime, out: inout TextColumnBuilder) throws(KernelError) in
      out.bytes.append(text: ZoneID.name(time.value.zone))
    },
  ]

  /// A time with time zone.
  private struct ZonedClockTime: SQLArgument {
    let value: TimestampTZ
    static var pattern: TypePattern { .timeTZ }
    static func load(_ base: UnsafePointer<TimestampTZ>, _ index: Int) -> ZonedClockTime { ZonedClockTime(value: base[index]) }
  }

  static func zone(named name: String) throws(KernelError) -> Int32 {
    guard let zone = ZoneID.named(name) else { throw KernelError("NOT_SUPPORTED", "Time zone not supported: \(name)") }
    return zone
  }

  // MARK: Formats

  private static let formats: [ScalarDefinition] =
    [TypePattern.timestamp, .timestampTZ].flatMap { pattern in
      [
        ScalarDefinition(
          "date_format", "A timestamp as text in MySQL's format: %Y-%m-%d %H:%i:%s.", [pattern, .varchar],
          returns: .type(.varchar), kernel: formatKernel { (text, _) throws(KernelError) in try DateTimeFormat.mysql(text) }),
        ScalarDefinition(
          "format_datetime", "A timestamp as text in Joda's format: yyyy-MM-dd HH:mm:ss.", [pattern, .varchar],
          returns: .type(.varchar), kernel: formatKernel(jodaFormat)),
      ]
    }
    + [
      ScalarDefinition(
        "date_parse", "The timestamp that a text in MySQL's format stands for.", [.varchar, .varchar],
        returns: .type(.timestamp(precision: 3))
      ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        try parseLoop(arguments, call, Int64.self) { (text, _) throws(KernelError) in
          try DateTimeFormat.mysql(text)
        } value: { (moment: ParsedMoment) -> Int64 in moment.local * 1000 }
      },
      ScalarDefinition(
        "parse_datetime", "The timestamp with time zone that a text in Joda's format stands for.", [.varchar, .varchar],
        returns: .type(.timestampTZ(precision: 3))
      ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        var clock = ZoneClock()
        let session = call.context.sessionZone
        return try parseLoop(arguments, call, TimestampTZ.self, jodaFormat) { (moment: ParsedMoment) -> TimestampTZ in
          let zone = moment.offsetSeconds.map { ZoneID.fixed(minutes: $0 / 60) } ?? moment.zone ?? session
          return TimestampTZ(
            instant: clock.instant(local: moment.local * 1000, zone: zone, ticksPerSecond: 1_000_000), zone: zone)
        }
      },
    ]

  // MARK: ISO 8601

  private static let isoTexts: [ScalarDefinition] =
    [TypePattern.date, .timestamp, .timestampTZ].map { pattern in
      ScalarDefinition(
        "to_iso8601", "The text of a date or timestamp by ISO 8601.", [pattern],
        returns: pattern == .date ? .type(.varchar(length: 16)) : .type(.varchar)
      ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        try textColumn(arguments, call) { (row: Int, reader: inout TemporalReader, out: inout TextBuffer) in
          out.append(iso: row, &reader)
        }
      }
    }
    + [
      isoParser("from_iso8601_timestamp", "The timestamp with time zone of an ISO 8601 text.", precision: 3),
      isoParser("from_iso8601_timestamp_nanos", "The same with nanoseconds.", precision: 9),
      checkedUnary("from_iso8601_date", "The date of an ISO 8601 text: 2020-05-11, 2020-W20-1, 2020-123.") {
        (text: Text) throws(KernelError) -> DayNumber in
        guard let day = ISOText.date(text.bytes), let number = Int32(exactly: day) else {
          throw .invalidArgument("Invalid format: \"\(text.string)\"")
        }
        return DayNumber(days: number)
      },
    ]

  private static func isoParser(_ name: String, _ description: String, precision: Int) -> ScalarDefinition {
    ScalarDefinition(name, description, [.varchar], returns: .type(.timestampTZ(precision: precision))) {
      (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let session = call.context.sessionZone
      return try optionalKernel(call.resultType) { (operands: [Operand], row: Int) throws(KernelError) -> ZonedMoment? in
        let text = Text.load(operands[0].pointer(as: StringView.self), row & operands[0].mask)
        guard let parsed = ISOText.timestamp(text.bytes) else { throw .invalidArgument("Invalid format: \"\(text.string)\"") }
        // Digits beyond the precision are cut.
        let unit = precision == 3 ? 1_000_000 : 1
        let nanoseconds = parsed.nanoseconds / unit * unit
        guard let local = TemporalParser.ticks(day: parsed.day, nanoseconds: nanoseconds, precision: precision) else {
          throw TemporalMath.overflow
        }
        let zone = parsed.offsetSeconds.map { ZoneID.fixed(minutes: $0 / 60) } ?? session
        var clock = ZoneClock()
        return ZonedMoment(
          value: TimestampTZ(
            instant: clock.instant(local: local, zone: zone, ticksPerSecond: SQLType.ticksPerSecond(precision: precision)),
            zone: zone))
      }(arguments, call)
    }
  }

  // MARK: Durations

  private static let durations: [ScalarDefinition] = [
    unary("to_milliseconds", "The milliseconds of an interval.") { (x: Milliseconds) -> Int64 in x.value },
    checkedUnary("parse_duration", "The interval of a text such as 42.8ms, 5 m or 3.5d.") {
      (text: Text) throws(KernelError) -> Milliseconds in try DurationText.parse(text.string)
    },
    textUnary("human_readable_seconds", "Seconds in words: 1 hour, 2 minutes, 42 seconds.") {
      (seconds: Double, out: inout TextColumnBuilder) throws(KernelError) in
      guard seconds.isFinite else { throw .invalidArgument("Invalid argument found: \(javaText(seconds))") }
      out.bytes.append(text: DurationText.words(seconds))
    },
  ]
}

extension SQLType {
  /// Ticks per second of a time or timestamp of any kind.
  var ticksPerSecond: Int64 {
    switch self {
    case .time(let precision), .timestamp(let precision), .timestampTZ(let precision):
      SQLType.ticksPerSecond(precision: precision)
    default: 1_000_000
    }
  }
}

/// The zone of a row by name or offset, looked up again only when it changes.
private struct ZoneReader {
  private let operand: Operand
  private let isInterval: Bool
  private var last: (name: UnsafeRawBufferPointer, zone: Int32)?

  init(_ column: Column) {
    operand = Operand(column)
    isInterval = column.type == .intervalDayToSecond
  }

  mutating func zone(_ row: Int) throws(KernelError) -> Int32 {
    let index = row & operand.mask
    if isInterval {
      let offset = operand.pointer(as: Int64.self)[index]
      guard offset % 60_000 == 0, offset.magnitude <= 14 * 3_600_000 else {
        throw .invalidArgument("Invalid time zone offset interval: interval must be whole minutes within 14 hours")
      }
      return ZoneID.fixed(minutes: Int(offset / 60_000))
    }
    let name = StringView.buffer(at: operand.pointer(as: StringView.self) + index)
    if let last, StringSearch.isEqual(last.name, name) { return last.zone }
    let zone = try FunctionLibrary.zone(named: String(decoding: name, as: UTF8.self))
    last = (name, zone)
    return zone
  }
}

typealias FormatCompiler = @Sendable (UnsafeRawBufferPointer, FunctionCall) throws(KernelError) -> DateTimeFormat

let jodaFormat: FormatCompiler = { (text: UnsafeRawBufferPointer, call: FunctionCall) throws(KernelError) in
  let today = CivilTime(call.context.nowMicroseconds, ticksPerSecond: 1_000_000).day
  return try DateTimeFormat.joda(text, currentYear: CivilCalendar.date(ofDay: today).year)
}

/// The format of a row, compiled again only when the text changes.
private struct FormatReader {
  private let operand: Operand
  private let compile: FormatCompiler
  private let call: FunctionCall
  private var last: (text: UnsafeRawBufferPointer, format: DateTimeFormat)?

  init(_ column: Column, _ call: FunctionCall, _ compile: @escaping FormatCompiler) {
    operand = Operand(column)
    self.call = call
    self.compile = compile
  }

  mutating func format(_ row: Int) throws(KernelError) -> DateTimeFormat {
    if operand.isConstant, let last { return last.format }
    let text = StringView.buffer(at: operand.pointer(as: StringView.self) + (row & operand.mask))
    if let last, StringSearch.isEqual(last.text, text) { return last.format }
    let format = try compile(text, call)
    last = (text, format)
    return format
  }
}

/// A text per row of a temporal argument; rows with a NULL argument are NULL.
private func textColumn(
  _ arguments: [Column], _ call: FunctionCall,
  _ body: (Int, inout TemporalReader, inout TextBuffer) throws(KernelError) -> Void
) throws(KernelError) -> Column {
  try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let operands = arguments.map { Operand($0) }
    var reader = TemporalReader(arguments[0])
    var out = TextColumnBuilder(count: call.count)
    for row in 0..<call.count {
      guard operands.allSatisfy({ $0.isValid(row) }) else {
        out.endRowAsNull()
        continue
      }
      do throws(KernelError) { try body(row, &reader, &out.bytes) } catch { throw error.at(row: row) }
      out.endRow()
    }
    return out.finish(call.resultType)
  }
}

func formatKernel(_ compile: @escaping FormatCompiler) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    var formats = FormatReader(arguments[1], call, compile)
    return try textColumn(arguments, call) {
      (row: Int, reader: inout TemporalReader, out: inout TextBuffer) throws(KernelError) in
      let format = try formats.format(row)
      var reading = reader.reading(row)
      // The formats know milliseconds; finer ticks are rounded to them.
      let perMillisecond = Int(reader.ticksPerSecond / 1000)
      var milliseconds = (reading.ticks + perMillisecond / 2) / perMillisecond
      if milliseconds == 86_400_000 {
        milliseconds = 0
        reading.day += 1
      }
      let zone = reader.kind == .timestampTZ ? reader.moment(row).zone : call.context.sessionZone
      format.append(
        day: reading.day, milliseconds: milliseconds, zone: zone, offsetSeconds: reader.offsetSeconds(row), to: &out)
    }
  }
}

func parseLoop<Output: BitwiseCopyable>(
  _ arguments: [Column], _ call: FunctionCall, _ output: Output.Type, _ compile: @escaping FormatCompiler,
  value: (ParsedMoment) -> Output
) throws(KernelError) -> Column {
  try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let operands = arguments.map { Operand($0) }
    var formats = FormatReader(arguments[1], call, compile)
    let values = Buffer.zeroed(byteCount: call.count * MemoryLayout<Output>.stride)
    let target = values.pointer(as: Output.self)
    let validity = mergedValidity(operands, count: call.count)
    let valid = validity?.pointer(as: UInt8.self)
    let texts = operands[0].pointer(as: StringView.self)
    for row in 0..<call.count {
      if let valid, valid[row] == 0 { continue }
      do throws(KernelError) {
        target[row] = value(
          try formats.format(row).parse(StringView.buffer(at: texts + (row & operands[0].mask))))
      } catch { throw error.at(row: row) }
    }
    return Column(type: call.resultType, count: call.count, values: values, validity: validity)
  }
}
