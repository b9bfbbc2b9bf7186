/// What a statement has in it: the rows of the coverage report.
enum StatementKind: String, Sendable, CaseIterable {
  case insertValues = "INSERT VALUES"
  case insertColumns = "INSERT (columns)"
  case insertQuery = "INSERT SELECT"
  case delete = "DELETE WHERE"
  case deleteAll = "DELETE"
  case update = "UPDATE WHERE"
  case updateAll = "UPDATE"
  case mergeValues = "USING VALUES"
  case mergeQuery = "USING subquery"
  case mergeTable = "USING table"
  case onEqual = "ON a = b"
  case onNotDistinct = "ON a IS NOT DISTINCT FROM b"
  case onEqualOrBothNull = "ON a = b OR both NULL"
  case onResidual = "ON a = b AND residual"
  case onInequality = "ON without equality"
  case onFalse = "ON false"
  case matchedUpdate = "MATCHED UPDATE"
  case matchedAndUpdate = "MATCHED AND UPDATE"
  case matchedUpdateAll = "MATCHED UPDATE SET *"
  case matchedDelete = "MATCHED DELETE"
  case matchedAndDelete = "MATCHED AND DELETE"
  case notMatchedInsert = "NOT MATCHED INSERT"
  case notMatchedAndInsert = "NOT MATCHED AND INSERT"
  case notMatchedInsertAll = "NOT MATCHED INSERT *"
  case bySourceUpdate = "BY SOURCE UPDATE"
  case bySourceAndUpdate = "BY SOURCE AND UPDATE"
  case bySourceDelete = "BY SOURCE DELETE"
  case bySourceAndDelete = "BY SOURCE AND DELETE"
  case defaultWord = "DEFAULT"
  case isNull = "IS NULL"
  case isDistinct = "IS DISTINCT FROM"
  case inList = "IN (list)"
  case inSubquery = "IN (subquery)"
  case notInSubquery = "NOT IN (subquery)"
  case exists = "EXISTS, correlated"
  case scalarSubquery = "= (SELECT max …)"
  case changedNothing = "0 rows changed"
  case failed = "failed as it had to"
}

extension ModelStatement {
  /// Empty for statements that are not about rows.
  var kinds: Set<StatementKind> {
    var kinds: Set<StatementKind> = []
    switch self {
    case .insertValues(_, let columns, let rows):
      kinds = [columns == nil ? .insertValues : .insertColumns]
      rows.joined().forEach { $0.collectKinds(into: &kinds) }
    case .insertQuery(_, _, let values, let query):
      kinds = [.insertQuery]
      values.forEach { $0.collectKinds(into: &kinds) }
      query.condition?.collectKinds(into: &kinds)
    case .delete(_, let condition):
      kinds = [condition == nil ? .deleteAll : .delete]
      condition?.collectKinds(into: &kinds)
    case .update(_, let assignments, let condition):
      kinds = [condition == nil ? .updateAll : .update]
      assignments.forEach { $0.value.collectKinds(into: &kinds) }
      condition?.collectKinds(into: &kinds)
    case .merge(let merge): kinds = merge.kinds
    case .truncate, .optimize, .vacuum, .addColumn, .dropColumn, .renameColumn, .widenColumn, .addPartitionField,
      .dropPartitionField, .setMode:
      break
    }
    return kinds
  }

  /// What the report calls a statement that is not about rows.
  var word: String {
    switch self {
    case .truncate: "TRUNCATE"
    case .optimize: "OPTIMIZE"
    case .vacuum: "VACUUM"
    case .addColumn: "ADD COLUMNS"
    case .dropColumn: "DROP COLUMN"
    case .renameColumn: "RENAME COLUMN"
    case .widenColumn: "ALTER COLUMN TYPE"
    case .addPartitionField: "ADD PARTITION FIELD"
    case .dropPartitionField: "DROP PARTITION FIELD"
    case .setMode: "SET TBLPROPERTIES (mode)"
    case .insertValues, .insertQuery: "INSERT"
    case .delete: "DELETE"
    case .update: "UPDATE"
    case .merge: "MERGE"
    }
  }

  /// The command whose write mode decides how its changes are stored; an INSERT is counted with DELETE.
  var command: TableLayout.Command {
    switch self {
    case .update: .update
    case .merge: .merge
    default: .delete
    }
  }
}

extension ModelMerge {
  fileprivate var kinds: Set<StatementKind> {
    var kinds: Set<StatementKind> = [onKind]
    switch source {
    case .values: kinds.insert(.mergeValues)
    case .table: kinds.insert(.mergeTable)
    case .query(_, let values, let query, _):
      kinds.insert(.mergeQuery)
      values.forEach { $0.collectKinds(into: &kinds) }
      query.condition?.collectKinds(into: &kinds)
    }
    for clause in clauses {
      kinds.insert(clause.kind)
      clause.condition?.collectKinds(into: &kinds)
      switch clause.action {
      case .update(let assignments): assignments.forEach { $0.value.collectKinds(into: &kinds) }
      case .insert(_, let values): values.forEach { $0.collectKinds(into: &kinds) }
      case .updateAll, .insertAll, .delete: break
      }
    }
    return kinds
  }
}

extension MergeRule {
  fileprivate var kind: StatementKind {
    let hasCondition = condition != nil
    return switch (match, action) {
    case (_, .updateAll): .matchedUpdateAll
    case (_, .insertAll): .notMatchedInsertAll
    case (_, .insert): hasCondition ? .notMatchedAndInsert : .notMatchedInsert
    case (.notMatchedBySource, .update): hasCondition ? .bySourceAndUpdate : .bySourceUpdate
    case (.notMatchedBySource, .delete): hasCondition ? .bySourceAndDelete : .bySourceDelete
    case (_, .update): hasCondition ? .matchedAndUpdate : .matchedUpdate
    case (_, .delete): hasCondition ? .matchedAndDelete : .matchedDelete
    }
  }
}

extension Condition {
  fileprivate func collectKinds(into kinds: inout Set<StatementKind>) {
    switch self {
    case .constant, .startsWith, .holds, .between: break
    case .compare(_, let left, let right): for operand in [left, right] { operand.collectKinds(into: &kinds) }
    case .isNull: kinds.insert(.isNull)
    case .isDistinct: kinds.insert(.isDistinct)
    case .and(let left, let right), .or(let left, let right):
      left.collectKinds(into: &kinds)
      right.collectKinds(into: &kinds)
    case .not(.inSubquery): kinds.insert(.notInSubquery)
    case .not(let condition): condition.collectKinds(into: &kinds)
    case .isIn: kinds.insert(.inList)
    case .inSubquery: kinds.insert(.inSubquery)
    case .exists: kinds.insert(.exists)
    }
  }
}

extension Operand {
  fileprivate func collectKinds(into kinds: inout Set<StatementKind>) {
    switch self {
    case .maximum: kinds.insert(.scalarSubquery)
    case .defaultValue: kinds.insert(.defaultWord)
    case .choice(let condition, _, _): condition.collectKinds(into: &kinds)
    case .column, .field, .literal, .sum, .concatenation, .coalesce, .makeRow: break
    }
  }
}
