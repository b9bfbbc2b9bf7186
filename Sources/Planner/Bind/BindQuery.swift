import Columnar
import Functions
import SQLSyntax

/// A bound query: a plan and the names of its columns.
struct BoundRelation {
  var plan: LogicalPlan
  var columns: [BoundColumn]

  var columnExpressions: [BoundExpression] {
    columns.enumerated().map { .column($0, $1.type, $1.range) }
  }

  /// One column, which is a row value.
  var isRowColumn: Bool {
    guard columns.count == 1, case .row = columns[0].type else { return false }
    return true
  }
}

extension Binder {
  /// Binds a query. `keepsOrder` is false inside other queries, where an ORDER BY without LIMIT means nothing and is dropped.
  func bindQuery(_ query: Query, in environment: BindEnvironment, keepsOrder: Bool) throws(SQLError) -> BoundRelation {
    guard let with = query.with else { return try bindBody(query, in: environment, keepsOrder: keepsOrder) }
    var inner = environment
    let entries = try bindCommonTables(with, in: &inner)
    var bound = try bindBody(query, in: inner, keepsOrder: keepsOrder)
    bound.plan = placeCommonTables(entries, around: bound.plan)
    return bound
  }

  private func bindBody(
    _ query: Query, in environment: BindEnvironment, keepsOrder: Bool
  ) throws(SQLError) -> BoundRelation {
    let rows = try rowLimit(query)
    if rows.withTies, query.orderBy.isEmpty {
      throw SQLError(.missingOrderBy, "FETCH FIRST WITH TIES clause requires ORDER BY", range: query.range)
    }
    // Without a limit the order inside another query is not observable.
    let order = keepsOrder || rows.isPresent ? query.orderBy : []
    switch query.body.kind {
    case .select(let select):
      return try bindSelect(select, order: order, rows: rows, range: query.body.range, in: environment)
    case .parenthesized(let inner) where order.isEmpty:
      var bound = try bindQuery(inner, in: environment, keepsOrder: keepsOrder)
      bound.plan = rows.applied(to: bound.plan)
      return bound
    default:
      let bound = try bindOperand(query.body, in: environment)
      return try orderByOutput(bound, order, rows, in: environment)
    }
  }

  /// One side of a set operation, or a body without ORDER BY of its own.
  func bindOperand(_ body: QueryBody, in environment: BindEnvironment) throws(SQLError) -> BoundRelation {
    switch body.kind {
    case .select(let select):
      return try bindSelect(select, order: [], rows: RowLimit(), range: body.range, in: environment)
    case .values(let rows): return try bindValues(rows, range: body.range, in: environment)
    case .table(let name):
      let from = try bindTable(TableReference(name: name), range: body.range, in: environment)
      let fields = from.fields.filter { !$0.isHidden }
      return BoundRelation(
        plan: .project(
          from.plan, fields.map { NamedExpression(.column($0.index, $0.type, body.range), name: $0.name ?? "") }),
        columns: fields.map { BoundColumn(name: $0.name, type: $0.type, range: body.range) })
    case .setOperation(let clause): return try bindSetOperation(clause, range: body.range, in: environment)
    case .parenthesized(let query): return try bindQuery(query, in: environment, keepsOrder: false)
    }
  }

  // MARK: LIMIT, OFFSET, FETCH

  /// The rows a query keeps after ordering.
  struct RowLimit {
    var offset = 0
    var count: Int?
    var withTies = false
    var isPresent: Bool { offset > 0 || count != nil }

    func applied(to plan: LogicalPlan) -> LogicalPlan {
      isPresent ? .limit(plan, offset: offset, count: count) : plan
    }

    /// Sorts and cuts.
    func applied(to plan: LogicalPlan, sortedBy keys: [SortKey]) -> LogicalPlan {
      if keys.isEmpty { return applied(to: plan) }
      if withTies, let count { return .topN(plan, keys, offset: offset, count: count, withTies: true) }
      return applied(to: .sort(plan, keys))
    }
  }

  private func rowLimit(_ query: Query) throws(SQLError) -> RowLimit {
    var limit = RowLimit()
    if let offset = query.offset { limit.offset = try rowCount(offset, "OFFSET") }
    switch query.limit {
    case nil, .all?: break
    case .rows(let count)?: limit.count = try rowCount(count, "LIMIT")
    case .fetch(let count, let withTies)?:
      limit.count = if let count { try rowCount(count, "FETCH FIRST") } else { 1 }
      limit.withTies = withTies
      if limit.count == 0, let count {
        throw SQLError(.invalidLimitClause, "FETCH FIRST row count must be positive (actual value: 0)", range: count.range)
      }
    }
    return limit
  }

  private func rowCount(_ expression: Expression, _ clause: String) throws(SQLError) -> Int {
    let scalar = try evaluateConstant(expression)
    if scalar.isNull, let parameterTypes = settings.parameterTypes {
      parameterTypes.note(.bigint, at: expression.range)
      return 1
    }
    guard case .int(let value) = scalar.value, scalar.type.isInteger else {
      throw SQLError(
        .typeMismatch, "\(clause) row count must be an integer (actual type \(scalar.type))", range: expression.range)
    }
    guard value >= 0 else {
      throw SQLError(
        .invalidLimitClause, "\(clause) row count must be greater or equal to 0 (actual value: \(value))",
        range: expression.range)
    }
    return Int(clamping: value)
  }

  // MARK: ORDER BY over output columns

  /// ORDER BY of a set operation, VALUES or TABLE: only output columns are in sight.
  private func orderByOutput(
    _ bound: BoundRelation, _ order: [OrderItem], _ rows: RowLimit, in environment: BindEnvironment
  ) throws(SQLError) -> BoundRelation {
    var bound = bound
    guard !order.isEmpty else {
      bound.plan = rows.applied(to: bound.plan)
      return bound
    }
    let fields = bound.columns.enumerated().map {
      ScopeField(name: $1.name, qualifier: [], index: $0, type: $1.type)
    }
    let binder = ExpressionBinder(
      self, environment: environment, scope: Scope(fields, parent: environment.outer), clause: .orderBy)
    var keys: [SortKey] = []
    for item in order {
      if let position = try ordinal(item.expression, count: bound.columns.count, clause: "ORDER BY") {
        let key = BoundExpression.column(position, bound.columns[position].type, item.expression.range)
        try binder.checkOrderable(key)
        keys.append(SortKey(key, item))
      } else {
        keys += try binder.bindSortKeys([item])
      }
    }
    try refuseGrouping(binder.collector, range: order[0].range)
    let width = bound.columns.count
    var plan = bound.plan
    let used = placeholders(in: keys.map(\.expression), binder.collector)
    let replaced = try attachSubqueries(binder.collector, used, to: &plan, mapping: nil)
    keys = keys.map {
      SortKey(
        $0.expression.replacingPlaceholders(Placeholder.subquery, replaced), isDescending: $0.isDescending,
        nullsFirst: $0.nullsFirst)
    }
    plan = rows.applied(to: plan, sortedBy: keys)
    if plan.columns.count > width { plan = .project(plan, Array(LogicalPlan.passingColumns(of: plan).prefix(width))) }
    bound.plan = plan
    return bound
  }

  private func refuseGrouping(_ collector: SelectCollector, range: SourceRange) throws(SQLError) {
    let found = collector.aggregates.first?.range ?? collector.windows.first?.call.range ?? collector.groupings.first?.range
    if let found {
      throw SQLError.notSupported(
        "ORDER BY of a set operation cannot contain aggregations, window functions or grouping operations", range: found)
    }
  }

  /// The position a bare integer names, counted from 0; nil for every other expression.
  func ordinal(_ expression: Expression, count: Int, clause: String) throws(SQLError) -> Int? {
    guard case .number(let number) = expression.kind, number.form == .integer else { return nil }
    guard let value = number.int64Value, value >= 1, value <= Int64(count) else {
      throw SQLError(
        .invalidColumnReference, "\(clause) position \(number.text) is not in select list", range: expression.range)
    }
    return Int(value) - 1
  }

  // MARK: VALUES

  private func bindValues(
    _ rows: [Expression], range: SourceRange, in environment: BindEnvironment
  ) throws(SQLError) -> BoundRelation {
    let binder = ExpressionBinder(self, environment: environment, scope: nil, clause: .values)
    var bound: [[BoundExpression]] = []
    bound.reserveCapacity(rows.count)
    for row in rows {
      if case .row(let elements) = row.kind {
        bound.append(try binder.bind(elements.map(\.value)))
      } else {
        bound.append([try binder.bind(row)])
      }
      if bound[bound.count - 1].count != bound[0].count {
        throw SQLError(
          .typeMismatch, "Values rows have mismatched sizes: \(bound[0].count) vs \(bound[bound.count - 1].count)",
          range: row.range)
      }
    }
    var types = bound.first?.map(\.type) ?? []
    for (number, row) in bound.enumerated() {
      for column in types.indices {
        guard let common = TypeCoercion.commonSuperType(types[column], row[column].type) else {
          throw SQLError(
            .typeMismatch,
            "Values rows have mismatched types: row(\(types.map(\.description).joined(separator: ", "))) vs row(\(row.map { "\($0.type)" }.joined(separator: ", ")))",
            range: rows[number].range)
        }
        types[column] = common
      }
    }
    bound = bound.map { row in row.enumerated().map { coerce($1, to: types[$0]) } }
    let columns = types.enumerated().map { OutputColumn(name: "_col\($0)", type: $1) }
    let result = types.map { BoundColumn(name: nil, type: $0, range: range) }
    guard !binder.collector.subqueries.isEmpty else {
      return BoundRelation(plan: .values(rows: bound, columns: columns), columns: result)
    }
    // Subqueries need a row to be joined to: every row becomes a projection of one.
    var inputs: [LogicalPlan] = []
    for row in bound {
      var plan = LogicalPlan.values(rows: [[]], columns: [])
      let used = placeholders(in: row, binder.collector)
      let replaced = try attachSubqueries(binder.collector, used, to: &plan, mapping: nil)
      inputs.append(
        .project(
          plan,
          zip(row, columns).map {
            NamedExpression($0.replacingPlaceholders(Placeholder.subquery, replaced), name: $1.name)
          }))
    }
    return BoundRelation(plan: inputs.count == 1 ? inputs[0] : .unionAll(inputs), columns: result)
  }

  // MARK: Set operations

  private func bindSetOperation(
    _ clause: SetOperationClause, range: SourceRange, in environment: BindEnvironment
  ) throws(SQLError) -> BoundRelation {
    if clause.isCorresponding { return try bindCorresponding(clause, range: range, in: environment) }
    let word = clause.kind.rawValue
    // Those of UNION stand side by side.
    if clause.kind != .union { try checkCount(clause.operands.count, of: "operands of \(word)", range: range) }
    var operands: [BoundRelation] = []
    for body in clause.operands {
      let operand = try bindOperand(body, in: environment)
      if let first = operands.first, first.columns.count != operand.columns.count {
        throw SQLError(
          .typeMismatch,
          "\(word) query has different number of fields: \(first.columns.count), \(operand.columns.count)",
          range: body.range)
      }
      operands.append(operand)
    }
    return try combined(operands, by: clause, range: range)
  }

  /// The set operation over operands with as many columns each.
  func combined(_ operands: [BoundRelation], by clause: SetOperationClause, range: SourceRange) throws(SQLError) -> BoundRelation {
    let word = clause.kind.rawValue
    var columns = operands[0].columns
    for (number, operand) in operands.enumerated() {
      for column in columns.indices {
        guard let common = TypeCoercion.commonSuperType(columns[column].type, operand.columns[column].type) else {
          throw SQLError(
            .typeMismatch,
            "column \(column + 1) in \(word) query has incompatible types: \(columns[column].type), \(operand.columns[column].type)",
            range: number < clause.operands.count ? clause.operands[number].range : range)
        }
        columns[column].type = common
      }
    }
    let isDistinct = clause.quantifier != .all
    if isDistinct || clause.kind != .union, let column = columns.first(where: { !$0.type.isComparable }) {
      throw SQLError(.typeMismatch, "Type \(column.type) is not comparable and therefore cannot be used in \(word)", range: range)
    }
    let plans = operands.map { casted($0, to: columns) }
    let plan: LogicalPlan
    switch clause.kind {
    case .union:
      plan = isDistinct ? .unionAll(plans).distinct() : .unionAll(plans)
    case .intersect, .except:
      let kind: SetOperationKind = clause.kind == .intersect ? .intersect : .except
      plan = plans.dropFirst().reduce(plans[0]) { .setOperation(kind, isDistinct: isDistinct, $0, $1) }
    }
    return BoundRelation(plan: plan, columns: columns)
  }

  /// The operand under the names and types of the whole set operation.
  func casted(_ operand: BoundRelation, to columns: [BoundColumn]) -> LogicalPlan {
    let names = columns.enumerated().map { $1.name ?? "_col\($0)" }
    let own = operand.plan.columns
    if zip(own, columns).allSatisfy({ $0.type == $1.type }), own.map(\.name) == names { return operand.plan }
    return .project(
      operand.plan,
      zip(operand.columnExpressions, columns).enumerated().map {
        NamedExpression(coerce($1.0, to: $1.1.type), name: names[$0])
      })
  }
}

extension LogicalPlan {
  /// Each different row once.
  func distinct() -> LogicalPlan {
    let keys = LogicalPlan.passingColumns(of: self)
    return .aggregate(
      AggregateNode(input: self, keys: keys, groupingSets: [Array(keys.indices)], aggregates: []))
  }

  /// The plan with its columns under a result's names.
  func withNames(_ columns: [BoundColumn]) -> LogicalPlan {
    let names = columns.enumerated().map { $1.name ?? "_col\($0)" }
    if self.columns.map(\.name) == names { return self }
    if case .project(let input, let expressions) = self {
      return .project(input, zip(expressions, names).map { NamedExpression($0.expression, name: $1) })
    }
    return .project(
      self, zip(LogicalPlan.passingColumns(of: self), names).map { NamedExpression($0.expression, name: $1) })
  }
}

extension BoundExpression {
  /// Puts the value of every placeholder of a level into its place.
  func replacingPlaceholders(_ level: Int, _ values: [Int: BoundExpression]) -> BoundExpression {
    if let index = placeholder(level), let value = values[index] { return value }
    return mapOperands { $0.replacingPlaceholders(level, values) }
  }
}
