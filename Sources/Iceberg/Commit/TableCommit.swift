import Storage

/// One table's part of a commit, over all its attempts: what a new state leads to, whether it took effect, what to tidy up.
struct TableCommit: Sendable {
  let pointer: any MetadataPointer
  let work: CommitWork

  /// A state that is ready to become current.
  struct Attempt: Sendable {
    let baseLocation: Location
    let base: TableMetadata
    let metadata: TableMetadata
    /// Nil where the catalog writes the metadata file.
    let location: Location?
    /// Metadata files that fell out of the log.
    fileprivate let forgotten: [String]

    /// Manifest lists that this attempt wrote.
    fileprivate var manifestLists: [String] {
      metadata.snapshots.filter { base.snapshot(id: $0.id) == nil }.compactMap(\.manifestList)
    }
  }

  /// Writes the metadata file of a new state, unless the catalog does.
  func attempt(_ next: TableMetadata, on base: TableMetadata, at baseLocation: Location) async throws(IcebergError) -> Attempt {
    var next = next
    if next.tableUUID == nil { next.tableUUID = work.ids.uuid() }
    let (metadata, forgotten) = next.succeeding(base, file: baseLocation.text)
    let location = pointer.keeper == nil ? try await work.writeMetadata(metadata, after: baseLocation) : nil
    return Attempt(baseLocation: baseLocation, base: base, metadata: metadata, location: location, forgotten: forgotten)
  }

  /// Makes an attempt current, if its base still is.
  func swap(_ attempt: Attempt) async throws(IcebergError) -> StateOutcome {
    guard let location = attempt.location else {
      guard let keeper = pointer.keeper else { return .conflict }
      return try await keeper.commit(attempt.metadata, on: attempt.base, at: attempt.baseLocation)
    }
    switch try await pointer.swap(from: attempt.baseLocation, to: location, attempt.metadata) {
    case .swapped: return .stored(CommitOutcome(metadata: attempt.metadata, location: location))
    case .conflict: return .conflict
    }
  }

  /// The state that an attempt led to, which took effect although the answer was lost.
  func outcome(of attempt: Attempt) async -> CommitOutcome {
    if let location = attempt.location { return CommitOutcome(metadata: attempt.metadata, location: location) }
    do {
      let (location, metadata) = try await pointer.currentState(in: work.store)
      return CommitOutcome(metadata: metadata, location: location)
    } catch {
      // The commit is there; that it cannot be read just now makes it no failure.
      return CommitOutcome(metadata: attempt.metadata, location: attempt.baseLocation)
    }
  }

  /// Removes what of an attempt that came too late the next one cannot use.
  func withdraw(_ attempt: Attempt) async { await work.discard((attempt.location.map { [$0.text] } ?? []) + attempt.manifestLists) }

  /// Whether a swap that ended in an error took effect: the pointer knows, or the log of what somebody else put on top of it.
  ///
  /// - Throws: `commitStateUnknown` when neither can be asked, the log does not reach back far enough, or what is not there may come yet.
  func tookEffect(
    _ attempt: Attempt, after error: IcebergError, isCancelled: @escaping @Sendable () -> Bool
  ) async throws(IcebergError) -> Bool {
    var backoff = CommitBackoff(statusCheckOf: TableProperties(attempt.metadata.properties), isCancelled: isCancelled)
    while true {
      let problem: String
      do {
        let answer = try await isPartOfHistory(attempt)
        if let answer, answer || !error.mayHappenLater { return answer }
        problem = answer == nil ? "the table's log does not reach back to it" : "it is not there, but may be on its way still"
      } catch let failure {
        // A table that is gone has no state this commit could be part of.
        if failure.kind == .notFound, error.kind == .notFound { return false }
        problem = "looking it up failed as well: \(failure.message)"
      }
      do { try await backoff.next(table: attempt.metadata.location) } catch _ {
        throw IcebergError(
          .commitStateUnknown, "it is not known whether the commit took effect: \(error.message); \(problem); its files were left",
          file: (attempt.location ?? attempt.baseLocation).text, cause: error)
      }
    }
  }

  /// Nil when the state is neither there nor passed over for sure: a base has one successor, and the log holds the newest states only.
  private func isPartOfHistory(_ attempt: Attempt) async throws(IcebergError) -> Bool? {
    let current = try await pointer.current()
    if current == attempt.location { return true }
    if current == attempt.baseLocation { return false }
    let state = try await TableMetadata.load(current, from: work.store)
    let log = Set(state.metadataLog.map(\.file))
    if let location = attempt.location {
      if log.contains(location.text) { return true }
    } else {
      guard let isMade = TableChanges(from: attempt.base, to: attempt.metadata).areContained(in: state, madeFrom: attempt.base) else { return nil }
      if isMade { return true }
    }
    return log.contains(attempt.baseLocation.text) ? false : nil
  }

  /// After the swap: removes what the attempt did not use, and old metadata files if the table wants that.
  func finish(_ attempt: Attempt) async {
    var used: Set<String> = attempt.location.map { [$0.text] } ?? []
    for list in attempt.manifestLists {
      used.insert(list)
      do {
        for manifest in try await ManifestList.read(Location(list), from: work.store) { used.insert(manifest.path) }
      } catch { return }  // Better an orphan than a manifest too few.
    }
    await work.discard(except: used)
    guard attempt.location != nil, TableProperties(attempt.metadata.properties).deletesOldMetadata else { return }
    for path in attempt.forgotten {
      do { try await work.store.delete([Location(path)]) } catch { continue }  // An orphan, which no reader sees.
    }
  }
}
