import TestSupport

extension Generator {
  mutating func merge(_ table: ModelTable, _ other: ModelTable) -> ModelMerge {
    let (source, columns) = mergeSource(table, other)
    let (on, kind) = mergeCondition(table, columns)
    let hasAllColumns = table.columns.allSatisfy { column in
      columns.contains { $0.name == column.name && $0.type.isCompatible(with: column.type) }
    }
    let clauses = (0..<random.pick([1, 2, 2, 3, 3, 4, 5])).map { _ in rule(table, columns, other, canUseStar: hasAllColumns) }
    return ModelMerge(target: table.name, source: source, on: on, onKind: kind, clauses: clauses)
  }

  // MARK: USING

  /// The source and its columns; the first of the target's type `id` is a key.
  private mutating func mergeSource(_ table: ModelTable, _ other: ModelTable) -> (MergeSource, [ModelColumn]) {
    if random.chance(20) { return (.table(other.name), other.columns) }
    // All columns of the target for the stars, or some.
    let all = random.chance(55)
    var columns = table.columns.filter { all || $0.name == "id" || random.chance(50) }
      .map { ModelColumn(name: $0.name, type: $0.type) }
    columns.shuffle(using: &random)
    if random.chance(50) {
      let count = random.pick([1, 1, 2, 3, 5, 8])
      var rows = (0..<count).map { _ in columns.map { $0.name == "id" ? key(of: table) : literal($0.type) } }
      if random.chance(15) { rows.append(random.pick(rows)) }
      return (.values(columns, rows), columns)
    }
    let scope: Columns = [.other: other.columns]
    let values = columns.map { column in
      column.name == "id" && random.chance(80) ? Operand.column(.other, "id", .bigint) : sourceValue(column.type, scope)
    }
    let share = smallShare(other)
    let condition = random.chance(60) ? share : Condition.or(share, self.condition(scope, depth: 0, subqueries: nil))
    let query = Subquery(table: other.name, condition: condition)
    return (.query(columns, values, query, isDoubled: random.chance(10)), columns)
  }

  /// A source value cannot fail: it is a column, a literal or one of two.
  private mutating func sourceValue(_ type: ModelType, _ scope: Columns) -> Operand {
    let found = (scope[.other] ?? []).filter { $0.type == type }
    if found.isEmpty { return .literal(literal(type), type) }
    let column = random.pick(found)
    return random.chance(70)
      ? .column(.other, column.name, type)
      : .coalesce(.column(.other, column.name, type), .literal(literal(type), type))
  }

  // MARK: ON

  private mutating func mergeCondition(_ table: ModelTable, _ source: [ModelColumn]) -> (Condition, StatementKind) {
    let pairs = table.columns.flatMap { left in
      source.filter { $0.type == left.type && left.type != .row }.map {
        (Operand.column(.target, left.name, left.type), Operand.column(.source, $0.name, $0.type))
      }
    }
    let keys = pairs.filter { $0.0.isNamed("id") && $0.1.isNamed("id") }
    guard !pairs.isEmpty else { return (.constant(false), .onFalse) }
    let (left, right) = keys.isEmpty || random.chance(25) ? random.pick(pairs) : random.pick(keys)
    let scope: Columns = [.target: table.columns, .source: source]
    switch random.number(0..<20) {
    case 0..<7: return (.compare(.equal, left, right), .onEqual)
    case 7..<10: return (.not(.isDistinct(left, right)), .onNotDistinct)
    case 10..<13:
      return (.or(.compare(.equal, left, right), .and(.isNull(left), .isNull(right))), .onEqualOrBothNull)
    case 13..<17:
      return (.and(.compare(.equal, left, right), condition(scope, depth: 1, subqueries: nil)), .onResidual)
    case 17: return (.constant(false), .onFalse)
    default:
      let comparison = random.pick([Comparison.less, .greater, .greaterOrEqual])
      let keyLiteral = Operand.literal(key(of: table), .bigint)
      let own = Condition.compare(.equal, .column(.target, "id", .bigint), keyLiteral)
      return (random.chance(70) ? .and(.compare(comparison, left, right), own) : .compare(comparison, left, right), .onInequality)
    }
  }

  // MARK: WHEN

  private mutating func rule(
    _ table: ModelTable, _ source: [ModelColumn], _ other: ModelTable, canUseStar: Bool
  ) -> MergeRule {
    let match = random.weighted([(5, MergeRule.Match.matched), (4, .notMatched), (3, .notMatchedBySource)])
    let columns: Columns =
      switch match {
      case .matched: [.target: table.columns, .source: source]
      case .notMatched: [.source: source]
      case .notMatchedBySource: [.target: table.columns]
      }
    let condition =
      random.chance(60) ? condition(columns, depth: random.number(0..<2), subqueries: random.chance(25) ? other : nil) : nil
    let action: MergeRule.Action
    switch match {
    case .matched, .notMatchedBySource:
      let canUseStar = canUseStar && match == .matched
      if random.chance(40) {
        action = .delete
      } else if canUseStar, random.chance(30) {
        action = .updateAll
      } else {
        action = .update(assignments(table, columns, other: random.chance(15) ? other : nil))
      }
    case .notMatched:
      if canUseStar, random.chance(35) {
        action = .insertAll
      } else {
        let names = columnList(table)
        action = .insert(names, Self.targets(names, table).map { insertedValue($0, columns) })
      }
    }
    return MergeRule(match: match, condition: condition, action: action)
  }

  /// Mostly the source column of the name, so that keys stay keys.
  private mutating func insertedValue(_ column: ModelColumn, _ columns: Columns) -> Operand {
    let same = (columns[.source] ?? []).first { $0.name == column.name && $0.type.isCompatible(with: column.type) }
    if let same, random.chance(70) { return .column(.source, same.name, same.type) }
    return value(column, columns, isMerge: true)
  }
}

extension Operand {
  fileprivate func isNamed(_ wanted: String) -> Bool { if case .column(_, wanted, _) = self { true } else { false } }
}
