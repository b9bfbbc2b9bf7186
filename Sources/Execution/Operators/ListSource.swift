import Columnar
import Planner
import Synchronization

/// Hands out batches that are already in memory, in order, to one worker or several.
final class ListSource: Source {
  private let batches: [Batch]
  private let cursor = Atomic<Int>(0)
  let parallelism: Int

  init(_ batches: [Batch], isOrdered: Bool = false) {
    self.batches = batches.filter { $0.count > 0 }
    parallelism = isOrdered ? 1 : max(1, batches.count)
  }

  func makeLocal(_ worker: Worker) throws -> any LocalSource { Local(self) }

  private final class Local: LocalSource {
    private let source: ListSource
    init(_ source: ListSource) { self.source = source }

    func next() throws -> Batch? {
      let index = source.cursor.add(1, ordering: .relaxed).oldValue
      return index < source.batches.count ? source.batches[index] : nil
    }
  }

  /// The rows of VALUES, one batch per `batchCapacity` rows.
  static func values(
    rows: [[BoundExpression]], columns: [OutputColumn], context: QueryContext
  ) throws -> ListSource {
    let noColumns = Batch(columns: [], count: 1)
    var batches: [Batch] = []
    var begin = 0
    while begin < rows.count {
      let end = min(rows.count, begin + context.batchCapacity)
      let made = try columns.enumerated().map { index, column -> Column in
        let builder = ColumnBuilder(type: column.type, capacity: end - begin)
        for row in rows[begin..<end] {
          if case .literal(let scalar, _) = row[index] {
            builder.append(scalar.value)
          } else {
            let value = try ExpressionEvaluator(row[index], context: context).evaluate(noColumns)
            builder.append(from: value, row: 0)
          }
        }
        return builder.finish()
      }
      batches.append(Batch(columns: made, count: end - begin))
      begin = end
    }
    return ListSource(batches, isOrdered: true)
  }
}
