/// One statement and where it stands in the script, without the `;` that ends it.
package struct Statement: Sendable, Hashable {
  package var kind: StatementKind
  @NotCompared package var range: SourceRange
  /// How many `?` it has.
  @NotCompared package var parameterCount: Int

  package init(_ kind: StatementKind, range: SourceRange = .unknown, parameterCount: Int = 0) {
    self.kind = kind
    self.range = range
    self.parameterCount = parameterCount
  }
}

package indirect enum StatementKind: Sendable, Hashable {
  case query(Query)

  // Data
  case insert(InsertStatement)
  case update(UpdateStatement)
  case delete(DeleteStatement)
  case merge(MergeStatement)
  case truncate(QualifiedName)
  case unload(UnloadStatement)

  // Maintenance
  case optimize(OptimizeStatement)
  case vacuum(QualifiedName)
  case analyze(AnalyzeStatement)
  case repairTable(QualifiedName, RepairMode?)
  case call(CallStatement)

  // Definitions
  case createTable(CreateTableStatement)
  case createTableLike(CreateTableLikeStatement)
  case createView(CreateViewStatement)
  case createSchema(CreateSchemaStatement)
  case alterTable(AlterTableStatement)
  case alterView(QualifiedName, AlterViewAction)
  case alterSchema(QualifiedName, AlterSchemaAction)
  case dropTable(DropTableStatement)
  case dropView(QualifiedName, ifExists: Bool)
  case dropSchema(DropSchemaStatement)
  case comment(CommentStatement)

  // Looking around
  case show(ShowStatement)
  case describe(DescribeStatement)
  case describeSchema(QualifiedName, isExtended: Bool)
  case describeInput(Identifier)
  case describeOutput(Identifier)
  case explain(ExplainStatement)
  /// Spark's REFRESH TABLE, which empties a cache.
  case refresh(QualifiedName)

  // Session
  case prepare(Identifier, Statement)
  case execute(Identifier, [Expression])
  case executeImmediate(StringLiteral, [Expression])
  case deallocate(Identifier)
  /// `SET [SESSION] name = value`; Spark's property names may be dotted.
  case setSession(QualifiedName, Expression)
  case resetSession(QualifiedName)
  /// `SET TIME ZONE LOCAL` has no value.
  case setTimeZone(Expression?)
  case use(QualifiedName)
  case startTransaction(TransactionMode)
  case commit
  case rollback
}

extension Statement {
  /// What the statement is called in messages: `MERGE`, `ALTER TABLE ... ADD COLUMNS`.
  package var kindName: String {
    switch kind {
    case .query(let query):
      switch query.body.kind {
      case .values: "VALUES"
      case .table: "TABLE"
      case .select, .setOperation, .parenthesized: "SELECT"
      }
    case .insert(let insert): insert.isOverwrite ? "INSERT OVERWRITE" : "INSERT"
    case .update: "UPDATE"
    case .delete: "DELETE"
    case .merge: "MERGE"
    case .truncate: "TRUNCATE TABLE"
    case .unload: "UNLOAD"
    case .optimize: "OPTIMIZE"
    case .vacuum: "VACUUM"
    case .analyze: "ANALYZE"
    case .repairTable: "MSCK REPAIR TABLE"
    case .call: "CALL"
    case .createTable(let create):
      switch (create.mode, create.query) {
      case (.create, nil): create.isExternal ? "CREATE EXTERNAL TABLE" : "CREATE TABLE"
      case (let mode, nil): "\(mode.rawValue) TABLE"
      case (let mode, _): "\(mode.rawValue) TABLE AS"
      }
    case .createTableLike: "CREATE TABLE LIKE"
    case .createView(let create): create.orReplace ? "CREATE OR REPLACE VIEW" : "CREATE VIEW"
    case .createSchema: "CREATE SCHEMA"
    case .alterTable(let alter): "ALTER TABLE ... \(alter.action.kindName)"
    case .alterView: "ALTER VIEW"
    case .alterSchema: "ALTER SCHEMA"
    case .dropTable: "DROP TABLE"
    case .dropView: "DROP VIEW"
    case .dropSchema: "DROP SCHEMA"
    case .comment(let comment): "COMMENT ON \(comment.target.rawValue)"
    case .show(let show): "SHOW \(show.kindName)"
    case .describe: "DESCRIBE"
    case .describeSchema: "DESCRIBE DATABASE"
    case .refresh: "REFRESH TABLE"
    case .describeInput: "DESCRIBE INPUT"
    case .describeOutput: "DESCRIBE OUTPUT"
    case .explain(let explain): explain.isAnalyze ? "EXPLAIN ANALYZE" : "EXPLAIN"
    case .prepare: "PREPARE"
    case .execute: "EXECUTE"
    case .executeImmediate: "EXECUTE IMMEDIATE"
    case .deallocate: "DEALLOCATE PREPARE"
    case .setSession: "SET SESSION"
    case .resetSession: "RESET SESSION"
    case .setTimeZone: "SET TIME ZONE"
    case .use: "USE"
    case .startTransaction: "START TRANSACTION"
    case .commit: "COMMIT"
    case .rollback: "ROLLBACK"
    }
  }
}

extension ShowStatement {
  var kindName: String {
    switch self {
    case .catalogs: "CATALOGS"
    case .schemas: "DATABASES"
    case .tables: "TABLES"
    case .views: "VIEWS"
    case .tableExtended: "TABLE EXTENDED"
    case .columns: "COLUMNS"
    case .createTable: "CREATE TABLE"
    case .createView: "CREATE VIEW"
    case .createSchema: "CREATE SCHEMA"
    case .tableProperties: "TBLPROPERTIES"
    case .partitions: "PARTITIONS"
    case .functions: "FUNCTIONS"
    case .session: "SESSION"
    case .statistics: "STATS"
    case .roles(let isCurrent, _): isCurrent ? "CURRENT ROLES" : "ROLES"
    case .roleGrants: "ROLE GRANTS"
    case .grants: "GRANTS"
    }
  }
}

extension AlterTableAction {
  var kindName: String {
    switch self {
    case .rename: "RENAME TO"
    case .addColumns: "ADD COLUMNS"
    case .dropColumns: "DROP COLUMN"
    case .replaceColumns: "REPLACE COLUMNS"
    case .changeColumn: "CHANGE COLUMN"
    case .renameColumn: "RENAME COLUMN"
    case .alterColumn: "ALTER COLUMN"
    case .setProperties: "SET TBLPROPERTIES"
    case .unsetProperties: "UNSET TBLPROPERTIES"
    case .setExpressionProperties: "SET PROPERTIES"
    case .setSerDeProperties: "SET SERDEPROPERTIES"
    case .setLocation: "SET LOCATION"
    case .addPartitions: "ADD PARTITION"
    case .dropPartitions: "DROP PARTITION"
    case .renamePartition: "PARTITION ... RENAME TO PARTITION"
    case .addPartitionField: "ADD PARTITION FIELD"
    case .dropPartitionField: "DROP PARTITION FIELD"
    case .replacePartitionField: "REPLACE PARTITION FIELD"
    case .writeOrder: "WRITE"
    case .setIdentifierFields: "SET IDENTIFIER FIELDS"
    case .dropIdentifierFields: "DROP IDENTIFIER FIELDS"
    case .createReference(let definition): "\(definition.mode.rawValue) \(definition.kind.rawValue)"
    case .dropReference(let kind, _, _): "DROP \(kind.rawValue)"
    case .execute: "EXECUTE"
    }
  }
}
