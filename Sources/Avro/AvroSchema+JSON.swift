package import JSONText

// Avro 1.12 specification, "Schema Declaration" and "Names".

extension AvroSchema {
  /// Parses the JSON form of a schema.
  package init(json: JSONValue) throws(AvroError) {
    var parser = SchemaParser()
    let root = try parser.type(json, namespace: nil)
    var records: [AvroRecord] = []
    for record in parser.records {
      // Every slot is filled once the parser is through with the record's fields.
      guard let record else { throw AvroError(.schema, "a record of the schema is not complete") }
      records.append(record)
    }
    self.init(root: root, records: records)
  }

  package init(text: String) throws(AvroError) { try self.init(json: Self.document(Array(text.utf8)).root) }

  static func document(_ bytes: [UInt8]) throws(AvroError) -> JSONDocument {
    do { return try JSONDocument(bytes) } catch {
      throw AvroError(.schema, "the schema is not JSON: \(error.message)", at: error.offset)
    }
  }

  /// The JSON form, named types written out where they first occur.
  package var text: String {
    var writer = JSONWriter()
    var written: Set<String> = []
    write(root, &writer, &written)
    return writer.text
  }

  private func write(_ type: AvroType, _ writer: inout JSONWriter, _ written: inout Set<String>) {
    let hasAttributes = type.logicalType != nil || type.precision != nil || type.adjustsToUTC != nil || type.elementID != nil
    switch type.kind {
    case .null, .boolean, .int, .long, .float, .double, .bytes, .string:
      if hasAttributes {
        writer.object { writer in
          writer.member("type", type.kind.word)
          attributes(type, &writer)
        }
      } else {
        writer.string(type.kind.word)
      }
    case .record(let index):
      let record = records[index]
      guard written.insert(record.name).inserted else { return writer.string(record.name) }
      writer.object { writer in
        writer.member("type", "record")
        writer.member("name", record.name)
        writer.member("fields") { writer in
          writer.array { writer in for field in record.fields { write(field, &writer, &written) } }
        }
        attributes(type, &writer)
      }
    case .enumeration(let name, let symbols):
      guard written.insert(name).inserted else { return writer.string(name) }
      writer.object { writer in
        writer.member("type", "enum")
        writer.member("name", name)
        writer.member("symbols") { writer in writer.array { writer in for symbol in symbols { writer.string(symbol) } } }
      }
    case .fixed(let name, let size):
      guard written.insert(name).inserted else { return writer.string(name) }
      writer.object { writer in
        writer.member("type", "fixed")
        writer.member("name", name)
        writer.member("size", size)
        attributes(type, &writer)
      }
    case .array(let items):
      writer.object { writer in
        writer.member("type", "array")
        writer.member("items") { write(items, &$0, &written) }
        attributes(type, &writer)
      }
    case .map(let values):
      writer.object { writer in
        writer.member("type", "map")
        writer.member("values") { write(values, &$0, &written) }
        attributes(type, &writer)
      }
    case .union(let branches):
      writer.array { writer in for branch in branches { write(branch, &writer, &written) } }
    }
  }

  private func write(_ field: AvroField, _ writer: inout JSONWriter, _ written: inout Set<String>) {
    writer.object { writer in
      writer.member("name", field.name)
      writer.member("type") { write(field.type, &$0, &written) }
      if let documentation = field.documentation { writer.member("doc", documentation) }
      if let defaultText = field.defaultText { writer.member("default") { $0.raw(defaultText) } }
      if let id = field.id { writer.member("field-id", id) }
    }
  }

  private func attributes(_ type: AvroType, _ writer: inout JSONWriter) {
    if let logicalType = type.logicalType { writer.member("logicalType", logicalType) }
    if let precision = type.precision { writer.member("precision", precision) }
    if let scale = type.scale { writer.member("scale", scale) }
    if let adjustsToUTC = type.adjustsToUTC { writer.member("adjust-to-utc", adjustsToUTC) }
    if let id = type.elementID { writer.member("element-id", id) }
    if let id = type.keyID { writer.member("key-id", id) }
    if let id = type.valueID { writer.member("value-id", id) }
  }
}

extension AvroType.Kind {
  /// The name of a primitive type; for the others the word of their `type`.
  var word: String {
    switch self {
    case .null: "null"
    case .boolean: "boolean"
    case .int: "int"
    case .long: "long"
    case .float: "float"
    case .double: "double"
    case .bytes: "bytes"
    case .string: "string"
    case .record: "record"
    case .enumeration: "enum"
    case .fixed: "fixed"
    case .array: "array"
    case .map: "map"
    case .union: "union"
    }
  }

  static func primitive(_ word: String) -> AvroType.Kind? {
    switch word {
    case "null": .null
    case "boolean": .boolean
    case "int": .int
    case "long": .long
    case "float": .float
    case "double": .double
    case "bytes": .bytes
    case "string": .string
    default: nil
    }
  }
}

/// Recursive descent over the JSON; its depth is bounded by the JSON parser's limit.
private struct SchemaParser {
  /// nil while the record's fields are being parsed.
  var records: [AvroRecord?] = []
  var named: [String: AvroType] = [:]
  private var depth = 0

  /// Nesting of types; deeper schemas would make decoders recurse too deep.
  static let depthLimit = 100

  mutating func type(_ json: JSONValue, namespace: String?) throws(AvroError) -> AvroType {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw AvroError(.schema, "the schema is nested too deeply", at: json.offset) }
    switch json.kind {
    case .string:
      let name = json.string ?? ""
      if let primitive = AvroType.Kind.primitive(name) { return AvroType(primitive) }
      if let type = named[qualified(name, namespace)] ?? named[name] { return type }
      throw AvroError(.schema, "unknown type \"\(name)\" in the schema", at: json.offset)
    case .array:
      var branches: [AvroType] = []
      for branch in json.elements { branches.append(try type(branch, namespace: namespace)) }
      return AvroType(.union(branches))
    case .object: return try complex(json, namespace)
    case .null, .boolean, .number: throw AvroError(.schema, "a type was expected in the schema", at: json.offset)
    }
  }

  private mutating func complex(_ json: JSONValue, _ namespace: String?) throws(AvroError) -> AvroType {
    guard let word = json["type"] else { throw AvroError(.schema, "a type without \"type\" in the schema", at: json.offset) }
    guard let word = word.string else {
      // {"type": {...}} and {"type": [...]}: the inner one, with the attributes of both.
      var inner = try type(word, namespace: namespace)
      attributes(json, &inner)
      return inner
    }
    var result: AvroType
    switch word {
    case "record", "error": return try record(json, namespace)
    case "enum":
      let name = try name(json, namespace)
      var symbols: [String] = []
      if let list = json["symbols"] { for symbol in list.elements { symbols.append(symbol.string ?? "") } }
      result = AvroType(.enumeration(name: name, symbols: symbols))
      named[name] = result
      return result
    case "fixed":
      let name = try name(json, namespace)
      guard let size = json["size"]?.int64, size >= 0, size <= 1 << 20 else {
        throw AvroError(.schema, "fixed \"\(name)\" has no sensible size", at: json.offset)
      }
      result = AvroType(.fixed(name: name, size: Int(size)))
      attributes(json, &result)
      named[name] = result
    case "array":
      guard let items = json["items"] else { throw AvroError(.schema, "an array without \"items\"", at: json.offset) }
      result = AvroType(.array(try type(items, namespace: namespace)))
      attributes(json, &result)
    case "map":
      guard let values = json["values"] else { throw AvroError(.schema, "a map without \"values\"", at: json.offset) }
      result = AvroType(.map(try type(values, namespace: namespace)))
      attributes(json, &result)
    default:
      if let primitive = AvroType.Kind.primitive(word) {
        result = AvroType(primitive)
      } else if let known = named[qualified(word, namespace)] ?? named[word] {
        result = known
      } else {
        throw AvroError(.schema, "unknown type \"\(word)\" in the schema", at: json.offset)
      }
      attributes(json, &result)
    }
    if result.logicalType == "decimal", let precision = result.precision, (result.scale ?? 0) > precision {
      throw AvroError(.schema, "decimal scale \(result.scale ?? 0) is greater than its precision \(precision)", at: json.offset)
    }
    return result
  }

  private mutating func record(_ json: JSONValue, _ namespace: String?) throws(AvroError) -> AvroType {
    let name = try name(json, namespace)
    let inner = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? namespace
    let index = records.count
    records.append(nil)
    var result = AvroType(.record(index))
    attributes(json, &result)
    // Known before its fields are: they may refer to it.
    named[name] = AvroType(.record(index))
    guard let list = json["fields"], list.kind == .array else {
      throw AvroError(.schema, "record \"\(name)\" has no fields", at: json.offset)
    }
    var fields: [AvroField] = []
    for entry in list.elements {
      guard let fieldName = entry["name"]?.string, let fieldType = entry["type"] else {
        throw AvroError(.schema, "a field of record \"\(name)\" has no name or type", at: entry.offset)
      }
      var field = AvroField(fieldName, try type(fieldType, namespace: inner))
      field.id = entry["field-id"]?.int32
      field.documentation = entry["doc"]?.string
      if let value = entry["default"] { field.defaultText = String(decoding: value.sourceBytes, as: UTF8.self) }
      fields.append(field)
    }
    records[index] = AvroRecord(name: name, fields: fields)
    return result
  }

  private func attributes(_ json: JSONValue, _ type: inout AvroType) {
    if let logicalType = json["logicalType"]?.string { type.logicalType = logicalType }
    if let precision = json["precision"]?.int32 { type.precision = Int(precision) }
    if let scale = json["scale"]?.int32 { type.scale = Int(scale) }
    if let adjusts = json["adjust-to-utc"]?.boolean { type.adjustsToUTC = adjusts }
    if let id = json["element-id"]?.int32 { type.elementID = id }
    if let id = json["key-id"]?.int32 { type.keyID = id }
    if let id = json["value-id"]?.int32 { type.valueID = id }
  }

  private func name(_ json: JSONValue, _ namespace: String?) throws(AvroError) -> String {
    guard let name = json["name"]?.string, !name.isEmpty else {
      throw AvroError(.schema, "a named type without a name in the schema", at: json.offset)
    }
    return qualified(name, json["namespace"]?.string ?? namespace)
  }

  private func qualified(_ name: String, _ namespace: String?) -> String {
    guard let namespace, !namespace.isEmpty, !name.contains(".") else { return name }
    return namespace + "." + name
  }
}
