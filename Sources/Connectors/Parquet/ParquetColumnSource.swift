package import Columnar
import Functions
import Parquet

/// Where one column of a scan comes from, for one Parquet file.
package enum ParquetColumnSource: Sendable {
  /// A column of the file; `missing` stands in when the file has no such column.
  case file(FileColumn, missing: Scalar)
  /// A partition value or another constant of the file.
  case constant(Scalar)
  /// The row's number in the file.
  case rowPosition

  package struct FileColumn: Sendable {
    /// What the scan delivers: the file's column is promoted to it.
    package var type: SQLType
    package var match: Match
    /// Ids of nested fields, to find them whatever they were called when the file was written.
    package var id: FieldID?

    package init(type: SQLType, match: Match, id: FieldID? = nil) {
      self.type = type
      self.match = match
      self.id = id
    }
  }

  package enum Match: Sendable {
    case name(String)
    case fieldID(Int32)
    /// By id; in files without any ids by one of these names (Iceberg's name mapping).
    case fieldIDOrNames(Int32, [String])
    case position(Int)
  }
}

extension ParquetColumnSource.FileColumn {
  func find(in file: ParquetFile) -> ColumnNode? {
    switch match {
    case .name(let name): return file.column(named: name)
    case .fieldID(let id): return file.column(fieldID: id)
    case .fieldIDOrNames(let id, let names):
      if let column = file.column(fieldID: id) { return column }
      guard file.columns.allSatisfy({ $0.fieldID == nil }) else { return nil }
      return names.lazy.compactMap { name in file.columns.first { $0.name == name } }.first
    case .position(let position): return file.columns.indices.contains(position) ? file.columns[position] : nil
    }
  }
}

/// Brings a column as it stands in a file to the type that the table has now: promoted, with nested fields found by id.
enum SchemaProjection {
  /// - Parameters:
  ///   - node: the file's description of `column`.
  ///   - id: ids of the wanted nested fields; nil matches by name.
  static func project(_ column: Column, _ node: ColumnNode, to type: SQLType, id: FieldID?, context: QueryContext)
    throws(KernelError) -> Column
  {
    if column.type == type && !type.isNested { return column }
    switch (type, node.shape) {
    case (.array(let element), .list(let elementNode)):
      return try rebuild(column, type, context) { (children) throws(KernelError) in
        [try project(children[0], elementNode, to: element, id: id?.children.first, context: context)]
      }
    case (.map(let key, let value), .map(let keyNode, let valueNode)):
      return try rebuild(column, type, context) { (children) throws(KernelError) in
        [
          try project(children[0], keyNode, to: key, id: id?.children.first, context: context),
          try project(children[1], valueNode, to: value, id: id?.children.last, context: context),
        ]
      }
    case (.row(let fields), .row(let nodes)):
      return try rebuild(column, type, context) { (children) throws(KernelError) in
        var projected: [Column] = []
        for (index, field) in fields.enumerated() {
          let fieldID = id.flatMap { $0.children.indices.contains(index) ? $0.children[index] : nil }
          let position = nodes.firstIndex { node in
            if let fieldID, let nodeID = node.fieldID { return nodeID == fieldID.id }
            return field.name.map { $0.lowercased() == node.name.lowercased() } ?? false
          }
          if let position {
            projected.append(
              try project(children[position], nodes[position], to: field.type, id: fieldID, context: context))
          } else {
            projected.append(.nulls(field.type, count: children.first?.count ?? column.count))
          }
        }
        return projected
      }
    default:
      return try castColumn(column, to: type, isTry: false, context: context)
    }
  }

  private static func rebuild(
    _ column: Column, _ type: SQLType, _ context: QueryContext,
    _ children: ([Column]) throws(KernelError) -> [Column]
  ) throws(KernelError) -> Column {
    switch column.encoding {
    case .constant, .dictionary: return try rebuild(column.flattened(), type, context, children)
    case .flat(let vector):
      return Column(
        flat: FlatVector(
          values: vector.values, validity: vector.validity, heap: vector.heap, children: try children(vector.children)),
        type: type, count: column.count)
    }
  }
}
