import Columnar
import Functions
import SQLSyntax

/// The groups and accumulators of one grouping set, owned by one worker at a time.
final class AggregateTable {
  private let shape: AggregateShape
  private let context: QueryContext
  /// Positions of the set's keys among all keys; empty for a global aggregate, which always has one group.
  private let keys: [Int]
  let set: Int
  private let grouper: Grouper?
  private let slots: [AggregateSlot]
  private var groups = Buffer(byteCount: 0)
  /// What `groups` is filled with, when it is one value.
  private var filling: (group: UInt32, count: Int) = (0, 0)

  init(_ shape: AggregateShape, set: Int, _ context: QueryContext) {
    self.shape = shape
    self.context = context
    self.set = set
    keys = shape.groupingSets[set]
    grouper = keys.isEmpty ? nil : Grouper(types: keys.map { shape.keyTypes[$0] })
    slots = shape.calls.map { AggregateSlot.make($0, context) }
    if grouper == nil { for slot in slots { slot.state.resize(groupCount: 1) } }
  }

  var isGlobal: Bool { grouper == nil }
  var groupCount: Int { grouper?.count ?? 1 }
  var byteCount: Int { slots.reduce(grouper?.byteCount ?? 0) { $0 &+ $1.byteCount } }

  /// Adds the rows of a computed input batch; new keys make new groups.
  func consume(_ input: Batch) throws(SQLError) {
    let numbers = scratch(input.count)
    if let grouper {
      switch grouper.assign(keys.map { input.columns[$0] }, count: input.count, groups: numbers, inserting: true) {
      case .single(let group): fill(group, input.count)
      case .rows: filling = (0, 0)
      }
    } else {
      fill(0, input.count)
    }
    for slot in slots { try slot.consume(input, groups: numbers, groupCount: groupCount) }
  }

  /// Adds the rows of known keys; returns the rows of others, with their hashes.
  func consumeKnown(_ input: Batch) throws(SQLError) -> (rows: Batch, hashes: [UInt64])? {
    guard let grouper else {
      try consume(input)
      return nil
    }
    let numbers = scratch(input.count)
    filling = (0, 0)
    let columns = keys.map { input.columns[$0] }
    if case .single(let group) = grouper.assign(columns, count: input.count, groups: numbers, inserting: false) {
      numbers.initialize(repeating: group, count: input.count)
    }
    var known: [UInt32] = []
    var knownGroups: [UInt32] = []
    var others: [UInt32] = []
    for row in 0..<input.count {
      if numbers[row] == GroupTable.none {
        others.append(UInt32(truncatingIfNeeded: row))
      } else {
        known.append(UInt32(truncatingIfNeeded: row))
        knownGroups.append(numbers[row])
      }
    }
    if !known.isEmpty {
      let rows = known.count == input.count ? input : input.take(known, count: known.count)
      for slot in slots { try slot.consume(rows, groups: knownGroups, groupCount: groupCount) }
    }
    if others.isEmpty { return nil }
    let rest = others.count == input.count ? input : input.take(others, count: others.count)
    return (rest, rest.keyHashes(keys))
  }

  /// Adds another worker's groups and accumulators of the same set.
  func merge(_ other: AggregateTable) throws(SQLError) {
    let size = other.groupCount
    var map = [UInt32](repeating: 0, count: size)
    if let grouper, let theirs = other.grouper {
      grouper.table.insert(groupsOf: theirs.table, (0..<UInt32(truncatingIfNeeded: size)).map { $0 }, count: size, map: &map)
    }
    for (slot, theirs) in zip(slots, other.slots) { try slot.merge(theirs, map: map, count: size, groupCount: groupCount) }
  }

  /// True when single groups of such a table can be merged.
  var mergesByGroup: Bool { !isGlobal && slots.allSatisfy(\.mergesByGroup) }

  /// Hashes of the groups' keys, in group order; nil for a global aggregate.
  var groupHashes: UnsafePointer<UInt64>? { grouper?.table.groupHashes }

  /// Adds those groups of another worker's table of the same set.
  func merge(_ other: AggregateTable, groups: ArraySlice<UInt32>) throws(SQLError) {
    guard let grouper, let theirs = other.grouper, !groups.isEmpty else { return }
    var map = [UInt32](repeating: 0, count: groups.count)
    let numbers = Array(groups)
    grouper.table.insert(groupsOf: theirs.table, numbers, count: numbers.count, map: &map)
    for (slot, theirs) in zip(slots, other.slots) {
      try slot.merge(theirs, groups: numbers, map: map, count: numbers.count, groupCount: groupCount)
    }
  }

  /// Called once before `output`.
  func complete() throws(SQLError) {
    for slot in slots { try slot.complete() }
  }

  /// Result rows of groups `start ..< start + count`: keys, aggregates, and the number of the set when there are several.
  func output(start: Int, count: Int) throws(SQLError) -> Batch {
    var columns: [Column] = []
    for (key, type) in shape.keyTypes.enumerated() {
      if let position = keys.firstIndex(of: key), let grouper {
        columns.append(grouper.table.keyColumn(position, start: start, count: count))
      } else {
        columns.append(.nulls(type, count: count))
      }
    }
    for slot in slots { columns.append(try slot.finish(start: start, count: count)) }
    if shape.groupingSets.count > 1 { columns.append(.constant(.bigint(Int64(set)), count: count)) }
    return Batch(columns: columns, count: count)
  }

  private func scratch(_ count: Int) -> UnsafeMutablePointer<UInt32> {
    if groups.byteCount < count &* 4 {
      groups = Buffer(byteCount: max(count, context.batchCapacity) &* 4)
      filling = (0, 0)
    }
    return groups.base.assumingMemoryBound(to: UInt32.self)
  }

  /// Writes one group number for every row, unless it is there already.
  private func fill(_ group: UInt32, _ count: Int) {
    if filling.group == group && filling.count >= count { return }
    groups.base.assumingMemoryBound(to: UInt32.self).initialize(repeating: group, count: count)
    filling = (group, count)
  }
}

extension Batch {
  /// Hashes of key columns, for dividing rows into partitions.
  func keyHashes(_ keys: [Int]) -> [UInt64] {
    [UInt64](unsafeUninitializedCapacity: count) { buffer, initialised in
      if let base = buffer.baseAddress {
        for (position, key) in keys.enumerated() { columns[key].hash(into: base, combining: position > 0) }
        if keys.isEmpty { base.initialize(repeating: 0, count: count) }
      }
      initialised = count
    }
  }

  func take(_ rows: [UInt32], count: Int) -> Batch {
    Batch(columns: columns.map { $0.take(rows) }, count: count)
  }
}
