/// Which row of a statement a column belongs to; the raw value is its alias.
enum Side: String, Sendable {
  case target = "t"
  case source = "s"
  /// The table of a subquery.
  case other = "o"
}

/// An expression that gives a value.
indirect enum Operand: Sendable {
  case column(Side, String, ModelType)
  /// `.x` or `.y` of a row.
  case field(Operand, Int)
  case literal(Value?, ModelType)
  /// Numbers of one type, or bigint and integer.
  case sum(Operand, Operand)
  case concatenation(Operand, Operand)
  case choice(Condition, Operand, Operand)
  case coalesce(Operand, Operand)
  case makeRow(Operand, Operand)
  /// `(SELECT max(column) FROM table)`
  case maximum(table: String, column: String, ModelType)
  /// The word DEFAULT, by itself only: the default of the column that it is for.
  case defaultValue(ModelType)

  var type: ModelType {
    switch self {
    case .column(_, _, let type), .literal(_, let type), .maximum(_, _, let type), .defaultValue(let type): type
    case .field(_, let index): index == 0 ? .integer : .text
    case .sum(let left, let right): left.type == .integer && right.type == .integer ? .integer : left.type
    case .concatenation: .text
    case .choice(_, let value, _), .coalesce(let value, _): value.type
    case .makeRow: .row
    }
  }

  var sql: String {
    switch self {
    case .column(let side, let name, _): "\(side.rawValue).\(name)"
    case .field(let row, let index): "\(row.sql).\(index == 0 ? "x" : "y")"
    case .literal(let value, let type): Value.literal(value, type)
    case .sum(let left, let right): "\(left.sql) + \(right.sql)"
    case .concatenation(let left, let right): "\(left.sql) || \(right.sql)"
    case .choice(let condition, let yes, let no): "CASE WHEN \(condition.sql) THEN \(yes.sql) ELSE \(no.sql) END"
    case .coalesce(let first, let second): "coalesce(\(first.sql), \(second.sql))"
    case .makeRow(let x, let y): "CAST(ROW(\(x.sql), \(y.sql)) AS \(ModelType.row.name))"
    case .maximum(let table, let column, _): "(SELECT max(o.\(column)) FROM \(table) AS o)"
    case .defaultValue: "DEFAULT"
    }
  }

  /// As comparisons show it: numbers without their type, as people write them.
  var comparedSQL: String {
    if case .literal(.integer(let value)?, .bigint) = self, value >= 0 { return String(value) }
    return sql
  }

  func value(in scope: RowScope) throws -> Value? {
    switch self {
    case .column(let side, let name, let type): return try scope.value(of: name, type, on: side)
    case .field(let row, let index):
      guard case .row(let fields)? = try row.value(in: scope) else { return nil }
      return fields[index]
    case .literal(let value, _): return value
    case .sum(let left, let right):
      guard let left = try left.value(in: scope), let right = try right.value(in: scope) else { return nil }
      return try Self.sum(left, right, type)
    case .concatenation(let left, let right):
      guard case .text(let left)? = try left.value(in: scope), case .text(let right)? = try right.value(in: scope) else {
        return nil
      }
      return .text(left + right)
    case .choice(let condition, let yes, let no):
      return try condition.truth(in: scope) == true ? yes.value(in: scope) : no.value(in: scope)
    case .coalesce(let first, let second): return try first.value(in: scope) ?? second.value(in: scope)
    case .makeRow(let x, let y): return .row([try x.value(in: scope), try y.value(in: scope)])
    case .maximum(let table, let column, let type):
      let table = try scope.database.table(table)
      let index = try table.index(of: column, type)
      return table.rows.lazy.compactMap { $0.values[index] }.reduce(nil) { largest, value in
        guard let largest else { return value }
        return Logic.compare(.greater, value, largest) == true ? value : largest
      }
    case .defaultValue: throw Inapplicable()
    }
  }

  private static func sum(_ left: Value, _ right: Value, _ type: ModelType) throws -> Value {
    switch (left, right) {
    case (.integer(let left), .integer(let right)):
      let (sum, overflow) = left.addingReportingOverflow(right)
      guard !overflow, type == .bigint || Int32(exactly: sum) != nil else { throw DueError.outOfRange }
      return .integer(sum)
    case (.double(let left), .double(let right)): return .double(left + right)
    case (.decimal(let left), .decimal(let right)): return .decimal(left + right)
    default: throw Inapplicable()
    }
  }
}

/// The rows that an expression sees.
struct RowScope {
  let database: ModelDatabase
  var target: BoundRow?
  var source: BoundRow?
  var other: BoundRow?

  func value(of name: String, _ type: ModelType, on side: Side) throws -> Value? {
    let row: BoundRow? =
      switch side {
      case .target: target
      case .source: source
      case .other: other
      }
    guard let row, let index = row.columns.firstIndex(where: { $0.name == name }), row.columns[index].type == type else {
      throw Inapplicable()
    }
    return row.values[index]
  }
}

struct BoundRow {
  var columns: [ModelColumn]
  var values: [Value?]
}

/// A statement that cannot be meant for this state of the tables: it names a column that is not there. Shrinking makes such ones.
struct Inapplicable: Error {}

/// Why a statement has to fail, by the code that the engine says.
enum DueError: String, Error, Hashable {
  case outOfRange = "NUMERIC_VALUE_OUT_OF_RANGE"
  case badCast = "INVALID_CAST_ARGUMENT"
  case nullValue = "CONSTRAINT_VIOLATION"
  case multipleMatches = "MERGE_TARGET_ROW_MULTIPLE_MATCHES"
}
