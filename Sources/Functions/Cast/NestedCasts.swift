import Columnar

extension Caster {
  /// Arrays, maps and rows: their children are cast as columns of their own.
  func castNested(_ column: Column) throws(KernelError) -> Column {
    do throws(KernelError) {
      return try castChildren(column.compacted())
    } catch {
      // Which row it was, and under TRY the other rows' values: one row at a time.
      return try castRowByRow(column, error)
    }
  }

  private func castChildren(_ column: Column) throws(KernelError) -> Column {
    let vector = column.flat
    var children: [Column] = []
    for (child, type) in zip(vector.children, target.children) {
      // A field that fails makes the whole value fail; only whole values become NULL.
      children.append(try castColumn(child, to: type, isTry: false, context: context))
    }
    let result = Column(
      flat: FlatVector(values: vector.values, validity: vector.validity, heap: vector.heap, children: children),
      type: target, count: column.count)
    if case .map = target { try MapKeys.checkUnique(result) }
    return result
  }

  private func castRowByRow(_ column: Column, _ failure: KernelError) throws(KernelError) -> Column {
    var pieces: [Column] = []
    for row in 0..<column.count {
      do throws(KernelError) {
        pieces.append(try castChildren(column.slice(row, 1).compacted()))
      } catch {
        var located = error
        located.row = row
        guard isTry else { throw located }
        pieces.append(.nulls(target, count: 1).flattened())
      }
    }
    return Column.concatenated(pieces, type: target)
  }
}

extension Column {
  /// The same nested rows with children that hold nothing else: list elements that no valid row refers to are dropped, and fields
  /// of NULL rows are NULL. Work over children then meets exactly the values that count.
  func compacted() -> Column {
    let plain = flattened()
    let vector = plain.flat
    let valid = vector.validity?.pointer(as: UInt8.self)
    switch plain.type.physical {
    case .row:
      guard let validity = vector.validity else { return plain }
      return Column(
        flat: FlatVector(
          values: vector.values, validity: validity, heap: vector.heap,
          children: vector.children.map { $0.masked(by: validity) }), type: plain.type, count: plain.count)
    case .list:
      let entries = vector.values.pointer(as: ListEntry.self)
      var total = 0
      var isDense = true
      for row in 0..<plain.count {
        if let valid, valid[row] == 0 {
          isDense = isDense && entries[row].count == 0
          continue
        }
        if Int(entries[row].offset) != total { isDense = false }
        total &+= Int(entries[row].count)
      }
      if isDense, vector.children.first.map({ $0.count == total }) ?? true { return plain }
      let indices = Buffer(byteCount: total * 4)
      let target = indices.pointer(as: UInt32.self)
      let newEntries = Buffer(byteCount: plain.count * 8)
      let output = newEntries.pointer(as: ListEntry.self)
      var next = 0
      for row in 0..<plain.count {
        let isNull = valid.map { $0[row] == 0 } ?? false
        let entry = isNull ? ListEntry(offset: 0, count: 0) : entries[row]
        output[row] = ListEntry(offset: UInt32(truncatingIfNeeded: next), count: entry.count)
        for element in 0..<Int(entry.count) {
          target[next] = entry.offset &+ UInt32(truncatingIfNeeded: element)
          next &+= 1
        }
      }
      return Column(
        flat: FlatVector(
          values: BufferSlice(newEntries), validity: vector.validity, heap: vector.heap,
          children: vector.children.map { $0.take(target, count: total) }), type: plain.type, count: plain.count)
    default: return plain
    }
  }

  /// NULL wherever the mask (a byte per row, 0 = NULL) says so.
  func masked(by mask: BufferSlice) -> Column {
    let plain = flattened()
    let vector = plain.flat
    let bytes = mask.pointer(as: UInt8.self)
    let validity = Buffer(byteCount: count)
    let target = validity.pointer(as: UInt8.self)
    if let own = vector.validity?.pointer(as: UInt8.self) {
      for row in 0..<count { target[row] = own[row] & bytes[row] }
    } else {
      for row in 0..<count { target[row] = bytes[row] }
    }
    return Column(
      flat: FlatVector(
        values: vector.values, validity: BufferSlice(validity), heap: vector.heap, children: vector.children),
      type: type, count: count)
  }
}

/// Rules about keys that every maker of maps keeps.
enum MapKeys {
  /// - Throws: when a valid row has a key twice.
  static func checkUnique(_ map: Column) throws(KernelError) {
    let vector = map.flat
    guard let keys = vector.children.first else { return }
    let comparer = RowComparer(keys)
    let entries = vector.values.pointer(as: ListEntry.self)
    let valid = vector.validity?.pointer(as: UInt8.self)
    for row in 0..<map.count {
      if let valid, valid[row] == 0 { continue }
      if let duplicate = firstDuplicate(comparer, entries[row]) {
        throw KernelError.invalidCast("Duplicate map keys (\(ValuePrinter(keys).string(duplicate))) are not allowed").at(row: row)
      }
    }
  }

  /// The row of a key that an entry before it equals.
  static func firstDuplicate(_ comparer: RowComparer, _ entry: ListEntry) -> Int? {
    let start = Int(entry.offset)
    let end = start + Int(entry.count)
    if entry.count <= 8 {
      for row in start..<end { for other in start..<row where comparer.isSame(row, other) { return row } }
      return nil
    }
    var rows = RowSet(comparer, capacity: Int(entry.count))
    for row in start..<end where !rows.insert(row) { return row }
    return nil
  }
}

/// A set of rows of one column by value (NULL and NaN equal themselves), open addressing.
struct RowSet {
  private let comparer: RowComparer
  private var slots: [Int32]
  private var mask: Int
  private(set) var count = 0

  init(_ comparer: RowComparer, capacity: Int) {
    self.comparer = comparer
    var size = 16
    while size < capacity * 2 { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
    mask = size - 1
  }

  /// False when an equal row is in the set already.
  mutating func insert(_ row: Int) -> Bool { indexInserting(row) == nil }

  /// The equal row that is in the set already; otherwise the row is put in and the answer is nil.
  mutating func indexInserting(_ row: Int) -> Int? {
    if count &* 2 >= slots.count { grow() }
    var slot = Int(truncatingIfNeeded: comparer.hash(row)) & mask
    while slots[slot] >= 0 {
      if comparer.isSame(Int(slots[slot]), row) { return Int(slots[slot]) }
      slot = (slot &+ 1) & mask
    }
    slots[slot] = Int32(truncatingIfNeeded: row)
    count &+= 1
    return nil
  }

  /// The row in the set that equals another.
  func index(of row: Int) -> Int? {
    var slot = Int(truncatingIfNeeded: comparer.hash(row)) & mask
    while slots[slot] >= 0 {
      if comparer.isSame(Int(slots[slot]), row) { return Int(slots[slot]) }
      slot = (slot &+ 1) & mask
    }
    return nil
  }

  mutating func removeAll() {
    guard count > 0 else { return }
    for index in slots.indices { slots[index] = -1 }
    count = 0
  }

  private mutating func grow() {
    let old = slots
    slots = [Int32](repeating: -1, count: old.count * 2)
    mask = slots.count - 1
    for row in old where row >= 0 {
      var slot = Int(truncatingIfNeeded: comparer.hash(Int(row))) & mask
      while slots[slot] >= 0 { slot = (slot &+ 1) & mask }
      slots[slot] = row
    }
  }
}
