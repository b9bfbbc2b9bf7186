import JSONText

/// Which columns of data files without field ids are which fields (property `schema.name-mapping.default`).
package struct NameMapping: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    /// nil hides the file's column.
    package var fieldID: Int32?
    /// Literal names: a dot is part of the name.
    package var names: [String]
    package var children: [Entry]

    package init(fieldID: Int32?, names: [String], children: [Entry] = []) {
      self.fieldID = fieldID
      self.names = names
      self.children = children
    }
  }

  package static let property = "schema.name-mapping.default"
  package var entries: [Entry]

  package init(entries: [Entry]) { self.entries = entries }

  package init(text: String) throws(IcebergError) {
    do {
      self.init(entries: try Self.entries(try JSONDocument(text, depthLimit: 200).root))
    } catch { throw IcebergError(error, field: "properties." + Self.property) }
  }

  /// Names as they are in the schema: what files without ids and without a mapping are read by.
  package init(schema: IcebergSchema) { self.init(entries: schema.fields.map(Self.entry)) }

  private static func entry(_ field: IcebergField) -> Entry {
    Entry(fieldID: field.id, names: [field.name], children: field.type.children.map(entry))
  }

  private static func entries(_ json: JSONValue) throws(JSONError) -> [Entry] {
    var entries: [Entry] = []
    for element in try json.requireElements() {
      var entry = Entry(fieldID: try element.optionalInt32("field-id"), names: [])
      if let names = element.present("names") { for name in try names.requireElements() { entry.names.append(try name.requireString()) } }
      if let fields = element.present("fields") { entry.children = try Self.entries(fields) }
      entries.append(entry)
    }
    return entries
  }

  /// The mapping after columns were added and renamed: a field keeps the names that old files know it by, and takes its new name away
  /// from whatever had it. iceberg.md section 3, "Name mapping property".
  package func updated(from base: IcebergSchema, to schema: IcebergSchema) -> NameMapping {
    let names = Dictionary(base.allFields.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
    return NameMapping(entries: Self.updated(entries, schema.fields, oldNames: names))
  }

  private static func updated(_ entries: [Entry], _ fields: [IcebergField], oldNames: [Int32: String]) -> [Entry] {
    var entries = entries
    func take(_ name: String) { for index in entries.indices { entries[index].names.removeAll { $0 == name } } }
    for field in fields {
      if let index = entries.firstIndex(where: { $0.fieldID == field.id }) {
        entries[index].children = updated(entries[index].children, field.type.children, oldNames: oldNames)
        if oldNames[field.id] != field.name, !entries[index].names.contains(field.name) {
          take(field.name)
          entries[index].names.append(field.name)
        }
      } else if oldNames[field.id] == nil {
        take(field.name)
        entries.append(entry(field))
      }
    }
    return entries
  }

  /// As the property holds it.
  package var text: String {
    var writer = JSONWriter()
    Self.write(entries, to: &writer)
    return writer.text
  }

  private static func write(_ entries: [Entry], to writer: inout JSONWriter) {
    writer.array { writer in
      for entry in entries {
        writer.object { writer in
          if let fieldID = entry.fieldID { writer.member("field-id", fieldID) }
          writer.member("names") { writer in writer.array { writer in for name in entry.names { writer.string(name) } } }
          if !entry.children.isEmpty { writer.member("fields") { write(entry.children, to: &$0) } }
        }
      }
    }
  }

  /// The id of a file's column by its path of names, list elements being `element` and map sides `key` and `value`.
  package func fieldID(path: [String]) -> Int32? {
    var level = entries
    var found: Entry?
    for name in path {
      guard let entry = level.first(where: { $0.names.contains(name) }) else { return nil }
      found = entry
      level = entry.children
    }
    return found?.fieldID
  }

  package func entry(named name: String) -> Entry? { entries.first { $0.names.contains(name) } }
}
