import Glibc
import Storage
import Synchronization

/// Lends the threads of workers that do not write to those that do: the columns of a row group are encoded side by side.
///
/// A table fed by one big file is written by one worker; the others would only watch.
final class EncodingHelpers: Sendable {
  private let workerCount: Int
  private let activeWriters = Atomic<Int>(0)
  private let pool: BlockingPool?

  init(workerCount: Int) {
    self.workerCount = workerCount
    pool = workerCount > 1 ? BlockingPool(threadCount: workerCount - 1) : nil
  }

  func writerStarted() { activeWriters.add(1, ordering: .relaxed) }
  func writerFinished() { activeWriters.subtract(1, ordering: .relaxed) }

  /// `ParquetWriterOptions.runParallel`; nil when there is one worker only.
  var runParallel: (@Sendable (Int, @escaping @Sendable (Int) -> Void) -> Void)? {
    guard pool != nil else { return nil }
    return { [self] count, body in run(count, body) }
  }

  private func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let helpers = min(count - 1, workerCount - activeWriters.load(ordering: .relaxed))
    guard helpers > 0, let pool else {
      for index in 0..<count { body(index) }
      return
    }
    let round = Round(count: count, body)
    for _ in 0..<helpers { pool.submit { round.help() } }
    round.help()
    round.waitUntilDone()
  }

  /// One call of `run`: threads take indices until there are none. A thread that comes too late finds none, and touches nothing.
  // SAFETY: every stored variable is touched with `mutex` held; `body` is called only between taking an index and counting it as done.
  private final class Round: @unchecked Sendable {
    private let count: Int
    private var body: (@Sendable (Int) -> Void)?
    private var nextIndex = 0
    private var done = 0
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(count: Int, _ body: @escaping @Sendable (Int) -> Void) {
      self.count = count
      self.body = body
      pthread_mutex_init(mutex, nil)
      pthread_cond_init(changed, nil)
    }

    deinit {
      pthread_cond_destroy(changed)
      pthread_mutex_destroy(mutex)
      changed.deallocate()
      mutex.deallocate()
    }

    func help() {
      pthread_mutex_lock(mutex)
      while nextIndex < count, let body {
        let index = nextIndex
        nextIndex += 1
        pthread_mutex_unlock(mutex)
        body(index)
        pthread_mutex_lock(mutex)
        done += 1
        if done == count { pthread_cond_broadcast(changed) }
      }
      pthread_mutex_unlock(mutex)
    }

    func waitUntilDone() {
      pthread_mutex_lock(mutex)
      while done < count { pthread_cond_wait(changed, mutex) }
      body = nil
      pthread_mutex_unlock(mutex)
    }
  }
}
