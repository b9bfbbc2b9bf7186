import Columnar
import Functions
import SQLSyntax

/// `value op ANY | ALL (query)` for a query that does not depend on the row: one pass finds out what decides it for every row.
///
///     x < ANY (q)    NOT isEmpty AND (x < max OR unknown)        unknown: NULL when q has a NULL, else false
///     x < ALL (q)    isEmpty OR (x < min AND NOT unknown)
///     x = ALL (q)    isEmpty OR (x = min AND x = max AND NOT unknown)
///     x <> ANY (q)   NOT (x = ALL (q))
///
/// No comparison with NaN but `<>` holds: NaN is no extreme for ANY and the only one for ALL.
extension ExpressionBinder {
  /// Nil where the comparison is not decided by extremes, or the rule is off.
  ///
  /// - Parameters:
  ///   - left: of the same type as the only column of `plan`.
  ///   - comparison: not `= ANY` and `<> ALL`, which are IN and NOT IN.
  func bindExtremes(
    _ comparison: ComparisonOperator, _ left: BoundExpression, _ quantifier: Quantifier, _ plan: LogicalPlan, range: SourceRange
  ) throws(SQLError) -> BoundExpression? {
    let type = left.type
    guard binder.settings.comparesExtremes, type.isOrderable, !type.isNested, type != .unknown, !plan.hasAnyOuterColumns else {
      return nil
    }
    let isAll = quantifier == .all
    let bounds: [String]
    switch comparison {
    case .less, .lessOrEqual: bounds = [isAll ? "min" : "max"]
    case .greater, .greaterOrEqual: bounds = [isAll ? "max" : "min"]
    case .equal where isAll, .notEqual where !isAll: bounds = ["min", "max"]
    default: return nil
    }
    // `<> ANY` is the negation of `= ALL`.
    let meansAll = isAll || comparison == .notEqual
    let facts = collector.add(try extremes(bounds, of: plan, type, forAll: meansAll, range: range))
    func fact(_ index: Int, _ type: SQLType) -> BoundExpression { .field(facts, index: index, type: type, range) }
    let isEmpty = fact(0, .boolean)
    let unknown = fact(1, .boolean)
    var tests: [BoundExpression] = []
    for index in bounds.indices {
      let name = comparison == .notEqual ? ComparisonOperator.equal.rawValue : comparison.rawValue
      tests.append(try binder.call(name, [left, fact(2 + index, type)], range: range))
    }
    if !meansAll { return .and([.not(isEmpty, range), .or(tests + [unknown], range)], range) }
    let holdsForAll = BoundExpression.or([isEmpty, .and(tests + [.not(unknown, range)], range)], range)
    return isAll ? holdsForAll : .not(holdsForAll, range)
  }

  /// The subquery as one row of one row value: whether it is empty, NULL if it has a NULL (else false), and the bounds.
  private func extremes(
    _ bounds: [String], of plan: LogicalPlan, _ type: SQLType, forAll: Bool, range: SourceRange
  ) throws(SQLError) -> PendingSubquery {
    let value = BoundExpression.column(0, type, range)
    let hasNaN = type == .double || type == .real
    // NaN is the one value that does not equal itself.
    let isNumber = hasNaN ? try binder.call("=", [value, value], range: range) : nil
    var aggregates: [AggregateCall] = []
    func add(_ name: String, _ arguments: [BoundExpression], filter: BoundExpression?) throws(SQLError) -> BoundExpression {
      let function = try binder.aggregateFunction(name, arguments.map(\.type), range: range)
      aggregates.append(AggregateCall(function: function, arguments: arguments, filter: filter, name: name, range: range))
      return .column(aggregates.count - 1, function.resultType, range)
    }
    let rows = try add("count", [], filter: nil)
    let values = try add("count", [value], filter: nil)
    let numbers = hasNaN ? try add("count", [value], filter: isNumber) : values
    let null = BoundExpression.literal(.null(.boolean), range)
    var parts = [
      try binder.call("=", [rows, .literal(.bigint(0), range)], range: range),
      BoundExpression.caseWhen(
        [CaseBranch(condition: try binder.call("<>", [rows, values], range: range), result: null)],
        otherwise: .literal(.boolean(false), range), type: .boolean, range),
    ]
    for bound in bounds {
      let extreme = try add(bound, [value], filter: isNumber)
      guard hasNaN else {
        parts.append(extreme)
        continue
      }
      let nan = BoundExpression.literal(type == .double ? .double(.nan) : Scalar(.real, .real(.nan)), range)
      parts.append(
        forAll
          ? .caseWhen(
            [CaseBranch(condition: try binder.call("<>", [numbers, values], range: range), result: nan)], otherwise: extreme,
            type: type, range)
          : .coalesce([extreme, nan], type: type, range))
    }
    let rowType = SQLType.row(parts.map { RowField(name: nil, type: $0.type) })
    let aggregate = AggregateNode(input: plan, keys: [], groupingSets: [[]], aggregates: aggregates)
    return PendingSubquery(
      test: .scalar, plan: .project(.aggregate(aggregate), [NamedExpression(.makeRow(parts, type: rowType, range), name: "extremes")]),
      type: rowType, range: range)
  }
}
