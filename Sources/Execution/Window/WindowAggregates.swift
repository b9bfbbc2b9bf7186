import Columnar
import Functions
import SQLSyntax

/// An aggregate over the frame of every row, for one call over whole partitions.
///
/// Works with any `AggregateState`. Frames that are whole partitions are one group each. Frames that grow with the rows carry one
/// state along. Other frames are computed from their rows, many frames at a time; large ones with the help of a `FrameTree`.
struct WindowAggregates {
  private let rows: WindowRows
  private let call: WindowShape.Call
  private let function: ResolvedAggregate
  private let frames: WindowFrames
  private let context: QueryContext
  private let arguments: [Column]
  /// False for rows that FILTER leaves out; nil when there is no FILTER.
  private let isIncluded: [Bool]?

  /// Pairs of row and frame that are computed at a time.
  private static let pairLimit = 1 << 15

  init(
    _ rows: WindowRows, _ call: WindowShape.Call, _ function: ResolvedAggregate, _ frames: WindowFrames,
    _ context: QueryContext
  ) {
    self.rows = rows
    self.call = call
    self.function = function
    self.frames = frames
    self.context = context
    arguments = call.arguments.map { rows.batch.columns[$0] }
    isIncluded = call.filter.map { filter in
      let selection = Selection()
      selection.select(rows.batch.columns[filter])
      var flags = [Bool](repeating: false, count: rows.count)
      for index in 0..<selection.count { flags[Int(selection.indices[index])] = true }
      return flags
    }
  }

  func evaluate() throws -> Column {
    do {
      if frames.isWholePartition { return try wholePartitions() }
      return frames.isRunning ? try running() : try sliding()
    } catch let error as KernelError { throw error.located(at: call.range) }
  }

  private func wholePartitions() throws -> Column {
    let state = function.makeState(context)
    let partitions = rows.partitionStarts.count - 1
    state.resize(groupCount: partitions)
    try feed(state, (0..<rows.count).map { (UInt32(truncatingIfNeeded: $0), UInt32(truncatingIfNeeded: rows.partitionOf[$0])) })
    return try state.finish(start: 0, count: partitions).take(rows.partitionOf.map { UInt32(truncatingIfNeeded: $0) })
  }

  /// Adds rows to groups; rows that FILTER leaves out are skipped.
  private func feed(_ state: any AggregateState, _ pairs: [(row: UInt32, group: UInt32)]) throws {
    var picked: [UInt32] = []
    var groups: [UInt32] = []
    picked.reserveCapacity(pairs.count)
    groups.reserveCapacity(pairs.count)
    for pair in pairs where isIncluded.map({ $0[Int(pair.row)] }) ?? true {
      picked.append(pair.row)
      groups.append(pair.group)
    }
    if picked.isEmpty { return }
    try state.update(arguments.map { $0.take(picked) }, groups: groups, count: picked.count)
  }

  // MARK: Frames that grow

  /// One end of a frame that begins with its partition.
  private struct Point {
    let partition: Int
    let end: Int
  }

  /// Rows `partition start ..< end` for each point, a block of points at a time: what comes before the block is carried in a state of
  /// one group and merged into every point's group, the block's own rows are added to all points behind them.
  private func running() throws -> Column {
    var points: [Point] = []
    var pointOf: [UInt32] = []
    pointOf.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      let point = Point(partition: rows.partitionOf[row], end: frames.ends[row])
      if points.last.map({ $0.partition != point.partition || $0.end != point.end }) ?? true { points.append(point) }
      pointOf.append(UInt32(truncatingIfNeeded: points.count - 1))
    }
    var results: [Column] = []
    var carry = function.makeState(context)
    carry.resize(groupCount: 1)
    var carried = Point(partition: -1, end: 0)
    let zero: [UInt32] = [0]
    var begin = 0
    while begin < points.count {
      try context.cancellation.check()
      if carried.partition != points[begin].partition {
        carry = function.makeState(context)
        carry.resize(groupCount: 1)
        carried = Point(partition: points[begin].partition, end: rows.partitionStarts[points[begin].partition])
      }
      var end = begin
      var pairs: [(row: UInt32, group: UInt32)] = []
      while end < points.count && end - begin < 32 {
        let point = points[end]
        let start = point.partition == carried.partition ? carried.end : rows.partitionStarts[point.partition]
        if end > begin && pairs.count + point.end - start > 4096 { break }
        for row in start..<max(start, point.end) {
          pairs.append((UInt32(truncatingIfNeeded: row), UInt32(truncatingIfNeeded: end - begin)))
        }
        end += 1
      }
      let block = function.makeState(context)
      block.resize(groupCount: end - begin)
      for point in begin..<end where points[point].partition == carried.partition {
        try block.merge(carry, groupMap: [UInt32(truncatingIfNeeded: point - begin)], count: 1)
      }
      try feed(block, pairs)
      results.append(try block.finish(start: 0, count: end - begin))
      // Carry the partition of the last point on.
      let last = points[end - 1]
      if last.partition != carried.partition {
        carry = function.makeState(context)
        carry.resize(groupCount: 1)
        carried = Point(partition: last.partition, end: rows.partitionStarts[last.partition])
      }
      if last.end > carried.end {
        try feed(carry, (carried.end..<last.end).map { (UInt32(truncatingIfNeeded: $0), zero[0]) })
      }
      carried = last
      begin = end
    }
    return Column.concatenated(results, type: function.resultType).take(pointOf)
  }

  // MARK: Other frames

  private func sliding() throws -> Column {
    var results: [Column] = []
    var begin = 0
    let tree = try makeTree()
    while begin < rows.count {
      try context.cancellation.check()
      let state = function.makeState(context)
      var pairs: [(row: UInt32, group: UInt32)] = []
      var end = begin
      while end < rows.count && (end == begin || pairs.count < Self.pairLimit) {
        state.resize(groupCount: end - begin + 1)
        var frame = frames.starts[end]..<max(frames.starts[end], frames.ends[end])
        if let tree {
          let group = UInt32(truncatingIfNeeded: end - begin)
          let ends = try tree.merge(frame, into: state, group: group)
          for row in ends.0 { pairs.append((UInt32(truncatingIfNeeded: row), group)) }
          frame = ends.1
        }
        for row in frame {
          pairs.append((UInt32(truncatingIfNeeded: row), UInt32(truncatingIfNeeded: end - begin)))
          if pairs.count >= 2 * Self.pairLimit {
            try feed(state, pairs)
            pairs.removeAll(keepingCapacity: true)
            try context.cancellation.check()
          }
        }
        end += 1
      }
      try feed(state, pairs)
      results.append(try state.finish(start: 0, count: end - begin))
      begin = end
    }
    return Column.concatenated(results, type: function.resultType)
  }

  /// Nil when frames are small, or the order of rows matters to the aggregate.
  private func makeTree() throws -> FrameTree? {
    guard !function.isOrderSensitive else { return nil }
    var total = 0
    for row in 0..<rows.count { total += max(0, frames.ends[row] - frames.starts[row]) }
    guard total / max(1, rows.count) >= FrameTree.worthwhileFrame else { return nil }
    return try FrameTree(rowCount: rows.count, function, context) { state, range in
      try feed(state, range.map { (UInt32(truncatingIfNeeded: $0), 0) })
    }
  }
}
