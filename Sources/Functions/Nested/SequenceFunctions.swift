import Columnar

extension FunctionLibrary {
  static let sequences: [ScalarDefinition] = [
    ScalarDefinition(
      "sequence", "Whole numbers from the first to the second.", [.bigint, .bigint], returns: .type(.array(.bigint)),
      kernel: numberSequence),
    ScalarDefinition(
      "sequence", "Whole numbers from the first to the second in steps.", [.bigint, .bigint, .bigint],
      returns: .type(.array(.bigint)), kernel: numberSequence),
    ScalarDefinition(
      "sequence", "Days from the first to the second date.", [.date, .date], returns: .type(.array(.date)), kernel: dateSequence),
    ScalarDefinition(
      "sequence", "Dates from the first to the second in steps of days.", [.date, .date, .exact(.intervalDayToSecond)],
      returns: .type(.array(.date)), kernel: dateSequence),
    ScalarDefinition(
      "sequence", "Dates from the first to the second in steps of months.", [.date, .date, .exact(.intervalYearToMonth)],
      returns: .type(.array(.date)), kernel: dateSequence),
    ScalarDefinition(
      "sequence", "Timestamps from the first to the second in steps.",
      [.timestamp, .timestamp, .exact(.intervalDayToSecond)], returns: arrayOfFirst, kernel: timestampSequence),
    ScalarDefinition(
      "sequence", "Timestamps from the first to the second in steps of months.",
      [.timestamp, .timestamp, .exact(.intervalYearToMonth)], returns: arrayOfFirst, kernel: timestampSequence),
  ]

  private static let arrayOfFirst = ResultRule.computed("array(timestamp(p))") {
    (types: [SQLType]) throws(FunctionError) -> SQLType in .array(types[0])
  }
}

/// What one call may produce in all, so that a slip does not fill the memory.
private let sequenceLimit = 50_000_000

private func checkStep(_ step: Int64, isBehind: Bool, isBefore: Bool) throws(KernelError) {
  guard step != 0 else { throw .invalidArgument("step must not be zero") }
  guard step > 0 ? !isBefore : !isBehind else {
    throw .invalidArgument(
      "sequence stop value should be greater than or equal to start value if step is greater than zero otherwise stop should be less than or equal to start")
  }
}

private func tooLong() -> KernelError {
  .invalidArgument("result of sequence function must not have more than \(sequenceLimit) entries")
}

/// Refuses steps of months that lead to too many entries before any is made: no month has more than 31 days.
private func checkMonths(_ months: Int, from start: Int64, to stop: Int64, unitsPerDay: Int64) throws(KernelError) {
  let distance = stop >= start ? UInt64(bitPattern: stop &- start) : UInt64(bitPattern: start &- stop)
  guard distance / (31 * UInt64(unitsPerDay)) / UInt64(months.magnitude) < UInt64(sequenceLimit) else { throw tooLong() }
}

/// Arrays whose elements `body` appends.
private func sequenceColumn<Value: BitwiseCopyable>(
  _ arguments: [Column], _ call: FunctionCall, _ body: ([Operand], Int, inout [Value]) throws(KernelError) -> Void
) throws(KernelError) -> Column {
  try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let operands = arguments.map { Operand($0) }
    var list = ListBuilder(count: call.count)
    var values: [Value] = []
    for row in 0..<call.count {
      guard operands.allSatisfy({ $0.isValid(row) }) else {
        list.appendNull()
        continue
      }
      let before = values.count
      do throws(KernelError) { try body(operands, row, &values) } catch { throw error.at(row: row) }
      list.append(values.count - before)
    }
    let elements = Column(type: call.resultType.children[0], count: values.count, values: Buffer.of(values))
    return list.finish(call.resultType, children: [elements])
  }
}

private let numberSequence: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  try sequenceColumn(arguments, call) { (operands: [Operand], row: Int, out: inout [Int64]) throws(KernelError) in
    func number(_ index: Int) -> Int64 { operands[index].pointer(as: Int64.self)[row & operands[index].mask] }
    let (start, stop) = (number(0), number(1))
    let step = operands.count == 3 ? number(2) : (stop >= start ? 1 : -1)
    try appendSteps(start, stop, step, to: &out)
  }
}

/// `start`, `start + step`, ... up to `stop`.
private func appendSteps<Value: FixedWidthInteger>(
  _ start: Int64, _ stop: Int64, _ step: Int64, to out: inout [Value]
) throws(KernelError) {
  try checkStep(step, isBehind: stop > start, isBefore: stop < start)
  let distance = step > 0 ? UInt64(bitPattern: stop &- start) : UInt64(bitPattern: start &- stop)
  let size = distance / step.magnitude
  guard size < UInt64(sequenceLimit), out.count + Int(size) < sequenceLimit else { throw tooLong() }
  for index in 0...Int64(size) { out.append(Value(truncatingIfNeeded: start &+ index &* step)) }
}

private let dateSequence: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  try sequenceColumn(arguments, call) { (operands: [Operand], row: Int, out: inout [Int32]) throws(KernelError) in
    func day(_ index: Int) -> Int64 { Int64(operands[index].pointer(as: Int32.self)[row & operands[index].mask]) }
    let (start, stop) = (day(0), day(1))
    guard operands.count == 3 else { return try appendSteps(start, stop, stop >= start ? 1 : -1, to: &out) }
    let step = operands[2]
    if step.column.type == .intervalDayToSecond {
      let milliseconds = step.pointer(as: Int64.self)[row & step.mask]
      guard milliseconds % 86_400_000 == 0 else {
        throw .invalidArgument("sequence step must be a day interval if start and end values are dates")
      }
      return try appendSteps(start, stop, milliseconds / 86_400_000, to: &out)
    }
    let months = Int(step.pointer(as: Int32.self)[row & step.mask])
    try checkStep(Int64(months), isBehind: stop > start, isBefore: stop < start)
    try checkMonths(months, from: start, to: stop, unitsPerDay: 1)
    var index = 0
    while true {
      let next = Int64(CivilCalendar.addMonths(index &* months, toDay: Int(start)))
      guard months > 0 ? next <= stop : next >= stop else { return }
      guard out.count < sequenceLimit else { throw tooLong() }
      out.append(Int32(truncatingIfNeeded: next))
      index += 1
    }
  }
}

private let timestampSequence: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let perSecond = call.resultType.children[0].ticksPerSecond
  // The end may have another precision.
  let stops = try castColumn(arguments[1], to: call.resultType.children[0], isTry: false, context: call.context)
  return try sequenceColumn([arguments[0], stops, arguments[2]], call) {
    (operands: [Operand], row: Int, out: inout [Int64]) throws(KernelError) in
    let start = operands[0].pointer(as: Int64.self)[row & operands[0].mask]
    let stop = operands[1].pointer(as: Int64.self)[row & operands[1].mask]
    let step = operands[2]
    if step.column.type == .intervalDayToSecond {
      let (ticks, overflow) = step.pointer(as: Int64.self)[row & step.mask].multipliedReportingOverflow(by: perSecond / 1000)
      if overflow { throw TemporalMath.overflow }
      return try appendSteps(start, stop, ticks, to: &out)
    }
    let months = Int(step.pointer(as: Int32.self)[row & step.mask])
    try checkStep(Int64(months), isBehind: stop > start, isBefore: stop < start)
    try checkMonths(months, from: start, to: stop, unitsPerDay: 86_400 * perSecond)
    var index = 0
    while true {
      let next = try TemporalMath.addMonths(index &* months, to: start, ticksPerSecond: perSecond)
      guard months > 0 ? next <= stop : next >= stop else { return }
      guard out.count < sequenceLimit else { throw tooLong() }
      out.append(next)
      index += 1
    }
  }
}
