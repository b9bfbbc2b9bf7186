import Glibc

/// The threads of one query's data plane: pthreads with large stacks, never Swift's cooperative ones, because workers decode,
/// wait for pages and may recurse.
///
/// The thread that calls `run` is worker 0; `count - 1` further threads wait for work in between. Threads belong to one query,
/// so a query that waits for its reader holds up nobody else.
// SAFETY: every stored variable is touched with `mutex` held.
final class WorkerPool: @unchecked Sendable {
  let count: Int
  private let shared: Shared

  /// - Parameters:
  ///   - count: workers, including the calling thread. When the system refuses threads there are fewer helpers: `run` then does their part
  ///     itself, one after the other.
  ///   - working: what a helper's life is spent in, `Cancellation.whileThreadWorks` of its query.
  init(count: Int, working: @escaping @Sendable (() -> Void) -> Void) {
    self.count = max(1, count)
    shared = Shared()
    for _ in 1..<max(1, count) {
      let shared = shared
      _ = Self.startThread { working { shared.work() } }
    }
  }

  deinit { shared.close() }

  /// Calls `body` once for each of `0 ..< width`, at most `count` at a time, and returns when all calls have.
  func run(width: Int, _ body: @escaping @Sendable (Int) -> Void) {
    if width <= 1 {
      if width == 1 { body(0) }
      return
    }
    shared.post(width: width, body)
    shared.helpUntilDone()
  }

  /// Runs `body` on a thread of its own; on the caller's when the system has no thread to give.
  static func detached(_ body: @escaping @Sendable () -> Void) {
    if !startThread(body) { body() }
  }

  /// Reserved, not used: expressions and pipelines are as deep as the statement.
  private static let stackByteCount = 64 << 20

  private final class Start {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private static func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    pthread_attr_init(attributes)
    defer {
      pthread_attr_destroy(attributes)
      attributes.deallocate()
    }
    pthread_attr_setstacksize(attributes, stackByteCount)
    pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
    let start = Unmanaged.passRetained(Start(body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, attributes,
      { raw in
        if let raw { Unmanaged<Start>.fromOpaque(raw).takeRetainedValue().body() }
        return nil
      }, start.toOpaque())
    if code != 0 { start.release() }
    return code == 0
  }

  /// What threads share; they hold it, so that the pool itself can go away.
  // SAFETY: every stored variable is touched with `mutex` held.
  private final class Shared: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var body: (@Sendable (Int) -> Void)?
    private var nextIndex = 0
    private var width = 0
    private var running = 0
    private var isClosed = false

    init() {
      pthread_mutex_init(mutex, nil)
      pthread_cond_init(changed, nil)
    }

    deinit {
      pthread_cond_destroy(changed)
      pthread_mutex_destroy(mutex)
      changed.deallocate()
      mutex.deallocate()
    }

    private func lock() { pthread_mutex_lock(mutex) }
    private func unlock() { pthread_mutex_unlock(mutex) }

    func close() {
      lock()
      isClosed = true
      pthread_cond_broadcast(changed)
      unlock()
    }

    func post(width: Int, _ body: @escaping @Sendable (Int) -> Void) {
      lock()
      self.body = body
      self.width = width
      nextIndex = 0
      pthread_cond_broadcast(changed)
      unlock()
    }

    func helpUntilDone() {
      lock()
      runAvailable()
      while running > 0 { pthread_cond_wait(changed, mutex) }
      body = nil
      unlock()
    }

    func work() {
      lock()
      while !isClosed {
        if nextIndex < width { runAvailable() } else { pthread_cond_wait(changed, mutex) }
      }
      unlock()
    }

    /// With the lock held: takes indices until there are none, releasing the lock around each call.
    private func runAvailable() {
      while nextIndex < width, let body {
        let index = nextIndex
        nextIndex += 1
        running += 1
        unlock()
        body(index)
        lock()
        running -= 1
        if running == 0 { pthread_cond_broadcast(changed) }
      }
    }
  }
}
