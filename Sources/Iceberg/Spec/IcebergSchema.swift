package import Columnar

/// One version of a table's columns.
package struct IcebergSchema: Hashable, Sendable {
  package var id: Int32
  package var fields: [IcebergField]
  /// Columns whose values together identify a row, if the table says so.
  package var identifierFieldIDs: [Int32]

  package init(id: Int32 = 0, fields: [IcebergField], identifierFieldIDs: [Int32] = []) {
    self.id = id
    self.fields = fields
    self.identifierFieldIDs = identifierFieldIDs
  }

  /// Highest id for columns of tables; above it lie the reserved ones.
  package static let maximumFieldID: Int32 = 2_147_483_447

  /// The field of that id, at any depth.
  package func field(id: Int32) -> IcebergField? { path(toID: id)?.last }

  /// The fields from the top-level column down to the one of that id.
  package func path(toID id: Int32) -> [IcebergField]? {
    for field in fields { if let path = Self.path(toID: id, from: field) { return path } }
    return nil
  }

  private static func path(toID id: Int32, from field: IcebergField) -> [IcebergField]? {
    if field.id == id { return [field] }
    for child in field.type.children { if let path = path(toID: id, from: child) { return [field] + path } }
    return nil
  }

  /// The full name of a field, `a.b.element`; nil when there is none of that id.
  package func fullName(id: Int32) -> String? { path(toID: id)?.map(\.name).joined(separator: ".") }

  /// A top-level column by name: the exact one, else one that differs in ASCII case only.
  package func column(named name: String) -> IcebergField? {
    if let field = fields.first(where: { $0.name == name }) { return field }
    let folded = name.lowercased()
    return fields.first { $0.name.lowercased() == folded }
  }

  /// A field by its full name, dots going into structs (`a.b`); names that contain dots themselves are found too.
  package func field(named name: String) -> IcebergField? {
    if let column = column(named: name) { return column }
    return Self.field(named: name[...], in: fields)
  }

  private static func field(named name: Substring, in fields: [IcebergField]) -> IcebergField? {
    let folded = name.lowercased()
    for field in fields {
      let own = field.name.lowercased()
      if own == folded { return field }
      if folded.hasPrefix(own + "."), let found = self.field(named: name.dropFirst(field.name.count + 1), in: field.type.children) {
        return found
      }
    }
    return nil
  }

  /// Every field at any depth, parents before their children.
  package var allFields: [IcebergField] {
    var result: [IcebergField] = []
    func collect(_ fields: [IcebergField]) {
      for field in fields {
        result.append(field)
        collect(field.type.children)
      }
    }
    collect(fields)
    return result
  }

  package var highestFieldID: Int32 { allFields.map(\.id).max() ?? 0 }

  /// Same columns, whatever the schema's own id.
  package func hasSameFields(as other: IcebergSchema) -> Bool {
    fields == other.fields && Set(identifierFieldIDs) == Set(other.identifierFieldIDs)
  }

  /// The columns as the engine sees them, with field ids. Those of types that cannot be read are here as unknown; a scan of them fails.
  package func columnarSchema() throws(IcebergError) -> Schema {
    var columns: [Field] = []
    for field in fields {
      columns.append(
        Field(
          field.name, field.type.unreadable == nil ? try field.type.sqlType() : .unknown, isNullable: !field.isRequired, comment: field.documentation, id: field.fieldID))
    }
    return Schema(columns)
  }

  /// The schema of a new table for columns of the engine; ids are given from 1, top level first.
  package init(columns: Schema, id: Int32 = 0) throws(IcebergError) {
    var nextID = Int32(clamping: columns.count + 1)
    var fields: [IcebergField] = []
    var names: Set<String> = []
    for (index, column) in columns.fields.enumerated() {
      guard names.insert(column.name.lowercased()).inserted else { throw .invalid("column '\(column.name)' is named twice") }
      fields.append(
        IcebergField(
          id: Int32(clamping: index + 1), name: column.name, type: try IcebergType(column.type, nextID: &nextID),
          isRequired: !column.isNullable, documentation: column.comment))
    }
    self.init(id: id, fields: fields)
  }
}

extension IcebergField {
  /// The ids of this field and all inside it, in the engine's form.
  package var fieldID: FieldID {
    let children = type.children
    return FieldID(id, children: children.map(\.fieldID), childIsNullable: children.map { !$0.isRequired })
  }
}

/// Field ids the specification reserves for columns that are not in the schema.
package enum ReservedFieldID {
  package static let file: Int32 = 2_147_483_646
  package static let position: Int32 = 2_147_483_645
  package static let deleteFilePath: Int32 = 2_147_483_546
  package static let deletePosition: Int32 = 2_147_483_545
  package static let rowID: Int32 = 2_147_483_540
  package static let lastUpdatedSequenceNumber: Int32 = 2_147_483_539
}
