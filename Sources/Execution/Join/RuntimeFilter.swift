import Columnar
import Planner
import SQLSyntax
import Synchronization

/// What the build side of a join says of a column that the other side scans: set when the build side is complete, which is before the
/// scan opens its first split. Splits, row groups and pages without a row that can match are then not read, and of the rows read those
/// that the Bloom filter does not know go no further.
final class RuntimeFilter: Sendable {
  /// Which key of the join.
  let key: Int
  /// The scan's output column that the key is.
  private let column: Int
  private let found = Mutex<(tests: [ColumnPredicate.Test], keys: KeyBloomFilter?)>(([], nil))

  /// So few keys are listed; of more the smallest and the largest are known.
  private static let mostListedKeys = 64

  init(key: Int, column: Int) {
    self.key = key
    self.column = column
  }

  /// Over the scan's output columns.
  var predicates: [ColumnPredicate] { found.withLock { $0.tests.map { ColumnPredicate(column: column, test: $0) } } }

  /// A worker's own pass over the scan's batches.
  func makePass() -> KeyFilterPass? { found.withLock { $0.keys.map { KeyFilterPass($0, column: column) } } }

  /// - Parameter keys: all keys of the build side; NULL matches nothing.
  func set(_ keys: Column) {
    let (tests, filter) = (Self.tests(keys), KeyBloomFilter(keys))
    found.withLock { $0 = (tests, filter) }
  }

  /// The scan is over.
  func release() { found.withLock { $0.keys = nil } }

  private static func tests(_ keys: Column) -> [ColumnPredicate.Test] {
    if keys.count <= mostListedKeys {
      return [.oneOf(Array(Set((0..<keys.count).map { keys.scalar(at: $0) }.filter { !$0.isNull })))]
    }
    var smallest: (value: Int64, row: Int)?
    var largest: (value: Int64, row: Int)?
    // In pieces: the numbers of all keys would be a copy of them that no memory limit knows of.
    for begin in stride(from: 0, to: keys.count, by: 8192) {
      guard let numbers = OrderedNumbers(keys.slice(begin, min(8192, keys.count &- begin))) else { return [] }
      for (row, value) in numbers.values.enumerated() where numbers.isUsable[row] {
        if smallest.map({ value < $0.value }) ?? true { smallest = (value, begin &+ row) }
        if largest.map({ value > $0.value }) ?? true { largest = (value, begin &+ row) }
      }
    }
    guard let smallest, let largest else { return [.oneOf([])] }
    return [.greaterOrEqual(keys.scalar(at: smallest.row)), .lessOrEqual(keys.scalar(at: largest.row))]
  }

  /// The filters that a join can put on the scans of the side that probes, by the scan's node.
  static func filters(of join: JoinNode, probing left: PreparedPlan) -> [(scan: PreparedPlan, filter: RuntimeFilter)] {
    // Of rows that only mark the others those without a match are not missed.
    let join = join.buildsLeft ? join.mirrored : join
    guard join.buildsLeft || join.kind == .inner || join.kind == .semi || join.kind == .right else { return [] }
    return join.keys.enumerated().compactMap { index, key in
      guard !key.matchesNulls, let column = key.left.columnIndex, supports(key.left.type),
        let found = scanned(column, left)
      else { return nil }
      return (found.scan, RuntimeFilter(key: index, column: found.column))
    }
  }

  /// Types whose values are equal where statistics say so; the zeros and NaN of floating numbers are not worth the trouble.
  private static func supports(_ type: SQLType) -> Bool {
    switch type {
    case .varchar(nil): true
    case .double, .real: false
    default: OrderedNumbers.supports(type)
    }
  }

  /// The scan that a column of the plan comes from, unchanged and row by row.
  private static func scanned(_ column: Int, _ node: PreparedPlan) -> (scan: PreparedPlan, column: Int)? {
    switch node.plan {
    case .scan: return (node, column)
    case .filter: return scanned(column, node.children[0])
    case .project(_, let expressions):
      guard let inner = expressions[column].expression.columnIndex else { return nil }
      return scanned(inner, node.children[0])
    case .join(let join) where join.kind == .inner || join.kind == .semi || join.kind == .left || join.kind == .anti:
      return column < join.left.columns.count ? scanned(column, node.children[0]) : nil
    default: return nil
    }
  }
}
