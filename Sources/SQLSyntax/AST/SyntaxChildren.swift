/// What stands directly below a piece of syntax: enough to find every name of a table in a statement.
package enum SyntaxChild {
  case expression(Expression)
  case query(Query)
}

extension Expression {
  /// The expressions and queries directly inside this one.
  package func forEachChild<Failure: Error>(_ body: (SyntaxChild) throws(Failure) -> Void) throws(Failure) {
    func all(_ expressions: [Expression]) throws(Failure) {
      for expression in expressions { try body(.expression(expression)) }
    }
    func items(_ list: [OrderItem]) throws(Failure) { for item in list { try body(.expression(item.expression)) } }
    switch kind {
    case .null, .boolean, .number, .string, .bytes, .typedLiteral, .interval, .parameter, .name, .special: break
    case .field(let base, _): try body(.expression(base))
    case .element(let base, let index): try all([base, index])
    case .unary(_, let operand), .not(let operand), .isNull(let operand, _), .extract(_, let operand):
      try body(.expression(operand))
    case .binary(_, let left, let right, _), .comparison(_, let left, let right, _), .isDistinct(let left, let right, _),
      .atTimeZone(let left, let right):
      try all([left, right])
    case .logical(_, let terms), .array(let terms), .grouping(let terms): try all(terms)
    case .between(let between): try all([between.value, between.lower, between.upper])
    case .like(let like): try all([like.value, like.pattern] + (like.escape.map { [$0] } ?? []))
    case .inList(let value, let list, _): try all([value] + list)
    case .inQuery(let value, let query, _), .quantified(_, let value, _, let query):
      try body(.expression(value))
      try body(.query(query))
    case .exists(let query), .subquery(let query): try body(.query(query))
    case .row(let elements): try all(elements.map(\.value))
    case .function(let call):
      try all(call.arguments.map(\.value))
      try items(call.orderBy)
      try items(call.withinGroup)
      if let filter = call.filter { try body(.expression(filter)) }
      if case .specification(let window)? = call.over {
        try all(window.partitionBy)
        try items(window.orderBy)
      }
    case .cast(let cast): try body(.expression(cast.value))
    case .caseExpression(let branches):
      if let operand = branches.operand { try body(.expression(operand)) }
      for branch in branches.branches { try all([branch.condition, branch.result]) }
      if let otherwise = branches.otherwise { try body(.expression(otherwise)) }
    case .lambda(let lambda): try body(.expression(lambda.body))
    case .json(let call): try all(call.expressions)
    }
  }
}

extension JSONFunctionCall {
  /// Every expression of the call.
  var expressions: [Expression] {
    func defaults(_ behaviours: Behaviour?...) -> [Expression] {
      behaviours.compactMap { if case .defaultValue(let expression)? = $0 { expression } else { nil } }
    }
    switch self {
    case .exists(let path, _): return path.expressions
    case .value(let path, _, let onEmpty, let onError): return path.expressions + defaults(onEmpty, onError)
    case .query(let path, _, _, _, let onEmpty, let onError): return path.expressions + defaults(onEmpty, onError)
    case .object(let members, _, _, _): return members.flatMap { [$0.key, $0.value.expression] }
    case .array(let elements, _, _): return elements.map(\.expression)
    case .items(let path, _): return path.expressions
    }
  }
}

extension JSONFunctionCall.PathInvocation {
  var expressions: [Expression] { [input] + passing.map(\.value.expression) }
}

extension JSONTableClause {
  /// Every expression of the clause.
  package var expressions: [Expression] { path.expressions + columns.flatMap(\.expressions) }
}

extension JSONTableColumn {
  fileprivate var expressions: [Expression] {
    switch self {
    case .ordinality: []
    case .value(_, _, _, let onEmpty, let onError), .query(_, _, _, _, _, let onEmpty, let onError):
      [onEmpty, onError].compactMap { if case .defaultValue(let expression)? = $0 { expression } else { nil } }
    case .nested(_, _, let columns): columns.flatMap(\.expressions)
    }
  }
}
