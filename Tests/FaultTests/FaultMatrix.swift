import Frazil
import Iceberg
import Storage

/// Every statement, with every call of its storage failing in turn in every way.
///
/// Afterwards, seen by a new process: the table is the old or the new one; the new one when success was reported; nothing is left of a
/// statement that failed; every file of every snapshot is there and holds what its manifest says; the next statement works. What a
/// process that ended left behind, `remove_orphan_files` finds, and nothing else.
struct FaultMatrix: Sendable {
  let lockFolder: String

  struct Outcome: Sendable {
    var passed = 0
    var failures: [String] = []
  }

  /// What a table is to its readers.
  fileprivate struct Content: Equatable {
    var columns: [String]
    var rows: [String]
    var other: [String]
  }

  /// The table before and after the statement, and how many calls it makes.
  struct Baseline: Sendable {
    fileprivate let before: Place
    fileprivate let old: Content
    fileprivate let new: Content
    fileprivate let objects: [ObjectInfo]
    let callCount: Int
  }

  /// - Parameter folder: where the table says it lies.
  func baseline(_ scenario: Scenario, in folder: String = "/memory") async throws -> Baseline {
    let before = Place(store: MemoryStore(), folder: folder, lockFolder: lockFolder)
    var now = Place.now - Place.day * Int64(9 + scenario.setup.count)
    for statement in scenario.setup {
      try await before.session(now: now).rows(statement.split(separator: "${FOLDER}", omittingEmptySubsequences: false).joined(separator: folder))
      now += Place.day
    }
    if scenario.hasOrphan {
      for name in ["data/orphan.parquet", "metadata/orphan.avro"] {
        _ = try await before.store.write(before.tableFolder.appending(name), ByteSlice([1, 2, 3]))
      }
    }
    let after = before.copy
    let store = FaultStore(after.store, nil)
    try await after.session(through: store).rows(scenario.statement)
    let old = try await content(before, scenario)
    try await check(before)
    try await next(before, scenario, old)
    return Baseline(
      before: before, old: old, new: try await content(after, scenario), objects: try await before.objects(), callCount: store.callCount)
  }

  func run(_ scenario: Scenario) async -> Outcome {
    var outcome = Outcome()
    do {
      let baseline = try await baseline(scenario)
      for fault in Fault.allCases {
        // The calls of a run may differ by one or two from those of another: ids, and with them file sizes, are drawn anew.
        for call in 1...baseline.callCount + 3 {
          do {
            guard try await run(scenario, baseline, FaultStore.Plan(call: call, fault: fault)) != nil else { break }
            outcome.passed += 1
          } catch {
            outcome.failures.append("\(scenario.name), \(fault.rawValue) at call \(call): \(error)")
          }
        }
      }
    } catch {
      outcome.failures.append("\(scenario.name): \(error)")
    }
    return outcome
  }

  /// One statement with one fault, and all that must hold afterwards.
  ///
  /// - Returns: the place; nil when the statement made fewer calls.
  func run(_ scenario: Scenario, _ baseline: Baseline, _ plan: FaultStore.Plan) async throws -> Place? {
    let place = baseline.before.copy
    let store = FaultStore(place.store, plan)
    var failure: (any Error)?
    do { try await place.session(through: store).rows(scenario.statement) } catch { failure = error }
    guard store.hasFailed else {
      if let failure { throw Broken("failed without a fault: \(failure)") }
      return nil
    }
    if let failure, plan.fault == .slow { throw Broken("a slow call made the statement fail: \(failure)") }
    let found = try await content(place, scenario)
    guard found == baseline.new || (failure != nil && found == baseline.old) else {
      throw Broken("the table is \(found), old \(baseline.old), new \(baseline.new); the statement: \(failure.map { "\($0)" } ?? "done")")
    }
    // Most failures leave every object as it was: what holds for that state is known from the baseline.
    if try await place.objects() == baseline.objects { return place }
    try await check(place)
    var strays = try await place.strays()
    if failure == nil || !plan.fault.endsProcess {
      // What maintenance could not remove was there before; nothing else may be left.
      if scenario.removesFiles { strays.subtract(failure == nil ? [] : baseline.before.tableFiles) }
      guard strays.isEmpty else {
        throw Broken("left behind: \(strays.sorted()); the statement: \(failure.map { "\($0)" } ?? "done")")
      }
    }
    try await next(place, scenario, found)
    return place
  }

  /// Whoever comes next can change the table, and clean up.
  private func next(_ before: Place, _ scenario: Scenario, _ content: Content) async throws {
    let place = before.copy
    let session = try place.session()
    try await session.rows("INSERT INTO t (id, region) VALUES (99, 'z')")
    guard try await session.rows("SELECT count(*) FROM t") == [[.integer(Int64(content.rows.count + 1))]] else {
      throw Broken("a row was added, and the count is another")
    }
    try await session.rows("DELETE FROM t WHERE id = 99")
    try await session.rows("CALL system.remove_orphan_files('t')")
    let strays = try await place.strays()
    guard strays.isEmpty else { throw Broken("remove_orphan_files leaves \(strays.sorted())") }
    let last = try await self.content(place, scenario)
    guard last.rows == content.rows else { throw Broken("after the next statements the rows are \(last.rows), before \(content.rows)") }
    try await check(place)
  }

  private func content(_ place: Place, _ scenario: Scenario) async throws -> Content {
    let session = try place.session()
    let result = try await session.run("SELECT * FROM t")
    var content = Content(columns: result.columns.map { "\($0.name) \($0.type)" }, rows: [], other: [])
    content.rows = try await result.allRows().map { "\($0)" }.sorted()
    content.other = try await session.rows("SELECT name, type FROM \"t$refs\" ORDER BY name").map { "\($0)" }
    let (metadata, _) = try await place.metadata()
    content.other.append("\(metadata.properties.sorted { $0.key < $1.key })")
    content.other.append("\(metadata.partitionSpec.fields.map(\.name))")
    if let inspection = scenario.inspection { content.other += try await session.rows(inspection).map { "\($0)" } }
    return content
  }

  private func check(_ place: Place) async throws {
    let problems = try await place.session().tableProblems()
    guard problems.isEmpty else { throw Broken("check_table: \(problems)") }
  }
}

/// A promise that does not hold.
struct Broken: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
