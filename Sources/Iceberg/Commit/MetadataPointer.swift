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

package enum SwapOutcome: Sendable, Equatable {
  case swapped
  /// Somebody else committed first.
  case conflict
}
