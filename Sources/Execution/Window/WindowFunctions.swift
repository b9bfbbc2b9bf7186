import Columnar
import Functions
import SQLSyntax

/// The window functions that are not aggregates, for one call over whole partitions.
struct WindowFunctions {
  private let rows: WindowRows
  private let call: WindowShape.Call
  private let frames: WindowFrames

  init(_ rows: WindowRows, _ call: WindowShape.Call, _ frames: WindowFrames) {
    self.rows = rows
    self.call = call
    self.frames = frames
  }

  func evaluate(_ kind: WindowFunctionKind) throws(SQLError) -> Column {
    switch kind {
    case .rowNumber: return integers { $0 - rows.partitionStart($0) + 1 }
    case .rank: return integers { rows.peerStart($0) - rows.partitionStart($0) + 1 }
    case .denseRank: return integers { rows.peersOf[$0] - rows.peersOf[rows.partitionStart($0)] + 1 }
    case .percentRank:
      return doubles { row in
        let size = rows.partitionEnd(row) - rows.partitionStart(row)
        return size == 1 ? 0 : Double(rows.peerStart(row) - rows.partitionStart(row)) / Double(size - 1)
      }
    case .cumeDist:
      return doubles { row in
        let start = rows.partitionStart(row)
        return Double(rows.peerEnd(row) - start) / Double(rows.partitionEnd(row) - start)
      }
    case .ntile: return try ntile()
    case .lag: return try neighbour(direction: -1)
    case .lead: return try neighbour(direction: 1)
    case .firstValue: return valueInFrame { _, first, last in first <= last ? first : nil }
    case .lastValue: return valueInFrame { _, first, last in first <= last ? last : nil }
    case .nthValue:
      let offsets = try positions(1, minimum: 1)
      return valueInFrame { row, first, last in
        guard let offset = offsets[row], offset <= last - first + 1 else { return nil }
        return first + offset - 1
      }
    }
  }

  private func integers(_ value: (Int) -> Int) -> Column {
    let values = Buffer(byteCount: rows.count * 8)
    let target = values.base.assumingMemoryBound(to: Int64.self)
    for row in 0..<rows.count { target[row] = Int64(value(row)) }
    return Column(type: .bigint, count: rows.count, values: values)
  }

  private func doubles(_ value: (Int) -> Double) -> Column {
    let values = Buffer(byteCount: rows.count * 8)
    let target = values.base.assumingMemoryBound(to: Double.self)
    for row in 0..<rows.count { target[row] = value(row) }
    return Column(type: .double, count: rows.count, values: values)
  }

  private func argument(_ index: Int) -> Column { rows.batch.columns[call.arguments[index]] }

  /// An integer argument per row, nil for NULL; values beyond any partition are cut off.
  private func positions(_ index: Int, minimum: Int64) throws(SQLError) -> [Int?] {
    let column = argument(index)
    var list: [Int?] = []
    list.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      switch column.scalarValue(at: row) {
      case .int(let value):
        if value < minimum {
          let message = call.function.isNtile ? "Buckets must be greater than 0" : "Offset must be at least \(minimum)"
          throw SQLError(.invalidFunctionArgument, message, range: call.range)
        }
        list.append(Int(min(value, Int64(Int32.max))))
      default: list.append(nil)
      }
    }
    return list
  }

  private func ntile() throws(SQLError) -> Column {
    let buckets = try positions(0, minimum: 1)
    let builder = ColumnBuilder(type: .bigint, capacity: rows.count)
    for row in 0..<rows.count {
      guard let count = buckets[row] else {
        builder.appendNull()
        continue
      }
      let start = rows.partitionStart(row)
      let size = rows.partitionEnd(row) - start
      let place = row - start
      // The first `extra` buckets have one row more than the others.
      let (small, extra) = (size / count, size % count)
      let large = extra * (small + 1)
      let bucket = place < large ? place / (small + 1) : extra + (place - large) / max(small, 1)
      builder.append(fixed: Int64(bucket + 1))
    }
    return builder.finish()
  }

  // MARK: Values of other rows

  /// Rows with a value, when NULLs are ignored; and for each row how many of them come before it.
  private struct ValidRows {
    var rows: [Int] = []
    var before: [Int] = []

    init(_ column: Column) {
      let view = ColumnView(column)
      before.reserveCapacity(column.count + 1)
      for row in 0..<column.count {
        before.append(rows.count)
        if view.isValid(row) { rows.append(row) }
      }
      before.append(rows.count)
    }
  }

  private func neighbour(direction: Int) throws(SQLError) -> Column {
    let values = argument(0)
    let offsets = call.arguments.count > 1 ? try positions(1, minimum: 0) : nil
    let valid = call.ignoresNulls ? ValidRows(values) : nil
    var picked: [UInt32] = []
    var outside: [UInt32] = []
    picked.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      guard let offset = offsets.map({ $0[row] }) ?? 1 else {
        picked.append(Column.noRow)
        continue
      }
      let target: Int?
      if let valid, offset > 0 {
        let place = direction < 0 ? valid.before[row] - offset : valid.before[row + 1] + offset - 1
        let first = valid.before[rows.partitionStart(row)]
        let last = valid.before[rows.partitionEnd(row)]
        target = place >= first && place < last ? valid.rows[place] : nil
      } else {
        let place = row + direction * offset
        target = place >= rows.partitionStart(row) && place < rows.partitionEnd(row) ? place : nil
      }
      if target == nil { outside.append(UInt32(truncatingIfNeeded: row)) }
      picked.append(target.map { UInt32(truncatingIfNeeded: $0) } ?? Column.noRow)
    }
    guard call.arguments.count > 2, !outside.isEmpty else { return values.takeNullable(picked) }
    // Rows of the default follow those of the values.
    let both = Column.concatenated([values.flattened(), argument(2).flattened()], type: values.type)
    for row in outside { picked[Int(row)] = UInt32(truncatingIfNeeded: rows.count) &+ row }
    return both.takeNullable(picked)
  }

  /// - Parameter choose: from the row, and the first and last place in the frame (of valid rows only when NULLs are ignored), the place wanted.
  private func valueInFrame(_ choose: (_ row: Int, _ first: Int, _ last: Int) -> Int?) -> Column {
    let values = argument(0)
    let valid = call.ignoresNulls ? ValidRows(values) : nil
    var picked: [UInt32] = []
    picked.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      let start = frames.starts[row]
      let end = max(start, frames.ends[row])
      let target: Int?
      if let valid {
        target = choose(row, valid.before[start], valid.before[end] - 1).map { valid.rows[$0] }
      } else {
        target = choose(row, start, end - 1)
      }
      picked.append(target.map { UInt32(truncatingIfNeeded: $0) } ?? Column.noRow)
    }
    return values.takeNullable(picked)
  }
}

extension ResolvedWindow {
  fileprivate var isNtile: Bool {
    if case .function(.ntile) = body { return true }
    return false
  }
}
