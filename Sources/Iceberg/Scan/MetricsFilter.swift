import Columnar

/// Decides by a file's column metrics whether some of its rows may match. SPEC "Scan Planning", inclusive metrics evaluation.
package struct MetricsFilter: Sendable {
  struct ColumnTest: Sendable {
    var fieldID: Int32
    var type: IcebergType
    var isRequired: Bool
    var test: IcebergPredicate.Test
  }

  private let condition: Condition<ColumnTest>

  /// - Parameter predicate: checked against the schema.
  package init(_ predicate: IcebergPredicate, _ schema: IcebergSchema) {
    condition = predicate.map { fieldID, test in
      // Counts inside lists and maps are of elements, not rows.
      guard let path = schema.path(toID: fieldID), let field = path.last, !field.type.isNested,
        path.dropLast().allSatisfy({ if case .structure = $0.type { true } else { false } })
      else { return .always(true) }
      return .leaf(
        ColumnTest(fieldID: fieldID, type: field.type, isRequired: path.allSatisfy(\.isRequired), test: test))
    }
  }

  var isTrivial: Bool { condition.isAlwaysTrue }

  package func mayMatch(_ metrics: MetricsSource, recordCount: Int64) -> Bool {
    if recordCount == 0 { return false }
    if recordCount < 0 { return true }
    return condition.evaluate { Self.mayMatch($0, metrics) }
  }

  private static func mayMatch(_ column: ColumnTest, _ metrics: MetricsSource) -> Bool {
    let id = column.fieldID
    let nulls = metrics.count(.nulls, of: id)
    if column.test == .isNull { return nulls != 0 }
    let values = metrics.count(.values, of: id)
    if let nulls, let values, nulls >= values, values >= 0, nulls > 0 { return false }
    guard column.type.isFloating else {
      if column.test == .isNaN { return false }
      return bounded(column, metrics, mayHoldNaN: false)
    }
    let nans = metrics.count(.nans, of: id)
    let isAllNaN = nans.map { $0 > 0 && $0 + (nulls ?? 0) == values } ?? false
    switch column.test {
    case .isNaN: return nans != 0
    case .isNotNull, .notEqual, .noneOf, .notStartsWith, .startsWith, .isNull: break
    default: if isAllNaN { return false }
    }
    return bounded(column, metrics, mayHoldNaN: nans != 0)
  }

  private static func bounded(_ column: ColumnTest, _ metrics: MetricsSource, mayHoldNaN: Bool) -> Bool {
    switch column.test {
    case .isNotNull, .isNotNaN: return true
    default: break
    }
    return column.test.mayHold(
      lower: metrics.bound(isUpper: false, of: column.fieldID, column.type),
      upper: metrics.bound(isUpper: true, of: column.fieldID, column.type), mayHoldOthers: mayHoldNaN)
  }
}
