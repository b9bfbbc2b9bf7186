import JSONText

/// A change of a table's metadata alone: columns, partition spec, properties, references. Made again on the newest state at every
/// attempt, so that it never undoes what others did.
package struct MetadataChange: SnapshotUpdate {
  private let change: @Sendable (TableMetadata) throws -> TableMetadata

  /// - Parameter change: the state after the change; its errors are passed on, as the cause where they are of another floor.
  package init(_ change: @escaping @Sendable (TableMetadata) throws -> TableMetadata) { self.change = change }

  package func apply(to base: TableMetadata, _ work: CommitWork) async throws(IcebergError) -> TableMetadata {
    guard base.encryptionKeys?.elements.contains(where: { _ in true }) != true else { throw .unsupported("encrypted tables cannot be changed") }
    var next: TableMetadata
    do { next = try change(base) } catch let error as IcebergError { throw error } catch {
      throw IcebergError(.invalid, "\(error)", cause: error)
    }
    next.lastUpdatedMilliseconds = max(work.now(), base.lastUpdatedMilliseconds)
    return next
  }
}
