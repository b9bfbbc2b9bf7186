/// `INSERT INTO t [(columns)] query`, and Spark's `INSERT OVERWRITE t [PARTITION (k = v)] query`.
package struct InsertStatement: Sendable, Hashable {
  package var table: QualifiedName
  package var isOverwrite: Bool
  package var partition: PartitionSpecification?
  /// Empty: all columns in table order.
  package var columns: [Identifier]
  package var query: Query
}

package struct UpdateStatement: Sendable, Hashable {
  package var table: QualifiedName
  package var alias: Identifier?
  package var assignments: [Assignment]
  package var filter: Expression?
}

package struct DeleteStatement: Sendable, Hashable {
  package var table: QualifiedName
  package var alias: Identifier?
  package var filter: Expression?
}

/// `column = value`. The column may carry the target's name or alias before it.
package struct Assignment: Sendable, Hashable {
  package var target: QualifiedName
  package var value: Expression
  @NotCompared package var range: SourceRange
}

package struct MergeStatement: Sendable, Hashable {
  package var target: QualifiedName
  package var alias: Identifier?
  package var source: Relation
  package var condition: Expression
  /// In text order, which decides; at least one.
  package var clauses: [MergeClause]
}

package struct MergeClause: Sendable, Hashable {
  package enum Match: String, Sendable, Hashable, CaseIterable {
    case matched = "MATCHED"
    /// Also written `NOT MATCHED BY TARGET`.
    case notMatched = "NOT MATCHED"
    case notMatchedBySource = "NOT MATCHED BY SOURCE"
  }

  package enum Action: Sendable, Hashable {
    case update([Assignment])
    /// `UPDATE SET *`: every column from the source column of the same name.
    case updateAll
    case delete
    /// No columns: all of them in table order.
    case insert(columns: [QualifiedName], values: [Expression])
    /// `INSERT *`
    case insertAll
  }

  package var match: Match
  package var condition: Expression?
  package var action: Action
  @NotCompared package var range: SourceRange
}

/// `OPTIMIZE t REWRITE DATA USING BIN_PACK [WHERE e]`
package struct OptimizeStatement: Sendable, Hashable {
  package var table: QualifiedName
  package var filter: Expression?
}

/// `UNLOAD (query) TO 'location' WITH (name = value, …)`
package struct UnloadStatement: Sendable, Hashable {
  package var query: Query
  package var location: StringLiteral
  package var properties: [ExpressionProperty]
}
