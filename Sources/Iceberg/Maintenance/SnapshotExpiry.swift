/// Which snapshots and references a table keeps. SPEC "Snapshot Retention Policy".
package struct SnapshotExpiry: Sendable {
  /// Snapshots of branches that are younger stay; milliseconds since 1970 UTC.
  package var olderThan: Int64
  /// So many snapshots of each branch stay, however old.
  package var minimumKept: Int
  /// Snapshots to expire whatever their age, if no reference needs them as its head.
  package var named: Set<Int64>
  /// Branches and tags whose snapshot is older go, unless they have an age of their own; nil keeps them.
  package var maximumReferenceAge: Int64?

  package init(olderThan: Int64, minimumKept: Int, named: Set<Int64> = []) {
    self.olderThan = olderThan
    self.minimumKept = max(1, minimumKept)
    self.named = named
  }

  /// By the table's properties: `history.expire.max-snapshot-age-ms` (5 days), `history.expire.min-snapshots-to-keep` (1) and
  /// `history.expire.max-ref-age-ms` (for ever).
  package init(_ metadata: TableMetadata, nowMilliseconds: Int64) {
    let properties = TableProperties(metadata.properties)
    self.init(
      olderThan: nowMilliseconds &- (properties.number("history.expire.max-snapshot-age-ms") ?? Self.defaultAge),
      minimumKept: Int(clamping: properties.number("history.expire.min-snapshots-to-keep") ?? 1))
    maximumReferenceAge = properties.number("history.expire.max-ref-age-ms")
  }

  package static let defaultAge: Int64 = 432_000_000

  /// The table without what has expired.
  ///
  /// - Throws: `invalid` when a named snapshot is the head of a branch or tag.
  package func apply(to base: TableMetadata, nowMilliseconds: Int64) throws(IcebergError) -> TableMetadata {
    var references = base.allReferences
    for (name, reference) in references where name != SnapshotReference.mainBranch {
      guard let snapshot = base.snapshot(id: reference.snapshotID) else {
        references[name] = nil
        continue
      }
      if let age = reference.maximumReferenceAgeMilliseconds ?? maximumReferenceAge, snapshot.timestampMilliseconds < nowMilliseconds &- age { references[name] = nil }
    }
    var kept: Set<Int64> = []
    for reference in references.values {
      kept.insert(reference.snapshotID)
      guard reference.kind == .branch else { continue }
      let limit = reference.maximumSnapshotAgeMilliseconds.map { nowMilliseconds &- $0 } ?? olderThan
      let count = reference.minimumSnapshotsToKeep.map { Int($0) } ?? minimumKept
      for (index, snapshot) in base.ancestors(of: reference.snapshotID).enumerated() {
        guard index < count || snapshot.timestampMilliseconds >= limit else { break }
        kept.insert(snapshot.id)
      }
    }
    // Snapshots that no reference leads to: a staged write, or what a rollback left.
    let reachable = Set(references.values.flatMap { base.ancestors(of: $0.snapshotID).map(\.id) })
    for snapshot in base.snapshots where !reachable.contains(snapshot.id) && snapshot.timestampMilliseconds >= olderThan {
      kept.insert(snapshot.id)
    }
    let heads = Set(references.values.map(\.snapshotID))
    if let head = named.intersection(heads).min() {
      throw IcebergError(.invalid, "Cannot expire snapshot \(head): a branch or tag points at it")
    }
    kept.subtract(named)
    guard base.snapshots.contains(where: { !kept.contains($0.id) }) || references.count != base.allReferences.count else { return base }

    var next = base
    next.snapshots.removeAll { !kept.contains($0.id) }
    next.references = base.references.filter { references[$0.key] != nil }
    // The log tells which state was current when: before a gap it would tell wrongly.
    if let gap = next.snapshotLog.lastIndex(where: { !kept.contains($0.snapshotID) }) { next.snapshotLog.removeFirst(gap + 1) }
    return try next.droppingLooseStatistics()
  }
}
