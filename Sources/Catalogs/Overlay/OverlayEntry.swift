/// What an entry of an overlay says about itself, in parameters that nobody else sees.
enum OverlayEntry {
  /// `dropped` for what the base has and the overlay has not; `replaced` for a database that was dropped and made anew.
  private static let state = "frazil.overlay.state"
  /// The metadata file of the base's table when the overlay took it over.
  private static let metadata = "frazil.overlay.base-metadata"
  /// The snapshot that was current in it.
  private static let snapshot = "frazil.overlay.base-snapshot"
  /// The table that it was taken over from, `database.table`.
  private static let origin = "frazil.overlay.base-table"
  private static let keys = [state, metadata, snapshot, origin]

  /// Keeps the versions of the overlay's entries apart from those of the base's: who read the one must not replace the other.
  private static let versionOffset = 1_000_000_000

  /// Stands for a whole database of the base; no table can have this name.
  static let databaseMark = "/"

  enum DatabaseMark: String {
    case dropped
    /// What the overlay has of this name has nothing to do with the base's.
    case replaced
  }

  static func entry(_ mark: DatabaseMark, of database: String, in catalog: String) -> CatalogTable {
    CatalogTable(catalog: catalog, database: database, name: databaseMark, parameters: [state: mark.rawValue])
  }

  static func mark(_ entry: CatalogTable) -> DatabaseMark? { entry.parameters[state].flatMap(DatabaseMark.init) }

  static func dropped(_ name: String, in database: String, of catalog: String) -> CatalogTable {
    CatalogTable(catalog: catalog, database: database, name: name, parameters: [state: "dropped"])
  }

  static func isDropped(_ entry: CatalogTable) -> Bool { entry.parameters[state] == "dropped" }

  /// An entry of the base as the overlay keeps it.
  static func adopted(_ entry: CatalogTable, snapshotID: Int64?) -> CatalogTable {
    var entry = entry
    entry.parameters[origin] = "\(entry.database).\(entry.name)"
    entry.parameters[metadata] = entry.metadataLocation
    entry.parameters[snapshot] = snapshotID.map { String($0) }
    entry.source = nil
    entry.state = nil
    return entry
  }

  /// An entry as everybody else sees it.
  static func shown(_ entry: CatalogTable) -> CatalogTable {
    var entry = entry
    for key in keys { entry.parameters[key] = nil }
    entry.version += versionOffset
    return entry
  }

  /// A changed entry with what the kept one says about itself.
  static func kept(_ entry: CatalogTable, as known: CatalogTable) -> CatalogTable {
    var entry = entry
    for key in keys { entry.parameters[key] = known.parameters[key] }
    return entry
  }

  static func baseMetadata(_ entry: CatalogTable) -> String? { entry.parameters[metadata] }
  static func baseSnapshot(_ entry: CatalogTable) -> Int64? { entry.parameters[snapshot].flatMap { Int64($0) } }
  /// Nil for what was made in the overlay.
  static func baseTable(_ entry: CatalogTable) -> String? { entry.parameters[origin] }
}
