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
  private var numbers = ExpressionNumbers()
  /// By the expression's number.
  private var counts: [Int: (count: Int, isCertain: Bool)] = [:]
  /// In order of first occurrence, so that plans are stable; larger expressions come before their operands.
  private var order: [NumberedExpression] = []

  mutating func add(_ expression: BoundExpression, isCertain: Bool = true) { add(numbers.numbered(expression), isCertain: isCertain) }

  private mutating func add(_ expression: NumberedExpression, isCertain: Bool) {
    if expression.isWorthSharing {
      if let known = counts[expression.number] {
        counts[expression.number] = (known.count + 1, known.isCertain || isCertain)
        // Its operands were counted with the first occurrence; they gain nothing from the second.
        return
      }
      counts[expression.number] = (1, isCertain)
      order.append(expression)
    }
    switch expression.expression {
    // All but the first condition, term or value may be left out for a row; so may whatever follows a failure.
    case .caseWhen, .and, .or, .coalesce, .inList:
      for (number, operand) in expression.operands.enumerated() { add(operand, isCertain: isCertain && number == 0) }
    case .tryCatch: for operand in expression.operands { add(operand, isCertain: false) }
    case .column, .literal, .outerColumn, .call, .cast, .not, .isNull, .makeRow, .field, .lambda:
      for operand in expression.operands { add(operand, isCertain: isCertain) }
    }
  }

  struct Shared {
    let plan: LogicalPlan
    let numbers: ExpressionNumbers
    let columns: [Int: Int]

    func rewritten(_ expression: BoundExpression) -> BoundExpression {
      var numbers = numbers
      return numbers.numbered(expression).replacing { node in
        guard node.isWorthSharing, let column = columns[node.number] else { return nil }
        return .column(column, node.expression.type, node.expression.range)
      }
    }
  }

  /// A projection over `input` that adds what occurs more than once; nil when nothing does.
  func shared(over input: LogicalPlan) -> Shared? {
    var columns: [Int: Int] = [:]
    var outputs: [NamedExpression] = []
    for node in order {
      guard let known = counts[node.number], known.count > 1, known.isCertain else { continue }
      if outputs.isEmpty { outputs = LogicalPlan.passingColumns(of: input) }
      columns[node.number] = outputs.count
      outputs.append(NamedExpression(node.expression, name: "expression\(columns.count)"))
    }
    return columns.isEmpty ? nil : Shared(plan: .project(input, outputs), numbers: numbers, columns: columns)
  }
}

extension NumberedExpression {
  /// Costs more than reading a column.
  fileprivate var isWorthSharing: Bool {
    switch expression {
    case .call, .cast, .caseWhen, .inList: isDeterministic && !isConstant
    case .column, .literal, .and, .or, .not, .isNull, .coalesce, .tryCatch, .makeRow, .field, .lambda, .outerColumn: false
    }
  }
}
