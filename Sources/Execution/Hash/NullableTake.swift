import Columnar

extension Column {
  /// A row number that stands for NULL in `takeNullable`.
  static let noRow = UInt32.max

  /// `result[i] = self[rows[i]]`, NULL where `rows[i]` is `noRow`.
  func takeNullable(_ rows: [UInt32]) -> Column {
    if !rows.contains(Self.noRow) { return take(rows) }
    if count == 0 { return .nulls(type, count: rows.count) }
    let validity = Buffer(byteCount: rows.count)
    let flags = validity.base.assumingMemoryBound(to: UInt8.self)
    for (position, row) in rows.enumerated() { flags[position] = row == Self.noRow ? 0 : 1 }
    return take(rows.map { $0 == Self.noRow ? 0 : $0 }).nulled(BufferSlice(validity))
  }

  /// The column with NULL where `validity` is 0 as well; nil changes nothing.
  func nulled(_ validity: BufferSlice?) -> Column {
    guard let validity else { return self }
    let plain = flattened()
    let rows = validity.pointer(as: UInt8.self)
    let count = plain.count
    let merged = Buffer(byteCount: count)
    let target = merged.base.assumingMemoryBound(to: UInt8.self)
    let vector = plain.flat
    if let own = vector.validity?.pointer(as: UInt8.self) {
      for row in 0..<count { target[row] = own[row] & rows[row] }
    } else {
      for row in 0..<count { target[row] = rows[row] }
    }
    return Column(
      flat: FlatVector(
        values: vector.values, validity: BufferSlice(merged), heap: vector.heap, children: vector.children),
      type: plain.type, count: count)
  }
}
