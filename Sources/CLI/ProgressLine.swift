import Frazil
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One line on the terminal while a long statement runs: share done, time left, rows, rate. Nothing when standard error is no terminal.
///
/// ```
/// [########............] 42%  7 s left  31.2 M rows, 6.1 M rows/s, 96 MiB/s  5 s
/// [########............] 42%  7 s left  21 of 50 files, 1.2 GiB of 2.9 GiB  ...        when files are written again
/// ```
final class ProgressLine: Sendable {
  private let session: any ScriptSession
  private let state = Mutex(State())
  private struct State {
    var task: Task<Void, Never>?
    var isShown = false
  }

  /// A statement shorter than this shows nothing.
  private static let patience = 1.0

  init(session: any ScriptSession) { self.session = session }

  func start() {
    guard isatty(STDERR_FILENO) == 1 else { return }
    let session = self.session
    let task = Task { [weak self] in
      let begin = ContinuousClock.now
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(200))  // an early wake-up only means that we were cancelled
        let seconds = begin.duration(to: .now) / .seconds(1)
        guard !Task.isCancelled, seconds > Self.patience else { continue }
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
    let width = TerminalMode.width(of: STDERR_FILENO) ?? 80
    state.withLock { state in
      guard state.task != nil else { return }
      _ = writeAll(Array("\r\(text.prefix(width - 1))\u{1B}[K".utf8), to: STDERR_FILENO)
      state.isShown = true
    }
  }

  static func text(_ progress: Progress, seconds: Double) -> String {
    var parts: [String] = []
    let isByFiles = progress.fileBytesTotal > 0
    let (done, total) =
      isByFiles ? (progress.fileBytesDone, progress.fileBytesTotal) : (progress.splitsDone, progress.splitsTotal)
    if total > 0 {
      let share = min(1, Double(done) / Double(total))
      let filled = Int(share * 20)
      parts.append(
        "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled) + "] \(Int(share * 100))%")
      if share > 0.02 && share < 1 { parts.append("\(Quantity.seconds((seconds / share * (1 - share)).rounded(.up))) left") }
    }
    if isByFiles {
      parts.append(
        "\(progress.filesDone) of \(progress.filesTotal) files, \(Quantity.bytes(Double(done))) of \(Quantity.bytes(Double(total)))")
    }
    if let stage = progress.stage { parts.append(stage) }
    if progress.stage != nil, progress.rowsRead == 0, progress.bytesRead > 0 { parts.append("\(Quantity.bytes(Double(progress.bytesRead))) scanned") }
    if progress.rowsRead > 0 {
      var rates = "\(Quantity.count(Double(progress.rowsRead))) rows, \(Quantity.count(Double(progress.rowsRead) / seconds)) rows/s"
      if progress.bytesRead > 0 { rates += ", \(Quantity.bytes(Double(progress.bytesRead) / seconds))/s" }
      parts.append(rates)
    }
    if progress.rowsWritten > 0 { parts.append("\(Quantity.count(Double(progress.rowsWritten))) rows written") }
    if progress.bytesSpilled > 0 { parts.append("\(Quantity.bytes(Double(progress.bytesSpilled))) spilled") }
    parts.append(parts.isEmpty ? "running for \(Quantity.seconds(seconds))" : Quantity.seconds(seconds))
    return parts.joined(separator: "  ")
  }
}
