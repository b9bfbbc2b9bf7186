import Columnar
import Planner
import SQLSyntax

/// SHOW STATS FOR t | (query): what the optimiser knows, as Trino shows it. Nothing is read but metadata.
extension StatementRunner {
  func runShowStatistics(_ relation: Relation) async throws -> StatementResult {
    let query: Query
    switch relation.kind {
    case .subquery(let inner): query = inner
    case .table(let reference): query = Query(body: QueryBody(.table(reference.name), range: relation.range), range: relation.range)
    default: throw SQLError.notSupported("SHOW STATS FOR this", range: relation.range)
    }
    let bound = try await bind(query)
    let plan = optimize(bound.plan)
    let rowCount = plan.estimatedRowCount
    var statistics: [ColumnStatistics] = []
    // A table named twice at one version is the same; other versions have other names or ranges.
    var tables: [String: [ColumnStatistics]] = [:]
    for index in bound.outputColumns.indices {
      var column = ColumnStatistics()
      if let (scan, place) = plan.origin(ofColumn: index) {
        let key = "\(scan.tableName) \(scan.range)"
        let known = if let known = tables[key] { known } else { try await located(relation.range) { try await scan.table.columnStatistics() } }
        tables[key] = known
        if place < known.count { column = known[place] }
        if let rowCount, let count = column.distinctCount { column.distinctCount = min(count, rowCount) }
      }
      // A computed column is not the one that it is computed from.
      if bound.outputColumns[index].type != column.low?.type { (column.low, column.high) = (nil, nil) }
      statistics.append(column)
    }
    return result(of: zip(bound.outputColumns, statistics).map { ($0.name, $1) }, rowCount: rowCount)
  }

  /// A row per column, then one for the rows.
  private func result(of columns: [(name: String, statistics: ColumnStatistics)], rowCount: Double?) -> StatementResult {
    let names = ["column_name", "data_size", "distinct_values_count", "nulls_fraction", "row_count", "low_value", "high_value"]
    let shown = names.enumerated().map { index, name in ResultColumn(name: name, type: (1...4).contains(index) ? "double" : "varchar") }
    func texts(_ values: [String?]) -> Column {
      let builder = ColumnBuilder(type: .varchar, capacity: values.count)
      for value in values { if let value { builder.append(text: value) } else { builder.appendNull() } }
      return builder.finish()
    }
    func numbers(_ values: [Double?]) -> Column {
      let builder = ColumnBuilder(type: .double, capacity: values.count)
      for value in values { if let value { builder.append(fixed: value) } else { builder.appendNull() } }
      return builder.finish()
    }
    func text(_ scalar: Scalar?) -> String? { scalar.flatMap { ResultText(athena: .constant($0, count: 1)).string(0) } }
    let all = columns.map(\.statistics)
    let batch = Batch(
      columns: [
        texts(columns.map(\.name) + [nil]), numbers(all.map(\.byteCount) + [nil]), numbers(all.map(\.distinctCount) + [nil]),
        numbers(all.map(\.nullFraction) + [nil]), numbers(all.map { _ in nil } + [rowCount]), texts(all.map { text($0.low) } + [nil]),
        texts(all.map { text($0.high) } + [nil]),
      ], count: columns.count + 1)
    return StatementResult(columns: shown, rows: .of([ResultBatch(batch, columns: shown)]))
  }
}
