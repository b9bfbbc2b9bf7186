/// `JSON_TABLE(input, 'path' [AS name] [PASSING …] COLUMNS (…) [PLAN …] [ERROR | EMPTY ON ERROR])`: a row for each item that a path finds.
package struct JSONTableClause: Sendable, Hashable {
  package enum ErrorBehaviour: String, Sendable, Hashable, CaseIterable {
    case error = "ERROR"
    case empty = "EMPTY"
  }

  package var path: JSONFunctionCall.PathInvocation
  /// What PLAN calls the path.
  package var pathName: Identifier?
  package var columns: [JSONTableColumn]
  package var plan: JSONTablePlan?
  package var onError: ErrorBehaviour?
}

package indirect enum JSONTableColumn: Sendable, Hashable {
  /// `name FOR ORDINALITY`: the number of the item, from 1.
  case ordinality(Identifier)
  /// `name type [PATH 'path'] …`, as JSON_VALUE reads it.
  case value(
    Identifier, TypeName, path: StringLiteral?, onEmpty: JSONFunctionCall.Behaviour?, onError: JSONFunctionCall.Behaviour?)
  /// `name type FORMAT JSON [PATH 'path'] …`, as JSON_QUERY reads it.
  case query(
    Identifier, TypeName, path: StringLiteral?, wrapper: JSONFunctionCall.Wrapper?, quotes: JSONFunctionCall.Quotes?,
    onEmpty: JSONFunctionCall.Behaviour?, onError: JSONFunctionCall.Behaviour?)
  /// `NESTED [PATH] 'path' [AS name] COLUMNS (…)`: rows for each item that the path finds within an item.
  case nested(path: StringLiteral, name: Identifier?, columns: [JSONTableColumn])
}

/// How rows of nested paths come together with those of the path above them and of their siblings.
package indirect enum JSONTablePlan: Sendable, Hashable {
  package enum Joining: String, Sendable, Hashable, CaseIterable {
    case outer = "OUTER"
    case inner = "INNER"
  }

  package enum Combination: String, Sendable, Hashable, CaseIterable {
    case union = "UNION"
    case cross = "CROSS"
  }

  /// `DEFAULT (OUTER, UNION)`: the same everywhere.
  case everywhere(Joining?, Combination?)
  case path(Identifier)
  /// `parent OUTER | INNER nested`
  case nested(Identifier, Joining, JSONTablePlan)
  /// `a UNION b UNION c`, at least two.
  case siblings(Combination, [JSONTablePlan])
}
