/// `EXPLAIN [ANALYZE [VERBOSE]] [(FORMAT f, TYPE t)] statement`
package struct ExplainStatement: Sendable, Hashable {
  package enum Format: String, Sendable, Hashable, CaseIterable {
    case text = "TEXT"
    case graphviz = "GRAPHVIZ"
    case json = "JSON"
  }

  package enum PlanType: String, Sendable, Hashable, CaseIterable {
    case logical = "LOGICAL"
    case distributed = "DISTRIBUTED"
    case validate = "VALIDATE"
    case io = "IO"
  }

  package var isAnalyze: Bool
  package var isVerbose: Bool
  package var format: Format?
  package var type: PlanType?
  package var statement: Statement
}

/// `CALL [catalog.]schema.procedure(name => value, …)`
package struct CallStatement: Sendable, Hashable {
  package var name: QualifiedName
  package var arguments: [CallArgument]
}

package enum DescribeStyle: String, Sendable, Hashable, CaseIterable {
  case plain = ""
  case extended = "EXTENDED"
  case formatted = "FORMATTED"
}

/// `DESCRIBE [TABLE] [EXTENDED | FORMATTED] t [column]`
package struct DescribeStatement: Sendable, Hashable {
  package var name: QualifiedName
  package var style: DescribeStyle
  package var column: QualifiedName?
  package var partition: PartitionSpecification?
}

package enum ShowStatement: Sendable, Hashable {
  case catalogs(pattern: StringLiteral?)
  /// DATABASES, SCHEMAS or NAMESPACES
  case schemas(in: Identifier?, pattern: StringLiteral?)
  case tables(in: QualifiedName?, pattern: StringLiteral?)
  case views(in: QualifiedName?, pattern: StringLiteral?)
  /// Spark's `TABLE EXTENDED [IN db] LIKE 'pattern' [PARTITION (…)]`
  case tableExtended(in: QualifiedName?, pattern: StringLiteral, PartitionSpecification?)
  /// `FROM t [FROM db]`: the schema, when given, is already the first part of the name.
  case columns(of: QualifiedName)
  case createTable(QualifiedName)
  case createView(QualifiedName)
  case createSchema(QualifiedName)
  case tableProperties(QualifiedName, key: StringLiteral?)
  case partitions(QualifiedName, PartitionSpecification?)
  case functions(pattern: StringLiteral?)
  case session(pattern: StringLiteral?)
  /// `SHOW STATS FOR t` and `SHOW STATS FOR (query)`
  case statistics(Relation)
  // Privileges: parsed to be refused in words.
  case roles(isCurrent: Bool, in: Identifier?)
  case roleGrants(in: Identifier?)
  case grants(on: QualifiedName?)
}

/// `ANALYZE t [WITH (…)]`, Spark's `ANALYZE TABLE t [PARTITION (…)] COMPUTE STATISTICS [NOSCAN | FOR COLUMNS a, b | FOR ALL COLUMNS]`
package struct AnalyzeStatement: Sendable, Hashable {
  package enum Scope: Sendable, Hashable {
    case table
    case noScan
    case columns([Identifier])
    case allColumns
  }

  package var name: QualifiedName
  package var properties: [ExpressionProperty]
  package var partition: PartitionSpecification?
  package var scope: Scope
}

package enum RepairMode: String, Sendable, Hashable, CaseIterable {
  case add = "ADD"
  case drop = "DROP"
  case sync = "SYNC"
}

/// `START TRANSACTION [READ ONLY | READ WRITE] [, ISOLATION LEVEL …]`, also `BEGIN [TRANSACTION | WORK]`
package struct TransactionMode: Sendable, Hashable {
  package enum Isolation: String, Sendable, Hashable, CaseIterable {
    case readUncommitted = "READ UNCOMMITTED"
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
  }

  package var isReadOnly: Bool?
  package var isolation: Isolation?
}
