package import Catalogs
package import Iceberg
package import Storage

/// The current metadata file of a table in a catalog, for commits.
package struct CatalogPointer: MetadataPointer {
  fileprivate let pointer: IcebergTablePointer
  /// The table's comment, for a new entry.
  private let description: String?

  package init(_ catalog: any Catalog, database: String, table: String, description: String? = nil) {
    pointer = IcebergTablePointer(catalog, database: database, table: table)
    self.description = description
  }

  package func current() async throws(IcebergError) -> Location {
    do { return try await pointer.current() } catch { throw IcebergError(error) }
  }

  package func swap(from expected: Location, to new: Location, _ metadata: TableMetadata) async throws(IcebergError) -> SwapOutcome {
    do {
      switch try await pointer.swap(from: expected, to: new, columns: IcebergColumns.catalogColumns(metadata)) {
      case .swapped: return .swapped
      case .conflict: return .conflict
      }
    } catch { throw IcebergError(error) }
  }

  package func create(at location: Location, _ metadata: TableMetadata) async throws(IcebergError) {
    do {
      try await pointer.create(
        metadata: location, tableLocation: Location(metadata.location), columns: IcebergColumns.catalogColumns(metadata),
        description: description)
    } catch { throw IcebergError(error) }
  }
}

/// The current metadata files of several tables of one catalog, for transactions.
package struct CatalogPointers: MetadataPointerGroup {
  private let pointers: [CatalogPointer]

  package init(_ pointers: [CatalogPointer]) { self.pointers = pointers }

  package func swap(_ swaps: [PointerSwap]) async throws(IcebergError) -> SwapOutcome {
    do {
      let outcome = try await IcebergTablePointer.swap(
        swaps.map { swap in
          IcebergTablePointer.Swap(
            pointer: pointers[swap.table].pointer, expected: swap.expected, metadata: swap.new?.location,
            columns: swap.new.map { IcebergColumns.catalogColumns($0.metadata) })
        })
      return outcome == .swapped ? .swapped : .conflict
    } catch { throw IcebergError(error) }
  }
}

extension IcebergError {
  init(_ error: CatalogError) {
    let kind: Kind =
      switch error.kind {
      case .tableNotFound, .databaseNotFound: .notFound
      case .tableAlreadyExists, .databaseAlreadyExists: .alreadyExists
      case .versionConflict, .lockTimeout: .conflict
      default: .storage
      }
    self.init(kind, error.message, cause: error, isRetryable: error.isRetryable)
  }
}
