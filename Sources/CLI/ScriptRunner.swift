import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs the statements of a script one after the other and writes their results.
struct ScriptRunner {
  enum Outcome: Equatable {
    case succeeded
    case failed
    /// By this signal, while a statement ran.
    case interrupted(Int32)
  }

  let session: any ScriptSession
  let target: ResultTarget
  let signals: SignalWatch
  /// For the prompt: says what was done when a statement has no rows, and how long it took.
  var isTalkative = false
  var showsTime = false
  let scanned = ScanTotal()

  /// Says what of a script is known to be refused, all of it, before any of it runs.
  ///
  /// - Returns: whether there is nothing.
  func check(_ script: String, name: String?) -> Bool {
    let refusals = session.refusals(of: session.statements(in: script))
    for refusal in refusals { report(refusal, in: script, name: name) }
    return refusals.isEmpty
  }

  /// - Parameter name: the file the script came from, for errors.
  func run(_ script: String, name: String?) async -> Outcome {
    guard check(script, name: name) else { return .failed }
    for statement in session.statements(in: script) {
      let start = ContinuousClock.now
      let progress = ProgressLine(session: session)
      progress.start()
      signals.begin(session)
      let failure = await run(statement, progress)
      let signal = signals.end()
      progress.stop()
      if let failure { report(failure, in: script, name: name) }
      if showsTime {
        writeError("time: \(Quantity.seconds(start.duration(to: .now)))" + (failure == nil ? scan(of: statement) : ""))
      }
      if let signal { return .interrupted(signal) }
      if failure != nil { return .failed }
    }
    return .succeeded
  }

  /// What a statement scanned, and what that costs where it costs something. One that failed costs nothing.
  private func scan(of statement: ScriptStatement) -> String {
    if let cost = session.scanCost(of: statement) { return "; " + scanned.add(cost) }
    let progress = session.progress
    return progress.stage != nil && progress.bytesRead > 0 ? "; scanned \(Quantity.bytes(Double(progress.bytesRead)))" : ""
  }

  private func run(_ statement: ScriptStatement, _ progress: ProgressLine) async -> SQLError? {
    do throws(SQLError) {
      let result = try await session.run(statement)
      try await target.write(result, before: { progress.stop() })
      progress.stop()
      if let count = result.rowsAffected {
        writeError("rows affected: \(count)")
      } else if isTalkative, result.columns.isEmpty, let name = statement.kindName {
        writeError(name)
      }
      for note in result.notes { writeError(note) }
      return nil
    } catch {
      return error
    }
  }

  private func report(_ error: SQLError, in script: String, name: String?) {
    // Where a statement stood when its user stopped it explains nothing.
    let text = error.code == .userCanceled ? error.description : error.rendered(in: SourceText(script))
    writeError((name.map { "\($0): " } ?? "") + text)
  }
}
