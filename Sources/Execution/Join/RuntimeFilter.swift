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
  let column: Int
  private let found = Mutex(Knowledge())
  /// Earlier scans whose rows the scan may take, if these keys are all among theirs.
  private let coverages = Mutex<[KeyCoverage]>([])

  /// What is known of the keys.
  struct Knowledge: Sendable {
    var tests: [ColumnPredicate.Test] = []
    var keys: KeyBloomFilter?

    /// Whether no row with one of `keys` is sorted out; `tests` is what those keys say of themselves. False when in doubt.
    func covers(_ keys: Column, tests narrower: [ColumnPredicate.Test]) -> Bool {
      tests.allSatisfy { test in narrower.contains { $0.implies(test) } } && (self.keys?.holdsAll(of: keys) ?? true)
    }
  }

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

  var knowledge: Knowledge { found.withLock { $0 } }

  /// To be asked when the keys are known.
  func add(_ coverage: KeyCoverage) { coverages.withLock { $0.append(coverage) } }

  /// - Parameter keys: all keys of the build side; NULL matches nothing.
  func set(_ keys: Column) {
    let (tests, filter) = (Self.tests(keys), KeyBloomFilter(keys))
    found.withLock { $0 = Knowledge(tests: tests, keys: filter) }
    for coverage in coverages.withLock({ $0 }) { coverage.check(keys, tests: tests) }
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

  /// The scans of the side that probes that a join can put filters on: which key, the way down to the scan (numbers of inputs), and which
  /// of its output columns.
  static func targets(of join: JoinNode) -> [(key: Int, path: [Int], column: Int)] {
    // Of rows that only mark the others those without a match are not missed.
    let join = join.buildsLeft ? join.mirrored : join
    guard join.buildsLeft || join.kind == .inner || join.kind == .semi || join.kind == .right else { return [] }
    return join.keys.enumerated().compactMap { index, key in
      guard !key.matchesNulls, let column = key.left.columnIndex, supports(key.left.type), let found = scanned(column, join.left)
      else { return nil }
      return (index, found.path, found.column)
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
  private static func scanned(_ column: Int, _ plan: LogicalPlan) -> (path: [Int], column: Int)? {
    var plan = plan
    var column = column
    var path: [Int] = []
    while true {
      switch plan {
      case .scan: return (path, column)
      case .filter(let input, _): plan = input
      case .project(let input, let expressions):
        guard let inner = expressions[column].expression.columnIndex else { return nil }
        column = inner
        plan = input
      case .join(let join) where join.kind == .inner || join.kind == .semi || join.kind == .left || join.kind == .anti:
        guard column < join.left.columns.count else { return nil }
        plan = join.left
      default: return nil
      }
      path.append(0)
    }
  }
}

extension ColumnPredicate.Test {
  /// Whether values that pass this test pass the other one, of the kinds that keys are tested by; false when in doubt.
  fileprivate func implies(_ other: Self) -> Bool {
    switch (self, other) {
    case (.oneOf(let some), .oneOf(let all)): Set(some).isSubset(of: all)
    case (.oneOf(let some), .greaterOrEqual(let bound)): some.allSatisfy { $0.isKnown(atLeast: bound) }
    case (.oneOf(let some), .lessOrEqual(let bound)): some.allSatisfy { bound.isKnown(atLeast: $0) }
    case (.greaterOrEqual(let value), .greaterOrEqual(let bound)): value.isKnown(atLeast: bound)
    case (.lessOrEqual(let value), .lessOrEqual(let bound)): bound.isKnown(atLeast: value)
    default: false
    }
  }
}

extension Scalar {
  /// False when values of this kind are not compared here.
  fileprivate func isKnown(atLeast other: Scalar) -> Bool {
    if case .int(let value) = value, case .int(let bound) = other.value { value >= bound } else { value == other.value }
  }
}
