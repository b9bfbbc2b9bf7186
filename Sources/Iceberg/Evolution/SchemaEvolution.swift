package import Columnar

/// Changes of a table's columns, one after the other, on a copy of its schema. Field ids are never given twice, so that data files stay as
/// they are and are read by id. SPEC "Schema Evolution".
///
/// Paths go through structs by field name, into lists by `element`, into maps by `key` and `value`; names compare without case.
package struct SchemaEvolution {
  package enum Position: Sendable {
    case first
    case after(String)
  }

  private let base: TableMetadata
  private var fields: [IcebergField]
  private var identifiers: [Int32]
  private var lastColumnID: Int32

  package init(_ base: TableMetadata) {
    self.base = base
    fields = base.schema.fields
    identifiers = base.schema.identifierFieldIDs
    lastColumnID = base.lastColumnID
  }

  /// The table with the columns as they are now; the same table when nothing changed.
  package func applied() throws(IcebergError) -> TableMetadata {
    var schema = IcebergSchema(id: base.currentSchemaID, fields: fields, identifierFieldIDs: identifiers)
    guard !schema.hasSameFields(as: base.schema) else { return base }
    if let known = base.schemas.first(where: { $0.hasSameFields(as: schema) }) {
      schema.id = known.id
    } else {
      schema.id = (base.schemas.map(\.id).max() ?? -1) &+ 1
    }
    if let field = schema.allFields.first(where: { $0.type.minimumFormatVersion > base.formatVersion }) {
      throw .unsupported("column '\(field.name)': type \(field.type) needs format version \(field.type.minimumFormatVersion)")
    }
    var next = base
    if base.schema(id: schema.id) == nil { next.schemas.append(schema) }
    next.currentSchemaID = schema.id
    next.lastColumnID = lastColumnID
    if let mapping = try base.nameMapping {
      next.properties[NameMapping.property] = mapping.updated(from: base.schema, to: schema).text
    }
    return next
  }

  /// Whether there is a field at a path.
  package func contains(_ path: [String]) -> Bool { Self.field(path[...], in: fields) != nil }

  /// Whether the field at a path has the same values, whatever the ids inside.
  package func hasType(_ path: [String], like type: IcebergType) -> Bool {
    guard let field = Self.field(path[...], in: fields) else { return false }
    do { return try field.type.sqlType() == type.sqlType() } catch { return false }
  }

  // MARK: Changes

  /// - Parameters:
  ///   - makeType: gets the first free id for nested fields and leaves the next free one.
  ///   - makeDefault: the value of rows that are there already, and of new ones that state none; nil is NULL. A required column needs one.
  package mutating func add(
    _ path: [String], documentation: String?, position: Position?, isRequired: Bool = false,
    makeType: (inout Int32) throws -> IcebergType, makeDefault: (IcebergType) throws -> ScalarValue? = { _ in nil }
  ) throws {
    guard let name = path.last else { return }
    try checkIsOutsideMapKeys(path)
    guard !contains(path) else { throw IcebergError(.alreadyExists, "Column '\(path.joined(separator: "."))' already exists") }
    let (id, overflow) = lastColumnID.addingReportingOverflow(1)
    guard !overflow, id < IcebergSchema.maximumFieldID else { throw IcebergError(.unsupported, "the table has used up its column ids") }
    var nextID = id &+ 1
    let type = try makeType(&nextID)
    let value = try makeDefault(type)
    if value != nil { try checkKnowsDefaults(path) }
    guard value != nil || !isRequired else {
      throw IcebergError(.unsupported, "Cannot add required column '\(path.joined(separator: "."))': older rows have no value for it")
    }
    let field = IcebergField(
      id: id, name: name, type: type, isRequired: isRequired, documentation: documentation, initialDefault: value, writeDefault: value)
    lastColumnID = nextID &- 1
    try siblings(path) { list throws(IcebergError) in
      list.append(field)
      if let position { try Self.move(name, position, in: &list) }
    }
  }

  package mutating func drop(_ path: [String]) throws(IcebergError) {
    let field = try require(path)
    try checkIsOutsideMapKeys(path)
    let gone = Self.ids(of: field)
    for spec in base.partitionSpecs where spec.id == base.defaultSpecID {
      if let partition = spec.fields.first(where: { gone.contains($0.sourceID) && $0.transform != .void }) {
        throw IcebergError(.invalid, "Cannot drop partition column: '\(path.joined(separator: "."))' is the source of partition field '\(partition.name)'")
      }
    }
    if base.sortOrder.fields.contains(where: { gone.contains($0.sourceID) }) {
      throw IcebergError(.invalid, "Cannot drop column '\(path.joined(separator: "."))': the table's sort order uses it")
    }
    if identifiers.contains(where: gone.contains) {
      throw IcebergError(.invalid, "Cannot drop column '\(path.joined(separator: "."))': it is an identifier field")
    }
    try siblings(path) { list throws(IcebergError) in list.removeAll { $0.id == field.id } }
    if fields.isEmpty { throw IcebergError(.invalid, "Cannot drop the only column of a table") }
  }

  package mutating func rename(_ path: [String], to name: String) throws(IcebergError) {
    let field = try require(path)
    if field.name == name { return }
    try checkIsStructField(path)
    if contains(path.dropLast() + [name]), field.name.lowercased() != name.lowercased() {
      throw IcebergError(.alreadyExists, "Column '\(name)' already exists")
    }
    try change(path) { $0.name = name }
  }

  /// - Throws: `invalid` when the type cannot become the other without touching data files.
  package mutating func setType(_ path: [String], to type: IcebergType) throws(IcebergError) {
    let field = try require(path)
    if field.type == type { return }
    try checkIsOutsideMapKeys(path)
    guard Self.isPromotion(from: field.type, to: type) else {
      throw IcebergError(
        .invalid, "Cannot change column type: \(path.joined(separator: ".")): \(field.type) -> \(type); int may become long, float double, and a decimal a wider one of the same scale")
    }
    try change(path) { field in
      field.initialDefault = field.initialDefault.map { Self.promoted($0, to: type) }
      field.writeDefault = field.writeDefault.map { Self.promoted($0, to: type) }
      field.type = type
    }
  }

  /// A default of the narrower type as the wider one has it.
  private static func promoted(_ value: ScalarValue, to type: IcebergType) -> ScalarValue {
    switch (value, type) {
    case (.real(let number), .double): .double(Double(number))
    case (.int(let number), .decimal(let precision, _)): SingleValue.decimal(Int128(number), precision: precision)
    default: value
    }
  }

  /// What new rows get that state no value for a column; rows that are there keep theirs. SPEC "Default values".
  ///
  /// - Parameter makeValue: nil is no default.
  package mutating func setDefault(_ path: [String], to makeValue: (IcebergType) throws -> ScalarValue?) throws {
    let field = try require(path)
    let value = try makeValue(field.type)
    if value != nil { try checkKnowsDefaults(path) }
    try change(path) { $0.writeDefault = value }
  }

  private func checkKnowsDefaults(_ path: [String]) throws(IcebergError) {
    guard base.formatVersion < 3 else { return }
    throw .unsupported("Cannot give column '\(path.joined(separator: "."))' a default: tables of format version \(base.formatVersion) have none, those of version 3 do")
  }

  package mutating func setDocumentation(_ path: [String], to text: String?) throws(IcebergError) {
    _ = try require(path)
    try change(path) { $0.documentation = text }
  }

  /// A required column may become optional, never the other way: older rows may lack it.
  package mutating func setRequired(_ path: [String], _ isRequired: Bool) throws(IcebergError) {
    let field = try require(path)
    try checkIsOutsideMapKeys(path)
    if isRequired, !field.isRequired {
      throw IcebergError(.invalid, "Cannot change nullable column '\(path.joined(separator: "."))' to non-nullable")
    }
    if !isRequired, !Self.ids(of: field).isDisjoint(with: identifiers) {
      throw IcebergError(.invalid, "Cannot make '\(path.joined(separator: "."))' nullable: it is an identifier field, or has one inside")
    }
    try change(path) { $0.isRequired = isRequired }
  }

  package mutating func move(_ path: [String], to position: Position) throws(IcebergError) {
    _ = try require(path)
    try checkIsOutsideMapKeys(path)
    guard let name = path.last else { return }
    try siblings(path) { list throws(IcebergError) in try Self.move(name, position, in: &list) }
  }

  package mutating func setIdentifiers(_ paths: [[String]]) throws(IcebergError) {
    var ids: [Int32] = []
    for path in paths {
      let field = try require(path)
      let outer = try (1..<path.count).map { (count) throws(IcebergError) in try require(Array(path.prefix(count))) }
      guard field.isRequired, !field.type.isNested, !field.type.isFloating,
        outer.allSatisfy({ parent in if case .structure = parent.type { parent.isRequired } else { false } })
      else {
        throw IcebergError(
          .invalid, "'\(path.joined(separator: "."))' cannot be an identifier field: such fields are required, as are the structs around them, and neither nested nor floating-point, nor in lists or maps")
      }
      ids.append(field.id)
    }
    identifiers = ids
  }

  package mutating func dropIdentifiers(_ paths: [[String]]) throws(IcebergError) {
    for path in paths {
      let field = try require(path)
      guard identifiers.contains(field.id) else {
        throw IcebergError(.invalid, "'\(path.joined(separator: "."))' is no identifier field")
      }
      identifiers.removeAll { $0 == field.id }
    }
  }

  /// SPEC "Schema Evolution", type promotion.
  package static func isPromotion(from old: IcebergType, to new: IcebergType) -> Bool {
    switch (old, new) {
    case (.int, .long), (.float, .double): true
    case (.decimal(let oldPrecision, let oldScale), .decimal(let precision, let scale)): scale == oldScale && precision >= oldPrecision
    default: false
    }
  }

  /// A field's own id and those of the fields inside.
  private static func ids(of field: IcebergField) -> Set<Int32> { Set(IcebergSchema(fields: [field]).allFields.map(\.id)) }

  // MARK: Paths

  /// Keys of maps must stay what they are: two of them could become equal. SPEC "Schema Evolution".
  private func checkIsOutsideMapKeys(_ path: [String]) throws(IcebergError) {
    for count in path.indices.dropFirst() where path[count].lowercased() == "key" {
      if case .map? = Self.field(path.prefix(count), in: fields)?.type {
        throw IcebergError(.invalid, "Cannot change '\(path.joined(separator: "."))': keys of maps stay as they are")
      }
    }
  }

  private func checkIsStructField(_ path: [String]) throws(IcebergError) {
    try checkIsOutsideMapKeys(path)
    guard path.count > 1, let parent = Self.field(path.dropLast(), in: fields) else { return }
    if case .structure = parent.type { return }
    throw IcebergError(.invalid, "Cannot rename '\(path.joined(separator: "."))': it is the part of a list or map, not a field of a struct")
  }

  private func require(_ path: [String]) throws(IcebergError) -> IcebergField {
    guard let field = Self.field(path[...], in: fields) else {
      throw IcebergError(.notFound, "Column '\(path.joined(separator: "."))' does not exist")
    }
    return field
  }

  private static func field(_ path: ArraySlice<String>, in fields: [IcebergField]) -> IcebergField? {
    guard let name = path.first?.lowercased(), let field = fields.first(where: { $0.name.lowercased() == name }) else { return nil }
    return path.count == 1 ? field : self.field(path.dropFirst(), in: field.type.children)
  }

  private mutating func change(_ path: [String], _ body: (inout IcebergField) -> Void) throws(IcebergError) {
    guard let name = path.last?.lowercased() else { return }
    fields = try Self.rebuilt(fields, path.dropLast()[...], isStruct: true) { list, _ throws(IcebergError) in
      for index in list.indices where list[index].name.lowercased() == name { body(&list[index]) }
    }
  }

  /// Works on the fields beside the one of a path; only a struct's, or the columns, can be more or fewer.
  private mutating func siblings(
    _ path: [String], _ body: (inout [IcebergField]) throws(IcebergError) -> Void
  ) throws(IcebergError) {
    fields = try Self.rebuilt(fields, path.dropLast()[...], isStruct: true) { list, isStruct throws(IcebergError) in
      guard isStruct else {
        throw IcebergError(.invalid, "'\(path.joined(separator: "."))' is no field of a struct: lists and maps cannot gain or lose parts")
      }
      try body(&list)
    }
  }

  private static func rebuilt(
    _ fields: [IcebergField], _ path: ArraySlice<String>, isStruct: Bool,
    _ body: (inout [IcebergField], Bool) throws(IcebergError) -> Void
  ) throws(IcebergError) -> [IcebergField] {
    var list = fields
    guard let name = path.first?.lowercased() else {
      try body(&list, isStruct)
      return list
    }
    guard let index = list.firstIndex(where: { $0.name.lowercased() == name }) else {
      throw IcebergError(.notFound, "Column '\(path.joined(separator: "."))' does not exist")
    }
    var isStruct = false
    if case .structure = list[index].type { isStruct = true }
    guard list[index].type.isNested else {
      throw IcebergError(.invalid, "'\(list[index].name)' is no struct, list or map")
    }
    let children = try rebuilt(list[index].type.children, path.dropFirst(), isStruct: isStruct, body)
    switch list[index].type {
    case .structure: list[index].type = .structure(children)
    case .list: list[index].type = .list(children[0])
    case .map: list[index].type = .map(key: children[0], value: children[1])
    default: break
    }
    return list
  }

  private static func move(_ name: String, _ position: Position, in list: inout [IcebergField]) throws(IcebergError) {
    guard let from = list.firstIndex(where: { $0.name.lowercased() == name.lowercased() }) else { return }
    let field = list.remove(at: from)
    switch position {
    case .first: list.insert(field, at: 0)
    case .after(let other):
      guard let index = list.firstIndex(where: { $0.name.lowercased() == other.lowercased() }) else {
        throw IcebergError(.notFound, "Column '\(other)' does not exist")
      }
      list.insert(field, at: index + 1)
    }
  }
}
