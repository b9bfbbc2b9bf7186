/// What a statement comes to, by the model.
enum Outcome: Sendable {
  /// Rows changed; nil where the engine gives no count.
  case done(affectedRows: Int?)
  /// One of these has to be reported, and nothing changes.
  case fails(Set<DueError>)
}

extension ModelDatabase {
  /// Does a statement to the model.
  ///
  /// - Throws: `Inapplicable` when it names what is not there.
  mutating func apply(_ statement: ModelStatement) throws -> Outcome {
    let position = try index(of: statement.table)
    switch statement {
    case .insertValues(_, let columns, let rows):
      let scope = RowScope(database: self)
      return try insert(into: position, columns, rows.map { row in (row, scope) })
    case .insertQuery(_, let columns, let values, let query):
      return try insert(into: position, columns, query.rows(in: RowScope(database: self)).map { (values, $0) })
    case .delete(_, let condition):
      let kept = try tables[position].rows.filter { try !isSelected($0, of: tables[position], condition) }
      let count = tables[position].rows.count - kept.count
      tables[position].rows = kept
      return .done(affectedRows: count)
    case .update(_, let assignments, let condition): return try update(position, assignments, condition)
    case .merge(let merge): return try self.merge(merge, into: position)
    case .truncate:
      tables[position].rows = []
      return .done(affectedRows: nil)
    case .optimize, .vacuum:
      tables[position].writeCount = 0
      return .done(affectedRows: nil)
    case .setMode: return .done(affectedRows: nil)
    case .addColumn, .dropColumn, .renameColumn, .widenColumn:
      try tables[position].changeColumns(statement)
      return .done(affectedRows: nil)
    case .addPartitionField(_, let term):
      _ = try tables[position].index(of: term.column)
      guard !tables[position].partitioning.terms.contains(term) else { throw Inapplicable() }
      tables[position].partitioning.terms.append(term)
      tables[position].partitioning.sourceColumns.insert(term.column)
      tables[position].partitioning.isEvolved = true
      return .done(affectedRows: nil)
    case .dropPartitionField(_, let term):
      guard let index = tables[position].partitioning.terms.firstIndex(of: term) else { throw Inapplicable() }
      tables[position].partitioning.terms.remove(at: index)
      tables[position].partitioning.isEvolved = true
      return .done(affectedRows: nil)
    }
  }

  func isSelected(_ row: ModelRow, of table: ModelTable, _ condition: Condition?) throws -> Bool {
    guard let condition else { return true }
    let scope = RowScope(database: self, target: BoundRow(columns: table.columns, values: row.values))
    return try condition.truth(in: scope) == true
  }

  private mutating func insert(
    into position: Int, _ columns: [String]?, _ rows: [(values: [Operand], scope: RowScope)]
  ) throws -> Outcome {
    var errors: Set<DueError> = []
    var inserted: [ModelRow] = []
    for row in rows {
      try errors.collect { inserted.append(try tables[position].newRow(columns, row.values, row.scope)) }
    }
    if !errors.isEmpty { return .fails(errors) }
    tables[position].rows += inserted
    if !inserted.isEmpty { tables[position].writeCount += 1 }
    return .done(affectedRows: inserted.count)
  }

  private mutating func update(
    _ position: Int, _ assignments: [ColumnAssignment], _ condition: Condition?
  ) throws -> Outcome {
    let table = tables[position]
    var errors: Set<DueError> = []
    var updated = table.rows
    var count = 0
    for (index, row) in table.rows.enumerated() where try isSelected(row, of: table, condition) {
      count += 1
      let scope = RowScope(database: self, target: BoundRow(columns: table.columns, values: row.values))
      try errors.collect { updated[index] = try table.updatedRow(row, assignments, scope) }
    }
    if !errors.isEmpty { return .fails(errors) }
    tables[position].rows = updated
    if count > 0 { tables[position].writeCount += 1 }
    return .done(affectedRows: count)
  }
}

extension ModelTable {
  /// A row from values for `columns`, in their order; the others have their default.
  func newRow(_ columns: [String]?, _ operands: [Operand], _ scope: RowScope) throws -> ModelRow {
    let indices = try columns.map { try $0.map { try index(of: $0) } } ?? Array(self.columns.indices)
    guard indices.count == operands.count else { throw Inapplicable() }
    var values = self.columns.map(\.defaultValue)
    var errors: Set<DueError> = []
    for (index, operand) in zip(indices, operands) {
      try errors.collect { values[index] = try value(of: operand, for: self.columns[index], scope) }
    }
    for (index, column) in self.columns.enumerated() where column.isRequired && !indices.contains(index) {
      if column.defaultValue == nil { errors.insert(.nullValue) }
    }
    if !errors.isEmpty { throw DueErrors(all: errors) }
    return ModelRow(values: values)
  }

  private func value(of operand: Operand, for column: ModelColumn, _ scope: RowScope) throws -> Value? {
    guard column.type.isCompatible(with: operand.type) else { throw Inapplicable() }
    if case .defaultValue = operand { return try Assignment.value(column.defaultValue, to: column) }
    return try Assignment.value(try operand.value(in: scope), to: column)
  }

  /// The row after SET: every right-hand side sees the row as it was.
  func updatedRow(_ row: ModelRow, _ assignments: [ColumnAssignment], _ scope: RowScope) throws -> ModelRow {
    var updated = row
    updated.isUpdated = true
    var errors: Set<DueError> = []
    for assignment in assignments {
      let index = try index(of: assignment.column)
      try errors.collect { updated.values[index] = try value(of: assignment.value, for: columns[index], scope) }
    }
    if !errors.isEmpty { throw DueErrors(all: errors) }
    return updated
  }

  fileprivate mutating func changeColumns(_ statement: ModelStatement) throws {
    switch statement {
    case .addColumn(_, let column):
      guard !columns.contains(where: { $0.name == column.name }) else { throw Inapplicable() }
      columns.append(column)
      for row in rows.indices { rows[row].values.append(column.defaultValue) }
    case .dropColumn(_, let name):
      let index = try index(of: name)
      guard !partitioning.sourceColumns.contains(name) else { throw Inapplicable() }
      columns.remove(at: index)
      for row in rows.indices { rows[row].values.remove(at: index) }
    case .renameColumn(_, let name, let newName):
      guard !columns.contains(where: { $0.name == newName }) else { throw Inapplicable() }
      columns[try index(of: name)].name = newName
      for term in partitioning.terms.indices where partitioning.terms[term].column == name {
        partitioning.terms[term].column = newName
      }
      if partitioning.sourceColumns.remove(name) != nil { partitioning.sourceColumns.insert(newName) }
    case .widenColumn(_, let name): columns[try index(of: name, .integer)].type = .bigint
    default: throw Inapplicable()
    }
  }
}

/// All that is wrong with one row; which of it the engine meets first is its own business.
struct DueErrors: Error {
  var all: Set<DueError>
}

extension Set<DueError> {
  /// Notes the errors that `body` throws.
  mutating func collect(_ body: () throws -> Void) throws {
    do { try body() } catch let error as DueError { insert(error) } catch let error as DueErrors { formUnion(error.all) }
  }
}
