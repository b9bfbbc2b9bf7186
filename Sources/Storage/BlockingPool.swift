import CIntrinsics
import Glibc
import Synchronization

/// A few threads for calls that block (files, later waits for the network), so that Swift's cooperative threads never do.
///
/// Threads start with the first job and stay; a job never waits for another job of the same pool.
package final class BlockingPool: Sendable {
  package static let shared = BlockingPool(threadCount: 4)

  private let state: ThreadQueue
  private let threadCount: Int

  package init(threadCount: Int) {
    self.threadCount = threadCount
    state = ThreadQueue()
  }

  deinit { state.close() }

  /// Runs `body` on a thread of the pool while the calling task is suspended.
  package func run<Value: Sendable>(
    _ body: @escaping @Sendable () throws(StorageError) -> Value
  ) async throws(StorageError) -> Value {
    let traffic = StorageTraffic.current
    let result: Result<Value, StorageError> = await withCheckedContinuation { continuation in
      submit {
        traffic.counting { continuation.resume(returning: Result { () throws(StorageError) in try body() }) }
      }
    }
    return try result.get()
  }

  /// Runs `job` some time later, after those submitted before it have started.
  package func submit(_ job: @escaping @Sendable () -> Void) {
    state.push(job, startingAtMost: threadCount)
  }
}

/// The queue the threads of one pool share. Held by the threads too, so that the pool itself can go away.
// SAFETY: every stored property is touched with `mutex` held.
private final class ThreadQueue: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [@Sendable () -> Void] = []
  private var nextJob = 0
  private var threads = 0
  private var idle = 0
  private var isClosed = false

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func push(_ job: @escaping @Sendable () -> Void, startingAtMost limit: Int) {
    pthread_mutex_lock(mutex)
    jobs.append(job)
    let mustStart = idle < jobs.count - nextJob && threads < limit
    if mustStart { threads += 1 } else { pthread_cond_signal(condition) }
    let isOnlyHope = threads == 1
    pthread_mutex_unlock(mutex)
    guard mustStart, !DetachedThread.start({ self.work() }) else { return }
    pthread_mutex_lock(mutex)
    threads -= 1
    pthread_mutex_unlock(mutex)
    // The system refuses more threads: with none running nobody else would do the job.
    if isOnlyHope { drain() }
  }

  func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  private func work() {
    while let job = take(waiting: true) { job() }
  }

  private func drain() {
    while let job = take(waiting: false) { job() }
  }

  private func take(waiting: Bool) -> (@Sendable () -> Void)? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while nextJob == jobs.count {
      if isClosed || !waiting { return nil }
      idle += 1
      pthread_cond_wait(condition, mutex)
      idle -= 1
    }
    let job = jobs[nextJob]
    nextJob += 1
    if nextJob == jobs.count {
      jobs.removeAll(keepingCapacity: true)
      nextJob = 0
    }
    return job
  }
}

/// A value another thread will deliver; `wait` blocks the calling thread, so it is for the engine's own threads only.
// SAFETY: `value` is touched with `mutex` held.
package final class Delivery<Value: Sendable>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var value: Value?

  package init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  package func deliver(_ value: Value) {
    pthread_mutex_lock(mutex)
    self.value = value
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  package func wait() -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let value { return value }
      pthread_cond_wait(condition, mutex)
    }
  }

  /// The value if it is there within that time, else nil.
  package func wait(milliseconds: Int) -> Value? {
    var end = timespec()
    clock_gettime(CLOCK_REALTIME, &end)
    end.tv_sec += milliseconds / 1_000
    end.tv_nsec += milliseconds % 1_000 * 1_000_000
    if end.tv_nsec >= 1_000_000_000 {
      end.tv_sec += 1
      end.tv_nsec -= 1_000_000_000
    }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while value == nil, pthread_cond_timedwait(condition, mutex, &end) == 0 {}
    return value
  }
}

extension Delivery {
  /// Waits; calls `stop` once when the statement that this thread works for is cancelled, and waits on for what comes of it.
  func wait(stop: () -> Void) -> Value {
    var hasStopped = false
    while true {
      if let value = wait(milliseconds: 50) { return value }
      if !hasStopped, frazil_thread_is_cancelled() {
        hasStopped = true
        stop()
      }
    }
  }
}

/// Runs `body` as a task and blocks the calling thread until it is done. For the engine's own threads; a task that calls it holds its thread
/// meanwhile, but cannot wait for itself: `body` runs on threads of its own. When the statement that the calling thread works for is cancelled,
/// so is the task.
package func waitForTask<Value: Sendable>(
  _ body: @escaping @Sendable () async throws(StorageError) -> Value
) throws(StorageError) -> Value {
  let delivery = Delivery<Result<Value, StorageError>>()
  let task = Task(executorPreference: StorageExecutor.shared) {
    do throws(StorageError) {
      delivery.deliver(.success(try await body()))
    } catch {
      delivery.deliver(.failure(error))
    }
  }
  return try delivery.wait { task.cancel() }.get()
}

/// Runs tasks that blocked threads wait for, apart from Swift's own threads: those may be among the blocked.
package final class StorageExecutor: TaskExecutor {
  package static let shared = StorageExecutor()

  private let pool = BlockingPool(threadCount: 4)

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    pool.submit { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
  }
}
