/// `ALTER TABLE name action`; the statements of Athena, Hive, Trino and Spark side by side.
package struct AlterTableStatement: Sendable, Hashable {
  package var name: QualifiedName
  /// `ALTER TABLE IF EXISTS`
  package var ifExists: Bool
  package var action: AlterTableAction
}

package indirect enum AlterTableAction: Sendable, Hashable {
  case rename(to: QualifiedName)

  // Columns
  case addColumns([ColumnAddition], ifNotExists: Bool)
  case dropColumns([QualifiedName], ifExists: Bool)
  case replaceColumns([ColumnDefinition])
  /// Hive's `CHANGE [COLUMN] old new type [COMMENT 's'] [FIRST | AFTER c]`
  case changeColumn(ColumnChange)
  case renameColumn(QualifiedName, to: Identifier)
  /// Spark's `ALTER | CHANGE COLUMN c change …` and Trino's `ALTER COLUMN c SET DATA TYPE type`; at least one change.
  case alterColumn(QualifiedName, [ColumnAlteration])

  // Properties and place
  case setProperties([PropertyEntry])
  case unsetProperties([StringLiteral], ifExists: Bool)
  /// Trino's `SET PROPERTIES name = expression, …`
  case setExpressionProperties([ExpressionProperty])
  case setSerDeProperties([PropertyEntry])
  case setLocation(StringLiteral, partition: PartitionSpecification?)

  // Hive partitions
  case addPartitions([PartitionAddition], ifNotExists: Bool)
  case dropPartitions([PartitionSpecification], ifExists: Bool, isPurge: Bool)
  case renamePartition(PartitionSpecification, to: PartitionSpecification)

  // Iceberg partition and sort evolution
  case addPartitionField(PartitionTerm)
  case dropPartitionField(PartitionTerm)
  case replacePartitionField(PartitionTerm, with: PartitionTerm)
  case writeOrder(WriteOrder)
  case setIdentifierFields([QualifiedName])
  case dropIdentifierFields([QualifiedName])

  // Iceberg branches and tags
  case createReference(ReferenceDefinition)
  case dropReference(ReferenceKind, Identifier, ifExists: Bool)

  /// Trino's `EXECUTE optimize(file_size_threshold => '10MB') [WHERE e]`
  case execute(Identifier, [CallArgument], filter: Expression?)
}

package enum ColumnPosition: Sendable, Hashable {
  case first
  case after(Identifier)
}

/// Spark adds fields of structs by path: `ADD COLUMN point.z double`.
package struct ColumnAddition: Sendable, Hashable {
  package var path: QualifiedName
  package var type: TypeName
  package var isNotNull: Bool
  package var defaultValue: Expression?
  package var comment: StringLiteral?
  package var position: ColumnPosition?
  /// `ADD COLUMNS (c int)`, as Hive and Athena want it; not `ADD COLUMN c int`.
  @NotCompared package var isInParentheses: Bool
  @NotCompared package var range: SourceRange
}

package struct ColumnChange: Sendable, Hashable {
  package var column: QualifiedName
  package var newName: Identifier
  package var type: TypeName
  package var comment: StringLiteral?
  package var position: ColumnPosition?
}

package enum ColumnAlteration: Sendable, Hashable {
  case setType(TypeName)
  case setComment(StringLiteral)
  case setPosition(ColumnPosition)
  case setNotNull
  case dropNotNull
  case setDefault(Expression)
  case dropDefault
}

package struct PartitionAddition: Sendable, Hashable {
  package var partition: PartitionSpecification
  package var location: StringLiteral?
}

/// Spark's `WRITE [LOCALLY] ORDERED BY …`, `WRITE UNORDERED`, `WRITE DISTRIBUTED BY PARTITION [LOCALLY ORDERED BY …]`.
package struct WriteOrder: Sendable, Hashable {
  package struct Term: Sendable, Hashable {
    package var term: PartitionTerm
    package var isDescending: Bool
    package var nulls: OrderItem.NullPlacement?
  }

  /// Empty: unordered.
  package var orderedBy: [Term]
  package var isLocal: Bool
  package var isDistributedByPartition: Bool
}

package enum ReferenceKind: String, Sendable, Hashable, CaseIterable {
  case branch = "BRANCH"
  case tag = "TAG"
}

/// `n DAYS | HOURS | MINUTES`
package struct RetentionDuration: Sendable, Hashable {
  package enum Unit: String, Sendable, Hashable, CaseIterable {
    case days = "DAYS"
    case hours = "HOURS"
    case minutes = "MINUTES"
  }

  package var count: NumberLiteral
  package var unit: Unit
}

package struct ReferenceDefinition: Sendable, Hashable {
  package var kind: ReferenceKind
  package var mode: CreateTableStatement.Mode
  package var ifNotExists: Bool
  package var name: Identifier
  /// `AS OF VERSION id`; the current snapshot without it.
  package var version: NumberLiteral?
  package var retain: RetentionDuration?
  /// `WITH SNAPSHOT RETENTION [n SNAPSHOTS] [n DAYS]`, branches only.
  package var minimumSnapshots: NumberLiteral?
  package var snapshotRetention: RetentionDuration?
}
