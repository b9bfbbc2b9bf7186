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

/// max, min, sum and any_value of doubles, one dense column of 8 bytes per cell.
///
/// A cell holds the bits of its value exclusive-or `absent`, so that fresh, zeroed memory reads as "no value" and pages that nobody
/// writes are never touched. NaNs of the data are made canonical, hence differ from `absent`.
final class DoublePivotCells: PivotCells {
  enum Operation { case maximum, minimum, sum, any }

  /// A NaN that no arithmetic makes and that data are canonicalised away from.
  private static let absent: UInt64 = 0x7FF4_F2A2_1100_ABCD

  private let operation: Operation
  private let resultType: SQLType
  private var columns: [Buffer?]
  private var others: [(cells: DoublePivotCells, localRows: [UInt32])] = []
  private(set) var byteCount = 0

  init(operation: Operation, resultType: SQLType, cellCount: Int) {
    self.operation = operation
    self.resultType = resultType
    columns = Array(repeating: nil, count: cellCount)
  }

  private func column(_ cell: Int, rowCount: Int) -> UnsafeMutablePointer<UInt64> {
    if let buffer = columns[cell], buffer.byteCount >= rowCount * 8 {
      return buffer.base.assumingMemoryBound(to: UInt64.self)
    }
    // One sample rarely has all keys, so the next one brings a few more: leave an eighth of room, which costs nothing while untouched.
    let old = columns[cell]
    let grown = Buffer.zeroed(byteCount: max(rowCount * 9, 4_096 * 8))
    if let old { grown.base.copyMemory(from: old.base, byteCount: old.byteCount) }
    byteCount += grown.byteCount - (old?.byteCount ?? 0)
    columns[cell] = grown
    return grown.base.assumingMemoryBound(to: UInt64.self)
  }

  func add(_ arguments: [Column], to cell: Int, rows: UnsafePointer<UInt32>, count: Int, rowCount: Int)
    throws(KernelError)
  {
    let argument = arguments[0]
    let view = ColumnView(argument)
    let target = column(cell, rowCount: rowCount)
    let values = view.pointer(as: Double.self)
    if let indices = view.indices, !view.mayHaveNulls {
      accumulate(count) { index in (target + Int(rows[index]), values[Int(indices[index])]) }
    } else if view.isFlat {
      if let validity = view.valueValidity {
        accumulate(count, validity) { index in (target + Int(rows[index]), values[index]) }
      } else {
        accumulate(count) { index in (target + Int(rows[index]), values[index]) }
      }
    } else {
      accumulate(count, where: { view.isValid($0) }) { index in (target + Int(rows[index]), values[view.index(index)]) }
    }
  }

  func add(
    _ arguments: [Column], toEach cells: UnsafePointer<UInt32>, rows: UnsafePointer<UInt32>, count: Int, rowCount: Int
  ) throws(KernelError) {
    let argument = arguments[0]
    let view = ColumnView(argument)
    let values = view.pointer(as: Double.self)
    var bases = [UnsafeMutablePointer<UInt64>?](repeating: nil, count: columns.count)
    for index in 0..<count where cells[index] != PivotKeyTable.none && bases[Int(cells[index])] == nil {
      bases[Int(cells[index])] = column(Int(cells[index]), rowCount: rowCount)
    }
    bases.withUnsafeBufferPointer { bases in
      accumulate(count, where: { cells[$0] != PivotKeyTable.none && view.isValid($0) }) { index in
        (bases[Int(cells[index])].unsafelyUnwrapped + Int(rows[index]), values[view.index(index)])
      }
    }
  }

  @inline(__always)
  private func accumulate(
    _ count: Int, _ validity: UnsafePointer<UInt8>,
    _ pair: (Int) -> (UnsafeMutablePointer<UInt64>, Double)
  ) {
    accumulate(count, where: { validity[$0] != 0 }, pair)
  }

  @inline(__always)
  private func accumulate(
    _ count: Int, where isWanted: (Int) -> Bool = { _ in true }, _ pair: (Int) -> (UnsafeMutablePointer<UInt64>, Double)
  ) {
    switch operation {
    case .maximum:
      for index in 0..<count where isWanted(index) {
        let (cell, value) = pair(index)
        Self.store(cell, Self.maximum(cell.pointee, value))
      }
    case .minimum:
      for index in 0..<count where isWanted(index) {
        let (cell, value) = pair(index)
        Self.store(cell, Self.minimum(cell.pointee, value))
      }
    case .sum:
      for index in 0..<count where isWanted(index) {
        let (cell, value) = pair(index)
        Self.store(cell, cell.pointee == 0 ? value : Self.value(cell.pointee) + value)
      }
    case .any:
      for index in 0..<count where isWanted(index) {
        let (cell, value) = pair(index)
        if cell.pointee == 0 { Self.store(cell, value) }
      }
    }
  }

  @inline(__always)
  private static func value(_ stored: UInt64) -> Double { Double(bitPattern: stored ^ absent) }

  @inline(__always)
  private static func store(_ cell: UnsafeMutablePointer<UInt64>, _ value: Double) {
    let bits = value == value ? value.bitPattern : 0x7FF8_0000_0000_0000
    cell.pointee = bits ^ absent
  }

  /// Trino's max: NaN only when there is nothing else.
  @inline(__always)
  private static func maximum(_ stored: UInt64, _ value: Double) -> Double {
    let old = Self.value(stored)
    return stored == 0 || value > old || old != old ? value : old
  }

  /// Trino's min: NaN only when there is nothing else.
  @inline(__always)
  private static func minimum(_ stored: UInt64, _ value: Double) -> Double {
    let old = Self.value(stored)
    return stored == 0 || value < old || old != old ? value : old
  }

  func absorb(_ others: [any PivotCells], maps: [[UInt32]], rowCount: Int) throws(KernelError) {
    for (other, map) in zip(others, maps) {
      guard let other = other as? DoublePivotCells else { continue }
      var localRows = [UInt32](repeating: PivotKeyTable.none, count: rowCount)
      for (local, row) in map.enumerated() { localRows[Int(row)] = UInt32(truncatingIfNeeded: local) }
      self.others.append((other, localRows))
    }
  }

  func results(_ cell: Int, rows: UnsafePointer<UInt32>, count: Int) throws(KernelError) -> Column {
    let output = Buffer.zeroed(byteCount: count * 8)
    let bits = output.base.assumingMemoryBound(to: UInt64.self)
    if let own = columns[cell] {
      let source = own.base.assumingMemoryBound(to: UInt64.self)
      let limit = own.byteCount / 8
      for index in 0..<count {
        let row = Int(rows[index])
        if row < limit { bits[index] = source[row] }
      }
    }
    for (other, localRows) in others {
      guard let buffer = other.columns[cell] else { continue }
      let source = buffer.base.assumingMemoryBound(to: UInt64.self)
      let limit = buffer.byteCount / 8
      localRows.withUnsafeBufferPointer { localRows in
        for index in 0..<count {
          let local = Int(localRows[Int(rows[index])])
          guard local < limit, source[local] != 0 else { continue }
          merge(bits + index, Self.value(source[local]))
        }
      }
    }
    let validity = Buffer(byteCount: count)
    let flags = validity.base.assumingMemoryBound(to: UInt8.self)
    var present = 0
    for index in 0..<count {
      let flag: UInt8 = bits[index] == 0 ? 0 : 1
      flags[index] = flag
      present &+= Int(flag)
      bits[index] ^= Self.absent
    }
    return Column(type: resultType, count: count, values: output, validity: present == count ? nil : validity)
  }

  private func merge(_ cell: UnsafeMutablePointer<UInt64>, _ value: Double) {
    switch operation {
    case .maximum: Self.store(cell, Self.maximum(cell.pointee, value))
    case .minimum: Self.store(cell, Self.minimum(cell.pointee, value))
    case .sum: Self.store(cell, cell.pointee == 0 ? value : Self.value(cell.pointee) + value)
    case .any: if cell.pointee == 0 { Self.store(cell, value) }
    }
  }
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
      try state(Int(cell), rowCount: rowCount).update(
        arguments.map { $0.take(chosen) }, groups: groups.base.assumingMemoryBound(to: UInt32.self), count: chosen.count)
    }
  }

  func absorb(_ others: [any PivotCells], maps: [[UInt32]], rowCount: Int) throws(KernelError) {
    for (other, map) in zip(others, maps) {
      guard let other = other as? GeneralPivotCells else { continue }
      let groups = Buffer.of(map)
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
