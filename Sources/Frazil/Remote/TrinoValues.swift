import Catalogs
import Columnar
import JSONText
import SQLSyntax

/// Values as the statement protocol writes them: numbers and booleans as such, arrays and rows as arrays, maps as objects, binary in base64, and all
/// else as the text that a cast to varchar gives.
enum TrinoValues {
  static func column(_ values: [JSONValue], _ type: SQLType, _ context: QueryContext) throws(SQLError) -> Column {
    if type == .varbinary {
      return RemoteColumns.column(binary: try values.map { value throws(SQLError) in try bytes(value) })
    }
    guard type.isNested else { return try RemoteColumns.column(values.map(text), type, context) }
    let builder = ColumnBuilder(type: type, capacity: values.count)
    for value in values { builder.append(try scalar(value, type, context)) }
    return builder.finish()
  }

  private static func scalar(_ value: JSONValue, _ type: SQLType, _ context: QueryContext) throws(SQLError) -> ScalarValue {
    if value.isNull { return .null }
    switch type {
    case .array(let element):
      guard value.kind == .array else { throw mismatch(value, type) }
      var elements: [ScalarValue] = []
      for item in value.elements { elements.append(try scalar(item, element, context)) }
      return .list(elements)
    case .map(let key, let item):
      guard value.kind == .object else { throw mismatch(value, type) }
      var pairs: [ScalarPair] = []
      for member in value.members {
        pairs.append(ScalarPair(key: try scalar(member.name, key, context), value: try scalar(member.value, item, context)))
      }
      return .map(pairs)
    case .row(let fields):
      guard value.kind == .array, value.count == fields.count else { throw mismatch(value, type) }
      var items: [ScalarValue] = []
      for (item, field) in zip(value.elements, fields) { items.append(try scalar(item, field.type, context)) }
      return .row(items)
    default: return try column([value], type, context).scalarValue(at: 0)
    }
  }

  private static func text(_ value: JSONValue) -> String? {
    switch value.kind {
    case .null: nil
    case .string: value.string
    case .boolean: value.boolean == true ? "true" : "false"
    case .number, .array, .object: String(decoding: value.sourceBytes, as: UTF8.self)
    }
  }

  private static func bytes(_ value: JSONValue) throws(SQLError) -> [UInt8]? {
    if value.isNull { return nil }
    guard let text = value.string, let bytes = Base64.decode(text.utf8) else { throw mismatch(value, .varbinary) }
    return bytes
  }

  private static func mismatch(_ value: JSONValue, _ type: SQLType) -> SQLError {
    SQLError(.genericExternal, "a value that Trino sent as \(type) is a JSON \(value.kind)")
  }
}
