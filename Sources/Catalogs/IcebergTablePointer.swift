package import Storage

/// The one mutable thing about an Iceberg table in a catalog: which metadata file is current. Commits load it and swap it.
///
/// As Glue's clients do: the entry is replaced only if it still has the version that was read together with the expected metadata location.
/// A change of the entry that leaves the location alone (a description, a parameter) is no conflict; the swap is tried again on top of it.
///
/// Source: Iceberg specification, "Metastore Tables"; the parameters are those of Glue's Iceberg tables.
package struct IcebergTablePointer: Sendable {
  package enum Outcome: Sendable, Equatable {
    case swapped
    /// Somebody else committed first; this is the metadata file now.
    case conflict(current: Location)
  }

  package let database: String
  package let table: String
  private let catalog: any Catalog

  /// How often an unrelated change of the entry may get in between.
  private static let maximumAttempts = 20

  package init(_ catalog: any Catalog, database: String, table: String) {
    self.catalog = catalog
    self.database = database
    self.table = table
  }

  /// - Throws: `notIceberg` for views and Hive-style tables, `tableNotFound`.
  package func current() async throws(CatalogError) -> Location {
    try Self.location(of: try await catalog.table(table, in: database))
  }

  /// Makes the first entry of a table whose first metadata file has been written.
  ///
  /// - Throws: `tableAlreadyExists`.
  package func create(
    metadata: Location, tableLocation: Location, columns: [CatalogColumn], description: String? = nil
  ) async throws(CatalogError) {
    try await catalog.createTable(
      CatalogTable(
        database: database, name: table, description: description,
        parameters: [Self.typeKey: "ICEBERG", Self.currentKey: metadata.text],
        storage: StorageDescriptor(columns: columns, location: tableLocation.text)))
  }

  /// Replaces `expected` by `metadata` if it is still current.
  ///
  /// - Parameter columns: the columns of the new schema, for readers of the catalog; nil leaves them.
  /// - Throws: catalog errors; when one comes after the entry was written all the same, that counts as swapped.
  package func swap(
    from expected: Location, to metadata: Location, columns: [CatalogColumn]? = nil
  ) async throws(CatalogError) -> Outcome {
    for _ in 0..<Self.maximumAttempts {
      var entry = try await catalog.table(table, in: database)
      let current = try Self.location(of: entry)
      guard current == expected else { return .conflict(current: current) }
      entry.parameters[Self.currentKey] = metadata.text
      entry.parameters[Self.previousKey] = expected.text
      if let columns { entry.storage.columns = columns }
      do throws(CatalogError) {
        try await catalog.updateTable(entry)
        return .swapped
      } catch {
        if error.kind == .versionConflict { continue }
        // The outcome is unknown: look before judging, and never call a commit that happened a failure.
        if let now = try? await self.current(), now == metadata { return .swapped }
        throw error
      }
    }
    throw CatalogError(.versionConflict, "Table '\(database).\(table)' is changed by others all the time; the commit gave up")
  }

  private static let typeKey = "table_type"
  private static let currentKey = "metadata_location"
  private static let previousKey = "previous_metadata_location"

  private static func location(of entry: CatalogTable) throws(CatalogError) -> Location {
    guard entry.isIceberg, let location = entry.metadataLocation else {
      throw CatalogError(.notIceberg, "'\(entry.database).\(entry.name)' is not an Iceberg table")
    }
    return Location(location)
  }
}
