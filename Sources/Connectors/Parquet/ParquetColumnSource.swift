package import Columnar
import Parquet

/// Where one column of a scan comes from, for one data file (Parquet, or Avro below Iceberg tables).
package enum ParquetColumnSource: Sendable {
  /// A column of the file; `missing` stands in when the file has no such column.
  case file(FileColumn, missing: Scalar)
  /// A partition value or another constant of the file.
  case constant(Scalar)
  /// The row's number in the file.
  case rowPosition
  /// Row lineage: a stored value where there is one, else what the row inherits.
  case lineage(FileColumn, Inherited)

  package enum Inherited: Sendable {
    /// The row's number in the file above the id of its first row.
    case rowID(first: Int64)
    case constant(Int64)
  }

  package struct FileColumn: Sendable {
    /// What the scan delivers: the file's column is promoted to it.
    package var type: SQLType
    package var match: Match
    /// The wanted fields, element, or key and value of a nested type, in the order of `type.children`.
    package var children: [FileColumn]
    /// For fields of rows: what stands in when the file has no such field.
    package var missing: ScalarValue
    /// A file without the column, and without anything to stand in for it, is damaged.
    package var isRequired = false

    /// - Parameter id: ids of nested fields, to find them whatever they were called when the file was written.
    package init(type: SQLType, match: Match, id: FieldID? = nil) {
      self.init(
        type: type, match: match,
        children: type.children.enumerated().map { index, child in
          let childID = id.flatMap { $0.children.indices.contains(index) ? $0.children[index] : nil }
          var name = ""
          if case .row(let fields) = type { name = fields[index].name ?? "" }
          return FileColumn(type: child, match: childID.map { .fieldIDOrNames($0.id, [name]) } ?? .name(name), id: childID)
        })
    }

    package init(type: SQLType, match: Match, children: [FileColumn], missing: ScalarValue = .null) {
      self.type = type
      self.match = match
      self.children = children
      self.missing = missing
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

/// A column, or a part of a nested one, as it stands in a data file.
struct StoredColumn: Sendable {
  var name: String
  var fieldID: Int32?
  var type: SQLType
  /// In the order of `type.children`.
  var children: [StoredColumn]

  init(name: String, fieldID: Int32?, type: SQLType, children: [StoredColumn] = []) {
    self.name = name
    self.fieldID = fieldID
    self.type = type
    self.children = children
  }

  init(_ node: ColumnNode) {
    self.init(name: node.name, fieldID: node.fieldID, type: node.type, children: node.children.map { StoredColumn($0) })
  }

  var hasFieldIDs: Bool { fieldID != nil || children.contains(where: \.hasFieldIDs) }
}

extension ParquetColumnSource.Match {
  /// The position among columns of one level.
  ///
  /// - Parameter hasIDs: whether any column of the file, at any depth, has a field id: if so, names do not count.
  func find(in columns: [StoredColumn], hasIDs: Bool) -> Int? {
    switch self {
    case .name(let name): return Self.position(of: name, columns)
    case .fieldID(let id): return columns.firstIndex { $0.fieldID == id }
    case .fieldIDOrNames(let id, let names):
      if hasIDs { return columns.firstIndex { $0.fieldID == id } }
      return names.lazy.compactMap { Self.position(of: $0, columns) }.first
    case .position(let position): return columns.indices.contains(position) ? position : nil
    }
  }

  /// The exact name, else one that differs in case only.
  private static func position(of name: String, _ columns: [StoredColumn]) -> Int? {
    if let exact = columns.firstIndex(where: { $0.name == name }) { return exact }
    let folded = name.lowercased()
    return columns.firstIndex { $0.name.lowercased() == folded }
  }
}
