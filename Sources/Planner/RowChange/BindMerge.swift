import Columnar
import Functions
package import SQLSyntax

extension Binder {
  /// MERGE is a join of target and source, a column that holds the number of the clause that is due, and a projection by it.
  ///
  ///     target (left)  join  source (right)     inner, or outer on the sides that unmatched rows are wanted of
  ///     clause = CASE WHEN matched AND c0 THEN 0 WHEN only in source AND c1 THEN 1 … END      the first match wins
  ///     operation, identity, values = CASE clause WHEN 0 THEN … END                            values only for their rows
  ///
  /// That one target row is changed at most once is checked by whoever takes the rows (`RowChange`).
  package func bindMerge(_ merge: MergeStatement) throws(SQLError) -> BoundRowChange {
    let target = try bindTarget(merge.target, alias: merge.alias, command: .merge)
    let source = try bindRelation(merge.source, in: rootEnvironment)
    let joined = try MergeJoin(target, source, merge)
    var plan = try joined.plan(on: bindMergeCondition(merge.condition, joined))

    let clauses = MergeClauses(binder: self, target: target, join: joined)
    var bound: [BoundMergeClause] = []
    for (number, clause) in merge.clauses.enumerated() { bound.append(try clauses.bind(clause, number: number)) }
    let expressions = bound.flatMap { ($0.condition.map { [$0] } ?? []) + $0.values }
    let subqueries = try attachSubqueries(
      clauses.collector, placeholders(in: expressions, clauses.collector), to: &plan, mapping: nil)
    func final(_ expression: BoundExpression) -> BoundExpression {
      subqueries.isEmpty ? expression : expression.replacingPlaceholders(Placeholder.subquery, subqueries)
    }

    let range = merge.target.range
    var branches: [CaseBranch] = []
    for (number, clause) in bound.enumerated() {
      let condition = BoundExpression.conjunction(joined.sides(clause.match, range) + (clause.condition.map { [final($0)] } ?? []))
      branches.append(
        CaseBranch(condition: condition ?? .literal(.boolean(true), range), result: .literal(.integer(Int32(number)), range)))
    }
    let clauseColumn = plan.columns.count
    plan = .project(
      plan,
      LogicalPlan.passingColumns(of: plan) + [
        NamedExpression(
          .caseWhen(branches, otherwise: .literal(.null(.integer), range), type: .integer, range), name: "clause")
      ])
    let clauseNumber = BoundExpression.column(clauseColumn, .integer, range)
    plan = .filter(plan, .not(.isNull(clauseNumber, range), range))

    /// The value that each clause gives, chosen by the clause of the row.
    func choose(_ values: [BoundExpression], _ type: SQLType) throws(SQLError) -> BoundExpression {
      guard let last = values.last else { return .literal(.null(type), range) }
      if values.dropLast().allSatisfy({ $0 == last }) { return last }
      var branches: [CaseBranch] = []
      for (number, value) in values.enumerated().dropLast() {
        branches.append(
          CaseBranch(
            condition: try call("=", [clauseNumber, .literal(.integer(Int32(number)), range)], range: range), result: value))
      }
      return .caseWhen(branches, otherwise: last, type: type, range)
    }

    let writesRows = bound.contains { $0.operation != .delete }
    var outputs = [
      NamedExpression(try choose(bound.map { $0.operation.literal(range) }, RowOperation.type), name: "operation")
    ]
    outputs += target.identity()
    if writesRows {
      for (index, field) in target.table.schema.fields.enumerated() {
        let values = bound.map { $0.values.isEmpty ? .literal(.null(field.type), range) : final($0.values[index]) }
        outputs.append(NamedExpression(try choose(values, field.type), name: field.name))
      }
    }
    return target.change(.project(plan, outputs), .merge, writesRows: writesRows)
  }

  private func bindMergeCondition(_ condition: Expression, _ join: MergeJoin) throws(SQLError) -> BoundExpression {
    let binder = ExpressionBinder(
      self, environment: rootEnvironment, scope: Scope(join.targetFields + join.sourceFields), clause: .join)
    binder.nullCountsAsFalse = true
    let bound = try binder.bind(condition)
    guard binder.collector.subqueries.isEmpty else {
      throw SQLError.notSupported(
        "Subqueries in the ON clause of MERGE are not supported", range: binder.collector.subqueries[0].range,
        hint: "compute them in the USING clause")
    }
    return try binder.boolean(bound, "MERGE condition must evaluate to a boolean: actual type \(bound.type)")
  }
}

/// The join below a MERGE. Both sides carry a last column that is true, so that it is NULL where an outer join found no partner.
private struct MergeJoin {
  let targetFields: [ScopeField]
  /// Shifted behind the target's columns.
  let sourceFields: [ScopeField]
  private let left: LogicalPlan
  private let right: LogicalPlan
  private let kind: JoinKind
  private let range: SourceRange

  init(_ target: ChangeTarget, _ source: FromBinding, _ merge: MergeStatement) throws(SQLError) {
    range = merge.target.range
    left = Self.marked(target.from.plan, "in_target", range)
    right = Self.marked(source.plan, "in_source", range)
    let width = left.columns.count
    targetFields = target.from.fields
    sourceFields = source.fields.map { $0.shifted(by: width) }
    let keepsSource = merge.clauses.contains { $0.match == .notMatched }
    let keepsTarget = merge.clauses.contains { $0.match == .notMatchedBySource }
    kind =
      switch (keepsTarget, keepsSource) {
      case (true, true): .full
      case (true, false): .left
      case (false, true): .right
      case (false, false): .inner
      }
  }

  private static func marked(_ plan: LogicalPlan, _ name: String, _ range: SourceRange) -> LogicalPlan {
    .project(plan, LogicalPlan.passingColumns(of: plan) + [NamedExpression(.literal(.boolean(true), range), name: name)])
  }

  func plan(on condition: BoundExpression) -> LogicalPlan {
    .join(
      JoinNode(
        kind: kind, left: left, right: right, keys: [], residual: condition.isTrueLiteral ? nil : condition, range: range))
  }

  /// The tests that a row is of a kind, over the joined columns; none where the join has no other rows.
  func sides(_ match: MergeClause.Match, _ range: SourceRange) -> [BoundExpression] {
    let noTarget = BoundExpression.isNull(.column(left.columns.count - 1, .boolean, range), range)
    let noSource = BoundExpression.isNull(
      .column(left.columns.count + right.columns.count - 1, .boolean, range), range)
    switch match {
    case .matched:
      return (kind == .right || kind == .full ? [.not(noTarget, range)] : [])
        + (kind == .left || kind == .full ? [.not(noSource, range)] : [])
    case .notMatched: return [noTarget]
    case .notMatchedBySource: return [noSource]
    }
  }
}

/// A WHEN clause over the joined columns.
private struct BoundMergeClause {
  var match: MergeClause.Match
  var condition: BoundExpression?
  var operation: RowOperation
  /// One per visible column of the target; empty for DELETE.
  var values: [BoundExpression]
}

/// Binds WHEN clauses: each sees the columns of the sides that its rows have.
private struct MergeClauses {
  let binder: Binder
  let target: ChangeTarget
  let join: MergeJoin
  let collector = SelectCollector()

  func bind(_ clause: MergeClause, number: Int) throws(SQLError) -> BoundMergeClause {
    let fields =
      switch clause.match {
      case .matched: join.targetFields + join.sourceFields
      case .notMatched: join.sourceFields
      case .notMatchedBySource: join.targetFields
      }
    func expressionBinder(_ place: ExpressionBinder.Clause) -> ExpressionBinder {
      ExpressionBinder(binder, environment: binder.rootEnvironment, scope: Scope(fields), clause: place, collector: collector)
    }
    var condition: BoundExpression?
    if let written = clause.condition {
      let conditionBinder = expressionBinder(.filter)
      let bound = try conditionBinder.bind(written)
      condition = try conditionBinder.boolean(
        bound, "WHEN clause predicate must evaluate to a boolean: actual type \(bound.type)")
    }
    let values = expressionBinder(.values)
    switch clause.action {
    case .delete: return BoundMergeClause(match: clause.match, condition: condition, operation: .delete, values: [])
    case .update(let assignments):
      let assigned = try binder.assignments(assignments, to: target, values, mismatch: mismatch("SET", number))
      return BoundMergeClause(
        match: clause.match, condition: condition, operation: .update,
        values: target.table.schema.fields.indices.map { assigned[$0] ?? target.column($0) })
    case .updateAll:
      guard clause.match == .matched else {
        throw SQLError(.syntaxError, "UPDATE SET * needs a source row", range: clause.range)
      }
      return BoundMergeClause(
        match: clause.match, condition: condition, operation: .update, values: try valuesByName(clause, number))
    case .insertAll:
      return BoundMergeClause(
        match: clause.match, condition: condition, operation: .insert, values: try valuesByName(clause, number))
    case .insert(let columns, let written):
      return BoundMergeClause(
        match: clause.match, condition: condition, operation: .insert,
        values: try insertedValues(columns, written, values, clause, number))
    }
  }

  private func mismatch(_ word: String, _ number: Int) -> (String, String) -> String {
    { tableTypes, types in
      "MERGE table column types don't match for MERGE case \(number), \(word) expressions: Table: [\(tableTypes)], Expressions: [\(types)]"
    }
  }

  /// Every target column from the source column of its name: Spark's `SET *` and `INSERT *`.
  private func valuesByName(_ clause: MergeClause, _ number: Int) throws(SQLError) -> [BoundExpression] {
    let source = Scope(join.sourceFields)
    var values: [BoundExpression] = []
    for field in target.table.schema.fields {
      switch source.find(field.name.lowercased(), qualifier: []) {
      case .one(let found): values.append(.column(found.index, found.type, clause.range))
      case .many: throw SQLError(.ambiguousName, "Column '\(field.name)' is ambiguous", range: clause.range)
      case .none:
        throw SQLError(
          .columnNotFound, "The source has no column '\(field.name)', which * needs", range: clause.range,
          hint: Suggestion.hint(for: field.name.lowercased(), among: source.visibleNames) ?? "list the columns instead of *")
      }
    }
    let columns = Array(target.table.schema.fields.indices)
    try binder.checkAssignable(values, to: columns, of: target, range: clause.range, mismatch: mismatch("SET", number))
    return zip(values, target.table.schema.fields).map { Binder.assigned($0, to: $1.type) }
  }

  private func insertedValues(
    _ names: [QualifiedName], _ written: [Expression], _ values: ExpressionBinder, _ clause: MergeClause, _ number: Int
  ) throws(SQLError) -> [BoundExpression] {
    let fields = target.table.schema.fields
    var columns: [Int] = []
    for name in names {
      let column = try target.columnIndex(name)
      guard !columns.contains(column) else {
        throw SQLError(
          .duplicateColumnName, "Insert column name is specified more than once: \(name.last.folded)", range: name.range)
      }
      columns.append(column)
    }
    if names.isEmpty { columns = Array(fields.indices) }
    var bound: [BoundExpression] = []
    for (position, expression) in written.enumerated() {
      bound.append(
        position < columns.count
          ? try binder.bindValue(expression, of: columns[position], in: target, values) : try values.bind(expression))
    }
    try binder.checkAssignable(bound, to: columns, of: target, range: clause.range, mismatch: mismatch("INSERT", number))
    var given: [Int: BoundExpression] = [:]
    for (column, value) in zip(columns, bound) { given[column] = Binder.assigned(value, to: fields[column].type) }
    return fields.indices.map { given[$0] ?? .literal(target.table.defaultValue(ofColumn: $0), clause.range) }
  }
}
