import Columnar
import Functions
import SQLSyntax

extension ExpressionBinder {
  /// `value BETWEEN lower AND upper`: two comparisons.
  func bindBetween(_ between: BetweenExpression, range: SourceRange) throws(SQLError) -> BoundExpression {
    let operands = readingTimes([try bind(between.value), try bind(between.lower), try bind(between.upper)])
    let (value, lower, upper) = (operands[0], operands[1], operands[2])
    guard TypeCoercion.commonSuperType([value.type, lower.type, upper.type]) != nil else {
      throw SQLError(
        .typeMismatch, "Cannot check if \(value.type) is BETWEEN \(lower.type) and \(upper.type)", range: range)
    }
    let test = BoundExpression.and(
      [
        try binder.call(">=", [value, lower], range: range),
        try binder.call("<=", [value, upper], range: range),
      ], range)
    return between.isNegated ? .not(test, range) : test
  }

  /// `value IN (a, b, …)`, all brought to one type.
  func bindInList(
    _ value: Expression, _ list: [Expression], _ isNegated: Bool, range: SourceRange
  ) throws(SQLError) -> BoundExpression {
    let operands = readingTimes([try bind(value)] + (try bind(list)))
    let value = operands[0]
    let items = Array(operands.dropFirst())
    let type = try unify(operands) { _, other in
      "IN value and list items must be the same type: \(value.type), \(other)"
    }
    // Refuses types that cannot be compared.
    if type != .unknown { _ = try binder.scalarFunction("=", [type, type], range: range) }
    let test = BoundExpression.inList(binder.coerce(value, to: type), items.map { binder.coerce($0, to: type) }, range)
    return isNegated ? .not(test, range) : test
  }

  /// String literals beside a date or timestamp that they are compared with, read as such: `day < '2024-01-05'`. Trino refuses this; Spark,
  /// PostgreSQL and DuckDB do it, and there is nothing else it could mean. Text that is no literal stays text.
  func readingTimes(_ operands: [BoundExpression]) -> [BoundExpression] {
    // `AthenaRule.textAsTime`: the comparison then fails as in Trino.
    if binder.settings.isStrict { return operands }
    var common: SQLType?
    for operand in operands where operand.type.isDateOrTimestamp {
      common = common.map { TypeCoercion.commonSuperType($0, operand.type) ?? $0 } ?? operand.type
    }
    guard let common else { return operands }
    return operands.map { operand in
      guard case .literal(let scalar, let range) = operand, scalar.type.isPlainText, let text = scalar.text else { return operand }
      return .cast(operand, to: common.holding(text), isTry: false, range)
    }
  }

  /// Simple and searched CASE. A simple one compares its operand with each value.
  func bindCase(_ expression: CaseExpression, range: SourceRange) throws(SQLError) -> BoundExpression {
    let operand: BoundExpression? = if let operand = expression.operand { try bind(operand) } else { nil }
    var branches: [CaseBranch] = []
    branches.reserveCapacity(expression.branches.count)
    for branch in expression.branches {
      let condition = try bind(branch.condition)
      let test: BoundExpression
      if let operand {
        guard TypeCoercion.commonSuperType(operand.type, condition.type) != nil else {
          throw SQLError(
            .typeMismatch, "CASE operand type does not match WHEN clause operand type: \(operand.type) vs \(condition.type)",
            range: condition.range)
        }
        test = try binder.call("=", [operand, condition], range: condition.range)
      } else {
        test = try boolean(condition, "CASE WHEN clause must evaluate to a boolean (actual: \(condition.type))")
      }
      branches.append(CaseBranch(condition: test, result: try bind(branch.result)))
    }
    let otherwise: BoundExpression =
      if let expression = expression.otherwise { try bind(expression) } else { .literal(.null(), range) }
    return try caseWhen(branches, otherwise: otherwise, range: range) { expected, found in
      "All CASE results must be the same type or coercible to a common type. Cannot find common type between \(expected) and \(found)"
    }
  }

  /// A CASE whose results are brought to their common type.
  func caseWhen(
    _ branches: [CaseBranch], otherwise: BoundExpression, range: SourceRange, _ message: (SQLType, SQLType) -> String
  ) throws(SQLError) -> BoundExpression {
    let type = try unify(branches.map(\.result) + [otherwise], message)
    return .caseWhen(
      branches.map { CaseBranch(condition: $0.condition, result: binder.coerce($0.result, to: type)) },
      otherwise: binder.coerce(otherwise, to: type), type: type, range)
  }

  /// `ARRAY[a, b]`, elements brought to one type.
  func bindArray(_ elements: [Expression], range: SourceRange) throws(SQLError) -> BoundExpression {
    let bound = try bind(elements)
    let type = try unify(bound) { expected, found in
      "All ARRAY elements must be the same type or coercible to a common type. Cannot find common type between \(expected) and \(found)"
    }
    return try binder.call(OperatorName.makeArray, bound.map { binder.coerce($0, to: type) }, range: range)
  }

  /// `base[index]`: an array element, a map value, or the n-th field of a row.
  func bindElement(_ base: Expression, _ index: Expression, range: SourceRange) throws(SQLError) -> BoundExpression {
    let base = try bind(base)
    let position = try bind(index)
    guard case .row(let fields) = base.type else {
      return try binder.call(OperatorName.subscriptElement, [base, position], range: range)
    }
    guard case .literal(let scalar, _) = position, case .int(let number) = scalar.value, position.type.isInteger else {
      throw SQLError(
        .expressionNotConstant, "Subscript expression on ROW requires a constant index", range: index.range)
    }
    guard number >= 1 else {
      throw SQLError(
        .invalidFunctionArgument, "Invalid subscript index: \(number). ROW indices start at 1", range: index.range)
    }
    guard number <= Int64(fields.count) else {
      throw SQLError(
        .invalidFunctionArgument, "Subscript index out of bounds: \(number), max value is \(fields.count)",
        range: index.range)
    }
    let field = Int(number) - 1
    return .field(base, index: field, type: fields[field].type, range)
  }

  func bindExtract(_ field: Identifier, _ value: BoundExpression, range: SourceRange) throws(SQLError) -> BoundExpression {
    let function: String
    switch field.folded {
    case "year", "quarter", "month", "week", "day", "hour", "minute", "second", "timezone_hour", "timezone_minute":
      function = field.folded
    case "day_of_month": function = "day"
    case "day_of_week", "dow": function = "day_of_week"
    case "day_of_year", "doy": function = "day_of_year"
    case "year_of_week", "yow": function = "year_of_week"
    default: throw SQLError(.syntaxError, "Invalid EXTRACT field: \(field.spelling)", range: field.range)
    }
    return try binder.call(function, [value], range: range)
  }

  func cast(_ value: BoundExpression, to type: SQLType, isTry: Bool, range: SourceRange) throws(SQLError) -> BoundExpression {
    if value.type == type { return value }
    guard value.type == .unknown || canCast(from: value.type, to: type) else {
      throw SQLError(.typeMismatch, "Cannot cast \(value.type) to \(type)", range: range)
    }
    return .cast(value, to: type, isTry: isTry, range)
  }
}

extension SQLType {
  fileprivate var isDateOrTimestamp: Bool {
    switch self {
    case .date, .timestamp, .timestampTZ: true
    default: false
    }
  }

  /// The date or timestamp type, with a time of day and as many fraction digits as the text has.
  fileprivate func holding(_ text: String) -> SQLType {
    let fraction = text.split(separator: ".", maxSplits: 1).dropFirst().first ?? ""
    let digits = min(6, fraction.prefix { $0.isNumber }.count)
    return switch self {
    case .timestamp(let precision): .timestamp(precision: max(precision, digits))
    case .timestampTZ(let precision): .timestampTZ(precision: max(precision, digits))
    default: text.contains(":") ? .timestamp(precision: digits) : self
    }
  }
}
