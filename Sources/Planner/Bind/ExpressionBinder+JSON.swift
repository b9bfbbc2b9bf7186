import Columnar
import Functions
import SQLSyntax

extension ExpressionBinder {
  /// The SQL/JSON functions. A path gives a status and a text; what the ON EMPTY and ON ERROR clauses say becomes a CASE over them.
  func bindJSON(_ call: JSONFunctionCall, range: SourceRange) throws(SQLError) -> BoundExpression {
    switch call {
    case .exists(let path, let onError):
      let input = try jsonInput(path)
      let test = try pathCall(SQLJSON.exists, path, input, options: nil, range: range)
      let otherwise: BoundExpression
      switch onError ?? .isFalse {
      case .isTrue: otherwise = .literal(.boolean(true), range)
      case .error: otherwise = try jsonFailure("path evaluation failed", as: .boolean, range: range)
      case .unknown: return test
      default: otherwise = .literal(.boolean(false), range)
      }
      let isMissing = CaseBranch(condition: .isNull(input, range), result: .literal(.null(.boolean), range))
      return .caseWhen(
        [isMissing], otherwise: .coalesce([test, otherwise], type: .boolean, range), type: .boolean, range)

    case .items(let path, let onError):
      let options = onError == .error ? [SQLJSON.fails] : []
      return try pathCall(SQLJSON.items, path, try jsonInput(path), options: options, range: range)

    case .value(let path, let returning, let onEmpty, let onError):
      let type = try jsonResultType(returning)
      let found = try pathCall(SQLJSON.value, path, try jsonInput(path), options: nil, range: range)
      let text = BoundExpression.field(found, index: 1, type: .varchar, range)
      var value = try cast(text, to: type, isTry: onError != .error, range: range)
      let failed = try behaviour(onError ?? .null, as: type, "JSON_VALUE found several items or no scalar", range: range)
      if case .defaultValue? = onError {
        // A JSON null stays NULL; a text that the type does not take is an error like others.
        value = .caseWhen(
          [CaseBranch(condition: .isNull(text, range), result: .literal(.null(type), range))],
          otherwise: .coalesce([value, failed], type: type, range), type: type, range)
      }
      return try choose(
        found, value: value, empty: try behaviour(onEmpty ?? .null, as: type, "JSON path found no items", range: range),
        failed: failed, as: type, range: range)

    case .query(let path, let returning, let wrapper, let quotes, let onEmpty, let onError):
      var options: [String] = []
      switch wrapper {
      case .conditional?: options.append(SQLJSON.conditionalWrapper)
      case .unconditional?: options.append(SQLJSON.unconditionalWrapper)
      case .without?, nil: break
      }
      if quotes == .omit {
        guard options.isEmpty else {
          throw SQLError(
            .invalidFunctionArgument, "OMIT QUOTES behavior specified with WITH UNCONDITIONAL ARRAY WRAPPER behavior", range: range)
        }
        options.append(SQLJSON.omitsQuotes)
      }
      let type = try jsonResultType(returning?.type)
      let found = try pathCall(SQLJSON.query, path, try jsonInput(path), options: options, range: range)
      let text = BoundExpression.field(found, index: 1, type: .varchar, range)
      func typed(_ expression: BoundExpression) throws(SQLError) -> BoundExpression {
        try jsonResult(expression, returning, range: range)
      }
      func otherwise(_ behaviour: JSONFunctionCall.Behaviour?, _ message: String) throws(SQLError) -> BoundExpression {
        switch behaviour {
        case .emptyArray?: try typed(.literal(.text("[]"), range))
        case .emptyObject?: try typed(.literal(.text("{}"), range))
        case .error?: try jsonFailure(message, as: type, range: range)
        default: .literal(.null(type), range)
        }
      }
      return try choose(
        found, value: try typed(text), empty: try otherwise(onEmpty, "JSON path found no items"),
        failed: try otherwise(onError, "JSON_QUERY found several items, or the path does not fit"), as: type, range: range)

    case .object(let members, let nulls, let keys, let returning):
      let options = (nulls == .absent ? [SQLJSON.dropsNulls] : []) + (keys == .unique ? [SQLJSON.uniqueKeys] : [])
      var arguments = [BoundExpression.literal(.text(options.joined(separator: SQLJSON.separator)), range)]
      for member in members {
        arguments.append(try cast(try bind(member.key), to: .varchar, isTry: false, range: member.key.range))
        arguments.append(try jsonValue(member.value))
      }
      return try jsonResult(try binder.call(SQLJSON.object, arguments, range: range), returning, range: range)

    case .array(let values, let nulls, let returning):
      var arguments = [BoundExpression.literal(.text(nulls == .null ? "" : SQLJSON.dropsNulls), range)]
      for value in values { arguments.append(try jsonValue(value)) }
      return try jsonResult(try binder.call(SQLJSON.array, arguments, range: range), returning, range: range)
    }
  }

  /// The value in which a path looks, as text.
  private func jsonInput(_ path: JSONFunctionCall.PathInvocation) throws(SQLError) -> BoundExpression {
    let bound = try bind(path.input)
    if bound.type == .json, path.encoding == nil { return try binder.call("json_format", [bound], range: path.input.range) }
    return try jsonText(bound, path.encoding, range: path.input.range)
  }

  /// A value that holds JSON as text or, in an encoding, as bytes.
  private func jsonText(
    _ bound: BoundExpression, _ encoding: JSONFunctionCall.Encoding?, range: SourceRange
  ) throws(SQLError) -> BoundExpression {
    if bound.type == .varbinary {
      return try binder.call(SQLJSON.decoded, [bound, .literal(.text((encoding ?? .utf8).rawValue), range)], range: range)
    }
    guard bound.type.isPlainText, encoding == nil else {
      throw SQLError(
        .typeMismatch, "Cannot read input of type \(bound.type) as JSON using formatting JSON" + (encoding.map { " ENCODING \($0.rawValue)" } ?? ""),
        range: range)
    }
    return binder.coerce(bound, to: .varchar)
  }

  /// A value that becomes part of JSON: the result of another JSON function as it is, text of other types that JSON does not have, everything else
  /// by CAST.
  private func jsonValue(_ value: JSONFunctionCall.Value) throws(SQLError) -> BoundExpression {
    let expression = value.expression
    let bound = try bind(expression)
    if case .json = expression.kind, bound.type == .varchar {
      return try binder.call(SQLJSON.text, [bound], range: expression.range)
    }
    if value.isJSON {
      if bound.type == .json { return bound }
      return try binder.call(SQLJSON.formatted, [try jsonText(bound, value.encoding, range: expression.range)], range: expression.range)
    }
    let isForeign = !canCast(from: bound.type, to: .json) && canCast(from: bound.type, to: .varchar)
    return try cast(
      isForeign ? try cast(bound, to: .varchar, isTry: false, range: expression.range) : bound, to: .json, isTry: false, range: expression.range)
  }

  private func jsonResultType(_ name: TypeName?) throws(SQLError) -> SQLType {
    guard let name else { return .varchar }
    return try binder.resolve(name)
  }

  private func jsonResult(
    _ text: BoundExpression, _ returning: JSONFunctionCall.Returning?, range: SourceRange
  ) throws(SQLError) -> BoundExpression {
    let type = try jsonResultType(returning?.type)
    if let encoding = returning?.encoding {
      guard type == .varbinary else {
        throw SQLError(
          .typeMismatch, "Cannot output JSON value as \(type) using formatting JSON ENCODING \(encoding.rawValue)", range: returning?.type.range ?? range)
      }
      return try binder.call(SQLJSON.encoded, [binder.coerce(text, to: .varchar), .literal(.text(encoding.rawValue), range)], range: range)
    }
    if type == .json { return try binder.call(SQLJSON.text, [text], range: range) }
    return try cast(text, to: type, isTry: false, range: range)
  }

  private func pathCall(
    _ name: String, _ path: JSONFunctionCall.PathInvocation, _ input: BoundExpression, options: [String]?, range: SourceRange
  ) throws(SQLError) -> BoundExpression {
    do { try SQLJSON.check(path: path.path.value) } catch { throw SQLError(functionError: error, range: path.path.range) }
    let names = path.passing.map { $0.name.isQuoted ? $0.name.spelling : $0.name.spelling.uppercased() }
    var arguments = [
      input, BoundExpression.literal(.text(path.path.value), path.path.range),
      .literal(.text(names.joined(separator: SQLJSON.separator)), range),
    ]
    if let options { arguments.append(.literal(.text(options.joined(separator: SQLJSON.separator)), range)) }
    for passed in path.passing { arguments.append(try jsonValue(passed.value)) }
    return try binder.call(name, arguments, range: range)
  }

  private func choose(
    _ found: BoundExpression, value: BoundExpression, empty: BoundExpression, failed: BoundExpression, as type: SQLType,
    range: SourceRange
  ) throws(SQLError) -> BoundExpression {
    let status = BoundExpression.field(found, index: 0, type: .integer, range)
    func isStatus(_ wanted: SQLJSON.Status) throws(SQLError) -> BoundExpression {
      try binder.call("=", [status, .literal(.integer(wanted.rawValue), range)], range: range)
    }
    return .caseWhen(
      [
        CaseBranch(condition: try isStatus(.found), result: value),
        CaseBranch(condition: try isStatus(.empty), result: empty),
      ], otherwise: failed, type: type, range)
  }

  private func behaviour(
    _ behaviour: JSONFunctionCall.Behaviour, as type: SQLType, _ message: String, range: SourceRange
  ) throws(SQLError) -> BoundExpression {
    switch behaviour {
    case .error: return try jsonFailure(message, as: type, range: range)
    case .defaultValue(let expression):
      let bound = try bind(expression)
      guard TypeCoercion.canCoerce(from: bound.type, to: type) else {
        throw SQLError(
          .typeMismatch, "Function JSON_VALUE default type \(bound.type) does not match the result type \(type)",
          range: expression.range)
      }
      return binder.coerce(bound, to: type)
    default: return .literal(.null(type), range)
    }
  }

  /// An expression that raises an error when it is evaluated.
  private func jsonFailure(_ message: String, as type: SQLType, range: SourceRange) throws(SQLError) -> BoundExpression {
    binder.coerce(try binder.call(SQLJSON.failure, [.literal(.text(message), range)], range: range), to: type)
  }
}
