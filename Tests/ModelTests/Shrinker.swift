import Foundation

/// Finds a short script that still shows a mismatch, by leaving statements out and running the rest again.
struct Shrinker {
  let birth: TableLife.Birth
  /// Scratch folder for the catalogs of the runs.
  let folder: String
  private static let runLimit = 400

  /// The statements that are left, and how they fail; nil when the failure does not show again.
  func shrink(_ statements: [ModelStatement]) async -> (script: [String], mismatch: TableLife.Mismatch)? {
    guard var best = await failure(statements) else { return nil }
    var kept = Array(statements.prefix(best.count))
    var size = max(1, kept.count / 2)
    var runs = 0
    while runs < Self.runLimit {
      var isSmaller = false
      var start = kept.count - size
      while start > -size, runs < Self.runLimit {
        var fewer = kept
        fewer.removeSubrange(max(0, start)..<min(kept.count, start + size))
        runs += 1
        if fewer.count < kept.count, let found = await failure(fewer) {
          kept = Array(fewer.prefix(found.count))
          best = found
          isSmaller = true
        }
        start -= size
        start = min(start, kept.count - size)
      }
      if size == 1, !isSmaller { break }
      if !isSmaller { size = max(1, size / 2) }
    }
    return (best.script, best.mismatch)
  }

  /// Runs statements on new tables and compares all rows after each.
  ///
  /// - Returns: how many statements it took to fail; nil when none did, or one of them means nothing without those left out.
  private func failure(
    _ statements: [ModelStatement]
  ) async -> (count: Int, script: [String], mismatch: TableLife.Mismatch)? {
    let place = folder + "/shrink"
    defer { try? FileManager.default.removeItem(atPath: place) }  // a leftover costs memory only
    do {
      var life = try await TableLife(birth, folder: place)
      for (index, statement) in statements.enumerated() {
        do {
          try await life.apply(statement)
          try await life.compareRows()
          try await life.checkTables()
        } catch let mismatch as TableLife.Mismatch {
          return (index + 1, life.script, mismatch)
        }
      }
    } catch {
      return nil
    }
    return nil
  }
}
