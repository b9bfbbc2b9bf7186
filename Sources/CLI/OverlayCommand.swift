import Frazil

extension Main {
  /// `frazil overlay diff [DIR]`: what the overlay holds, as a result in any format.
  static func overlayDifferences(_ options: CommandOptions) async -> Int32 {
    do {
      let engine = try openOverlay(options)
      let target = try await ResultTarget(options.output, format: options.format, engine)
      let result = try await engine.overlayDifferences()
      try await target.write(result, before: {})
      for note in result.notes { writeError(note) }
      try await target.finish(isComplete: true)
      return 0
    } catch let error as CommandOptions.UsageError {
      writeError("frazil: \(error.message)")
      return 2
    } catch {
      writeError("\(error)")
      return 1
    }
  }

  /// `frazil overlay drop DIR [TABLE]`: all of it, or what it holds of one table.
  static func dropOverlay(_ table: String?, _ options: CommandOptions) async -> Int32 {
    do throws(SQLError) {
      if let table {
        try await openOverlay(options).dropFromOverlay(table: table)
      } else {
        try await Engine.removeOverlay(options.configuration.overlayDirectory ?? "")
      }
      return 0
    } catch {
      writeError("\(error)")
      return 1
    }
  }

  /// A folder that is not there is a mistake here, not the beginning of an overlay.
  private static func openOverlay(_ options: CommandOptions) throws(SQLError) -> Engine {
    try Engine.requireOverlay(options.configuration.overlayDirectory ?? "")
    return try Engine(options.configuration)
  }
}
