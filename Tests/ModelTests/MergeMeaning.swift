/// MERGE by the rules of sql.md 12.3: per pair of target and source row that satisfy ON, per source row without a target row, and per
/// target row without a source row, the first clause of that kind whose condition is true.
extension ModelDatabase {
  mutating func merge(_ merge: ModelMerge, into position: Int) throws -> Outcome {
    let table = tables[position]
    let sourceRows = try rows(of: merge.source)
    var isMatched = [Bool](repeating: false, count: sourceRows.count)
    var errors: Set<DueError> = []
    var kept: [ModelRow] = []
    var inserted: [ModelRow] = []
    var count = 0

    for row in table.rows {
      var scope = RowScope(database: self, target: BoundRow(columns: table.columns, values: row.values))
      var changes: [ModelRow?] = []
      var dueCount = 0
      var hasSource = false
      for (index, source) in sourceRows.enumerated() {
        scope.source = source
        guard try merge.on.truth(in: scope) == true else { continue }
        hasSource = true
        isMatched[index] = true
        if let rule = try merge.rule(.matched, scope) {
          dueCount += 1
          try errors.collect { changes.append(try rule.changed(row, of: table, scope)) }
        }
      }
      if !hasSource {
        scope.source = nil
        if let rule = try merge.rule(.notMatchedBySource, scope) {
          dueCount += 1
          try errors.collect { changes.append(try rule.changed(row, of: table, scope)) }
        }
      }
      if dueCount > 1 { errors.insert(.multipleMatches) }
      count += dueCount
      if let changed = changes.first ?? row { kept.append(changed) }
    }
    for (index, source) in sourceRows.enumerated() where !isMatched[index] {
      let scope = RowScope(database: self, source: source)
      guard let rule = try merge.rule(.notMatched, scope) else { continue }
      count += 1
      try errors.collect { inserted.append(try rule.inserted(into: table, scope)) }
    }
    if !errors.isEmpty { return .fails(errors) }
    tables[position].rows = kept + inserted
    if count > 0 { tables[position].writeCount += 1 }
    return .done(affectedRows: count)
  }

  private func rows(of source: MergeSource) throws -> [BoundRow] {
    switch source {
    case .values(let columns, let rows): return rows.map { BoundRow(columns: columns, values: $0) }
    case .query(let columns, let values, let query, let isDoubled):
      let rows = try query.rows(in: RowScope(database: self)).map { scope in
        BoundRow(columns: columns, values: try values.map { try $0.value(in: scope) })
      }
      return isDoubled ? rows + rows : rows
    case .table(let name):
      let table = try table(name)
      return table.rows.map { BoundRow(columns: table.columns, values: $0.values) }
    }
  }
}

extension ModelMerge {
  fileprivate func rule(_ match: MergeRule.Match, _ scope: RowScope) throws -> MergeRule? {
    try clauses.first { try $0.match == match && ($0.condition == nil || $0.condition?.truth(in: scope) == true) }
  }
}

extension MergeRule {
  /// The row after the clause; nil when it is gone.
  fileprivate func changed(_ row: ModelRow, of table: ModelTable, _ scope: RowScope) throws -> ModelRow? {
    switch action {
    case .delete: return nil
    case .update(let assignments): return try table.updatedRow(row, assignments, scope)
    case .updateAll: return try table.updatedRow(row, try Self.byName(table, scope), scope)
    case .insert, .insertAll: throw Inapplicable()
    }
  }

  fileprivate func inserted(into table: ModelTable, _ scope: RowScope) throws -> ModelRow {
    switch action {
    case .insert(let columns, let values): return try table.newRow(columns, values, scope)
    case .insertAll: return try table.newRow(nil, try Self.byName(table, scope).map(\.value), scope)
    case .delete, .update, .updateAll: throw Inapplicable()
    }
  }

  /// Every column of the target from the source column of its name.
  private static func byName(_ table: ModelTable, _ scope: RowScope) throws -> [ColumnAssignment] {
    try table.columns.map { column in
      guard let source = scope.source?.columns.first(where: { $0.name == column.name }) else { throw Inapplicable() }
      return ColumnAssignment(column: column.name, value: .column(.source, source.name, source.type))
    }
  }
}
