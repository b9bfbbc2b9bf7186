package import Storage

/// The one mutable thing about a table: which metadata file is current. A catalog keeps it.
package protocol MetadataPointer: Sendable {
  /// Who keeps the table's states, where that is the catalog itself; nil where clients write metadata files and swap the pointer.
  var keeper: (any StateKeeper)? { get }
  func current() async throws(IcebergError) -> Location
  /// The current metadata file and what it holds.
  func currentState(in store: any ObjectStore) async throws(IcebergError) -> (location: Location, metadata: TableMetadata)
  /// Replaces `expected` by `new` if it is still current, atomically.
  ///
  /// - Parameter metadata: what `new` holds, for catalogs that show columns or other facts.
  /// - Throws: when the swap failed or its outcome is not known; the committer then looks before it judges.
  func swap(from expected: Location, to new: Location, _ metadata: TableMetadata) async throws(IcebergError) -> SwapOutcome
  /// Makes the entry of a new table.
  ///
  /// - Throws: `alreadyExists` when there is a table of that name.
  func create(at location: Location, _ metadata: TableMetadata) async throws(IcebergError)
}

extension MetadataPointer {
  package var keeper: (any StateKeeper)? { nil }

  package func currentState(in store: any ObjectStore) async throws(IcebergError) -> (location: Location, metadata: TableMetadata) {
    let location = try await current()
    return (location, try await TableMetadata.load(location, from: store))
  }
}

/// A table whose catalog is told what changes, and writes the metadata files itself.
package protocol StateKeeper: Sendable {
  /// Makes the changes between two states of the table, if what they rely on still holds.
  ///
  /// - Throws: when that failed or its outcome is not known; the committer then looks before it judges.
  func commit(_ next: TableMetadata, on base: TableMetadata, at baseLocation: Location) async throws(IcebergError) -> StateOutcome
  /// Makes the table.
  ///
  /// - Parameter metadata: its first state; where its location is empty, the catalog chooses one.
  /// - Throws: `alreadyExists` when there is a table of that name.
  func create(_ metadata: TableMetadata) async throws(IcebergError) -> CommitOutcome
}

package enum StateOutcome: Sendable {
  /// The state that is current now; it may hold more than the commit's own changes.
  case stored(CommitOutcome)
  /// Somebody else committed first.
  case conflict
}

/// Swaps the pointers of several tables as one: all of them, or none.
package protocol MetadataPointerGroup: Sendable {
  /// - Throws: when the swap failed or its outcome is not known; the committer then looks before it judges.
  func swap(_ swaps: [PointerSwap]) async throws(IcebergError) -> SwapOutcome
}

package struct PointerSwap: Sendable {
  /// Which of the group's tables.
  package let table: Int
  package let expected: Location
  /// What `expected` holds.
  package let base: TableMetadata
  /// The new state, and its metadata file unless the catalog writes it; nil for a table that must only not have changed.
  package let new: (location: Location?, metadata: TableMetadata)?
}

package enum SwapOutcome: Sendable, Equatable {
  case swapped
  /// Somebody else committed first.
  case conflict
}
