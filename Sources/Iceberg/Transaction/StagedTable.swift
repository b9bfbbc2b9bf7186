package import Storage
import Synchronization

/// One table within a transaction: the state that was current when it was first touched, and the changes staged on top of it.
///
/// ```
/// base ─ statement 1 ─▶ state 1 ─ statement 2 ─▶ state 2       manifests and lists are written, states stay in memory
///   │
///   └ others committed meanwhile: head ─ statement 1 ─▶ state 1' ─ statement 2 ─▶ state 2'
/// ```
///
/// Every statement is a snapshot of its own, so that each sees the rows of those before it at its own sequence number; all become
/// visible with one metadata file. On a newer head all changes are validated, then made again with the data files and, as far as they
/// do not repeat numbers that have changed, the manifests they had written. Java's BaseTransaction.
package final class StagedTable: TableCommitter {
  package let base: TableMetadata
  package let baseLocation: Location
  let commit: TableCommit
  private let state: Mutex<State>

  private struct State {
    var metadata: TableMetadata
    var updates: [any SnapshotUpdate] = []
    var branchesRead: Set<TargetBranch> = []
  }

  /// - Parameters:
  ///   - now: milliseconds since 1970 UTC.
  ///   - engine: what snapshot summaries say of who wrote them.
  package init(
    _ base: TableMetadata, at location: Location, _ pointer: any MetadataPointer, store: any ObjectStore, ids: IDSource,
    now: @escaping @Sendable () -> Int64, engine: [(key: String, value: String)] = []
  ) {
    self.base = base
    baseLocation = location
    commit = TableCommit(pointer: pointer, work: CommitWork(store: store, ids: ids, now: now, engine: engine))
    state = Mutex(State(metadata: base))
  }

  /// The state after all changes so far.
  package var metadata: TableMetadata { state.withLock { $0.metadata } }
  /// How many changes there are.
  package var changeCount: Int { state.withLock { $0.updates.count } }
  /// Whether statements of the transaction have read rows of the table.
  package var isRead: Bool { state.withLock { !$0.branchesRead.isEmpty } }
  package func noteRead(_ branch: TargetBranch = .main) { state.withLock { _ = $0.branchesRead.insert(branch) } }

  /// Adds a change; nobody else sees it yet. One that fails leaves its manifests to `discard`.
  package func commit(_ update: any SnapshotUpdate, expectedUUID: String?) async throws(IcebergError) -> CommitOutcome {
    let next = try await update.apply(to: metadata, commit.work)
    state.withLock { state in
      state.metadata = next
      state.updates.append(update)
    }
    return CommitOutcome(metadata: next, location: baseLocation)
  }

  /// Data and delete files of the changes.
  package var files: Set<String> {
    Set(state.withLock { $0.updates }.compactMap(\.fileChange).flatMap { $0.addedFiles + $0.addedDeletes }.map(\.path))
  }

  /// Removes everything that the changes wrote. Best effort: what cannot be removed is an orphan, and no reader sees it.
  package func discard() async {
    await commit.work.discard()
    for path in files.sorted() {
      do { try await commit.work.store.delete([Location(path)]) } catch { continue }
    }
  }

  // MARK: The state to commit

  /// The next attempt, on whatever is current now; the last one again when that is still its base.
  ///
  /// - Parameter isSerializable: whether rows that the transaction has read must be the same still.
  func nextAttempt(after last: TableCommit.Attempt?, isSerializable: Bool) async throws(IcebergError) -> TableCommit.Attempt {
    let current = try await commit.pointer.current()
    if let last, last.baseLocation == current { return last }
    if current == baseLocation {
      return try await commit.attempt(withoutPassedStates(metadata, on: base), on: base, at: current)
    }
    let head = try await loadHead(current, isSerializable: isSerializable)
    commit.work.beginNextAttempt()
    return try await commit.attempt(withoutPassedStates(try await rebased(onto: head), on: head), on: head, at: current)
  }

  /// The current state of a table that was only read, if the rows that were read are the same still; other branches may have moved.
  func unchangedState() async throws(IcebergError) -> (location: Location, metadata: TableMetadata) {
    let current = try await commit.pointer.current()
    return (current, current == baseLocation ? base : try await loadHead(current, isSerializable: true))
  }

  private func loadHead(_ location: Location, isSerializable: Bool) async throws(IcebergError) -> TableMetadata {
    let head = try await TableMetadata.load(location, from: commit.work.store)
    try head.checkUUID(base.tableUUID, file: location)
    guard isSerializable else { return head }
    for branch in state.withLock({ $0.branchesRead }) {
      // A branch that the transaction itself has made was nobody else's to change.
      if branch != .main, base.allReferences[branch.name] == nil { continue }
      let then = try base.head(of: branch).currentSnapshotID
      if branch != .main, head.allReferences[branch.name]?.kind != .branch {
        throw IcebergError(
          .validation, "branch '\(branch.name)', which the serializable transaction has read, was dropped meanwhile", file: location.text)
      }
      if let other = try head.head(of: branch).firstChangeOfRows(since: then) {
        throw IcebergError(
          .validation, "snapshot \(other), committed meanwhile, changed rows of a table that the serializable transaction has read",
          file: location.text)
      }
    }
    return head
  }

  private func rebased(onto head: TableMetadata) async throws(IcebergError) -> TableMetadata {
    let updates = state.withLock { $0.updates }
    try checkIDs(updates, head)
    let start = TransactionStart(base: base, ownFiles: files)
    for update in updates { try await update.validate(head, against: start, commit.work.store) }
    var next = head
    for update in updates { next = try await update.apply(to: next, commit.work) }
    return next
  }

  /// Files repeat ids that an earlier statement of the transaction has made: of columns and partition fields, in version 3 of rows too.
  /// On another base those would be other ids.
  private func checkIDs(_ updates: [any SnapshotUpdate], _ head: TableMetadata) throws(IcebergError) {
    let changes = updates.compactMap(\.fileChange)
    if !changes.isEmpty, changes.count < updates.count, !head.hasDefinitions(of: base) {
      throw IcebergError(.validation, "columns, partitioning or order of the table were changed meanwhile, and by this transaction too")
    }
    guard base.formatVersion > 2, head.nextRowID != base.nextRowID || head.lastSequenceNumber != base.lastSequenceNumber else { return }
    var own: Set<String> = []
    for change in changes {
      let touched = change.removedFiles.union(change.addedDeletes.compactMap(\.onlyTarget))
      if !change.addedFiles.isEmpty, !touched.isDisjoint(with: own) {
        throw IcebergError(
          .validation, "the table got a snapshot meanwhile; rows that this transaction added and then changed have row ids that do not fit it")
      }
      own.formUnion(change.addedFiles.map(\.path))
    }
  }

  /// States between the statements were never current: the history, by which time travel goes, does not have them. Java's TableMetadata
  /// calls their snapshots intermediate.
  private func withoutPassedStates(_ metadata: TableMetadata, on head: TableMetadata) -> TableMetadata {
    var next = metadata
    next.snapshotLog.removeAll { entry in
      entry.snapshotID != metadata.currentSnapshotID && head.snapshot(id: entry.snapshotID) == nil
    }
    return next
  }
}

extension TableMetadata {
  /// The newest snapshot that is not part of a state and may have other rows; nil when there is none. Compaction keeps rows.
  fileprivate func firstChangeOfRows(since start: Int64?) -> Int64? {
    var next = currentSnapshotID
    var steps = 0
    while next != start {
      guard let id = next, let snapshot = snapshot(id: id), steps <= snapshots.count else { return next ?? start }
      if snapshot.operation != "replace" { return id }
      next = snapshot.parentID
      steps += 1
    }
    return nil
  }

  /// Whether columns, partition specs and sort orders are those of another state.
  fileprivate func hasDefinitions(of other: TableMetadata) -> Bool {
    formatVersion == other.formatVersion && schemas.count == other.schemas.count && currentSchemaID == other.currentSchemaID
      && lastColumnID == other.lastColumnID && partitionSpecs.count == other.partitionSpecs.count && defaultSpecID == other.defaultSpecID
      && lastPartitionID == other.lastPartitionID && sortOrders.count == other.sortOrders.count
      && defaultSortOrderID == other.defaultSortOrderID
  }
}
