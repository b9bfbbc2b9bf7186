import Catalogs
import Columnar
import Iceberg
import SQLSyntax
import Storage

/// START TRANSACTION, COMMIT and ROLLBACK, and what may stand between them.
extension StatementRunner {
  var transaction: Transaction? { session.transaction }

  func runStartTransaction(_ mode: TransactionMode) throws -> StatementResult {
    // Every level but SERIALIZABLE is met by states that stay fixed; SERIALIZABLE also looks at what was read.
    session.setTransaction(Transaction(mode, engine: engine))
    return StatementResult()
  }

  func runCommit(_ range: SourceRange) async throws -> StatementResult {
    guard let transaction else { throw Self.notInTransaction(range) }
    // Whatever becomes of it, it is over.
    session.setTransaction(nil)
    return try await located(range) {
      try await transaction.commit(context)
      return StatementResult()
    }
  }

  func runRollback(_ range: SourceRange) async throws -> StatementResult {
    guard let transaction else { throw Self.notInTransaction(range) }
    session.setTransaction(nil)
    await transaction.rollBack()
    return StatementResult()
  }

  private static func notInTransaction(_ range: SourceRange) -> SQLError {
    SQLError(.notInTransaction, "No transaction in progress", range: range, hint: "START TRANSACTION begins one.")
  }

  /// Refuses what cannot be undone, or must not run any more, while a transaction is open.
  func checkTransaction(_ statement: Statement) throws(SQLError) {
    guard let transaction else { return }
    if transaction.isAborted {
      if case .rollback = statement.kind { return }
      throw SQLError(
        .transactionAlreadyAborted, "Current transaction is aborted, commands ignored until end of transaction block",
        range: statement.range, hint: "ROLLBACK ends it; nothing of it is kept.")
    }
    switch statement.transactionRole {
    case .neutral: return
    case .change:
      if transaction.isReadOnly {
        throw SQLError(.readOnlyViolation, "Cannot execute \(statement.kindName) in a read-only transaction", range: statement.range)
      }
    case .nested: throw SQLError.notSupported("Nested transactions not supported", range: statement.range, hint: "COMMIT or ROLLBACK first.")
    case .ownCommit:
      throw SQLError.notSupported(
        "\(statement.kindName) cannot run inside a transaction: it takes effect at once", range: statement.range,
        hint: "COMMIT or ROLLBACK first.")
    }
  }

  /// The state of an Iceberg table that the statement sees: the current one, or that of the open transaction.
  func icebergMetadata(_ entry: CatalogTable) async throws -> TableMetadata {
    try await engine.icebergMetadata(entry, in: transaction, context)
  }
}

extension Engine {
  /// The state of an Iceberg table that a statement sees.
  func icebergMetadata(_ entry: CatalogTable, in transaction: Transaction?, _ context: QueryContext) async throws -> TableMetadata {
    if let transaction { return try await transaction.touch(entry, context).metadata }
    return try await currentState(entry)
  }

  /// The current state of an Iceberg table.
  func currentState(_ entry: CatalogTable) async throws -> TableMetadata {
    if let state = entry.state { return state.metadata }
    return try await TableMetadata.load(try entry.currentMetadata(), from: store)
  }
}

/// What a statement does to an open transaction.
private enum TransactionRole {
  /// Reads, or only changes the session.
  case neutral
  /// Is staged, and takes effect with COMMIT.
  case change
  /// Begins a transaction.
  case nested
  /// Changes the catalog or files at once, which ROLLBACK could not take back.
  case ownCommit
}

extension Statement {
  fileprivate var transactionRole: TransactionRole {
    switch kind {
    case .query, .show, .describe, .describeSchema, .refresh, .describeInput, .describeOutput, .setSession, .resetSession, .setTimeZone, .use, .deallocate, .prepare,
      .execute, .executeImmediate, .commit, .rollback:
      // What is prepared is looked at when it is executed.
      .neutral
    case .explain(let explain): explain.isAnalyze ? explain.statement.transactionRole : .neutral
    case .insert, .delete, .update, .merge, .truncate: .change
    case .alterTable(let alter):
      switch alter.action {
      case .addColumns, .dropColumns, .replaceColumns, .changeColumn, .renameColumn, .alterColumn, .setProperties, .unsetProperties,
        .addPartitionField, .dropPartitionField, .replacePartitionField, .writeOrder, .setIdentifierFields, .dropIdentifierFields,
        .createReference, .dropReference, .setExpressionProperties:
        .change
      case .rename, .setSerDeProperties, .setLocation, .addPartitions, .dropPartitions, .renamePartition, .execute: .ownCommit
      }
    case .createTable(let create) where create.mode != .create: .change
    case .startTransaction: .nested
    case .unload, .optimize, .vacuum, .analyze, .repairTable, .call, .createTable, .createTableLike, .createView, .createSchema, .alterView,
      .alterSchema, .dropTable, .dropView, .dropSchema, .comment:
      .ownCommit
    }
  }
}
