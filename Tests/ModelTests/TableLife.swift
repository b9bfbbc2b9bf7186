import Foundation
import Frazil
import Storage
import TestSupport

/// Two tables from their creation to the last statement: in the engine, and in the model.
struct TableLife {
  /// What differed.
  struct Mismatch: Error {
    var sql: String
    var message: String
    /// The engine's, when it says that it cannot do the statement.
    var code: String?

    init(sql: String, message: String) {
      self.sql = sql
      self.message = message
    }

    init(sql: String, _ error: SQLError, due: String? = nil) {
      self.sql = sql
      message = (due.map { "\($0) was due, the engine says " } ?? "failed: ") + "\(error)"
      code = error.code.name
    }
  }

  /// Everything a life begins with.
  struct Birth: Sendable {
    var seed: UInt64
    var settings: EngineSettings
    var layouts: [String: TableLayout]
    var database: ModelDatabase

    init(seed: UInt64, _ generator: inout Generator) {
      self.seed = seed
      settings = EngineSettings(&generator.random)
      database = ModelDatabase(tables: ["t0", "t1"].map { generator.table($0) })
      layouts = [:]
      for index in database.tables.indices {
        let layout = generator.layout()
        layouts[database.tables[index].name] = layout
        if layout.formatVersion == 3 { generator.addDefaults(to: &database.tables[index]) }
      }
    }
  }

  private struct Moment {
    var snapshot: String
    var table: String
    var rows: [String]
  }

  private(set) var database: ModelDatabase
  private(set) var layouts: [String: TableLayout]
  private(set) var coverage = Coverage()
  /// As a script for the command line.
  private(set) var script: [String] = []
  /// Whether the last statement made a snapshot for certain.
  private(set) var hasNewSnapshot = false
  private let engine: EngineUnderTest
  private var history: [Moment] = []
  private var lineage: RowLineage

  init(_ birth: Birth, folder: String) async throws {
    database = birth.database
    layouts = birth.layouts
    lineage = RowLineage()
    engine = try EngineUnderTest(birth.settings, folder: folder, seed: birth.seed)
    for table in database.tables {
      guard let layout = layouts[table.name] else { continue }
      script.append(layout.createStatement(table, location: nil))
      let sql = layout.createStatement(table, location: "mem://b/\(table.name)")
      do { _ = try await engine.run(sql) } catch { throw Mismatch(sql: sql, error) }
    }
  }

  /// Runs a statement in both.
  ///
  /// - Throws: `Mismatch`, and `Inapplicable` before anything is done.
  mutating func apply(_ statement: ModelStatement) async throws {
    var next = database
    let outcome = try next.apply(statement)
    let table = try database.table(statement.table)
    guard var layout = layouts[statement.table] else { throw Inapplicable() }
    let sql = statement.sql
    if case .vacuum = statement {
      try engine.passTenDays()
      script.append("-- from here on with --now \(Date(timeIntervalSince1970: Double(engine.now) / 1e6).ISO8601Format())")
      history = []
    }
    script.append(sql)
    hasNewSnapshot = false
    var kinds = statement.kinds
    switch outcome {
    case .fails(let due):
      kinds.insert(.failed)
      try await expectFailure(sql, due)
    case .done(let affected):
      if affected == 0 { kinds.insert(.changedNothing) }
      let found: Int?
      do { found = try await engine.run(sql) } catch { throw Mismatch(sql: sql, error) }
      if !kinds.isEmpty, found != affected {
        throw Mismatch(sql: sql, message: "\(Self.count(affected)) rows had to change, the engine says \(Self.count(found))")
      }
      database = next
      hasNewSnapshot = (affected ?? 0) > 0
    }
    if kinds.isEmpty { coverage.add("statement \(statement.word)") }
    coverage.add(kinds, LayoutLabel.labels(layout, table, statement.command))
    if case .setMode(_, let command, let mode) = statement {
      layout.modes[command] = mode
      layouts[statement.table] = layout
    }
  }

  private func expectFailure(_ sql: String, _ due: Set<DueError>) async throws {
    let files = engine.store.locations
    let words = due.map(\.rawValue).sorted().joined(separator: " or ")
    do {
      _ = try await engine.run(sql)
    } catch {
      guard due.contains(where: { $0.rawValue == error.code.name }) else {
        throw Mismatch(sql: sql, error, due: words)
      }
      guard engine.store.locations == files else {
        throw Mismatch(sql: sql, message: "the failed statement left \(engine.store.locations.filter { !files.contains($0) })")
      }
      return
    }
    throw Mismatch(sql: sql, message: "\(words) was due, but it succeeded")
  }

  private static func count(_ count: Int?) -> String { count.map(String.init) ?? "no" }

  // MARK: Checks

  /// Compares the rows of every table or of one, in version 3 with their lineage.
  mutating func compareRows(of name: String? = nil) async throws {
    for index in database.tables.indices where name == nil || database.tables[index].name == name {
      let table = database.tables[index]
      let hasLineage = layouts[table.name]?.formatVersion == 3
      let sql = "SELECT *\(hasLineage ? ", _row_id, _last_updated_sequence_number" : "") FROM \(table.name)"
      let rows = try await query(sql)
      let width = table.columns.count
      try Self.compare(table.shown, Self.shown(rows.map { $0.prefix(width) }), sql)
      if hasLineage {
        coverage.add("comparisons of row lineage")
        do { try lineage.check(&database.tables[index], rows) } catch { throw Mismatch(sql: sql, message: error.message) }
      }
    }
  }

  /// A query with a condition, which files may be skipped for.
  mutating func compareSelection(_ table: ModelTable, _ condition: Condition) async throws {
    let sql = "SELECT * FROM \(table.name) AS t WHERE \(condition.sql)"
    let rows = try table.rows.filter { try database.isSelected($0, of: table, condition) }
    try Self.compare(rows.map { ModelTable.shown($0.values) }.sorted(), Self.shown(try await query(sql)), sql)
    coverage.add("comparisons of selected rows")
  }

  /// Remembers the current state of a table that has just got a snapshot.
  mutating func remember(_ table: ModelTable) async throws {
    guard let id = try await query("SELECT snapshot_id FROM \"\(table.name)$refs\" WHERE name = 'main'").first?[0] else { return }
    history.append(Moment(snapshot: id, table: table.name, rows: table.shown))
  }

  /// Compares an earlier state with what it was.
  mutating func compareHistory(_ random: inout SeededRandom) async throws {
    if history.isEmpty { return }
    let moment = random.pick(history)
    let sql = "SELECT * FROM \(moment.table) FOR VERSION AS OF \(moment.snapshot)"
    try Self.compare(moment.rows, Self.shown(try await query(sql)), sql)
    coverage.add("comparisons of earlier snapshots")
  }

  /// The table against the specification.
  mutating func checkTables() async throws {
    for table in database.tables {
      let sql = "CALL system.check_table('\(table.name)')"
      let errors = try await query(sql).filter { $0[0] == "error" }
      if !errors.isEmpty { throw Mismatch(sql: sql, message: errors.map { ModelTable.joined($0) }.joined(separator: "\n")) }
      coverage.add("CALL system.check_table")
    }
  }

  /// Counts what the tables are made of now.
  mutating func describeFiles() async throws {
    for table in database.tables {
      let version = layouts[table.name]?.formatVersion ?? 0
      coverage.add("tables of format version \(version)")
      let files = try await query("SELECT content, file_format, count(*) FROM \"\(table.name)$files\" GROUP BY content, file_format")
      for file in files {
        let kind = file[0] == "0" ? "data files" : file[1] == "PUFFIN" ? "deletion vectors" : "position delete files"
        coverage.add("tables that end with \(kind)")
        if file[0] == "0", let text = file[2], let count = Int(text), count >= 8 { coverage.add("tables that end with 8 data files or more") }
      }
    }
  }

  private func query(_ sql: String) async throws -> [[String?]] {
    do { return try await engine.rows(sql) } catch { throw Mismatch(sql: sql, error) }
  }

  private static func shown(_ rows: [some Sequence<String?>]) -> [String] { rows.map { ModelTable.joined($0) }.sorted() }

  private static func compare(_ expected: [String], _ found: [String], _ sql: String) throws {
    if expected == found { return }
    var rest: [String: Int] = [:]
    for row in found { rest[row, default: 0] += 1 }
    for row in expected { rest[row, default: 0] -= 1 }
    let lines = rest.sorted { $0.key < $1.key }.flatMap { row, surplus in
      [String](repeating: (surplus < 0 ? "  - " : "  + ") + row, count: abs(surplus))
    }
    throw Mismatch(
      sql: sql, message: "expected \(expected.count) rows, found \(found.count)\n" + lines.prefix(20).joined(separator: "\n"))
  }
}
