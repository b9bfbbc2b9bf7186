/// A column of CREATE TABLE, ADD COLUMNS or REPLACE COLUMNS.
package struct ColumnDefinition: Sendable, Hashable {
  package var name: Identifier
  package var type: TypeName
  package var isNotNull: Bool
  package var defaultValue: Expression?
  package var comment: StringLiteral?
  @NotCompared package var range: SourceRange
}

/// One term of `PARTITIONED BY` or of the partition field statements: a column, or a transform of one.
package struct PartitionTerm: Sendable, Hashable {
  /// `bucket`, `truncate`, `day`, …; nil for a plain name, which is a column or, in DROP and REPLACE, a partition field.
  package var transform: Identifier?
  package var column: QualifiedName
  /// The N of `bucket(N, c)` and `truncate(c, N)`, which is written on either side.
  package var argument: NumberLiteral?
  /// `AS name` of ADD and REPLACE PARTITION FIELD.
  package var alias: Identifier?
  @NotCompared package var range: SourceRange

  package init(transform: Identifier? = nil, column: QualifiedName, argument: NumberLiteral? = nil, alias: Identifier? = nil, range: SourceRange) {
    self.transform = transform
    self.column = column
    self.argument = argument
    self.alias = alias
    self.range = range
  }
}

package enum PartitionElement: Sendable, Hashable {
  /// Hive's form, which declares a new column.
  case column(ColumnDefinition)
  /// Iceberg's form, which uses declared columns.
  case term(PartitionTerm)
}

/// `(k = v, …)`, `(k)` for a dynamic partition, and `(k > v)` in DROP PARTITION.
package struct PartitionSpecification: Sendable, Hashable {
  package struct Entry: Sendable, Hashable {
    package var column: Identifier
    package var comparison: ComparisonOperator
    package var value: Expression?
  }

  package var entries: [Entry]
  @NotCompared package var range: SourceRange
}

/// `CLUSTERED BY (a, b) [SORTED BY (c DESC)] INTO n BUCKETS`
package struct BucketClause: Sendable, Hashable {
  package var columns: [Identifier]
  package var sortedBy: [OrderItem]
  package var bucketCount: NumberLiteral
}

package enum RowFormat: Sendable, Hashable {
  case delimited(DelimitedFormat)
  case serDe(className: StringLiteral, properties: [PropertyEntry])
}

/// `ROW FORMAT DELIMITED …`; backslash escapes (`'\t'`, `'\001'`) are already resolved.
package struct DelimitedFormat: Sendable, Hashable {
  package var fields: StringLiteral?
  package var escape: StringLiteral?
  package var collectionItems: StringLiteral?
  package var mapKeys: StringLiteral?
  package var lines: StringLiteral?
  package var null: StringLiteral?
}

package enum StorageFormat: Sendable, Hashable {
  /// `STORED AS PARQUET`
  case named(Identifier)
  /// `STORED AS INPUTFORMAT 'c' OUTPUTFORMAT 'c'`
  case classes(input: StringLiteral, output: StringLiteral)
  /// `STORED BY 'handler'`
  case handler(StringLiteral)
}

/// CREATE TABLE in all its forms: Athena's Iceberg DDL, Hive external tables, Spark's `USING iceberg`, and CTAS of both families.
package struct CreateTableStatement: Sendable, Hashable {
  package enum Mode: String, Sendable, Hashable, CaseIterable {
    case create = "CREATE"
    case createOrReplace = "CREATE OR REPLACE"
    case replace = "REPLACE"
  }

  package var name: QualifiedName
  package var mode: Mode = .create
  package var isExternal = false
  package var ifNotExists = false
  package var columns: [ColumnDefinition] = []
  /// `CREATE TABLE t (a, b) AS query`: names without types.
  package var columnAliases: [Identifier] = []
  /// Spark's `USING iceberg`; it also decides what the type TIMESTAMP means.
  package var provider: Identifier?
  package var options: [PropertyEntry] = []
  package var comment: StringLiteral?
  package var partitionedBy: [PartitionElement] = []
  package var buckets: BucketClause?
  package var rowFormat: RowFormat?
  package var storedAs: StorageFormat?
  /// `WITH SERDEPROPERTIES` written apart from ROW FORMAT SERDE (after STORED BY).
  package var storageProperties: [PropertyEntry] = []
  package var location: StringLiteral?
  package var tableProperties: [PropertyEntry] = []
  /// Trino's `WITH (name = expression, …)`.
  package var withProperties: [ExpressionProperty] = []
  package var query: Query?
  /// `WITH [NO] DATA`; true when not written.
  package var withData = true
  /// Clauses in the order written, for errors about a clause that does not fit the kind of table.
  @NotCompared package var clauseRanges: [ClauseRange] = []

  package struct ClauseRange: Sendable, Hashable {
    /// The keywords that begin the clause: `ROW FORMAT`, `STORED AS`, `LOCATION`, …
    package var name: String
    package var range: SourceRange
  }

  /// Where a clause stands, by its keywords.
  package func range(ofClause name: String) -> SourceRange? { clauseRanges.first { $0.name == name }?.range }
}

/// `CREATE TABLE t LIKE s`
package struct CreateTableLikeStatement: Sendable, Hashable {
  package var name: QualifiedName
  package var isExternal: Bool
  package var ifNotExists: Bool
  package var source: QualifiedName
  package var location: StringLiteral?
}

package struct CreateViewStatement: Sendable, Hashable {
  package var name: QualifiedName
  package var orReplace: Bool
  package var ifNotExists: Bool
  package var columns: [ViewColumn]
  package var comment: StringLiteral?
  package var security: Security?
  package var tableProperties: [PropertyEntry]
  /// Its range cuts the text to store out of the script.
  package var query: Query

  package enum Security: String, Sendable, Hashable, CaseIterable {
    case definer = "DEFINER"
    case invoker = "INVOKER"
  }
}

extension CreateViewStatement {
  /// What ALTER VIEW … AS query means.
  package init(replacing name: QualifiedName, comment: String?, with query: Query) {
    self.init(
      name: name, orReplace: true, ifNotExists: false, columns: [], comment: comment.map { StringLiteral(value: $0, range: name.range) },
      security: nil, tableProperties: [], query: query)
  }
}

package struct ViewColumn: Sendable, Hashable {
  package var name: Identifier
  package var comment: StringLiteral?
}

package enum AlterViewAction: Sendable, Hashable {
  case rename(to: QualifiedName)
  case setProperties([PropertyEntry])
  case unsetProperties([StringLiteral], ifExists: Bool)
  case replaceQuery(Query)
}

/// `CREATE DATABASE | SCHEMA | NAMESPACE`
package struct CreateSchemaStatement: Sendable, Hashable {
  package var name: QualifiedName
  package var ifNotExists: Bool
  package var comment: StringLiteral?
  package var location: StringLiteral?
  package var properties: [PropertyEntry]
  /// Trino's `WITH (name = expression, …)`.
  package var withProperties: [ExpressionProperty]
}

package enum AlterSchemaAction: Sendable, Hashable {
  case setProperties([PropertyEntry])
  case setLocation(StringLiteral)
  case rename(to: Identifier)
}

package struct DropSchemaStatement: Sendable, Hashable {
  package var name: QualifiedName
  package var ifExists: Bool
  /// RESTRICT is what happens without it.
  package var isCascade: Bool
}

package struct DropTableStatement: Sendable, Hashable {
  package var name: QualifiedName
  package var ifExists: Bool
  package var isPurge: Bool
}

/// `COMMENT ON … IS 'text' | NULL`
package struct CommentStatement: Sendable, Hashable {
  package enum Target: String, Sendable, Hashable, CaseIterable {
    case schema = "SCHEMA"
    case table = "TABLE"
    case view = "VIEW"
    case column = "COLUMN"
  }

  package var target: Target
  package var name: QualifiedName
  /// Nil removes the comment.
  package var comment: StringLiteral?
}
