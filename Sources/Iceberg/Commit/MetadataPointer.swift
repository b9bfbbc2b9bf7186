package import Storage

/// The one mutable thing about a table: which metadata file is current. A catalog keeps it.
package protocol MetadataPointer: Sendable {
  func current() async throws(IcebergError) -> Location
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

/// Swaps the pointers of several tables as one: all of them, or none.
package protocol MetadataPointerGroup: Sendable {
  /// - Throws: when the swap failed or its outcome is not known; the committer then looks before it judges.
  func swap(_ swaps: [PointerSwap]) async throws(IcebergError) -> SwapOutcome
}

package struct PointerSwap: Sendable {
  /// Which of the group's tables.
  package let table: Int
  package let expected: Location
  /// The new metadata file and what it holds; nil for a table that must only not have changed.
  package let new: (location: Location, metadata: TableMetadata)?
}

package enum SwapOutcome: Sendable, Equatable {
  case swapped
  /// Somebody else committed first.
  case conflict
}
