import Synchronization

/// One flag, polled once per batch by whatever runs long.
package final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)

  package init() {}

  package var isCancelled: Bool { flag.load(ordering: .relaxed) }
  package func cancel() { flag.store(true, ordering: .relaxed) }

  package func check() throws(QueryCancelled) {
    if isCancelled { throw QueryCancelled() }
  }
}

/// The statement was cancelled by its caller.
package struct QueryCancelled: Error {
  package init() {}
}
