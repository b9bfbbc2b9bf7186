import ArgumentParser
import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs the statements of a script one after the other and writes their results.
struct ScriptRunner {
  let session: Session
  let target: ResultTarget

  /// - Parameter name: the file the script came from, for errors.
  /// - Returns: false when a statement failed; the rest is not run then.
  func run(script: String, name: String?) async -> Bool {
    let statements: [ScriptStatement]
    do {
      statements = try session.statements(in: script)
    } catch {
      report(error, in: script, name: name)
      return false
    }
    for statement in statements {
      let progress = ProgressLine(session: session)
      let interrupts = InterruptHandler(session: session)
      progress.start()
      interrupts.start()
      defer {
        interrupts.stop()
        progress.stop()
      }
      do {
        let result = try await session.run(statement)
        try await target.write(result, before: { progress.stop() })
        progress.stop()
        if let count = result.rowsAffected { writeError("rows affected: \(count)") }
        for note in result.notes { writeError(note) }
      } catch let error as SQLError {
        progress.stop()
        report(error, in: script, name: name)
        return false
      } catch {
        progress.stop()
        writeError("\(error)")
        return false
      }
    }
    return true
  }

  private func report(_ error: SQLError, in script: String, name: String?) {
    writeError((name.map { "\($0): " } ?? "") + error.rendered(in: SourceText(script)))
  }
}

/// Standard output or a file, in the chosen format.
final class ResultTarget {
  private let descriptor: Int32
  private let path: String?
  private let format: OutputFormat
  private var isFirst = true

  init(path: String?, format: OutputFormat) throws {
    self.path = path
    self.format = format
    guard let path else {
      descriptor = STDOUT_FILENO
      return
    }
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    if descriptor < 0 {
      writeError("cannot write \(path): \(String(cString: strerror(errno)))")
      throw ExitCode(1)
    }
  }

  /// - Parameter before: called once, right before the first bytes are written.
  func write(_ result: StatementResult, before: () -> Void) async throws {
    guard !result.columns.isEmpty else { return }
    var writer = ResultWriter(format: format, columns: result.columns, terminalWidth: path == nil ? terminalWidth() : nil)
    // A blank line sets the frames of several results apart.
    var pending: [UInt8] = isFirst || (format != .table && format != .markdown) ? [] : [10]
    isFirst = false
    pending += writer.begin()
    for try await batch in result.rows {
      pending += writer.write(batch)
      if pending.count > 1 << 16 { try flush(&pending, before) }
    }
    pending += writer.end()
    try flush(&pending, before)
  }

  private func flush(_ bytes: inout [UInt8], _ before: () -> Void) throws {
    before()
    guard writeAll(bytes, to: descriptor) else {
      throw SQLError(.genericExternal, "cannot write the result: \(String(cString: strerror(errno)))")
    }
    bytes.removeAll(keepingCapacity: true)
  }

  /// - Returns: false when the last bytes could not be written.
  func finish() -> Bool { path == nil || close(descriptor) == 0 }

  private func terminalWidth() -> Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }
}
