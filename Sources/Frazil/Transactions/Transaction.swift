import Catalogs
import Columnar
import Connectors
import Iceberg
import SQLSyntax
import Storage
import Synchronization

/// The open transaction of a session: every Iceberg table as it was when it was first touched, and what statements have staged on it.
final class Transaction: Sendable {
  let isReadOnly: Bool
  /// Whether tables that were read must have the same rows still when the transaction commits; else their fixed state is enough.
  private let isSerializable: Bool
  private let engine: Engine
  private let state = Mutex(State())

  private struct State {
    var tables: [TableIdentity: Touched] = [:]
    var isAborted = false
  }

  private struct Touched: Sendable {
    let entry: CatalogTable
    let pointer: CatalogPointer
    let staged: StagedTable
  }

  init(_ mode: TransactionMode, engine: Engine) {
    isReadOnly = mode.isReadOnly ?? false
    isSerializable = mode.isolation == .serializable
    self.engine = engine
  }

  /// Whether a statement has failed: nothing but ROLLBACK helps then.
  var isAborted: Bool { state.withLock { $0.isAborted } }
  func abort() { state.withLock { $0.isAborted = true } }

  // MARK: Tables

  /// The catalog's entry of a table that was touched, with the columns it has by now; nil for others.
  func entry(_ name: String, in database: String, of catalog: any Catalog) -> CatalogTable? {
    guard let touched = state.withLock({ $0.tables[TableIdentity(catalog: catalog.name, database: database, name: name)] }) else { return nil }
    var entry = touched.entry
    if touched.staged.changeCount > 0 { entry.storage.columns = IcebergColumns.catalogColumns(touched.staged.metadata) }
    return entry
  }

  /// An Iceberg table that was touched.
  func staged(_ entry: CatalogTable) -> StagedTable? {
    state.withLock { $0.tables[TableIdentity(entry)]?.staged }
  }

  /// An Iceberg table; touched for the first time, its current state is fixed for the rest of the transaction.
  func touch(_ entry: CatalogTable, _ context: QueryContext) async throws -> StagedTable {
    if let known = staged(entry) { return known }
    if let other = state.withLock({ $0.tables.keys.first { $0.catalog != entry.catalog } }) {
      throw SQLError.notSupported(
        "A transaction cannot have tables of two catalogs: \(other.catalog).\(other.database).\(other.name) and "
          + "\(entry.catalog).\(entry.database).\(entry.name)",
        hint: "COMMIT or ROLLBACK first; no catalog can make changes in another one visible together with its own.")
    }
    let location = try entry.currentMetadata()
    let metadata = try await engine.currentState(entry)
    let pointer = CatalogPointer(engine.catalog(of: entry), database: entry.database, table: entry.name)
    let staged = StagedTable(
      metadata, at: location, pointer, store: engine.store,
      ids: IDSource(seed: context.seed, scope: ["transaction", "\(entry.database).\(entry.name)", location.text]),
      now: { [engine] in engine.now / 1_000 }, engine: IcebergWriter.engine)
    // A statement loads its tables side by side: the first to arrive says which state it is.
    return state.withLock { state in
      let identity = TableIdentity(entry)
      if let known = state.tables[identity] { return known.staged }
      state.tables[identity] = Touched(entry: entry, pointer: pointer, staged: staged)
      return staged
    }
  }

  // MARK: The end

  /// Makes all changes visible, or none; after an error nothing of the transaction is left, unless its outcome is not known.
  func commit(_ context: QueryContext) async throws {
    let tables = touched
    let committer = TransactionCommitter(
      tables.map(\.staged), isSerializable: isSerializable, CatalogPointers(tables.map(\.pointer)),
      isCancelled: { context.cancellation.isCancelled })
    do { try await committer.commit() } catch {
      if error.kind != .commitStateUnknown { await rollBack() }
      throw error
    }
  }

  /// Removes every file that the transaction has written.
  func rollBack() async {
    for table in touched {
      // With a fixed seed the same names come again, for other files.
      engine.footers.forget(table.staged.files.map { Location($0) })
      await table.staged.discard()
    }
  }

  /// In the order of the names, so that transactions meet the same table first.
  private var touched: [Touched] {
    state.withLock { Array($0.tables.values) }.sorted { ($0.entry.database, $0.entry.name) < ($1.entry.database, $1.entry.name) }
  }
}

extension CatalogTable {
  /// The current metadata file of an Iceberg table.
  func currentMetadata() throws -> Location {
    guard let metadataLocation else {
      throw SQLError(.icebergInvalidMetadata, "Table '\(database).\(name)' has no metadata_location")
    }
    return Location(metadataLocation)
  }
}
