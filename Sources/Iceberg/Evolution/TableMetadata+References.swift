extension TableMetadata {
  /// Makes `main` point at another snapshot: rollback and the like.
  package func settingCurrent(_ id: Int64, nowMilliseconds: Int64) throws(IcebergError) -> TableMetadata {
    guard snapshot(id: id) != nil else { throw IcebergError(.notFound, "Cannot find snapshot \(id)") }
    var next = self
    next.currentSnapshotID = id
    var main = references[SnapshotReference.mainBranch] ?? SnapshotReference(snapshotID: id, kind: .branch)
    main.snapshotID = id
    next.references[SnapshotReference.mainBranch] = main
    if currentSnapshotID != id {
      next.snapshotLog.append(LogEntry(timestampMilliseconds: max(nowMilliseconds, lastUpdatedMilliseconds), snapshotID: id))
    }
    return next
  }

  /// The snapshot and its parents, newest first.
  package func ancestors(of id: Int64?) -> [Snapshot] {
    var found: [Snapshot] = []
    var next = id
    while let id = next, let snapshot = snapshot(id: id), found.count <= snapshots.count {
      found.append(snapshot)
      next = snapshot.parentID
    }
    return found
  }

  package func isAncestor(_ id: Int64, of other: Int64?) -> Bool { ancestors(of: other).contains { $0.id == id } }

  /// Adds or replaces a branch or tag.
  ///
  /// - Parameters:
  ///   - mustExist: REPLACE; false for CREATE OR REPLACE.
  ///   - mayExist: false for CREATE.
  package func setting(
    _ name: String, to reference: SnapshotReference, mustExist: Bool, mayExist: Bool
  ) throws(IcebergError) -> TableMetadata {
    let known = allReferences[name]
    guard snapshot(id: reference.snapshotID) != nil else {
      throw IcebergError(.notFound, "Cannot find snapshot \(reference.snapshotID)")
    }
    if let known {
      guard mayExist else { throw IcebergError(.alreadyExists, "Ref \(name) already exists") }
      guard known.kind == reference.kind else {
        throw IcebergError(.invalid, "Ref \(name) is a \(known.kind.rawValue), not a \(reference.kind.rawValue)")
      }
      if name == SnapshotReference.mainBranch { throw IcebergError(.invalid, "The main branch moves by writes and rollbacks only") }
    } else if mustExist {
      throw IcebergError(.notFound, "Ref \(name) does not exist")
    }
    var next = self
    next.references[name] = reference
    return next
  }

  package func dropping(_ name: String, _ kind: SnapshotReference.Kind) throws(IcebergError) -> TableMetadata {
    guard let known = allReferences[name] else { throw IcebergError(.notFound, "Ref \(name) does not exist") }
    guard known.kind == kind else {
      throw IcebergError(.invalid, "Ref \(name) is a \(known.kind.rawValue), not a \(kind.rawValue)")
    }
    guard name != SnapshotReference.mainBranch else { throw IcebergError(.invalid, "Cannot drop the main branch") }
    var next = self
    next.references[name] = nil
    return next
  }

  /// A higher format version; nothing else changes. SPEC Appendix E; there is no way back.
  package func upgraded(to version: Int) throws(IcebergError) -> TableMetadata {
    guard version <= Self.highestFormatVersion else { throw .unsupported("format version \(version) is not known") }
    guard version >= formatVersion else {
      throw IcebergError(.invalid, "Cannot downgrade a table of format version \(formatVersion) to \(version)")
    }
    var next = self
    next.formatVersion = version
    return next
  }
}
