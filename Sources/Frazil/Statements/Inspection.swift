import Catalogs
import Columnar
import Execution
import Functions
import Planner
import SQLSyntax

/// SHOW, DESCRIBE and EXPLAIN.
extension StatementRunner {
  func runExplain(_ explain: ExplainStatement) async throws -> StatementResult {
    guard case .query(let query) = explain.statement.kind else {
      throw SQLError.notSupported("EXPLAIN of \(explain.statement.kindName)", range: explain.statement.range)
    }
    let plan = optimize(try await bind(query).plan)
    if !explain.isAnalyze {
      let description = PlanDescription(plan)
      return planResult(explain.format == .json ? description.json : description.text())
    }
    let prepared = try await executor.prepare(plan)
    var rows = 0
    for try await batch in executor.run(prepared) { rows += batch.count }
    return planResult(AnalyzedPlan(prepared, resultRows: rows, context: context).text)
  }

  /// A plan's text, a row per line.
  private func planResult(_ text: String) -> StatementResult {
    textResult(["Query Plan"], text.split(separator: "\n", omittingEmptySubsequences: false).map { [String($0)] })
  }

  func runShow(_ show: ShowStatement, range: SourceRange) async throws -> StatementResult {
    switch show {
    case .catalogs(let pattern):
      return textResult(["Catalog"], matching([Engine.catalogName], pattern).map { [$0] })
    case .schemas(_, let pattern):
      return textResult(["database_name"], matching(try await catalog.databases().map(\.name), pattern).map { [$0] })
    case .tables(let name, let pattern):
      let database = try name.map { try resolveDatabase($0) } ?? session.database
      let names = try await located(name?.range ?? range) { try await catalog.tables(in: database).map(\.name) }
      return textResult(["tab_name"], matching(names, pattern).map { [$0] })
    case .views(let name, let pattern):
      let database = try name.map { try resolveDatabase($0) } ?? session.database
      let names = try await located(name?.range ?? range) {
        try await catalog.tables(in: database).filter(\.isView).map(\.name)
      }
      return textResult(["views"], matching(names, pattern).map { [$0] })
    case .columns(let name):
      return textResult(["column"], try await columns(of: name).map { [$0.name] })
    case .tableProperties(let name, let key):
      let entry = try await entry(name)
      let properties = entry.parameters.sorted { $0.key < $1.key }
      if let key {
        let value = entry.parameters[key.value]
        return textResult(["prpt_name"], [[value ?? "Table \(entry.database).\(entry.name) does not have property: \(key.value)"]])
      }
      return textResult(["prpt_name", "prpt_value"], properties.map { [$0.key, $0.value] })
    case .partitions(let name, let specification): return try await runShowPartitions(name, specification)
    case .createView(let name):
      let entry = try await entry(name)
      guard let text = entry.viewOriginalText, let view = try ViewEncoding(text) else {
        throw SQLError(.notSupported, "'\(name.spelling)' is not a view", range: name.range)
      }
      return textResult(["Create View"], [["CREATE VIEW \(entry.database).\(entry.name) AS\n\(view.sql)"]])
    case .functions(let pattern):
      let library = FunctionLibrary.standard.listing
      let wanted = Set(matching(library.map(\.name), pattern))
      return textResult(
        ["Function", "Return Type", "Argument Types", "Function Type", "Deterministic", "Description"],
        library.filter { wanted.contains($0.name) }.map {
          [$0.name, $0.returnType, $0.argumentTypes, $0.kind.rawValue, $0.isDeterministic ? "true" : "false", $0.description]
        })
    default:
      throw SQLError.notSupported("this form of SHOW is understood but not carried out yet", range: range)
    }
  }

  func runDescribe(_ describe: DescribeStatement) async throws -> StatementResult {
    let columns = try await columns(of: describe.name)
    return textResult(["col_name", "data_type", "comment"], columns.map { [$0.name, $0.type, $0.comment ?? ""] })
  }

  private func entry(_ name: QualifiedName) async throws -> CatalogTable {
    let (database, table) = try resolve(name)
    return try await located(name.range) { try await catalog.table(table, in: database) }
  }

  private func columns(of name: QualifiedName) async throws -> [CatalogColumn] {
    let entry = try await entry(name)
    return entry.storage.columns + entry.partitionKeys
  }

  /// Names that match a pattern: `*` any characters and `|` between alternatives, as in Hive; `%` and `_` as in LIKE.
  private func matching(_ names: [String], _ pattern: StringLiteral?) -> [String] {
    guard let pattern else { return names }
    let alternatives = pattern.value.lowercased().split(separator: "|", omittingEmptySubsequences: false).map(Array.init)
    return names.filter { name in alternatives.contains { Self.matches($0[...], Array(name.lowercased())[...]) } }
  }

  private static func matches(_ pattern: ArraySlice<Character>, _ text: ArraySlice<Character>) -> Bool {
    guard let first = pattern.first else { return text.isEmpty }
    switch first {
    case "*", "%":
      return matches(pattern.dropFirst(), text) || (!text.isEmpty && matches(pattern, text.dropFirst()))
    case "_": return !text.isEmpty && matches(pattern.dropFirst(), text.dropFirst())
    default: return text.first == first && matches(pattern.dropFirst(), text.dropFirst())
    }
  }
}
