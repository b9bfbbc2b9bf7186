import Columnar
import Planner

/// Keeps the rows where every conjunct is true.
struct FilterFactory: OperatorFactory {
  let condition: BoundExpression

  func makeLocal(_ worker: Worker, next: any Consumer) throws -> any Consumer {
    FilterOperator(try Conjunction(condition, worker.context), next: next)
  }
}

final class FilterOperator: Consumer {
  private let conjunction: Conjunction
  private let next: any Consumer

  init(_ conjunction: Conjunction, next: any Consumer) {
    self.conjunction = conjunction
    self.next = next
  }

  func consume(_ batch: Batch) throws -> Demand {
    guard let kept = try conjunction.apply(to: batch) else { return .more }
    return try next.consume(kept)
  }

  func finish() throws { try next.finish() }
}

/// Conditions that a row must all meet, evaluated one after the other.
///
/// Only the columns that a condition reads are narrowed to the rows that are left; the others when all conditions are known.
final class Conjunction {
  private let conditions: [ExpressionEvaluator]
  private let selection = Selection()
  private let among = Selection()

  init(_ condition: BoundExpression, _ context: QueryContext) throws {
    var parts: [BoundExpression] = []
    func collect(_ expression: BoundExpression) {
      if case .and(let operands, _) = expression { operands.forEach(collect) } else { parts.append(expression) }
    }
    collect(condition)
    // What is asked of one column is asked at once: of a dictionary's entries once, whatever the number of conditions.
    var groups: [(parts: [BoundExpression], column: Set<Int>?)] = []
    for part in parts {
      let evaluator = try ExpressionEvaluator(part, context: context)
      let column = evaluator.isSafe && evaluator.columns.count == 1 ? evaluator.columns : nil
      if let column, let known = groups.firstIndex(where: { $0.column == column }) {
        groups[known].parts.append(part)
      } else {
        groups.append(([part], column))
      }
    }
    conditions = try groups.map { group in
      try ExpressionEvaluator(group.parts.count == 1 ? group.parts[0] : .and(group.parts, group.parts[0].range), context: context)
    }
  }

  /// The rows that pass; nil when there are none.
  func apply(to batch: Batch) throws -> Batch? {
    var isWhole = true
    for condition in conditions {
      if isWhole {
        selection.select(try condition.evaluate(batch))
      } else if condition.isSafe, isCheap(condition, batch) {
        selection.narrow(try condition.evaluate(batch))
      } else {
        among.select(try condition.evaluate(batch.subset(selection.indices, count: selection.count, columns: condition.columns)))
        if among.count < selection.count { selection.narrow(to: among) }
      }
      if selection.count == 0 { return nil }
      isWhole = selection.count == batch.count
    }
    return isWhole ? batch : batch.take(selection.indices, count: selection.count)
  }

  /// Whether a condition is better evaluated for all rows than for those that are left: most are, or it is known for a dictionary.
  private func isCheap(_ condition: ExpressionEvaluator, _ batch: Batch) -> Bool {
    if selection.count &* 2 > batch.count { return true }
    guard condition.columns.count == 1, let column = condition.columns.first else { return false }
    return batch.columns[column].dictionary != nil
  }
}

/// Computes columns from columns.
struct ProjectFactory: OperatorFactory {
  let expressions: [BoundExpression]

  func makeLocal(_ worker: Worker, next: any Consumer) throws -> any Consumer {
    ProjectOperator(try expressions.map { try ExpressionEvaluator($0, context: worker.context) }, next: next)
  }
}

final class ProjectOperator: Consumer {
  private let expressions: [ExpressionEvaluator]
  private let next: any Consumer

  init(_ expressions: [ExpressionEvaluator], next: any Consumer) {
    self.expressions = expressions
    self.next = next
  }

  func consume(_ batch: Batch) throws -> Demand {
    try next.consume(Batch(columns: try expressions.map { try $0.evaluate(batch) }, count: batch.count))
  }

  func finish() throws { try next.finish() }
}
