import Columnar
import Synchronization

/// LIMIT and OFFSET: workers draw row numbers from one counter; in one worker's order that is the order of the rows.
final class LimitFactory: OperatorFactory {
  private let offset: Int
  /// Rows up to which rows are wanted, skipped ones included.
  private let end: Int
  private let rowsSeen = Atomic<Int>(0)

  init(offset: Int, count: Int?) {
    self.offset = max(0, offset)
    let (sum, overflow) = self.offset.addingReportingOverflow(max(0, count ?? .max))
    end = overflow ? .max : sum
  }

  func makeLocal(_ worker: Worker, next: any Consumer) throws -> any Consumer { Local(self, next: next) }

  private final class Local: Consumer {
    private let limit: LimitFactory
    private let next: any Consumer

    init(_ limit: LimitFactory, next: any Consumer) {
      self.limit = limit
      self.next = next
    }

    func consume(_ batch: Batch) throws -> Demand {
      let start = limit.rowsSeen.add(batch.count, ordering: .relaxed).oldValue
      let from = max(start, limit.offset)
      let to = min(start + batch.count, limit.end)
      if from < to, try next.consume(batch.slice(from - start, to - from)) == .enough { return .enough }
      return start + batch.count >= limit.end ? .enough : .more
    }

    func finish() throws { try next.finish() }
  }
}
