import Columnar
import Functions
import Planner
import SQLSyntax

/// `left < right` or one of its kind between the two sides of a join.
struct RangeCondition: Sendable {
  enum Comparison: String, Sendable {
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="

    var mirrored: Comparison {
      switch self {
      case .less: .greater
      case .lessOrEqual: .greaterOrEqual
      case .greater: .less
      case .greaterOrEqual: .lessOrEqual
      }
    }
  }

  let comparison: Comparison
  /// Over the left columns.
  let left: BoundExpression
  /// Over the right columns.
  let right: BoundExpression

  /// Nil for a term of another kind, or of a type that `OrderedNumbers` does not know.
  init?(_ term: BoundExpression, leftWidth: Int) {
    guard case .call(let function, let arguments, _) = term, arguments.count == 2, term.isDeterministic,
      let comparison = Comparison(rawValue: function.name), arguments[0].type == arguments[1].type,
      OrderedNumbers.supports(arguments[0].type)
    else { return nil }
    let columns = arguments.map(\.columnIndices)
    guard !columns[0].isEmpty, !columns[1].isEmpty else { return nil }
    if columns[0].allSatisfy({ $0 < leftWidth }), columns[1].allSatisfy({ $0 >= leftWidth }) {
      (self.comparison, left, right) = (comparison, arguments[0], arguments[1].shiftingColumns(by: -leftWidth))
    } else if columns[1].allSatisfy({ $0 < leftWidth }), columns[0].allSatisfy({ $0 >= leftWidth }) {
      (self.comparison, left, right) = (comparison.mirrored, arguments[1], arguments[0].shiftingColumns(by: -leftWidth))
    } else {
      return nil
    }
  }
}

/// Where the build rows that fit a left row can be, in a join by ranges: the build rows are sorted by the right side of the first
/// condition, and each condition has an ascending list in which a binary search finds the first or the last row that can satisfy it.
///
///     a.x BETWEEN b.lo AND b.hi      rows sorted by lo
///       x >= lo                      lo itself                               rows before the first lo > x
///       x <= hi                      the largest hi of this row and all before   rows from the first such hi >= x
///
/// For `x >= other` the list is the smallest value of this row and all after it. Rows in between need not fit: the join's condition is
/// still evaluated for them.
struct RangeIndex: Sendable {
  private struct Limit: Sendable {
    let comparison: RangeCondition.Comparison
    /// Ascending, one per row that can match at all.
    let values: [Int64]
  }

  private let limits: [Limit]
  /// The left sides of the conditions, over the left columns.
  let probes: [BoundExpression]
  /// Rows after these have NULL or NaN in the first condition and match nothing.
  private let usableCount: Int

  /// Fewer rows are looked at one by one.
  private static let fewestRows = 32

  /// - Parameter rows: the build rows; sorted when there is an index.
  /// - Returns: nil when no condition can be used.
  static func make(_ rows: inout Batch, _ shape: JoinShape, _ context: QueryContext) throws -> RangeIndex? {
    guard rows.count >= fewestRows else { return nil }
    var usable: [(condition: RangeCondition, numbers: OrderedNumbers)] = []
    for condition in shape.ranges {
      do {
        let column = try ExpressionEvaluator(condition.right, context: context).evaluate(rows)
        if let numbers = OrderedNumbers(column) { usable.append((condition, numbers)) }
      } catch let error as SQLError where error.isCatchable {
        // Whether that row is ever asked for is decided by the condition as a whole.
        continue
      }
    }
    guard let first = usable.first else { return nil }
    let sortKeys = first.numbers
    var order: [UInt32] = []
    var unusable: [UInt32] = []
    for row in 0..<rows.count {
      let number = UInt32(truncatingIfNeeded: row)
      if sortKeys.isUsable[row] { order.append(number) } else { unusable.append(number) }
    }
    order.sort { sortKeys.values[Int($0)] < sortKeys.values[Int($1)] }
    let limits = usable.map { entry in
      Limit(comparison: entry.condition.comparison, values: outermost(entry.numbers, order, entry.condition.comparison))
    }
    let index = RangeIndex(limits: limits, probes: usable.map(\.condition.left), usableCount: order.count)
    order += unusable
    rows = rows.take(order, count: order.count)
    return index
  }

  /// Per row in `order` the largest value so far, or the smallest from here on.
  private static func outermost(
    _ numbers: OrderedNumbers, _ order: [UInt32], _ comparison: RangeCondition.Comparison
  ) -> [Int64] {
    let values = order.map { numbers.values[Int($0)] }
    var result = values
    switch comparison {
    case .less, .lessOrEqual:
      var largest = Int64.min
      for (position, row) in order.enumerated() {
        if numbers.isUsable[Int(row)] { largest = max(largest, values[position]) }
        result[position] = largest
      }
    case .greater, .greaterOrEqual:
      var smallest = Int64.max
      for (position, row) in order.enumerated().reversed() {
        if numbers.isUsable[Int(row)] { smallest = min(smallest, values[position]) }
        result[position] = smallest
      }
    }
    return result
  }

  /// Per left row the build rows that may fit.
  ///
  /// - Parameter columns: the values of `probes`.
  func candidates(_ columns: [Column], count: Int) -> [Range<Int>] {
    var result = [Range<Int>](repeating: 0..<usableCount, count: count)
    for (limit, column) in zip(limits, columns) {
      guard let numbers = OrderedNumbers(column) else { continue }
      for row in 0..<count {
        let current = result[row]
        guard numbers.isUsable[row] else {
          result[row] = 0..<0
          continue
        }
        let value = numbers.values[row]
        var (begin, end) = (current.lowerBound, current.upperBound)
        switch limit.comparison {
        case .less: begin = max(begin, Self.position(after: value, in: limit.values))
        case .lessOrEqual: begin = max(begin, Self.position(of: value, in: limit.values))
        case .greater: end = min(end, Self.position(of: value, in: limit.values))
        case .greaterOrEqual: end = min(end, Self.position(after: value, in: limit.values))
        }
        result[row] = begin..<max(begin, end)
      }
    }
    return result
  }

  /// The first place with no smaller value.
  private static func position(of value: Int64, in sorted: [Int64]) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low &+ high) / 2
      if sorted[middle] < value { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// The first place with a larger value.
  private static func position(after value: Int64, in sorted: [Int64]) -> Int {
    value == .max ? sorted.count : position(of: value + 1, in: sorted)
  }
}

/// Values as whole numbers that compare as they do.
struct OrderedNumbers {
  let values: [Int64]
  /// False for NULL and NaN, which no comparison finds.
  let isUsable: [Bool]

  static func supports(_ type: SQLType) -> Bool {
    switch type.physical {
    case .int8, .int16, .int32, .int64, .float, .double: true
    case .boolean, .int128, .string, .timestampTZ, .list, .row: false
    }
  }

  /// Nil for a type without such numbers.
  init?(_ column: Column) {
    guard Self.supports(column.type) else { return nil }
    let flat = column.flattened()
    let view = ColumnView(flat)
    let count = flat.count
    var usable = [Bool](repeating: true, count: count)
    if !flat.hasNoValidity { for row in 0..<count { usable[row] = view.isValid(row) } }
    func integers<Value: FixedWidthInteger>(_ type: Value.Type) -> [Int64] {
      let source = view.pointer(as: type)
      return (0..<count).map { Int64(truncatingIfNeeded: source[$0]) }
    }
    func floats(_ value: (Int) -> Double) -> [Int64] {
      (0..<count).map { row in
        let value = value(row)
        if value.isNaN { usable[row] = false }
        // The bits of positive numbers ascend with them, those of negative ones descend; -0 equals 0.
        let bits = Int64(bitPattern: (value == 0 ? 0 : value).bitPattern)
        return bits < 0 ? bits ^ Int64.max : bits
      }
    }
    switch flat.type.physical {
    case .int8: values = integers(Int8.self)
    case .int16: values = integers(Int16.self)
    case .int32: values = integers(Int32.self)
    case .int64: values = integers(Int64.self)
    case .float:
      let source = view.pointer(as: Float.self)
      values = floats { Double(source[$0]) }
    case .double:
      let source = view.pointer(as: Double.self)
      values = floats { source[$0] }
    case .boolean, .int128, .string, .timestampTZ, .list, .row: return nil
    }
    isUsable = usable
    withExtendedLifetime(flat) {}
  }
}
