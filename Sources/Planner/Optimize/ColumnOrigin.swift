/// Where columns come from, and what their tables know of them (ANALYZE): for estimates only.
extension LogicalPlan {
  /// The scan that reads a column, and the column's table index. Nil when it is computed.
  package func origin(ofColumn index: Int) -> (scan: ScanNode, column: Int)? {
    switch self {
    case .scan(let node): return (node, node.tableColumns[index])
    case .filter(let input, _), .sort(let input, _), .limit(let input, _, _), .topN(let input, _, _, _, _), .sample(let input, _):
      return input.origin(ofColumn: index)
    case .project(let input, let expressions): return input.origin(of: expressions[index].expression)
    case .window(let node): return index < node.input.columns.count ? node.input.origin(ofColumn: index) : nil
    case .aggregate(let node): return index < node.keys.count ? node.input.origin(of: node.keys[index].expression) : nil
    case .join(let node):
      let leftWidth = node.left.columns.count
      if index < leftWidth { return node.left.origin(ofColumn: index) }
      return index - leftWidth < node.right.columns.count ? node.right.origin(ofColumn: index - leftWidth) : nil
    case .values, .pivot, .unionAll, .setOperation, .unnest, .singleRow, .commonTable, .commonTableScan, .recursive: return nil
    }
  }

  private func origin(of expression: BoundExpression) -> (scan: ScanNode, column: Int)? {
    switch expression {
    case .column(let index, _, _): return origin(ofColumn: index)
    // Casts mostly keep values apart.
    case .cast(let operand, _, _, _): return origin(of: operand)
    default: return nil
    }
  }

  /// How many different values an expression over the plan's columns has; nil where that is not known.
  func distinctCount(of expression: BoundExpression) -> Double? {
    origin(of: expression).flatMap { $0.scan.table.statistics.distinctCounts[$0.column] }
  }

  /// Nil when a table below does not know its size.
  package var estimatedRowCount: Double? { RowEstimate.of(self) }
}
