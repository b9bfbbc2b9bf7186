import Columnar
import Functions
import SQLSyntax

/// One expression of GROUP BY: as the select list may repeat it, bound over the rows of FROM.
struct GroupingKey {
  var expression: BoundExpression
  var name: String
}

/// Translates expressions over the rows of FROM into expressions over the groups: keys and aggregates become columns, anything else
/// that reads a column is an error.
struct ExpressionMapping {
  var keys: [BoundExpression: BoundExpression]
  var aggregates: [BoundExpression]
  var groupings: [BoundExpression]
  /// Names of FROM's columns by plan index, for messages.
  var names: [Int: String]

  func map(_ expression: BoundExpression) throws(SQLError) -> BoundExpression {
    try expression.replacing { (node) throws(SQLError) -> BoundExpression? in
      if let key = keys[node] { return key }
      if let index = node.placeholder(Placeholder.aggregate) { return aggregates[index] }
      if let index = node.placeholder(Placeholder.grouping) { return groupings[index] }
      if case .column(let index, _, let range) = node {
        throw SQLError(
          .expressionNotAggregate,
          "'\(names[index] ?? "_col\(index)")' must be an aggregate expression or appear in GROUP BY clause", range: range)
      }
      return nil
    }
  }
}

extension Binder {
  /// Binds GROUP BY. Its sets are the cross product of the sets of its elements.
  func bindGroupBy(
    _ clause: GroupByClause, _ items: [BoundItem], _ binder: ExpressionBinder
  ) throws(SQLError) -> BoundGroupBy {
    var list = GroupingKeyList()
    var sets: [[Int]] = [[]]
    for element in clause.elements {
      let own = try groupingSets(element, items, binder, &list, clause.range)
      let (count, overflow) = sets.count.multipliedReportingOverflow(by: own.count)
      try checkSetCount(overflow ? Int.max : count, clause.range)
      sets = sets.flatMap { first in own.map { first + $0 } }
    }
    for key in list.keys {
      try key.expression.requireComparable { "\($0) is not comparable, and therefore cannot be used in GROUP BY" }
    }
    // A key may be named twice within a set: GROUP BY a, ROLLUP (a, b).
    var unique: [[Int]] = []
    var known: Set<Set<Int>> = []
    for set in sets {
      var seen: Set<Int> = []
      let once = set.filter { seen.insert($0).inserted }
      if clause.quantifier == .distinct, !known.insert(seen).inserted { continue }
      unique.append(once)
    }
    return BoundGroupBy(keys: list.keys, sets: unique)
  }

  private func checkSetCount(_ count: Int, _ range: SourceRange) throws(SQLError) {
    guard count <= settings.maxGroupingSets else {
      throw SQLError(
        .tooManyGroupingSets, "GROUP BY has more than \(settings.maxGroupingSets) grouping sets", range: range,
        hint: "SET SESSION max_grouping_sets allows more.")
    }
  }

  /// The sets of one element: one for plain expressions, every prefix for ROLLUP, every subset for CUBE.
  private func groupingSets(
    _ element: GroupingElement, _ items: [BoundItem], _ binder: ExpressionBinder, _ list: inout GroupingKeyList,
    _ range: SourceRange
  ) throws(SQLError) -> [[Int]] {
    func positions(_ expressions: [Expression]) throws(SQLError) -> [Int] {
      var result: [Int] = []
      for expression in expressions {
        let (bound, name) = try groupingExpression(expression, items, binder)
        result.append(list.position(of: bound, name: name))
      }
      return result
    }
    func positions(ofEach lists: [[Expression]]) throws(SQLError) -> [[Int]] {
      var result: [[Int]] = []
      for expressions in lists { result.append(try positions(expressions)) }
      return result
    }
    switch element {
    case .simple(let expressions): return [try positions(expressions)]
    case .rollup(let lists):
      let parts = try positions(ofEach: lists)
      return (0...parts.count).reversed().map { parts.prefix($0).flatMap { $0 } }
    case .cube(let lists):
      try checkSetCount(lists.count > 30 ? Int.max : 1 << lists.count, range)
      let parts = try positions(ofEach: lists)
      return (0..<(1 << parts.count)).map { mask in
        parts.enumerated().flatMap { position, part in
          mask & (1 << (parts.count - 1 - position)) == 0 ? part : []
        }
      }
    case .groupingSets(let elements):
      var sets: [[Int]] = []
      for element in elements { sets += try groupingSets(element, items, binder, &list, range) }
      return sets
    }
  }

  private func groupingExpression(
    _ expression: Expression, _ items: [BoundItem], _ binder: ExpressionBinder
  ) throws(SQLError) -> (BoundExpression, String?) {
    guard let position = try ordinal(expression, count: items.count, clause: "GROUP BY") else {
      let bound = try binder.bind(expression)
      return (bound, expression.impliedName)
    }
    let item = items[position]
    let computesGroups = item.expression.contains {
      $0.placeholder(Placeholder.aggregate) != nil || $0.placeholder(Placeholder.window) != nil
        || $0.placeholder(Placeholder.grouping) != nil
    }
    if computesGroups {
      throw SQLError(
        .expressionNotScalar, "GROUP BY clause cannot contain aggregations, window functions or grouping operations",
        range: item.range)
    }
    return (item.expression, item.name)
  }

  /// Puts an aggregate node above `plan` and says how expressions over the rows become expressions over the groups.
  func group(
    _ plan: inout LogicalPlan, by groupBy: BoundGroupBy?, _ collector: SelectCollector, fields: [ScopeField]
  ) throws(SQLError) -> ExpressionMapping {
    let keys = groupBy?.keys ?? []
    let sets = groupBy?.sets ?? [[]]
    // Subqueries in keys and inside aggregates are columns of the rows.
    var inside = keys.map(\.expression)
    for call in collector.aggregates {
      inside += call.arguments + call.order.map(\.expression)
      if let filter = call.filter { inside.append(filter) }
    }
    let values = try attachSubqueries(collector, placeholders(in: inside, collector), to: &plan, mapping: nil)
    func computed(_ expression: BoundExpression) -> BoundExpression {
      values.isEmpty ? expression : expression.replacingPlaceholders(Placeholder.subquery, values)
    }
    var positions: [BoundExpression: Int] = [:]
    for (position, key) in keys.enumerated() { positions[key.expression] = position }

    var aggregates = collector.aggregates
    if !values.isEmpty {
      for i in aggregates.indices {
        aggregates[i].arguments = aggregates[i].arguments.map(computed)
        aggregates[i].filter = aggregates[i].filter.map(computed)
        aggregates[i].order = aggregates[i].order.map {
          SortKey(computed($0.expression), isDescending: $0.isDescending, nullsFirst: $0.nullsFirst)
        }
      }
    }
    plan = .aggregate(
      AggregateNode(
        input: plan, keys: keys.map { NamedExpression(computed($0.expression), name: $0.name) }, groupingSets: sets,
        aggregates: aggregates))

    var mapping = ExpressionMapping(keys: [:], aggregates: [], groupings: [], names: [:])
    for (position, key) in keys.enumerated() {
      mapping.keys[key.expression] = .column(position, key.expression.type, key.expression.range)
    }
    for (position, call) in aggregates.enumerated() {
      mapping.aggregates.append(.column(keys.count + position, call.function.resultType, call.range))
    }
    for grouping in collector.groupings {
      guard groupBy != nil else {
        throw SQLError(
          .missingGroupBy,
          "A GROUPING() operation can only be used with a corresponding GROUPING SET/CUBE/ROLLUP/GROUP BY clause",
          range: grouping.range)
      }
      mapping.groupings.append(
        try groupingMask(grouping, positions, sets, groupColumn: keys.count + aggregates.count))
    }
    for field in fields { if let name = field.foldedName { mapping.names[field.index] = name } }
    return mapping
  }

  /// `grouping(a, b)`: per grouping set a constant, one bit per argument, the first the most significant, 1 = not in the set.
  private func groupingMask(
    _ grouping: PendingGrouping, _ positions: [BoundExpression: Int], _ sets: [[Int]], groupColumn: Int
  ) throws(SQLError) -> BoundExpression {
    var keys: [Int] = []
    for argument in grouping.arguments {
      guard let position = positions[argument] else {
        throw SQLError(
          .invalidArguments,
          "The arguments to GROUPING() must be expressions referenced by the GROUP BY associated with the query",
          range: argument.range)
      }
      keys.append(position)
    }
    func mask(_ set: [Int]) -> BoundExpression {
      let value = keys.reduce(Int32(0)) { ($0 << 1) | (set.contains($1) ? 0 : 1) }
      return .literal(.integer(value), grouping.range)
    }
    guard sets.count > 1 else { return mask(sets[0]) }
    let group = BoundExpression.column(groupColumn, .bigint, grouping.range)
    var branches: [CaseBranch] = []
    for (number, set) in sets.enumerated().dropLast() {
      let literal = BoundExpression.literal(.bigint(Int64(number)), grouping.range)
      branches.append(
        CaseBranch(condition: try call("=", [group, literal], range: grouping.range), result: mask(set)))
    }
    return .caseWhen(branches, otherwise: mask(sets[sets.count - 1]), type: .integer, grouping.range)
  }
}

extension BoundExpression {
  /// What is grouped or made distinct must have `=`, which sketches have not.
  func requireComparable(_ message: (SQLType) -> String) throws(SQLError) {
    guard type.isComparable else { throw SQLError(.typeMismatch, message(type), range: range) }
  }
}

/// A bound GROUP BY: its different expressions, and the sets of them to group by.
struct BoundGroupBy {
  var keys: [GroupingKey] = []
  /// Positions in `keys`.
  var sets: [[Int]] = []
}

/// Collects the different expressions of GROUP BY while its sets are built.
private struct GroupingKeyList {
  var keys: [GroupingKey] = []
  private var positions: [BoundExpression: Int] = [:]

  mutating func position(of expression: BoundExpression, name: String?) -> Int {
    if let known = positions[expression] { return known }
    positions[expression] = keys.count
    keys.append(GroupingKey(expression: expression, name: name ?? "key\(keys.count)"))
    return keys.count - 1
  }
}
