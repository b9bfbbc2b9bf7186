import Columnar

/// Where the build rows of each key are. Immutable once made; workers look keys up side by side.
///
///     key --(GroupTable)--> group --(starts)--> groupRows[starts[g] ..< starts[g + 1]] --> build row
// SAFETY: immutable after init.
final class JoinIndex: @unchecked Sendable {
  let table: GroupTable
  /// Per group, and one more: where its rows begin in `groupRows`.
  let starts: UnsafePointer<UInt32>
  let groupRows: UnsafePointer<UInt32>
  /// Every key has one row: `groupRows[group]` is it.
  let isUnique: Bool
  /// Every row has a key of its own, so that groups are numbered as rows are.
  let groupsAreRows: Bool
  private let startBuffer: Buffer
  private let rowBuffer: Buffer

  /// - Parameters:
  ///   - columns: the keys of all build rows.
  ///   - total: how many rows there are.
  init(_ columns: [Column], count total: Int, _ shape: JoinShape, _ check: () throws -> Void) throws {
    table = GroupTable(types: shape.keyTypes, expecting: columns.isEmpty ? 0 : total)
    let keys = columns.enumerated().map {
      JoinShape.comparable($1, matchesNulls: shape.matchesNulls[$0])
    }
    let grouper = Grouper(sharing: table)
    let groupBuffer = Buffer(byteCount: max(total, 1) &* 4)
    defer { withExtendedLifetime(groupBuffer) {} }
    let groups = groupBuffer.base.assumingMemoryBound(to: UInt32.self)
    var excluded = 0
    var begin = 0
    while begin < total {
      try check()
      let size = min(8192, total &- begin)
      let columns = keys.map { $0.slice(begin, size) }
      let usable = Self.usableRows(columns, shape.matchesNulls, size)
      if let usable {
        excluded &+= size &- usable.count
        var found = [UInt32](repeating: 0, count: usable.count)
        if !usable.isEmpty {
          Self.assign(grouper, columns.map { $0.take(usable) }, usable.count, &found)
        }
        for row in begin..<begin &+ size { groups[row] = GroupTable.none }
        for (position, row) in usable.enumerated() { groups[begin &+ Int(row)] = found[position] }
      } else {
        Self.assign(grouper, columns, size, groups + begin)
      }
      begin &+= size
    }
    isUnique = table.count == total - excluded
    groupsAreRows = isUnique && excluded == 0

    startBuffer = .zeroed(byteCount: (table.count &+ 2) &* 4)
    rowBuffer = Buffer(byteCount: max(total, 1) &* 4)
    let ends = startBuffer.base.assumingMemoryBound(to: UInt32.self)
    let list = rowBuffer.base.assumingMemoryBound(to: UInt32.self)
    starts = UnsafePointer(ends)
    groupRows = UnsafePointer(list)
    if groupsAreRows {
      for row in 0..<total { list[row] = UInt32(truncatingIfNeeded: row) }
      for group in 0...total { ends[group] = UInt32(truncatingIfNeeded: group) }
      return
    }
    // Counting sort of the rows by group.
    for row in 0..<total where groups[row] != GroupTable.none { ends[Int(groups[row]) &+ 1] &+= 1 }
    for group in 0..<table.count { ends[group &+ 1] &+= ends[group] }
    // `ends[g]` is where group g begins; it is advanced while filling and ends where g + 1 begins, then moved back by one.
    for row in 0..<total where groups[row] != GroupTable.none {
      let group = Int(groups[row])
      list[Int(ends[group])] = UInt32(truncatingIfNeeded: row)
      ends[group] &+= 1
    }
    var group = table.count
    while group > 0 {
      ends[group] = ends[group &- 1]
      group &-= 1
    }
    ends[0] = 0
  }

  private static func assign(
    _ grouper: Grouper, _ columns: [Column], _ count: Int, _ groups: UnsafeMutablePointer<UInt32>
  ) {
    if case .single(let group) = grouper.assign(columns, count: count, groups: groups, inserting: true) {
      groups.initialize(repeating: group, count: count)
    }
  }

  /// The rows without a NULL in a key that NULL does not match; nil for all of them.
  static func usableRows(_ keys: [Column], _ matchesNulls: [Bool], _ count: Int) -> [UInt32]? {
    var flags: [UInt8]?
    for (key, matches) in zip(keys, matchesNulls) where !matches && !key.hasNoValidity {
      let view = ColumnView(key)
      var merged = flags ?? [UInt8](repeating: 1, count: count)
      for row in 0..<count where !view.isValid(row) { merged[row] = 0 }
      flags = merged
    }
    guard let flags, flags.contains(0) else { return nil }
    return flags.indices.filter { flags[$0] == 1 }.map { UInt32(truncatingIfNeeded: $0) }
  }
}
