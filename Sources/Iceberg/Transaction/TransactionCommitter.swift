/// Makes the staged changes of several tables visible as one: each gets one metadata file, and all pointers are swapped or none.
package struct TransactionCommitter: Sendable {
  private let tables: [StagedTable]
  private let isSerializable: Bool
  private let group: any MetadataPointerGroup
  private let isCancelled: @Sendable () -> Bool

  /// - Parameters:
  ///   - tables: all that the transaction has touched.
  ///   - isSerializable: whether tables that were read must have the same rows still.
  ///   - group: the pointers of the tables, in their order.
  package init(
    _ tables: [StagedTable], isSerializable: Bool, _ group: any MetadataPointerGroup,
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) {
    self.tables = tables
    self.isSerializable = isSerializable
    self.group = group
    self.isCancelled = isCancelled
  }

  /// - Throws: `commitStateUnknown`, after which no file may be removed; after any other error nothing is visible, and the caller
  ///   discards the tables.
  package func commit() async throws(IcebergError) {
    let changed = tables.filter { $0.changeCount > 0 }
    guard let first = changed.first else { return }
    var attempts: [Int: TableCommit.Attempt] = [:]
    var backoff = CommitBackoff(changed.map { TableProperties($0.base.properties) }, isCancelled: isCancelled)
    while true {
      var swaps: [PointerSwap] = []
      for (index, table) in tables.enumerated() {
        if table.changeCount > 0 {
          let attempt = try await table.nextAttempt(after: attempts[index], isSerializable: isSerializable)
          attempts[index] = attempt
          swaps.append(
            PointerSwap(table: index, expected: attempt.baseLocation, base: attempt.base, new: (attempt.location, attempt.metadata)))
        } else if isSerializable, table.isRead {
          let state = try await table.unchangedState()
          swaps.append(PointerSwap(table: index, expected: state.location, base: state.metadata, new: nil))
        }
      }
      try checkCancellation(isCancelled)
      let outcome: SwapOutcome
      do {
        outcome = try await group.swap(swaps)
      } catch {
        guard error.kind != .refused, try await tookEffect(attempts, after: error) else { throw error }
        outcome = .swapped
      }
      switch outcome {
      case .swapped:
        for (index, attempt) in attempts { await tables[index].commit.finish(attempt) }
        return
      case .conflict: try await backoff.next(table: first.base.location)
      }
    }
  }

  /// All tables say the same, since the swap is one; when they do not, it was seen half way.
  private func tookEffect(_ attempts: [Int: TableCommit.Attempt], after error: IcebergError) async throws(IcebergError) -> Bool {
    var seen: Set<Bool> = []
    for (index, attempt) in attempts {
      seen.insert(try await tables[index].commit.tookEffect(attempt, after: error, isCancelled: isCancelled))
    }
    guard let answer = seen.first, seen.count == 1 else {
      throw IcebergError(
        .commitStateUnknown, "it is not known whether the transaction took effect: \(error.message); its tables disagree", cause: error)
    }
    return answer
  }
}
