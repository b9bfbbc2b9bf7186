import Foundation
import TestSupport

/// The life of two tables that a seed stands for.
struct LifePlan: Sendable {
  let seed: UInt64
  let statementCount: Int

  init(seed: UInt64) {
    self.seed = seed
    var random = SeededRandom(seed)
    statementCount = random.number(30..<61)
  }

  /// As many lives as it takes for so many statements.
  static func plans(seed: UInt64, statements: Int) -> [LifePlan] {
    var random = SeededRandom(seed)
    var plans: [LifePlan] = []
    var count = 0
    while count < statements {
      // Short numbers are easier to pass to --life.
      let plan = LifePlan(seed: random.next() >> 24)
      plans.append(plan)
      count += plan.statementCount
    }
    return plans
  }

  /// Runs it: how many statements passed, what they covered, and a report of the first mismatch.
  func run(folder: String) async -> (count: Int, coverage: Coverage, failure: String?) {
    var generator = Generator(seed: seed ^ 0x5DEE_CE66)
    let birth = TableLife.Birth(seed: seed, &generator)
    var statements: [ModelStatement] = []
    var coverage = Coverage()
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      var life = try await TableLife(birth, folder: folder)
      // Should the engine trap, the script so far is in the file.
      _ = FileManager.default.createFile(atPath: folder + "/script.sql", contents: Self.bytes(life.script))
      let log = FileHandle(forWritingAtPath: folder + "/script.sql")
      _ = try log?.seekToEnd()
      defer {
        coverage = life.coverage
        try? log?.close()  // what it holds is of no more use
      }
      do {
        for number in 1...statementCount {
          let statement = generator.statement(life.database, life.layouts)
          statements.append(statement)
          try log?.write(contentsOf: Self.bytes([statement.sql]))
          try await life.apply(statement)
          try await check(&life, after: statement, isLast: number == statementCount, &generator)
        }
      } catch {
        coverage = life.coverage
        return (statements.count - 1, coverage, await report(error, statements, life.script, birth, folder))
      }
      return (statements.count, life.coverage, nil)
    } catch {
      return (0, coverage, "life \(seed): \(error)")
    }
  }

  private func check(
    _ life: inout TableLife, after statement: ModelStatement, isLast: Bool, _ generator: inout Generator
  ) async throws {
    if generator.random.chance(30) { try await life.compareRows(of: statement.table) }
    if isLast { try await life.compareRows() }
    let table = try life.database.table(statement.table)
    if generator.random.chance(8) {
      try await life.compareSelection(table, generator.condition(table, generator.random.pick(life.database.tables)))
    }
    if life.hasNewSnapshot, generator.random.chance(10) { try await life.remember(table) }
    if generator.random.chance(5) { try await life.compareHistory(&generator.random) }
    if isLast, generator.random.chance(25) {
      try await life.checkTables()
      try await life.describeFiles()
    }
  }

  private func report(
    _ error: any Error, _ statements: [ModelStatement], _ script: [String], _ birth: TableLife.Birth, _ folder: String
  ) async -> String {
    var script = script
    var mismatch = error as? TableLife.Mismatch ?? TableLife.Mismatch(sql: statements.last?.sql ?? "", message: "\(error)")
    if let shorter = await Shrinker(birth: birth, folder: folder, code: mismatch.code).shrink(statements) {
      (script, mismatch) = shorter
    }
    let lines = script.map { $0.hasPrefix("--") ? $0 : $0 + ";" }
    return """
      FAILED: life \(seed) (model --life \(seed)), \(birth.settings)
      \(lines.joined(separator: "\n"))
      -- then: \(mismatch.sql)
      \(mismatch.message)
      """
  }

  private static func bytes(_ statements: [String]) -> Data { Data(statements.map { $0 + ";\n" }.joined().utf8) }
}
