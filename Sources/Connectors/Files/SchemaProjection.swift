import Columnar
import Functions

/// Brings a column as it stands in a file to the type that the table has now: promoted, with nested fields found by id.
struct SchemaProjection {
  typealias Wanted = ParquetColumnSource.FileColumn

  /// Whether the file's columns have field ids; without them names count.
  let hasIDs: Bool
  let context: QueryContext

  func project(_ column: Column, _ stored: StoredColumn, to wanted: Wanted) throws(KernelError) -> Column {
    if column.type == wanted.type && !wanted.type.isNested { return column }
    switch (wanted.type, column.type) {
    case (.array, .array):
      return try rebuild(column, wanted.type) { (children) throws(KernelError) in
        [try project(children[0], stored.children[0], to: wanted.children[0])]
      }
    case (.map, .map):
      return try rebuild(column, wanted.type) { (children) throws(KernelError) in
        [
          try project(children[0], stored.children[0], to: wanted.children[0]),
          try project(children[1], stored.children[1], to: wanted.children[1]),
        ]
      }
    case (.row, .row):
      return try rebuild(column, wanted.type) { (children) throws(KernelError) in
        var projected: [Column] = []
        for field in wanted.children {
          if let position = field.match.find(in: stored.children, hasIDs: hasIDs) {
            projected.append(try project(children[position], stored.children[position], to: field))
          } else {
            projected.append(.constant(Scalar(field.type, field.missing), count: column.count))
          }
        }
        return projected
      }
    default: return try convert(column, to: wanted.type)
    }
  }

  private func convert(_ column: Column, to type: SQLType) throws(KernelError) -> Column {
    switch (column.type, type) {
    // Imported files: a time zone missing in the file means UTC, whatever the session's zone is.
    case (.timestamp, .timestampTZ(let wanted)):
      let aligned = try castColumn(column, to: .timestamp(precision: wanted), isTry: false, context: context)
      return Self.inUTC(aligned, type)
    case (.timestampTZ, .timestamp(let wanted)):
      let aligned = try castColumn(column, to: .timestampTZ(precision: wanted), isTry: false, context: context)
      return Self.instants(aligned, type)
    case (.varbinary, .varchar), (.json, .varchar), (.varchar, .varbinary): return column.relabelled(type)
    default: return try castColumn(column, to: type, isTry: false, context: context)
    }
  }

  private static func inUTC(_ column: Column, _ type: SQLType) -> Column {
    let flat = column.flattened()
    let source = flat.flat.values.pointer(as: Int64.self)
    let values = Buffer(byteCount: flat.count * MemoryLayout<TimestampTZ>.stride)
    let target = values.base.assumingMemoryBound(to: TimestampTZ.self)
    for row in 0..<flat.count { target[row] = TimestampTZ(instant: source[row]) }
    return Column(flat: FlatVector(values: BufferSlice(values), validity: flat.flat.validity), type: type, count: flat.count)
  }

  private static func instants(_ column: Column, _ type: SQLType) -> Column {
    let flat = column.flattened()
    let source = flat.flat.values.pointer(as: TimestampTZ.self)
    let values = Buffer(byteCount: flat.count * 8)
    let target = values.base.assumingMemoryBound(to: Int64.self)
    for row in 0..<flat.count { target[row] = source[row].instant }
    return Column(flat: FlatVector(values: BufferSlice(values), validity: flat.flat.validity), type: type, count: flat.count)
  }

  private func rebuild(
    _ column: Column, _ type: SQLType, _ children: ([Column]) throws(KernelError) -> [Column]
  ) throws(KernelError) -> Column {
    switch column.encoding {
    case .constant, .dictionary: return try rebuild(column.flattened(), type, children)
    case .flat(let vector):
      return Column(
        flat: FlatVector(
          values: vector.values, validity: vector.validity, heap: vector.heap, children: try children(vector.children)),
        type: type, count: column.count)
    }
  }
}
