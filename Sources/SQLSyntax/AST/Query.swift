/// A whole query: `[WITH …] body [ORDER BY …] [OFFSET …] [LIMIT … | FETCH …]`.
package struct Query: Sendable, Hashable {
  package var with: WithClause?
  package var body: QueryBody
  package var orderBy: [OrderItem]
  /// Number of rows to skip: a literal or a parameter.
  package var offset: Expression?
  package var limit: LimitClause?
  @NotCompared package var range: SourceRange

  package init(
    with: WithClause? = nil, body: QueryBody, orderBy: [OrderItem] = [], offset: Expression? = nil,
    limit: LimitClause? = nil, range: SourceRange = .unknown
  ) {
    self.with = with
    self.body = body
    self.orderBy = orderBy
    self.offset = offset
    self.limit = limit
    self.range = range
  }
}

/// `WITH [RECURSIVE] name [(columns)] AS (query), …`
package struct WithClause: Sendable, Hashable {
  package var isRecursive: Bool
  package var tables: [CommonTable]
  @NotCompared package var range: SourceRange
}

package struct CommonTable: Sendable, Hashable {
  package var name: Identifier
  package var columns: [Identifier]
  package var query: Query
  @NotCompared package var range: SourceRange
}

package indirect enum LimitClause: Sendable, Hashable {
  /// `LIMIT ALL`
  case all
  case rows(Expression)
  /// `FETCH FIRST [n] ROWS ONLY | WITH TIES`; one row without a number.
  case fetch(Expression?, withTies: Bool)
}

package struct QueryBody: Sendable, Hashable {
  package var kind: QueryBodyKind
  @NotCompared package var range: SourceRange

  package init(_ kind: QueryBodyKind, range: SourceRange = .unknown) {
    self.kind = kind
    self.range = range
  }
}

package indirect enum QueryBodyKind: Sendable, Hashable {
  case select(SelectClause)
  /// Each element is a row: a `.row` expression has one column per element, anything else is a row of one column.
  case values([Expression])
  /// `TABLE name`
  case table(QualifiedName)
  case setOperation(SetOperationClause)
  /// `( query )`
  case parenthesized(Query)
}

/// `a UNION ALL b UNION ALL c` is one node with three operands, applied from left to right. At least two.
package struct SetOperationClause: Sendable, Hashable {
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    case union = "UNION"
    case intersect = "INTERSECT"
    case except = "EXCEPT"
  }

  package var kind: Kind
  /// DISTINCT unless ALL is written.
  package var quantifier: SetQuantifier
  package var operands: [QueryBody]
  /// Match columns by name instead of by position (`CORRESPONDING`).
  package var isCorresponding: Bool
}

package struct SelectClause: Sendable, Hashable {
  package var quantifier: SetQuantifier?
  package var items: [SelectItem]
  /// The comma-separated relations; empty without FROM. Commas are cross joins; later ones may look back when lateral.
  package var from: [Relation]
  package var filter: Expression?
  package var groupBy: GroupByClause?
  package var having: Expression?
  package var windows: [NamedWindow]
  package var qualify: Expression?

  package init(
    quantifier: SetQuantifier? = nil, items: [SelectItem], from: [Relation] = [], filter: Expression? = nil,
    groupBy: GroupByClause? = nil, having: Expression? = nil, windows: [NamedWindow] = [], qualify: Expression? = nil
  ) {
    self.quantifier = quantifier
    self.items = items
    self.from = from
    self.filter = filter
    self.groupBy = groupBy
    self.having = having
    self.windows = windows
    self.qualify = qualify
  }
}

package struct SelectItem: Sendable, Hashable {
  package var kind: SelectItemKind
  @NotCompared package var range: SourceRange

  package init(_ kind: SelectItemKind, range: SourceRange = .unknown) {
    self.kind = kind
    self.range = range
  }
}

package enum SelectItemKind: Sendable, Hashable {
  case expression(Expression, alias: Identifier?)
  /// `*`, or `target.* [AS (a, b)]` where the target is a relation name, a row column or a row expression.
  /// `(r).*` means the row column r and `r.*` the relation r; the item's range then begins before the target's.
  case allColumns(of: Expression?, aliases: [Identifier])
}

/// `GROUP BY [ALL | DISTINCT] element, …`; the result has the cross product of the elements' grouping sets.
package struct GroupByClause: Sendable, Hashable {
  package var quantifier: SetQuantifier?
  package var elements: [GroupingElement]
  @NotCompared package var range: SourceRange
}

package enum GroupingElement: Sendable, Hashable {
  /// One expression or ordinal, or `(a, b)` and `()` as a set.
  case simple([Expression])
  case rollup([[Expression]])
  case cube([[Expression]])
  case groupingSets([GroupingElement])
}
