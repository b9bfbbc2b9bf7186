/// The named, typed columns of a table, file or result.
package struct Schema: Hashable, Sendable {
  package var fields: [Field]

  package init(_ fields: [Field]) { self.fields = fields }

  package var count: Int { fields.count }
  package var types: [SQLType] { fields.map(\.type) }

  /// The position of a column by name, ignoring ASCII case (Athena folds all names).
  package func index(of name: String) -> Int? {
    let folded = name.lowercased()
    return fields.firstIndex { $0.name == name } ?? fields.firstIndex { $0.name.lowercased() == folded }
  }
}

/// One column of a `Schema`.
package struct Field: Hashable, Sendable {
  package var name: String
  package var type: SQLType
  /// False for a required Iceberg field or Parquet column.
  package var isNullable: Bool
  package var comment: String?
  /// The ids of the column and of everything nested in it, where the source has them (Iceberg, Parquet).
  package var id: FieldID?

  package init(
    _ name: String, _ type: SQLType, isNullable: Bool = true, comment: String? = nil, id: FieldID? = nil
  ) {
    self.name = name
    self.type = type
    self.isNullable = isNullable
    self.comment = comment
    self.id = id
  }
}

/// Iceberg field id of a column, with those of its children in the order of `SQLType.children`.
package struct FieldID: Hashable, Sendable {
  package var id: Int32
  package var children: [FieldID]
  /// False where the nested field, element or value is required; in the order of `children`.
  package var childIsNullable: [Bool]

  package init(_ id: Int32, children: [FieldID] = [], childIsNullable: [Bool]? = nil) {
    self.id = id
    self.children = children
    self.childIsNullable = childIsNullable ?? children.map { _ in true }
  }
}
