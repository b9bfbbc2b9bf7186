import Foundation
import TestSupport

/// usage: faults [matrix | races | interleavings | export FOLDER] [--only TEXT] [--seed N] [--count N] [--explain] [--jobs N]
///
/// - `matrix`: every statement, with every call of its storage failing in every way. `--only` takes the scenarios whose names have TEXT.
/// - `races`: statements that others get in between of, one rule each.
/// - `interleavings`: writers whose calls alternate as seeds from `--seed` on say; `--explain` tells what happened in each.
/// - `export`: tables as faults left them, as files, with the rows that they must have, for other engines.
///
/// Without a command, the first three. Ends with `N passed, N failed`.
@main
struct Main {
  static func main() async {
    var command: String?
    var folder: String?
    var only = ""
    var seed: UInt64 = 1
    var count = 100_000
    // More than there are cores: much of the time of each is waiting for a thread to wake.
    var jobs = 8
    var explains = false
    var arguments = CommandLine.arguments.dropFirst()[...]
    func number<Number: FixedWidthInteger>(_ option: String) -> Number {
      guard let value = arguments.popFirst().flatMap({ Number($0) }) else { usage("\(option) N") }
      return value
    }
    while let argument = arguments.popFirst() {
      switch argument {
      case "matrix", "races", "interleavings": command = argument
      case "export":
        command = argument
        guard let name = arguments.popFirst() else { usage("export FOLDER") }
        folder = name
      case "--only":
        guard let text = arguments.popFirst() else { usage("--only TEXT") }
        only = text
      case "--seed": seed = number(argument)
      case "--count": count = number(argument)
      case "--jobs": jobs = max(1, number(argument))
      case "--explain": explains = true
      default: usage("unknown argument \(argument)")
      }
    }
    let scratch = ScratchFolder()
    let scenarios = Scenario.all.filter { only.isEmpty || $0.name.contains(only) }
    var total = Total()
    if let folder {
      total.add(await Export(folder: folder, matrix: FaultMatrix(lockFolder: scratch.path)).run(scenarios, seed: seed))
    }
    if command ?? "matrix" == "matrix" { total.add(await matrix(scenarios, scratch.path, jobs: jobs)) }
    if command ?? "races" == "races" { total.add(await races(scratch.path)) }
    if command ?? "interleavings" == "interleavings" {
      total.add(await interleavings(from: seed, count: count, scratch.path, jobs: jobs, explains: explains))
    }
    say("\(total.passed) passed, \(total.failed) failed")
    exit(total.failed == 0 && total.passed > 0 ? 0 : 1)
  }

  struct Total: Sendable {
    var passed = 0
    var failed = 0

    mutating func add(_ other: Total) {
      passed += other.passed
      failed += other.failed
    }
  }

  private static func matrix(_ scenarios: [Scenario], _ lockFolder: String, jobs: Int) async -> Total {
    let matrix = FaultMatrix(lockFolder: lockFolder)
    var total = Total()
    await inParallel(scenarios, jobs: jobs) { await matrix.run($0) } each: { scenario, outcome in
      total.add(Total(passed: outcome.passed, failed: outcome.failures.count))
      for text in outcome.failures.prefix(3) { say(text.prefix(2_000)) }
      if outcome.failures.count > 3 { say("\(scenario.name): \(outcome.failures.count) failed") }
    }
    say("  fault matrix: \(total.passed) passed, \(total.failed) failed (\(scenarios.count) scenarios)")
    return total
  }

  private static func races(_ lockFolder: String) async -> Total {
    var total = Total()
    for race in Race.all {
      do {
        try await race.run(lockFolder: lockFolder)
        total.passed += 1
      } catch {
        say("\(race.name): \(error)")
        total.failed += 1
      }
    }
    say("  races: \(total.passed) passed, \(total.failed) failed")
    return total
  }

  private static func interleavings(
    from seed: UInt64, count: Int, _ lockFolder: String, jobs: Int, explains: Bool
  ) async -> Total {
    var total = Total()
    var statements = (succeeded: 0, refused: 0)
    let report = FailureReport()
    // Each lane has a catalog of its own: writers of different tables must not wait for each other's lock.
    await inParallel(Array(0..<jobs), jobs: jobs) { lane in
      var found = (total: Total(), succeeded: 0, refused: 0)
      do {
        let interleavings = try await Interleavings(lockFolder: lockFolder + "/lane\(lane)")
        for index in stride(from: lane, to: count, by: jobs) {
          let outcome = await interleavings.run(seed: seed &+ UInt64(index), explains: explains)
          found.succeeded += outcome.succeeded
          found.refused += outcome.refused
          if let problem = outcome.problem {
            found.total.failed += 1
            report.show(problem)
          } else {
            found.total.passed += 1
          }
        }
      } catch {
        found.total.failed += 1
        report.show("the tables for interleavings cannot be made: \(error)")
      }
      return found
    } each: { _, found in
      total.add(found.total)
      statements.succeeded += found.succeeded
      statements.refused += found.refused
    }
    say(
      "  interleavings from seed \(seed): \(total.passed) passed, \(total.failed) failed "
        + "(\(statements.succeeded) statements succeeded, \(statements.refused) were refused)")
    return total
  }

  private static func inParallel<Item: Sendable, Value: Sendable>(
    _ items: [Item], jobs: Int, _ work: @escaping @Sendable (Item) async -> Value, each: (Item, Value) -> Void
  ) async {
    var left = items[...]
    await withTaskGroup(of: (Item, Value).self) { group in
      func start() {
        guard let item = left.popFirst() else { return }
        group.addTask { (item, await work(item)) }
      }
      for _ in 0..<jobs { start() }
      while let (item, value) = await group.next() {
        each(item, value)
        start()
      }
    }
  }

  private static func usage(_ message: String) -> Never {
    FileHandle.standardError.write(
      Data("faults: \(message)\nusage: faults [matrix | races | interleavings | export FOLDER] [--only TEXT] [--seed N] [--count N] [--explain] [--jobs N]\n".utf8))
    exit(2)
  }
}
