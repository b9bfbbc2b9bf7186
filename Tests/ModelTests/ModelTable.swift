struct ModelColumn: Hashable, Sendable {
  var name: String
  var type: ModelType
  var isRequired = false
  /// Of rows that state no value, and of rows that were there before the column. Version 3 only.
  var defaultValue: Value?

  /// As it stands in CREATE TABLE and ADD COLUMNS.
  var definition: String {
    "\(name) \(type.definition)\(isRequired ? " NOT NULL" : "")\(defaultValue.map { " DEFAULT \($0.literal(type))" } ?? "")"
  }
}

/// A row of the model, and what is known of its lineage.
struct ModelRow: Sendable {
  var values: [Value?]
  /// `_row_id`, once it has been read.
  var rowID: Int64?
  /// `_last_updated_sequence_number` as last read.
  var sequenceNumber: Int64?
  /// Updated since then.
  var isUpdated = false
}

/// A table as a multiset of rows.
struct ModelTable: Sendable {
  let name: String
  var columns: [ModelColumn]
  var rows: [ModelRow] = []
  var partitioning: Partitioning
  /// Statements since the last OPTIMIZE that wrote rows.
  var writeCount = 0

  func index(of name: String) throws -> Int {
    guard let index = columns.firstIndex(where: { $0.name == name }) else { throw Inapplicable() }
    return index
  }

  func index(of name: String, _ type: ModelType) throws -> Int {
    let index = try index(of: name)
    guard columns[index].type == type else { throw Inapplicable() }
    return index
  }

  /// The rows as the results of `SELECT *` show them, sorted.
  var shown: [String] { rows.map { Self.shown($0.values) }.sorted() }

  static func shown(_ values: [Value?]) -> String { joined(values.map { $0?.shown }) }

  static func joined(_ texts: some Sequence<String?>) -> String { texts.map { $0 ?? "NULL" }.joined(separator: " | ") }
}

struct ModelDatabase: Sendable {
  var tables: [ModelTable]

  func table(_ name: String) throws -> ModelTable { tables[try index(of: name)] }

  func index(of name: String) throws -> Int {
    guard let index = tables.firstIndex(where: { $0.name == name }) else { throw Inapplicable() }
    return index
  }
}

/// Assignment to a column: the value is cast to its type (sql.md 4.1 and 4.2).
enum Assignment {
  static func value(_ value: Value?, to column: ModelColumn) throws -> Value? {
    guard let value else {
      if column.isRequired { throw DueError.nullValue }
      return nil
    }
    return try cast(value, to: column.type)
  }

  static func cast(_ value: Value, to type: ModelType) throws -> Value {
    switch (value, type) {
    case (.integer(let number), .integer):
      guard Int32(exactly: number) != nil else { throw DueError.outOfRange }
      return value
    case (.integer(let number), .double): return .double(Double(number))
    case (.integer(let number), .decimal):
      guard number.magnitude < 10_000_000 else { throw DueError.badCast }
      return .decimal(number * 100)
    case (.double(let number), .bigint), (.double(let number), .integer):
      // Half goes away from zero.
      let whole = number.rounded(.toNearestOrAwayFromZero)
      if whole.isNaN { throw DueError.badCast }
      if type == .integer {
        guard let value = Int32(exactly: whole) else { throw DueError.outOfRange }
        return .integer(Int64(value))
      }
      guard let value = Int64(exactly: whole) else { throw DueError.badCast }
      return .integer(value)
    case (.double(let number), .decimal):
      guard number.isFinite, number.magnitude < 9_999_999.99 else { throw DueError.badCast }
      return .decimal(Int64((number * 100).rounded(.toNearestOrAwayFromZero)))
    case (.decimal(let hundredths), .bigint), (.decimal(let hundredths), .integer):
      let half: Int64 = hundredths < 0 ? -50 : 50
      return try cast(.integer((hundredths + half) / 100), to: type)
    case (.decimal(let hundredths), .double): return .double(Double(hundredths) / 100)
    case (.decimal(let hundredths), .decimal):
      guard hundredths.magnitude < 1_000_000_000 else { throw DueError.badCast }
      return value
    case (.date(let days), .timestamp): return .timestamp(days * Value.microsecondsPerDay)
    case (.timestamp(let microseconds), .date): return .date(microseconds.flooredDivision(by: Value.microsecondsPerDay))
    case (.integer, .bigint), (.text, .text), (.double, .double), (.date, .date), (.timestamp, .timestamp),
      (.boolean, .boolean), (.row, .row):
      return value
    default: throw Inapplicable()
    }
  }
}
