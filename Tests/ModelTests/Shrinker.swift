import Foundation

/// Finds a short script that still shows a mismatch: it leaves statements out, then parts of statements, and runs the rest again.
struct Shrinker {
  let birth: TableLife.Birth
  /// Scratch folder for the catalogs of the runs.
  let folder: String
  /// The engine's error that the mismatch is about; another one would be another mismatch.
  let code: String?

  private static let runLimit = 600

  private struct Found {
    var statements: [ModelStatement]
    var script: [String]
    var mismatch: TableLife.Mismatch
  }

  /// The script that is left, and how it fails; nil when the failure does not show again.
  func shrink(_ statements: [ModelStatement]) async -> (script: [String], mismatch: TableLife.Mismatch)? {
    guard var best = await failure(statements) else { return nil }
    var runs = 0
    func attempt(_ statements: [ModelStatement]) async -> Bool {
      runs += 1
      guard let found = await failure(statements) else { return false }
      best = found
      return true
    }

    var size = best.statements.count / 2
    while size > 0, runs < Self.runLimit {
      var end = best.statements.count
      var isSmaller = false
      while end > 0, runs < Self.runLimit {
        let start = max(0, end - size)
        var fewer = best.statements
        fewer.removeSubrange(start..<min(end, fewer.count))
        if !fewer.isEmpty, await attempt(fewer) { isSmaller = true }
        end = start
      }
      if !isSmaller { size /= 2 }
    }
    var index = 0
    while index < best.statements.count, runs < Self.runLimit {
      var isSimpler = false
      for simpler in best.statements[index].simpler where runs < Self.runLimit {
        var statements = best.statements
        statements[index] = simpler
        if await attempt(statements) {
          isSimpler = true
          break
        }
      }
      if !isSimpler { index += 1 }
    }
    return (best.script, best.mismatch)
  }

  /// Runs statements on new tables and compares all rows after each. Nil when none fails, or when one of them means nothing without
  /// those left out.
  private func failure(_ statements: [ModelStatement]) async -> Found? {
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
          guard mismatch.code == code else { return nil }
          return Found(statements: Array(statements.prefix(index + 1)), script: life.script, mismatch: mismatch)
        }
      }
    } catch {
      return nil
    }
    return nil
  }
}

extension ModelStatement {
  /// The same with less in it.
  fileprivate var simpler: [ModelStatement] {
    switch self {
    case .insertValues(let table, let columns, let rows):
      return Self.shorter(rows).map { .insertValues(table: table, columns: columns, rows: $0) }
    case .insertQuery(let table, let columns, let values, let query):
      return (query.condition?.parts ?? []).map {
        .insertQuery(table: table, columns: columns, values, Subquery(table: query.table, condition: $0))
      }
    case .delete(let table, let condition): return (condition?.parts ?? []).map { .delete(table: table, $0) }
    case .update(let table, let assignments, let condition):
      return Self.shorter(assignments).map { .update(table: table, $0, condition) }
        + (condition?.parts ?? []).map { .update(table: table, assignments, $0) }
    case .merge(let merge): return Self.simpler(merge).map { .merge($0) }
    case .truncate, .optimize, .vacuum, .addColumn, .dropColumn, .renameColumn, .widenColumn, .addPartitionField,
      .dropPartitionField, .setMode:
      return []
    }
  }

  private static func simpler(_ merge: ModelMerge) -> [ModelMerge] {
    var found: [ModelMerge] = []
    func add(_ change: (inout ModelMerge) -> Void) {
      var copy = merge
      change(&copy)
      found.append(copy)
    }
    for clauses in shorter(merge.clauses) { add { $0.clauses = clauses } }
    for part in merge.on.parts { add { $0.on = part } }
    if case .values(let columns, let rows) = merge.source {
      for rows in shorter(rows) { add { $0.source = .values(columns, rows) } }
    }
    for (index, clause) in merge.clauses.enumerated() {
      if let condition = clause.condition {
        add { $0.clauses[index].condition = nil }
        for part in condition.parts { add { $0.clauses[index].condition = part } }
      }
      if case .update(let assignments) = clause.action {
        for fewer in shorter(assignments) { add { $0.clauses[index].action = .update(fewer) } }
      }
    }
    return found
  }

  /// Without one half, or without one; never empty.
  private static func shorter<Part>(_ parts: [Part]) -> [[Part]] {
    guard parts.count > 1 else { return [] }
    let half = parts.count / 2
    let halves = parts.count > 3 ? [Array(parts.prefix(half)), Array(parts.dropFirst(half))] : []
    return halves + parts.indices.map { index in Array(parts[..<index] + parts[(index + 1)...]) }
  }
}

extension Condition {
  /// What it is made of.
  fileprivate var parts: [Condition] {
    switch self {
    case .and(let left, let right), .or(let left, let right): [left, right]
    case .not(let condition): condition.parts.map { .not($0) } + [condition]
    case .inSubquery(let operand, let column, let query):
      (query.condition?.parts ?? []).map { .inSubquery(operand, column: column, Subquery(table: query.table, condition: $0)) }
    case .exists(let query): (query.condition?.parts ?? []).map { .exists(Subquery(table: query.table, condition: $0)) }
    case .constant, .compare, .isNull, .isDistinct, .isIn, .between, .startsWith, .holds: []
    }
  }
}
