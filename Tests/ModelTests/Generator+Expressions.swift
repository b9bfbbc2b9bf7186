import TestSupport

/// The columns in sight.
typealias Columns = [Side: [ModelColumn]]

extension Generator {
  // MARK: Values

  mutating func literal(_ type: ModelType) -> Value? {
    random.chance(12) ? nil : value(type)
  }

  private mutating func value(_ type: ModelType) -> Value {
    switch type {
    case .bigint:
      if random.chance(3) { return .integer(random.pick([.max, .min, .min + 7, 3_000_000_000, -3_000_000_000])) }
      return .integer(Int64(random.number(-1..<18)))
    case .integer:
      if random.chance(2) { return .integer(random.pick([Int64(Int32.max), Int64(Int32.min)])) }
      return .integer(Int64(random.number(-2..<7)))
    case .text:
      return .text(
        random.pick(["", "a", "a", "ab", "abc", "b", "B", "b'c", "é", "漢字", "z", "a text of more than twelve bytes", "a text of more"]))
    case .double:
      if random.chance(6) { return .double(random.pick([.nan, .infinity, -.infinity])) }
      return .double(Double(random.number(-4..<13)) / 4)
    case .date: return .date(random.pick([-719_162, -366, -32, -31, -1, 0, 1, 30, 31, 19_782, 19_783, 20_454, 20_455]))
    case .timestamp:
      return .timestamp(
        random.pick([
          -62_135_596_800_000_000, -86_400_000_001, -3_600_000_000, -1, 0, 1, 3_599_999_999, 3_600_000_000, 86_400_000_000,
          1_767_225_600_000_000, 1_767_225_600_500_000, 1_767_229_200_000_000,
        ]))
    case .decimal:
      if random.chance(3) { return .decimal(random.pick([999_999_999, -999_999_999])) }
      return .decimal(Int64(random.pick([-250, -150, -1, 0, 1, 49, 50, 51, 99, 100, 101, 250, 999, 1_000])))
    case .boolean: return .boolean(random.chance(50))
    case .row: return .row([literal(.integer), literal(.text)])
    }
  }

  /// For INSERT VALUES: mostly no NULL where none may be, and now and then one.
  mutating func insertedLiteral(_ column: ModelColumn, _ type: ModelType) -> Operand {
    if type == column.type, random.chance(3) { return .defaultValue(type) }
    return .literal(column.isRequired && random.chance(98) ? value(type) : literal(type), type)
  }

  /// What a column is set to.
  mutating func value(_ column: ModelColumn, _ columns: Columns, other: ModelTable? = nil, isMerge: Bool = false) -> Operand {
    if isMerge || other != nil, random.chance(4) { return .defaultValue(column.type) }
    if let other, random.chance(5), let largest = maximum(column.type, other) { return largest }
    let type = random.chance(6) ? random.pick(ModelType.allCases.filter { column.type.isCompatible(with: $0) }) : column.type
    let operand = self.operand(type, columns)
    switch (type, random.number(0..<10)) {
    case (.bigint, 0..<3), (.integer, 0..<3), (.double, 0..<3), (.decimal, 0..<3):
      return .sum(operand.isColumn ? operand : self.operand(type, columns), .literal(value(type), type))
    case (.text, 0..<2): return .concatenation(operand, .literal(.text(random.pick(["+", "é"])), .text))
    case (.row, 0..<3): return .makeRow(self.operand(.integer, columns), self.operand(.text, columns))
    case (_, 3): return .choice(condition(columns, depth: 0, subqueries: nil), operand, self.operand(type, columns))
    case (_, 4) where operand.isColumn: return .coalesce(operand, self.operand(type, columns))
    default: return operand
    }
  }

  private func maximum(_ type: ModelType, _ table: ModelTable) -> Operand? {
    guard [.bigint, .integer, .date].contains(type), let column = table.columns.first(where: { $0.type == type }) else { return nil }
    return .maximum(table: table.name, column: column.name, type)
  }

  /// A column of the type if there is one, or a literal.
  private mutating func operand(_ type: ModelType, _ columns: Columns) -> Operand {
    let found = self.columns(of: type, in: columns)
    return found.isEmpty || random.chance(45) ? .literal(literal(type), type) : random.pick(found)
  }

  /// The columns of a type in sight; fields of rows among them.
  private func columns(of type: ModelType, in columns: Columns) -> [Operand] {
    // Dictionaries have no order that stays: sides go by name.
    columns.sorted { $0.key.rawValue < $1.key.rawValue }.flatMap { side, columns in
      columns.compactMap { column -> Operand? in
        let operand = Operand.column(side, column.name, column.type)
        if column.type == type { return operand }
        guard column.type == .row, type == .integer || type == .text else { return nil }
        return .field(operand, type == .integer ? 0 : 1)
      }
    }
  }

  // MARK: Conditions

  /// A WHERE clause over a table, with subqueries over another.
  mutating func condition(_ table: ModelTable, _ other: ModelTable) -> Condition {
    condition([.target: table.columns], depth: random.number(0..<3), subqueries: other)
  }

  mutating func condition(_ columns: Columns, depth: Int, subqueries other: ModelTable?) -> Condition {
    if depth > 0, random.chance(60) {
      let left = condition(columns, depth: depth - 1, subqueries: other)
      let right = condition(columns, depth: depth - 1, subqueries: other)
      return random.weighted([(4, .and(left, right)), (4, .or(left, right)), (2, .not(.and(left, right)))])
    }
    if let other, random.chance(22) { return subquery(columns, other) }
    if random.chance(3) { return .constant(random.pick([true, false, nil])) }
    let side = random.pick(columns.keys.sorted { $0.rawValue < $1.rawValue })
    let column = random.pick(columns[side] ?? [])
    var operand = Operand.column(side, column.name, column.type)
    if column.type == .row, random.chance(60) { operand = .field(operand, random.number(0..<2)) }
    if operand.type == .row {
      return random.chance(50)
        ? maybeNot(.isNull(operand)) : maybeNot(.isDistinct(operand, .literal(literal(.row), .row)))
    }
    if operand.type == .boolean, random.chance(50) { return maybeNot(.holds(operand)) }
    switch random.number(0..<10) {
    case 0: return maybeNot(.isNull(operand))
    case 1: return maybeNot(.isDistinct(operand, compared(operand.type, columns)))
    case 2: return maybeNot(.isIn(operand, (0..<random.number(1..<5)).map { _ in .literal(literal(operand.type), operand.type) }))
    case 3: return maybeNot(.between(operand, compared(operand.type, columns), compared(operand.type, columns)))
    case 4 where operand.type == .text: return maybeNot(.startsWith(operand, random.pick(["a", "ab", "b", "é", "漢"])))
    default:
      let comparison = random.weighted([(5, Comparison.equal), (1, .notEqual), (2, .less), (1, .lessOrEqual), (2, .greater), (1, .greaterOrEqual)])
      return .compare(comparison, operand, compared(operand.type, columns))
    }
  }

  private mutating func maybeNot(_ condition: Condition) -> Condition { random.chance(40) ? .not(condition) : condition }

  /// Something to compare with: mostly of the same type.
  private mutating func compared(_ type: ModelType, _ columns: Columns) -> Operand {
    let type = random.chance(10) ? random.pick(ModelType.allCases.filter { type.isCompatible(with: $0) }) : type
    let found = self.columns(of: type, in: columns)
    return found.isEmpty || random.chance(75) ? .literal(literal(type), type) : random.pick(found)
  }

  private mutating func subquery(_ columns: Columns, _ other: ModelTable) -> Condition {
    let inner: Columns = [.other: other.columns]
    let sides = columns.keys.sorted { $0.rawValue < $1.rawValue }
    let side = random.pick(sides)
    let pairs = (columns[side] ?? []).flatMap { outer in
      other.columns.filter { $0.type == outer.type && $0.type != .row }.map {
        (Operand.column(side, outer.name, outer.type), Operand.column(.other, $0.name, $0.type))
      }
    }
    guard !pairs.isEmpty else { return condition(columns, depth: 0, subqueries: nil) }
    let (outer, found) = random.pick(pairs)
    switch random.number(0..<10) {
    case 0..<4:
      let filter = random.chance(70) ? condition(inner, depth: 0, subqueries: nil) : nil
      return maybeNot(.inSubquery(outer, column: found, Subquery(table: other.name, condition: filter)))
    case 4..<9:
      var filter = Condition.compare(random.chance(85) ? .equal : .less, found, outer)
      if random.chance(60) { filter = .and(filter, condition(inner, depth: 0, subqueries: nil)) }
      return maybeNot(.exists(Subquery(table: other.name, condition: filter)))
    default:
      guard let largest = maximum(outer.type, other) else { return maybeNot(.isNull(outer)) }
      return .compare(random.pick(Comparison.allCases), outer, largest)
    }
  }
}

extension Operand {
  var isColumn: Bool { if case .column = self { true } else { false } }
}
