/// Changes of how new rows are spread over partitions; files keep the spec they were written under. SPEC "Partition Evolution".
package struct SpecEvolution {
  private let base: TableMetadata
  private var fields: [PartitionField]
  private var lastPartitionID: Int32

  package init(_ base: TableMetadata) {
    self.base = base
    fields = base.partitionSpec.fields
    lastPartitionID = base.lastPartitionID
  }

  package func applied() -> TableMetadata {
    var spec = PartitionSpec(id: base.defaultSpecID, fields: fields)
    guard spec != base.partitionSpec else { return base }
    var next = base
    if let known = base.partitionSpecs.first(where: { $0.isCompatible(with: spec) }) {
      spec.id = known.id
    } else {
      spec.id = (base.partitionSpecs.map(\.id).max() ?? -1) &+ 1
      next.partitionSpecs.append(spec)
    }
    next.defaultSpecID = spec.id
    next.lastPartitionID = lastPartitionID
    return next
  }

  /// - Parameter name: nil for the name that follows from column and transform, `id_bucket_16`.
  package mutating func add(_ column: String, _ transform: PartitionTransform, name: String?) throws(IcebergError) {
    let source = try self.source(column, transform)
    let fullName = base.schema.fullName(id: source.id) ?? column
    let name = name ?? Self.defaultName(fullName, transform)
    if let same = fields.first(where: { $0.sourceID == source.id && $0.transform == transform }) {
      throw IcebergError(.alreadyExists, "Cannot add duplicate partition field: '\(same.name)' is \(transform.text)(\(fullName)) already")
    }
    if let same = fields.firstIndex(where: { $0.name == name }) {
      guard fields[same].transform == .void else {
        throw IcebergError(.alreadyExists, "Cannot add duplicate partition field name: \(name)")
      }
      // What version 1 keeps of a dropped field gives its name away, as in the reference implementation.
      fields[same].name = "\(name)_\(fields[same].fieldID)"
    }
    if transform != .identity, base.schema.fields.contains(where: { $0.name == name }) {
      throw IcebergError(.alreadyExists, "Partition field '\(name)' has the name of a column")
    }
    // A field that an older spec had gets its id again, so that manifests of both agree. In version 1 the dropped field still has it.
    let known =
      base.formatVersion == 1
      ? nil : base.partitionSpecs.flatMap(\.fields).first { $0.sourceID == source.id && $0.transform == transform }
    if known == nil { lastPartitionID &+= 1 }
    fields.append(
      PartitionField(sourceID: source.id, fieldID: known?.fieldID ?? lastPartitionID, name: name, transform: transform))
  }

  /// Drops the field of that name, or the one with this column and transform.
  package mutating func drop(name: String?, column: String, _ transform: PartitionTransform?) throws(IcebergError) {
    let index: Int?
    if let name, let found = fields.firstIndex(where: { $0.name == name && $0.transform != .void }) {
      index = found
    } else {
      let source = base.schema.field(named: column)
      index = fields.firstIndex { $0.sourceID == source?.id && $0.transform == transform ?? .identity }
    }
    guard let index else {
      throw IcebergError(.notFound, "Cannot find partition field to remove: \(transform.map { "\($0.text)(\(column))" } ?? name ?? column)")
    }
    if base.formatVersion == 1 {
      // Version 1 finds values by their place, so the place stays.
      fields[index].transform = .void
    } else {
      fields.remove(at: index)
    }
  }

  private func source(_ column: String, _ transform: PartitionTransform) throws(IcebergError) -> IcebergField {
    guard let source = base.schema.field(named: column), let path = base.schema.path(toID: source.id) else {
      throw IcebergError(.notFound, "Column '\(column)' does not exist")
    }
    let isRepeated = path.contains { if case .list = $0.type { true } else if case .map = $0.type { true } else { false } }
    guard !isRepeated, transform.resultType(try source.type.sqlType()) != nil else {
      throw IcebergError(.invalid, "Cannot partition by \(transform.text) of column '\(column)' of type \(source.type)")
    }
    return source
  }

  private static func defaultName(_ column: String, _ transform: PartitionTransform) -> String {
    switch transform {
    case .bucket(let count): "\(column)_bucket_\(count)"
    case .truncate(let width): "\(column)_trunc_\(width)"
    default: PartitionField.defaultName(column: column, transform)
    }
  }
}
