import Foundation
import Synchronization

/// usage: model [--statements N] [--seed S] [--threads N] [--life SEED]
///
/// Random INSERT, UPDATE, DELETE and MERGE statements on Iceberg tables in memory, compared with a naive model of tables as multisets of
/// rows. Ends with a report of what was covered and `N passed, N failed`: statements, and lives of tables that went wrong.
/// The statements depend on the seed alone, not on the number of threads.
@main
struct Main {
  /// From this number of statements on, an empty cell of the coverage report is a failure.
  private static let coveredFrom = 100_000

  static func main() async {
    var statements = 200_000
    var seed: UInt64 = 1
    var threads = 2
    var life: UInt64?
    var arguments = CommandLine.arguments.dropFirst()[...]
    while let argument = arguments.popFirst() {
      switch (argument, arguments.popFirst()) {
      case ("--statements", let text?): statements = number(text)
      case ("--seed", let text?): seed = number(text)
      case ("--threads", let text?): threads = max(1, number(text))
      case ("--life", let text?): life = number(text)
      default: usage()
      }
    }
    let memory = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : FileManager.default.temporaryDirectory.path
    let folder = memory + "/model-\(ProcessInfo.processInfo.processIdentifier)"
    let plans = life.map { [LifePlan(seed: $0)] } ?? LifePlan.plans(seed: seed, statements: statements)
    print("seed \(seed), \(plans.count) lives of tables, \(threads) threads; scripts of those that run are in \(folder)")
    fflush(nil)
    let total = await run(plans, threads, folder)
    removeFolder(folder)

    print(total.coverage.report)
    for text in total.failures { print("\n" + text) }
    let gaps = statements >= coveredFrom && life == nil ? total.coverage.gaps : []
    for gap in gaps { print("never tried: \(gap)") }
    let failed = total.failures.count + gaps.count
    print("\(total.statements) passed, \(failed) failed")
    exit(failed == 0 && total.statements > 0 ? 0 : 1)
  }

  private static func number<Number: FixedWidthInteger>(_ text: String) -> Number {
    guard let number = Number(text) else { usage() }
    return number
  }

  private static func usage() -> Never {
    FileHandle.standardError.write(Data("usage: model [--statements N] [--seed S] [--threads N] [--life SEED]\n".utf8))
    exit(2)
  }

  private struct Total {
    var statements = 0
    var coverage = Coverage()
    var failures: [String] = []
  }

  /// What the threads share.
  private final class Counters: Sendable {
    /// Lives begun.
    let lives = Atomic(0)
    let failures = Atomic(0)
    /// After some failures more would not tell more.
    static let failureLimit = 5
  }

  private static func run(_ plans: [LifePlan], _ threads: Int, _ folder: String) async -> Total {
    let counters = Counters()
    return await withTaskGroup(of: Total.self) { group in
      for _ in 0..<threads {
        group.addTask {
          var total = Total()
          while counters.failures.load(ordering: .relaxed) < Counters.failureLimit {
            let index = counters.lives.add(1, ordering: .relaxed).oldValue
            guard index < plans.count else { break }
            let place = "\(folder)/life-\(plans[index].seed)"
            let (count, coverage, failure) = await plans[index].run(folder: place)
            total.statements += count
            total.coverage.add(coverage)
            if let failure {
              total.failures.append(failure)
              counters.failures.add(1, ordering: .relaxed)
            }
            removeFolder(place)
          }
          return total
        }
      }
      var all = Total()
      for await total in group {
        all.statements += total.statements
        all.coverage.add(total.coverage)
        all.failures += total.failures
      }
      return all
    }
  }

  private static func removeFolder(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)  // a leftover costs memory only
  }
}
