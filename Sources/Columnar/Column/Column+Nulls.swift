extension Column {
  /// The column with NULL where `validity` is 0 as well; nil changes nothing.
  package func nulled(_ validity: BufferSlice?) -> Column {
    guard let validity else { return self }
    let plain = flattened()
    let rows = validity.pointer(as: UInt8.self)
    let count = plain.count
    let merged = Buffer(byteCount: count)
    let target = merged.base.assumingMemoryBound(to: UInt8.self)
    let vector = plain.flat
    withExtendedLifetime((validity, plain)) {
      if let own = vector.validity?.pointer(as: UInt8.self) {
        for row in 0..<count { target[row] = own[row] & rows[row] }
      } else {
        for row in 0..<count { target[row] = rows[row] }
      }
    }
    return Column(
      flat: FlatVector(
        values: vector.values, validity: BufferSlice(merged), heap: vector.heap, children: vector.children),
      type: plain.type, count: count)
  }

  /// Field of a row column; NULL where the row is NULL.
  package func field(_ index: Int) -> Column {
    let row = flattened().flat
    return row.children[index].nulled(row.validity)
  }
}
