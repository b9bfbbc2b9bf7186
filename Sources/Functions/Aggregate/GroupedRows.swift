import Columnar
import Glibc

/// Argument rows kept for the end, each with its group: what array_agg, map_agg, min_by and their like hold.
///
/// Rows arrive in batches and are kept as columns; batches of similar size are joined, so that few pieces remain however small the
/// batches are. Nothing of the input is referred to: text is copied.
final class GroupedRows {
  private struct Piece {
    var groups: [UInt32]
    var columns: [Column]
  }

  private let types: [SQLType]
  private var pieces: [Piece] = []
  private(set) var groupCount = 0
  private(set) var count = 0
  private(set) var byteCount = 0
  private var index: Index?

  /// All rows in order of their groups, and within a group in order of arrival.
  struct Index {
    let columns: [Column]
    /// Row numbers of `columns`.
    let order: [UInt32]
    /// Group `g` has the rows `order[starts[g] ..< starts[g + 1]]`.
    let starts: [Int]

    func rows(_ group: Int) -> ArraySlice<UInt32> { order[starts[group]..<starts[group + 1]] }
  }

  init(_ types: [SQLType]) { self.types = types }

  func resize(_ groupCount: Int) {
    if groupCount > self.groupCount {
      self.groupCount = groupCount
      index = nil
    }
  }

  /// Adds rows of a batch: all, or those at `rows`.
  func append(_ columns: [Column], groups: UnsafePointer<UInt32>, count: Int, rows: [UInt32]? = nil) {
    let size = rows?.count ?? count
    if size == 0 { return }
    let numbers = rows.map { $0.map { groups[Int($0)] } } ?? Array(UnsafeBufferPointer(start: groups, count: count))
    let kept = columns.map { column in (rows.map { column.take($0) } ?? column).detached() }
    add(Piece(groups: numbers, columns: kept))
  }

  private func add(_ piece: Piece) {
    index = nil
    count += piece.groups.count
    pieces.append(piece)
    while pieces.count > 1, pieces[pieces.count - 2].groups.count < 2 * pieces[pieces.count - 1].groups.count {
      let last = pieces.removeLast()
      let before = pieces.removeLast()
      pieces.append(
        Piece(groups: before.groups + last.groups, columns: types.indices.map { join([before, last], $0) }))
    }
    byteCount = pieces.reduce(0) { $0 + $1.groups.count * 4 + $1.columns.reduce(0) { $0 + $1.heldByteCount } }
  }

  private func join(_ pieces: [Piece], _ column: Int) -> Column {
    let joined = Column.concatenated(pieces.map { $0.columns[column] }, type: types[column])
    // Many small blocks of text become few.
    return joined.flat.heap.count > 32 ? joined.detached() : joined
  }

  /// Adds another state's rows behind the own ones.
  func append(_ other: GroupedRows, groupMap: UnsafePointer<UInt32>) {
    for piece in other.pieces { add(Piece(groups: piece.groups.map { groupMap[Int($0)] }, columns: piece.columns)) }
  }

  /// Computed when it is first asked for.
  func indexed() -> Index {
    if let index { return index }
    let columns = types.indices.map { column in
      pieces.isEmpty ? ColumnBuilder(type: types[column]).finish() : join(pieces, column).flattened()
    }
    var starts = [Int](repeating: 0, count: groupCount + 1)
    for piece in pieces { for group in piece.groups { starts[Int(group) + 1] += 1 } }
    for group in 0..<groupCount { starts[group + 1] += starts[group] }
    var next = starts
    var order = [UInt32](repeating: 0, count: count)
    var row: UInt32 = 0
    for piece in pieces {
      for group in piece.groups {
        order[next[Int(group)]] = row
        next[Int(group)] += 1
        row += 1
      }
    }
    let made = Index(columns: columns, order: order, starts: starts)
    index = made
    return made
  }

  /// Keeps only some rows: `keep` answers for every group, in the order wanted, with row numbers of the index. When all rows
  /// stay, so does their order.
  func reduce(_ keep: (Int, Index) -> [UInt32]) {
    let index = indexed()
    var kept: [UInt32] = []
    var groups: [UInt32] = []
    for group in 0..<groupCount where !index.rows(group).isEmpty {
      let rows = keep(group, index)
      kept += rows
      for _ in rows { groups.append(UInt32(truncatingIfNeeded: group)) }
    }
    if kept.count == count { return }
    replace(index.columns.map { $0.take(kept) }, groups: groups)
  }

  /// Other rows in place of all there are.
  func replace(_ columns: [Column], groups: [UInt32]) {
    pieces = []
    count = 0
    byteCount = 0
    index = nil
    if !groups.isEmpty { add(Piece(groups: groups, columns: columns.map { $0.detached() })) }
  }

  /// Rows of the groups `start ..< start + size` side by side, in the index's order, and how many each group has.
  func listed(start: Int, count size: Int, column: Int) -> (column: Column, counts: [Int]) {
    let index = indexed()
    let rows = Array(index.order[index.starts[start]..<index.starts[start + size]])
    return (index.columns[column].take(rows), (start..<start + size).map { index.starts[$0 + 1] - index.starts[$0] })
  }
}

extension Column {
  /// A flat copy that holds nothing but its own values: text is copied out of the blocks it shares with others.
  func detached() -> Column {
    let plain = compacted()
    let vector = plain.flat
    switch plain.type.physical {
    case .string:
      let source = vector.values.pointer(as: StringView.self)
      let views = Buffer(byteCount: count * 16)
      let target = views.pointer(as: StringView.self)
      let valid = vector.validity?.pointer(as: UInt8.self)
      var heap = StringHeap()
      for row in 0..<count {
        if let valid, valid[row] == 0 {
          target[row] = StringView()
        } else {
          target[row] = source[row].isInline ? source[row] : heap.copy(StringView.buffer(at: source + row))
        }
      }
      return Column(
        flat: FlatVector(values: BufferSlice(views), validity: vector.validity?.copied(byteCount: count), heap: heap.blocks),
        type: type, count: count)
    default:
      return Column(
        flat: FlatVector(
          values: vector.values.copied(byteCount: count * plain.type.physical.byteWidth),
          validity: vector.validity?.copied(byteCount: count), children: vector.children.map { $0.detached() }),
        type: type, count: count)
    }
  }

  /// Bytes of a detached column.
  var heldByteCount: Int {
    let vector = flat
    return count * (type.physical.byteWidth + (vector.validity == nil ? 0 : 1))
      + vector.heap.reduce(0) { $0 + $1.byteCount } + vector.children.reduce(0) { $0 + $1.heldByteCount }
  }
}

extension BufferSlice {
  /// The first bytes in a buffer of their own.
  func copied(byteCount: Int) -> BufferSlice {
    let copy = Buffer(byteCount: byteCount)
    memcpy(copy.base, base, byteCount)
    return BufferSlice(copy)
  }
}
