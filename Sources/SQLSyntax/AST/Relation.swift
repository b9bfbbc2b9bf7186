/// What can stand in FROM.
package struct Relation: Sendable, Hashable {
  package var kind: RelationKind
  @NotCompared package var range: SourceRange

  package init(_ kind: RelationKind, range: SourceRange = .unknown) {
    self.kind = kind
    self.range = range
  }
}

package indirect enum RelationKind: Sendable, Hashable {
  case table(TableReference)
  case subquery(Query)
  case lateral(Query)
  /// `UNNEST(a, b) [WITH ORDINALITY]`; may look at the relations to its left.
  case unnest([Expression], withOrdinality: Bool)
  case function(TableFunctionCall)
  case join(JoinClause)
  /// `relation [AS] name [(columns)]`
  case aliased(Relation, TableAlias)
  case sampled(Relation, SampleClause)
  case pivot(Relation, PivotClause)
  case unpivot(Relation, UnpivotClause)
  /// Kept as text: refused by the engine, with this node's range.
  case matchRecognize(Relation, RawText)
  /// May look at the relations to its left.
  case jsonTable(JSONTableClause)
}

/// The text between two matching parentheses of a construct that is recognised but not analysed.
package struct RawText: Sendable, Hashable {
  package var text: String
  @NotCompared package var range: SourceRange
}

/// A table or view, or a metadata table (`"t$snapshots"`, `db.t.files`), possibly as of some time.
package struct TableReference: Sendable, Hashable {
  package var name: QualifiedName
  package var timeTravel: TimeTravelClause?

  package init(name: QualifiedName, timeTravel: TimeTravelClause? = nil) {
    self.name = name
    self.timeTravel = timeTravel
  }
}

/// `FOR TIMESTAMP | VERSION AS OF e`, with Spark's forms (`VERSION AS OF 'branch'`, `FOR SYSTEM_TIME AS OF`) read as the same.
package struct TimeTravelClause: Sendable, Hashable {
  package enum Unit: String, Sendable, Hashable, CaseIterable {
    case timestamp = "TIMESTAMP"
    case version = "VERSION"
  }

  package var unit: Unit
  package var value: Expression
  /// Without FOR: Spark's form, which takes strings and epoch seconds as timestamps.
  package var isSparkForm: Bool
  /// SYSTEM_TIME or SYSTEM_VERSION: what Athena's engine version 2 and Spark call them.
  @NotCompared package var hasSystemName: Bool
  @NotCompared package var range: SourceRange
}

package struct TableAlias: Sendable, Hashable {
  package var name: Identifier
  package var columns: [Identifier]
  @NotCompared package var range: SourceRange
}

package struct JoinClause: Sendable, Hashable {
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    case cross = "CROSS JOIN"
    case inner = "JOIN"
    case left = "LEFT JOIN"
    case right = "RIGHT JOIN"
    case full = "FULL JOIN"
  }

  package var kind: Kind
  package var left: Relation
  package var right: Relation
  /// Nil for a cross join only.
  package var condition: JoinCondition?
}

package enum JoinCondition: Sendable, Hashable {
  case on(Expression)
  case using([Identifier])
  case natural
}

package struct SampleClause: Sendable, Hashable {
  package enum Method: String, Sendable, Hashable, CaseIterable {
    case bernoulli = "BERNOULLI"
    case system = "SYSTEM"
  }

  package var method: Method
  /// 0 ... 100
  package var percentage: Expression
}

/// `read_csv('…', header => true)`, or Trino's `TABLE(fn(…))`.
package struct TableFunctionCall: Sendable, Hashable {
  package var name: QualifiedName
  package var arguments: [TableFunctionArgument]
  /// Written inside `TABLE( … )`.
  package var isWrapped: Bool
  /// `iceberg_table('…') FOR VERSION AS OF 7`; never of a wrapped call.
  package var timeTravel: TimeTravelClause?
}

package struct TableFunctionArgument: Sendable, Hashable {
  package enum Value: Sendable, Hashable {
    case expression(Expression)
    /// `TABLE(name)` or `TABLE(query)`
    case table(Relation)
    /// `DESCRIPTOR(a, b)`
    case descriptor([Identifier])
  }

  package var name: Identifier?
  package var value: Value
  @NotCompared package var range: SourceRange
}

/// `PIVOT (aggregates FOR columns IN (…) [GROUP BY …])`
package struct PivotClause: Sendable, Hashable {
  package var aggregates: [PivotAggregate]
  /// `FOR c`, or `FOR (c, d)`; then the values are rows of that many elements.
  package var columns: [QualifiedName]
  package var values: PivotValues
  /// Written inside the parentheses as DuckDB has it; empty without the clause: group by every other column.
  package var groupBy: [Expression]
  @NotCompared package var range: SourceRange
}

package struct PivotAggregate: Sendable, Hashable {
  package var call: Expression
  package var alias: Identifier?
}

package enum PivotValues: Sendable, Hashable {
  case list([PivotValue])
  /// `IN (ANY [ORDER BY …])`: the values found in the data.
  case any(orderBy: [OrderItem])
  /// `IN (SELECT …)`
  case query(Query)
}

package struct PivotValue: Sendable, Hashable {
  package var value: Expression
  package var alias: Identifier?
}

/// `UNPIVOT [INCLUDE | EXCLUDE NULLS] (value FOR name IN (a AS 'x', (b, c), …))`
package struct UnpivotClause: Sendable, Hashable {
  package var includesNulls: Bool
  package var valueColumns: [Identifier]
  package var nameColumn: Identifier
  package var sources: [UnpivotSource]
  @NotCompared package var range: SourceRange
}

package struct UnpivotSource: Sendable, Hashable {
  package var columns: [QualifiedName]
  /// What to write into the name column instead of the column's name: an identifier's spelling or a text.
  package var label: StringLiteral?
}
