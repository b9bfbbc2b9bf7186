import Catalogs
import Columnar
import Functions
import Planner
public import SQLSyntax
import Synchronization

/// One conversation with an engine. Statements of a session run one after the other.
public final class Session: Sendable {
  public let engine: Engine
  private let state: Mutex<State>

  struct State: Sendable {
    var place: NamePlace
    var prepared: [String: PreparedStatement] = [:]
    var settings: SessionSettings
    /// By name; they end with the session.
    var temporaryViews: [String: ViewDefinition] = [:]
    /// Of the statement that runs now.
    var context: QueryContext?
    var transaction: Transaction?
    var parameters = ParameterValues()
  }

  init(_ engine: Engine) {
    self.engine = engine
    state = Mutex(
      State(
        place: NamePlace(catalog: CatalogRegistry.standardName, database: engine.configuration.database.lowercased()),
        settings: SessionSettings(engine.configuration)))
  }

  /// A transaction that nobody can end any more is rolled back.
  deinit {
    if let transaction = state.withLock({ $0.transaction }) { Task { await transaction.rollBack() } }
  }

  /// The statements of a script in order. A script runs up to its first mistake: the last one may be no statement, which running it says.
  public func statements(in script: String) -> [ScriptStatement] {
    ScriptStatement.all(in: script)
  }

  /// Whether a text at a prompt is finished: it ends in `;` outside quotes and comments.
  public func isComplete(_ text: String) -> Bool { ScriptSplitter.isComplete(text) }

  /// Runs exactly one statement. Queries start here and run while their rows are read; everything else is done when this returns.
  public func run(_ sql: String) async throws(SQLError) -> StatementResult {
    try await run(try ScriptStatement.only(in: sql))
  }

  /// Runs one statement of a script.
  public func run(_ statement: ScriptStatement) async throws(SQLError) -> StatementResult {
    let parsed: Statement
    switch statement.content {
    case .statement(let content): parsed = content
    case .mistake(let mistake): throw mistake
    }
    let context = engine.makeContext(settings)
    state.withLock { $0.context = context }
    let runner = StatementRunner(session: self, context: context, script: statement.script)
    let transaction = transaction
    let outcome: Result<StatementResult, SQLError> = await withTaskCancellationHandler {
      do {
        let result = try await runner.runWithSessionParameters(parsed).adding(notes: runner.notes.take())
        return .success(engine.overlay == nil ? result : result.adding(notes: engine.overlayNotices.take()))
      } catch {
        return .failure(SQLError(wrapping: error).located(at: statement.range))
      }
    } onCancel: {
      context.cancellation.cancel()
    }
    guard let transaction else { return try outcome.get() }
    // As in Trino, a transaction is lost with the first statement that fails in it, be it while its rows are read.
    switch outcome {
    case .success(let result):
      let rows = result.rows.mapErrors { error in
        transaction.abort()
        return error
      }
      return StatementResult(columns: result.columns, rows: rows, rowsAffected: result.rowsAffected, notes: result.notes)
    case .failure(let error):
      transaction.abort()
      throw error
    }
  }

  // MARK: Transactions

  /// How the session's transaction stands.
  public enum TransactionState: Sendable {
    case none
    case open
    /// A statement in it has failed: only ROLLBACK is accepted.
    case aborted
  }

  public var transactionState: TransactionState {
    guard let transaction else { return .none }
    return transaction.isAborted ? .aborted : .open
  }

  /// Ends the session: a transaction that is open is rolled back.
  ///
  /// - Returns: whether there was one.
  @discardableResult
  public func close() async -> Bool {
    let open = state.withLock { state in
      defer { state.transaction = nil }
      return state.transaction
    }
    await open?.rollBack()
    return open != nil
  }

  var transaction: Transaction? { state.withLock { $0.transaction } }
  func setTransaction(_ transaction: Transaction?) { state.withLock { $0.transaction = transaction } }

  // MARK: Parameters

  /// Values for `:name` and `?` in the statements that follow, until others are given.
  ///
  /// - Throws: for a value that looks like a literal and is none (`DATE 'x'`).
  public func setParameters(_ parameters: StatementParameters) throws(SQLError) {
    let runner = StatementRunner(session: self, context: engine.makeContext(settings), script: "")
    let values = try ParameterValues(parameters, binder: Binder(relations: ResolvedRelations(), settings: runner.binderSettings()))
    state.withLock { $0.parameters = values }
  }

  var parameters: ParameterValues { state.withLock { $0.parameters } }

  /// Words that a prompt can complete: of the language, functions, databases, and the tables of the current database.
  package func completionWords() async -> [String] {
    var words = Set(Keyword.allCases.map(\.rawValue))
    words.formUnion(FunctionLibrary.standard.listing.map(\.name))
    // A catalog that cannot be read completes nothing; the next statement says why.
    words.formUnion(engine.catalogs.shownNames)
    if let catalog = engine.catalogs[place.catalog] {
      if let databases = try? await catalog.databases() { words.formUnion(databases.map(\.name)) }
      if let tables = try? await catalog.listing(in: database) { words.formUnion(tables.map(\.name)) }
    }
    return words.sorted()
  }

  /// Stops the running statement; it fails with USER_CANCELED.
  public func cancel() { state.withLock { $0.context?.cancellation.cancel() } }

  /// How far the running (or last) statement is.
  public var progress: Progress {
    let counters = state.withLock { $0.context?.progress }
    let splitsDone = counters?.splitsDone.load(ordering: .relaxed) ?? 0
    let files = counters?.filesPlanned.load(ordering: .relaxed) ?? 0
    return Progress(
      splitsDone: splitsDone,
      splitsTotal: counters?.splitsTotal.load(ordering: .relaxed) ?? 0,
      filesDone: min(files, splitsDone), filesTotal: files,
      fileBytesDone: files > 0 ? counters?.splitBytesDone.load(ordering: .relaxed) ?? 0 : 0,
      fileBytesTotal: counters?.fileBytesPlanned.load(ordering: .relaxed) ?? 0,
      rowsRead: counters?.rowsRead.load(ordering: .relaxed) ?? 0,
      bytesRead: counters?.bytesRead.load(ordering: .relaxed) ?? 0,
      rowsWritten: counters?.rowsWritten.load(ordering: .relaxed) ?? 0,
      bytesSpilled: counters?.bytesSpilled.load(ordering: .relaxed) ?? 0)
  }

  /// The database of unqualified names.
  public var database: String { place.database }

  /// Where unqualified names are looked up.
  var place: NamePlace { state.withLock { $0.place } }
  func use(_ place: NamePlace) { state.withLock { $0.place = place } }
  var settings: SessionSettings { state.withLock { $0.settings } }
  func changeSettings(_ change: (inout SessionSettings) throws(SQLError) -> Void) throws(SQLError) {
    var changed = settings
    try change(&changed)
    let next = changed
    state.withLock { $0.settings = next }
  }
  var temporaryViews: [String: ViewDefinition] { state.withLock { $0.temporaryViews } }
  func define(_ view: ViewDefinition) { state.withLock { $0.temporaryViews[view.name] = view } }
  /// - Returns: whether there was one.
  func dropTemporaryView(_ name: String) -> Bool { state.withLock { $0.temporaryViews.removeValue(forKey: name) != nil } }
  func prepare(_ name: String, _ statement: PreparedStatement) { state.withLock { $0.prepared[name] = statement } }
  func prepared(_ name: String) -> PreparedStatement? { state.withLock { $0.prepared[name] } }
  func deallocate(_ name: String) -> Bool { state.withLock { $0.prepared.removeValue(forKey: name) != nil } }
}
