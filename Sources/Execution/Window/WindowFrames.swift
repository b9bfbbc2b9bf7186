import Columnar
import Functions
import Planner
import SQLSyntax

/// The frame of every row as a range of rows, `starts[i] ..< ends[i]`; empty when the start is not before the end.
struct WindowFrames {
  private(set) var starts: [Int]
  private(set) var ends: [Int]
  /// Every frame is its whole partition.
  let isWholePartition: Bool
  /// Every frame begins with its partition, and ends do not go back.
  let isRunning: Bool

  init(_ frame: WindowShape.Frame, _ rows: WindowRows, _ shape: WindowShape, _ context: QueryContext) throws(SQLError) {
    let count = rows.count
    let hasOrder = !shape.orderKeys.isEmpty
    func isStart(_ bound: WindowShape.Bound) -> Bool {
      switch bound {
      case .unboundedPreceding: true
      case .currentRow: frame.unit != .rows && !hasOrder
      default: false
      }
    }
    func isEnd(_ bound: WindowShape.Bound) -> Bool {
      switch bound {
      case .unboundedFollowing: true
      case .currentRow: frame.unit != .rows && !hasOrder
      default: false
      }
    }
    isWholePartition = isStart(frame.start) && isEnd(frame.end)
    var isPlainEnd = false
    if case .currentRow = frame.end { isPlainEnd = true }
    isRunning = isStart(frame.start) && isPlainEnd
    if isWholePartition {
      starts = rows.partitionOf.map { rows.partitionStarts[$0] }
      ends = rows.partitionOf.map { rows.partitionStarts[$0 + 1] }
      return
    }
    let edges = FrameEdges(rows, shape, context)
    starts = [Int](repeating: 0, count: count)
    ends = starts
    switch frame.start {
    case .unboundedPreceding: for row in 0..<count { starts[row] = rows.partitionStart(row) }
    case .currentRow: for row in 0..<count { starts[row] = frame.unit == .rows ? row : rows.peerStart(row) }
    case .unboundedFollowing: for row in 0..<count { starts[row] = rows.partitionEnd(row) }
    case .preceding(let offset): starts = try edges.find(offset, frame.unit, sign: -1, isEnd: false)
    case .following(let offset): starts = try edges.find(offset, frame.unit, sign: 1, isEnd: false)
    }
    switch frame.end {
    case .unboundedPreceding: for row in 0..<count { ends[row] = rows.partitionStart(row) }
    case .currentRow: for row in 0..<count { ends[row] = frame.unit == .rows ? row + 1 : rows.peerEnd(row) }
    case .unboundedFollowing: for row in 0..<count { ends[row] = rows.partitionEnd(row) }
    case .preceding(let offset): ends = try edges.find(offset, frame.unit, sign: -1, isEnd: true)
    case .following(let offset): ends = try edges.find(offset, frame.unit, sign: 1, isEnd: true)
    }
  }
}

/// Finds frame edges that are given by offsets.
private struct FrameEdges {
  private let rows: WindowRows
  private let shape: WindowShape
  private let context: QueryContext

  init(_ rows: WindowRows, _ shape: WindowShape, _ context: QueryContext) {
    self.rows = rows
    self.shape = shape
    self.context = context
  }

  /// - Parameters:
  ///   - sign: -1 for PRECEDING, 1 for FOLLOWING.
  ///   - isEnd: the result is the row after the last one of the frame, else its first row.
  func find(
    _ offset: WindowShape.Offset, _ unit: WindowFrame.Unit, sign: Int, isEnd: Bool
  ) throws(SQLError) -> [Int] {
    switch unit {
    case .rows:
      return try distances(offset).enumerated().map { row, distance in
        let target = row + sign * distance + (isEnd ? 1 : 0)
        return min(max(target, rows.partitionStart(row)), rows.partitionEnd(row))
      }
    case .groups:
      return try distances(offset).enumerated().map { row, distance in
        let first = rows.peersOf[rows.partitionStart(row)]
        let last = rows.peersOf[rows.partitionEnd(row) - 1]
        let group = rows.peersOf[row] + sign * distance + (isEnd ? 1 : 0)
        return group > last ? rows.partitionEnd(row) : rows.peerStarts[max(group, first)]
      }
    case .range: return try rangeEdges(offset, isEnd: isEnd)
    }
  }

  /// Offsets in rows or groups, cut off where they leave every partition.
  private func distances(_ offset: WindowShape.Offset) throws(SQLError) -> [Int] {
    let column = rows.batch.columns[offset.column]
    var distances: [Int] = []
    distances.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      switch column.scalarValue(at: row) {
      case .int(let value) where value >= 0: distances.append(Int(min(value, Int64(rows.count))))
      case .int128(let value) where value >= 0: distances.append(Int(min(value, Int128(rows.count))))
      default: throw invalid(offset)
      }
    }
    return distances
  }

  private func invalid(_ offset: WindowShape.Offset) -> SQLError {
    SQLError(.invalidWindowFrame, "Window frame offset value must not be negative or null", range: offset.range)
  }

  private func rangeEdges(_ offset: WindowShape.Offset, isEnd: Bool) throws(SQLError) -> [Int] {
    guard let function = offset.edge, let keyColumn = shape.orderKeys.first, let order = shape.order.keys.last else {
      throw invalid(offset)
    }
    let keys = rows.batch.columns[keyColumn]
    let offsets = rows.batch.columns[offset.column]
    try checkSigns(offsets, offset)
    let values: Column
    let comparableKeys: Column
    do throws(KernelError) {
      values = try function.kernel(
        [
          try castColumn(keys, to: function.argumentTypes[0], isTry: false, context: context),
          try castColumn(offsets, to: function.argumentTypes[1], isTry: false, context: context),
        ], FunctionCall(count: rows.count, resultType: function.resultType, context: context))
      comparableKeys = try castColumn(keys, to: function.resultType, isTry: false, context: context)
    } catch { throw error.located(at: offset.range) }
    let comparer = RowComparer(comparableKeys, values)
    let view = ColumnView(keys)
    let direction = order.isDescending ? -1 : 1
    var edges: [Int] = []
    edges.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      // The frame of a NULL is its peers.
      guard view.isValid(row) else {
        edges.append(isEnd ? rows.peerEnd(row) : rows.peerStart(row))
        continue
      }
      var (low, high) = validRange(row, view, nullsFirst: order.nullsFirst)
      while low < high {
        let middle = (low + high) / 2
        let relation = comparer.order(middle, row) * direction
        // First row at or behind the edge; for an end, the first row behind it.
        if relation < 0 || (isEnd && relation == 0) { low = middle + 1 } else { high = middle }
      }
      edges.append(low)
    }
    return edges
  }

  private func checkSigns(_ offsets: Column, _ offset: WindowShape.Offset) throws(SQLError) {
    for row in 0..<rows.count {
      switch offsets.scalarValue(at: row) {
      case .int(let value): if value < 0 { throw invalid(offset) }
      case .int128(let value): if value < 0 { throw invalid(offset) }
      case .real(let value): if !(value >= 0) { throw invalid(offset) }
      case .double(let value): if !(value >= 0) { throw invalid(offset) }
      default: throw invalid(offset)
      }
    }
  }

  /// The rows of a partition whose order key is not NULL; they lie together.
  private func validRange(_ row: Int, _ keys: ColumnView, nullsFirst: Bool) -> (Int, Int) {
    var start = rows.partitionStart(row)
    var end = rows.partitionEnd(row)
    if nullsFirst {
      if !keys.isValid(start) { start = rows.peerEnd(start) }
    } else if !keys.isValid(end - 1) {
      end = rows.peerStart(end - 1)
    }
    return (start, end)
  }
}
