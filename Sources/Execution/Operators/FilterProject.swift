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

/// Conditions that a row must all meet, evaluated one after the other on the rows that are left.
final class Conjunction {
  private let conditions: [ExpressionEvaluator]
  private let selection = Selection()

  init(_ condition: BoundExpression, _ context: QueryContext) throws {
    var parts: [BoundExpression] = []
    func collect(_ expression: BoundExpression) {
      if case .and(let operands, _) = expression { operands.forEach(collect) } else { parts.append(expression) }
    }
    collect(condition)
    conditions = try parts.map { try ExpressionEvaluator($0, context: context) }
  }

  /// The rows that pass; nil when there are none.
  func apply(to batch: Batch) throws -> Batch? {
    var batch = batch
    for condition in conditions {
      let truth = try condition.evaluate(batch)
      if let dictionary = truth.dictionary {
        selection.select(Self.gather(truth, dictionary))
      } else {
        selection.select(truth)
      }
      if selection.count == 0 { return nil }
      if selection.count < batch.count { batch = batch.take(selection.indices, count: selection.count) }
    }
    return batch
  }

  /// True or not for each row of a boolean dictionary column, without branches.
  private static func gather(_ column: Column, _ dictionary: DictionaryVector) -> Column {
    let count = column.count
    let entries = dictionary.values.count
    if entries == 0 { return .constant(.boolean(false), count: count) }
    let table = Buffer(byteCount: entries)
    defer { withExtendedLifetime(table) {} }
    let truths = table.base.assumingMemoryBound(to: UInt8.self)
    Truth.read(dictionary.values, into: truths)
    for entry in 0..<entries { truths[entry] = truths[entry] &>> 1 }
    let values = Buffer(byteCount: count)
    let flags = values.base.assumingMemoryBound(to: UInt8.self)
    let indices = dictionary.indices.pointer(as: UInt32.self)
    if let validity = dictionary.validity?.pointer(as: UInt8.self) {
      for row in 0..<count { flags[row] = validity[row] == 0 ? 0 : truths[Int(indices[row])] }
    } else {
      for row in 0..<count { flags[row] = truths[Int(indices[row])] }
    }
    return Column(type: .boolean, count: count, values: values)
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
