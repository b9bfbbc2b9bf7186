package import Catalogs
package import Iceberg
package import Storage

/// The current metadata file of a table in a catalog, for commits.
package struct CatalogPointer: MetadataPointer {
  fileprivate let pointer: IcebergTablePointer
  /// The table's comment, for a new entry.
  private let description: String?
  fileprivate let keeping: (any StateKeepingCatalog)?

  package init(_ catalog: any Catalog, database: String, table: String, description: String? = nil) {
    pointer = IcebergTablePointer(catalog, database: database, table: table)
    self.description = description
    keeping = catalog.keeping
  }

  package func current() async throws(IcebergError) -> Location {
    do { return try await pointer.current() } catch { throw IcebergError(error) }
  }

  package func currentState(in store: any ObjectStore) async throws(IcebergError) -> (location: Location, metadata: TableMetadata) {
    let state: (location: Location, metadata: TableMetadata?)
    do { state = try await pointer.currentState() } catch { throw IcebergError(error) }
    if let metadata = state.metadata { return (state.location, metadata) }
    return (state.location, try await TableMetadata.load(state.location, from: store))
  }

  package var keeper: (any StateKeeper)? { keeping.map { CatalogKeeper(catalog: $0, pointer: pointer) } }

  package func swap(from expected: Location, to new: Location, _ metadata: TableMetadata) async throws(IcebergError) -> SwapOutcome {
    do {
      let columns = IcebergColumns.catalogColumns(metadata)
      switch try await pointer.swap(from: expected, to: new, columns: columns, description: metadata.properties["comment"]) {
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

/// A table whose catalog keeps its states.
private struct CatalogKeeper: StateKeeper {
  let catalog: any StateKeepingCatalog
  let pointer: IcebergTablePointer

  func commit(_ next: TableMetadata, on base: TableMetadata, at baseLocation: Location) async throws(IcebergError) -> StateOutcome {
    do {
      return try await catalog.commit(
        TableStateChange(database: pointer.database, table: pointer.table, TableChanges(from: base, to: next)), baseLocation: baseLocation)
    } catch { throw IcebergError(error) }
  }

  func create(_ metadata: TableMetadata) async throws(IcebergError) -> CommitOutcome {
    do { return try await catalog.createTable(pointer.table, in: pointer.database, metadata) } catch { throw IcebergError(error) }
  }
}

/// The current metadata files of several tables of one catalog, for transactions.
package struct CatalogPointers: MetadataPointerGroup {
  private let pointers: [CatalogPointer]

  package init(_ pointers: [CatalogPointer]) { self.pointers = pointers }

  package func swap(_ swaps: [PointerSwap]) async throws(IcebergError) -> SwapOutcome {
    do {
      if let keeping = pointers.first?.keeping {
        let changes = swaps.map { swap in
          TableStateChange(
            database: pointers[swap.table].pointer.database, table: pointers[swap.table].pointer.table,
            swap.new.map { TableChanges(from: swap.base, to: $0.metadata) } ?? TableChanges(unchanged: swap.base))
        }
        if changes.count == 1, let change = changes.first, let swap = swaps.first {
          if case .conflict = try await keeping.commit(change, baseLocation: swap.expected) { return .conflict }
          return .swapped
        }
        return try await keeping.commitTogether(changes)
      }
      let outcome = try await IcebergTablePointer.swap(
        swaps.map { swap in
          IcebergTablePointer.Swap(
            pointer: pointers[swap.table].pointer, expected: swap.expected, metadata: swap.new?.location,
            columns: swap.new.map { IcebergColumns.catalogColumns($0.metadata) }, description: swap.new?.metadata.properties["comment"])
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
      case .permission, .refused, .notSupported, .notIceberg: .refused
      default: .storage
      }
    self.init(kind, error.message, cause: error, isRetryable: error.isRetryable)
    mayHappenLater = error.mayHappenLater
  }
}
