import Columnar
import Functions
import SQLSyntax

extension Binder {
  // MARK: Numbers

  /// Digits are integer or bigint by size; a decimal point makes a double (Athena) or a decimal (Trino), an exponent a double.
  func scalar(of number: NumberLiteral, range: SourceRange) throws(SQLError) -> Scalar {
    func invalid() -> SQLError { SQLError(.invalidLiteral, "Invalid numeric literal: \(number.text)", range: range) }
    switch number.form {
    case .integer:
      guard let value = number.int64Value else { throw invalid() }
      if let small = Int32(exactly: value) { return .integer(small) }
      return .bigint(value)
    case .decimal where !settings.decimalLiteralsAreDouble:
      return try decimal(number.text, range: range)
    case .decimal, .double:
      // Swift reads no number that ends with its point.
      let text = number.text.hasSuffix(".") ? number.text + "0" : number.text
      guard let value = Double(text) else { throw invalid() }
      return .double(value)
    }
  }

  /// A decimal as narrow as its digits: whole digits without leading zeros, all fraction digits, at least one.
  private func decimal(_ text: String, range: SourceRange) throws(SQLError) -> Scalar {
    func invalid() -> SQLError { SQLError(.invalidLiteral, "Invalid decimal literal '\(text)'", range: range) }
    var digits = text[...]
    let isNegative = digits.first == "-"
    if isNegative || digits.first == "+" { digits = digits.dropFirst() }
    let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.count == 2 ? parts[1] : ""
    let whole = parts[0].drop { $0 == "0" }
    let precision = max(1, whole.utf8.count + fraction.utf8.count)
    guard !(parts[0].isEmpty && fraction.isEmpty) else { throw invalid() }
    guard precision <= SQLType.maxDecimalPrecision else {
      throw SQLError(
        .invalidLiteral, "Invalid decimal literal '\(text)'. Value has more than \(SQLType.maxDecimalPrecision) digits",
        range: range)
    }
    var unscaled: Int128 = 0
    for byte in (whole + fraction).utf8 {
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { throw invalid() }
      unscaled = unscaled * 10 + Int128(byte - UInt8(ascii: "0"))
    }
    if isNegative { unscaled = -unscaled }
    let type = SQLType.decimal(precision: precision, scale: fraction.utf8.count)
    return Scalar(type, precision <= 18 ? .int(Int64(unscaled)) : .int128(unscaled))
  }

  // MARK: Typed literals

  /// `DATE '2020-01-31'`, `TIMESTAMP '… UTC'`, `DECIMAL '1.50'`, `JSON '{}'`, `BIGINT '5'`: the text cast to the type, whose
  /// precision follows from the text where it is not written.
  func typedLiteral(_ typeName: TypeName, _ text: StringLiteral, range: SourceRange) throws(SQLError) -> BoundExpression {
    let value = text.value
    let source = BoundExpression.literal(.text(value), text.range)
    let name = Self.simpleName(typeName)
    switch name {
    case "decimal", "dec", "numeric": return .literal(try decimal(value.trimmingBlanks, range: range), range)
    case "json":
      let parse = try call("json_parse", [source], range: range)
      return .literal(try literalValue(parse, "JSON", value, range), range)
    default: break
    }
    let type: SQLType
    switch name {
    case "timestamp":
      let shape = TimeShape(value)
      try checkPrecision(shape.precision, range: range)
      type = shape.hasZone ? .timestampTZ(precision: shape.precision) : .timestamp(precision: shape.precision)
    case "time":
      let shape = TimeShape(value, hasDate: false)
      try checkPrecision(shape.precision, range: range)
      type = shape.hasZone ? .timeTZ(precision: shape.precision) : .time(precision: shape.precision)
    case "char": type = .char(length: max(1, value.unicodeScalars.count))
    default: type = try resolve(typeName)
    }
    guard canCast(from: .varchar, to: type) else {
      throw SQLError(.invalidLiteral, "No literal form for type \(type)", range: range)
    }
    let cast = BoundExpression.cast(source, to: type, isTry: false, range)
    return .literal(try literalValue(cast, "\(typeName.displayName.uppercased())", value, range), range)
  }

  /// Trino has up to picoseconds; cutting them silently would be a wrong value.
  private func checkPrecision(_ precision: Int, range: SourceRange) throws(SQLError) {
    guard precision <= 9 else {
      throw SQLError.notSupported("Precision \(precision) is not supported: at most 9 fraction digits", range: range)
    }
  }

  private func literalValue(
    _ expression: BoundExpression, _ typeName: String, _ text: String, _ range: SourceRange
  ) throws(SQLError) -> Scalar {
    do {
      return try evaluate(expression)
    } catch {
      if error.code == .notSupported || error.code.kind == .internalError { throw error }
      throw SQLError(.invalidLiteral, "'\(text)' is not a valid \(typeName) literal", range: range, cause: error)
    }
  }

  private static func simpleName(_ type: TypeName) -> String {
    switch type.kind {
    case .named(let name, let arguments) where arguments.isEmpty: name.folded
    case .timestamp(nil, withTimeZone: false): "timestamp"
    case .time(nil, withTimeZone: false): "time"
    default: ""
    }
  }

  /// How many fraction digits the text of a time or timestamp has, and whether a zone follows.
  private struct TimeShape {
    var precision = 0
    var hasZone = false

    init(_ text: String, hasDate: Bool = true) {
      let bytes = Array(text.trimmingBlanks.utf8)
      // The time begins after the date's blank (or T); a text without colon is a date, maybe with a zone.
      let start = hasDate ? bytes.firstIndex { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "T") }.map { $0 + 1 } ?? 0 : 0
      var position = start
      if start == 0, !bytes.contains(UInt8(ascii: ":")) { return }
      var isFraction = false
      while position < bytes.count {
        let byte = bytes[position]
        if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
          if isFraction { precision += 1 }
        } else if byte == UInt8(ascii: ".") {
          isFraction = true
        } else if byte != UInt8(ascii: ":") {
          break
        }
        position += 1
      }
      hasZone = position < bytes.count
    }
  }

  // MARK: Intervals

  /// Months, or milliseconds.
  func scalar(of interval: IntervalLiteral, range: SourceRange) throws(SQLError) -> Scalar {
    guard let scalar = Self.value(of: interval) else {
      throw SQLError(
        .invalidLiteral, "'\(interval.text.value)' is not a valid interval literal", range: interval.text.range)
    }
    return scalar
  }

  private static func value(of interval: IntervalLiteral) -> Scalar? {
    var text = interval.text.value.trimmingBlanks[...]
    var isNegative = interval.isNegative
    if text.first == "-" || text.first == "+" {
      if text.first == "-" { isNegative.toggle() }
      text = text.dropFirst()
    }
    let last = interval.to ?? interval.from
    switch (interval.from, last) {
    case (.year, .year), (.month, .month), (.year, .month):
      let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { number($0) }
      guard parts.count == (interval.from == last ? 1 : 2), parts.allSatisfy({ $0 != nil }) else { return nil }
      let years = interval.from == .year ? parts[0] ?? 0 : 0
      let months = last == .month ? parts[parts.count - 1] ?? 0 : 0
      let (yearMonths, overflow) = years.multipliedReportingOverflow(by: 12)
      let (sum, overflowSum) = yearMonths.addingReportingOverflow(months)
      guard !overflow, !overflowSum, let total = Int32(exactly: isNegative ? -sum : sum) else { return nil }
      return Scalar(.intervalYearToMonth, .int(Int64(total)))
    default:
      guard let total = milliseconds(text, from: interval.from, to: last) else { return nil }
      return Scalar(.intervalDayToSecond, .int(isNegative ? -total : total))
    }
  }

  /// `d h:m:s.f` from the first unit to the last.
  private static func milliseconds(_ text: Substring, from: IntervalLiteral.Unit, to: IntervalLiteral.Unit) -> Int64? {
    let units: [IntervalLiteral.Unit] = [.day, .hour, .minute, .second]
    guard let first = units.firstIndex(of: from), let last = units.firstIndex(of: to), first <= last else { return nil }
    var rest = text
    var total: Int64 = 0
    for position in first...last {
      let unit = units[position]
      var piece = rest
      if position < last {
        let separator: Character = unit == .day ? " " : ":"
        guard let end = rest.firstIndex(of: separator) else { return nil }
        piece = rest[..<end]
        rest = rest[rest.index(after: end)...]
      }
      guard let part = unit == .second ? seconds(piece) : number(piece) else { return nil }
      let factor: Int64 =
        switch unit {
        case .day: 86_400_000
        case .hour: 3_600_000
        case .minute: 60_000
        default: 1
        }
      let (product, overflow) = part.multipliedReportingOverflow(by: factor)
      let (sum, overflowSum) = total.addingReportingOverflow(product)
      if overflow || overflowSum { return nil }
      total = sum
    }
    return total
  }

  private static func number(_ text: Substring) -> Int64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return nil }
    return Int64(text)
  }

  /// Seconds with up to three fraction digits, as milliseconds.
  private static func seconds(_ text: Substring) -> Int64? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = number(parts[0]) else { return nil }
    var fraction: Int64 = 0
    if parts.count == 2 {
      guard parts[1].utf8.count <= 3, let digits = number(parts[1]) else { return nil }
      fraction = digits
      for _ in parts[1].utf8.count..<3 { fraction *= 10 }
    }
    let (product, overflow) = whole.multipliedReportingOverflow(by: 1000)
    let (sum, overflowSum) = product.addingReportingOverflow(fraction)
    return overflow || overflowSum ? nil : sum
  }

  // MARK: Parameters and values of the session

  func scalar(of parameter: Parameter, range: SourceRange) throws(SQLError) -> Scalar {
    switch parameter {
    case .positional(let index):
      guard settings.positionalParameters.indices.contains(index) else {
        throw SQLError(
          .invalidParameterUsage,
          "Incorrect number of parameters: expected \(index + 1) but found \(settings.positionalParameters.count)",
          range: range)
      }
      settings.parameterTypes?.note(place: range, ofParameter: index)
      return settings.positionalParameters[index]
    case .named(let name):
      guard let value = settings.namedParameters[name.lowercased()] else {
        throw SQLError(
          .invalidParameterUsage, "Parameter ':\(name)' has no value", range: range,
          hint: Suggestion.hint(for: name, among: settings.namedParameters.keys.sorted()))
      }
      return value
    }
  }

  /// `current_timestamp` and its siblings: constant within a statement.
  func special(
    _ value: SpecialValue, environment: BindEnvironment, range: SourceRange
  ) throws(SQLError) -> BoundExpression {
    func literal(_ type: SQLType) throws(SQLError) -> BoundExpression {
      let now = Scalar(
        .timestampTZ(precision: 6),
        .timestampTZ(TimestampTZ(instant: settings.context.nowMicroseconds, zone: settings.context.sessionZone)))
      return .literal(try evaluate(.cast(.literal(now, range), to: type, isTry: false, range)), range)
    }
    /// Cut, not rounded: the clock has not reached the next tick.
    func now(_ type: SQLType, precision: Int) throws(SQLError) -> BoundExpression {
      var instant = settings.context.nowMicroseconds
      if precision < 6 {
        var step: Int64 = 1
        for _ in precision..<6 { step *= 10 }
        instant -= ((instant % step) + step) % step
      }
      let scalar = Scalar(
        .timestampTZ(precision: 6), .timestampTZ(TimestampTZ(instant: instant, zone: settings.context.sessionZone)))
      return .literal(try evaluate(.cast(.literal(scalar, range), to: type, isTry: false, range)), range)
    }
    func checked(_ precision: Int?) throws(SQLError) -> Int {
      let precision = precision ?? 3
      try checkPrecision(precision, range: range)
      return precision
    }
    switch value {
    case .currentDate: return try literal(.date)
    case .currentTimestamp(let precision):
      let precision = try checked(precision)
      return try now(.timestampTZ(precision: precision), precision: precision)
    case .localTimestamp(let precision):
      let precision = try checked(precision)
      return try now(.timestamp(precision: precision), precision: precision)
    case .currentTime(let precision):
      let precision = try checked(precision)
      return try now(.timeTZ(precision: precision), precision: precision)
    case .localTime(let precision):
      let precision = try checked(precision)
      return try now(.time(precision: precision), precision: precision)
    case .currentUser: return .literal(.text(settings.user), range)
    case .currentCatalog: return .literal(.text(environment.place.catalog), range)
    case .currentSchema: return .literal(.text(environment.place.database), range)
    case .currentPath: return .literal(.text(""), range)
    }
  }
}

extension String {
  /// Without white space at both ends.
  var trimmingBlanks: String {
    var view = self[...]
    while let first = view.first, first.isWhitespace { view = view.dropFirst() }
    while let last = view.last, last.isWhitespace { view = view.dropLast() }
    return String(view)
  }
}
