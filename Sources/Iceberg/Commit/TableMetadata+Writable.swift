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
    for field in schema.fields {
      if let type = field.type.unreadable {
        throw .unsupported("column '\(field.name)' has values of the type \(type), which cannot be written")
      }
    }
    let nested = schema.fields.flatMap(\.type.children)
    if nested.contains(where: { $0.contains(.unknown) }) {
      throw .unsupported("a column has the type unknown inside; such tables cannot be written yet")
    }
  }
}

extension IcebergField {
  /// Whether the field or one inside it has that type.
  fileprivate func contains(_ type: IcebergType) -> Bool { self.type == type || self.type.children.contains { $0.contains(type) } }
}
