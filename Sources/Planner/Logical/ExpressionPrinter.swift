package import Columnar
import Functions
import SQLSyntax

/// Writes bound expressions for EXPLAIN: close to SQL, columns by the names of the input, stable.
package struct ExpressionPrinter {
  private let names: [String]

  /// Names that occur twice get their position: `id#3`.
  package init(_ columns: [OutputColumn]) {
    var counts: [String: Int] = [:]
    for column in columns { counts[column.name, default: 0] += 1 }
    names = columns.enumerated().map { counts[$1.name] == 1 ? $1.name : "\($1.name)#\($0)" }
  }

  private init(names: [String]) { self.names = names }

  package func name(_ index: Int) -> String { names.indices.contains(index) ? names[index] : "#\(index)" }

  package func text(_ expression: BoundExpression) -> String {
    switch expression {
    case .column(let index, _, _): return name(index)
    case .outerColumn(let level, let index, _, _): return "outer(\(level), \(index))"
    case .literal(let scalar, _): return Self.text(scalar)
    case .call(let function, let arguments, _): return call(function.name, arguments)
    case .cast(let operand, let type, let isTry, _):
      return "\(isTry ? "TRY_CAST" : "CAST")(\(text(operand)) AS \(type))"
    case .and(let operands, _): return operands.map(nested).joined(separator: " AND ")
    case .or(let operands, _): return operands.map(nested).joined(separator: " OR ")
    case .not(.isNull(let operand, _), _): return "\(nested(operand)) IS NOT NULL"
    case .not(let operand, _): return "NOT \(nested(operand))"
    case .isNull(let operand, _): return "\(nested(operand)) IS NULL"
    case .caseWhen(let branches, let otherwise, _, _):
      let whens = branches.prefix(Self.listLimit).map { "WHEN \(text($0.condition)) THEN \(text($0.result))" }
      let more = branches.count > Self.listLimit ? " … \(branches.count - Self.listLimit) more" : ""
      return "CASE \(whens.joined(separator: " "))\(more) ELSE \(text(otherwise)) END"
    case .coalesce(let operands, _, _): return "COALESCE(\(list(operands)))"
    case .inList(let value, let items, _): return "\(nested(value)) IN (\(list(items)))"
    case .tryCatch(let operand, _): return "TRY(\(text(operand)))"
    case .makeRow(let operands, _, _): return "ROW(\(list(operands)))"
    case .field(let operand, let index, _, _):
      if case .row(let fields) = operand.type, let name = fields[index].name { return "\(nested(operand)).\(name)" }
      return "\(nested(operand))[\(index + 1)]"
    case .lambda(let lambda, _):
      let parameters = lambda.parameterTypes.indices.map { "p\($0)" }
      let body = ExpressionPrinter(names: parameters + lambda.captures.map(text))
      return "(\(parameters.joined(separator: ", "))) -> \(body.text(lambda.body))"
    }
  }

  package func list(_ expressions: [BoundExpression]) -> String { Self.joined(expressions.map(text)) }

  package func keys(_ keys: [SortKey]) -> String {
    Self.joined(
      keys.map {
        text($0.expression) + ($0.isDescending ? " DESC" : "") + ($0.nullsFirst ? " NULLS FIRST" : "")
      })
  }

  package func aggregate(_ call: AggregateCall) -> String {
    let arguments = call.arguments.isEmpty && call.function.name == "count" ? "*" : list(call.arguments)
    var result = "\(call.function.name)(\(call.isDistinct ? "DISTINCT " : "")\(arguments)"
    if !call.order.isEmpty { result += " ORDER BY \(keys(call.order))" }
    result += ")"
    if let filter = call.filter { result += " FILTER (WHERE \(text(filter)))" }
    return result
  }

  /// Entries of a list that are shown; thousands of columns help nobody.
  package static let listLimit = 40

  package static func joined(_ parts: [String]) -> String {
    if parts.count <= listLimit { return parts.joined(separator: ", ") }
    return parts.prefix(listLimit).joined(separator: ", ") + ", … \(parts.count - listLimit) more"
  }

  private static let symbols: Set<String> = ["+", "-", "*", "/", "%", "||", "=", "<>", "<", "<=", ">", ">="]

  private func call(_ name: String, _ arguments: [BoundExpression]) -> String {
    switch (name, arguments.count) {
    case (_, 2) where Self.symbols.contains(name): return "\(nested(arguments[0])) \(name) \(nested(arguments[1]))"
    case (OperatorName.isDistinctFrom, 2): return "\(nested(arguments[0])) IS DISTINCT FROM \(nested(arguments[1]))"
    case (OperatorName.like, 2): return "\(nested(arguments[0])) LIKE \(nested(arguments[1]))"
    case (OperatorName.negate, 1): return "-\(nested(arguments[0]))"
    case (OperatorName.subscriptElement, 2): return "\(nested(arguments[0]))[\(text(arguments[1]))]"
    case (OperatorName.makeArray, _): return "ARRAY[\(list(arguments))]"
    default: return "\(name)(\(list(arguments)))"
    }
  }

  /// In parentheses where another operator is around.
  private func nested(_ expression: BoundExpression) -> String {
    switch expression {
    case .and, .or, .not, .isNull, .inList: return "(\(text(expression)))"
    case .call(let function, let arguments, _) where arguments.count == 2
      && (Self.symbols.contains(function.name) || function.name == OperatorName.like
        || function.name == OperatorName.isDistinctFrom):
      return "(\(text(expression)))"
    default: return text(expression)
    }
  }

  /// A literal as SQL writes it.
  package static func text(_ scalar: Scalar) -> String {
    switch (scalar.type, scalar.value) {
    case (_, .null): return "NULL"
    case (.boolean, .boolean(let value)): return value ? "true" : "false"
    case (.tinyint, .int(let value)), (.smallint, .int(let value)), (.integer, .int(let value)), (.bigint, .int(let value)):
      return "\(value)"
    case (.double, .double(let value)): return "\(value)"
    case (.varchar, .bytes), (.char, .bytes): return quoted(scalar.text ?? "")
    default: break
    }
    let cast = BoundExpression.cast(.literal(scalar, .unknown), to: .varchar, isTry: false, .unknown)
    if canCast(from: scalar.type, to: .varchar),
      let text = try? ConstantEvaluator(context: QueryContext()).evaluate(cast).text
    {
      return "\(scalar.type) \(quoted(text))"
    }
    return "\(scalar.type)(…)"
  }

  private static func quoted(_ text: String) -> String {
    var result = "'"
    for character in text { result += character == "'" ? "''" : String(character) }
    return result + "'"
  }
}
