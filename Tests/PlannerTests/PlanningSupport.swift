import Columnar
import Functions
import Planner
import SQLSyntax
import Testing

/// A table that only knows its columns: enough to bind and optimise.
struct FakeTable: Table {
  var schema: Schema
  var hiddenColumns: [Field] = [Field("$path", .varchar)]
  var statistics = TableStatistics()
  var rowCount: Int?

  init(_ columns: [(String, SQLType)], rows: Int? = nil) {
    schema = Schema(columns.map { Field($0.0, $0.1) })
    statistics = TableStatistics(rowCount: rows)
    rowCount = rows
  }

  struct Unreadable: Error {}
  func planScan(_ request: ScanRequest) async throws -> any Scan { throw Unreadable() }
  func beginWrite(_ kind: WriteKind) async throws -> any TableWrite { throw Unreadable() }
  func exactRowCount() async throws -> Int? { rowCount }
}

/// Tables and views by name, in one database `db`.
struct Planning {
  var tables: [String: FakeTable]
  var views: [String: ViewDefinition] = [:]
  var settings: BinderSettings
  var functions = FunctionLibrary.standIn

  init(tables: [String: FakeTable] = Planning.standardTables) {
    self.tables = tables
    settings = BinderSettings(
      place: NamePlace(catalog: "awsdatacatalog", database: "db"),
      context: QueryContext(nowMicroseconds: 1_767_225_600_000_000))
  }

  static let standardTables: [String: FakeTable] = [
    "t": FakeTable([("a", .integer), ("b", .varchar), ("c", .double), ("d", .date)], rows: 1000),
    "s": FakeTable([("a", .integer), ("x", .bigint), ("y", .varchar)], rows: 100),
    "u": FakeTable([("a", .integer), ("z", .double)], rows: 10),
    "l": FakeTable([("k", .varchar), ("sample", .varchar), ("v", .double), ("n", .integer)], rows: 100_000),
    "nested": FakeTable([
      ("id", .integer), ("list", .array(.integer)), ("m", .map(key: .varchar, value: .double)),
      ("r", .row([RowField(name: "f", type: .integer), RowField(name: "g", type: .varchar)])),
      ("rows", .array(.row([RowField(name: "p", type: .integer), RowField(name: "q", type: .varchar)]))),
    ]),
  ]

  /// Loads what a query names, round by round, as the engine does.
  func relations(for query: Query) throws -> ResolvedRelations {
    let collector = TableReferenceCollector(functions: functions, settings: settings)
    var relations = ResolvedRelations()
    while true {
      let missing = try collector.missing(in: query, given: relations)
      if missing.isEmpty { return relations }
      for request in missing {
        guard case .table(let parts) = request.subject, let name = parts.last else {
          relations[request] = .failed(SQLError(.functionNotFound, "no such function"))
          continue
        }
        if let table = tables[name] {
          relations[request] = .table(table, name: name)
        } else if let view = views[name] {
          relations[request] = .view(view)
        } else {
          relations[request] = .failed(
            SQLError(.tableNotFound, "Table '\(request.displayName)' does not exist"))
        }
      }
    }
  }

  func bind(_ sql: String) throws -> BoundQuery {
    let query = try Parser.parseQuery(sql)
    let binder = Binder(relations: try relations(for: query), functions: functions, settings: settings)
    return try binder.bind(query)
  }

  /// The bound plan's text.
  func bound(_ sql: String) throws -> String { try bind(sql).plan.explanation }

  /// The optimised plan's text; `only` runs just these rules.
  func optimized(_ sql: String, only rules: Set<OptimizerRule>? = nil) throws -> String {
    let disabled = rules.map { rules in Set(OptimizerRule.allCases.filter { !rules.contains($0) }.map(\.rawValue)) } ?? []
    let optimizer = Optimizer(
      settings: OptimizerSettings(disabledRules: disabled, context: settings.context), functions: functions)
    return optimizer.optimize(try bind(sql).plan).explanation
  }

  /// The error of a query as one line with its position: `COLUMN_NOT_FOUND: line 1:8: …`.
  func failure(_ sql: String) -> String {
    do {
      _ = try bind(sql)
      return "no error"
    } catch let error as SQLError {
      return error.summary(in: SourceText(sql)) + (error.hint.map { " (\($0))" } ?? "")
    } catch {
      return "\(error)"
    }
  }
}
