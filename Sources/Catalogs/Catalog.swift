import Storage

/// Databases, tables and partitions by name. Names are folded to lower case by the caller.
package protocol Catalog: Sendable {
  /// Itself, where it keeps the states of Iceberg tables and clients tell it what changes; nil where they write metadata files and swap pointers.
  var keeping: (any StateKeepingCatalog)? { get }
  /// Its own name, which its entries carry.
  var name: String { get }
  /// Below which tables go for which neither statement nor database says where; nil is the engine's own warehouse.
  var warehouse: String? { get }

  func databases() async throws(CatalogError) -> [CatalogDatabase]
  func database(_ name: String) async throws(CatalogError) -> CatalogDatabase
  func createDatabase(_ database: CatalogDatabase) async throws(CatalogError)
  /// Replaces comment, location and properties of a database.
  func updateDatabase(_ database: CatalogDatabase) async throws(CatalogError)
  /// Refuses a database that has tables (`databaseNotEmpty`).
  func dropDatabase(_ name: String) async throws(CatalogError)

  /// All tables and views of a database, by name.
  func tables(in database: String) async throws(CatalogError) -> [CatalogTable]
  /// Names and kinds of the tables and views alone, which some catalogs tell with fewer requests.
  func listing(in database: String) async throws(CatalogError) -> [CatalogListing]
  func table(_ name: String, in database: String) async throws(CatalogError) -> CatalogTable
  func createTable(_ table: CatalogTable) async throws(CatalogError)
  /// Replaces entries if each still has its `version`, else none of them: `versionConflict`. Stored entries have the next version; one
  /// that is handed over as it was read is only held against its version.
  func updateTables(_ tables: [CatalogTable]) async throws(CatalogError)
  func dropTable(_ name: String, in database: String) async throws(CatalogError)
  func renameTable(_ name: String, in database: String, to newName: String, in newDatabase: String)
    async throws(CatalogError)

  func partitions(of table: String, in database: String) async throws(CatalogError) -> [CatalogPartition]
  /// Adds partitions; one with the same values fails with `partitionAlreadyExists` unless `ifNotExists`.
  func addPartitions(_ partitions: [CatalogPartition], to table: String, in database: String, ifNotExists: Bool)
    async throws(CatalogError)
  /// Removes partitions by values; those that are not there are ignored.
  func dropPartitions(_ values: [[String]], of table: String, in database: String) async throws(CatalogError)
}

extension Catalog {
  package var warehouse: String? { nil }
  package var keeping: (any StateKeepingCatalog)? { nil }

  package func listing(in database: String) async throws(CatalogError) -> [CatalogListing] {
    try await tables(in: database).map { CatalogListing(name: $0.name, isView: $0.isView) }
  }

  /// Replaces one entry if it still has its version.
  package func updateTable(_ table: CatalogTable) async throws(CatalogError) { try await updateTables([table]) }
}

package struct CatalogListing: Sendable, Hashable {
  package var name: String
  package var isView: Bool
  package init(name: String, isView: Bool) {
    self.name = name
    self.isView = isView
  }
}

package struct CatalogError: Error, Sendable, CustomStringConvertible {
  package enum Kind: String, Sendable {
    case databaseNotFound, databaseAlreadyExists, databaseNotEmpty
    case tableNotFound, tableAlreadyExists, partitionAlreadyExists
    /// The entry is a view or a Hive-style table, where an Iceberg table is needed.
    case notIceberg
    /// Somebody else changed the entry first; reading again and repeating may help.
    case versionConflict
    /// A service could not be reached, or failed; nothing has happened.
    case unavailable
    /// A request left and no answer came: what it asks for may have happened.
    case outcomeUnknown
    /// Nobody, or somebody who may not do this.
    case permission
    /// The service does not take the request as it is.
    case refused
    case notSupported
    /// A document that cannot be read as what it should be.
    case corrupt
    /// The file system said no.
    case inputOutput
    /// Another process kept the lock for too long.
    case lockTimeout
  }

  package var kind: Kind
  package var message: String
  /// Whether the other side may be at it still: somebody stopped waiting, here or on the way.
  package var mayHappenLater = false

  package init(_ kind: Kind, _ message: String, mayHappenLater: Bool = false) {
    self.kind = kind
    self.message = message
    self.mayHappenLater = mayHappenLater
  }

  /// What the store below said.
  init(storage error: StorageError) { self.init(.inputOutput, "\(error)") }

  package var description: String { message }
  package var isRetryable: Bool { kind == .versionConflict || kind == .lockTimeout || kind == .unavailable }
}
