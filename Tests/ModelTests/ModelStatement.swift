/// A statement as data: it has a text for the engine and a meaning for the model.
enum ModelStatement: Sendable {
  case insertValues(table: String, columns: [String]?, rows: [[Operand]])
  /// `INSERT INTO table SELECT … FROM other AS o WHERE …`
  case insertQuery(table: String, columns: [String]?, [Operand], Subquery)
  case delete(table: String, Condition?)
  case update(table: String, [ColumnAssignment], Condition?)
  case merge(ModelMerge)
  case truncate(table: String)
  case optimize(table: String)
  case vacuum(table: String)
  case addColumn(table: String, ModelColumn)
  case dropColumn(table: String, String)
  case renameColumn(table: String, String, to: String)
  /// int to bigint
  case widenColumn(table: String, String)
  case addPartitionField(table: String, PartitionTerm)
  case dropPartitionField(table: String, PartitionTerm)
  case setMode(table: String, TableLayout.Command, TableLayout.WriteMode)

  var table: String {
    switch self {
    case .insertValues(let table, _, _), .insertQuery(let table, _, _, _), .delete(let table, _), .update(let table, _, _),
      .truncate(let table), .optimize(let table), .vacuum(let table), .addColumn(let table, _), .dropColumn(let table, _),
      .renameColumn(let table, _, _), .widenColumn(let table, _), .addPartitionField(let table, _),
      .dropPartitionField(let table, _), .setMode(let table, _, _):
      table
    case .merge(let merge): merge.target
    }
  }

  var sql: String {
    func names(_ columns: [String]?) -> String { columns.map { " (\($0.joined(separator: ", ")))" } ?? "" }
    func filter(_ condition: Condition?) -> String { condition.map { " WHERE \($0.sql)" } ?? "" }
    func list(_ operands: [Operand]) -> String { operands.map(\.sql).joined(separator: ", ") }
    switch self {
    case .insertValues(let table, let columns, let rows):
      return "INSERT INTO \(table)\(names(columns)) VALUES " + rows.map { "(\(list($0)))" }.joined(separator: ", ")
    case .insertQuery(let table, let columns, let values, let query):
      return "INSERT INTO \(table)\(names(columns)) \(query.sql(list(values)))"
    case .delete(let table, let condition): return "DELETE FROM \(table) AS t\(filter(condition))"
    case .update(let table, let assignments, let condition):
      return "UPDATE \(table) AS t SET \(ColumnAssignment.sql(assignments))\(filter(condition))"
    case .merge(let merge): return merge.sql
    case .truncate(let table): return "TRUNCATE TABLE \(table)"
    case .optimize(let table): return "OPTIMIZE \(table) REWRITE DATA USING BIN_PACK"
    case .vacuum(let table): return "VACUUM \(table)"
    case .addColumn(let table, let column): return "ALTER TABLE \(table) ADD COLUMNS (\(column.definition))"
    case .dropColumn(let table, let column): return "ALTER TABLE \(table) DROP COLUMN \(column)"
    case .renameColumn(let table, let column, let name): return "ALTER TABLE \(table) RENAME COLUMN \(column) TO \(name)"
    case .widenColumn(let table, let column): return "ALTER TABLE \(table) ALTER COLUMN \(column) TYPE bigint"
    case .addPartitionField(let table, let term): return "ALTER TABLE \(table) ADD PARTITION FIELD \(term.sql)"
    case .dropPartitionField(let table, let term): return "ALTER TABLE \(table) DROP PARTITION FIELD \(term.sql)"
    case .setMode(let table, let command, let mode):
      return "ALTER TABLE \(table) SET TBLPROPERTIES ('write.\(command.rawValue).mode' = '\(mode.rawValue)')"
    }
  }
}

struct ColumnAssignment: Sendable {
  var column: String
  var value: Operand

  static func sql(_ assignments: [ColumnAssignment]) -> String {
    assignments.map { "\($0.column) = \($0.value.sql)" }.joined(separator: ", ")
  }
}

struct ModelMerge: Sendable {
  var target: String
  var source: MergeSource
  var on: Condition
  /// What kind of condition that is.
  var onKind: StatementKind
  var clauses: [MergeRule]

  var sql: String {
    "MERGE INTO \(target) AS t USING \(source.sql)\nON \(on.sql)\n" + clauses.map(\.sql).joined(separator: "\n")
  }
}

enum MergeSource: Sendable {
  case values([ModelColumn], [[Value?]])
  /// `(SELECT … FROM table AS o WHERE … [UNION ALL the same])`
  case query([ModelColumn], [Operand], Subquery, isDoubled: Bool)
  case table(String)

  var sql: String {
    switch self {
    case .values(let columns, let rows):
      let lines = rows.map { row in "(" + zip(columns, row).map { Value.literal($1, $0.type) }.joined(separator: ", ") + ")" }
      return "(VALUES \(lines.joined(separator: ", "))) AS s(\(columns.map(\.name).joined(separator: ", ")))"
    case .query(let columns, let values, let query, let isDoubled):
      let select = query.sql(zip(values, columns).map { "\($0.sql) AS \($1.name)" }.joined(separator: ", "))
      return "(\(select)\(isDoubled ? " UNION ALL \(select)" : "")) AS s"
    case .table(let name): return "\(name) AS s"
    }
  }
}

struct MergeRule: Sendable {
  enum Match: Sendable { case matched, notMatched, notMatchedBySource }

  enum Action: Sendable {
    case update([ColumnAssignment]), updateAll, delete, insert([String]?, [Operand]), insertAll
  }

  var match: Match
  var condition: Condition?
  var action: Action

  var sql: String {
    let words =
      switch match {
      case .matched: "MATCHED"
      case .notMatched: "NOT MATCHED"
      case .notMatchedBySource: "NOT MATCHED BY SOURCE"
      }
    return "WHEN \(words)\(condition.map { " AND \($0.sql)" } ?? "") THEN \(actionSQL)"
  }

  private var actionSQL: String {
    switch action {
    case .update(let assignments): "UPDATE SET \(ColumnAssignment.sql(assignments))"
    case .updateAll: "UPDATE SET *"
    case .delete: "DELETE"
    case .insert(let columns, let values):
      "INSERT\(columns.map { " (\($0.joined(separator: ", ")))" } ?? "") VALUES (\(values.map(\.sql).joined(separator: ", ")))"
    case .insertAll: "INSERT *"
    }
  }
}
