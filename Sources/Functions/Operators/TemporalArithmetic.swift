import Columnar

extension FunctionLibrary {
  static let temporalOperators: [OperatorDefinition] = [
    OperatorDefinition(["+", "-"], "Dates, times and timestamps with intervals; differences; sums of intervals.") {
      (name: String, types: [SQLType]) throws(FunctionError) -> ResolvedScalar? in
      guard types.count == 2 else { return nil }
      if name == "+", types[0].isInterval, !types[1].isInterval {
        // interval + moment: the same with operands swapped.
        let moment = types[1].holding(types[0])
        guard let flipped = momentPlusInterval(moment, types[0], isMinus: false) else { return nil }
        return ResolvedScalar(name: name, argumentTypes: [types[0], moment], resultType: moment) {
          (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
          try flipped([arguments[1], arguments[0]], call)
        }
      }
      if types[1].isInterval {
        if types[0] == types[1] { return intervalSum(name, types[0]) }
        let moment = types[0].holding(types[1])
        guard let kernel = momentPlusInterval(moment, types[1], isMinus: name == "-") else { return nil }
        return ResolvedScalar(name: name, argumentTypes: [moment, types[1]], resultType: moment, kernel: kernel)
      }
      return name == "-" ? momentDifference(types) : nil
    },
    OperatorDefinition(["*", "/"], "An interval times or divided by a number.") {
      (name: String, types: [SQLType]) throws(FunctionError) -> ResolvedScalar? in
      guard types.count == 2 else { return nil }
      if types[0].isInterval, types[1].isNumeric { return intervalScaled(name, types[0], types[1], isSwapped: false) }
      if name == "*", types[1].isInterval, types[0].isNumeric {
        return intervalScaled(name, types[1], types[0], isSwapped: true)
      }
      return nil
    },
  ]
}

extension SQLType {
  var isInterval: Bool { self == .intervalDayToSecond || self == .intervalYearToMonth }

  /// The type of a moment of this type plus an interval: days to seconds have milliseconds, which the sum must be able to hold. As in Trino,
  /// the type does not depend on whether there are any.
  fileprivate func holding(_ interval: SQLType) -> SQLType {
    guard interval == .intervalDayToSecond else { return self }
    return switch self {
    case .time(let precision): .time(precision: max(3, precision))
    case .timeTZ(let precision): .timeTZ(precision: max(3, precision))
    case .timestamp(let precision): .timestamp(precision: max(3, precision))
    case .timestampTZ(let precision): .timestampTZ(precision: max(3, precision))
    default: self
    }
  }
}

private let intervalOverflow = KernelError.outOfRange("interval out of range")

/// Moment plus or minus interval, the result of the moment's type; nil when undefined.
private func momentPlusInterval(_ moment: SQLType, _ interval: SQLType, isMinus: Bool) -> ScalarKernel? {
  let sign: Int64 = isMinus ? -1 : 1
  switch (moment, interval) {
  case (.date, .intervalDayToSecond):
    return optionalKernel(.date) { (operands: [Operand], row: Int) throws(KernelError) -> DayNumber? in
      let day = operands[0].pointer(as: Int32.self)[row & operands[0].mask]
      let milliseconds = operands[1].pointer(as: Int64.self)[row & operands[1].mask]
      guard milliseconds % 86_400_000 == 0 else {
        throw .invalidArgument("Cannot add hour, minutes or seconds to a date")
      }
      guard let sum = Int32(exactly: Int64(day) &+ sign &* (milliseconds / 86_400_000)) else { throw TemporalMath.overflow }
      return DayNumber(days: sum)
    }
  case (.date, .intervalYearToMonth):
    return optionalKernel(.date) { (operands: [Operand], row: Int) throws(KernelError) -> DayNumber? in
      let day = operands[0].pointer(as: Int32.self)[row & operands[0].mask]
      let months = operands[1].pointer(as: Int32.self)[row & operands[1].mask]
      guard let sum = Int32(exactly: CivilCalendar.addMonths(Int(sign) &* Int(months), toDay: Int(day))) else {
        throw TemporalMath.overflow
      }
      return DayNumber(days: sum)
    }
  case (.timestamp(let precision), .intervalDayToSecond):
    let perMillisecond = SQLType.ticksPerSecond(precision: precision) / 1000
    return optionalKernel(moment) { (operands: [Operand], row: Int) throws(KernelError) -> Int64? in
      try TemporalMath.add(
        operands[0].pointer(as: Int64.self)[row & operands[0].mask],
        sign &* operands[1].pointer(as: Int64.self)[row & operands[1].mask], perMillisecond)
    }
  case (.timestamp(let precision), .intervalYearToMonth):
    let perSecond = SQLType.ticksPerSecond(precision: precision)
    return optionalKernel(moment) { (operands: [Operand], row: Int) throws(KernelError) -> Int64? in
      try TemporalMath.addMonths(
        Int(sign) &* Int(operands[1].pointer(as: Int32.self)[row & operands[1].mask]),
        to: operands[0].pointer(as: Int64.self)[row & operands[0].mask], ticksPerSecond: perSecond)
    }
  case (.timestampTZ(let precision), .intervalDayToSecond):
    let perMillisecond = SQLType.ticksPerSecond(precision: precision) / 1000
    return optionalKernel(moment) { (operands: [Operand], row: Int) throws(KernelError) -> ZonedMoment? in
      let value = operands[0].pointer(as: TimestampTZ.self)[row & operands[0].mask]
      let milliseconds = sign &* operands[1].pointer(as: Int64.self)[row & operands[1].mask]
      return ZonedMoment(
        value: TimestampTZ(instant: try TemporalMath.add(value.instant, milliseconds, perMillisecond), zone: value.zone))
    }
  case (.timestampTZ(let precision), .intervalYearToMonth):
    let perSecond = SQLType.ticksPerSecond(precision: precision)
    return optionalKernel(moment) { (operands: [Operand], row: Int) throws(KernelError) -> ZonedMoment? in
      let value = operands[0].pointer(as: TimestampTZ.self)[row & operands[0].mask]
      let months = Int(sign) &* Int(operands[1].pointer(as: Int32.self)[row & operands[1].mask])
      var clock = ZoneClock()
      let local = try TemporalMath.addMonths(
        months, to: clock.local(value, ticksPerSecond: perSecond), ticksPerSecond: perSecond)
      return ZonedMoment(
        value: TimestampTZ(
          instant: clock.instant(local: local, zone: value.zone, ticksPerSecond: perSecond), zone: value.zone))
    }
  case (.timeTZ(let precision), .intervalDayToSecond):
    let perSecond = SQLType.ticksPerSecond(precision: precision)
    return optionalKernel(moment) { (operands: [Operand], row: Int) throws(KernelError) -> ZonedMoment? in
      let value = operands[0].pointer(as: TimestampTZ.self)[row & operands[0].mask]
      let shift = (operands[1].pointer(as: Int64.self)[row & operands[1].mask] % 86_400_000) * (perSecond / 1000)
      let sum = CivilCalendar.floorModulo(Int(value.instant + sign * shift), Int(perSecond * 86_400))
      return ZonedMoment(value: TimestampTZ(instant: Int64(sum), zone: value.zone))
    }
  case (.time(let precision), .intervalDayToSecond):
    let perSecond = SQLType.ticksPerSecond(precision: precision)
    return optionalKernel(moment) { (operands: [Operand], row: Int) throws(KernelError) -> Int64? in
      let perDay = perSecond * 86_400
      let shift = (operands[1].pointer(as: Int64.self)[row & operands[1].mask] % 86_400_000) * (perSecond / 1000)
      let sum = operands[0].pointer(as: Int64.self)[row & operands[0].mask] + sign * shift
      return ((sum % perDay) + perDay) % perDay
    }
  default: return nil
  }
}

private func intervalSum(_ name: String, _ type: SQLType) -> ResolvedScalar {
  let isMinus = name == "-"
  let kernel: ScalarKernel =
    type == .intervalDayToSecond
    ? optionalKernel(type) { (operands: [Operand], row: Int) throws(KernelError) -> Int64? in
      let x = operands[0].pointer(as: Int64.self)[row & operands[0].mask]
      let y = operands[1].pointer(as: Int64.self)[row & operands[1].mask]
      let (sum, overflow) = isMinus ? x.subtractingReportingOverflow(y) : x.addingReportingOverflow(y)
      if overflow { throw intervalOverflow }
      return sum
    }
    : optionalKernel(type) { (operands: [Operand], row: Int) throws(KernelError) -> Int32? in
      let x = operands[0].pointer(as: Int32.self)[row & operands[0].mask]
      let y = operands[1].pointer(as: Int32.self)[row & operands[1].mask]
      let (sum, overflow) = isMinus ? x.subtractingReportingOverflow(y) : x.addingReportingOverflow(y)
      if overflow { throw intervalOverflow }
      return sum
    }
  return ResolvedScalar(name: name, argumentTypes: [type, type], resultType: type, kernel: kernel)
}

/// `date - date`, `timestamp - timestamp`: an interval of milliseconds.
private func momentDifference(_ types: [SQLType]) -> ResolvedScalar? {
  guard let common = TypeCoercion.commonSuperType(types[0], types[1]) else { return nil }
  let kernel: ScalarKernel
  switch common {
  case .date:
    kernel = binaryKernel(.intervalDayToSecond) { (x: DayNumber, y: DayNumber) -> Int64 in
      (Int64(x.days) &- Int64(y.days)) &* 86_400_000
    }
  case .timestamp(let precision), .time(let precision):
    let perMillisecond = SQLType.ticksPerSecond(precision: precision) / 1000
    kernel = binaryKernel(.intervalDayToSecond) { (x: Int64, y: Int64) -> Int64 in
      TemporalMath.floorDivide(x, perMillisecond) &- TemporalMath.floorDivide(y, perMillisecond)
    }
  case .timestampTZ(let precision), .timeTZ(let precision):
    let perMillisecond = SQLType.ticksPerSecond(precision: precision) / 1000
    kernel = binaryKernel(.intervalDayToSecond) { (x: ZonedMoment, y: ZonedMoment) -> Int64 in
      TemporalMath.floorDivide(x.value.instant, perMillisecond) &- TemporalMath.floorDivide(y.value.instant, perMillisecond)
    }
  default: return nil
  }
  return ResolvedScalar(name: "-", argumentTypes: [common, common], resultType: .intervalDayToSecond, kernel: kernel)
}

private func intervalScaled(_ name: String, _ interval: SQLType, _ number: SQLType, isSwapped: Bool) -> ResolvedScalar {
  let isDivision = name == "/"
  // Whole factors stay exact; everything else goes through double, as in Trino.
  let factorType: SQLType = number.isInteger && !isDivision ? .bigint : .double
  let position = isSwapped ? 1 : 0
  @Sendable func scaled(_ operands: [Operand], _ row: Int) throws(KernelError) -> Int64 {
    let operand = operands[position]
    let amount =
      interval == .intervalDayToSecond
      ? operand.pointer(as: Int64.self)[row & operand.mask] : Int64(operand.pointer(as: Int32.self)[row & operand.mask])
    let factor = operands[1 - position]
    if factorType == .bigint {
      let (product, overflow) = amount.multipliedReportingOverflow(by: factor.pointer(as: Int64.self)[row & factor.mask])
      if overflow { throw intervalOverflow }
      return product
    }
    let operandValue = factor.pointer(as: Double.self)[row & factor.mask]
    if isDivision, operandValue == 0 { throw .divisionByZero }
    let result = isDivision ? Double(amount) / operandValue : Double(amount) * operandValue
    guard let whole = Int64(exactly: result.rounded(.towardZero)) else { throw intervalOverflow }
    return whole
  }
  let kernel: ScalarKernel =
    interval == .intervalDayToSecond
    ? optionalKernel(interval) { (operands: [Operand], row: Int) throws(KernelError) -> Int64? in
      try scaled(operands, row)
    }
    : optionalKernel(interval) { (operands: [Operand], row: Int) throws(KernelError) -> Int32? in
      guard let months = Int32(exactly: try scaled(operands, row)) else { throw intervalOverflow }
      return months
    }
  return ResolvedScalar(
    name: name, argumentTypes: isSwapped ? [factorType, interval] : [interval, factorType], resultType: interval,
    kernel: kernel)
}

/// Steps on the time line that check their range.
enum TemporalMath {
  static let overflow = KernelError.outOfRange("Date or timestamp out of range")

  /// `ticks + amount * unit`.
  static func add(_ ticks: Int64, _ amount: Int64, _ unit: Int64) throws(KernelError) -> Int64 {
    let (product, first) = amount.multipliedReportingOverflow(by: unit)
    let (sum, second) = ticks.addingReportingOverflow(product)
    if first || second { throw overflow }
    return sum
  }

  static func addMonths(_ months: Int, to ticks: Int64, ticksPerSecond: Int64) throws(KernelError) -> Int64 {
    var time = CivilTime(ticks, ticksPerSecond: ticksPerSecond)
    time.day = CivilCalendar.addMonths(months, toDay: time.day)
    // 300 years around for nanoseconds, 290 000 for microseconds.
    guard abs(time.day) < 100_000_000_000_000 / Int(ticksPerSecond) else { throw overflow }
    return time.ticksSinceEpoch(ticksPerSecond: ticksPerSecond)
  }

  @inline(__always)
  static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient &- 1 : quotient
  }
}

/// A timestamp with time zone, for the generic loops; its precision is stated beside it.
struct ZonedMoment: SQLArgument, SQLResult {
  let value: TimestampTZ
  static var pattern: TypePattern { .timestampTZ }
  static var resultType: SQLType { .timestampTZ(precision: 3) }
  @inline(__always)
  static func load(_ base: UnsafePointer<TimestampTZ>, _ index: Int) -> ZonedMoment { ZonedMoment(value: base[index]) }
  @inline(__always) var output: TimestampTZ { value }
}
