import Catalogs
import Iceberg
import Planner
import SQLSyntax

/// COMMENT ON: text that tables, columns, views and databases carry.
extension StatementRunner {
  func runComment(_ statement: CommentStatement) async throws -> StatementResult {
    let comment = statement.comment?.value
    switch statement.target {
    case .schema: return try await setSchemaComment(statement.name, to: comment)
    case .view: return try await setViewComment(statement.name, to: comment)
    case .table: return try await setTableComment(statement.name, to: comment)
    case .column: return try await setColumnComment(statement.name, to: comment)
    }
  }

  /// The comment of an Iceberg table is its property `comment`; catalogs with entries of their own have a copy.
  private func setTableComment(_ name: QualifiedName, to comment: String?) async throws -> StatementResult {
    let entry = try await writableEntry(name)
    return try await located(name.range) {
      if entry.isIceberg {
        let (_, location) = try await icebergEntry(name)
        try await commit(
          MetadataChange { base in
            var next = base
            next.properties["comment"] = comment
            return next
          }, to: entry, at: location, name.range)
        if engine.catalog(of: entry).keeping != nil { return StatementResult() }
      }
      return try await changeEntry(entry) { $0.description = comment }
    }
  }

  private func setColumnComment(_ name: QualifiedName, to comment: String?) async throws -> StatementResult {
    guard name.parts.count > 1 else {
      throw SQLError(.syntaxError, "COMMENT ON COLUMN needs the table before the column: t.\(name.spelling)", range: name.range)
    }
    let table = QualifiedName(Array(name.parts.dropLast()))
    let column = name.last
    let entry = try await writableEntry(table)
    if entry.isIceberg {
      let (_, location) = try await icebergEntry(table)
      let changes = ColumnChanges(isSpark: false, settings: binderSettings())
      try await commit(
        MetadataChange { base in
          var evolution = SchemaEvolution(base)
          try changes.comment(column, comment, in: &evolution)
          return try evolution.applied()
        }, to: entry, at: location, column.range)
      return StatementResult()
    }
    func set(_ columns: inout [CatalogColumn]) -> Bool {
      guard let index = columns.firstIndex(where: { $0.name == column.folded }) else { return false }
      columns[index].comment = comment
      return true
    }
    var changed = entry
    guard set(&changed.storage.columns) || set(&changed.partitionKeys) else {
      throw SQLError(
        .columnNotFound, "Column '\(column.folded)' does not exist", range: column.range,
        hint: Suggestion.hint(for: column.folded, among: entry.allColumns.map(\.name)))
    }
    let result = changed
    return try await located(table.range) { try await changeEntry(entry) { (entry: inout CatalogTable) in
      entry.storage.columns = result.storage.columns
      entry.partitionKeys = result.partitionKeys
    } }
  }

  private func setViewComment(_ name: QualifiedName, to comment: String?) async throws -> StatementResult {
    let entry = try await viewEntry(name)
    return try await located(name.range) {
      var view = try entry.viewOriginalText.flatMap { try ViewEncoding($0) }
      view?.comment = comment
      let text = view?.encoded
      return try await changeEntry(entry) { (entry: inout CatalogTable) in
        entry.description = comment
        if let text { entry.viewOriginalText = text }
      }
    }
  }

  /// Changes what a catalog says of a table or view, whatever others write to it meanwhile.
  func changeEntry(_ entry: CatalogTable, _ change: (inout CatalogTable) -> Void) async throws -> StatementResult {
    let catalog = engine.catalog(of: entry)
    var attempts = 0
    while true {
      var current = try await catalog.table(entry.name, in: entry.database)
      change(&current)
      do {
        try await catalog.updateTable(current)
        return StatementResult()
      } catch {
        attempts += 1
        guard error.kind == .versionConflict, attempts < Self.mostEntryChanges else { throw error }
      }
    }
  }

  private static let mostEntryChanges = 10
}
