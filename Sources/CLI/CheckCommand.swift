import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Main {
  /// `frazil check TABLE...`: 0 when no table has errors, 1 when one has, 2 when one could not be checked, 128 + n ended by signal n.
  static func check(_ tables: [String], _ options: CommandOptions, _ signals: SignalWatch) async -> Int32 {
    let session: Session
    do { session = try Engine(options.configuration).makeSession() } catch {
      writeError("\(error)")
      return 2
    }
    var reports: [TableReport] = []
    for table in tables {
      let progress = ProgressLine(session: session)
      progress.start()
      signals.begin(session)
      let report = await session.check(table: table)
      let signal = signals.end()
      progress.stop()
      if let signal { return 128 + signal }
      reports.append(report)
    }
    let text = options.reportsJSON ? TableReport.json(reports) : reports.map(\.text).joined()
    guard write(text, to: options.output) else {
      writeError("cannot write \(options.output ?? "the report"): \(String(cString: strerror(errno)))")
      return 2
    }
    if reports.contains(where: { $0.outcome == .failed }) { return 2 }
    return reports.contains { $0.outcome == .problems } ? 1 : 0
  }

  /// - Parameter path: nil is standard output.
  /// - Returns: false with `errno` set when that failed.
  private static func write(_ text: String, to path: String?) -> Bool {
    guard let path else { return writeAll(Array(text.utf8), to: STDOUT_FILENO) }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { return false }
    let isWritten = writeAll(Array(text.utf8), to: descriptor)
    return close(descriptor) == 0 && isWritten
  }
}
