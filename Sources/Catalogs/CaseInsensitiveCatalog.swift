package import Iceberg
package import Storage
import Synchronization

/// A catalog that tells capital from small letters, under names as SQL has them: in small letters.
///
/// What is asked for is tried as it is. Only when there is nothing of that name, the names that there are are looked through for one that differs in
/// capitals alone; its spelling is remembered, and forgotten when there is nothing under it any more. New things get names in small letters.
///
/// - Source: Trino, `iceberg.rest-catalog.case-insensitive-name-matching`.
package struct CaseInsensitiveCatalog: StateKeepingCatalog {
  private struct Place: Hashable {
    var table: String
    var database: String
  }

  private final class Spellings: Sendable {
    let databases = Mutex<[String: String]>([:])
    let tables = Mutex<[Place: Place]>([:])
  }

  private let base: any Catalog
  /// By the name in small letters; only where the two differ.
  private let spellings = Spellings()

  package init(_ base: any Catalog) { self.base = base }

  package var name: String { base.name }
  package var warehouse: String? { base.warehouse }
  package var keeping: (any StateKeepingCatalog)? { base.keeping == nil ? nil : self }

  // MARK: Spellings

  private func spelling(of database: String) -> String { spellings.databases.withLock { $0[database] } ?? database }

  private func spelling(of table: String, in database: String) -> Place {
    spellings.tables.withLock { $0[Place(table: table, database: database)] } ?? Place(table: table, database: spelling(of: database))
  }

  private func remember(_ found: String) {
    let folded = found.lowercased()
    spellings.databases.withLock { $0[folded] = found == folded ? nil : found }
  }

  private func remember(_ found: Place) {
    let folded = Place(table: found.table.lowercased(), database: found.database.lowercased())
    spellings.tables.withLock { $0[folded] = found == folded ? nil : found }
  }

  private func forget(_ table: String, in database: String) {
    spellings.tables.withLock { $0[Place(table: table, database: database)] = nil }
  }

  /// The one of these names that differs from `name` in capitals at most; nil when there is none.
  private func match(_ name: String, _ what: String, among names: [String]) throws(CatalogError) -> String? {
    if names.contains(name) { return name }
    let found = Set(names.filter { $0.lowercased() == name }).sorted()
    guard found.count < 2 else {
      throw CatalogError(
        .refused, "\(what) is ambiguous: catalog '\(self.name)' has \(found.map { "'\($0)'" }.joined(separator: " and ")), which differ in capital letters alone")
    }
    return found.first
  }

  private func findDatabase(_ name: String) async throws(CatalogError) -> String? {
    let found = try match(name, "Schema '\(name)'", among: try await base.databases().map(\.name))
    if let found { remember(found) }
    return found
  }

  private func findTable(_ table: String, in database: String) async throws(CatalogError) -> Place? {
    var spelled = spelling(of: database)
    let names: [String]
    do throws(CatalogError) { names = try await base.listing(in: spelled).map(\.name) } catch {
      guard error.kind == .databaseNotFound, let other = try await findDatabase(database), other != spelled else { throw error }
      spelled = other
      names = try await base.listing(in: spelled).map(\.name)
    }
    guard let found = try match(table, "Table '\(database).\(table)'", among: names) else { return nil }
    let place = Place(table: found, database: spelled)
    remember(place)
    return place
  }

  private func withDatabase<Value>(
    _ name: String, _ body: (String) async throws(CatalogError) -> Value
  ) async throws(CatalogError) -> Value {
    let first = spelling(of: name)
    do throws(CatalogError) { return try await body(first) } catch {
      guard error.kind == .databaseNotFound, let found = try await findDatabase(name), found != first else { throw error }
      return try await body(found)
    }
  }

  private func withTable<Value>(
    _ table: String, in database: String, _ body: (_ table: String, _ database: String) async throws(CatalogError) -> Value
  ) async throws(CatalogError) -> Value {
    let first = spelling(of: table, in: database)
    do throws(CatalogError) { return try await body(first.table, first.database) } catch {
      guard error.kind == .tableNotFound || error.kind == .databaseNotFound else { throw error }
      let found: Place?
      do throws(CatalogError) { found = try await findTable(table, in: database) } catch let other {
        // That there is no such database either was said already.
        throw other.kind == .databaseNotFound ? error : other
      }
      // The database may be there under another spelling.
      guard let found else { throw CatalogError(.tableNotFound, "Table '\(database).\(table)' does not exist") }
      guard found != first else { throw error }
      return try await body(found.table, found.database)
    }
  }

  // MARK: Databases

  /// One of each name: that in small letters where there is one.
  private static func folded<Element>(_ elements: [Element], _ name: (Element) -> String) -> [Element] {
    var chosen: [String: Element] = [:]
    for element in elements {
      let folded = name(element).lowercased()
      if chosen[folded] == nil || name(element) == folded { chosen[folded] = element }
    }
    return chosen.sorted { $0.key < $1.key }.map(\.value)
  }

  private static func folded(_ database: CatalogDatabase) -> CatalogDatabase {
    var database = database
    database.name = database.name.lowercased()
    return database
  }

  package func databases() async throws(CatalogError) -> [CatalogDatabase] {
    Self.folded(try await base.databases(), \.name).map { Self.folded($0) }
  }

  package func database(_ name: String) async throws(CatalogError) -> CatalogDatabase {
    Self.folded(try await withDatabase(name) { spelled async throws(CatalogError) in try await base.database(spelled) })
  }

  package func createDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    if let other = try await findDatabase(database.name), other != database.name {
      throw CatalogError(.databaseAlreadyExists, "Schema '\(database.name)' already exists, as '\(other)'")
    }
    try await base.createDatabase(database)
  }

  package func updateDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    try await withDatabase(database.name) { spelled async throws(CatalogError) in
      var changed = database
      changed.name = spelled
      try await base.updateDatabase(changed)
    }
  }

  package func dropDatabase(_ name: String) async throws(CatalogError) {
    try await withDatabase(name) { spelled async throws(CatalogError) in try await base.dropDatabase(spelled) }
    spellings.databases.withLock { $0[name] = nil }
  }

  // MARK: Tables

  /// An entry as SQL has it; a view's names belong to a database in small letters, too.
  private func folded(_ table: CatalogTable) throws(CatalogError) -> CatalogTable {
    var table = table
    remember(Place(table: table.name, database: table.database))
    table.name = table.name.lowercased()
    table.database = table.database.lowercased()
    if table.isView, let text = table.viewOriginalText, var view = try ViewEncoding(text), view.database != view.database.lowercased() {
      view.database = view.database.lowercased()
      table.viewOriginalText = view.encoded
    }
    return table
  }

  /// An entry as the catalog has it: at `place`, and a view's names in a database that others find as well.
  private func spelled(_ table: CatalogTable, at place: Place) throws(CatalogError) -> CatalogTable {
    var table = table
    table.name = place.table
    table.database = place.database
    if table.isView, let text = table.viewOriginalText, var view = try ViewEncoding(text), [name, CatalogRegistry.standardName].contains(view.catalog) {
      let database = spelling(of: view.database)
      if database != view.database {
        view.database = database
        table.viewOriginalText = view.encoded
      }
    }
    return table
  }

  package func tables(in database: String) async throws(CatalogError) -> [CatalogTable] {
    let all = try await withDatabase(database) { spelled async throws(CatalogError) in try await base.tables(in: spelled) }
    var found: [CatalogTable] = []
    for table in Self.folded(all, \.name) { found.append(try folded(table)) }
    return found
  }

  package func listing(in database: String) async throws(CatalogError) -> [CatalogListing] {
    let all = try await withDatabase(database) { spelled async throws(CatalogError) in try await base.listing(in: spelled) }
    return Self.folded(all, \.name).map { CatalogListing(name: $0.name.lowercased(), isView: $0.isView) }
  }

  package func table(_ table: String, in database: String) async throws(CatalogError) -> CatalogTable {
    try folded(try await withTable(table, in: database) { table, database async throws(CatalogError) in try await base.table(table, in: database) })
  }

  /// Refuses a name that differs from a table's in capitals alone.
  private func requireFree(_ table: String, in database: String) async throws(CatalogError) {
    guard let other = try await findTable(table, in: database), other.table != table else { return }
    throw CatalogError(.tableAlreadyExists, "Table '\(database).\(table)' already exists, as '\(other.database).\(other.table)'")
  }

  package func createTable(_ table: CatalogTable) async throws(CatalogError) {
    try await requireFree(table.name, in: table.database)
    try await withDatabase(table.database) { database async throws(CatalogError) in
      try await base.createTable(try spelled(table, at: Place(table: table.name, database: database)))
    }
  }

  package func updateTables(_ tables: [CatalogTable]) async throws(CatalogError) {
    var changed: [CatalogTable] = []
    for table in tables { changed.append(try spelled(table, at: spelling(of: table.name, in: table.database))) }
    try await base.updateTables(changed)
  }

  package func dropTable(_ table: String, in database: String) async throws(CatalogError) {
    try await withTable(table, in: database) { table, database async throws(CatalogError) in try await base.dropTable(table, in: database) }
    forget(table, in: database)
  }

  package func renameTable(_ table: String, in database: String, to newName: String, in newDatabase: String) async throws(CatalogError) {
    if table != newName || database != newDatabase { try await requireFree(newName, in: newDatabase) }
    try await withDatabase(newDatabase) { newDatabase async throws(CatalogError) in
      try await withTable(table, in: database) { table, database async throws(CatalogError) in
        try await base.renameTable(table, in: database, to: newName, in: newDatabase)
      }
    }
    forget(table, in: database)
  }

  // MARK: Partitions

  package func partitions(of table: String, in database: String) async throws(CatalogError) -> [CatalogPartition] {
    try await withTable(table, in: database) { table, database async throws(CatalogError) in try await base.partitions(of: table, in: database) }
  }

  package func addPartitions(_ partitions: [CatalogPartition], to table: String, in database: String, ifNotExists: Bool) async throws(CatalogError) {
    try await withTable(table, in: database) { table, database async throws(CatalogError) in
      try await base.addPartitions(partitions, to: table, in: database, ifNotExists: ifNotExists)
    }
  }

  package func dropPartitions(_ values: [[String]], of table: String, in database: String) async throws(CatalogError) {
    try await withTable(table, in: database) { table, database async throws(CatalogError) in
      try await base.dropPartitions(values, of: table, in: database)
    }
  }

  // MARK: States

  // Whoever makes a table in a catalog that keeps states has looked for it before: the list of names, which may be long, is not read once more.

  private func requireKeeping() throws(CatalogError) -> any StateKeepingCatalog {
    guard let keeping = base.keeping else { throw CatalogError(.notSupported, "catalog '\(name)' does not keep the states of its tables") }
    return keeping
  }

  package func createTable(_ table: String, in database: String, _ metadata: TableMetadata) async throws(CatalogError) -> CommitOutcome {
    let keeping = try requireKeeping()
    return try await withDatabase(database) { database async throws(CatalogError) in
      try await keeping.createTable(table, in: database, metadata)
    }
  }

  package func stageTable(_ table: String, in database: String, _ metadata: TableMetadata) async throws(CatalogError) -> (
    location: String, uuid: String?
  ) {
    let keeping = try requireKeeping()
    return try await withDatabase(database) { database async throws(CatalogError) in
      try await keeping.stageTable(table, in: database, metadata)
    }
  }

  package func commit(_ change: TableStateChange, baseLocation: Location) async throws(CatalogError) -> StateOutcome {
    let keeping = try requireKeeping()
    return try await withTable(change.table, in: change.database) { table, database async throws(CatalogError) in
      try await keeping.commit(TableStateChange(database: database, table: table, change.changes), baseLocation: baseLocation)
    }
  }

  package func commitTogether(_ changes: [TableStateChange]) async throws(CatalogError) -> SwapOutcome {
    try await requireKeeping().commitTogether(
      changes.map { change in
        let place = spelling(of: change.table, in: change.database)
        return TableStateChange(database: place.database, table: place.table, change.changes)
      })
  }

  package func dropTable(_ table: String, in database: String, isPurging: Bool) async throws(CatalogError) {
    let keeping = try requireKeeping()
    try await withTable(table, in: database) { table, database async throws(CatalogError) in
      try await keeping.dropTable(table, in: database, isPurging: isPurging)
    }
    forget(table, in: database)
  }
}
