import Columnar
import Functions
import SQLSyntax

/// Tells scans which rows the filter above them will keep, in terms that metadata can be tested against. The filter stays.
package struct ScanPredicates {
  let context: QueryContext

  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedBottomUp { node in
      guard case .filter(.scan(var scan), let predicate) = node else { return node }
      for term in predicate.conjuncts {
        for test in Self.tests(term) {
          let table = scan.tableColumns[test.column]
          guard scan.table.field(at: table).type == scan.columns[test.column].type else { continue }
          let found = ColumnPredicate(column: table, test: test.test)
          if !scan.predicates.contains(found) { scan.predicates.append(found) }
        }
      }
      return .filter(.scan(scan), predicate)
    }
  }

  /// A condition as tests of single columns of a table, which together are true for the very rows that it is true for; nil when some of
  /// it cannot be said so.
  ///
  /// - Parameter plan: the filter over the scan of the table, optimised.
  package static func exactly(_ plan: LogicalPlan) -> [ColumnPredicate]? {
    guard case .filter(.scan(let scan), let predicate) = plan else { return nil }
    var found: [ColumnPredicate] = []
    for term in predicate.conjuncts {
      guard isExact(term) else { return nil }
      let tests = tests(term)
      if tests.isEmpty { return nil }
      for test in tests {
        let table = scan.tableColumns[test.column]
        guard scan.table.field(at: table).type == scan.columns[test.column].type else { return nil }
        found.append(ColumnPredicate(column: table, test: test.test))
      }
    }
    return found
  }

  /// Whether `tests` loses nothing of a term: LIKE is more than its prefix, and a cast to a smaller type can fail.
  private static func isExact(_ term: BoundExpression) -> Bool {
    switch term {
    case .call(let function, let arguments, _):
      guard function.name != OperatorName.like else { return false }
      return arguments.allSatisfy { argument in
        if case .cast(_, to: let target, isTry: _, _) = argument { target == .date } else { true }
      }
    case .or(let operands, _): return operands.allSatisfy(isExact)
    default: return true
    }
  }

  /// What a condition says of single columns; columns are the scan's output.
  private static func tests(_ term: BoundExpression) -> [ColumnPredicate] {
    switch term {
    case .call(let function, let arguments, _) where arguments.count == 2:
      let mirror = mirrored(function.name)
      return comparison(function.name, arguments[0], arguments[1]) ?? comparison(mirror, arguments[1], arguments[0])
        ?? unwrapped(function.name, arguments[0], arguments[1]) ?? unwrapped(mirror, arguments[1], arguments[0]) ?? []
    case .isNull(.column(let column, _, _), _): return [ColumnPredicate(column: column, test: .isNull)]
    case .not(.isNull(.column(let column, _, _), _), _): return [ColumnPredicate(column: column, test: .isNotNull)]
    case .inList(.column(let column, _, _), let list, _):
      // A NULL in the list makes no row true.
      let scalars = list.compactMap(\.literalValue)
      guard scalars.count == list.count else { return [] }
      return [ColumnPredicate(column: column, test: .oneOf(scalars.filter { !$0.isNull }))]
    case .column(let column, .boolean, _): return [ColumnPredicate(column: column, test: .equal(.boolean(true)))]
    case .not(.column(let column, .boolean, _), _):
      return [ColumnPredicate(column: column, test: .equal(.boolean(false)))]
    case .or(let operands, _): return alternatives(operands).map { [$0] } ?? []
    default: return []
    }
  }

  /// `a = 1 OR a = 2 OR a IN (3, 4)`: one of them.
  private static func alternatives(_ operands: [BoundExpression]) -> ColumnPredicate? {
    var column: Int?
    var scalars: [Scalar] = []
    for operand in operands {
      let found = tests(operand)
      guard found.count == 1, column == nil || column == found[0].column else { return nil }
      column = found[0].column
      switch found[0].test {
      case .equal(let scalar): scalars.append(scalar)
      case .oneOf(let list): scalars += list
      default: return nil
      }
    }
    return column.map { ColumnPredicate(column: $0, test: .oneOf(scalars)) }
  }

  private static func mirrored(_ name: String) -> String {
    switch name {
    case "<": ">"
    case "<=": ">="
    case ">": "<"
    case ">=": "<="
    case "=", "<>": name
    default: ""
    }
  }

  private static func comparison(
    _ name: String, _ column: BoundExpression, _ constant: BoundExpression
  ) -> [ColumnPredicate]? {
    guard let index = column.columnIndex, let scalar = constant.literalValue, !scalar.isNull else { return nil }
    if name == OperatorName.like {
      guard column.type.isPlainText, case .varchar = column.type, let prefix = likePrefix(scalar) else { return nil }
      return [ColumnPredicate(column: index, test: .startsWith(Scalar(column.type, .bytes(prefix))))]
    }
    guard scalar.type == column.type, !isNaN(scalar) else { return nil }
    let test: ColumnPredicate.Test
    switch name {
    case "=": test = .equal(scalar)
    case "<>":
      // NaN differs from everything and stands in no bound.
      if column.type == .double || column.type == .real { return nil }
      test = .notEqual(scalar)
    case "<": test = .less(scalar)
    case "<=": test = .lessOrEqual(scalar)
    case ">": test = .greater(scalar)
    case ">=": test = .greaterOrEqual(scalar)
    default: return nil
    }
    return [ColumnPredicate(column: index, test: test)]
  }

  private static func isNaN(_ scalar: Scalar) -> Bool {
    switch scalar.value {
    case .double(let value): value.isNaN
    case .real(let value): value.isNaN
    default: false
    }
  }

  /// The bytes before the first wildcard of a LIKE pattern; nil when there are none.
  private static func likePrefix(_ pattern: Scalar) -> [UInt8]? {
    guard case .bytes(let bytes) = pattern.value else { return nil }
    let prefix = Array(bytes.prefix { $0 != UInt8(ascii: "%") && $0 != UInt8(ascii: "_") })
    return prefix.isEmpty ? nil : prefix
  }
}
