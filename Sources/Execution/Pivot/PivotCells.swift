import Columnar
import Functions
import Planner

/// The cells of one measure (one aggregate over one argument list) of one worker: a column per pivot value, a row per group key.
protocol PivotCells: AnyObject {
  /// Adds rows that all belong to one column.
  func add(_ arguments: [Column], to cell: Int, rows: UnsafePointer<UInt32>, count: Int, rowCount: Int) throws(KernelError)
  /// Adds rows of several columns: `cells[i]` is the column of row `i`, or `PivotKeyTable.none`.
  func add(
    _ arguments: [Column], toEach cells: UnsafePointer<UInt32>, rows: UnsafePointer<UInt32>, count: Int, rowCount: Int)
    throws(KernelError)
  /// Called once before results are read: `others[w]` are the same cells of the other workers, `maps[w]` their rows here.
  func absorb(_ others: [any PivotCells], maps: [[UInt32]], rowCount: Int) throws(KernelError)
  /// The results of one column for the given rows; may be called from several threads at once.
  func results(_ cell: Int, rows: UnsafePointer<UInt32>, count: Int) throws(KernelError) -> Column
  var byteCount: Int { get }
}

/// Any aggregate: one ordinary accumulator array per column, indexed by row.
final class GeneralPivotCells: PivotCells {
  private let aggregate: ResolvedAggregate
  private let context: QueryContext
  private var states: [(any AggregateState)?]
  private var finished: [Column] = []

  init(aggregate: ResolvedAggregate, cellCount: Int, context: QueryContext) {
    self.aggregate = aggregate
    self.context = context
    states = Array(repeating: nil, count: cellCount)
  }

  var byteCount: Int { states.reduce(0) { $0 + ($1?.byteCount ?? 0) } }

  private func state(_ cell: Int, rowCount: Int) -> any AggregateState {
    let state = states[cell] ?? aggregate.makeState(context)
    states[cell] = state
    state.resize(groupCount: rowCount)
    return state
  }

  func add(_ arguments: [Column], to cell: Int, rows: UnsafePointer<UInt32>, count: Int, rowCount: Int)
    throws(KernelError)
  {
    try state(cell, rowCount: rowCount).update(arguments, groups: rows, count: count)
  }

  func add(
    _ arguments: [Column], toEach cells: UnsafePointer<UInt32>, rows: UnsafePointer<UInt32>, count: Int, rowCount: Int
  ) throws(KernelError) {
    var byCell: [UInt32: [UInt32]] = [:]
    var touched: [UInt32] = []
    for index in 0..<count where cells[index] != PivotKeyTable.none {
      if byCell[cells[index]] == nil { touched.append(cells[index]) }
      byCell[cells[index], default: []].append(UInt32(truncatingIfNeeded: index))
    }
    for cell in touched {
      guard let chosen = byCell[cell] else { continue }
      let groups = Buffer.of(chosen.map { rows[Int($0)] })
      defer { withExtendedLifetime(groups) {} }
      try state(Int(cell), rowCount: rowCount).update(
        arguments.map { $0.take(chosen) }, groups: groups.base.assumingMemoryBound(to: UInt32.self), count: chosen.count)
    }
  }

  func absorb(_ others: [any PivotCells], maps: [[UInt32]], rowCount: Int) throws(KernelError) {
    for (other, map) in zip(others, maps) {
      guard let other = other as? GeneralPivotCells else { continue }
      let groups = Buffer.of(map)
      defer { withExtendedLifetime(groups) {} }
      for cell in states.indices {
        guard let theirs = other.states[cell] else { continue }
        theirs.resize(groupCount: map.count)
        try state(cell, rowCount: rowCount).merge(
          theirs, groupMap: groups.base.assumingMemoryBound(to: UInt32.self), count: map.count)
      }
    }
    for cell in states.indices {
      finished.append(try state(cell, rowCount: rowCount).finish(start: 0, count: rowCount))
      states[cell] = nil
    }
  }

  func results(_ cell: Int, rows: UnsafePointer<UInt32>, count: Int) throws(KernelError) -> Column {
    finished[cell].take(rows, count: count)
  }
}
