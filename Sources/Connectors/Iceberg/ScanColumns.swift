import Columnar
import Iceberg

/// Where the wanted columns of a scan come from, for every file of it. SPEC "Column Projection".
struct ScanColumns {
  private enum Wanted {
    case field(IcebergField, ParquetColumnSource.FileColumn)
    case hidden(IcebergHiddenColumn)
  }
  private let wanted: [Wanted]
  /// What most files share; nil when every file needs its own.
  private let shared: [ParquetColumnSource]?

  /// - Parameter columns: indices into the columns of `schema`, then the hidden ones.
  init(_ schema: IcebergSchema, _ metadata: TableMetadata, _ columns: [Int]) throws {
    let files = FileColumns(try metadata.nameMapping)
    let hidden = IcebergHiddenColumn.of(metadata)
    var wanted: [Wanted] = []
    for index in columns {
      if index < schema.fields.count {
        if let type = schema.fields[index].type.unreadable {
          throw IcebergError(
            .unsupported, "column '\(schema.fields[index].name)' has values of the type \(type), which cannot be read; the table's other columns can")
        }
        var column = try files.column(schema.fields[index])
        column.isRequired = schema.fields[index].isRequired
        wanted.append(.field(schema.fields[index], column))
      } else {
        wanted.append(.hidden(hidden[index - schema.fields.count]))
      }
    }
    self.wanted = wanted
    let identitySources = Set(metadata.partitionSpecs.flatMap { spec in spec.fields.filter { $0.transform == .identity }.map(\.sourceID) })
    var shared: [ParquetColumnSource] = []
    for column in wanted {
      guard case .field(let field, let file) = column, !identitySources.contains(field.id) else { continue }
      shared.append(Self.source(field, file, identity: nil))
    }
    self.shared = shared.count == wanted.count ? shared : nil
  }

  func sources(_ task: FileScanTask, modifiedMicroseconds: Int64?) -> [ParquetColumnSource] {
    if let shared { return shared }
    let identity = task.identityValues
    return wanted.map { column in
      switch column {
      case .field(let field, let file): Self.source(field, file, identity: identity[field.id])
      case .hidden(let column): column.source(task, modifiedMicroseconds: modifiedMicroseconds)
      }
    }
  }

  private static func source(
    _ field: IcebergField, _ file: ParquetColumnSource.FileColumn, identity: Scalar?
  ) -> ParquetColumnSource {
    .file(file, missing: identity.flatMap { adapted($0, to: file.type) } ?? Scalar(file.type, field.initialDefault ?? .null))
  }

  /// A partition value has the type the column has now; an older schema may have had a narrower one.
  static func adapted(_ scalar: Scalar, to type: SQLType) -> Scalar? {
    if scalar.type == type { return scalar }
    switch (scalar.value, type.physical) {
    case (.null, _): return .null(type)
    case (.int, .int32), (.int, .int64), (.int128, .int128), (.bytes, .string), (.timestampTZ, .timestampTZ):
      return Scalar(type, scalar.value)
    case (.int(let number), .int128): return Scalar(type, .int128(Int128(number)))
    case (.double(let number), .float): return Scalar(type, .real(Float(number)))
    case (.real(let number), .double): return Scalar(type, .double(Double(number)))
    default: return nil
    }
  }
}
