package import Columnar
import Glibc
package import Planner
package import SQLSyntax

/// The rows of a running query, in order of arrival (for ORDER BY, in order). Reading it drives nothing: workers run ahead
/// up to `ExecutionOptions.resultBufferBytes`. Letting go of the stream stops the query.
package struct BatchStream: AsyncSequence, Sendable {
  package typealias Element = Batch
  package typealias Failure = SQLError

  package let columns: [OutputColumn]
  package let statistics: PlanStatistics
  private let owner: StreamOwner

  init(queue: BatchQueue, columns: [OutputColumn], statistics: PlanStatistics) {
    owner = StreamOwner(queue)
    self.columns = columns
    self.statistics = statistics
  }

  package func makeAsyncIterator() -> Iterator { Iterator(owner: owner) }

  package struct Iterator: AsyncIteratorProtocol {
    package typealias Failure = SQLError
    fileprivate let owner: StreamOwner

    package mutating func next() async throws(SQLError) -> Batch? {
      try await next(isolation: nil)
    }

    package mutating func next(isolation actor: isolated (any Actor)?) async throws(SQLError) -> Batch? {
      try await owner.queue.pop()
    }
  }

  /// All remaining rows.
  package func collect() async throws(SQLError) -> [Batch] {
    var batches: [Batch] = []
    var iterator = makeAsyncIterator()
    while let batch = try await iterator.next() { batches.append(batch) }
    return batches
  }

  /// Stops the query; what was not read is lost.
  package func cancel() { owner.queue.abandon() }
}

/// Stops the query when the stream and all its iterators are gone.
private final class StreamOwner: Sendable {
  let queue: BatchQueue
  init(_ queue: BatchQueue) { self.queue = queue }
  deinit { queue.abandon() }
}

/// Batches on their way from workers to the reader. Workers wait when too much is waiting, but only while somebody can still read.
// SAFETY: every stored variable is touched with `mutex` held.
final class BatchQueue: @unchecked Sendable {
  let stop = StopFlag()
  private let limit: Int
  private let context: QueryContext
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var batches: [(Batch, Int)] = []
  private var nextBatch = 0
  private var heldBytes = 0
  private var isClosed = false
  private var isAbandoned = false
  private var error: SQLError?
  private var reader: CheckedContinuation<Void, Never>?

  init(limit: Int, context: QueryContext) {
    self.limit = limit
    self.context = context
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// Adds a batch; waits while the buffer is full. The wait ends for good when the reader is gone or the query is cancelled.
  func push(_ batch: Batch, worker: Worker) throws {
    let bytes = batch.estimatedByteCount
    pthread_mutex_lock(mutex)
    while heldBytes >= limit && !isAbandoned {
      var deadline = timespec()
      clock_gettime(CLOCK_REALTIME, &deadline)
      deadline.tv_nsec += 50_000_000
      if deadline.tv_nsec >= 1_000_000_000 {
        deadline.tv_nsec -= 1_000_000_000
        deadline.tv_sec += 1
      }
      pthread_cond_timedwait(changed, mutex, &deadline)
      if worker.stop.isSet || context.cancellation.isCancelled { break }
    }
    if !isAbandoned {
      batches.append((batch, bytes))
      heldBytes += bytes
    }
    let waiting = reader
    reader = nil
    pthread_mutex_unlock(mutex)
    waiting?.resume()
    try worker.check()
  }

  /// The end, or the error that ended the query.
  func close(_ error: SQLError?) {
    pthread_mutex_lock(mutex)
    isClosed = true
    self.error = error
    let waiting = reader
    reader = nil
    pthread_mutex_unlock(mutex)
    waiting?.resume()
  }

  /// The reader goes away: workers stop at their next batch.
  func abandon() {
    pthread_mutex_lock(mutex)
    isAbandoned = true
    batches = []
    nextBatch = 0
    heldBytes = 0
    let isRunning = !isClosed
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
    stop.set()
    // Waits for storage look at the statement's own flag.
    if isRunning { context.cancellation.cancel() }
  }

  func pop() async throws(SQLError) -> Batch? {
    while true {
      if let answer = try takeNow() { return answer }
      if isEnded() { return nil }
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in wait(continuation) }
      } onCancel: {
        context.cancellation.cancel()
      }
    }
  }

  private func isEnded() -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return (isClosed || isAbandoned) && nextBatch == batches.count
  }

  /// Rows that were made before an error are not handed out once it is known.
  private func takeNow() throws(SQLError) -> Batch? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if let error { throw error }
    guard nextBatch < batches.count else { return nil }
    let (batch, bytes) = batches[nextBatch]
    nextBatch += 1
    if nextBatch == batches.count {
      batches.removeAll(keepingCapacity: true)
      nextBatch = 0
    } else if nextBatch > 64 && nextBatch * 2 > batches.count {
      batches.removeFirst(nextBatch)
      nextBatch = 0
    }
    heldBytes -= bytes
    pthread_cond_broadcast(changed)
    return batch
  }

  /// Resumes the reader at once when something has happened since it looked.
  private func wait(_ continuation: CheckedContinuation<Void, Never>) {
    pthread_mutex_lock(mutex)
    let isReady = nextBatch < batches.count || isClosed || isAbandoned
    if !isReady { reader = continuation }
    pthread_mutex_unlock(mutex)
    if isReady { continuation.resume() }
  }
}

/// Ends the last pipeline of a query.
struct ResultSink: Sink {
  private let queue: BatchQueue

  init(_ queue: BatchQueue) { self.queue = queue }

  func makeLocal(_ worker: Worker) throws -> any Consumer { Local(queue, worker) }

  private final class Local: Consumer {
    private let queue: BatchQueue
    private let worker: Worker

    init(_ queue: BatchQueue, _ worker: Worker) {
      self.queue = queue
      self.worker = worker
    }

    func consume(_ batch: Batch) throws -> Demand {
      try queue.push(batch, worker: worker)
      return .more
    }

    func finish() throws {}
  }
}
