/// Where the fields of one batch's rows lie; a set of bare pointers into a block and its index.
struct FieldTable {
  let bytes: UnsafePointer<UInt8>
  /// Field ends; index -1 is readable.
  let ends: UnsafePointer<UInt32>
  /// For each row, the index in `ends` of its first field.
  let firsts: UnsafePointer<UInt32>
  /// For each row, its number of fields.
  let counts: UnsafePointer<UInt32>
  /// Every row has at least as many fields as there are columns.
  let allComplete: Bool
  let rowCount: Int
  let delimiter: UInt8

  /// The bytes of a field, without the carriage return of its line end; nil when the row is too short.
  @inline(__always)
  func field(_ row: Int, _ column: Int) -> UnsafeBufferPointer<UInt8>? {
    if !allComplete, column >= Int(counts[row]) { return nil }
    let index = Int(firsts[row]) &+ column
    let start = Int(ends[index &- 1] &+ 1)
    var end = Int(ends[index])
    if bytes[end] != delimiter, end > start, bytes[end &- 1] == 0x0D { end &-= 1 }
    return UnsafeBufferPointer(start: bytes + start, count: end &- start)
  }
}
