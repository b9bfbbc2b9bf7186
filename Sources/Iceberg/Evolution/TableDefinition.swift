/// What CREATE OR REPLACE TABLE makes of a table that is there: other columns, partitioning and properties under the same id and location.
///
/// Older snapshots stay, and so do other branches and tags; `main` points at nothing until rows are added. Columns keep their ids by name,
/// so that older rows can be read by the new columns after a rollback. Java's `TableMetadata.buildReplacement`.
package struct TableDefinition: Sendable {
  /// The ids of columns and partition fields are those of a new table.
  private let schema: IcebergSchema
  private let spec: PartitionSpec
  /// Go over those that are there.
  private let properties: [String: String]
  private let formatVersion: Int

  /// - Parameter formatVersion: at least that of the table.
  package init(schema: IcebergSchema, spec: PartitionSpec, properties: [String: String], formatVersion: Int) {
    self.schema = schema
    self.spec = spec
    self.properties = properties
    self.formatVersion = formatVersion
  }

  /// - Throws: `invalid` when the table has a higher format version, `unsupported` for tables that cannot be written.
  package func replacing(_ base: TableMetadata) throws(IcebergError) -> TableMetadata {
    var next = try base.upgraded(to: formatVersion)
    var ids = FieldIDAssignment(base)
    var columns = IcebergSchema(fields: try ids.assign(schema.fields, base.schema.fields))
    columns.id = base.schemas.first { $0.hasSameFields(as: columns) }?.id ?? (base.schemas.map(\.id).max() ?? -1) &+ 1
    if next.schema(id: columns.id) == nil { next.schemas.append(columns) }
    next.currentSchemaID = columns.id
    next.lastColumnID = ids.lastColumnID
    setSpec(of: &next, base, ids.assigned)
    next.defaultSortOrderID = IcebergSortOrder.unsorted.id
    if !next.sortOrders.contains(where: { $0.id == next.defaultSortOrderID }) { next.sortOrders.append(.unsorted) }
    next.properties.merge(properties) { $1 }
    if let mapping = try base.nameMapping { next.properties[NameMapping.property] = mapping.updated(from: base.schema, to: columns).text }
    next.references[SnapshotReference.mainBranch] = nil
    next.currentSnapshotID = nil
    try next.checkIsWritable()
    return next
  }

  private func setSpec(of next: inout TableMetadata, _ base: TableMetadata, _ ids: [Int32: Int32]) {
    var wanted = spec.fields
    for index in wanted.indices { wanted[index].sourceID = ids[wanted[index].sourceID] ?? wanted[index].sourceID }
    func isSame(_ a: PartitionField, _ b: PartitionField) -> Bool { a.sourceID == b.sourceID && a.transform == b.transform }
    var fields: [PartitionField] = []
    if base.formatVersion == 1 {
      // Version 1 finds partition values by their place: every field stays where it is, as void where it is not wanted any more.
      for old in base.partitionSpec.fields {
        var field = old
        if let index = wanted.firstIndex(where: { isSame($0, old) }) {
          field.name = wanted.remove(at: index).name
        } else {
          field.transform = .void
          if spec.fields.contains(where: { $0.name == old.name }) { field.name = "\(old.name)_\(old.fieldID)" }
        }
        fields.append(field)
      }
    }
    let known = base.formatVersion == 1 ? [] : base.partitionSpecs.flatMap(\.fields)
    for var field in wanted {
      if let id = known.filter({ isSame($0, field) }).map(\.fieldID).max() {
        field.fieldID = id
      } else {
        next.lastPartitionID &+= 1
        field.fieldID = next.lastPartitionID
      }
      fields.append(field)
    }
    var new = PartitionSpec(fields: fields)
    if let same = base.partitionSpecs.first(where: { $0.isCompatible(with: new) }) {
      next.defaultSpecID = same.id
    } else {
      new.id = (base.partitionSpecs.map(\.id).max() ?? -1) &+ 1
      next.partitionSpecs.append(new)
      next.defaultSpecID = new.id
    }
  }
}

/// Gives columns the ids that those of the same name have in a table, and others new ones. Java's `TypeUtil.assignFreshIds`.
///
/// A column whose type is not that of its namesake, nor one that it could be promoted to, gets a new id, which is stricter than Java: else rows
/// of older snapshots and of other branches could not be read by the new columns.
private struct FieldIDAssignment {
  private(set) var lastColumnID: Int32
  /// New ids by those that the fields had.
  private(set) var assigned: [Int32: Int32] = [:]

  init(_ base: TableMetadata) { lastColumnID = base.lastColumnID }

  /// - Parameter old: fields at the same place of the table; the fields of one struct get their ids before those inside them.
  mutating func assign(_ fields: [IcebergField], _ old: [IcebergField]) throws(IcebergError) -> [IcebergField] {
    var namesakes: [IcebergField?] = []
    for field in fields {
      let namesake = Self.namesake(of: field, in: old)
      assigned[field.id] = if let namesake { namesake.id } else { try take() }
      namesakes.append(namesake)
    }
    var result: [IcebergField] = []
    for (field, namesake) in zip(fields, namesakes) {
      var next = field
      next.id = assigned[field.id] ?? field.id
      // The value of rows in files without the column never changes. SPEC "Default values".
      next.initialDefault = namesake?.initialDefault
      let children = namesake?.type.children ?? []
      switch field.type {
      case .structure(let inner): next.type = .structure(try assign(inner, children))
      case .list(let element):
        if let element = try assign([element], children).first { next.type = .list(element) }
      case .map(let key, let value):
        let inner = try assign([key, value], children)
        if let key = inner.first, let value = inner.last { next.type = .map(key: key, value: value) }
      default: break
      }
      result.append(next)
    }
    return result
  }

  private mutating func take() throws(IcebergError) -> Int32 {
    guard lastColumnID < IcebergSchema.maximumFieldID else { throw IcebergError(.unsupported, "the table has used up its column ids") }
    lastColumnID += 1
    return lastColumnID
  }

  private static func namesake(of field: IcebergField, in old: [IcebergField]) -> IcebergField? {
    let folded = field.name.lowercased()
    guard let found = old.first(where: { $0.name == field.name }) ?? old.first(where: { $0.name.lowercased() == folded }),
      reads(found.type, as: field.type), found.initialDefault == nil || found.type == field.type
    else { return nil }
    return found
  }

  /// Whether values of the old type can be read as the new one.
  private static func reads(_ old: IcebergType, as new: IcebergType) -> Bool {
    switch (old, new) {
    case (.structure, .structure): true
    case (.list(let oldElement), .list(let element)): reads(oldElement.type, as: element.type)
    case (.map(let oldKey, let oldValue), .map(let key, let value)):
      // Keys stay what they are, as in every change of columns.
      isSame(oldKey.type, key.type) && reads(oldValue.type, as: value.type)
    default: old == new || SchemaEvolution.isPromotion(from: old, to: new)
    }
  }

  /// Whether two types are the same but for the ids inside.
  private static func isSame(_ old: IcebergType, _ new: IcebergType) -> Bool {
    let (before, after) = (old.children, new.children)
    if before.isEmpty, after.isEmpty { return old == new }
    return before.count == after.count && zip(before, after).allSatisfy { $0.name == $1.name && isSame($0.type, $1.type) }
  }
}
