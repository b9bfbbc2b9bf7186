package import JSONText

// SPEC Appendix C, "Schemas".

extension IcebergSchema {
  package init(json: JSONValue) throws(IcebergError) {
    let fields = try IcebergField.list(json, depth: 0)
    var ids: Set<Int32> = []
    func check(_ fields: [IcebergField]) throws(IcebergError) {
      for field in fields {
        guard ids.insert(field.id).inserted else {
          throw .corrupt("field id \(field.id) is given twice in a schema", field: field.name)
        }
        try check(field.type.children)
      }
    }
    try check(fields)
    var identifiers: [Int32] = []
    if let list = json.present("identifier-field-ids") {
      try readingJSON { () throws(JSONError) in for id in try list.requireElements() { identifiers.append(try id.requireInt32()) } }
    }
    self.init(
      id: try readingJSON { () throws(JSONError) in try json.optionalInt32("schema-id") ?? 0 }, fields: fields,
      identifierFieldIDs: identifiers)
  }

  package init(text: String) throws(IcebergError) {
    let document = try readingJSON { () throws(JSONError) in try JSONDocument(text) }
    try self.init(json: document.root)
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("type", "struct")
      writer.member("schema-id", id)
      if !identifierFieldIDs.isEmpty {
        writer.member("identifier-field-ids") { writer in
          writer.array { writer in for id in identifierFieldIDs { writer.integer(Int64(id)) } }
        }
      }
      writer.member("fields") { writer in writer.array { writer in for field in fields { field.write(to: &writer) } } }
    }
  }

  package var text: String {
    var writer = JSONWriter()
    write(to: &writer)
    return writer.text
  }
}

extension IcebergField {
  /// Deeper nesting than this is refused: everything that walks a schema recurses.
  private static let depthLimit = 100

  fileprivate static func list(_ structure: JSONValue, depth: Int) throws(IcebergError) -> [IcebergField] {
    guard depth < depthLimit else { throw .corrupt("a schema is nested deeper than \(depthLimit) levels") }
    let elements = try readingJSON { () throws(JSONError) in try structure.requireElements("fields") }
    var result: [IcebergField] = []
    for element in elements {
      let (id, name, isRequired, typeJSON) = try readingJSON { () throws(JSONError) in
        (
          try element.requireInt32("id"), try element.requireString("name"), try element.optionalBoolean("required") ?? false,
          try element.require("type")
        )
      }
      var field = IcebergField(id: id, name: name, type: try IcebergType(json: typeJSON, depth: depth), isRequired: isRequired)
      field.documentation = element.present("doc")?.string
      if let value = element.present("initial-default") { field.initialDefault = try SingleValue.decode(value, field.type) }
      if let value = element.present("write-default") { field.writeDefault = try SingleValue.decode(value, field.type) }
      result.append(field)
    }
    return result
  }

  fileprivate func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("id", id)
      writer.member("name", name)
      writer.member("required", isRequired)
      writer.member("type") { type.write(to: &$0) }
      if let documentation { writer.member("doc", documentation) }
      if let initialDefault { writer.member("initial-default") { SingleValue.write(initialDefault, type, to: &$0) } }
      if let writeDefault { writer.member("write-default") { SingleValue.write(writeDefault, type, to: &$0) } }
    }
  }
}

extension IcebergType {
  fileprivate init(json: JSONValue, depth: Int) throws(IcebergError) {
    if let text = json.string {
      guard let type = IcebergType.primitive(text) else {
        throw IcebergError(.unsupported, "unknown column type \"\(text)\"", offset: json.offset)
      }
      self = type
      return
    }
    let word = try readingJSON { () throws(JSONError) in try json.requireString("type") }
    switch word {
    case "struct": self = .structure(try IcebergField.list(json, depth: depth + 1))
    case "list":
      let (id, isRequired, element) = try readingJSON { () throws(JSONError) in
        (try json.requireInt32("element-id"), try json.optionalBoolean("element-required") ?? false, try json.require("element"))
      }
      self = .list(
        IcebergField(id: id, name: "element", type: try Self.nested(element, depth), isRequired: isRequired))
    case "map":
      let (keyID, key, valueID, isRequired, value) = try readingJSON { () throws(JSONError) in
        (
          try json.requireInt32("key-id"), try json.require("key"), try json.requireInt32("value-id"),
          try json.optionalBoolean("value-required") ?? false, try json.require("value")
        )
      }
      self = .map(
        key: IcebergField(id: keyID, name: "key", type: try Self.nested(key, depth), isRequired: true),
        value: IcebergField(id: valueID, name: "value", type: try Self.nested(value, depth), isRequired: isRequired))
    default: throw IcebergError(.unsupported, "unknown column type \"\(word)\"", offset: json.offset)
    }
  }

  private static func nested(_ json: JSONValue, _ depth: Int) throws(IcebergError) -> IcebergType {
    guard depth < 100 else { throw .corrupt("a schema is nested too deeply") }
    return try IcebergType(json: json, depth: depth + 1)
  }

  fileprivate func write(to writer: inout JSONWriter) {
    switch self {
    case .structure(let fields):
      writer.object { writer in
        writer.member("type", "struct")
        writer.member("fields") { writer in writer.array { writer in for field in fields { field.write(to: &writer) } } }
      }
    case .list(let element):
      writer.object { writer in
        writer.member("type", "list")
        writer.member("element-id", element.id)
        writer.member("element") { element.type.write(to: &$0) }
        writer.member("element-required", element.isRequired)
      }
    case .map(let key, let value):
      writer.object { writer in
        writer.member("type", "map")
        writer.member("key-id", key.id)
        writer.member("key") { key.type.write(to: &$0) }
        writer.member("value-id", value.id)
        writer.member("value") { value.type.write(to: &$0) }
        writer.member("value-required", value.isRequired)
      }
    default: writer.string(description)
    }
  }
}
