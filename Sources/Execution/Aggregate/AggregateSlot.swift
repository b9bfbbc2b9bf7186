import Columnar
import Functions
import SQLSyntax

/// One aggregate call over the groups of one table: FILTER, DISTINCT and ORDER BY around an `AggregateState`.
class AggregateSlot {
  let call: AggregateShape.Call
  let state: any AggregateState
  private let selection = Selection()

  static func make(_ call: AggregateShape.Call, _ context: QueryContext) -> AggregateSlot {
    if !call.order.isEmpty { return OrderedSlot(call, context) }
    return call.isDistinct ? DistinctSlot(call, context) : AggregateSlot(call, context)
  }

  init(_ call: AggregateShape.Call, _ context: QueryContext) {
    self.call = call
    state = call.function.makeState(call.lambdas, call.range, context)
  }

  /// Adds rows; `groups[i]` is the group of row `i`.
  final func consume(_ input: Batch, groups: UnsafePointer<UInt32>, groupCount: Int) throws(SQLError) {
    state.resize(groupCount: groupCount)
    guard let filter = call.filter else {
      return try add(call.arguments.map { input.columns[$0] }, orderKeys(input), groups, input.count)
    }
    selection.select(input.columns[filter])
    let kept = selection.count
    if kept == 0 { return }
    if kept == input.count {
      return try add(call.arguments.map { input.columns[$0] }, orderKeys(input), groups, input.count)
    }
    let indices = selection.indices
    let buffer = Buffer(byteCount: kept &* 4)
    let keptGroups = buffer.base.assumingMemoryBound(to: UInt32.self)
    for row in 0..<kept { keptGroups[row] = groups[Int(indices[row])] }
    let arguments = call.arguments.map { input.columns[$0].take(indices, count: kept) }
    let order = orderKeys(input).map { $0.take(indices, count: kept) }
    try withExtendedLifetime(buffer) { () throws(SQLError) in try add(arguments, order, keptGroups, kept) }
  }

  private func orderKeys(_ input: Batch) -> [Column] { call.order.map { input.columns[$0.column] } }

  func add(_ arguments: [Column], _ order: [Column], _ groups: UnsafePointer<UInt32>, _ count: Int) throws(SQLError) {
    try update(arguments, groups, count)
  }

  final func update(_ arguments: [Column], _ groups: UnsafePointer<UInt32>, _ count: Int) throws(SQLError) {
    do throws(KernelError) { try state.update(arguments, groups: groups, count: count) } catch {
      throw error.located(at: call.range)
    }
  }

  /// Adds what another worker's slot of the same call holds: its group `i` is `map[i]` here.
  func merge(_ other: AggregateSlot, map: UnsafePointer<UInt32>, count: Int, groupCount: Int) throws(SQLError) {
    state.resize(groupCount: groupCount)
    do throws(KernelError) { try state.merge(other.state, groupMap: map, count: count) } catch {
      throw error.located(at: call.range)
    }
  }

  /// True when single groups can be merged.
  var mergesByGroup: Bool { state is any GroupwiseAggregateState }

  /// Adds groups of another worker's slot of the same call: its group `groups[i]` is `map[i]` here. For slots that merge by group.
  final func merge(
    _ other: AggregateSlot, groups: UnsafePointer<UInt32>, map: UnsafePointer<UInt32>, count: Int, groupCount: Int
  ) throws(SQLError) {
    guard let state = state as? any GroupwiseAggregateState else { return }
    state.resize(groupCount: groupCount)
    do throws(KernelError) { try state.merge(other.state, groups: groups, into: map, count: count) } catch {
      throw error.located(at: call.range)
    }
  }

  /// Called once before `finish`.
  func complete() throws(SQLError) {}

  final func finish(start: Int, count: Int) throws(SQLError) -> Column {
    do throws(KernelError) { return try state.finish(start: start, count: count) } catch {
      throw error.located(at: call.range)
    }
  }

  var byteCount: Int { state.byteCount }
}

/// Passes each argument list on once per group.
final class DistinctFilter {
  private let table: GroupTable
  private let argumentTypes: [SQLType]

  init(_ argumentTypes: [SQLType]) {
    self.argumentTypes = argumentTypes
    table = GroupTable(types: [.integer] + argumentTypes)
  }

  var byteCount: Int { table.byteCount }
  var count: Int { table.count }

  /// The rows whose group and arguments were not seen before, ascending.
  func newRows(_ arguments: [Column], _ groups: UnsafePointer<UInt32>, _ count: Int) -> [UInt32] {
    let values = Buffer(byteCount: count &* 4)
    values.base.copyMemory(from: groups, byteCount: count &* 4)
    let groupColumn = Column(type: .integer, count: count, values: values)
    var entries = [UInt32](repeating: 0, count: count)
    var next = UInt32(truncatingIfNeeded: table.count)
    table.insert([groupColumn] + arguments, count: count, groups: &entries)
    // Entries are numbered in row order, so the first row of a new entry is the one that shows the next number.
    var rows: [UInt32] = []
    for row in 0..<count where entries[row] == next {
      rows.append(UInt32(truncatingIfNeeded: row))
      next &+= 1
    }
    return rows
  }

  /// What was passed on so far: groups and arguments of entries `start ..< start + count`.
  func entries(start: Int, count: Int) -> (groups: Column, arguments: [Column]) {
    let columns = (0...argumentTypes.count).map { table.keyColumn($0, start: start, count: count) }
    return (columns[0], Array(columns.dropFirst()))
  }
}

/// `count(DISTINCT x)` and the like.
final class DistinctSlot: AggregateSlot {
  private let filter: DistinctFilter

  override init(_ call: AggregateShape.Call, _ context: QueryContext) {
    filter = DistinctFilter(call.function.argumentTypes)
    super.init(call, context)
  }

  override var mergesByGroup: Bool { false }

  override func add(
    _ arguments: [Column], _ order: [Column], _ groups: UnsafePointer<UInt32>, _ count: Int
  ) throws(SQLError) {
    let rows = filter.newRows(arguments, groups, count)
    if rows.isEmpty { return }
    if rows.count == count { return try update(arguments, groups, count) }
    let kept = rows.map { groups[Int($0)] }
    try update(arguments.map { $0.take(rows) }, kept, rows.count)
  }

  override func merge(
    _ other: AggregateSlot, map: UnsafePointer<UInt32>, count: Int, groupCount: Int
  ) throws(SQLError) {
    guard let other = other as? DistinctSlot else { return }
    state.resize(groupCount: groupCount)
    var begin = 0
    while begin < other.filter.count {
      let size = min(8192, other.filter.count - begin)
      let (groups, arguments) = other.filter.entries(start: begin, count: size)
      let numbers = groups.flat.values.pointer(as: UInt32.self)
      let mapped = (0..<size).map { map[Int(numbers[$0])] }
      try add(arguments, [], mapped, size)
      begin += size
    }
  }

  override var byteCount: Int { state.byteCount &+ filter.byteCount }
}

/// `array_agg(x ORDER BY y)`: rows are kept and handed to the function in order at the end.
final class OrderedSlot: AggregateSlot {
  private let distinct: DistinctFilter?
  private var chunks: [Chunk] = []
  private var heldBytes = 0

  private struct Chunk {
    var groups: [UInt32]
    /// Arguments, then order keys.
    var columns: [Column]
    var count: Int { groups.count }
  }

  override init(_ call: AggregateShape.Call, _ context: QueryContext) {
    distinct = call.isDistinct ? DistinctFilter(call.function.argumentTypes) : nil
    super.init(call, context)
  }

  override var mergesByGroup: Bool { false }

  override func add(
    _ arguments: [Column], _ order: [Column], _ groups: UnsafePointer<UInt32>, _ count: Int
  ) throws(SQLError) {
    var columns = arguments + order
    var numbers = Array(UnsafeBufferPointer(start: groups, count: count))
    if let distinct {
      let rows = distinct.newRows(arguments, groups, count)
      if rows.isEmpty { return }
      columns = columns.map { $0.take(rows) }
      numbers = rows.map { numbers[Int($0)] }
    }
    columns = columns.map { $0.compacted() }
    heldBytes &+= numbers.count &* 4 &+ columns.reduce(0) { $0 &+ $1.estimatedByteCount }
    chunks.append(Chunk(groups: numbers, columns: columns))
  }

  override func merge(
    _ other: AggregateSlot, map: UnsafePointer<UInt32>, count: Int, groupCount: Int
  ) throws(SQLError) {
    guard let other = other as? OrderedSlot else { return }
    state.resize(groupCount: groupCount)
    let arguments = call.arguments.count
    for chunk in other.chunks {
      let mapped = chunk.groups.map { map[Int($0)] }
      try add(Array(chunk.columns[..<arguments]), Array(chunk.columns[arguments...]), mapped, mapped.count)
    }
  }

  override func complete() throws(SQLError) {
    if chunks.isEmpty { return }
    let groups = chunks.flatMap(\.groups)
    let columns = chunks[0].columns.indices.map { index in
      Column.concatenated(chunks.map { $0.columns[index] }, type: chunks[0].columns[index].type)
    }
    chunks = []
    let keys = SortOrder(
      call.order.enumerated().map { position, key in
        SortOrder.Key(
          column: call.arguments.count + position, isDescending: key.isDescending, nullsFirst: key.nullsFirst)
      })
    let order = keys.sortedRows(of: Batch(columns: columns, count: groups.count))
    var begin = 0
    while begin < order.count {
      let part = Array(order[begin..<min(order.count, begin + 8192)])
      let numbers = part.map { groups[Int($0)] }
      try update(columns[..<call.arguments.count].map { $0.take(part) }, numbers, part.count)
      begin += part.count
    }
  }

  override var byteCount: Int { state.byteCount &+ heldBytes &+ (distinct?.byteCount ?? 0) }
}
