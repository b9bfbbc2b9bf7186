import Columnar
import Functions
import Planner

/// A pivot as the operator runs it: its cells grouped into measures, each one aggregate over one argument list for many pivot values.
struct PivotLayout {
  /// One aggregate over one argument list, e.g. `max(beta_value)`.
  struct Measure {
    let aggregate: ResolvedAggregate
    /// Positions of its arguments in the input that the operator is handed (after keys and pivot key).
    let arguments: Range<Int>
    /// Columns of the measure.
    var cellCount = 0
  }

  /// Where an output column comes from.
  struct Source {
    let measure: Int
    let cell: Int
  }

  let keyTypes: [SQLType]
  let pivotKeyType: SQLType
  private(set) var measures: [Measure] = []
  /// One per output column after the keys.
  private(set) var sources: [Source] = []
  /// Pivot value -> number of the value; every measure has a table from that number to its cell.
  private(set) var valueNumbers: [ScalarValue: Int] = [:]
  /// `cells[measure][value number]`, nil when the measure has no column for the value.
  private(set) var cells: [[Int?]] = []
  /// Expressions of the arguments of all measures, in order.
  private(set) var argumentExpressions: [BoundExpression] = []

  init(_ node: PivotNode) {
    keyTypes = node.keys.map(\.expression.type)
    pivotKeyType = node.pivotKey.type
    var measureNumbers: [Signature: Int] = [:]
    var slots: [[Int: Int]] = []
    for cell in node.cells {
      let signature = Signature(
        aggregate: cell.aggregate.name, resultType: cell.aggregate.resultType, arguments: cell.arguments)
      let measure: Int
      if let known = measureNumbers[signature] {
        measure = known
      } else {
        measure = measures.count
        measureNumbers[signature] = measure
        let start = argumentExpressions.count
        argumentExpressions += cell.arguments
        measures.append(Measure(aggregate: cell.aggregate, arguments: start..<argumentExpressions.count))
        slots.append([:])
      }
      let value = valueNumbers[Self.normalised(cell.value.value)] ?? valueNumbers.count
      valueNumbers[Self.normalised(cell.value.value)] = value
      // Two columns of the same value and aggregate are one cell shown twice.
      let slot = slots[measure][value] ?? measures[measure].cellCount
      if slots[measure][value] == nil {
        slots[measure][value] = slot
        measures[measure].cellCount += 1
      }
      sources.append(Source(measure: measure, cell: slot))
    }
    let valueCount = valueNumbers.count
    cells = slots.map { slots in (0..<valueCount).map { slots[$0] } }
    guardArguments(node)
  }

  /// `max(CASE WHEN k = 'a' THEN 1 / x END)` divides for rows of `a` only, so what can fail is evaluated for the rows of its measure.
  private mutating func guardArguments(_ node: PivotNode) {
    guard argumentExpressions.contains(where: \.mayFail) else { return }
    var values = [[BoundExpression]](repeating: [], count: measures.count)
    for (cell, source) in zip(node.cells, sources) {
      values[source.measure].append(.literal(cell.value, node.pivotKey.range))
    }
    for (measure, values) in zip(measures, values) {
      let isWanted = BoundExpression.inList(node.pivotKey, values, node.pivotKey.range)
      for position in measure.arguments { argumentExpressions[position] = argumentExpressions[position].onlyWhere(isWanted) }
    }
  }

  /// What tells measures apart; where the expressions were written takes no part.
  private struct Signature: Hashable {
    let aggregate: String
    let resultType: SQLType
    let arguments: [BoundExpression]
  }

  /// Zeros of both signs are one pivot value; so are all NaNs.
  static func normalised(_ value: ScalarValue) -> ScalarValue {
    switch value {
    case .double(let number): .int(Int64(bitPattern: Hashing.normalised(number)))
    case .real(let number): .int(Int64(Hashing.normalised(number)))
    case .timestampTZ(let moment): .int(moment.instant)
    default: value
    }
  }

  /// Whether the operator can run the pivot; the general aggregate takes the rest.
  static func supports(_ node: PivotNode) -> Bool {
    PivotKeyCodec.supports(node.keys.map(\.expression.type)) && !node.pivotKey.type.isNested && !node.keys.isEmpty
  }
}
