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
}
