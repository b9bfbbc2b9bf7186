import Iceberg
import Planner
import SQLSyntax

/// ALTER TABLE's column actions in Iceberg's terms.
struct ColumnChanges {
  /// TIMESTAMP is Spark's, an instant.
  let isSpark: Bool
  /// For the constants of DEFAULT.
  let settings: BinderSettings

  private var types: IcebergSchemaBuilder { IcebergSchemaBuilder(isSpark: isSpark) }

  func apply(_ action: AlterTableAction, to evolution: inout SchemaEvolution, _ base: TableMetadata) throws {
    switch action {
    case .addColumns(let additions, let ifNotExists):
      for addition in additions {
        if ifNotExists, evolution.contains(path(addition.path)) { continue }
        try at(addition.range) {
          let value = ColumnDefault(addition.defaultValue, settings)
          try evolution.add(
            path(addition.path), documentation: addition.comment?.value, position: addition.position.map(position),
            isRequired: addition.isNotNull, makeType: { try types.type(addition.type, &$0) }, makeDefault: { try value?.value($0) })
        }
      }
    case .dropColumns(let names, let ifExists):
      for name in names {
        if ifExists, !evolution.contains(path(name)) { continue }
        try at(name.range) { try evolution.drop(path(name)) }
      }
    case .renameColumn(let name, let newName):
      try at(name.range) { try evolution.rename(path(name), to: newName.folded) }
    case .changeColumn(let change): try at(change.column.range) { try self.change(change, &evolution) }
    case .alterColumn(let name, let alterations):
      try at(name.range) { for alteration in alterations { try alter(path(name), alteration, &evolution) } }
    case .replaceColumns(let columns): try replace(columns, &evolution, base)
    case .setIdentifierFields(let names): try evolution.setIdentifiers(names.map(path))
    case .dropIdentifierFields(let names): try evolution.dropIdentifiers(names.map(path))
    default: break
    }
  }

  /// COMMENT ON COLUMN.
  func comment(_ column: Identifier, _ comment: String?, in evolution: inout SchemaEvolution) throws {
    try at(column.range) { try evolution.setDocumentation([column.folded], to: comment) }
  }

  private func path(_ name: QualifiedName) -> [String] { name.parts.map(\.folded) }

  private func position(_ position: ColumnPosition) -> SchemaEvolution.Position {
    switch position {
    case .first: .first
    case .after(let column): .after(column.folded)
    }
  }

  /// Hive's CHANGE: name, type, comment and place at once.
  private func change(_ change: ColumnChange, _ evolution: inout SchemaEvolution) throws {
    var path = path(change.column)
    try setType(path, change.type, &evolution)
    if let comment = change.comment { try evolution.setDocumentation(path, to: comment.value) }
    // A column whose name has capitals keeps them where only something else of it changes.
    if path.last != change.newName.folded { try evolution.rename(path, to: change.newName.folded) }
    path[path.count - 1] = change.newName.folded
    if let place = change.position { try evolution.move(path, to: position(place)) }
  }

  private func alter(_ path: [String], _ alteration: ColumnAlteration, _ evolution: inout SchemaEvolution) throws {
    switch alteration {
    case .setType(let type): try setType(path, type, &evolution)
    case .setComment(let comment): try evolution.setDocumentation(path, to: comment.value)
    case .setPosition(let place): try evolution.move(path, to: position(place))
    case .setNotNull: try evolution.setRequired(path, true)
    case .dropNotNull: try evolution.setRequired(path, false)
    case .setDefault(let expression): try evolution.setDefault(path) { try ColumnDefault(expression, settings)?.value($0) }
    case .dropDefault: try evolution.setDefault(path) { _ in nil }
    }
  }

  private func setType(_ path: [String], _ type: TypeName, _ evolution: inout SchemaEvolution) throws {
    // Ids inside a nested type would be new: only primitive types can be changed to.
    var unused: Int32 = 0
    let new = try types.type(type, &unused)
    guard !new.isNested else {
      if evolution.hasType(path, like: new) { return }
      throw SQLError.notSupported(
        "changing a nested type as a whole", range: type.range, hint: "Change its fields one by one: ADD COLUMN point.z double.")
    }
    try evolution.setType(path, to: new)
  }

  /// The columns that a list names stay, with wider types where it says so; others go, new ones come, all in the list's order.
  private func replace(_ columns: [ColumnDefinition], _ evolution: inout SchemaEvolution, _ base: TableMetadata) throws {
    let wanted = Set(columns.map(\.name.folded))
    for column in columns where !evolution.contains([column.name.folded]) {
      try at(column.range) {
        let value = ColumnDefault(column.defaultValue, settings)
        try evolution.add(
          [column.name.folded], documentation: column.comment?.value, position: nil, isRequired: column.isNotNull,
          makeType: { try types.type(column.type, &$0) }, makeDefault: { try value?.value($0) })
      }
    }
    for field in base.schema.fields where !wanted.contains(field.name.lowercased()) { try evolution.drop([field.name]) }
    for column in columns.reversed() {
      try at(column.range) {
        try setType([column.name.folded], column.type, &evolution)
        if let comment = column.comment { try evolution.setDocumentation([column.name.folded], to: comment.value) }
        if let value = ColumnDefault(column.defaultValue, settings) { try evolution.setDefault([column.name.folded]) { try value.value($0) } }
        try evolution.move([column.name.folded], to: .first)
      }
    }
  }

  /// Iceberg's errors as SQL's, at their place in the statement.
  private func at(_ range: SourceRange, _ body: () throws -> Void) throws {
    do { try body() } catch let error as IcebergError {
      let code: ErrorCode =
        switch error.kind {
        case .notFound: .columnNotFound
        case .alreadyExists: .columnAlreadyExists
        case .unsupported: .notSupported
        default: .invalidArguments
        }
      throw SQLError(code, error.message, range: range)
    }
  }
}
