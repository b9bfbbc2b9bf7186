import Columnar
import Functions
package import SQLSyntax

/// DELETE and UPDATE, and what MERGE shares with them.
extension Binder {
  package func bindDelete(_ delete: DeleteStatement) throws(SQLError) -> BoundRowChange {
    let target = try bindTarget(delete.table, alias: delete.alias, command: .delete)
    let plan = try rowsToChange(of: target, where: delete.filter)
    let outputs = [NamedExpression(RowOperation.delete.literal(delete.table.range), name: "operation")] + target.identity()
    return target.change(.project(plan, outputs), .delete, writesRows: false)
  }

  package func bindUpdate(_ update: UpdateStatement) throws(SQLError) -> BoundRowChange {
    let target = try bindTarget(update.table, alias: update.alias, command: .update)
    var plan = try rowsToChange(of: target, where: update.filter)
    let binder = ExpressionBinder(self, environment: rootEnvironment, scope: Scope(target.from.fields), clause: .values)
    let assigned = try assignments(update.assignments, to: target, binder) { tableTypes, types in
      "UPDATE table column types don't match SET expressions: Table: [\(tableTypes)], Expressions: [\(types)]"
    }
    let values = try attachSubqueries(
      binder.collector, placeholders(in: Array(assigned.values), binder.collector), to: &plan, mapping: nil)
    var outputs = [NamedExpression(RowOperation.update.literal(update.table.range), name: "operation")] + target.identity()
    for (index, field) in target.table.schema.fields.enumerated() {
      let value = assigned[index]?.replacingPlaceholders(Placeholder.subquery, values) ?? target.column(index)
      outputs.append(NamedExpression(value, name: field.name))
    }
    return target.change(.project(plan, outputs), .update, writesRows: true)
  }

  /// The target's rows that satisfy a WHERE clause; the table's columns stay first.
  private func rowsToChange(of target: ChangeTarget, where filter: Expression?) throws(SQLError) -> LogicalPlan {
    guard let filter else { return target.from.plan }
    let binder = ExpressionBinder(self, environment: rootEnvironment, scope: Scope(target.from.fields), clause: .filter)
    return try self.filter(target.from.plan, by: try binder.bindCondition(filter), binder.collector, mapping: nil)
  }

  /// The table that a statement changes.
  ///
  /// - Throws: `NOT_SUPPORTED` for views and for tables whose rows cannot be told apart.
  func bindTarget(
    _ name: QualifiedName, alias: Identifier?, command: RowChange.Command
  ) throws(SQLError) -> ChangeTarget {
    let request = RelationRequest(.table(name.parts.map(\.folded)), place: settings.place, range: name.range)
    switch relations[request] {
    case .table(let table, let shownName)?:
      guard let identity = table.rowIdentity else {
        throw SQLError.notSupported(
          "\(command.rawValue): the rows of '\(shownName)' cannot be changed", range: name.range,
          hint: "rows of the current state of Iceberg tables in a catalog can")
      }
      let qualifier = alias.map { [$0.folded] } ?? self.qualifier(of: name)
      let from = scan(table, name: shownName, qualifier: qualifier, range: name.range)
      return ChangeTarget(table: table, name: shownName, from: from, identityColumns: identity, range: name.range)
    case .view(let view)?:
      throw SQLError.notSupported(
        "\(command.rawValue) of a view is not supported: \(view.name)", range: name.range, hint: "change the table below it")
    case .failed(let error)?: throw error.located(at: name.range)
    case nil: throw SQLError(.tableNotFound, "Table '\(request.displayName)' does not exist", range: name.range)
    }
  }

  /// The values of SET, cast to their columns' types, by table column.
  ///
  /// - Parameter mismatch: words the error for types that cannot be assigned, from the lists of table and expression types.
  func assignments(
    _ assignments: [Assignment], to target: ChangeTarget, _ binder: ExpressionBinder,
    mismatch: (_ tableTypes: String, _ types: String) -> String
  ) throws(SQLError) -> [Int: BoundExpression] {
    var columns: [Int] = []
    var values: [BoundExpression] = []
    for assignment in assignments {
      let column = try target.columnIndex(assignment.target)
      guard !columns.contains(column) else {
        throw SQLError(
          .duplicateColumnName, "Multiple assignments for column '\(target.table.schema.fields[column].name)'",
          range: assignment.target.range)
      }
      columns.append(column)
      values.append(try bindValue(assignment.value, of: column, in: target, binder))
    }
    let range = assignments.first.map { $0.range.union(assignments[assignments.count - 1].range) } ?? target.range
    try checkAssignable(values, to: columns, of: target, range: range, mismatch: mismatch)
    var assigned: [Int: BoundExpression] = [:]
    for (column, value) in zip(columns, values) {
      assigned[column] = coerce(value, to: target.table.schema.fields[column].type)
    }
    return assigned
  }

  /// `DEFAULT` is the column's default, unless a column of that name is in sight.
  func bindValue(
    _ expression: Expression, of column: Int, in target: ChangeTarget, _ binder: ExpressionBinder
  ) throws(SQLError) -> BoundExpression {
    if expression.isDefault, case .none? = binder.scope?.find("default", qualifier: []) {
      return .literal(target.table.defaultValue(ofColumn: column), expression.range)
    }
    return try binder.bind(expression)
  }

  func checkAssignable(
    _ values: [BoundExpression], to columns: [Int], of target: ChangeTarget, range: SourceRange,
    mismatch: (_ tableTypes: String, _ types: String) -> String
  ) throws(SQLError) {
    let tableTypes = columns.map { target.table.schema.fields[$0].type }
    guard tableTypes.count == values.count, zip(tableTypes, values).allSatisfy({ Self.isInsertable($0, $1.type) }) else {
      func list(_ types: [SQLType]) -> String { types.map(\.description).joined(separator: ", ") }
      throw SQLError(.typeMismatch, mismatch(list(tableTypes), list(values.map(\.type))), range: range)
    }
  }
}

/// A bound target. Its columns come first in the plans built over it.
struct ChangeTarget {
  let table: any Table
  let name: String
  let from: FromBinding
  /// Table indices of the columns that find a row again.
  let identityColumns: [Int]
  let range: SourceRange

  func column(_ index: Int) -> BoundExpression { .column(index, table.field(at: index).type, range) }

  func identity() -> [NamedExpression] {
    identityColumns.map { NamedExpression(column($0), name: table.field(at: $0).name) }
  }

  func change(_ plan: LogicalPlan, _ command: RowChange.Command, writesRows: Bool) -> BoundRowChange {
    BoundRowChange(
      plan: plan, command: command, target: table, targetName: name, writesRows: writesRows, range: range)
  }

  /// The column that an assignment or column list names: `c`, `t.c`, `db.t.c`.
  func columnIndex(_ name: QualifiedName) throws(SQLError) -> Int {
    let qualifier = name.parts.dropLast().map(\.folded)
    let isOurs = qualifier.isEmpty || from.fields.first?.isQualified(by: qualifier[...]) ?? false
    guard isOurs, let index = table.schema.index(of: name.last.spelling) else {
      throw SQLError(
        .columnNotFound, "The target table has no column '\(name.spelling)'", range: name.range,
        hint: Suggestion.hint(for: name.last.folded, among: table.schema.fields.map(\.name)))
    }
    return index
  }
}
