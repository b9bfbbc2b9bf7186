package import Columnar

/// A field of an Avro record, or a part of a nested one, with the SQL type its values become.
///
/// | in the file | SQL type |
/// |---|---|
/// | int, long, float, double, boolean | integer, bigint, real, double, boolean |
/// | bytes, fixed | varbinary; decimal and uuid by their logical types |
/// | string, enum | varchar; uuid by its logical type |
/// | date; time-millis, -micros | date; time(3), time(6) |
/// | timestamp-…, local-timestamp-… | timestamp(3, 6, 9), with time zone where `adjust-to-utc` is true |
/// | array, map, record | array, map, row; an array with the logical type map is a map |
package struct AvroColumn: Sendable {
  package let name: String
  /// Iceberg's field id, element id, key or value id.
  package let fieldID: Int32?
  /// `.unknown` for a field of a type that cannot be read; `problem` says why.
  package let type: SQLType
  package let problem: AvroError?
  /// The element; key and value; the fields.
  package let children: [AvroColumn]
  let avro: AvroType

  /// The fields of a schema's root record.
  package static func columns(of schema: AvroSchema) throws(AvroError) -> [AvroColumn] {
    guard let record = schema.record(schema.root) else { throw AvroError(.unsupported, "the file does not hold records") }
    return record.fields.map { AvroColumn($0.name, $0.id, $0.type, schema, depth: 0) }
  }

  private init(_ name: String, _ fieldID: Int32?, _ avro: AvroType, _ schema: AvroSchema, depth: Int) {
    self.name = name
    self.fieldID = fieldID
    self.avro = avro
    var children: [AvroColumn] = []
    let plain = avro.unwrapped
    func refuse(_ what: String) -> (SQLType, AvroError?) {
      (.unknown, AvroError(.unsupported, "field '\(name)' \(what), which is not supported"))
    }
    guard depth < AvroProjection.depthLimit else {
      (type, problem) = refuse("is nested too deeply")
      self.children = []
      return
    }
    switch plain.kind {
    case .record(let index):
      children = schema.records[index].fields.map { AvroColumn($0.name, $0.id, $0.type, schema, depth: depth + 1) }
      (type, problem) =
        children.isEmpty
        ? refuse("is a record without fields") : (.row(children.map { RowField(name: $0.name, type: $0.type) }), nil)
    case .array(let items):
      if plain.logicalType == "map", let record = schema.record(items), record.fields.count == 2 {
        children = record.fields.map { AvroColumn($0.name, $0.id, $0.type, schema, depth: depth + 1) }
        (type, problem) = (.map(key: children[0].type, value: children[1].type), nil)
      } else {
        children = [AvroColumn("element", plain.elementID, items, schema, depth: depth + 1)]
        (type, problem) = (.array(children[0].type), nil)
      }
    case .map(let values):
      children = [
        AvroColumn("key", plain.keyID, .string, schema, depth: depth + 1),
        AvroColumn("value", plain.valueID, values, schema, depth: depth + 1),
      ]
      (type, problem) = (.map(key: children[0].type, value: children[1].type), nil)
    case .union: (type, problem) = refuse("is a union of several types")
    default:
      if let primitive = Self.primitive(plain) { (type, problem) = (primitive, nil) } else {
        (type, problem) = refuse("has the logical type \(plain.logicalType ?? "")")
      }
    }
    self.children = children
  }

  /// Why the column cannot be read, or some part of it.
  var refusal: AvroError? { problem ?? children.lazy.compactMap(\.refusal).first }

  private static func primitive(_ type: AvroType) -> SQLType? {
    let logical = type.logicalType ?? ""
    switch type.kind {
    case .null: return .unknown
    case .boolean: return .boolean
    case .int:
      switch logical {
      case "date": return .date
      case "time-millis": return .time(precision: 3)
      default: return .integer
      }
    case .long:
      switch logical {
      case "time-micros": return .time(precision: 6)
      case "timestamp-millis", "local-timestamp-millis": return timestamp(type, 3)
      case "timestamp-micros", "local-timestamp-micros": return timestamp(type, 6)
      case "timestamp-nanos", "local-timestamp-nanos": return timestamp(type, 9)
      default: return .bigint
      }
    case .float: return .real
    case .double: return .double
    case .string: return logical == "uuid" ? .uuid : .varchar
    case .enumeration: return .varchar
    case .bytes: return logical == "decimal" ? decimal(type) : .varbinary
    case .fixed(_, let size):
      if logical == "uuid", size == 16 { return .uuid }
      return logical == "decimal" ? decimal(type) : .varbinary
    case .record, .array, .map, .union: return nil
    }
  }

  /// Iceberg says by `adjust-to-utc` which of the two it is; without it there is no zone.
  private static func timestamp(_ type: AvroType, _ precision: Int) -> SQLType {
    type.adjustsToUTC == true ? .timestampTZ(precision: precision) : .timestamp(precision: precision)
  }

  private static func decimal(_ type: AvroType) -> SQLType? {
    guard let precision = type.precision, precision > 0, precision <= SQLType.maxDecimalPrecision else { return nil }
    return .decimal(precision: precision, scale: type.scale ?? 0)
  }
}
