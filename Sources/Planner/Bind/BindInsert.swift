package import Columnar
import Functions
package import SQLSyntax

extension Binder {
  /// Brings the columns of a query to those of a table: the plan's output is every visible column of the table in order, the ones
  /// that the statement does not name their defaults.
  ///
  /// Types need a common super type; values are then cast at run time (sql.md 4.1), text is never cut except for trailing blanks.
  ///
  /// - Parameters:
  ///   - columns: the column list of the statement; empty for all columns but the fixed ones.
  ///   - fixed: values that all rows get, by table position: those of a PARTITION clause.
  package func insertion(
    of query: BoundQuery, into table: any Table, columns: [Identifier], fixed: [Int: Scalar] = [:], range: SourceRange
  ) throws(SQLError) -> LogicalPlan {
    let fields = table.schema.fields
    let targets = try targetColumns(columns, of: table, fixed: fixed)
    let tableTypes = targets.map { fields[$0].type }
    let queryTypes = query.columns.map(\.type)
    guard targets.count == query.columns.count, zip(tableTypes, queryTypes).allSatisfy(Self.isInsertable) else {
      throw SQLError(
        .typeMismatch,
        "Insert query has mismatched column types: Table: [\(Self.list(tableTypes))], Query: [\(Self.list(queryTypes))]",
        range: range)
    }
    if settings.parameterTypes != nil { noteParameters(of: query.plan, types: tableTypes) }
    var sources: [Int: Int] = [:]
    for (position, target) in targets.enumerated() { sources[target] = position }
    let outputs = fields.enumerated().map { index, field -> NamedExpression in
      guard let source = sources[index] else {
        return NamedExpression(.literal(fixed[index] ?? table.defaultValue(ofColumn: index), range), name: field.name)
      }
      let column = query.columns[source]
      let value = BoundExpression.column(source, column.type, column.range)
      return NamedExpression(Self.assigned(value, to: field.type), name: field.name)
    }
    return .project(query.plan, outputs)
  }

  /// Parameters that are rows' values as they are have the types of the columns they go into.
  private func noteParameters(of plan: LogicalPlan, types: [SQLType]) {
    let rows =
      switch plan {
      case .values(let rows, _): rows
      case .project(.values(let rows, _), _): rows
      case .project(_, let outputs): [outputs.map(\.expression)]
      default: [[BoundExpression]]()
      }
    for row in rows where row.count == types.count { _ = coerce(row, to: types) }
  }

  /// VALUES of an INSERT may say DEFAULT, unless that is the name of something else. Each becomes a parameter behind the statement's own.
  ///
  /// - Parameter parameterCount: of the statement's own parameters.
  /// - Returns: the query to bind, and the values of the parameters it has besides.
  package func resolvingDefaults(
    in query: Query, into table: any Table, columns: [Identifier], fixed: [Int: Scalar] = [:], parameterCount: Int
  ) throws(SQLError) -> (query: Query, values: [Scalar]) {
    guard case .values(let rows) = query.body.kind else { return (query, []) }
    let targets = try targetColumns(columns, of: table, fixed: fixed)
    var values: [Scalar] = []
    func resolved(_ expression: Expression, _ position: Int) -> Expression {
      guard expression.isDefault, position < targets.count else { return expression }
      values.append(table.defaultValue(ofColumn: targets[position]))
      return Expression(.parameter(.positional(parameterCount + values.count - 1)), range: expression.range)
    }
    var changed = query
    changed.body.kind = .values(
      rows.map { row in
        guard case .row(let elements) = row.kind else { return resolved(row, 0) }
        let new = elements.enumerated().map { position, element in
          var element = element
          element.value = resolved(element.value, position)
          return element
        }
        return Expression(.row(new), range: row.range)
      })
    return (changed, values)
  }

  /// Table positions of an insert's column list.
  private func targetColumns(_ columns: [Identifier], of table: any Table, fixed: [Int: Scalar]) throws(SQLError) -> [Int] {
    if columns.isEmpty { return table.schema.fields.indices.filter { fixed[$0] == nil } }
    var targets: [Int] = []
    var seen = Set(fixed.keys)
    for column in columns {
      guard let index = table.schema.index(of: column.spelling) else {
        throw SQLError(
          .columnNotFound, "Insert column name does not exist in target table: \(column.folded)", range: column.range,
          hint: Suggestion.hint(for: column.folded, among: table.schema.fields.map(\.name)))
      }
      guard seen.insert(index).inserted else {
        throw SQLError(
          .duplicateColumnName, "Insert column name is specified more than once: \(column.folded)", range: column.range)
      }
      targets.append(index)
    }
    return targets
  }

  /// A value of one type can be stored in a column of the other.
  package static func isInsertable(_ target: SQLType, _ source: SQLType) -> Bool {
    TypeCoercion.commonSuperType(target, source) != nil || target.isPlainText && source.isPlainText
  }

  /// The value as the column stores it.
  package static func assigned(_ value: BoundExpression, to type: SQLType) -> BoundExpression {
    if value.type == type { return value }
    if case .literal(let scalar, let range) = value, scalar.isNull { return .literal(.null(type), range) }
    return .cast(value, to: type, isTry: false, value.range)
  }

  private static func list(_ types: [SQLType]) -> String { types.map(\.description).joined(separator: ", ") }
}

extension Expression {
  /// The bare word DEFAULT.
  var isDefault: Bool {
    guard case .name(let name) = kind else { return false }
    return name.isSimple && name.folded == "default" && !name.parts[0].isQuoted
  }
}

extension BoundQuery {
  /// Refuses what a table, view or UNLOAD cannot take as columns: no name, a name twice, no type.
  package func checkedForStorage(as what: String = "Column name") throws(SQLError) -> BoundQuery {
    var names: Set<String> = []
    for (position, column) in columns.enumerated() {
      guard let name = column.name else {
        throw SQLError(
          .missingColumnName, "Column name not specified at position \(position + 1)", range: column.range,
          hint: "give the expression a name with AS")
      }
      guard names.insert(name.lowercased()).inserted else {
        throw SQLError(.duplicateColumnName, "\(what) '\(name)' specified more than once", range: column.range)
      }
      if column.type == .unknown {
        throw SQLError(
          .columnTypeUnknown, "Column type is unknown at position \(position + 1)", range: column.range,
          hint: "cast the NULL to a type")
      }
    }
    return self
  }
}
