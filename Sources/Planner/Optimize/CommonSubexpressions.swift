import Columnar
import SQLSyntax

/// Computes an expression that occurs several times in a projection or aggregate once, in a projection below.
///
/// Only expressions that are evaluated for every row anyway are moved: an operand of a CASE branch may be one that fails for the rows
/// the branch leaves out.
enum CommonSubexpressions {
  static func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedBottomUp { node in
      switch node {
      case .project(let input, let expressions):
        var counts = ExpressionCounts()
        for named in expressions { counts.add(named.expression) }
        guard let shared = counts.shared(over: input) else { return node }
        return .project(
          shared.plan, expressions.map { NamedExpression(shared.rewritten($0.expression), name: $0.name) })
      case .aggregate(let aggregate):
        var counts = ExpressionCounts()
        for key in aggregate.keys { counts.add(key.expression) }
        for call in aggregate.aggregates {
          // Arguments are computed only for the rows that pass the filter.
          for argument in call.arguments { counts.add(argument, isCertain: call.filter == nil) }
          if let filter = call.filter { counts.add(filter) }
        }
        guard let shared = counts.shared(over: aggregate.input) else { return node }
        guard case .aggregate(var rewritten) = node.mapExpressions(shared.rewritten) else { return node }
        rewritten.input = shared.plan
        return .aggregate(rewritten)
      default: return node
      }
    }
  }
}

/// How often expressions occur, and whether any occurrence is evaluated for every row.
private struct ExpressionCounts {
  private var counts: [BoundExpression: (count: Int, isCertain: Bool)] = [:]
  /// In order of first occurrence, so that plans are stable; larger expressions come before their operands.
  private var order: [BoundExpression] = []

  mutating func add(_ expression: BoundExpression, isCertain: Bool = true) {
    if expression.isWorthSharing {
      if let known = counts[expression] {
        counts[expression] = (known.count + 1, known.isCertain || isCertain)
        // Its operands were counted with the first occurrence; they gain nothing from the second.
        return
      }
      counts[expression] = (1, isCertain)
      order.append(expression)
    }
    switch expression {
    case .caseWhen(let branches, let otherwise, _, _):
      for (number, branch) in branches.enumerated() {
        add(branch.condition, isCertain: isCertain && number == 0)
        add(branch.result, isCertain: false)
      }
      add(otherwise, isCertain: false)
    case .and(let operands, _), .or(let operands, _), .coalesce(let operands, _, _):
      for (number, operand) in operands.enumerated() { add(operand, isCertain: isCertain && number == 0) }
    case .inList(let value, let list, _):
      add(value, isCertain: isCertain)
      for item in list { add(item, isCertain: false) }
    case .tryCatch(let operand, _): add(operand, isCertain: false)
    default: for operand in expression.operands { add(operand, isCertain: isCertain) }
    }
  }

  struct Shared {
    let plan: LogicalPlan
    let columns: [BoundExpression: Int]

    func rewritten(_ expression: BoundExpression) -> BoundExpression {
      expression.replacing { node -> BoundExpression? in
        guard node.isWorthSharing, let column = columns[node] else { return nil }
        return .column(column, node.type, node.range)
      }
    }
  }

  /// A projection over `input` that adds what occurs more than once; nil when nothing does.
  func shared(over input: LogicalPlan) -> Shared? {
    var columns: [BoundExpression: Int] = [:]
    var outputs: [NamedExpression] = []
    for expression in order {
      guard let known = counts[expression], known.count > 1, known.isCertain else { continue }
      if outputs.isEmpty { outputs = LogicalPlan.passingColumns(of: input) }
      columns[expression] = outputs.count
      outputs.append(NamedExpression(expression, name: "expression\(columns.count)"))
    }
    return columns.isEmpty ? nil : Shared(plan: .project(input, outputs), columns: columns)
  }
}

extension BoundExpression {
  /// Costs more than reading a column.
  fileprivate var isWorthSharing: Bool {
    switch self {
    case .call, .cast, .caseWhen, .inList: isDeterministic && !isConstant
    case .column, .literal, .and, .or, .not, .isNull, .coalesce, .tryCatch, .makeRow, .field, .lambda, .outerColumn: false
    }
  }
}
