/// The branch that a snapshot is added to.
package struct TargetBranch: Sendable, Hashable {
  package var name: String
  /// Made from `main` by its first commit: Spark's `spark.wap.branch`. Other branches must be there.
  package var isMadeOnDemand: Bool

  package init(_ name: String, isMadeOnDemand: Bool = false) {
    self.name = name
    self.isMadeOnDemand = isMadeOnDemand
  }

  package static let main = TargetBranch(SnapshotReference.mainBranch)
}

extension TableMetadata {
  /// This state as a statement on a branch sees it: the branch's head is the current snapshot. Only to read and to plan by; it is never
  /// stored.
  ///
  /// - Throws: `notFound` for a branch that is not there, `invalid` for a tag.
  package func head(of branch: TargetBranch) throws(IcebergError) -> TableMetadata {
    if branch.name == SnapshotReference.mainBranch { return self }
    guard let reference = allReferences[branch.name] else {
      if branch.isMadeOnDemand { return self }
      throw IcebergError(.notFound, "Cannot write to branch '\(branch.name)': the table has no such branch")
    }
    guard reference.kind == .branch else {
      throw IcebergError(.invalid, "Cannot write to '\(branch.name)': it is a tag, and tags do not move")
    }
    var seen = self
    seen.currentSnapshotID = reference.snapshotID
    return seen
  }

  /// The state after a snapshot was added to a branch. Only `main` is the table's current state and in its log.
  package func adding(_ snapshot: Snapshot, to branch: TargetBranch = .main) -> TableMetadata {
    var next = staging(snapshot)
    var reference = references[branch.name] ?? SnapshotReference(snapshotID: snapshot.id, kind: .branch)
    reference.snapshotID = snapshot.id
    next.references[branch.name] = reference
    if branch.name == SnapshotReference.mainBranch {
      next.currentSnapshotID = snapshot.id
      next.snapshotLog.append(LogEntry(timestampMilliseconds: snapshot.timestampMilliseconds, snapshotID: snapshot.id))
    }
    return next
  }

  /// The branch or tag of that name: as it is written, or the only one that differs in case alone, since SQL folds names.
  package func reference(named name: String) -> (name: String, reference: SnapshotReference)? {
    let all = allReferences
    if let exact = all[name] { return (name, exact) }
    let similar = all.filter { $0.key.lowercased() == name.lowercased() }
    return similar.count == 1 ? similar.first.map { ($0.key, $0.value) } : nil
  }
}
