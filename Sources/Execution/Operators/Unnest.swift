import Columnar
import Planner

/// CROSS JOIN UNNEST: one row per element; several arrays side by side, the shorter ones filled up with NULL.
struct UnnestFactory: OperatorFactory {
  let node: UnnestNode

  func makeLocal(_ worker: Worker, next: any Consumer) throws -> any Consumer {
    try Local(node, worker, next: next)
  }

  private final class Local: Consumer {
    private let node: UnnestNode
    private let worker: Worker
    private let next: any Consumer
    private let expressions: [ExpressionEvaluator]

    init(_ node: UnnestNode, _ worker: Worker, next: any Consumer) throws {
      self.node = node
      self.worker = worker
      self.next = next
      expressions = try node.expressions.map { try ExpressionEvaluator($0, context: worker.context) }
    }

    func consume(_ batch: Batch) throws -> Demand {
      let lists = try expressions.map { ListColumn(try $0.evaluate(batch)) }
      let capacity = worker.context.batchCapacity
      var rows: [UInt32] = []
      var ordinals: [Int64] = []
      var elements = [[UInt32]](repeating: [], count: lists.count)
      func flush() throws -> Demand {
        if rows.isEmpty { return .more }
        var columns = batch.columns.map { $0.take(rows) }
        for (list, picked) in zip(lists, elements) { columns += list.columns(picked) }
        if node.withOrdinality { columns.append(Self.ordinality(ordinals)) }
        let output = Batch(columns: columns, count: rows.count)
        rows.removeAll(keepingCapacity: true)
        ordinals.removeAll(keepingCapacity: true)
        for index in elements.indices { elements[index].removeAll(keepingCapacity: true) }
        try worker.check()
        return try next.consume(output)
      }
      for row in 0..<batch.count {
        let counts = lists.map { $0.elementCount(row) }
        let longest = counts.max() ?? 0
        if longest == 0 && node.keepsEmpty {
          rows.append(UInt32(truncatingIfNeeded: row))
          ordinals.append(0)
          for index in elements.indices { elements[index].append(Column.noRow) }
        }
        for element in 0..<longest {
          rows.append(UInt32(truncatingIfNeeded: row))
          ordinals.append(Int64(element) &+ 1)
          for (index, list) in lists.enumerated() {
            elements[index].append(element < counts[index] ? list.element(row, element) : Column.noRow)
          }
          if rows.count >= capacity, try flush() == .enough { return .enough }
        }
        if rows.count >= capacity, try flush() == .enough { return .enough }
      }
      return try flush()
    }

    func finish() throws { try next.finish() }

    /// 1 for a first element; 0 stands for a row without elements and becomes NULL.
    private static func ordinality(_ ordinals: [Int64]) -> Column {
      let validity = ordinals.contains(0) ? Buffer.of(ordinals.map { $0 == 0 ? UInt8(0) : 1 }) : nil
      return Column(type: .bigint, count: ordinals.count, values: Buffer.of(ordinals), validity: validity)
    }
  }
}

/// An array or map column, and the columns that its elements become.
private struct ListColumn {
  private let column: Column
  private let view: ColumnView
  private let entries: UnsafePointer<ListEntry>
  /// One per output column, indexed by element.
  private let outputs: [Column]

  init(_ column: Column) {
    self.column = column
    view = ColumnView(column)
    entries = view.pointer(as: ListEntry.self)
    if case .array(.row) = column.type {
      let rows = view.children[0].flattened()
      let vector = rows.flat
      outputs = vector.children.map { $0.nulled(vector.validity) }
    } else {
      outputs = view.children
    }
  }

  func elementCount(_ row: Int) -> Int { view.isValid(row) ? Int(entries[view.index(row)].count) : 0 }

  func element(_ row: Int, _ number: Int) -> UInt32 {
    entries[view.index(row)].offset &+ UInt32(truncatingIfNeeded: number)
  }

  func columns(_ elements: [UInt32]) -> [Column] { outputs.map { $0.takeNullable(elements) } }
}
