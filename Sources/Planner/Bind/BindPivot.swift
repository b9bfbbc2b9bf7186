import Columnar
import Functions
import SQLSyntax

extension Binder {
  /// `relation PIVOT (aggregates FOR column IN (values))`: groups by every column that is named neither in an aggregate nor after FOR
  /// (or by GROUP BY inside the parentheses) and makes one column per value and aggregate.
  func bindPivot(
    _ input: FromBinding, _ pivot: PivotClause, in environment: BindEnvironment
  ) throws(SQLError) -> FromBinding {
    let scope = Scope(input.fields, parent: environment.outer)
    let columnBinder = ExpressionBinder(self, environment: environment, scope: scope, clause: .groupBy)
    var pivotColumns: [BoundExpression] = []
    for name in pivot.columns { pivotColumns.append(try columnBinder.bind(Expression(.name(name), range: name.range))) }

    // Each aggregate is exactly one call.
    let binder = ExpressionBinder(self, environment: environment, scope: scope, clause: .select)
    var calls: [(call: AggregateCall, alias: String?, syntax: Expression)] = []
    for aggregate in pivot.aggregates {
      let collected = binder.collector.aggregates.count
      let bound = try binder.bind(aggregate.call)
      guard let index = bound.placeholder(Placeholder.aggregate), index <= collected else {
        throw SQLError(
          .expressionNotAggregate, "PIVOT needs an aggregate function here, such as max(x)", range: aggregate.call.range)
      }
      calls.append((binder.collector.aggregates[index], aggregate.alias?.spelling, aggregate.call))
    }
    guard binder.collector.subqueries.isEmpty, binder.collector.windows.isEmpty else {
      throw SQLError.notSupported("Subqueries and window functions in PIVOT are not supported", range: pivot.range)
    }

    let keys = try pivotKeys(input, pivot, pivotColumns, calls.map(\.call), columnBinder)
    let values = try pivotValues(input.plan, pivot, pivotColumns, environment)
    var outputs = keys.map { OutputColumn(name: $0.name, type: $0.expression.type) }
    var names: [String] = []
    for value in values {
      for call in calls {
        names.append(cellName(value.name, call.alias, call.syntax, isOnly: calls.count == 1))
      }
    }

    let plan: LogicalPlan
    if pivotColumns.count == 1, calls.allSatisfy({ $0.call.isPlain }), values.allSatisfy({ !$0.scalars[0].isNull }) {
      var cells: [PivotCell] = []
      cells.reserveCapacity(names.count)
      for value in values {
        for call in calls {
          cells.append(
            PivotCell(
              value: value.scalars[0], aggregate: call.call.function, arguments: call.call.arguments,
              name: names[cells.count]))
        }
      }
      plan = .pivot(PivotNode(input: input.plan, keys: keys, pivotKey: pivotColumns[0], cells: cells))
    } else {
      plan = .aggregate(try filteredAggregates(input.plan, keys, pivotColumns, values, calls.map(\.call), names))
    }
    for column in plan.columns.dropFirst(keys.count) { outputs.append(column) }
    return FromBinding(
      plan: plan,
      fields: outputs.enumerated().map { ScopeField(name: $1.name, qualifier: [], index: $0, type: $1.type) })
  }

  /// The columns to group by, in table order.
  private func pivotKeys(
    _ input: FromBinding, _ pivot: PivotClause, _ pivotColumns: [BoundExpression], _ calls: [AggregateCall],
    _ binder: ExpressionBinder
  ) throws(SQLError) -> [NamedExpression] {
    if !pivot.groupBy.isEmpty {
      var keys: [NamedExpression] = []
      for (number, expression) in pivot.groupBy.enumerated() {
        keys.append(
          NamedExpression(try binder.bind(expression), name: expression.impliedName ?? "key\(number)"))
      }
      return keys
    }
    var used: Set<Int> = []
    for column in pivotColumns { column.collectColumns(into: &used) }
    for call in calls {
      for expression in call.arguments + call.order.map(\.expression) { expression.collectColumns(into: &used) }
      call.filter?.collectColumns(into: &used)
    }
    return input.fields.filter { !$0.isHidden && !$0.isMerged && !used.contains($0.index) }.map {
      NamedExpression(.column($0.index, $0.type, pivot.range), name: $0.name ?? "_col\($0.index)")
    }
  }

  private struct PivotedValue {
    /// One per column after FOR, of its type.
    var scalars: [Scalar]
    var name: String
  }

  private func pivotValues(
    _ plan: LogicalPlan, _ pivot: PivotClause, _ columns: [BoundExpression], _ environment: BindEnvironment
  ) throws(SQLError) -> [PivotedValue] {
    switch pivot.values {
    case .list(let list):
      var values: [PivotedValue] = []
      values.reserveCapacity(list.count)
      for item in list {
        let elements: [Expression] =
          if columns.count > 1, case .row(let row) = item.value.kind { row.map(\.value) } else { [item.value] }
        guard elements.count == columns.count else {
          throw SQLError(
            .typeMismatch, "PIVOT value has \(elements.count) elements for \(columns.count) columns", range: item.value.range)
        }
        var scalars: [Scalar] = []
        for (element, column) in zip(elements, columns) { scalars.append(try pivotValue(element, column)) }
        let label = if let alias = item.alias { alias.spelling } else { try cellLabel(scalars, item.value.range) }
        values.append(PivotedValue(scalars: scalars, name: label))
      }
      return values
    case .any(let order):
      guard columns.count == 1 else {
        throw SQLError.notSupported("IN (ANY) over several columns is not supported", range: pivot.range)
      }
      guard let found = settings.pivotValues[PivotKey(range: pivot.range, views: environment.openViews)] else {
        throw try needsValues(plan, pivot, columns[0], order, environment)
      }
      return try labelled(found, columns[0], pivot)
    case .query(let query):
      guard columns.count == 1 else {
        throw SQLError.notSupported("IN (query) over several columns is not supported", range: pivot.range)
      }
      guard let found = settings.pivotValues[PivotKey(range: pivot.range, views: environment.openViews)] else {
        var inner = environment
        inner.outer = nil
        let bound = try bindQuery(query, in: inner, keepsOrder: true)
        guard bound.columns.count == 1 else {
          throw SQLError(.typeMismatch, "The query of PIVOT must have one column", range: query.range)
        }
        throw askForValues(bound.plan, pivot, environment)
      }
      return try labelled(found, columns[0], pivot)
    }
  }

  private func labelled(
    _ found: [Scalar], _ column: BoundExpression, _ pivot: PivotClause
  ) throws(SQLError) -> [PivotedValue] {
    var values: [PivotedValue] = []
    var seen: Set<Scalar> = []
    for scalar in found where !scalar.isNull {
      let value = try evaluate(coerce(.literal(scalar, pivot.range), to: column.type))
      guard seen.insert(value).inserted else { continue }
      values.append(PivotedValue(scalars: [value], name: try cellLabel([value], pivot.range)))
    }
    return values
  }

  /// A constant of the pivot column's type.
  private func pivotValue(_ expression: Expression, _ column: BoundExpression) throws(SQLError) -> Scalar {
    let bound = try bindConstant(expression)
    guard TypeCoercion.commonSuperType(bound.type, column.type) == column.type || bound.type.isPlainText && column.type.isPlainText
      || bound.type.isNumeric && column.type.isNumeric
    else {
      throw SQLError(
        .typeMismatch, "PIVOT value of type \(bound.type) does not fit column of type \(column.type)",
        range: expression.range)
    }
    return try evaluate(coerce(bound, to: column.type))
  }

  /// The distinct values, in the order the clause asks for, else in their own.
  private func needsValues(
    _ plan: LogicalPlan, _ pivot: PivotClause, _ column: BoundExpression, _ order: [OrderItem],
    _ environment: BindEnvironment
  ) throws(SQLError) -> SQLError {
    let name = pivot.columns[0].last.folded
    var values = LogicalPlan.project(
      .filter(plan, .not(.isNull(column, column.range), column.range)), [NamedExpression(column, name: name)]
    ).distinct()
    let fields = [ScopeField(name: name, qualifier: [], index: 0, type: column.type)]
    let binder = ExpressionBinder(self, environment: environment, scope: Scope(fields), clause: .groupBy)
    var keys = try binder.bindSortKeys(order)
    if keys.isEmpty, column.type.isOrderable { keys = [SortKey(.column(0, column.type, column.range))] }
    if !keys.isEmpty { values = .sort(values, keys) }
    return askForValues(values, pivot, environment)
  }

  /// Leaves the request for whoever can run queries, and gives the error for everybody else.
  private func askForValues(
    _ plan: LogicalPlan, _ pivot: PivotClause, _ environment: BindEnvironment
  ) -> SQLError {
    // The request is run by itself, without the WITH clauses around. Later ones may use earlier ones.
    var complete = plan
    for entry in environment.commonTables.values.sorted(by: { $0.id > $1.id }) {
      complete = complete.replacingCommonTable(entry.id, by: entry.plan)
    }
    if !complete.hasAnyOuterColumns {
      pivotRequest = PivotValueRequest(
        key: PivotKey(range: pivot.range, views: environment.openViews), plan: complete)
    }
    return SQLError.notSupported(
      "PIVOT over the values of the data is not possible here", range: pivot.range, hint: "list the values")
  }

  // MARK: Names

  /// How a value names its column: its text.
  private func cellLabel(_ scalars: [Scalar], _ range: SourceRange) throws(SQLError) -> String {
    var parts: [String] = []
    for scalar in scalars {
      if scalar.isNull {
        parts.append("null")
      } else if let text = scalar.text, scalar.type.isPlainText {
        parts.append(text)
      } else {
        let cast = BoundExpression.cast(.literal(scalar, range), to: .varchar, isTry: false, range)
        parts.append(try evaluate(cast).text ?? "null")
      }
    }
    return parts.joined(separator: "_")
  }

  /// The value alone for one aggregate, else with the aggregate's alias or call.
  private func cellName(_ value: String, _ alias: String?, _ call: Expression, isOnly: Bool) -> String {
    if isOnly { return value }
    if let alias { return "\(value)_\(alias)" }
    guard case .function(let function) = call.kind else { return value }
    let arguments = function.isStar ? ["*"] : function.arguments.map { $0.value.impliedName ?? "..." }
    return "\(value)_\(function.name.last.folded)(\(arguments.joined(separator: ", ")))"
  }

  // MARK: The general form

  /// Cells as aggregates with a filter: for several pivot columns, DISTINCT, or NULL among the values.
  private func filteredAggregates(
    _ input: LogicalPlan, _ keys: [NamedExpression], _ columns: [BoundExpression], _ values: [PivotedValue],
    _ calls: [AggregateCall], _ names: [String]
  ) throws(SQLError) -> AggregateNode {
    var aggregates: [AggregateCall] = []
    aggregates.reserveCapacity(names.count)
    for value in values {
      var terms: [BoundExpression] = []
      for (column, scalar) in zip(columns, value.scalars) {
        let literal = BoundExpression.literal(scalar, column.range)
        terms.append(
          scalar.isNull ? .isNull(column, column.range) : try call("=", [column, literal], range: column.range))
      }
      for call in calls {
        var filtered = call
        filtered.filter = BoundExpression.conjunction(terms + (call.filter.map { [$0] } ?? []))
        filtered.name = names[aggregates.count]
        aggregates.append(filtered)
      }
    }
    return AggregateNode(input: input, keys: keys, groupingSets: [Array(keys.indices)], aggregates: aggregates)
  }

  // MARK: UNPIVOT

  /// Every row once per source column: its other columns, the column's label, its value. Rows without value are left out unless asked for.
  func bindUnpivot(_ input: FromBinding, _ unpivot: UnpivotClause) throws(SQLError) -> FromBinding {
    let scope = Scope(input.fields)
    let valueCount = unpivot.valueColumns.count
    var sources: [[ScopeField]] = []
    var labels: [String] = []
    var used: Set<Int> = []
    for source in unpivot.sources {
      guard source.columns.count == valueCount else {
        throw SQLError(
          .typeMismatch, "UNPIVOT names \(source.columns.count) columns for \(valueCount) value columns",
          range: source.columns[0].range)
      }
      var fields: [ScopeField] = []
      for name in source.columns {
        let parts = name.parts.map(\.folded)
        guard case .one(let field) = scope.find(parts[parts.count - 1], qualifier: parts.dropLast()) else {
          throw SQLError(
            .columnNotFound, "Column '\(name.folded)' cannot be resolved", range: name.range,
            hint: Suggestion.hint(for: name.last.folded, among: scope.visibleNames))
        }
        fields.append(field)
        used.insert(field.index)
      }
      sources.append(fields)
      labels.append(source.label?.value ?? source.columns.map(\.last.folded).joined(separator: "_"))
    }
    let width = input.width
    let range = unpivot.range
    // One row per source: its number and its label.
    let rows = labels.enumerated().map { number, label -> [BoundExpression] in
      [.literal(.integer(Int32(clamping: number)), range), .literal(.text(label), range)]
    }
    let numbers = LogicalPlan.values(
      rows: rows,
      columns: [OutputColumn(name: "source", type: .integer), OutputColumn(name: "label", type: .varchar)])
    let joined = LogicalPlan.join(
      JoinNode(kind: .inner, left: input.plan, right: numbers, keys: [], residual: nil, range: range))
    let number = BoundExpression.column(width, .integer, range)

    var outputs: [NamedExpression] = []
    for field in input.fields where !field.isHidden && !field.isMerged && !used.contains(field.index) {
      outputs.append(
        NamedExpression(.column(field.index, field.type, range), name: field.name ?? "_col\(field.index)"))
    }
    outputs.append(NamedExpression(.column(width + 1, .varchar, range), name: unpivot.nameColumn.spelling))
    var values: [BoundExpression] = []
    for (position, name) in unpivot.valueColumns.enumerated() {
      let fields = sources.map { $0[position] }
      guard let type = TypeCoercion.commonSuperType(fields.map(\.type)) else {
        throw SQLError(
          .typeMismatch, "UNPIVOT columns must be of the same type: \(fields.map { "\($0.type)" }.joined(separator: ", "))",
          range: name.range)
      }
      var branches: [CaseBranch] = []
      for (index, field) in fields.enumerated() {
        let literal = BoundExpression.literal(.integer(Int32(clamping: index)), range)
        branches.append(
          CaseBranch(
            condition: try call("=", [number, literal], range: range),
            result: coerce(.column(field.index, field.type, range), to: type)))
      }
      let value = BoundExpression.caseWhen(branches, otherwise: .literal(.null(type), range), type: type, range)
      values.append(.column(outputs.count, type, range))
      outputs.append(NamedExpression(value, name: name.spelling))
    }
    var plan = LogicalPlan.project(joined, outputs)
    if !unpivot.includesNulls {
      let present = values.map { BoundExpression.not(.isNull($0, range), range) }
      plan = .filter(plan, present.count == 1 ? present[0] : .or(present, range))
    }
    return FromBinding(
      plan: plan,
      fields: outputs.enumerated().map {
        ScopeField(name: $1.name, qualifier: [], index: $0, type: $1.expression.type)
      })
  }
}

extension AggregateCall {
  /// The function over its arguments and nothing else.
  var isPlain: Bool { !isDistinct && filter == nil && order.isEmpty }
}
