package import Iceberg
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
  package func current() async throws(CatalogError) -> Location { try await currentState().location }

  /// The current metadata file, and what it holds where the catalog says so itself.
  package func currentState() async throws(CatalogError) -> (location: Location, metadata: TableMetadata?) {
    let entry = try await catalog.table(table, in: database)
    return (try Self.location(of: entry), entry.state?.metadata)
  }

  /// Makes the first entry of a table whose first metadata file has been written.
  ///
  /// - Throws: `tableAlreadyExists`.
  package func create(
    metadata: Location, tableLocation: Location, columns: [CatalogColumn], description: String? = nil
  ) async throws(CatalogError) {
    try await catalog.createTable(
      CatalogTable(
        catalog: catalog.name, database: database, name: table, description: description,
        parameters: [Self.typeKey: "ICEBERG", Self.currentKey: metadata.text],
        storage: StorageDescriptor(columns: columns, location: tableLocation.text)))
  }

  /// Replaces `expected` by `metadata` if it is still current.
  ///
  /// - Parameters:
  ///   - columns: the columns of the new schema, for readers of the catalog; nil leaves them.
  ///   - description: the table's comment, as Java's Glue catalog keeps it; nil leaves it.
  /// - Throws: catalog errors; when one comes after the entry was written all the same, that counts as swapped.
  package func swap(
    from expected: Location, to metadata: Location, columns: [CatalogColumn]? = nil, description: String? = nil
  ) async throws(CatalogError) -> Outcome {
    try await Self.swap([Swap(pointer: self, expected: expected, metadata: metadata, columns: columns, description: description)])
  }

  /// What becomes of one table when several are swapped as one.
  package struct Swap: Sendable {
    package let pointer: IcebergTablePointer
    package let expected: Location
    /// Nil for a table that must only not have changed.
    package let metadata: Location?
    package let columns: [CatalogColumn]?
    package let description: String?

    package init(pointer: IcebergTablePointer, expected: Location, metadata: Location?, columns: [CatalogColumn]?, description: String?) {
      self.pointer = pointer
      self.expected = expected
      self.metadata = metadata
      self.columns = columns
      self.description = description
    }
  }

  /// Replaces all metadata files if each expected one is still current, else none. The tables are of one catalog.
  package static func swap(_ swaps: [Swap]) async throws(CatalogError) -> Outcome {
    guard let catalog = swaps.first?.pointer.catalog else { return .swapped }
    for _ in 0..<maximumAttempts {
      var entries: [CatalogTable] = []
      for swap in swaps {
        var entry = try await catalog.table(swap.pointer.table, in: swap.pointer.database)
        let current = try location(of: entry)
        guard current == swap.expected else { return .conflict(current: current) }
        if let metadata = swap.metadata {
          entry.parameters[currentKey] = metadata.text
          entry.parameters[previousKey] = swap.expected.text
          if let columns = swap.columns { entry.storage.columns = columns }
          if let description = swap.description { entry.description = description }
        }
        entries.append(entry)
      }
      do throws(CatalogError) {
        try await catalog.updateTables(entries)
        return .swapped
      } catch {
        if error.kind == .versionConflict { continue }
        // The outcome is unknown: look before judging, and never call a commit that happened a failure.
        guard let written = swaps.first(where: { $0.metadata != nil }), let now = try? await written.pointer.current(),
          now == written.metadata
        else { throw error }
        return .swapped
      }
    }
    let names = swaps.map { "'\($0.pointer.database).\($0.pointer.table)'" }.joined(separator: ", ")
    throw CatalogError(.versionConflict, "Table \(names) is changed by others all the time; the commit gave up")
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
