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
  private let file: UnsafeMutablePointer<FILE>
  private let path: String?
  private let format: OutputFormat
  private var isFirst = true
  private var hasFailed = false

  init(path: String?, format: OutputFormat) throws {
    self.path = path
    self.format = format
    guard let path else {
      file = stdout
      return
    }
    guard let opened = fopen(path, "w") else {
      writeError("cannot write \(path): \(String(cString: strerror(errno)))")
      throw TargetError.cannotOpen
    }
    file = opened
  }

  enum TargetError: Error { case cannotOpen }

  /// - Parameter before: called once, right before the first bytes are written.
  func write(_ result: StatementResult, before: () -> Void) async throws {
    guard !result.columns.isEmpty else { return }
    let width = path == nil ? terminalWidth() : nil
    var writer = ResultWriter(format: format, columns: result.columns, terminalWidth: width)
    before()
    if !isFirst && (format == .table || format == .markdown) { put([10]) }
    isFirst = false
    put(writer.begin())
    for try await batch in result.rows { put(writer.write(batch)) }
    put(writer.end())
    fflush(file)
    if hasFailed {
      throw SQLError(.generic("OUTPUT_ERROR"), "cannot write the result: \(String(cString: strerror(errno)))")
    }
  }

  private func put(_ bytes: [UInt8]) {
    guard !bytes.isEmpty, !hasFailed else { return }
    if fwrite(bytes, 1, bytes.count, file) != bytes.count { hasFailed = true }
  }

  /// - Returns: false when the last bytes could not be written.
  func close() -> Bool {
    let flushed = fflush(file) == 0 && !hasFailed
    if path != nil { return fclose(file) == 0 && flushed }
    return flushed
  }

  private func terminalWidth() -> Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }
}
