package import Iceberg
package import Storage

/// A catalog that keeps the states of its Iceberg tables itself: it is told what changes, and writes the metadata files.
package protocol StateKeepingCatalog: Catalog {
  /// Makes a table.
  ///
  /// - Parameter metadata: its first state; where its location is empty, the catalog chooses one.
  func createTable(_ name: String, in database: String, _ metadata: TableMetadata) async throws(CatalogError) -> CommitOutcome
  /// Where a table that is about to be made with rows in it would lie, and its id; nothing is there yet.
  func stageTable(_ name: String, in database: String, _ metadata: TableMetadata) async throws(CatalogError) -> (location: String, uuid: String?)
  /// Makes changes of one table, if what they rely on still holds.
  ///
  /// - Parameter baseLocation: the metadata file of the state that they were made for.
  func commit(_ change: TableStateChange, baseLocation: Location) async throws(CatalogError) -> StateOutcome
  /// Makes changes of several tables, all or none.
  func commitTogether(_ changes: [TableStateChange]) async throws(CatalogError) -> SwapOutcome
  /// - Parameter isPurging: whether the catalog is to remove the files too.
  func dropTable(_ name: String, in database: String, isPurging: Bool) async throws(CatalogError)
}

/// Changes of one table.
package struct TableStateChange: Sendable {
  package let database: String
  package let table: String
  package let changes: TableChanges

  package init(database: String, table: String, _ changes: TableChanges) {
    self.database = database
    self.table = table
    self.changes = changes
  }
}
