import Frazil
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One line on the terminal while a long statement runs: share done, rows, rate, time left. Nothing when standard error is no terminal.
final class ProgressLine: Sendable {
  private let session: Session
  private let state = Mutex(State())
  private struct State {
    var task: Task<Void, Never>?
    var isShown = false
  }

  init(session: Session) { self.session = session }

  func start() {
    guard isatty(STDERR_FILENO) == 1 else { return }
    let session = self.session
    let task = Task { [weak self] in
      let clock = ContinuousClock()
      let begin = clock.now
      while !Task.isCancelled {
        try? await clock.sleep(for: .milliseconds(200))  // an early wake-up only means that we were cancelled
        let elapsed = begin.duration(to: clock.now)
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        guard !Task.isCancelled, seconds > 1 else { continue }
        self?.show(Self.text(session.progress, seconds: seconds))
      }
    }
    state.withLock { $0.task = task }
  }

  func stop() {
    state.withLock { state in
      state.task?.cancel()
      state.task = nil
      if state.isShown { _ = writeAll(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO) }
      state.isShown = false
    }
  }

  private func show(_ text: String) {
    state.withLock { state in
      guard state.task != nil else { return }
      _ = writeAll(Array("\r\(text)\u{1B}[K".utf8), to: STDERR_FILENO)
      state.isShown = true
    }
  }

  static func text(_ progress: Progress, seconds: Double) -> String {
    var parts: [String] = []
    if progress.splitsTotal > 0 {
      let share = min(1, Double(progress.splitsDone) / Double(progress.splitsTotal))
      let filled = Int(share * 20)
      parts.append(
        "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled) + "] "
          + "\(Int(share * 100))%")
      if share > 0.02 && share < 1 { parts.append("\(Int(seconds / share * (1 - share)) + 1) s left") }
    }
    parts.append("\(progress.rowsRead) rows, \(Int(Double(progress.rowsRead) / max(seconds, 0.001))) rows/s")
    if progress.bytesSpilled > 0 { parts.append("\(progress.bytesSpilled >> 20) MiB spilled") }
    parts.append("\(Int(seconds)) s")
    return parts.joined(separator: "  ")
  }
}

/// Turns Ctrl-C into the cancellation of the running statement.
final class InterruptHandler: Sendable {
  private let session: Session
  private let task = Mutex<Task<Void, Never>?>(nil)

  init(session: Session) { self.session = session }

  func start() {
    let session = self.session
    interruptRequested.store(false, ordering: .relaxed)
    signal(SIGINT) { _ in interruptRequested.store(true, ordering: .relaxed) }
    task.withLock {
      $0 = Task {
        while !Task.isCancelled {
          try? await Task.sleep(for: .milliseconds(50))  // an early wake-up only means that we were cancelled
          if interruptRequested.exchange(false, ordering: .relaxed) { session.cancel() }
        }
      }
    }
  }

  func stop() {
    task.withLock {
      $0?.cancel()
      $0 = nil
    }
    signal(SIGINT, SIG_DFL)
  }
}

/// Set by the signal handler, which may do nothing else; read by the task above.
private let interruptRequested = Atomic<Bool>(false)
