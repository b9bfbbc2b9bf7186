import Columnar
import Functions
import SQLSyntax

/// A plan as EXPLAIN shows it: one entry per node, in the order of the tree.
package struct PlanDescription: Sendable {
  package var name: String
  /// Label and text, in a fixed order.
  package var details: [Detail]
  package var inputs: [PlanDescription]

  package struct Detail: Sendable, Hashable {
    package var label: String
    package var text: String
    package init(label: String, text: String) {
      self.label = label
      self.text = text
    }
  }

  /// A node that is no plan: where the rows of a statement go.
  package init(name: String, details: [Detail], inputs: [PlanDescription]) {
    self.name = name
    self.details = details
    self.inputs = inputs
  }

  package init(_ plan: LogicalPlan) {
    name = ""
    details = []
    inputs = plan.inputs.map { PlanDescription($0) }
    describe(plan)
  }

  /// An indented tree:
  ///
  /// ```
  /// TopN count=10 order=[total DESC]
  ///   Aggregate keys=[region] aggregates=[sum(amount)]
  ///     Scan sales columns=[region, amount] predicates=[day >= date '2026-01-01']
  /// ```
  package func text(indentation: Int = 0) -> String {
    var lines = String(repeating: " ", count: indentation * 2) + name
    for detail in details { lines += detail.label.isEmpty ? " \(detail.text)" : " \(detail.label)=\(detail.text)" }
    for input in inputs { lines += "\n" + input.text(indentation: indentation + 1) }
    return lines
  }

  /// The same as a JSON object: `{"operator": …, "details": {…}, "inputs": […]}`.
  package var json: String {
    let fields = details.map { "\(Self.quoted($0.label.isEmpty ? "text" : $0.label)): \(Self.quoted($0.text))" }
    return
      "{\"operator\": \(Self.quoted(name)), \"details\": {\(fields.joined(separator: ", "))}, \"inputs\": [\(inputs.map(\.json).joined(separator: ", "))]}"
  }

  /// The same as a graph for Graphviz: arrows lead from inputs to who reads them.
  package var graphviz: String {
    var lines = ["digraph plan {", "  node [shape=box]"]
    var count = 0
    func add(_ node: PlanDescription) -> Int {
      let number = count
      count += 1
      let label = node.name + node.details.map { "\n" + ($0.label.isEmpty ? "" : "\($0.label)=") + $0.text }.joined()
      lines.append("  n\(number) [label=\(Self.quoted(label))]")
      for input in node.inputs { lines.append("  n\(add(input)) -> n\(number)") }
      return number
    }
    _ = add(self)
    return (lines + ["}"]).joined(separator: "\n")
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  // MARK: Nodes

  private mutating func add(_ label: String, _ text: String) { details.append(Detail(label: label, text: text)) }
  private mutating func add(_ label: String, list: String) { if !list.isEmpty { add(label, "[\(list)]") } }

  private mutating func describe(_ plan: LogicalPlan) {
    switch plan {
    case .scan(let node): describe(node)
    case .values(let rows, let columns):
      name = "Values"
      add("rows", "\(rows.count)")
      add("columns", list: ExpressionPrinter.joined(columns.map(\.name)))
      let printer = ExpressionPrinter([])
      if rows.count <= 5, columns.count <= 10 {
        add("", rows.map { "(\(printer.list($0)))" }.joined(separator: ", "))
      }
    case .filter(let input, let predicate):
      name = "Filter"
      add("", "[\(ExpressionPrinter(input.columns).text(predicate))]")
    case .project(let input, let expressions):
      name = "Project"
      add("", "[\(Self.named(expressions, ExpressionPrinter(input.columns)))]")
    case .aggregate(let node):
      let printer = ExpressionPrinter(node.input.columns)
      let isDistinct = node.aggregates.isEmpty && node.groupingSets.count == 1 && !node.keys.isEmpty
      name = isDistinct ? "Distinct" : "Aggregate"
      add("keys", list: Self.named(node.keys, printer))
      if node.groupingSets.count > 1 {
        let sets = node.groupingSets.map { set in "(\(set.map { node.keys[$0].name }.joined(separator: ", ")))" }
        add("sets", list: ExpressionPrinter.joined(sets))
      }
      add("aggregates", list: ExpressionPrinter.joined(node.aggregates.prefix(ExpressionPrinter.listLimit + 1).map(printer.aggregate)))
      if node.aggregates.count > ExpressionPrinter.listLimit { add("count", "\(node.aggregates.count)") }
    case .join(let node): describe(node)
    case .sort(let input, let keys):
      name = "Sort"
      add("order", list: ExpressionPrinter(input.columns).keys(keys))
    case .topN(let input, let keys, let offset, let count, let withTies):
      name = "TopN"
      add("count", "\(count)")
      if offset > 0 { add("offset", "\(offset)") }
      if withTies { add("ties", "true") }
      add("order", list: ExpressionPrinter(input.columns).keys(keys))
    case .limit(_, let offset, let count):
      name = "Limit"
      if let count { add("count", "\(count)") }
      if offset > 0 { add("offset", "\(offset)") }
    case .unionAll: name = "UnionAll"
    case .setOperation(let kind, let isDistinct, _, _):
      name = (kind == .intersect ? "Intersect" : "Except") + (isDistinct ? "" : "All")
    case .window(let node): describe(node)
    case .unnest(let node):
      name = "Unnest"
      add("", "[\(ExpressionPrinter(node.input.columns).list(node.expressions))]")
      add("columns", list: ExpressionPrinter.joined(node.columns.map(\.name)))
      if node.keepsEmpty { add("keepsEmpty", "true") }
    case .pivot(let node): describe(node)
    case .singleRow: name = "SingleRow"
    case .commonTable(let id, let tableName, _, _):
      name = "CommonTable"
      add("", "\(tableName)#\(id)")
    case .commonTableScan(let id, let tableName, let columns):
      name = "CommonTableScan"
      add("", "\(tableName)#\(id)")
      add("columns", list: ExpressionPrinter.joined(columns.map(\.name)))
    case .recursive(let node):
      name = node.isDistinct ? "Recursion" : "RecursionAll"
      add("", "\(node.name)#\(node.id)")
    case .sample(_, let fraction):
      name = "Sample"
      add("fraction", "\(fraction)")
    }
  }

  /// `name := expression`, or the name alone where it is the column's.
  private static func named(_ expressions: [NamedExpression], _ printer: ExpressionPrinter) -> String {
    ExpressionPrinter.joined(
      expressions.prefix(ExpressionPrinter.listLimit).map { named in
        let text = printer.text(named.expression)
        return text == named.name ? text : "\(named.name) := \(text)"
      }
        + (expressions.count > ExpressionPrinter.listLimit ? ["… \(expressions.count - ExpressionPrinter.listLimit) more"] : []))
  }

  private mutating func describe(_ node: ScanNode) {
    name = "Scan"
    add("", node.tableName)
    add("columns", list: ExpressionPrinter.joined(node.columns.map(\.name)))
    let predicates = node.predicates.map { predicate in
      "\(node.table.field(at: predicate.column).name) \(Self.text(predicate.test))"
    }
    add("predicates", list: ExpressionPrinter.joined(predicates))
    if let limit = node.limit { add("limit", "\(limit)") }
  }

  private static func text(_ test: ColumnPredicate.Test) -> String {
    switch test {
    case .equal(let scalar): "= \(ExpressionPrinter.text(scalar))"
    case .notEqual(let scalar): "<> \(ExpressionPrinter.text(scalar))"
    case .less(let scalar): "< \(ExpressionPrinter.text(scalar))"
    case .lessOrEqual(let scalar): "<= \(ExpressionPrinter.text(scalar))"
    case .greater(let scalar): "> \(ExpressionPrinter.text(scalar))"
    case .greaterOrEqual(let scalar): ">= \(ExpressionPrinter.text(scalar))"
    case .oneOf(let scalars): "IN (\(ExpressionPrinter.joined(scalars.map(ExpressionPrinter.text))))"
    case .isNull: "IS NULL"
    case .isNotNull: "IS NOT NULL"
    case .startsWith(let scalar): "STARTS WITH \(ExpressionPrinter.text(scalar))"
    }
  }

  private mutating func describe(_ node: JoinNode) {
    name =
      switch node.kind {
      case .inner: node.keys.isEmpty && node.residual == nil ? "CrossJoin" : "InnerJoin"
      case .left: "LeftJoin"
      case .right: "RightJoin"
      case .full: "FullJoin"
      case .semi: "SemiJoin"
      case .anti: "AntiJoin"
      case .nullAwareAnti: "NullAwareAntiJoin"
      case .mark: node.isNullAware ? "NullAwareMarkJoin" : "MarkJoin"
      case .leftSingle: "LeftSingleJoin"
      }
    let left = ExpressionPrinter(node.left.columns)
    let right = ExpressionPrinter(node.right.columns)
    let keys = node.keys.map {
      "\(left.text($0.left)) \($0.matchesNulls ? "IS NOT DISTINCT FROM" : "=") \(right.text($0.right))"
    }
    add("on", list: ExpressionPrinter.joined(keys))
    if node.buildsLeft { add("build", "left") }
    if let residual = node.residual {
      add("residual", "[\(ExpressionPrinter(node.left.columns + node.right.columns).text(residual))]")
    }
  }

  private mutating func describe(_ node: WindowNode) {
    name = "Window"
    let printer = ExpressionPrinter(node.input.columns)
    add("partition", list: printer.list(node.partition))
    add("order", list: printer.keys(node.order))
    let calls = node.functions.map { call -> String in
      var text = "\(call.name)(\(printer.list(call.arguments)))"
      if let filter = call.filter { text += " FILTER (WHERE \(printer.text(filter)))" }
      if call.ignoresNulls { text += " IGNORE NULLS" }
      return text + Self.text(call.frame, printer)
    }
    add("functions", list: ExpressionPrinter.joined(calls))
  }

  /// The frame, unless it is what SQL gives without one.
  private static func text(_ frame: WindowFrame, _ printer: ExpressionPrinter) -> String {
    func bound(_ bound: WindowFrame.Bound) -> String {
      switch bound {
      case .unboundedPreceding: "UNBOUNDED PRECEDING"
      case .preceding(let offset): "\(printer.text(offset)) PRECEDING"
      case .currentRow: "CURRENT ROW"
      case .following(let offset): "\(printer.text(offset)) FOLLOWING"
      case .unboundedFollowing: "UNBOUNDED FOLLOWING"
      }
    }
    if case (.range, .unboundedPreceding, .currentRow) = (frame.unit, frame.start, frame.end) { return "" }
    let unit =
      switch frame.unit {
      case .rows: "ROWS"
      case .range: "RANGE"
      case .groups: "GROUPS"
      }
    return " \(unit) \(bound(frame.start)) TO \(bound(frame.end))"
  }

  private mutating func describe(_ node: PivotNode) {
    name = "Pivot"
    let printer = ExpressionPrinter(node.input.columns)
    add("keys", list: Self.named(node.keys, printer))
    add("for", printer.text(node.pivotKey))
    let cells = node.cells.prefix(ExpressionPrinter.listLimit).map { cell -> String in
      let arguments = cell.arguments.isEmpty ? "*" : printer.list(cell.arguments)
      return "\(ExpressionPrinter.text(cell.value)): \(cell.aggregate.name)(\(arguments))"
    }
    add(
      "cells",
      "[\(cells.joined(separator: ", "))\(node.cells.count > cells.count ? ", … \(node.cells.count - cells.count) more" : "")]")
  }
}

extension LogicalPlan {
  /// EXPLAIN's text.
  package var explanation: String { PlanDescription(self).text() }
}
