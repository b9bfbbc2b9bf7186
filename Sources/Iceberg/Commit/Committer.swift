package import Storage

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
package struct Committer: Sendable {
  private let pointer: any MetadataPointer
  private let store: any ObjectStore
  private let ids: IDSource
  private let now: @Sendable () -> Int64
  private let engine: [(key: String, value: String)]

  package struct Outcome: Sendable {
    package var metadata: TableMetadata
    package var location: Location
  }

  /// - Parameters:
  ///   - now: milliseconds since 1970 UTC.
  ///   - engine: what snapshot summaries say of who wrote them.
  package init(
    _ pointer: any MetadataPointer, store: any ObjectStore, ids: IDSource, now: @escaping @Sendable () -> Int64,
    engine: [(key: String, value: String)] = []
  ) {
    self.pointer = pointer
    self.store = store
    self.ids = ids
    self.now = now
    self.engine = engine
  }

  package func commit(_ update: any SnapshotUpdate, expectedUUID: String? = nil) async throws(IcebergError) -> Outcome {
    let work = CommitWork(store: store, ids: ids, now: now, engine: engine)
    var backoff: Backoff?
    while true {
      let attempt: Attempt
      do {
        attempt = try await prepare(update, work, expectedUUID)
      } catch {
        await work.discard()
        throw error
      }
      let outcome: SwapOutcome
      do {
        outcome = try await pointer.swap(from: attempt.baseLocation, to: attempt.location, attempt.metadata)
      } catch {
        outcome = try await judge(error, attempt, work)
      }
      switch outcome {
      case .swapped:
        await finish(attempt, work)
        return Outcome(metadata: attempt.metadata, location: attempt.location)
      case .conflict:
        await work.discard([attempt.location.text] + attempt.manifestLists)
        var wait = backoff ?? Backoff(TableProperties(attempt.metadata.properties))
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
  package func create(_ metadata: TableMetadata, adding update: (any SnapshotUpdate)? = nil) async throws(IcebergError) -> Outcome {
    let work = CommitWork(store: store, ids: ids, now: now, engine: engine)
    var first = metadata
    let location: Location
    do {
      if let update { first = try await update.apply(to: metadata, work) }
      location = try await work.writeMetadata(first, after: nil)
    } catch {
      await work.discard()
      throw error
    }
    do {
      try await pointer.create(at: location, first)
    } catch {
      // The entry may be there all the same.
      let current: Location?
      do { current = try await pointer.current() } catch let failure {
        guard failure.kind == .notFound || error.kind == .alreadyExists else {
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
    return Outcome(metadata: first, location: location)
  }

  private struct Attempt {
    var baseLocation: Location
    var metadata: TableMetadata
    var location: Location
    /// Of the snapshots that are new, on whatever branch.
    var manifestLists: [String]
    /// Metadata files that fell out of the log.
    var forgotten: [String]
  }

  private func prepare(_ update: any SnapshotUpdate, _ work: CommitWork, _ expectedUUID: String?) async throws(IcebergError) -> Attempt {
    let baseLocation = try await pointer.current()
    let base = try await TableMetadata.load(baseLocation, from: store)
    if let expectedUUID, let uuid = base.tableUUID, uuid != expectedUUID {
      throw IcebergError(.validation, "the table was dropped and made again meanwhile", file: baseLocation.text)
    }
    var next = try await update.apply(to: base, work)
    if next.tableUUID == nil { next.tableUUID = ids.uuid() }
    let (metadata, forgotten) = next.succeeding(base, file: baseLocation.text)
    let location = try await work.writeMetadata(metadata, after: baseLocation)
    let known = Set(base.snapshots.map(\.id))
    return Attempt(
      baseLocation: baseLocation, metadata: metadata, location: location,
      manifestLists: metadata.snapshots.filter { !known.contains($0.id) }.compactMap(\.manifestList), forgotten: forgotten)
  }

  /// What became of a swap that ended in an error: the pointer knows, or the log of what somebody else put on top of it.
  private func judge(_ error: IcebergError, _ attempt: Attempt, _ work: CommitWork) async throws(IcebergError) -> SwapOutcome {
    let isCommitted: Bool
    do {
      let current = try await pointer.current()
      if current == attempt.location {
        isCommitted = true
      } else if current == attempt.baseLocation {
        isCommitted = false
      } else {
        isCommitted = try await TableMetadata.load(current, from: store).metadataLog.contains { $0.file == attempt.location.text }
      }
    } catch let failure {
      // A table that is gone has no state this commit could be part of.
      if failure.kind == .notFound, error.kind == .notFound {
        await work.discard()
        throw error
      }
      throw IcebergError(
        .commitStateUnknown, "it is not known whether the commit took effect: \(error.message); looking it up failed as well: \(failure.message)",
        file: attempt.location.text, cause: error)
    }
    if isCommitted { return .swapped }
    await work.discard()
    throw error
  }

  /// Removes what the last attempt did not use, and old metadata files if the table wants that.
  private func finish(_ attempt: Attempt, _ work: CommitWork) async {
    var used = Set([attempt.location.text] + attempt.manifestLists)
    for list in attempt.manifestLists {
      do {
        for manifest in try await ManifestList.read(Location(list), from: store) { used.insert(manifest.path) }
      } catch { return }  // Better an orphan than a manifest too few.
    }
    await work.discard(except: used)
    guard TableProperties(attempt.metadata.properties).deletesOldMetadata else { return }
    for path in attempt.forgotten {
      do { try await store.delete([Location(path)]) } catch { continue }  // An orphan, which no reader sees.
    }
  }
}

/// How long to wait between attempts: doubled each time up to a limit, with some randomness so that writers do not march in step.
private struct Backoff {
  private var attemptsLeft: Int
  private var milliseconds: Int
  private let maximum: Int

  init(_ properties: TableProperties) {
    attemptsLeft = properties.commitRetries
    milliseconds = properties.commitRetryMinimumWait
    maximum = properties.commitRetryMaximumWait
  }

  mutating func next(table: String) async throws(IcebergError) {
    guard attemptsLeft > 0 else {
      throw IcebergError(.conflict, "the table at \(table) is changed by others all the time; the commit gave up")
    }
    attemptsLeft -= 1
    let wait = milliseconds / 2 + Int(truncatingIfNeeded: UInt64.random(in: 0 ... .max) % UInt64(max(1, milliseconds / 2 + 1)))
    milliseconds = min(maximum, milliseconds &* 2)
    do { try await Task.sleep(for: .milliseconds(wait)) } catch {
      throw IcebergError(.conflict, "cancelled while waiting for another commit", cause: error)
    }
  }
}
