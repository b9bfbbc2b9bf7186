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

  /// A scan that a filter can be put on.
  struct Target {
    /// Which key of the join.
    let key: Int
    /// The way down to the scan from the side that probes: numbers of inputs.
    let path: [Int]
    /// The scan's output column that the key is.
    let column: Int
  }

  /// The scans below the side that probes that a join can put filters on: all of them begin when its build side is complete.
  static func targets(of join: JoinNode) -> [Target] {
    // Of rows that only mark the others those without a match are not missed.
    let join = join.buildsLeft ? join.mirrored : join
    guard join.buildsLeft || join.kind == .inner || join.kind == .semi || join.kind == .right else { return [] }
    return join.keys.enumerated().flatMap { index, key -> [Target] in
      guard !key.matchesNulls, let column = key.left.columnIndex, supports(key.left.type) else { return [] }
      return scans(of: column, join.left).map { Target(key: index, path: $0.path, column: $0.column) }
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

  /// The scans that a column of the plan comes from unchanged, of which rows may be left out when the plan's rows with their value in it
  /// are not wanted.
  private static func scans(of column: Int, _ plan: LogicalPlan) -> [(path: [Int], column: Int)] {
    func below(_ number: Int, _ input: LogicalPlan, _ column: Int) -> [(path: [Int], column: Int)] {
      scans(of: column, input).map { ([number] + $0.path, $0.column) }
    }
    switch plan {
    case .scan: return [([], column)]
    case .filter(let input, _), .sort(let input, _): return below(0, input, column)
    case .project(let input, let expressions):
      return expressions[column].expression.columnIndex.map { below(0, input, $0) } ?? []
    case .unionAll(let inputs): return inputs.enumerated().flatMap { below($0, $1, column) }
    case .aggregate(let node):
      // Groups are wanted as a whole or not at all.
      guard node.groupingSets.count == 1, node.groupingSets[0].contains(column), column < node.keys.count else { return [] }
      return node.keys[column].expression.columnIndex.map { below(0, node.input, $0) } ?? []
    case .join(let join):
      let leftWidth = join.left.columns.count
      switch join.kind {
      case .inner: return column < leftWidth ? below(0, join.left, column) : below(1, join.right, column - leftWidth)
      case .semi, .anti, .left: return column < leftWidth ? below(0, join.left, column) : []
      case .right: return column < leftWidth ? [] : below(1, join.right, column - leftWidth)
      case .full, .nullAwareAnti, .mark, .leftSingle: return []
      }
    default: return []
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
