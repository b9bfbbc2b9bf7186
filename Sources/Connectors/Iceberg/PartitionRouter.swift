import Columnar
import Iceberg

/// Splits batches by partition: computes the transforms column by column, groups rows by hash, and checks that rows of a group agree.
///
/// ```
/// batch ─ transforms ─▶ value columns ─ hash ─▶ group of each row ─ compare with the group's first row ─▶ one piece per group
/// ```
struct PartitionRouter {
  /// Rows of one partition.
  struct Piece {
    /// Equal for equal partition tuples, and only for those.
    var key: [UInt8]
    var values: [Scalar]
    /// With memory of its own, unless the piece is the whole batch.
    var batch: Batch
  }

  private struct Source {
    /// Top-level column, then fields of structs.
    var path: [Int]
    var transform: PartitionTransform
  }

  private let sources: [Source]

  init(_ metadata: TableMetadata) throws(IcebergError) {
    let schema = metadata.schema
    var sources: [Source] = []
    for field in metadata.partitionSpec.fields {
      guard let path = schema.path(toID: field.sourceID), let column = schema.fields.firstIndex(where: { $0.id == path[0].id }) else {
        // A void field may name a column that was dropped.
        guard field.transform == .void else {
          throw IcebergError(.corrupt, "partition field '\(field.name)' names a column that is not in the schema")
        }
        sources.append(Source(path: [], transform: .void))
        continue
      }
      var indices = [column]
      for (parent, child) in zip(path, path.dropFirst()) {
        guard case .structure(let fields) = parent.type, let index = fields.firstIndex(where: { $0.id == child.id }) else {
          throw IcebergError(.corrupt, "partition field '\(field.name)' names a column inside a list or map")
        }
        indices.append(index)
      }
      sources.append(Source(path: indices, transform: field.transform))
    }
    self.sources = sources
  }

  /// - Parameter minimumRows: what a piece should have on average.
  /// - Returns: nil when pieces would be smaller: each costs some allocations for every column, and the caller can wait for more rows.
  func route(_ batch: Batch, minimumRows: Int) -> [Piece]? {
    if sources.isEmpty { return [Piece(key: [], values: [], batch: batch)] }
    let columns = sources.map { source in
      source.path.isEmpty ? Column.nulls(.integer, count: batch.count) : source.transform.apply(Self.column(source.path, batch))
    }
    if columns.allSatisfy(\.isConstant) { return [piece(columns, row: 0, batch)] }
    guard var groups = RowGroups(hashing: columns, count: batch.count) else { return [] }
    if !groups.agree(columns) { groups = RowGroups(comparing: columns, count: batch.count) }
    if groups.count == 1 { return [piece(columns, row: 0, batch)] }
    if batch.count / groups.count < minimumRows { return nil }
    return groups.rowsByGroup.map { rows in
      rows.withUnsafeBufferPointer { rows in
        guard let base = rows.baseAddress else { return piece(columns, row: 0, batch) }
        return piece(columns, row: Int(base[0]), batch.take(base, count: rows.count).compacted())
      }
    }
  }

  private func piece(_ columns: [Column], row: Int, _ batch: Batch) -> Piece {
    let values = columns.map { $0.scalar(at: row) }
    return Piece(key: Self.key(values), values: values, batch: batch)
  }

  /// A column, or a field inside struct columns; NULL where a struct around it is.
  private static func column(_ path: [Int], _ batch: Batch) -> Column {
    path.dropFirst().reduce(batch.columns[path[0]]) { $0.field($1) }
  }

  /// The tuple as bytes: a mark for NULL, the length before text, one bit pattern for all NaN.
  static func key(_ values: [Scalar]) -> [UInt8] {
    var key: [UInt8] = []
    func append<Number: FixedWidthInteger>(_ number: Number) { withUnsafeBytes(of: number) { key.append(contentsOf: $0) } }
    for scalar in values {
      switch scalar.value {
      case .null:
        key.append(0)
        continue
      default: key.append(1)
      }
      switch scalar.value {
      case .boolean(let flag): key.append(flag ? 1 : 0)
      case .int(let number): append(number)
      case .int128(let number): append(number)
      case .real(let number): append(number.isNaN ? Float.nan.bitPattern : number.bitPattern)
      case .double(let number): append(number.isNaN ? Double.nan.bitPattern : number.bitPattern)
      case .timestampTZ(let moment): append(moment.instant)
      case .bytes(let bytes):
        append(bytes.count)
        key += bytes
      case .null, .list, .map, .row: break  // Nested values are no partition values.
      }
    }
    return key
  }
}

/// The group that each row of a batch belongs to.
private struct RowGroups {
  private(set) var count = 0
  private var groupOfRow: [Int32]
  private var firstRow: [Int] = []

  /// Groups rows by the hash of their values; nil when there are no rows.
  init?(hashing columns: [Column], count rows: Int) {
    guard rows > 0 else { return nil }
    let hashes = [UInt64](unsafeUninitializedCapacity: rows) { buffer, initialised in
      if let base = buffer.baseAddress {
        for (index, column) in columns.enumerated() { column.hash(into: base, combining: index > 0) }
      }
      initialised = rows
    }
    groupOfRow = [Int32](repeating: 0, count: rows)
    var groups: [UInt64: Int32] = [:]
    var last = ~hashes[0]
    var group: Int32 = 0
    for row in 0..<rows {
      // Neighbours are often of one partition.
      if hashes[row] != last {
        last = hashes[row]
        if let known = groups[last] {
          group = known
        } else {
          group = Int32(truncatingIfNeeded: count)
          groups[last] = group
          firstRow.append(row)
          count += 1
        }
      }
      groupOfRow[row] = group
    }
  }

  /// Groups rows by their values themselves: for the rare batch where different values have one hash (0.0 and -0.0, for one).
  init(comparing columns: [Column], count rows: Int) {
    groupOfRow = []
    var groups: [[UInt8]: Int32] = [:]
    for row in 0..<rows {
      let key = PartitionRouter.key(columns.map { $0.scalar(at: row) })
      if groups[key] == nil {
        groups[key] = Int32(truncatingIfNeeded: count)
        firstRow.append(row)
        count += 1
      }
      groupOfRow.append(groups[key] ?? 0)
    }
  }

  /// Whether all rows have the values of the first row of their group, bit for bit.
  func agree(_ columns: [Column]) -> Bool { columns.allSatisfy { $0.isConstant || agree($0) } }

  private func agree(_ column: Column) -> Bool {
    let view = ColumnView(column)
    switch column.type.physical {
    case .boolean, .int8: return agree(view, UInt8.self)
    case .int16: return agree(view, UInt16.self)
    case .int32, .float: return agree(view, UInt32.self)
    case .int64, .double: return agree(view, UInt64.self)
    case .int128: return agree(view, UInt128.self)
    case .timestampTZ:
      let values = view.pointer(as: TimestampTZ.self)
      return agree(view) { values[$0].instant == values[$1].instant }
    case .string:
      let values = view.pointer(as: StringView.self)
      return agree(view) { StringView.compare(values + $0, values + $1) == 0 }
    case .list, .row: return false
    }
  }

  private func agree<Value: Equatable & BitwiseCopyable>(_ view: ColumnView, _ type: Value.Type) -> Bool {
    let values = view.pointer(as: type)
    return agree(view) { values[$0] == values[$1] }
  }

  private func agree(_ view: ColumnView, _ equal: (Int, Int) -> Bool) -> Bool {
    for row in groupOfRow.indices {
      let first = firstRow[Int(groupOfRow[row])]
      let isValid = view.isValid(row)
      if isValid != view.isValid(first) { return false }
      if isValid, !equal(view.index(row), view.index(first)) { return false }
    }
    return true
  }

  /// Row numbers, ascending within a group; groups in order of their first row.
  var rowsByGroup: [[UInt32]] {
    var result = [[UInt32]](repeating: [], count: count)
    for (row, group) in groupOfRow.enumerated() { result[Int(group)].append(UInt32(truncatingIfNeeded: row)) }
    return result
  }
}
