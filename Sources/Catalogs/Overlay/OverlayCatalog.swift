import Iceberg
package import Storage

/// A catalog that is read, and never written: entries that change are kept in a local catalog of the overlay's folder, and found there first.
///
///     table(t)       the overlay's entry; not found when that says it was dropped; else the base's
///     updateTables   a table of the base is first taken over as it is, then changed like any other of the overlay
///
/// Where the base keeps states of tables itself (a REST catalog), the overlay does not: metadata files are written and pointers swapped, as with a local catalog.
package struct OverlayCatalog: Catalog {
  private let base: any Catalog
  private let layer: LocalCatalog
  /// Reads metadata files.
  private let store: any ObjectStore
  private let notices: OverlayNotices

  package init(base: any Catalog, folder: OverlayFolder, store: any ObjectStore, notices: OverlayNotices, now: @escaping @Sendable () -> Int64) {
    self.base = base
    layer = LocalCatalog(name: base.name, warehouse: base.warehouse, root: "\(folder.path)/catalogs/\(base.name)", now: now)
    self.store = store
    self.notices = notices
  }

  package var name: String { base.name }
  package var warehouse: String? { base.warehouse }

  // MARK: Databases

  package func databases() async throws(CatalogError) -> [CatalogDatabase] {
    var found: [String: CatalogDatabase] = [:]
    for database in try await base.databases() where try await mark(of: database.name) == nil { found[database.name] = database }
    for database in try await layer.databases() where found[database.name] == nil && database.createTime != 0 {
      if try await mark(of: database.name) != .dropped { found[database.name] = database }
    }
    return found.values.sorted { $0.name < $1.name }
  }

  package func database(_ name: String) async throws(CatalogError) -> CatalogDatabase {
    switch try await mark(of: name) {
    case .dropped: throw CatalogError(.databaseNotFound, "Schema '\(name)' does not exist")
    case .replaced: return try await layer.database(name)
    case nil: break
    }
    do { return try await base.database(name) } catch {
      guard error.kind == .databaseNotFound else { throw error }
      let own = try await layer.database(name)
      // The local catalog always says it has `default`.
      guard own.createTime != 0 else { throw error }
      return own
    }
  }

  package func createDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    do { _ = try await self.database(database.name) } catch {
      guard error.kind == .databaseNotFound else { throw error }
      guard try await mark(of: database.name) == .dropped else { return try await layer.createDatabase(database) }
      // It counts as dropped until the last step.
      try await layer.updateDatabase(database)
      return try await setMark(.replaced, of: database.name)
    }
    throw CatalogError(.databaseAlreadyExists, "Schema '\(database.name)' already exists")
  }

  package func updateDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    guard try await !baseHas(database: database.name) else {
      throw CatalogError(.notSupported, "Schema '\(database.name)' lies under this overlay, where its comment, location and properties cannot be changed")
    }
    _ = try await self.database(database.name)
    try await layer.updateDatabase(database)
  }

  package func dropDatabase(_ name: String) async throws(CatalogError) {
    _ = try await database(name)
    guard try await tables(in: name).isEmpty else { throw CatalogError(.databaseNotEmpty, "Cannot drop non-empty schema '\(name)'") }
    if try await baseHas(database: name) {
      try await ensure(database: name)
      return try await setMark(.dropped, of: name)
    }
    if try await mark(of: name) != nil {
      guard try await !isInBase(database: name) else { return try await setMark(.dropped, of: name) }
      for entry in try await layer.tables(in: name) { try await layer.dropTable(entry.name, in: name) }
    }
    try await layer.dropDatabase(name)
  }

  /// What the overlay says about a whole database of the base; nil when it says nothing.
  private func mark(of database: String) async throws(CatalogError) -> OverlayEntry.DatabaseMark? {
    try await own(OverlayEntry.databaseMark, in: database).flatMap(OverlayEntry.mark)
  }

  private func setMark(_ mark: OverlayEntry.DatabaseMark, of database: String) async throws(CatalogError) {
    let entry = OverlayEntry.entry(mark, of: database, in: name)
    guard var known = try await own(OverlayEntry.databaseMark, in: database) else { return try await layer.createTable(entry) }
    known.parameters = entry.parameters
    try await layer.updateTables([known])
  }

  private func isInBase(database: String) async throws(CatalogError) -> Bool {
    do { _ = try await base.database(database) } catch {
      if error.kind == .databaseNotFound { return false }
      throw error
    }
    return true
  }

  /// Whether the base has a database that shows: one that was made anew has nothing of the base's.
  private func baseHas(database: String) async throws(CatalogError) -> Bool {
    if try await mark(of: database) != nil { return false }
    return try await isInBase(database: database)
  }

  /// Gives the layer a place for entries of a database of the base.
  private func ensure(database: String) async throws(CatalogError) {
    do { try await layer.createDatabase(try await self.database(database)) } catch {
      if error.kind != .databaseAlreadyExists { throw error }
    }
  }

  // MARK: Tables

  /// The layer's entry, also one that says that the table was dropped; nil when it has none.
  private func own(_ table: String, in database: String) async throws(CatalogError) -> CatalogTable? {
    do { return try await layer.table(table, in: database) } catch {
      if error.kind == .tableNotFound || error.kind == .databaseNotFound { return nil }
      throw error
    }
  }

  private func missing(_ table: String, in database: String) -> CatalogError {
    CatalogError(.tableNotFound, "Table '\(database).\(table)' does not exist")
  }

  /// The base's table, whatever the overlay says about it.
  private func rawTable(_ table: String, in database: String) async throws(CatalogError) -> CatalogTable? {
    do { return try await base.table(table, in: database) } catch {
      if error.kind == .tableNotFound || error.kind == .databaseNotFound { return nil }
      throw error
    }
  }

  /// The base's table that an entry of the overlay hides.
  private func baseTable(_ table: String, in database: String) async throws(CatalogError) -> CatalogTable? {
    if try await mark(of: database) != nil { return nil }
    return try await rawTable(table, in: database)
  }

  package func tables(in database: String) async throws(CatalogError) -> [CatalogTable] {
    _ = try await self.database(database)
    var found: [String: CatalogTable] = [:]
    if try await baseHas(database: database) { for table in try await base.tables(in: database) { found[table.name] = table } }
    for entry in try await owned(in: database) { found[entry.name] = OverlayEntry.isDropped(entry) ? nil : OverlayEntry.shown(entry) }
    return found.values.sorted { $0.name < $1.name }
  }

  package func listing(in database: String) async throws(CatalogError) -> [CatalogListing] {
    _ = try await self.database(database)
    var found: [String: CatalogListing] = [:]
    if try await baseHas(database: database) { for table in try await base.listing(in: database) { found[table.name] = table } }
    for entry in try await owned(in: database) {
      found[entry.name] = OverlayEntry.isDropped(entry) ? nil : CatalogListing(name: entry.name, isView: entry.isView)
    }
    return found.values.sorted { $0.name < $1.name }
  }

  private func owned(in database: String) async throws(CatalogError) -> [CatalogTable] {
    do { return try await layer.tables(in: database).filter { $0.name != OverlayEntry.databaseMark } } catch {
      if error.kind == .databaseNotFound { return [] }
      throw error
    }
  }

  package func table(_ name: String, in database: String) async throws(CatalogError) -> CatalogTable {
    guard let own = try await own(name, in: database) else {
      switch try await mark(of: database) {
      case .dropped: throw CatalogError(.databaseNotFound, "Schema '\(database)' does not exist")
      case .replaced: throw missing(name, in: database)
      case nil: break
      }
      do { return try await base.table(name, in: database) } catch {
        guard error.kind == .databaseNotFound else { throw error }
        _ = try await self.database(database)
        throw missing(name, in: database)
      }
    }
    if OverlayEntry.isDropped(own) { throw missing(name, in: database) }
    try await compareWithBase(own)
    return OverlayEntry.shown(own)
  }

  /// Says once when the base's table has moved on. Asking for it also makes the base hand out what its files are read with.
  private func compareWithBase(_ own: CatalogTable) async throws(CatalogError) {
    guard let origin = OverlayEntry.baseTable(own), notices.firstLook(at: "\(name).\(own.database).\(own.name)") else { return }
    if let state = try await baseState(own) { if let text = state.notice(origin) { notices.add(text) } }
  }

  package func createTable(_ table: CatalogTable) async throws(CatalogError) {
    _ = try await database(table.database)
    let known = try await own(table.name, in: table.database)
    let isFree = if let known { OverlayEntry.isDropped(known) } else { try await baseTable(table.name, in: table.database) == nil }
    guard isFree else { throw CatalogError(.tableAlreadyExists, "Table '\(table.database).\(table.name)' already exists") }
    try await ensure(database: table.database)
    if known != nil { try await layer.dropTable(table.name, in: table.database) }
    try await layer.createTable(table)
  }

  package func updateTables(_ tables: [CatalogTable]) async throws(CatalogError) {
    var changed: [CatalogTable] = []
    for table in tables {
      var own = try await own(table.name, in: table.database)
      if own == nil {
        guard let current = try await baseTable(table.name, in: table.database) else { throw missing(table.name, in: table.database) }
        guard current.version == table.version, current.metadataLocation == nil || current.metadataLocation == previousLocation(of: table, current) else {
          throw CatalogError(.versionConflict, "Table '\(table.database).\(table.name)' was changed by somebody else")
        }
        own = try await adopt(current)
      } else if own.map(OverlayEntry.shown)?.version != table.version {
        throw CatalogError(.versionConflict, "Table '\(table.database).\(table.name)' was changed by somebody else")
      }
      guard let kept = own, !OverlayEntry.isDropped(kept) else { throw missing(table.name, in: table.database) }
      var next = OverlayEntry.kept(table, as: kept)
      next.version = kept.version
      next.createTime = kept.createTime
      next.updateTime = kept.updateTime
      next.source = nil
      next.state = nil
      changed.append(next)
    }
    try await layer.updateTables(changed)
  }

  /// Which metadata file of the base a change was made for: versions of some catalogs do not change with every commit.
  private func previousLocation(of table: CatalogTable, _ current: CatalogTable) -> String? {
    table.metadataLocation == current.metadataLocation ? table.metadataLocation : table.parameters["previous_metadata_location"]
  }

  /// Takes a table of the base over as it is.
  private func adopt(_ entry: CatalogTable) async throws(CatalogError) -> CatalogTable {
    try await ensure(database: entry.database)
    do throws(CatalogError) {
      try await layer.createTable(OverlayEntry.adopted(entry, snapshotID: try await snapshot(of: entry)))
    } catch {
      guard error.kind == .tableAlreadyExists else { throw error }
      throw CatalogError(.versionConflict, "Table '\(entry.database).\(entry.name)' was changed by another process of this overlay")
    }
    if !entry.isIceberg, !entry.isView, !entry.partitionKeys.isEmpty {
      let partitions = try await base.partitions(of: entry.name, in: entry.database)
      try await layer.addPartitions(partitions, to: entry.name, in: entry.database, ifNotExists: true)
    }
    return try await layer.table(entry.name, in: entry.database)
  }

  private func snapshot(of entry: CatalogTable) async throws(CatalogError) -> Int64? {
    if let state = entry.state { return state.metadata.currentSnapshotID }
    guard entry.isIceberg, let location = entry.metadataLocation else { return nil }
    do { return try await TableMetadata.load(Location(location), from: store).currentSnapshotID } catch {
      throw CatalogError(.corrupt, "table '\(entry.database).\(entry.name)': \(error)")
    }
  }

  package func dropTable(_ name: String, in database: String) async throws(CatalogError) {
    _ = try await table(name, in: database)
    if try await own(name, in: database) != nil { try await layer.dropTable(name, in: database) }
    try await markDropped(name, in: database)
  }

  /// Where the base has a table, remembers that the overlay has not.
  private func markDropped(_ name: String, in database: String) async throws(CatalogError) {
    guard try await baseTable(name, in: database) != nil else { return }
    try await ensure(database: database)
    try await layer.createTable(OverlayEntry.dropped(name, in: database, of: self.name))
  }

  package func renameTable(_ name: String, in database: String, to newName: String, in newDatabase: String) async throws(CatalogError) {
    let entry = try await table(name, in: database)
    guard try await !isVisible(newName, in: newDatabase) else {
      throw CatalogError(.tableAlreadyExists, "Table '\(newDatabase).\(newName)' already exists")
    }
    if try await own(name, in: database) == nil { _ = try await adopt(entry) }
    try await ensure(database: newDatabase)
    if try await own(newName, in: newDatabase) != nil { try await layer.dropTable(newName, in: newDatabase) }
    try await layer.renameTable(name, in: database, to: newName, in: newDatabase)
    try await markDropped(name, in: database)
  }

  private func isVisible(_ table: String, in database: String) async throws(CatalogError) -> Bool {
    _ = try await self.database(database)
    if let own = try await own(table, in: database) { return !OverlayEntry.isDropped(own) }
    return try await baseTable(table, in: database) != nil
  }

  // MARK: Partitions

  package func partitions(of table: String, in database: String) async throws(CatalogError) -> [CatalogPartition] {
    _ = try await self.table(table, in: database)
    if try await own(table, in: database) != nil { return try await layer.partitions(of: table, in: database) }
    return try await base.partitions(of: table, in: database)
  }

  package func addPartitions(_ partitions: [CatalogPartition], to table: String, in database: String, ifNotExists: Bool) async throws(CatalogError) {
    try await takeOver(table, in: database)
    try await layer.addPartitions(partitions, to: table, in: database, ifNotExists: ifNotExists)
  }

  package func dropPartitions(_ values: [[String]], of table: String, in database: String) async throws(CatalogError) {
    try await takeOver(table, in: database)
    try await layer.dropPartitions(values, of: table, in: database)
  }

  private func takeOver(_ table: String, in database: String) async throws(CatalogError) {
    let entry = try await self.table(table, in: database)
    if try await own(table, in: database) == nil { _ = try await adopt(entry) }
  }
}

// MARK: What the overlay holds

extension OverlayCatalog {
  /// How the table stands in the base that an entry of the overlay was taken over from.
  package struct BaseState: Sendable {
    package var snapshotID: Int64?
    package var currentSnapshotID: Int64?
    /// Whether the base's table has changed since.
    package var hasMoved: Bool
    /// Whether the base has it no more.
    package var isGone: Bool

    package func notice(_ table: String) -> String? {
      func name(_ id: Int64?) -> String { id.map { "snapshot \($0)" } ?? "an empty state" }
      if isGone, snapshotID == nil { return "note: the overlay's \(table) was taken over from the base, which has it no more" }
      if isGone { return "note: the overlay's table \(table) stands on \(name(snapshotID)) of the base, which has the table no more" }
      guard hasMoved else { return nil }
      if snapshotID == currentSnapshotID { return "note: the overlay's table \(table) stands on \(name(snapshotID)) of the base, whose definition has changed since" }
      return "note: the overlay's table \(table) stands on \(name(snapshotID)) of the base, which is at \(name(currentSnapshotID)) by now"
    }
  }

  /// One entry that the overlay has of its own.
  package struct Difference: Sendable {
    package enum Kind: String, Sendable {
      case created, changed, dropped
      /// Made anew where the base has another one of this name.
      case replaced
    }
    package var kind: Kind
    package var database: String
    /// Nil for the database itself.
    package var entry: CatalogTable?
    /// For tables that were taken over.
    package var base: BaseState?
  }

  /// Everything that differs from the base, by name.
  package func differences() async throws(CatalogError) -> [Difference] {
    var found: [Difference] = []
    for database in try await layer.databases() {
      let isInBase = try await isInBase(database: database.name)
      switch try await mark(of: database.name) {
      case .dropped: if isInBase { found.append(Difference(kind: .dropped, database: database.name)) }
      case .replaced: found.append(Difference(kind: isInBase ? .replaced : .created, database: database.name))
      case nil: if !isInBase, database.createTime != 0 { found.append(Difference(kind: .created, database: database.name)) }
      }
      for entry in try await owned(in: database.name) {
        if OverlayEntry.isDropped(entry) {
          // One that the base has lost too is no difference any more.
          if let gone = try await baseTable(entry.name, in: database.name) { found.append(Difference(kind: .dropped, database: database.name, entry: gone)) }
        } else {
          let isTakenOver = OverlayEntry.baseTable(entry) != nil
          let state = isTakenOver ? try await baseState(entry) : nil
          let other = isTakenOver ? nil : try await baseTable(entry.name, in: database.name)
          found.append(Difference(kind: isTakenOver ? .changed : other != nil ? .replaced : .created, database: database.name, entry: OverlayEntry.shown(entry), base: state))
        }
      }
    }
    return found
  }

  /// Forgets what the overlay holds of a table, so that the base's shows again.
  ///
  /// - Returns: the entry; nil when the overlay has none.
  package func forget(_ table: String, in database: String) async throws(CatalogError) -> CatalogTable? {
    guard let own = try await own(table, in: database) else { return nil }
    try await layer.dropTable(table, in: database)
    if OverlayEntry.isDropped(own) { return try await rawTable(table, in: database) ?? own }
    return OverlayEntry.shown(own)
  }

  private func baseState(_ own: CatalogTable) async throws(CatalogError) -> BaseState? {
    guard let origin = OverlayEntry.baseTable(own), let dot = origin.firstIndex(of: ".") else { return nil }
    let known = OverlayEntry.baseSnapshot(own)
    guard let current = try await rawTable(String(origin[origin.index(after: dot)...]), in: String(origin[..<dot])) else {
      return BaseState(snapshotID: known, currentSnapshotID: nil, hasMoved: true, isGone: true)
    }
    let hasMoved = current.metadataLocation != OverlayEntry.baseMetadata(own)
    return BaseState(snapshotID: known, currentSnapshotID: hasMoved ? try await snapshot(of: current) : known, hasMoved: hasMoved, isGone: false)
  }
}
