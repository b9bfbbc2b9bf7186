import Catalogs
import Columnar
import Connectors
import Planner
import SQLSyntax

/// ALTER TABLE of Hive-style tables: columns and properties of the catalog entry; files stay as they are.
extension StatementRunner {
  func runAlterHiveTable(
    _ table: CatalogTable, _ alter: AlterTableStatement, range: SourceRange
  ) async throws -> StatementResult {
    var entry = table
    switch alter.action {
    case .addColumns(let additions, let ifNotExists):
      for addition in additions {
        guard addition.path.isSimple, addition.position == nil else {
          throw SQLError.notSupported("columns of a Hive-style table are added at its end", range: addition.range)
        }
        let name = addition.path.folded
        if (entry.storage.columns + entry.partitionKeys).contains(where: { $0.name == name }) {
          if ifNotExists { continue }
          throw SQLError(.columnAlreadyExists, "Column '\(name)' already exists", range: addition.path.range)
        }
        if addition.isNotNull || addition.defaultValue != nil {
          throw SQLError.notSupported(
            "\(addition.isNotNull ? "NOT NULL" : "DEFAULT") is not available for external tables", range: addition.range)
        }
        entry.storage.columns.append(
          try HiveDefinition.column(addition.path.last, addition.type, comment: addition.comment))
      }
    case .replaceColumns(let definitions):
      let columns = try HiveDefinition.columns(definitions)
      if let taken = columns.first(where: { column in entry.partitionKeys.contains { $0.name == column.name } }) {
        throw SQLError(.duplicateColumnName, "Column repeated in partitioning columns: \(taken.name)", range: alter.name.range)
      }
      entry.storage.columns = columns
    case .changeColumn(let change): try Self.change(change, &entry)
    case .setProperties(let properties):
      for property in properties { entry.parameters[property.key.value] = property.value.value }
    case .unsetProperties(let keys, let ifExists):
      for key in keys where entry.parameters.removeValue(forKey: key.value) == nil && !ifExists {
        throw SQLError(
          .invalidTableProperty, "Table \(entry.database).\(entry.name) does not have property: \(key.value)", range: key.range)
      }
    case .setSerDeProperties(let properties):
      for property in properties { entry.storage.serDeParameters[property.key.value] = property.value.value }
    case .rename:
      throw SQLError.notSupported("Table cannot be renamed", range: range, hint: "Only Iceberg tables can.")
    default:
      throw SQLError.notSupported(
        "\(Statement(.alterTable(alter)).kindName) is for Iceberg tables", range: range)
    }
    let changed = entry
    try await located(alter.name.range) {
      // What the table could no longer be read with is refused.
      _ = try ExternalFormat(changed.storage, tableProperties: changed.parameters)
      try await engine.catalog(of: changed).updateTable(changed)
    }
    return StatementResult()
  }

  /// `CHANGE [COLUMN] old new type`
  private static func change(_ change: ColumnChange, _ entry: inout CatalogTable) throws(SQLError) {
    let old = change.column.folded
    guard let index = entry.storage.columns.firstIndex(where: { $0.name == old }) else {
      throw SQLError(
        .columnNotFound, "Column '\(old)' does not exist", range: change.column.range,
        hint: Suggestion.hint(for: old, among: entry.storage.columns.map(\.name)))
    }
    var column = try HiveDefinition.column(change.newName, change.type, comment: change.comment)
    column.comment = column.comment ?? entry.storage.columns[index].comment
    entry.storage.columns.remove(at: index)
    guard !(entry.storage.columns + entry.partitionKeys).contains(where: { $0.name == column.name }) else {
      throw SQLError(.columnAlreadyExists, "Column '\(column.name)' already exists", range: change.newName.range)
    }
    switch change.position {
    case nil: entry.storage.columns.insert(column, at: index)
    case .first: entry.storage.columns.insert(column, at: 0)
    case .after(let name):
      guard let place = entry.storage.columns.firstIndex(where: { $0.name == name.folded }) else {
        throw SQLError(.columnNotFound, "Column '\(name.folded)' does not exist", range: name.range)
      }
      entry.storage.columns.insert(column, at: place + 1)
    }
  }
}
