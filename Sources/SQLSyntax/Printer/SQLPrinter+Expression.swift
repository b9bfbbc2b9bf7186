extension SQLPrinter {
  /// How tightly what was printed holds together; an operand that is looser than its place allows gets parentheses.
  private enum Level: Int, Comparable {
    case lambda
    case or
    case and
    case not
    case predicate
    case concatenation
    case sum
    case product
    case sign
    case postfix
    case primary

    static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }

    var next: Level { Level(rawValue: rawValue + 1) ?? .primary }
  }

  static func render(_ expression: Expression) -> String { text(expression.kind) }

  /// An operand of an operator that needs at least `concatenation`, such as a bound of BETWEEN.
  static func renderValue(_ expression: Expression) -> String { render(expression, .concatenation) }

  private static func render(_ expression: Expression, _ minimum: Level) -> String {
    let text = text(expression.kind)
    return level(expression.kind) < minimum ? "(\(text))" : text
  }

  private static func level(_ kind: ExpressionKind) -> Level {
    switch kind {
    case .lambda: .lambda
    case .logical(.or, _): .or
    case .logical(.and, _): .and
    case .not: .not
    case .isNull, .isDistinct, .between, .like, .inList, .inQuery, .quantified, .comparison: .predicate
    case .binary(let operation, _, _, _): level(operation)
    case .unary: .sign
    case .element, .field, .atTimeZone: .postfix
    case .number(let number): number.text.hasPrefix("-") ? .postfix : .primary
    case .null, .boolean, .string, .bytes, .typedLiteral, .interval, .parameter, .name, .exists, .subquery, .row, .array, .function,
      .cast, .caseExpression, .extract, .grouping, .special, .json:
      .primary
    }
  }

  private static func level(_ operation: BinaryOperator) -> Level {
    switch operation {
    case .multiply, .divide, .modulo: .product
    case .add, .subtract: .sum
    case .concatenate: .concatenation
    }
  }

  private static func text(_ kind: ExpressionKind) -> String {
    switch kind {
    case .null: "NULL"
    case .boolean(let value): value ? "TRUE" : "FALSE"
    case .number(let number): number.text
    case .string(let value): quoted(value)
    case .bytes(let bytes): "X'\(hexadecimal(bytes))'"
    case .typedLiteral(let type, let value): "\(render(type)) \(render(value))"
    case .interval(let interval): render(interval)
    case .parameter(.positional): "?"
    case .parameter(.named(let name)): ":\(name)"
    case .name(let name): render(name)
    case .field(let base, let field): "\(fieldBase(base)).\(render(field))"
    case .element(let base, let index): "\(render(base, .postfix))[\(render(index))]"
    case .unary(let sign, let operand): signed(sign, operand)
    case .binary(let operation, let left, let right, _):
      "\(render(left, level(operation))) \(operation.rawValue) \(render(right, level(operation).next))"
    case .logical(let operation, let terms):
      terms.map { render($0, operation == .or ? .and : .not) }.joined(separator: " \(operation.rawValue) ")
    case .not(let operand): "NOT \(render(operand, .not))"
    case .comparison, .isNull, .isDistinct, .between, .like, .inList, .inQuery, .quantified: predicate(kind)
    case .exists(let query): "EXISTS (\(render(query)))"
    case .subquery(let query): "(\(render(query)))"
    case .atTimeZone(let value, let zone): "\(render(value, .postfix)) AT TIME ZONE \(render(zone, .primary))"
    case .row(let elements): "ROW" + group(elements) { words(render($0.value), $0.name.map { "AS \(render($0))" }) }
    case .array(let elements): "ARRAY[\(list(elements, render))]"
    case .function(let call): render(call)
    case .cast(let cast): "\(cast.isTry ? "TRY_CAST" : "CAST")(\(render(cast.value)) AS \(render(cast.type)))"
    case .caseExpression(let cases): render(cases)
    case .extract(let field, let value): "EXTRACT(\(render(field)) FROM \(renderValue(value)))"
    case .grouping(let arguments): "GROUPING\(group(arguments, render))"
    case .special(let value): render(value)
    case .lambda(let lambda): render(lambda)
    case .json(let call): render(call)
    }
  }

  private static func predicate(_ kind: ExpressionKind) -> String {
    func not(_ isNegated: Bool) -> String { isNegated ? " NOT" : "" }
    return switch kind {
    case .comparison(let operation, let left, let right, _): "\(renderValue(left)) \(operation.rawValue) \(renderValue(right))"
    case .isNull(let value, let isNegated): "\(renderValue(value)) IS\(not(isNegated)) NULL"
    case .isDistinct(let left, let right, let isNegated):
      "\(renderValue(left)) IS\(not(isNegated)) DISTINCT FROM \(renderValue(right))"
    case .between(let between):
      "\(renderValue(between.value))\(not(between.isNegated)) BETWEEN \(renderValue(between.lower)) AND \(renderValue(between.upper))"
    case .like(let like):
      words(
        "\(renderValue(like.value))\(not(like.isNegated)) LIKE \(renderValue(like.pattern))",
        like.escape.map { "ESCAPE \(renderValue($0))" })
    case .inList(let value, let elements, let isNegated): "\(renderValue(value))\(not(isNegated)) IN \(group(elements, render))"
    case .inQuery(let value, let query, let isNegated): "\(renderValue(value))\(not(isNegated)) IN (\(render(query)))"
    case .quantified(let operation, let value, let quantifier, let query):
      "\(renderValue(value)) \(operation.rawValue) \(quantifier.rawValue) (\(render(query)))"
    default: text(kind)
    }
  }

  /// `-(9)` is the negation of 9, while `-9` is a number.
  private static func signed(_ sign: UnaryOperator, _ operand: Expression) -> String {
    if case .unary = operand.kind { return "\(sign.rawValue) \(render(operand))" }
    let inner = render(operand, .postfix)
    let joinsNumber = sign == .minus && (inner.utf8.first.map { $0.isASCIIDigit || $0 == UInt8(ascii: ".") } ?? false)
    return joinsNumber ? "\(sign.rawValue)(\(inner))" : "\(sign.rawValue) \(inner)"
  }

  /// A plain name before the dot would become part of one longer name, and a number would swallow the dot.
  private static func fieldBase(_ base: Expression) -> String {
    switch base.kind {
    case .field, .element, .function, .cast, .row, .array, .subquery: render(base, .postfix)
    default: "(\(render(base)))"
    }
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
  }

  private static func render(_ interval: IntervalLiteral) -> String {
    words(
      "INTERVAL", interval.isNegative ? "-" : nil, render(interval.text), interval.from.rawValue,
      interval.to.map { "TO \($0.rawValue)" })
  }

  private static func render(_ cases: CaseExpression) -> String {
    let branches = cases.branches.map { "WHEN \(render($0.condition)) THEN \(render($0.result))" }.joined(separator: " ")
    return words("CASE", cases.operand.map(render), branches, cases.otherwise.map { "ELSE \(render($0))" }, "END")
  }

  private static func render(_ lambda: LambdaExpression) -> String {
    let names = lambda.parameters.count == 1 ? render(lambda.parameters[0]) : group(lambda.parameters, render)
    return "\(names) -> \(render(lambda.body))"
  }

  private static func render(_ value: SpecialValue) -> String {
    func precise(_ name: String, _ precision: Int?) -> String { name + (precision.map { "(\($0))" } ?? "") }
    return switch value {
    case .currentDate: "CURRENT_DATE"
    case .currentTime(let precision): precise("CURRENT_TIME", precision)
    case .currentTimestamp(let precision): precise("CURRENT_TIMESTAMP", precision)
    case .localTime(let precision): precise("LOCALTIME", precision)
    case .localTimestamp(let precision): precise("LOCALTIMESTAMP", precision)
    case .currentUser: "CURRENT_USER"
    case .currentCatalog: "CURRENT_CATALOG"
    case .currentSchema: "CURRENT_SCHEMA"
    case .currentPath: "CURRENT_PATH"
    }
  }
}

// MARK: - Calls

extension SQLPrinter {
  private static func render(_ call: FunctionCall) -> String {
    if let form = keywordForm(call) { return form }
    let inner = words(
      call.isStar ? "*" : nil, call.quantifier?.rawValue, list(call.arguments, render), orderBy(call.orderBy),
      call.overflow.map(render))
    return words(
      "\(render(call.name))(\(inner))", call.withinGroup.isEmpty ? nil : "WITHIN GROUP (\(orderBy(call.withinGroup) ?? ""))",
      call.filter.map { "FILTER (WHERE \(render($0)))" }, call.nullTreatment?.rawValue, call.over.map { "OVER \(render($0))" })
  }

  /// `POSITION(part IN text)` and `TRIM(characters FROM text)` were turned around by the parser; in the printed text, too, `?` must stand in the order
  /// in which they were counted, so a call whose arguments stand in the wrong order gets its keywords back.
  private static func keywordForm(_ call: FunctionCall) -> String? {
    guard call.name.isSimple, call.arguments.count == 2, call.arguments[1].range.lowerBound < call.arguments[0].range.lowerBound
    else { return nil }
    let (text, part) = (renderValue(call.arguments[0].value), renderValue(call.arguments[1].value))
    return switch call.name.folded {
    case "strpos": "POSITION(\(part) IN \(text))"
    case "trim": "TRIM(BOTH \(part) FROM \(text))"
    case "ltrim": "TRIM(LEADING \(part) FROM \(text))"
    case "rtrim": "TRIM(TRAILING \(part) FROM \(text))"
    default: nil
    }
  }

  static func render(_ argument: CallArgument) -> String {
    (argument.name.map { "\(render($0)) => " } ?? "") + render(argument.value)
  }

  private static func render(_ overflow: ListOverflow) -> String {
    switch overflow {
    case .error: "ON OVERFLOW ERROR"
    case .truncate(let filler, let withCount):
      words("ON OVERFLOW TRUNCATE", filler.map(render), withCount ? "WITH COUNT" : "WITHOUT COUNT")
    }
  }

  static func orderBy(_ items: [OrderItem]) -> String? { clause("ORDER BY", items, render) }

  static func render(_ item: OrderItem) -> String {
    words(render(item.expression), item.isDescending ? "DESC" : nil, item.nulls?.rawValue)
  }

  private static func render(_ window: WindowReference) -> String {
    switch window {
    case .named(let name): render(name)
    case .specification(let specification): render(specification)
    }
  }

  static func render(_ window: WindowSpecification) -> String {
    let inner = words(
      window.baseName.map(render), clause("PARTITION BY", window.partitionBy, render), orderBy(window.orderBy),
      window.frame.map(render))
    return "(\(inner))"
  }

  private static func render(_ frame: FrameClause) -> String {
    guard let end = frame.end else { return "\(frame.unit.rawValue) \(render(frame.start))" }
    return "\(frame.unit.rawValue) BETWEEN \(render(frame.start)) AND \(render(end))"
  }

  private static func render(_ bound: FrameClause.Bound) -> String {
    switch bound {
    case .unboundedPreceding: "UNBOUNDED PRECEDING"
    case .preceding(let distance): "\(renderValue(distance)) PRECEDING"
    case .currentRow: "CURRENT ROW"
    case .following(let distance): "\(renderValue(distance)) FOLLOWING"
    case .unboundedFollowing: "UNBOUNDED FOLLOWING"
    }
  }

  private static func render(_ call: JSONFunctionCall) -> String {
    switch call {
    case .exists(let path, let onError):
      "JSON_EXISTS(\(words(render(path), onError.map { "\(render($0)) ON ERROR" })))"
    case .value(let path, let returning, let onEmpty, let onError):
      "JSON_VALUE(\(words(render(path), self.returning(returning), behaviours(onEmpty, onError))))"
    case .query(let path, let returning, let wrapper, let quotes, let onEmpty, let onError):
      "JSON_QUERY(\(words(render(path), self.returning(returning), wrapper?.rawValue, quotes?.rawValue, behaviours(onEmpty, onError))))"
    case .object(let members, let nulls, let keys, let returning):
      "JSON_OBJECT(\(words(list(members) { "\(renderValue($0.key)) : \(render($0.value))" }, nulls?.rawValue, keys?.rawValue, self.returning(returning))))"
    case .items(let path, _): "JSON_TABLE(\(render(path)))"
    case .array(let elements, let nulls, let returning):
      "JSON_ARRAY(\(words(list(elements, render), nulls?.rawValue, self.returning(returning))))"
    }
  }

  private static func render(_ path: JSONFunctionCall.PathInvocation) -> String {
    words("\(render(path.input))\(path.encoding.map(format) ?? ""), \(render(path.path))", passing(path))
  }

  static func passing(_ path: JSONFunctionCall.PathInvocation) -> String? {
    clause("PASSING", path.passing) { "\(render($0.value)) AS \(render($0.name))" }
  }

  private static func render(_ value: JSONFunctionCall.Value) -> String {
    "\(render(value.expression))\(value.encoding.map(format) ?? (value.isJSON ? " FORMAT JSON" : ""))"
  }

  static func format(_ encoding: JSONFunctionCall.Encoding) -> String { " FORMAT JSON ENCODING \(encoding.rawValue)" }

  private static func returning(_ type: TypeName?) -> String? { type.map { "RETURNING \(render($0))" } }

  private static func returning(_ result: JSONFunctionCall.Returning?) -> String? {
    result.map { "RETURNING \(render($0.type))\($0.encoding.map(format) ?? "")" }
  }

  static func behaviours(_ onEmpty: JSONFunctionCall.Behaviour?, _ onError: JSONFunctionCall.Behaviour?) -> String {
    words(onEmpty.map { "\(render($0)) ON EMPTY" }, onError.map { "\(render($0)) ON ERROR" })
  }

  private static func render(_ behaviour: JSONFunctionCall.Behaviour) -> String {
    switch behaviour {
    case .error: "ERROR"
    case .null: "NULL"
    case .isTrue: "TRUE"
    case .isFalse: "FALSE"
    case .unknown: "UNKNOWN"
    case .emptyArray: "EMPTY ARRAY"
    case .emptyObject: "EMPTY OBJECT"
    case .defaultValue(let value): "DEFAULT \(render(value))"
    }
  }
}
