import Columnar
import JSONText

extension TableMetadata {
  /// - Throws: `unsupported` for tables that this version must not write.
  package func checkIsWritable() throws(IcebergError) {
    if encryptionKeys?.elements.contains(where: { _ in true }) == true || properties["encryption.key-id"] != nil {
      throw .unsupported("encrypted tables cannot be written")
    }
    for field in partitionSpec.fields {
      if case .unknown(let text) = field.transform { throw .unsupported("tables partitioned by transform \(text) cannot be written") }
    }
    if let field = schema.allFields.first(where: { $0.type == .unknown }) {
      throw .unsupported("column '\(field.name)' has the type unknown; such tables cannot be written yet")
    }
    // A new column's default would have to be written into every row.
    for field in schema.allFields where field.writeDefault != nil && field.writeDefault != .null {
      throw .unsupported("column '\(field.name)' has a write default, which INSERT does not apply yet")
    }
  }
}
