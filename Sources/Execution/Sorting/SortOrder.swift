import Columnar
import Planner

/// ORDER BY over columns of a batch.
struct SortOrder: Sendable {
  struct Key: Sendable {
    let column: Int
    let isDescending: Bool
    let nullsFirst: Bool
  }

  let keys: [Key]

  init(_ keys: [Key]) { self.keys = keys }

  /// Rows of the batch in order; equal rows stay in their order.
  func sortedRows(of batch: Batch) -> [UInt32] {
    let keys = SortKeys(batch, self)
    keys.sort()
    return keys.rows(0, batch.count)
  }
}

/// What a sorting operator needs from its input: the input's columns, and after them the sort keys that are not among them.
struct SortInput: Sendable {
  /// Keys to compute; they stand behind the input's columns.
  let computed: [BoundExpression]
  let order: SortOrder
  let inputTypes: [SQLType]

  init(_ keys: [SortKey], inputTypes: [SQLType]) {
    var computed: [BoundExpression] = []
    order = SortOrder(
      keys.map { key in
        let column: Int
        if case .column(let index, _, _) = key.expression {
          column = index
        } else {
          column = inputTypes.count + computed.count
          computed.append(key.expression)
        }
        return SortOrder.Key(column: column, isDescending: key.isDescending, nullsFirst: key.nullsFirst)
      })
    self.computed = computed
    self.inputTypes = inputTypes
  }

  /// Of the rows that the operator holds.
  var types: [SQLType] { inputTypes + computed.map(\.type) }

  /// The input's columns only.
  func output(_ batch: Batch) -> Batch {
    if computed.isEmpty { return batch }
    return Batch(columns: Array(batch.columns[..<inputTypes.count]), count: batch.count)
  }
}

/// Computes the keys of a `SortInput` on one worker.
struct SortInputEvaluator {
  private let expressions: [ExpressionEvaluator]

  init(_ input: SortInput, _ context: QueryContext) throws {
    expressions = try input.computed.map { try ExpressionEvaluator($0, context: context) }
  }

  func evaluate(_ batch: Batch) throws -> Batch {
    if expressions.isEmpty { return batch }
    return Batch(columns: batch.columns + (try expressions.map { try $0.evaluate(batch) }), count: batch.count)
  }
}
