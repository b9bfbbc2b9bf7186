import Frazil
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Turns Ctrl-C, SIGTERM and SIGHUP into the cancellation of the running statement, so that it removes what it wrote.
///
/// A handler may do next to nothing, so it writes the signal's number into a pipe, and a thread reads it there. What a signal
/// does: while a statement runs, cancel it; a second one ends the process at once. While none runs, end the process, after rolling
/// back an open transaction; at a prompt Ctrl-C is a key of the line editor and comes here only from outside, where it does nothing.
final class SignalWatch: Sendable {
  private let state = Mutex(State())
  private struct State {
    var session: (any ScriptSession)?
    /// The process's session, whether or not a statement runs.
    var watched: (any ScriptSession)?
    var isEnding = false
    /// The first signal that came while the statement ran.
    var received: Int32?
    var isAtPrompt = false
  }

  private init() {}

  static func start() -> SignalWatch {
    // Output that nobody reads any more ends the process quietly, as with other tools, whatever the parent process did.
    signal(SIGPIPE, SIG_DFL)
    // A file beyond the limit of `ulimit -f` is an error of the write, not the end of the process.
    signal(SIGXFSZ, SIG_IGN)
    let watch = SignalWatch()
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return watch }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let box = Unmanaged.passRetained(WatchThread(watch: watch, input: ends[0]))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        // SAFETY: the pointer is the box that was retained for this thread.
        if let argument { Unmanaged<WatchThread>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, box.toOpaque())
    guard status == 0 else {
      box.release()
      return watch
    }
    pthread_detach(thread)
    signalPipe.store(ends[1], ordering: .releasing)
    // What is ignored, as under nohup, stays ignored.
    for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) {
      signal(number) { number in
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(signalPipe.load(ordering: .acquiring), &byte, 1)
      }
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

  /// From here on a signal that ends the process rolls the session's transaction back first.
  func watch(_ session: any ScriptSession) { state.withLock { $0.watched = session } }

  /// From here on a signal cancels the session's statement.
  func begin(_ session: any ScriptSession) {
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
    let session: (any ScriptSession)? = state.withLock { state in
      if let session = state.session, state.received == nil {
        state.received = number
        return session
      }
      if state.session == nil, state.isAtPrompt, number == SIGINT { return nil }
      guard state.session == nil, !state.isEnding, let watched = state.watched, watched.transactionState != .none else { Self.end(number) }
      state.isEnding = true
      Task.detached {
        await watched.close()
        Self.end(number)
      }
      return nil
    }
    session?.cancel()
  }

  private static func end(_ number: Int32) -> Never {
    TerminalMode.restoreOriginal()
    _exit(128 + number)
  }
}

/// Where the handler writes: handlers can reach nothing but globals.
private let signalPipe = Atomic<Int32>(-1)

/// What the waiting thread is handed.
private final class WatchThread: Sendable {
  private let watch: SignalWatch
  private let input: Int32

  init(watch: SignalWatch, input: Int32) {
    self.watch = watch
    self.input = input
  }

  func run() {
    while true {
      var byte: UInt8 = 0
      let got = read(input, &byte, 1)
      if got < 0 && errno == EINTR { continue }
      guard got == 1 else { return }
      watch.handle(Int32(byte))
    }
  }
}
