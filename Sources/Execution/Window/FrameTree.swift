import Columnar
import Functions

/// Aggregates of aligned runs of rows, from which large frames are put together: a frame of n rows takes about 32 · log32(n) steps
/// in place of n.
///
///     rows     0 ........ 31 | 32 ....... 63 | ...
///     level 0     state      |    state      | ...      one per 32 rows
///     level 1                   state              ...  one per 32 states of level 0
// SAFETY: built and read by one worker.
final class FrameTree {
  private static let fanOut = 32

  /// Rows per frame, on average, from which the tree is worth its building.
  static let worthwhileFrame = 256

  private var levels: [[any AggregateState]] = []

  /// - Parameter feed: adds rows to group 0 of a state.
  init(
    rowCount: Int, _ function: ResolvedAggregate, _ context: QueryContext,
    feed: (any AggregateState, Range<Int>) throws -> Void
  ) throws {
    func makeState() -> any AggregateState {
      let state = function.makeState(context)
      state.resize(groupCount: 1)
      return state
    }
    var level: [any AggregateState] = []
    for node in 0..<rowCount / Self.fanOut {
      if node % 1024 == 0 { try context.cancellation.check() }
      let state = makeState()
      try feed(state, node * Self.fanOut..<(node + 1) * Self.fanOut)
      level.append(state)
    }
    while !level.isEmpty {
      levels.append(level)
      var parents: [any AggregateState] = []
      for node in 0..<level.count / Self.fanOut {
        let state = makeState()
        for child in level[node * Self.fanOut..<(node + 1) * Self.fanOut] { try state.merge(child, groupMap: [0], count: 1) }
        parents.append(state)
      }
      level = parents
    }
  }

  /// Merges the nodes that lie in `frame` into a group of `state`; returns the rows at both ends that no node covers.
  func merge(_ frame: Range<Int>, into state: any AggregateState, group: UInt32) throws -> (Range<Int>, Range<Int>) {
    let fanOut = Self.fanOut
    var low = (frame.lowerBound + fanOut - 1) / fanOut
    var high = frame.upperBound / fanOut
    guard low < high else { return (frame, frame.upperBound..<frame.upperBound) }
    let ends = (frame.lowerBound..<low * fanOut, high * fanOut..<frame.upperBound)
    for level in levels {
      let first = (low + fanOut - 1) / fanOut
      let last = high / fanOut
      guard first < last else {
        for node in low..<high { try state.merge(level[node], groupMap: [group], count: 1) }
        break
      }
      for node in low..<first * fanOut { try state.merge(level[node], groupMap: [group], count: 1) }
      for node in last * fanOut..<high { try state.merge(level[node], groupMap: [group], count: 1) }
      low = first
      high = last
    }
    return ends
  }
}
