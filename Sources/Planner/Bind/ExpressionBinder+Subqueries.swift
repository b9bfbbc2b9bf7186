import Columnar
import Functions
import SQLSyntax

extension ExpressionBinder {
  /// Binds a query inside an expression: it sees this expression's columns as outer columns.
  private func bindSubquery(_ query: Query, range: SourceRange) throws(SQLError) -> BoundRelation {
    guard lambdaFrames.isEmpty else {
      throw SQLError.notSupported("Lambda expression cannot contain subqueries", range: range)
    }
    guard clause != .constant else {
      throw SQLError(.expressionNotConstant, "Constant expression cannot contain a subquery", range: range)
    }
    var inner = environment
    inner.outer = scope ?? Scope([], parent: environment.outer)
    return try binder.bindQuery(query, in: inner, keepsOrder: false)
  }

  func bindScalarSubquery(_ query: Query, range: SourceRange) throws(SQLError) -> BoundExpression {
    let bound = try bindSubquery(query, range: range)
    guard bound.columns.count == 1 else {
      // Several columns are one row value.
      let fields = bound.columns.map { RowField(name: $0.name?.lowercased(), type: $0.type) }
      let type = SQLType.row(fields)
      let row = BoundExpression.makeRow(bound.columnExpressions, type: type, range)
      let plan = LogicalPlan.project(bound.plan, [NamedExpression(row, name: "row")])
      return collector.add(PendingSubquery(test: .scalar, plan: plan, type: type, range: range))
    }
    return collector.add(PendingSubquery(test: .scalar, plan: bound.plan, type: bound.columns[0].type, range: range))
  }

  func bindExists(_ query: Query, range: SourceRange) throws(SQLError) -> BoundExpression {
    let bound = try bindSubquery(query, range: range)
    return collector.add(PendingSubquery(test: .exists, plan: bound.plan, type: .boolean, range: range))
  }

  /// `value IN (query)`.
  func bindIn(
    _ value: Expression, _ query: Query, range: SourceRange, nullCountsAsFalse: Bool
  ) throws(SQLError) -> BoundExpression {
    let value = try bind(value)
    let (left, plan) = try comparable(value, try bindSubquery(query, range: range), range: range) { type, other in
      "value and result of subquery must be of the same type for IN expression: \(type) vs \(other)"
    }
    // A value with parts can be unequal, equal or neither to each single one: a NULL in one of them says nothing of the others.
    if !left.type.isNested, !plan.hasAnyOuterColumns {
      return collector.add(PendingSubquery(test: .membership(left), plan: plan, type: .boolean, range: range))
    }
    return try anyMatch("=", left, plan, range: range, nullCountsAsFalse: nullCountsAsFalse)
  }

  /// `value op ANY | ALL (query)`.
  func bindQuantified(
    _ comparison: ComparisonOperator, _ value: Expression, _ quantifier: Quantifier, _ query: Query, range: SourceRange,
    nullCountsAsFalse: Bool
  ) throws(SQLError) -> BoundExpression {
    switch (comparison, quantifier) {
    case (.equal, .any): return try bindIn(value, query, range: range, nullCountsAsFalse: nullCountsAsFalse)
    case (.notEqual, .all):
      return .not(try bindIn(value, query, range: range, nullCountsAsFalse: false), range)
    default: break
    }
    let value = try bind(value)
    let (left, plan) = try comparable(value, try bindSubquery(query, range: range), range: range) { type, other in
      "value and result of subquery must be of the same type for quantified comparison: \(type) vs \(other)"
    }
    if let test = try bindExtremes(comparison, left, quantifier, plan, range: range) { return test }
    guard quantifier == .all else {
      return try anyMatch(comparison.rawValue, left, plan, range: range, nullCountsAsFalse: nullCountsAsFalse)
    }
    // x op ALL (q) is NOT (x negated-op ANY (q)), but with NaN every comparison except <> is false, so the negation must stay outside.
    return .not(try anyMatch(comparison.rawValue, left, plan, range: range, nullCountsAsFalse: false, isNegated: true), range)
  }

  /// Whether `left op column` holds for any row of `plan` (`isNegated`: fails for any row), in three-valued logic.
  private func anyMatch(
    _ comparison: String, _ left: BoundExpression, _ plan: LogicalPlan, range: SourceRange, nullCountsAsFalse: Bool,
    isNegated: Bool = false
  ) throws(SQLError) -> BoundExpression {
    let right = BoundExpression.column(0, left.type, range)
    var test = try binder.call(comparison, [left.asOuter, right], range: range)
    if isNegated { test = .not(test, range) }
    let match = collector.add(PendingSubquery(test: .matches(test), plan: plan, type: .boolean, range: range))
    if nullCountsAsFalse { return match }
    let unknown = collector.add(
      PendingSubquery(test: .matches(.isNull(test, range)), plan: plan, type: .boolean, range: range))
    return .caseWhen(
      [
        CaseBranch(condition: match, result: .literal(.boolean(true), range)),
        CaseBranch(condition: unknown, result: .literal(.null(.boolean), range)),
      ], otherwise: .literal(.boolean(false), range), type: .boolean, range)
  }

  /// Brings a value and the only column (or all columns, as a row) of a subquery to one type.
  private func comparable(
    _ value: BoundExpression, _ bound: BoundRelation, range: SourceRange, _ message: (SQLType, SQLType) -> String
  ) throws(SQLError) -> (BoundExpression, LogicalPlan) {
    var column: BoundExpression
    if case .row(let fields) = value.type, fields.count == bound.columns.count, fields.count > 1 || !bound.isRowColumn {
      let type = SQLType.row(bound.columns.map { RowField(name: nil, type: $0.type) })
      column = .makeRow(bound.columnExpressions, type: type, range)
    } else {
      guard bound.columns.count == 1 else {
        throw SQLError(
          .typeMismatch, "Multiple columns returned by subquery are not yet supported. Found \(bound.columns.count)",
          range: range)
      }
      column = bound.columnExpressions[0]
    }
    guard let type = TypeCoercion.commonSuperType(value.type, column.type) else {
      throw SQLError(.typeMismatch, message(value.type, column.type), range: range)
    }
    column = binder.coerce(column, to: type)
    if case .column = column { return (binder.coerce(value, to: type), bound.plan) }
    return (binder.coerce(value, to: type), .project(bound.plan, [NamedExpression(column, name: "value")]))
  }
}

extension BoundExpression {
  /// The expression as a subquery of its query sees it: columns become outer columns, outer ones lie one level further.
  var asOuter: BoundExpression {
    switch self {
    case .column(let index, let type, let range): .outerColumn(level: 1, index: index, type, range)
    case .outerColumn(let level, let index, let type, let range) where level > 0:
      .outerColumn(level: level + 1, index: index, type, range)
    default: mapOperands { $0.asOuter }
    }
  }
}
