import Columnar
import Functions
import Planner
import SQLSyntax

/// Parsing, binding and optimising one long statement against eight statements that are an eighth as long: what is linear costs the same,
/// a quadratic pass up to eight times as much.
func planningKernels() throws -> [Kernel] {
  let shapes: [(name: String, count: Int, statement: @Sendable (Int) -> String)] = [
    ("pivot cells", 4_000, pivot), ("projected columns", 4_000, projection), ("entries of IN", 8_000, inList), ("terms of AND", 800, conjunction),
    ("inputs of UNION ALL", 480, union),
  ]
  return try shapes.map { shape in
    let long = try PlannedStatement(shape.statement(shape.count))
    let short = try PlannedStatement(shape.statement(shape.count / 8))
    return Kernel(name: "plan: \(shape.count) \(shape.name)", limit: 2.5, count: shape.count) {
      try long.plan()
    } loop: {
      for _ in 0..<8 { short.planAgain() }
    }
  }
}

private func joined(_ count: Int, _ separator: String, _ piece: (Int) -> String) -> String {
  (0..<count).map(piece).joined(separator: separator)
}

@Sendable private func pivot(_ count: Int) -> String {
  "SELECT k, \(joined(count, ", ") { "max(CASE WHEN sample = 's\($0)' THEN v END) AS \"s\($0)\"" }) FROM l GROUP BY k ORDER BY k"
}

@Sendable private func projection(_ count: Int) -> String {
  "SELECT \(joined(count, ", ") { "v + \($0) AS c\($0)" }) FROM l WHERE v > 0"
}

@Sendable private func inList(_ count: Int) -> String {
  "SELECT k FROM l WHERE sample IN (\(joined(count, ", ") { "'s\($0)'" }))"
}

@Sendable private func conjunction(_ count: Int) -> String {
  "SELECT k FROM l WHERE \(joined(count, " AND ") { "v <> \($0)" })"
}

@Sendable private func union(_ count: Int) -> String {
  joined(count, " UNION ALL ") { "SELECT k, v + \($0) FROM l WHERE v > \($0)" }
}

/// A statement over one table that only knows its columns.
private struct PlannedStatement {
  private let sql: String
  private let relations: ResolvedRelations
  private let settings = BinderSettings(place: NamePlace(catalog: "awsdatacatalog", database: "db"), context: QueryContext())

  init(_ sql: String) throws {
    self.sql = sql
    let collector = TableReferenceCollector(functions: .standard, settings: settings)
    var relations = ResolvedRelations()
    for request in try collector.missing(in: Parser.parseQuery(sql), given: relations) { relations[request] = .table(LongTable(), name: "l") }
    self.relations = relations
  }

  func plan() throws {
    let bound = try Binder(relations: relations, functions: .standard, settings: settings).bind(Parser.parseQuery(sql))
    let columns = Optimizer().optimize(bound.plan).columns.count
    guard columns == bound.plan.columns.count else { throw SQLError(.genericInternalError, "the optimised plan has \(columns) columns") }
  }

  /// For the side that cannot throw: `plan` has run on it before.
  func planAgain() {
    do { try plan() } catch { fatalError("a statement that could be planned no longer can: \(error)") }
  }
}

private struct LongTable: Table {
  let schema = Schema([Field("k", .varchar), Field("sample", .varchar), Field("v", .double)])
  func planScan(_ request: ScanRequest) async throws -> any Scan { throw SQLError(.notSupported, "the kernels' table is only planned") }
  func beginWrite(_ kind: WriteKind) async throws -> any TableWrite { throw SQLError(.notSupported, "the kernels' table is only planned") }
}
