/// Adds data files that others wrote, and the name mapping by which they are read, in one commit.
package struct FileImportUpdate: SnapshotUpdate {
  private let change: SnapshotChange
  private let mapping: String?
  private let expected: String?

  /// - Parameters:
  ///   - mapping: the table's new name mapping; nil leaves it.
  ///   - expected: the one it was made from: if it is another by now, the files might be read by wrong names.
  package init(_ files: [DataFile], mapping: String?, replacing expected: String?) {
    change = SnapshotChange(adding: files)
    self.mapping = mapping
    self.expected = expected
  }

  package func apply(to base: TableMetadata, _ work: CommitWork) async throws(IcebergError) -> TableMetadata {
    guard let mapping, base.properties[NameMapping.property] != mapping else { return try await change.apply(to: base, work) }
    guard base.properties[NameMapping.property] == expected else {
      throw IcebergError(.validation, "another commit has changed the table's \(NameMapping.property)")
    }
    var next = base
    next.properties[NameMapping.property] = mapping
    return try await change.apply(to: next, work)
  }
}
