package import Iceberg

/// The columns of an Iceberg table as Glue keeps them: Hive's type names, and each column's field id.
///
/// Athena's clients look at `iceberg.field.current` to tell columns from dropped ones.
package enum IcebergColumns {
  package static func catalogColumns(_ metadata: TableMetadata) -> [CatalogColumn] {
    metadata.schema.fields.map { field in
      CatalogColumn(
        name: field.name.lowercased(), type: typeName(field.type), comment: field.documentation,
        parameters: [
          "iceberg.field.id": "\(field.id)", "iceberg.field.optional": field.isRequired ? "false" : "true",
          "iceberg.field.current": "true",
        ])
    }
  }

  /// As Java's Glue catalog spells types: `struct<a:int,b:string>`.
  package static func typeName(_ type: IcebergType) -> String {
    switch type {
    case .boolean: "boolean"
    case .int: "int"
    case .long: "bigint"
    case .float: "float"
    case .double: "double"
    case .date: "date"
    case .time, .string, .uuid: "string"
    case .timestamp, .timestampTZ, .timestampNanos, .timestampTZNanos: "timestamp"
    case .binary, .fixed: "binary"
    case .decimal(let precision, let scale): "decimal(\(precision),\(scale))"
    case .unknown, .variant, .geometry, .geography: type.description
    case .structure(let fields): "struct<" + fields.map { "\($0.name):\(typeName($0.type))" }.joined(separator: ",") + ">"
    case .list(let element): "array<\(typeName(element.type))>"
    case .map(let key, let value): "map<\(typeName(key.type)),\(typeName(value.type))>"
    }
  }
}
