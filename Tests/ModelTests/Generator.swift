import TestSupport

/// Makes tables and statements from a seed. Values come from small pools, so that keys meet, and hold what breaks things: NULL, NaN,
/// days before 1970, the limits of the integers, texts longer than a view holds inline.
struct Generator {
  var random: SeededRandom

  init(seed: UInt64) { random = SeededRandom(seed) }

  // MARK: Tables

  private static let columnPool: [(String, ModelType)] = [
    ("k", .integer), ("name", .text), ("v", .double), ("born", .date), ("moment", .timestamp), ("price", .decimal),
    ("flag", .boolean), ("point", .row),
  ]

  mutating func table(_ name: String) -> ModelTable {
    var columns = [ModelColumn(name: "id", type: .bigint, isRequired: random.chance(15))]
    for (name, type) in Self.columnPool where random.chance(55) {
      columns.append(ModelColumn(name: name, type: type, isRequired: random.chance(6)))
    }
    columns.shuffle(using: &random)
    var partitioning = Partitioning()
    while random.chance(partitioning.terms.isEmpty ? 75 : 20) {
      let terms = PartitionTerm.choices(for: random.pick(columns))
      if terms.isEmpty { continue }
      let term = random.pick(terms)
      if partitioning.sourceColumns.insert(term.column).inserted { partitioning.terms.append(term) }
    }
    return ModelTable(name: name, columns: columns, partitioning: partitioning)
  }

  mutating func layout() -> TableLayout {
    var modes: [TableLayout.Command: TableLayout.WriteMode] = [:]
    for command in TableLayout.Command.allCases where random.chance(90) {
      modes[command] = random.pick(TableLayout.WriteMode.allCases)
    }
    return TableLayout(
      formatVersion: random.weighted([(1, 1), (2, 2), (2, 3)]), modes: modes, deletesPerPartition: random.chance(40),
      codec: random.pick(["zstd", "snappy", "gzip", "none"]), isOptimizedEagerly: random.chance(50))
  }

  /// Gives some columns of a version 3 table a default.
  mutating func addDefaults(to table: inout ModelTable) {
    for index in table.columns.indices { addDefault(to: &table.columns[index], percent: 25) }
  }

  private mutating func addDefault(to column: inout ModelColumn, percent: Int) {
    // Metadata has no word for NaN, and none for rows but the empty one.
    if column.type != .double, column.type != .row, random.chance(percent) { column.defaultValue = literal(column.type) }
  }

  // MARK: Statements

  /// The next statement for tables in this state. The first ones fill them.
  mutating func statement(_ database: ModelDatabase, _ layouts: [String: TableLayout]) -> ModelStatement {
    let table = random.pick(database.tables)
    let other = random.pick(database.tables)
    if table.rows.isEmpty, random.chance(70) { return insertValues(table) }
    if table.rows.count > 50, random.chance(60) { return .delete(table: table.name, condition(table, other)) }
    let make = random.weighted([
      (12, 0), (5, 1), (14, 2), (14, 3), (44, 4), (5, 5), (3, 6), (4, 7),
    ])
    switch make {
    case 0: return insertValues(table)
    case 1: return insertQuery(table, from: other)
    case 2: return .delete(table: table.name, random.chance(4) ? nil : condition(table, other))
    case 3: return update(table, other)
    case 4: return .merge(merge(table, other))
    case 5: return schemaChange(table, hasDefaults: layouts[table.name]?.formatVersion == 3)
    case 6: return partitionChange(table)
    default: return maintenance(table)
    }
  }

  private mutating func insertValues(_ table: ModelTable) -> ModelStatement {
    let columns = columnList(table)
    let targets = Self.targets(columns, table)
    let count = table.rows.isEmpty ? random.number(1..<25) : random.pick([1, 1, 1, 2, 3, 8])
    // Rows of other types would give the column another common type.
    let types = targets.map { column in
      random.chance(4) ? random.pick(ModelType.allCases.filter { column.type.isCompatible(with: $0) }) : column.type
    }
    let rows = (0..<count).map { _ in zip(targets, types).map { insertedLiteral($0, $1) } }
    return .insertValues(table: table.name, columns: columns, rows: rows)
  }

  private mutating func insertQuery(_ table: ModelTable, from other: ModelTable) -> ModelStatement {
    let columns = columnList(table)
    let scope: Columns = [.other: other.columns]
    let values = Self.targets(columns, table).map { value($0, scope) }
    let condition = Condition.and(condition(scope, depth: 1, subqueries: nil), smallShare(other))
    return .insertQuery(table: table.name, columns: columns, values, Subquery(table: other.name, condition: condition))
  }

  private mutating func update(_ table: ModelTable, _ other: ModelTable) -> ModelStatement {
    let values = assignments(table, [.target: table.columns], other: other)
    return .update(table: table.name, values, random.chance(8) ? nil : condition(table, other))
  }

  private mutating func schemaChange(_ table: ModelTable, hasDefaults: Bool) -> ModelStatement {
    let names = Set(table.columns.map(\.name))
    let droppable = table.columns.filter { $0.name != "id" && !table.partitioning.sourceColumns.contains($0.name) }
    let renamable = table.columns.filter { $0.name != "id" }
    let widenable = table.columns.filter { $0.type == .integer }
    // Names come back, also with another type: their old values must not.
    let free = (Self.columnPool.map(\.0) + ["extra", "more"]).filter { !names.contains($0) }
    let choice = random.number(0..<10)
    if choice < 3, !droppable.isEmpty, table.columns.count > 2 {
      return .dropColumn(table: table.name, random.pick(droppable).name)
    }
    if choice < 5, !renamable.isEmpty, !free.isEmpty {
      return .renameColumn(table: table.name, random.pick(renamable).name, to: random.pick(free))
    }
    if choice < 7, !widenable.isEmpty { return .widenColumn(table: table.name, random.pick(widenable).name) }
    if table.columns.count > 8 || free.isEmpty { return .optimize(table: table.name) }
    var column = ModelColumn(name: random.pick(free), type: random.pick(ModelType.allCases))
    if hasDefaults { addDefault(to: &column, percent: 50) }
    return .addColumn(table: table.name, column)
  }

  private mutating func partitionChange(_ table: ModelTable) -> ModelStatement {
    if !table.partitioning.terms.isEmpty, random.chance(45) {
      return .dropPartitionField(table: table.name, random.pick(table.partitioning.terms))
    }
    let used = Set(table.partitioning.terms.map(\.column))
    let terms = table.columns.filter { !used.contains($0.name) }.flatMap { PartitionTerm.choices(for: $0) }
    if terms.isEmpty { return .optimize(table: table.name) }
    return .addPartitionField(table: table.name, random.pick(terms))
  }

  private mutating func maintenance(_ table: ModelTable) -> ModelStatement {
    switch random.number(0..<10) {
    case 0..<4: return .optimize(table: table.name)
    case 4..<7: return .vacuum(table: table.name)
    case 7: return .truncate(table: table.name)
    default:
      return .setMode(table: table.name, random.pick(TableLayout.Command.allCases), random.pick(TableLayout.WriteMode.allCases))
    }
  }

  // MARK: Parts

  /// All columns, all in another order, or some with every required one.
  mutating func columnList(_ table: ModelTable) -> [String]? {
    if random.chance(50) { return nil }
    let all = random.chance(40)
    let chosen = table.columns.filter { all || $0.isRequired && random.chance(97) || $0.name == "id" || random.chance(60) }
    return chosen.map(\.name).shuffled(using: &random)
  }

  static func targets(_ columns: [String]?, _ table: ModelTable) -> [ModelColumn] {
    columns.map { $0.compactMap { name in table.columns.first { $0.name == name } } } ?? table.columns
  }

  mutating func assignments(_ table: ModelTable, _ scope: Columns, other: ModelTable?) -> [ColumnAssignment] {
    let count = min(table.columns.count, random.pick([1, 1, 2, 3]))
    return table.columns.shuffled(using: &random).prefix(count).map { column in
      ColumnAssignment(column: column.name, value: value(column, scope, other: other))
    }
  }

  /// A condition that holds for a few rows only, so that tables stay small.
  mutating func smallShare(_ table: ModelTable) -> Condition {
    let ids = (0..<random.number(1..<6)).map { _ in Operand.literal(table.rows.isEmpty ? nil : key(of: table), .bigint) }
    return .isIn(.column(.other, "id", .bigint), ids)
  }

  /// A key that the table has, mostly.
  mutating func key(of table: ModelTable) -> Value? {
    if let index = table.columns.firstIndex(where: { $0.name == "id" }), !table.rows.isEmpty, random.chance(75) {
      return random.pick(table.rows).values[index]
    }
    return literal(.bigint)
  }
}
