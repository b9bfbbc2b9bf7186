import Columnar
import Iceberg

/// How the columns of a table are found in its data files. SPEC "Column Projection".
struct FileColumns {
  /// Names by field id; from the table's mapping, or its current names where it has none.
  private var names: [Int32: [String]] = [:]
  private let hasMapping: Bool

  init(_ mapping: NameMapping?) {
    hasMapping = mapping != nil
    func collect(_ entries: [NameMapping.Entry]) {
      for entry in entries {
        if let id = entry.fieldID { names[id, default: []] += entry.names }
        collect(entry.children)
      }
    }
    collect(mapping?.entries ?? [])
  }

  /// The column for a field, with everything nested in it.
  func column(_ field: IcebergField) throws(IcebergError) -> ParquetColumnSource.FileColumn {
    var children: [ParquetColumnSource.FileColumn] = []
    for child in field.type.children { children.append(try column(child)) }
    let type = try field.type.sqlType()
    // Files without ids and a table without a mapping: as if its own names were the mapping.
    let names = hasMapping ? self.names[field.id] ?? [] : [field.name]
    return ParquetColumnSource.FileColumn(
      type: type, match: .fieldIDOrNames(field.id, names), children: children, missing: field.initialDefault ?? .null)
  }
}
