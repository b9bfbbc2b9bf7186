/// An Avro schema: a type, and the records it refers to.
///
/// Records live in a table and types name them by index, so that a record may contain itself without a cycle of references.
package struct AvroSchema: Sendable, Hashable {
  package var root: AvroType
  package var records: [AvroRecord]

  package init(root: AvroType, records: [AvroRecord] = []) {
    self.root = root
    self.records = records
  }

  /// The record that `type` is, looking through a union with null.
  package func record(_ type: AvroType) -> AvroRecord? {
    guard case .record(let index) = type.unwrapped.kind, records.indices.contains(index) else { return nil }
    return records[index]
  }
}

/// One type with the attributes written beside it.
package struct AvroType: Sendable, Hashable {
  package indirect enum Kind: Sendable, Hashable {
    case null, boolean, int, long, float, double, bytes, string
    /// Index into `AvroSchema.records`.
    case record(Int)
    case enumeration(name: String, symbols: [String])
    case fixed(name: String, size: Int)
    case array(AvroType)
    case map(AvroType)
    case union([AvroType])
  }

  package var kind: Kind
  /// `logicalType` as written: `date`, `timestamp-micros`, `decimal`, `uuid`, Iceberg's `map` on arrays.
  package var logicalType: String?
  package var precision: Int?
  package var scale: Int?
  /// Iceberg: whether a timestamp counts from UTC.
  package var adjustsToUTC: Bool?
  /// Iceberg ids of list elements and of the keys and values of Avro maps.
  package var elementID: Int32?
  package var keyID: Int32?
  package var valueID: Int32?

  package init(_ kind: Kind, logicalType: String? = nil) {
    self.kind = kind
    self.logicalType = logicalType
  }

  package static let null = AvroType(.null)
  package static let boolean = AvroType(.boolean)
  package static let int = AvroType(.int)
  package static let long = AvroType(.long)
  package static let float = AvroType(.float)
  package static let double = AvroType(.double)
  package static let bytes = AvroType(.bytes)
  package static let string = AvroType(.string)

  /// A union of null and this.
  package var optional: AvroType { AvroType(.union([.null, self])) }

  /// The other branch of a union of two with null; itself otherwise.
  package var unwrapped: AvroType {
    guard case .union(let branches) = kind, branches.count == 2 else { return self }
    if branches[0].kind == .null { return branches[1] }
    return branches[1].kind == .null ? branches[0] : self
  }

  package var isOptional: Bool {
    guard case .union(let branches) = kind else { return kind == .null }
    return branches.contains { $0.kind == .null }
  }
}

package struct AvroRecord: Sendable, Hashable {
  /// With namespace, where there is one.
  package var name: String
  package var fields: [AvroField]

  package init(name: String, fields: [AvroField]) {
    self.name = name
    self.fields = fields
  }
}

package struct AvroField: Sendable, Hashable {
  package var name: String
  package var type: AvroType
  /// Iceberg's `field-id`.
  package var id: Int32?
  package var documentation: String?
  /// The JSON text of the default; nil when there is none.
  package var defaultText: String?

  package init(
    _ name: String, _ type: AvroType, id: Int32? = nil, documentation: String? = nil, defaultText: String? = nil
  ) {
    self.name = name
    self.type = type
    self.id = id
    self.documentation = documentation
    self.defaultText = defaultText
  }
}
