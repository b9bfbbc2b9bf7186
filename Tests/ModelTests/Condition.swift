/// An expression that gives a truth value. Conditions never fail: an engine may look at them for rows that another part excludes.
indirect enum Condition: Sendable {
  case constant(Bool?)
  case compare(Comparison, Operand, Operand)
  case isNull(Operand)
  case isDistinct(Operand, Operand)
  case and(Condition, Condition)
  case or(Condition, Condition)
  case not(Condition)
  case isIn(Operand, [Operand])
  case between(Operand, Operand, Operand)
  case startsWith(Operand, String)
  /// A boolean by itself.
  case holds(Operand)
  case inSubquery(Operand, column: Operand, Subquery)
  case exists(Subquery)

  var sql: String {
    switch self {
    case .constant(let value): value.map { $0 ? "true" : "false" } ?? "CAST(NULL AS boolean)"
    case .compare(let comparison, let left, let right): "\(left.comparedSQL) \(comparison.rawValue) \(right.comparedSQL)"
    case .isNull(let operand): "\(operand.sql) IS NULL"
    case .isDistinct(let left, let right): "\(left.comparedSQL) IS DISTINCT FROM \(right.comparedSQL)"
    case .and(let left, let right): "(\(left.sql) AND \(right.sql))"
    case .or(let left, let right): "(\(left.sql) OR \(right.sql))"
    case .not(.isNull(let operand)): "\(operand.sql) IS NOT NULL"
    case .not(.isDistinct(let left, let right)): "\(left.comparedSQL) IS NOT DISTINCT FROM \(right.comparedSQL)"
    case .not(.isIn(let operand, let list)): "\(operand.sql) NOT IN (\(Self.list(list)))"
    case .not(.inSubquery(let operand, let column, let subquery)): "\(operand.sql) NOT IN (\(subquery.sql(column.sql)))"
    case .not(let condition): "NOT (\(condition.sql))"
    case .isIn(let operand, let list): "\(operand.sql) IN (\(Self.list(list)))"
    case .between(let operand, let low, let high): "\(operand.sql) BETWEEN \(low.comparedSQL) AND \(high.comparedSQL)"
    case .startsWith(let operand, let prefix): "\(operand.sql) LIKE '\(prefix)%'"
    case .holds(let operand): operand.sql
    case .inSubquery(let operand, let column, let subquery): "\(operand.sql) IN (\(subquery.sql(column.sql)))"
    case .exists(let subquery): "EXISTS (\(subquery.sql("1")))"
    }
  }

  private static func list(_ operands: [Operand]) -> String { operands.map(\.comparedSQL).joined(separator: ", ") }

  func truth(in scope: RowScope) throws -> Bool? {
    switch self {
    case .constant(let value): return value
    case .compare(let comparison, let left, let right):
      return Logic.compare(comparison, try left.value(in: scope), try right.value(in: scope))
    case .isNull(let operand): return try operand.value(in: scope) == nil
    case .isDistinct(let left, let right): return Logic.isDistinct(try left.value(in: scope), try right.value(in: scope))
    case .and(let left, let right): return Logic.and(try left.truth(in: scope), try right.truth(in: scope))
    case .or(let left, let right): return Logic.or(try left.truth(in: scope), try right.truth(in: scope))
    case .not(let condition): return Logic.not(try condition.truth(in: scope))
    case .isIn(let operand, let list): return Logic.isIn(try operand.value(in: scope), try list.map { try $0.value(in: scope) })
    case .between(let operand, let low, let high):
      let value = try operand.value(in: scope)
      return Logic.and(
        Logic.compare(.greaterOrEqual, value, try low.value(in: scope)), Logic.compare(.lessOrEqual, value, try high.value(in: scope)))
    case .startsWith(let operand, let prefix):
      guard case .text(let text)? = try operand.value(in: scope) else { return nil }
      return text.utf8.starts(with: prefix.utf8)
    case .holds(let operand):
      guard case .boolean(let value)? = try operand.value(in: scope) else { return nil }
      return value
    case .inSubquery(let operand, let column, let subquery):
      return Logic.isIn(try operand.value(in: scope), try subquery.rows(in: scope).map { try column.value(in: $0) })
    case .exists(let subquery): return try !subquery.rows(in: scope).isEmpty
    }
  }
}

/// `SELECT … FROM table AS o WHERE condition`; the condition may look at the rows around it.
struct Subquery: Sendable {
  var table: String
  var condition: Condition?

  func sql(_ selected: String) -> String {
    "SELECT \(selected) FROM \(table) AS o" + (condition.map { " WHERE \($0.sql)" } ?? "")
  }

  /// The scope of each row that the subquery gives.
  func rows(in scope: RowScope) throws -> [RowScope] {
    let table = try scope.database.table(table)
    var found: [RowScope] = []
    for row in table.rows {
      var inner = scope
      inner.other = BoundRow(columns: table.columns, values: row.values)
      if try condition?.truth(in: inner) ?? (condition == nil) { found.append(inner) }
    }
    return found
  }
}
