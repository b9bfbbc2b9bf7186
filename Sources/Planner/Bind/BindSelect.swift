import Columnar
import Functions
import SQLSyntax

/// One column of a select list, bound over the rows of FROM with placeholders for aggregates, windows and subqueries.
struct BoundItem {
  var expression: BoundExpression
  var name: String?
  var range: SourceRange
}

extension Binder {
  /// Binds one SELECT with the ORDER BY and LIMIT of the query it is the body of.
  ///
  /// The order of nodes is the order of evaluation: FROM, WHERE, grouping, HAVING, windows, select list, DISTINCT, sort, limit.
  func bindSelect(
    _ select: SelectClause, order: [OrderItem], rows: RowLimit, range: SourceRange, in environment: BindEnvironment
  ) throws(SQLError) -> BoundRelation {
    let from = try bindFrom(select.from, in: environment)
    let scope = Scope(from.fields, parent: environment.outer)
    var plan = from.plan
    if let condition = select.filter {
      let binder = ExpressionBinder(self, environment: environment, scope: scope, clause: .filter)
      let predicate = try binder.bindCondition(condition)
      plan = try filter(plan, by: predicate, binder.collector, mapping: nil)
    }

    // Everything that is computed from the rows is bound before the nodes are made: only then is it known whether the query groups.
    let collector = SelectCollector()
    let windows = try windowDefinitions(select.windows)
    func makeBinder(_ clause: ExpressionBinder.Clause) -> ExpressionBinder {
      let binder = ExpressionBinder(self, environment: environment, scope: scope, clause: clause, collector: collector)
      binder.windows = windows
      return binder
    }
    let items = try bindItems(select, from, makeBinder(.select))
    var groupBy: BoundGroupBy?
    if let clause = select.groupBy { groupBy = try bindGroupBy(clause, items, makeBinder(.groupBy)) }
    var having: BoundExpression?
    if let condition = select.having { having = try makeBinder(.having).bindCondition(condition) }
    let aliases = aliases(of: items)
    var qualify: BoundExpression?
    if let condition = select.qualify {
      let binder = makeBinder(.qualify)
      binder.aliases = aliases
      qualify = try binder.bindCondition(condition)
    }
    let orderBinder = makeBinder(.orderBy)
    orderBinder.aliases = aliases
    var sortKeys = try bindOrder(order, items, orderBinder)

    // Grouping
    var mapping: ExpressionMapping?
    if groupBy != nil || having != nil || !collector.aggregates.isEmpty || !collector.groupings.isEmpty {
      mapping = try group(&plan, by: groupBy, collector, fields: from.fields)
      if let having { plan = try filter(plan, by: having, collector, mapping: mapping) }
    }

    // Subqueries and windows of the rest
    var outputs = items.map(\.expression)
    let expressions = outputs + sortKeys.map(\.expression) + (qualify.map { [$0] } ?? [])
    let used = placeholders(in: expressions, collector)
    let subqueries = try attachSubqueries(collector, used, to: &plan, mapping: mapping)
    func finished(_ expression: BoundExpression) throws(SQLError) -> BoundExpression {
      let mapped = if let mapping { try mapping.map(expression) } else { expression }
      return subqueries.isEmpty ? mapped : mapped.replacingPlaceholders(Placeholder.subquery, subqueries)
    }
    var computed: [Int: BoundExpression] = [:]
    if !collector.windows.isEmpty { computed = try placeWindows(collector.windows, on: &plan, finished) }
    func final(_ expression: BoundExpression) throws(SQLError) -> BoundExpression {
      let mapped = try finished(expression)
      return computed.isEmpty ? mapped : mapped.replacingPlaceholders(Placeholder.window, computed)
    }
    for i in outputs.indices { outputs[i] = try final(outputs[i]) }
    for i in sortKeys.indices { sortKeys[i].expression = try final(sortKeys[i].expression) }
    if let qualify { plan = .filter(plan, try final(qualify)) }

    plan = try output(
      plan, items, outputs, sortKeys, isDistinct: select.quantifier == .distinct, rows)
    return BoundRelation(
      plan: plan,
      columns: zip(items, outputs).map { BoundColumn(name: $0.name, type: $1.type, range: $0.range) })
  }

  /// The select list, DISTINCT, sort and limit.
  private func output(
    _ input: LogicalPlan, _ items: [BoundItem], _ outputs: [BoundExpression], _ sortKeys: [SortKey], isDistinct: Bool,
    _ rows: RowLimit
  ) throws(SQLError) -> LogicalPlan {
    if isDistinct {
      for output in outputs { try output.requireComparable { "DISTINCT can only be applied to comparable types (actual: \($0))" } }
    }
    var expressions = zip(items, outputs).enumerated().map {
      NamedExpression($1.1, name: $1.0.name ?? "_col\($0)")
    }
    let width = expressions.count
    var positions: [BoundExpression: Int] = [:]
    if !sortKeys.isEmpty {
      for (position, output) in outputs.enumerated() where positions[output] == nil { positions[output] = position }
    }
    var keys: [SortKey] = []
    for key in sortKeys {
      let position: Int
      if let known = positions[key.expression] {
        position = known
      } else {
        if isDistinct {
          throw SQLError(
            .expressionNotInDistinct, "For SELECT DISTINCT, ORDER BY expressions must appear in select list",
            range: key.expression.range)
        }
        position = expressions.count
        positions[key.expression] = position
        expressions.append(NamedExpression(key.expression, name: "order\(position - width)"))
      }
      keys.append(
        SortKey(
          .column(position, key.expression.type, key.expression.range), isDescending: key.isDescending,
          nullsFirst: key.nullsFirst))
    }
    var plan = LogicalPlan.project(input, expressions)
    if isDistinct { plan = plan.distinct() }
    plan = rows.applied(to: plan, sortedBy: keys)
    if expressions.count > width { plan = .project(plan, Array(LogicalPlan.passingColumns(of: plan).prefix(width))) }
    return plan
  }

  // MARK: Filters

  /// A filter above `plan`. Terms without subqueries come first: they are cheap, and leave fewer rows to join.
  func filter(
    _ plan: LogicalPlan, by predicate: BoundExpression, _ collector: SelectCollector, mapping: ExpressionMapping?
  ) throws(SQLError) -> LogicalPlan {
    var plan = plan
    var early: [BoundExpression] = []
    var late: [BoundExpression] = []
    for term in predicate.conjuncts {
      if placeholders(in: [term], collector).isEmpty {
        let mapped = if let mapping { try mapping.map(term) } else { term }
        early.append(mapped)
      } else {
        late.append(term)
      }
    }
    if let condition = BoundExpression.conjunction(early) { plan = .filter(plan, condition) }
    if late.isEmpty { return plan }
    let values = try attachSubqueries(collector, placeholders(in: late, collector), to: &plan, mapping: mapping)
    var terms: [BoundExpression] = []
    for term in late {
      let mapped = if let mapping { try mapping.map(term) } else { term }
      terms.append(mapped.replacingPlaceholders(Placeholder.subquery, values))
    }
    if let condition = BoundExpression.conjunction(terms) { plan = .filter(plan, condition) }
    return plan
  }

  // MARK: The select list

  private func bindItems(
    _ select: SelectClause, _ from: FromBinding, _ binder: ExpressionBinder
  ) throws(SQLError) -> [BoundItem] {
    var items: [BoundItem] = []
    items.reserveCapacity(select.items.count)
    for item in select.items {
      switch item.kind {
      case .expression(let expression, let alias):
        let bound = try binder.bind(expression)
        items.append(BoundItem(expression: bound, name: alias?.spelling ?? expression.impliedName, range: expression.range))
      case .allColumns(let target, let aliases):
        if select.from.isEmpty, target == nil {
          throw SQLError(
            .columnNotFound, "SELECT * not allowed in queries without FROM clause", range: item.range)
        }
        var expanded = try expand(target, from, binder, range: item.range)
        if !aliases.isEmpty {
          guard aliases.count == expanded.count else {
            throw SQLError(
              .mismatchedColumnAliases,
              "Column alias list has \(aliases.count) entries but relation has \(expanded.count) columns", range: item.range)
          }
          for i in expanded.indices { expanded[i].name = aliases[i].spelling }
        }
        items += expanded
      }
    }
    return items
  }

  /// The columns of `*` or `target.*`.
  private func expand(
    _ target: Expression?, _ from: FromBinding, _ binder: ExpressionBinder, range: SourceRange
  ) throws(SQLError) -> [BoundItem] {
    func item(_ field: ScopeField) -> BoundItem {
      BoundItem(expression: .column(field.index, field.type, range), name: field.name, range: range)
    }
    let visible = from.fields.filter { !$0.isHidden && !$0.isMerged }
    guard let target else { return visible.map(item) }
    // In parentheses a name is a row column, not a relation.
    if case .name(let name) = target.kind, range.lowerBound == target.range.lowerBound {
      let qualifier = name.parts.map(\.folded)[...]
      let fields = visible.filter { $0.isQualified(by: qualifier) }
      if !fields.isEmpty || from.fields.contains(where: { $0.isQualified(by: qualifier) }) { return fields.map(item) }
      if name.isSimple {
        throw SQLError(.tableNotFound, "Unable to resolve reference \(name.folded)", range: target.range)
      }
    }
    let row = try binder.bind(target)
    guard case .row(let fields) = row.type else {
      throw SQLError(
        .typeMismatch, "expected expression of type Row, but was \(row.type)", range: target.range)
    }
    return fields.enumerated().map {
      BoundItem(expression: .field(row, index: $0, type: $1.type, range), name: $1.name, range: range)
    }
  }

  // MARK: ORDER BY

  /// What the names of the select list stand for in ORDER BY.
  private func aliases(of items: [BoundItem]) -> [String: SelectAlias] {
    var aliases: [String: SelectAlias] = [:]
    for item in items {
      guard let name = item.name?.lowercased() else { continue }
      if case .expression(let known)? = aliases[name], known != item.expression {
        aliases[name] = .ambiguous
      } else if aliases[name] == nil {
        aliases[name] = .expression(item.expression)
      }
    }
    return aliases
  }

  private func bindOrder(
    _ order: [OrderItem], _ items: [BoundItem], _ binder: ExpressionBinder
  ) throws(SQLError) -> [SortKey] {
    var keys: [SortKey] = []
    for item in order {
      if let position = try ordinal(item.expression, count: items.count, clause: "ORDER BY") {
        try binder.checkOrderable(items[position].expression)
        keys.append(SortKey(items[position].expression, item))
      } else {
        keys += try binder.bindSortKeys([item])
      }
    }
    return keys
  }

  private func windowDefinitions(_ windows: [NamedWindow]) throws(SQLError) -> [String: WindowSpecification] {
    var result: [String: WindowSpecification] = [:]
    for window in windows {
      if result.updateValue(window.specification, forKey: window.name.folded) != nil {
        throw SQLError(
          .duplicateWindowName, "WINDOW name '\(window.name.folded)' specified more than once", range: window.name.range)
      }
    }
    return result
  }

  // MARK: Windows

  /// Puts window calls into nodes, one per different partition and order, and tells which column each call became.
  private func placeWindows(
    _ windows: [PendingWindow], on plan: inout LogicalPlan,
    _ finished: (BoundExpression) throws(SQLError) -> BoundExpression
  ) throws(SQLError) -> [Int: BoundExpression] {
    func finishedKeys(_ keys: [SortKey]) throws(SQLError) -> [SortKey] {
      var result: [SortKey] = []
      for key in keys {
        result.append(
          SortKey(try finished(key.expression), isDescending: key.isDescending, nullsFirst: key.nullsFirst))
      }
      return result
    }
    func finishedList(_ list: [BoundExpression]) throws(SQLError) -> [BoundExpression] {
      var result: [BoundExpression] = []
      for expression in list { result.append(try finished(expression)) }
      return result
    }
    func finishedBound(_ bound: WindowFrame.Bound) throws(SQLError) -> WindowFrame.Bound {
      switch bound {
      case .preceding(let offset): .preceding(try finished(offset))
      case .following(let offset): .following(try finished(offset))
      case .unboundedPreceding, .currentRow, .unboundedFollowing: bound
      }
    }
    struct Key: Hashable {
      let partition: [BoundExpression]
      let order: [SortKey]
    }
    var groups: [(key: Key, members: [Int])] = []
    var positions: [Key: Int] = [:]
    var calls: [WindowCall] = []
    for (number, window) in windows.enumerated() {
      let key = Key(partition: try finishedList(window.partition), order: try finishedKeys(window.order))
      if let position = positions[key] {
        groups[position].members.append(number)
      } else {
        positions[key] = groups.count
        groups.append((key, [number]))
      }
      var call = window.call
      call.arguments = try finishedList(call.arguments)
      if let filter = call.filter { call.filter = try finished(filter) }
      call.frame = WindowFrame(
        unit: call.frame.unit, start: try finishedBound(call.frame.start), end: try finishedBound(call.frame.end))
      calls.append(call)
    }
    if let last = calls.last { try checkCount(groups.count, of: "different windows", range: last.range) }
    var result: [Int: BoundExpression] = [:]
    var width = plan.columns.count
    for group in groups {
      plan = .window(
        WindowNode(
          input: plan, partition: group.key.partition, order: group.key.order,
          functions: group.members.map { calls[$0] }))
      for member in group.members {
        result[member] = .column(width, calls[member].function.resultType, calls[member].range)
        width += 1
      }
    }
    return result
  }

  /// The subqueries whose results some expressions read.
  func placeholders(in expressions: [BoundExpression], _ collector: SelectCollector) -> [Int] {
    guard !collector.subqueries.isEmpty else { return [] }
    var found: Set<Int> = []
    func visit(_ expression: BoundExpression) {
      expression.forEachNode { node in
        if let index = node.placeholder(Placeholder.subquery) { found.insert(index) }
        if let index = node.placeholder(Placeholder.window) {
          let window = collector.windows[index]
          (window.partition + window.order.map(\.expression) + window.call.arguments).forEach(visit)
          if let filter = window.call.filter { visit(filter) }
        }
      }
    }
    expressions.forEach(visit)
    return found.sorted()
  }
}

extension Expression {
  /// The label of a select item without alias: a column's or field's name.
  var impliedName: String? {
    switch kind {
    case .name(let name): name.last.folded
    case .field(_, let field): field.folded
    default: nil
    }
  }
}
