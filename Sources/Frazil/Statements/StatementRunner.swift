import Catalogs
import Columnar
import Execution
import Functions
import Planner
import SQLSyntax

/// Runs one statement: a switch over its kinds, with one file per family beside this one.
struct StatementRunner: Sendable {
  let session: Session
  let context: QueryContext
  /// The script that the statement's ranges count in.
  let script: String
  /// Where unqualified names are looked up instead of the session's place.
  var statedPlace: NamePlace?
  /// See `RelationLoader`.
  var viewBeingDefined: TableIdentity?
  /// See `BinderSettings`.
  var parameterTypes: ParameterTypes?
  var notes = BindingNotes()

  var engine: Engine { session.engine }

  func run(_ statement: Statement) async throws -> StatementResult {
    try checkStrict(statement)
    try checkTransaction(statement)
    switch statement.kind {
    case .query(let query): return try await runQuery(query)
    case .explain(let explain): return try await runExplain(explain)
    case .show(let show): return try await runShow(show, range: statement.range)
    case .describe(let describe): return try await runDescribe(describe)
    case .describeSchema(let name, let isExtended): return try await runDescribeSchema(name, isExtended: isExtended)
    case .refresh(let name):
      // Nothing is kept that could be out of date: only the name can be wrong.
      _ = try await entry(name)
      return StatementResult()
    case .describeInput(let name): return try await runDescribeInput(name)
    case .describeOutput(let name): return try await runDescribeOutput(name)
    case .createSchema(let create): return try await runCreateSchema(create)
    case .dropSchema(let drop): return try await runDropSchema(drop)
    case .alterSchema(let name, let action): return try await runAlterSchema(name, action)
    case .alterView(let name, let action): return try await runAlterView(name, action)
    case .comment(let comment): return try await runComment(comment)
    case .createView(let create): return try await runCreateView(create)
    case .dropView(let name, let ifExists): return try await runDropView(name, ifExists: ifExists)
    case .createTable(let create): return try await repeatingOnConflict { try await runCreateTable(create, range: statement.range) }
    case .createTableLike(let like): return try await runCreateTableLike(like, range: statement.range)
    case .insert(let insert): return try await repeatingOnConflict { try await runInsert(insert, range: statement.range) }
    case .delete, .update, .merge: return try await repeatingOnConflict { try await runRowChange(statement) }
    case .truncate(let name): return try await repeatingOnConflict { try await runTruncate(name) }
    case .optimize(let optimize): return try await repeatingOnConflict { try await runOptimize(optimize) }
    case .analyze(let analyze): return try await runAnalyze(analyze)
    case .vacuum(let name): return try await runVacuum(name)
    case .call(let call): return try await runCall(call, range: statement.range)
    case .dropTable(let drop): return try await runDropTable(drop)
    case .alterTable(let alter): return try await runAlterTable(alter, range: statement.range)
    case .repairTable(let name, let mode): return try await runRepair(name, mode)
    case .unload(let unload): return try await runUnload(unload)
    case .use(let name): return try await runUse(name)
    case .prepare(let name, let body):
      switch body.kind {
      case .prepare, .execute, .executeImmediate, .deallocate:
        throw SQLError.notSupported("Invalid statement type for prepared statement: \(body.kindName)", range: body.range)
      default: break
      }
      session.prepare(name.folded, PreparedStatement(statement: body, script: script))
      return StatementResult()
    case .deallocate(let name):
      guard session.deallocate(name.folded) else { throw Self.noPrepared(name) }
      return StatementResult()
    case .execute(let name, let arguments):
      guard let body = session.prepared(name.folded) else { throw Self.noPrepared(name) }
      return try await runPrepared(body, arguments, range: statement.range, place: { _ in "" })
    case .executeImmediate(let text, let arguments): return try await runImmediate(text, arguments)
    case .startTransaction(let mode): return try runStartTransaction(mode)
    case .commit: return try await runCommit(statement.range)
    case .rollback: return try await runRollback(statement.range)
    case .setSession(let name, let value): return try runSetSession(name, value)
    case .resetSession(let name): return try runResetSession(name)
    case .setTimeZone(let zone): return try runSetTimeZone(zone)
    }
  }

  private func runAlterTable(_ alter: AlterTableStatement, range: SourceRange) async throws -> StatementResult {
    switch alter.action {
    case .addPartitions(let additions, let ifNotExists):
      return try await runAddPartitions(additions, to: alter.name, ifNotExists: ifNotExists)
    case .dropPartitions(let specifications, let ifExists, _):
      return try await runDropPartitions(specifications, of: alter.name, ifExists: ifExists)
    case .renamePartition(let old, let new): return try await runRenamePartition(old, to: new, of: alter.name)
    case .setLocation(let location, let partition):
      return try await runSetLocation(location, partition: partition, of: alter.name)
    default: return try await runAlterIceberg(alter, range: range)
    }
  }

  /// Strict mode looks at statements before anything of them happens.
  func checkStrict(_ statement: Statement) throws(SQLError) {
    if session.settings.isStrict { try AthenaRule.check(statement) }
  }

  static func noPrepared(_ name: Identifier) -> SQLError {
    SQLError(.notFound, "Prepared statement not found: \(name.spelling)", range: name.range)
  }

  // MARK: Names

  /// Where unqualified names are looked up.
  var place: NamePlace { statedPlace ?? session.place }

  func binderSettings(parameters: [Scalar] = []) -> BinderSettings {
    var settings = BinderSettings(
      place: place, context: context, decimalLiteralsAreDouble: session.settings.decimalLiteralsAreDouble, positionalParameters: parameters,
      // A view must not depend on what the session that makes it was given.
      namedParameters: viewBeingDefined == nil ? session.parameters.named : [:])
    settings.parameterTypes = parameterTypes
    settings.comparesExtremes = !session.settings.disabledRules.contains(OptimizerRule.quantifiedComparison.rawValue)
    settings.isStrict = session.settings.isStrict
    settings.maxGroupingSets = session.settings.maxGroupingSets
    settings.notes = notes
    return settings
  }

  /// Catalog, database and table of a name of up to three parts.
  func resolve(_ name: QualifiedName) throws(SQLError) -> (catalog: any Catalog, database: String, table: String) {
    guard name.parts.count <= 3 else {
      throw SQLError(.syntaxError, "Too many parts in table name: \(name.spelling)", range: name.range)
    }
    do throws(SQLError) { return try engine.resolve(name.parts.map(\.folded), in: place) } catch { throw error.located(at: name.range) }
  }

  /// The database that a name of one or two parts means.
  func resolveDatabase(_ name: QualifiedName) throws(SQLError) -> (catalog: any Catalog, database: String) {
    guard name.parts.count <= 2 else {
      throw SQLError(.syntaxError, "Too many parts in database name: \(name.spelling)", range: name.range)
    }
    do throws(SQLError) {
      let catalog = try engine.catalog(named: name.parts.count == 2 ? name.parts[0].folded : place.catalog)
      return (catalog, name.last.folded)
    } catch { throw error.located(at: name.range) }
  }

  // MARK: Small results

  /// A result of text columns that is known already.
  func textResult(_ columns: [String], _ rows: [[String?]], isLaidOut: Bool = false) -> StatementResult {
    let builders = columns.map { _ in ColumnBuilder(type: .varchar, capacity: rows.count) }
    for row in rows {
      for (builder, value) in zip(builders, row) {
        if let value { builder.append(text: value) } else { builder.appendNull() }
      }
    }
    let shown = columns.map { ResultColumn(name: $0, type: "varchar", isLaidOut: isLaidOut) }
    let batch = Batch(columns: builders.map { $0.finish() }, count: rows.count)
    return StatementResult(columns: shown, rows: .of(rows.isEmpty ? [] : [ResultBatch(batch, columns: shown)]))
  }
}
