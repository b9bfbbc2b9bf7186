import Columnar
import Functions
import Planner
import SQLSyntax

/// INTERSECT and EXCEPT: both inputs are grouped by all their columns, counting the rows of either side; how often a row comes
/// out follows from its two counts. NULLs are equal to each other here, as in GROUP BY.
enum SetOperationPlan {
  /// Groups `left` rows (flag true) and `right` rows (flag false) over the columns before the flag.
  static func aggregate(_ columns: [OutputColumn], input: LogicalPlan) -> AggregateNode {
    let flag = BoundExpression.column(columns.count, .boolean, .unknown)
    func count(_ name: String, _ filter: BoundExpression) -> AggregateCall {
      AggregateCall(function: RowCount.function, arguments: [], filter: filter, name: name, range: .unknown)
    }
    return AggregateNode(
      input: input,
      keys: columns.enumerated().map { NamedExpression(.column($0, $1.type, .unknown), name: $1.name) },
      groupingSets: [Array(columns.indices)],
      aggregates: [count("left", flag), count("right", .not(flag, .unknown))])
  }

  /// The columns and the flag.
  static func flagged(_ columns: [OutputColumn], isLeft: Bool) -> ProjectFactory {
    ProjectFactory(
      expressions: columns.enumerated().map { .column($0, $1.type, .unknown) } + [
        .literal(.boolean(isLeft), .unknown)
      ])
  }
}

/// Repeats each group as often as the set operation has it.
struct SetOperationFactory: OperatorFactory {
  let kind: SetOperationKind
  let isDistinct: Bool

  func makeLocal(_ worker: Worker, next: any Consumer) throws -> any Consumer { Local(self, worker, next: next) }

  private final class Local: Consumer {
    private let factory: SetOperationFactory
    private let worker: Worker
    private let next: any Consumer

    init(_ factory: SetOperationFactory, _ worker: Worker, next: any Consumer) {
      self.factory = factory
      self.worker = worker
      self.next = next
    }

    func consume(_ batch: Batch) throws -> Demand {
      let width = batch.columns.count - 2
      let leftCounts = batch.columns[width].flattened()
      let rightCounts = batch.columns[width + 1].flattened()
      defer { withExtendedLifetime((leftCounts, rightCounts)) {} }
      let left = leftCounts.flat.values.pointer(as: Int64.self)
      let right = rightCounts.flat.values.pointer(as: Int64.self)
      let input = Batch(columns: Array(batch.columns[..<width]), count: batch.count)
      var rows: [UInt32] = []
      for row in 0..<batch.count {
        var copies = factory.copies(left[row], right[row])
        while copies > 0 {
          rows.append(UInt32(truncatingIfNeeded: row))
          copies -= 1
          if rows.count >= worker.context.batchCapacity {
            try worker.check()
            if try next.consume(input.take(rows, count: rows.count)) == .enough { return .enough }
            rows.removeAll(keepingCapacity: true)
          }
        }
      }
      return rows.isEmpty ? .more : try next.consume(input.take(rows, count: rows.count))
    }

    func finish() throws { try next.finish() }
  }

  private func copies(_ left: Int64, _ right: Int64) -> Int64 {
    switch (kind, isDistinct) {
    case (.intersect, true): left > 0 && right > 0 ? 1 : 0
    case (.intersect, false): min(left, right)
    case (.except, true): left > 0 && right == 0 ? 1 : 0
    case (.except, false): max(0, left &- right)
    }
  }
}

/// Counts rows per group.
final class RowCount: GroupwiseAggregateState {
  private var counts: [Int64] = []

  static let function = ResolvedAggregate(
    name: "count", argumentTypes: [], resultType: .bigint, makeState: { _ in RowCount() })

  func resize(groupCount: Int) {
    if groupCount > counts.count { counts += repeatElement(0, count: groupCount - counts.count) }
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    counts.withUnsafeMutableBufferPointer { counts in
      for row in 0..<count { counts[Int(groups[row])] &+= 1 }
    }
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? RowCount else { return }
    for index in 0..<count { counts[Int(targets[index])] &+= other.counts[Int(groups[index])] }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    Column(type: .bigint, count: count, values: Buffer.of(Array(counts[start..<start + count])))
  }

  var byteCount: Int { counts.capacity * 8 }
}
