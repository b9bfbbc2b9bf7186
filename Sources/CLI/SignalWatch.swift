import Frazil
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Turns Ctrl-C, SIGTERM and SIGHUP into the cancellation of the running statement, so that it removes what it wrote.
///
/// The signals are blocked in every thread, and one thread waits for them: a handler could do next to nothing. What a signal
/// does: while a statement runs, cancel it; a second one ends the process at once. While none runs, end the process; at a prompt
/// Ctrl-C is a key of the line editor and comes here only from outside, where it does nothing.
final class SignalWatch: Sendable {
  private let state = Mutex(State())
  private struct State {
    var session: Session?
    /// The first signal that came while the statement ran.
    var received: Int32?
    var isAtPrompt = false
  }

  private init() {}

  /// Must be called before any other thread exists: threads inherit what is blocked.
  static func start() -> SignalWatch {
    // Output that nobody reads any more ends the process quietly, as with other tools, whatever the parent process did.
    signal(SIGPIPE, SIG_DFL)
    var watched = sigset_t()
    sigemptyset(&watched)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      // What is ignored, as under nohup, stays ignored.
      if !isIgnored(number) { sigaddset(&watched, number) }
    }
    pthread_sigmask(SIG_BLOCK, &watched, nil)
    let watch = SignalWatch()
    let box = Unmanaged.passRetained(WatchArguments(watch: watch, signals: watched))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        // SAFETY: the pointer is the box that was retained for this thread.
        Unmanaged<WatchArguments>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    if status == 0 {
      pthread_detach(thread)
    } else {
      box.release()
      pthread_sigmask(SIG_UNBLOCK, &watched, nil)
    }
    return watch
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    #if canImport(Darwin)
      let handler = action.__sigaction_u.__sa_handler
    #else
      let handler = action.__sigaction_handler.sa_handler
    #endif
    // Functions cannot be compared; SIG_IGN is the address 1.
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// From here on a signal cancels the session's statement.
  func begin(_ session: Session) {
    state.withLock {
      $0.session = session
      $0.received = nil
    }
  }

  /// - Returns: the signal that came since `begin`.
  func end() -> Int32? {
    state.withLock {
      $0.session = nil
      return $0.received
    }
  }

  func setAtPrompt(_ isAtPrompt: Bool) { state.withLock { $0.isAtPrompt = isAtPrompt } }

  fileprivate func handle(_ number: Int32) {
    let session: Session? = state.withLock { state in
      if let session = state.session, state.received == nil {
        state.received = number
        return session
      }
      if state.session == nil, state.isAtPrompt, number == SIGINT { return nil }
      TerminalMode.restoreOriginal()
      _exit(128 + number)
    }
    session?.cancel()
  }
}

/// What the waiting thread is handed.
private final class WatchArguments: Sendable {
  private let watch: SignalWatch
  private let signals: sigset_t

  init(watch: SignalWatch, signals: sigset_t) {
    self.watch = watch
    self.signals = signals
  }

  func run() {
    var signals = signals
    while true {
      var number: Int32 = 0
      guard sigwait(&signals, &number) == 0 else { return }
      watch.handle(number)
    }
  }
}
