import Frazil

extension Main {
  /// `frazil check TABLE...`: 0 when no table has errors, 1 when one has, 2 when one could not be checked, 128 + n ended by signal n.
  static func check(_ tables: [String], _ options: CommandOptions, _ signals: SignalWatch) async -> Int32 {
    let engine: Engine
    do { engine = try Engine(options.configuration) } catch {
      writeError("\(error)")
      return 2
    }
    let session = engine.makeSession()
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
    do {
      let target = try await ResultTarget(options.output, format: options.format, engine)
      try await target.write(text)
      try await target.finish(isComplete: true)
    } catch {
      writeError((error as? CommandOptions.UsageError)?.message ?? "\(error)")
      return 2
    }
    if reports.contains(where: { $0.outcome == .failed }) { return 2 }
    return reports.contains { $0.outcome == .problems } ? 1 : 0
  }
}
