package import Storage

/// Where changes of a table go: into a commit of their own, or into a transaction's.
package protocol TableCommitter: Sendable {
  /// - Parameter expectedUUID: of the table that the change was made for; nil when it does not say.
  func commit(_ update: any SnapshotUpdate, expectedUUID: String?) async throws(IcebergError) -> CommitOutcome
}

extension TableCommitter {
  @discardableResult
  package func commit(_ update: any SnapshotUpdate) async throws(IcebergError) -> CommitOutcome {
    try await commit(update, expectedUUID: nil)
  }
}

/// The state that a commit led to.
package struct CommitOutcome: Sendable {
  package var metadata: TableMetadata
  /// Its metadata file; within a transaction the one that the transaction started from.
  package var location: Location

  package init(metadata: TableMetadata, location: Location) {
    self.metadata = metadata
    self.location = location
  }
}

/// Makes changes of a table visible: refresh, apply, write, compare-and-swap; on conflict once more from the start.
///
/// ```
/// pointer ─ load base ─ apply ─ manifests, list, metadata file ─ swap ─▶ swapped: done
///    ▲                                                             ├──▶ conflict: list and metadata file go, manifests stay
///    └─────────────────────────────────────────────────────────────┘
/// ```
///
/// A failure before the swap removes what the commit wrote. When the answer to a swap is lost, the pointer and the log behind it are
/// looked at first; only if they cannot be read the error is `commitStateUnknown`, and nothing is removed. SPEC has no text for this;
/// Java's SnapshotProducer and its catalogs act so.
package struct Committer: TableCommitter {
  private let pointer: any MetadataPointer
  private let store: any ObjectStore
  private let ids: IDSource
  private let now: @Sendable () -> Int64
  private let engine: [(key: String, value: String)]
  private let stagingID: String?
  private let isCancelled: @Sendable () -> Bool

  /// - Parameters:
  ///   - now: milliseconds since 1970 UTC.
  ///   - engine: what snapshot summaries say of who wrote them.
  ///   - stagingID: see `CommitWork.stagingID`.
  ///   - isCancelled: whether nobody waits for commits any more; asked before each swap and while waiting.
  package init(
    _ pointer: any MetadataPointer, store: any ObjectStore, ids: IDSource, now: @escaping @Sendable () -> Int64,
    engine: [(key: String, value: String)] = [], stagingID: String? = nil, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) {
    self.pointer = pointer
    self.store = store
    self.ids = ids
    self.now = now
    self.engine = engine
    self.stagingID = stagingID
    self.isCancelled = isCancelled
  }

  package func commit(_ update: any SnapshotUpdate, expectedUUID: String?) async throws(IcebergError) -> CommitOutcome {
    let work = CommitWork(store: store, ids: ids, now: now, engine: engine, stagingID: stagingID)
    let table = TableCommit(pointer: pointer, work: work)
    var backoff: CommitBackoff?
    while true {
      let attempt: TableCommit.Attempt
      do {
        attempt = try await prepare(update, table, expectedUUID)
        try checkCancellation(isCancelled)
      } catch {
        await work.discard()
        throw error
      }
      let outcome: StateOutcome
      do {
        outcome = try await table.swap(attempt)
      } catch {
        guard error.kind != .refused, try await table.tookEffect(attempt, after: error, isCancelled: isCancelled) else {
          await work.discard()
          throw error
        }
        outcome = .stored(await table.outcome(of: attempt))
      }
      switch outcome {
      case .stored(let state):
        await table.finish(attempt)
        return state
      case .conflict:
        await table.withdraw(attempt)
        var wait = backoff ?? CommitBackoff([TableProperties(attempt.metadata.properties)], isCancelled: isCancelled)
        do { try await wait.next(table: attempt.metadata.location) } catch {
          await work.discard()
          throw error
        }
        backoff = wait
        work.beginNextAttempt()
      }
    }
  }

  /// Makes a table, with rows in it from the start when there is an update: its first metadata file has the snapshot already.
  package func create(_ metadata: TableMetadata, adding update: (any SnapshotUpdate)? = nil) async throws(IcebergError) -> CommitOutcome {
    let work = CommitWork(store: store, ids: ids, now: now, engine: engine)
    var first = metadata
    let location: Location
    do {
      if let update { first = try await update.apply(to: metadata, work) }
      if let keeper = pointer.keeper { return try await create(first, keeper) }
      location = try await work.writeMetadata(first, after: nil)
    } catch {
      if error.kind != .commitStateUnknown { await work.discard() }
      throw error
    }
    do {
      try await pointer.create(at: location, first)
    } catch {
      // The entry may be there all the same.
      let current: Location?
      do { current = try await pointer.current() } catch let failure {
        guard (failure.kind == .notFound && !error.mayHappenLater) || error.kind == .alreadyExists else {
          throw IcebergError(
            .commitStateUnknown, "it is not known whether the table was made: \(error.message); looking it up failed as well: \(failure.message)",
            file: location.text, cause: error)
        }
        current = nil
      }
      guard current == location else {
        await work.discard()
        throw error
      }
    }
    return CommitOutcome(metadata: first, location: location)
  }

  /// Makes a table whose states the catalog keeps. One that is there after a lost answer is known by its id, or by that of its snapshot.
  private func create(_ first: TableMetadata, _ keeper: any StateKeeper) async throws(IcebergError) -> CommitOutcome {
    do { return try await keeper.create(first) } catch {
      if error.kind == .alreadyExists || error.kind == .refused { throw error }
      let failure: IcebergError
      do {
        let (location, metadata) = try await pointer.currentState(in: store)
        let isOurs = metadata.tableUUID == first.tableUUID || first.snapshots.contains { metadata.snapshot(id: $0.id) != nil }
        if isOurs { return CommitOutcome(metadata: metadata, location: location) }
        failure = IcebergError(.alreadyExists, "there is a table of that name")
      } catch let second {
        if second.kind == .notFound, second.file == nil, !error.mayHappenLater { throw error }
        failure = second
      }
      throw IcebergError(
        .commitStateUnknown, "it is not known whether the table was made: \(error.message); looking it up: \(failure.message)", cause: error)
    }
  }

  private func prepare(
    _ update: any SnapshotUpdate, _ table: TableCommit, _ expectedUUID: String?
  ) async throws(IcebergError) -> TableCommit.Attempt {
    let (baseLocation, base) = try await pointer.currentState(in: store)
    try base.checkUUID(expectedUUID, file: baseLocation)
    try await update.validate(base, against: nil, store)
    return try await table.attempt(try await update.apply(to: base, table.work), on: base, at: baseLocation)
  }
}

extension TableMetadata {
  /// - Throws: `validation` when this is another table of the same name.
  func checkUUID(_ expected: String?, file: Location) throws(IcebergError) {
    if let expected, let tableUUID, tableUUID != expected {
      throw IcebergError(.validation, "the table was dropped and made again meanwhile", file: file.text)
    }
  }
}
