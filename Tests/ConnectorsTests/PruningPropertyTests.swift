import Frazil
import JSONText
import TestSupport
import Testing

/// Random conditions over tables with random partition specs: a scan that skips gives the rows of one that reads everything.
@Suite("Skipping never loses rows")
struct PruningPropertyTests {
  /// A column with texts of values it holds, as `CAST('…' AS type)` takes them; nil is NULL.
  private struct ValueColumn {
    let name: String
    let type: String
    var texts: [String]

    func literal(_ random: inout SeededRandom) -> String {
      guard !texts.isEmpty, random.next() % 12 != 0 else { return "CAST(NULL AS \(type))" }
      let text = texts[Int(random.next() % UInt64(texts.count))]
      if type == "varbinary" { return "X'" + text.filter { $0 != " " } + "'" }
      return "CAST('\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))' AS \(type))"
    }

    func predicate(_ random: inout SeededRandom) -> String {
      let column = "\"\(name)\""
      let choice = random.next() % 12
      switch choice {
      case 0, 1: return "\(column) = \(literal(&random))"
      case 2: return "\(column) < \(literal(&random))"
      case 3: return "\(column) <= \(literal(&random))"
      case 4: return "\(column) > \(literal(&random))"
      case 5: return "\(column) >= \(literal(&random))"
      case 6: return "\(column) <> \(literal(&random))"
      case 7: return "\(column) IN (\(literal(&random)), \(literal(&random)), \(literal(&random)))"
      case 8: return "\(column) IS NULL"
      case 9: return "\(column) IS NOT NULL"
      case 10: return "\(column) BETWEEN \(literal(&random)) AND \(literal(&random))"
      default:
        if type == "varchar", let text = texts.randomElement(using: &random) {
          let prefix = text.prefix(1 + Int(random.next() % 4)).filter { !"%_'\\".contains($0) }
          return "\(column) LIKE '\(prefix)%'"
        }
        if type.hasPrefix("timestamp(6)"), type == "timestamp(6)", let text = texts.randomElement(using: &random) {
          let comparison = ["=", "<", "<=", ">", ">=", "<>"][Int(random.next() % 6)]
          return "CAST(\(column) AS date) \(comparison) DATE '\(text.prefix(10))'"
        }
        return "NOT (\(column) = \(literal(&random)))"
      }
    }
  }

  private static func condition(_ columns: [ValueColumn], _ random: inout SeededRandom, depth: Int = 0) -> String {
    guard depth < 2, random.next() % 3 == 0 else {
      return columns[Int(random.next() % UInt64(columns.count))].predicate(&random)
    }
    let left = condition(columns, &random, depth: depth + 1)
    let right = condition(columns, &random, depth: depth + 1)
    switch random.next() % 4 {
    case 0: return "(\(left) OR \(right))"
    case 1: return "NOT (\(left) AND \(right))"
    default: return "(\(left) AND \(right))"
    }
  }

  /// Types of columns that conditions are made for.
  private static func isComparable(_ type: String) -> Bool {
    !["array", "map", "row", "unknown", "uuid"].contains { type.hasPrefix($0) }
  }

  private static func columns(of relation: String, _ configuration: Configuration) async throws -> [ValueColumn] {
    let result = try await Engine(configuration).makeSession().run("SELECT * FROM \(relation) LIMIT 60")
    var columns = result.columns.map { ValueColumn(name: $0.name, type: $0.type, texts: []) }
    for try await batch in result.rows {
      for row in batch.texts { for (index, text) in row.enumerated() { if let text { columns[index].texts.append(text) } } }
    }
    // Names that differ in case only cannot be told apart in SQL.
    let folded = columns.map { $0.name.lowercased() }
    return columns.filter { column in isComparable(column.type) && folded.count { $0 == column.name.lowercased() } == 1 }
  }

  /// - Returns: how many of the conditions made the scan skip something.
  private static func check(
    _ relation: String, _ configuration: Configuration, conditions: Int, _ random: inout SeededRandom, seed: UInt64
  ) async throws -> Int {
    let columns = try await columns(of: relation, configuration)
    guard !columns.isEmpty else { return 0 }
    var everything = configuration
    everything.disabledRules = ["scan_predicates"]
    let pruned = try Engine(configuration).makeSession()
    let unpruned = try Engine(everything).makeSession()
    var skipping = 0
    for _ in 0..<conditions {
      let condition = condition(columns, &random)
      let sql = "SELECT * FROM \(relation) WHERE \(condition)"
      let found = try await texts(sql, pruned)
      let expected = try await texts(sql, unpruned)
      #expect(found == expected, "seed \(seed): \(sql)")
      if try await texts("EXPLAIN \(sql)", pruned).joined().contains("skipped") { skipping += 1 }
    }
    return skipping
  }

  private static func texts(_ sql: String, _ session: Session) async throws -> [String] {
    var rows: [String] = []
    for try await batch in try await session.run(sql).rows { rows += batch.texts.map { $0.map { $0 ?? "∅" }.joined(separator: "|") } }
    return rows.sorted()
  }

  // MARK: Tables made here

  private static let transforms: [(column: String, transforms: [String])] = [
    ("id", ["id", "bucket(4, id)", "truncate(10, id)"]), ("n", ["n", "bucket(3, n)", "truncate(7, n)"]),
    ("s", ["s", "bucket(4, s)", "truncate(2, s)"]), ("d", ["d", "bucket(4, d)", "year(d)", "month(d)", "day(d)"]),
    ("ts", ["ts", "bucket(4, ts)", "year(ts)", "month(ts)", "day(ts)", "hour(ts)"]),
    ("amount", ["amount", "bucket(4, amount)", "truncate(50, amount)"]), ("v", ["v"]), ("b", ["b"]),
    ("bin", ["bin", "bucket(3, bin)", "truncate(1, bin)"]),
  ]

  private static func row(_ random: inout SeededRandom) -> String {
    func value(_ text: (inout SeededRandom) -> String) -> String { random.next() % 8 == 0 ? "NULL" : text(&random) }
    let id = value { "\(Int64($0.next() % 60) - 20)" }
    let n = value { "CAST(\(Int64($0.next() % 40) - 20) AS integer)" }
    let s = value { random in
      let letters = ["a", "b", "ab", "δ", "漢", "z", "é"]
      return "'" + (0..<random.next() % 4).map { _ in letters[Int(random.next() % 7)] }.joined() + "'"
    }
    let d = value { "DATE '1970-01-01' + INTERVAL '\(Int64($0.next() % 800) - 400)' DAY" }
    let ts = value {
      "TIMESTAMP '1970-01-01 00:00:00' + INTERVAL '\(Int64($0.next() % 2_000) - 1_000)' HOUR + INTERVAL '0.001' SECOND * \($0.next() % 3)"
    }
    let amount = value { "CAST(\(Int64($0.next() % 400) - 200) AS decimal(9,2)) / 4" }
    let v = value { ["1.5E0", "nan()", "-0.0E0", "0.0E0", "infinity()", "-infinity()", "-7.25E0"][Int($0.next() % 7)] }
    let b = value { $0.next() % 2 == 0 ? "true" : "false" }
    let bin = value { ["X''", "X'00'", "X'ff'", "X'00ff'", "X'ffff'", "X'6162'"][Int($0.next() % 6)] }
    return "(\(id), \(n), \(s), \(d), CAST(\(ts) AS timestamp(6)), CAST(\(amount) AS decimal(9,2)), \(v), \(b), \(bin))"
  }

  @Test("tables with random partition specs", arguments: [11, 12, 13, 14] as [UInt64])
  func randomSpecs(seed: UInt64) async throws {
    var random = SeededRandom(seed)
    var skipping = 0
    for table in 0..<4 {
      let scratch = ScratchFolder()
      var configuration = Configuration(warehouse: scratch.path + "/warehouse")
      configuration.workers = 2
      configuration.now = 1_767_225_600_000_000
      configuration.seed = seed
      let session = try Engine(configuration).makeSession()
      let chosen = (0..<random.next() % 4).map { _ in Self.transforms[Int(random.next() % UInt64(Self.transforms.count))] }
      var terms: [String] = []
      for choice in chosen where !terms.contains(where: { $0.contains(choice.column) }) {
        terms.append(choice.transforms[Int(random.next() % UInt64(choice.transforms.count))])
      }
      let partitioning = terms.isEmpty ? "" : " PARTITIONED BY (\(terms.joined(separator: ", ")))"
      _ = try await session.run(
        """
        CREATE TABLE t (id bigint, n int, s string, d date, ts timestamp, amount decimal(9,2), v double, b boolean, bin binary)\(partitioning)
        LOCATION '\(scratch.path)/t' TBLPROPERTIES ('table_type' = 'ICEBERG')
        """)
      for _ in 0..<3 {
        let rows = (0..<4 + random.next() % 20).map { _ in Self.row(&random) }
        _ = try await session.run("INSERT INTO t VALUES \(rows.joined(separator: ", "))")
      }
      skipping += try await Self.check("t", configuration, conditions: 40, &random, seed: seed)
      print("random specs, seed \(seed), table \(table): partitioned by [\(terms.joined(separator: ", "))]")
    }
    #expect(skipping > 40)
  }

  @Test("tables of the corpus, evolved specs and schemas, defaults and deletes included", arguments: [21] as [UInt64])
  func corpus(seed: UInt64) async throws {
    var random = SeededRandom(seed)
    var skipping = 0
    let tables = try CorpusTable.all().filter { $0.outcome == "ok" && $0.name != "dk_lineitem" }
    for table in tables {
      let relation = table.relation(try table.expected.root.requireString("metadata"))
      skipping += try await Self.check(relation, table.configuration, conditions: 12, &random, seed: seed)
    }
    #expect(skipping > 100 || tables.isEmpty)
  }
}
