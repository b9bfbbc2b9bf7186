import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Main {
  /// `frazil overlay diff [DIR]`: what the overlay holds, as a result in any format.
  static func overlayDifferences(_ options: CommandOptions) async -> Int32 {
    guard let target = ResultTarget(path: options.output, format: options.format) else {
      writeError("frazil: cannot write \(options.output ?? ""): \(String(cString: strerror(errno)))")
      return 2
    }
    do throws(SQLError) {
      let result = try await openOverlay(options).overlayDifferences()
      try await target.write(result, before: {})
      for note in result.notes { writeError(note) }
      try await target.finish(isComplete: true)
      return 0
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
