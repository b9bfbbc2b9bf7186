import Frazil
import Iceberg
import Storage
import Synchronization
import TestSupport

/// Two to four writers change one table at once, every call of theirs in an order that a seed draws.
///
/// What the isolation level promises must hold for those that reported success; those that failed must have failed because of the
/// others, and have left nothing.
struct Interleavings: Sendable {
  /// A table that interleavings start from.
  struct Table: Sendable {
    var version: Int
    var mode: String
    var isolation: String
    var place: Place

    var mayRepeatDeletes: Bool { mode == "merge-on-read" }
  }

  struct Outcome: Sendable {
    var succeeded = 0
    var refused = 0
    var problem: String?
  }

  private static let start = [
    Row(id: 1, region: "a", x: 10), Row(id: 2, region: "a", x: 20), Row(id: 3, region: "b", x: 30), Row(id: 4, region: "b", x: 40),
    Row(id: 5, region: "a", x: 50), Row(id: 6, region: "c", x: 60),
  ]

  private let tables: [Table]
  private let lockFolder: String

  /// - Parameter lockFolder: where the catalog's lock lies.
  init(lockFolder: String) async throws {
    self.lockFolder = lockFolder
    var tables: [Table] = []
    for version in [2, 3] {
      for mode in ["merge-on-read", "copy-on-write"] {
        for isolation in ["serializable", "snapshot"] {
          let place = Place(store: MemoryStore(), folder: "/memory", lockFolder: lockFolder)
          let session = try place.session(seed: 1)
          let settings = ["delete", "update", "merge"].map { "'write.\($0).mode' = '\(mode)', 'write.\($0).isolation-level' = '\(isolation)'" }
          try await session.rows(
            """
            CREATE TABLE t (id bigint, region varchar, x bigint) PARTITIONED BY (region) LOCATION '/memory/t'
            TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '\(version)', 'commit.retry.min-wait-ms' = '1',
              \(settings.joined(separator: ", ")))
            """)
          try await session.rows("INSERT INTO t VALUES (1, 'a', 10), (2, 'a', 20), (3, 'b', 30), (7, 'b', 70)")
          try await session.rows("INSERT INTO t VALUES (4, 'b', 40), (5, 'a', 50), (6, 'c', 60)")
          try await session.rows("DELETE FROM t WHERE id = 7")
          tables.append(Table(version: version, mode: mode, isolation: isolation, place: place))
        }
      }
    }
    self.tables = tables
  }

  func run(seed: UInt64, explains: Bool = false) async -> Outcome {
    var random = SeededRandom(seed)
    let table = tables[random.below(tables.count)]
    let writerCount = 2 + random.below(3)
    var plans: [[RowStatement]] = []
    for writer in 0..<writerCount {
      plans.append((0..<(writerCount < 4 ? 1 + random.below(2) : 1)).map { RowStatement.random(&random, nextID: 7 + ($0 + writer) % 3) })
    }
    let place = Place(store: MemoryStore(copying: table.place.store), folder: table.place.folder, lockFolder: lockFolder)
    let scheduler = Scheduler(seed: random.next(), writers: writerCount)
    let log = CommitLog()
    var ended: [Ended] = []
    await withTaskGroup(of: [Ended].self) { group in
      for (writer, plan) in plans.enumerated() {
        group.addTask {
          await Self.run(plan, as: writer, in: place, scheduler, log, seed: seed &* 8 &+ UInt64(writer), table.mayRepeatDeletes)
        }
      }
      for await statements in group { ended += statements }
    }
    var outcome = Outcome()
    do {
      try await judge(ended, table, place, checksFiles: seed % 16 == 0)
    } catch {
      outcome.problem = "\(error)"
    }
    outcome.succeeded = ended.count { $0.failure == nil }
    outcome.refused = ended.count - outcome.succeeded
    if explains || outcome.problem != nil {
      var text = "seed \(seed): v\(table.version) \(table.mode) \(table.isolation), \(outcome.problem ?? "fine")"
      for statement in ended.sorted(by: { ($0.committed.commit ?? .max, $0.writer, $0.committed.begin) < ($1.committed.commit ?? .max, $1.writer, $1.committed.begin) }) {
        text += "\n    writer \(statement.writer), turns \(statement.committed.begin) to \(statement.committed.end), commit "
          + (statement.committed.commit.map { "\($0)" } ?? "-") + ": " + statement.committed.statement.sql + " → "
          + (statement.failure.map { "\($0)" } ?? statement.committed.count.map { "\($0) rows" } ?? "done")
      }
      text += "\n    turns: " + scheduler.turns.map { "\($0)" }.joined()
      if outcome.problem != nil { outcome.problem = text } else { say(text) }
    }
    return outcome
  }

  /// A statement that has ended, one way or the other.
  private struct Ended: Sendable {
    var writer: Int
    var committed: Committed
    var failure: SQLError?
  }

  private static func run(
    _ plan: [RowStatement], as writer: Int, in place: Place, _ scheduler: Scheduler, _ log: CommitLog, seed: UInt64, _ mayRepeatDeletes: Bool
  ) async -> [Ended] {
    defer { scheduler.finish(writer) }
    var ended: [Ended] = []
    do {
      let session = try place.session(as: writer, scheduler, log, seed: seed)
      for statement in plan {
        var committed = Committed(
          statement: statement, begin: scheduler.turnCount, end: 0, visibleAtStart: log.count, visibleAtEnd: 0, mayRepeatDeletes: mayRepeatDeletes)
        var failure: SQLError?
        do throws(SQLError) {
          let result = try await session.run(statement.sql)
          _ = try await result.allRows()
          committed.count = result.rowsAffected
        } catch { failure = error }
        committed.end = scheduler.turnCount
        let all = log.all
        committed.visibleAtEnd = all.count
        committed.commit = all.indices.first { $0 >= committed.visibleAtStart && all[$0] == writer }
        ended.append(Ended(writer: writer, committed: committed, failure: failure))
      }
    } catch {
      ended.append(
        Ended(
          writer: writer, committed: Committed(statement: .expire, begin: 0, end: 0, visibleAtStart: 0, visibleAtEnd: 0, mayRepeatDeletes: false),
          failure: error as? SQLError))
    }
    return ended
  }

  private func judge(_ ended: [Ended], _ table: Table, _ place: Place, checksFiles: Bool) async throws {
    let removesFiles = ended.contains { if case .expire = $0.committed.statement { true } else { false } }
    for statement in ended {
      guard let failure = statement.failure else { continue }
      let isExpected = failure.code == .icebergCommitError || (removesFiles && Self.isMissingFile(failure))
      guard isExpected else { throw Broken("a statement failed otherwise than because of the others: \(failure)") }
      guard statement.committed.commit == nil else { throw Broken("a statement that failed has committed") }
    }
    let session = try place.session()
    let end = try await session.rows("SELECT id, region, x FROM t").map { values -> Row in
      guard case .integer(let id) = values[0], case .text(let region) = values[1], case .integer(let x) = values[2] else {
        throw Broken("not a row: \(values)")
      }
      return Row(id: Int(id), region: region, x: Int(x))
    }.sorted()
    let strays = try await place.strays()
    guard strays.isEmpty else { throw Broken("left behind: \(strays.sorted())") }
    let done = ended.filter { $0.failure == nil }.map(\.committed)
    let holds =
      table.isolation == "serializable"
      ? Isolation.isSerializable(done, from: Self.start, to: end) : Isolation.isSnapshotIsolated(done, from: Self.start, to: end)
    guard holds else { throw Broken("not \(table.isolation): the rows are \(end)") }
    if checksFiles {
      let problems = try await session.tableProblems()
      guard problems.isEmpty else { throw Broken("check_table: \(problems)") }
    }
  }

  /// A reader of a snapshot that has expired meanwhile.
  private static func isMissingFile(_ error: SQLError) -> Bool {
    [.icebergMissingData, .hiveFileNotFound, .icebergInvalidMetadata, .icebergInvalidSnapshotID, .icebergFilesystemError].contains(error.code)
  }
}

extension Place {
  /// A writer whose every call waits for its turn.
  fileprivate func session(as writer: Int, _ scheduler: Scheduler, _ log: CommitLog, seed: UInt64) throws -> Session {
    let gated = GatedStore(store, scheduler, writer)
    var catalog = WatchedCatalog(inner: catalog(store))
    catalog.beforeLook = { await scheduler.pass(writer) }
    catalog.beforeChange = { await scheduler.pass(writer) }
    catalog.afterChange = { log.append(writer) }
    return try session(through: gated, catalog, seed: seed)
  }
}
