import Columnar
import Functions

/// Whole partitions, sorted, with the borders of partitions and of peers (rows that the window's ORDER BY does not tell apart).
struct WindowRows {
  let batch: Batch
  var count: Int { batch.count }
  /// First row of each partition, and `count`.
  let partitionStarts: [Int]
  /// First row of each group of peers, and `count`.
  let peerStarts: [Int]
  /// For each row the number of its partition and of its group of peers, among all of the batch.
  let partitionOf: [Int]
  let peersOf: [Int]

  init(_ batch: Batch, partition: [Int], order: [Int]) {
    self.batch = batch
    var changes = [UInt8](repeating: 0, count: batch.count)
    if batch.count > 0 { changes[0] = 1 }
    for column in partition { batch.columns[column].markChanges(in: &changes) }
    (partitionStarts, partitionOf) = Self.runs(changes)
    // Without ORDER BY all rows of a partition are peers.
    for column in order { batch.columns[column].markChanges(in: &changes) }
    (peerStarts, peersOf) = Self.runs(changes)
  }

  private static func runs(_ changes: [UInt8]) -> (starts: [Int], numbers: [Int]) {
    var starts: [Int] = []
    var numbers: [Int] = []
    numbers.reserveCapacity(changes.count)
    for (row, change) in changes.enumerated() {
      if change != 0 { starts.append(row) }
      numbers.append(starts.count - 1)
    }
    starts.append(changes.count)
    return (starts, numbers)
  }

  func partitionStart(_ row: Int) -> Int { partitionStarts[partitionOf[row]] }
  func partitionEnd(_ row: Int) -> Int { partitionStarts[partitionOf[row] + 1] }
  func peerStart(_ row: Int) -> Int { peerStarts[peersOf[row]] }
  func peerEnd(_ row: Int) -> Int { peerStarts[peersOf[row] + 1] }
}

extension Column {
  /// Sets `changes[i]` where row `i` is distinct from row `i - 1`.
  func markChanges(in changes: inout [UInt8]) {
    if isConstant { return }
    let plain = flattened()
    let view = ColumnView(plain)
    func compare<Value>(_ type: Value.Type, _ differs: (Value, Value) -> Bool) {
      let values = view.pointer(as: type)
      for row in 1..<max(1, plain.count) where differs(values[row - 1], values[row]) { changes[row] = 1 }
    }
    guard !view.mayHaveNulls else {
      let comparer = RowComparer(plain)
      for row in 1..<max(1, plain.count) where !comparer.isSame(row - 1, row) { changes[row] = 1 }
      return
    }
    switch type.physical {
    case .boolean, .int8: compare(UInt8.self) { $0 != $1 }
    case .int16: compare(UInt16.self) { $0 != $1 }
    case .int32: compare(UInt32.self) { $0 != $1 }
    case .int64: compare(UInt64.self) { $0 != $1 }
    case .int128: compare(UInt128.self) { $0 != $1 }
    case .timestampTZ: compare(TimestampTZ.self) { $0 != $1 }
    case .string:
      let values = view.pointer(as: StringView.self)
      for row in 1..<max(1, plain.count) where !StringView.equal(values + (row - 1), values + row) { changes[row] = 1 }
    case .float, .double, .list, .row:
      let comparer = RowComparer(plain)
      for row in 1..<max(1, plain.count) where !comparer.isSame(row - 1, row) { changes[row] = 1 }
    }
  }
}
