import CIntrinsics
import Synchronization

/// One flag, polled once per batch by whatever runs long.
package final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)

  package init() {}

  package var isCancelled: Bool { flag.load(ordering: .relaxed) }
  package func cancel() { flag.store(true, ordering: .relaxed) }

  /// Runs `body` on a thread that works for this statement alone: what waits for the network below looks at the flag meanwhile.
  package func whileThreadWorks(_ body: () -> Void) {
    // SAFETY: `self` lives until the call returns, and the thread's pointer to it is taken back before.
    frazil_set_thread_cancellation(Unmanaged.passUnretained(self).toOpaque()) { context in
      context.map { Unmanaged<Cancellation>.fromOpaque($0).takeUnretainedValue().isCancelled } ?? false
    }
    body()
    frazil_set_thread_cancellation(nil, nil)
    withExtendedLifetime(self) {}
  }

  package func check() throws(QueryCancelled) {
    if isCancelled { throw QueryCancelled() }
  }
}

/// The statement was cancelled by its caller.
package struct QueryCancelled: Error {
  package init() {}
}
