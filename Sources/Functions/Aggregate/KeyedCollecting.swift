import Columnar

extension FunctionLibrary {
  /// Aggregates that keep one row per group and key.
  static let keyedCollecting: [AggregateDefinition] = [
    AggregateDefinition(
      "map_agg", "A map of keys and values; of equal keys one value stays.", [.variable("K"), .variable("V")],
      returns: .pattern(.map(.variable("K"), .variable("V"))), isOrderSensitive: true
    ) { (types: [SQLType], result: SQLType) throws(FunctionError) in
      try requireComparable(types[0], "map_agg")
      return { _ in KeyedState(.pairs, types[0], types[1]) { rows, start, count in mapColumn(rows, start, count, result) } }
    },
    AggregateDefinition(
      "map_union", "The union of maps; of equal keys one value stays.", [.map(.variable("K"), .variable("V"))],
      returns: .argument(0), isOrderSensitive: true
    ) { (types: [SQLType], result: SQLType) throws(FunctionError) in
      let children = result.children
      return { _ in
        KeyedState(.maps, children[0], children[1]) { rows, start, count in mapColumn(rows, start, count, result) }
      }
    },
    AggregateDefinition(
      "histogram", "How often each value occurs.", [.variable("T")], returns: .pattern(.map(.variable("T"), .bigint))
    ) { (types: [SQLType], result: SQLType) throws(FunctionError) in
      try requireComparable(types[0], "histogram")
      return { _ in KeyedState(.counts, types[0], .bigint) { rows, start, count in mapColumn(rows, start, count, result) } }
    },
    AggregateDefinition(
      "approx_most_frequent", "The n most frequent values with their numbers: (n, x, capacity).",
      [.bigint, .variable("T"), .bigint], returns: .pattern(.map(.variable("T"), .bigint))
    ) { (types: [SQLType], result: SQLType) throws(FunctionError) in
      try requireComparable(types[1], "approx_most_frequent")
      return { _ in MostFrequentState(types[1], result) }
    },
  ]
}

/// Rows of (key, value), one per group and key: the first value stays, or counts are added up.
///
/// Duplicates are removed whenever the rows have doubled, so that memory follows the number of different keys.
private final class KeyedState: AggregateState {
  enum Input { case pairs, maps, counts }

  private let input: Input
  private var rows: GroupedRows
  private let types: [SQLType]
  private var limit = 1 << 14
  private let result: (GroupedRows, Int, Int) -> Column
  /// Groups that saw a map, even an empty one; for map_union.
  private let seen = GroupValues<UInt8>()

  init(_ input: Input, _ key: SQLType, _ value: SQLType, finish: @escaping (GroupedRows, Int, Int) -> Column) {
    self.input = input
    types = [key, value]
    rows = GroupedRows(types)
    result = finish
  }

  func resize(groupCount: Int) {
    rows.resize(groupCount)
    seen.resize(groupCount)
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    switch input {
    case .pairs: rows.append(arguments, groups: groups, count: count, rows: validRows(arguments[0]))
    case .counts:
      rows.append(
        [arguments[0], .constant(.bigint(1), count: count)], groups: groups, count: count, rows: validRows(arguments[0]))
    case .maps:
      let map = ListOperand(arguments[0])
      guard let values = map.values else { return }
      var entries: [UInt32] = []
      var entryGroups: [UInt32] = []
      for row in 0..<count where map.isValid(row) {
        seen.base[Int(groups[row])] = 1
        for entry in map.range(row) {
          entries.append(UInt32(truncatingIfNeeded: entry))
          entryGroups.append(groups[row])
        }
      }
      rows.append(
        [map.elements.take(entries), values.take(entries)], groups: entryGroups, count: entries.count)
    }
    compactIfGrown()
  }

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? KeyedState else { return }
    rows.append(other.rows, groupMap: groupMap)
    for group in 0..<count where other.seen[group] != 0 { seen.base[Int(groupMap[group])] = 1 }
    compactIfGrown()
  }

  private func compactIfGrown() {
    guard rows.count > limit else { return }
    compact()
    limit = max(1 << 14, rows.count * 2)
  }

  private func compact() {
    if input == .counts { rows.addUpCounts() } else { rows.keepFirstOfKeys() }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    compact()
    let column = result(rows, start, count)
    guard input == .maps else { return column }
    // A union of empty maps is an empty map, not NULL.
    let validity = Buffer(byteCount: count)
    for offset in 0..<count { validity.pointer(as: UInt8.self)[offset] = seen[start + offset] }
    return Column(
      flat: FlatVector(values: column.flat.values, validity: BufferSlice(validity), children: column.flat.children),
      type: column.type, count: count)
  }

  var byteCount: Int { rows.byteCount + seen.byteCount }
}

extension GroupedRows {
  fileprivate func keepFirstOfKeys() {
    let comparer = RowComparer(indexed().columns[0])
    reduce { (group: Int, index: Index) -> [UInt32] in
      let rows = index.rows(group)
      var seen = RowSet(comparer, capacity: rows.count)
      return rows.filter { seen.insert(Int($0)) }
    }
  }

  /// Column 1 is a bigint that is added up over equal keys of a group.
  fileprivate func addUpCounts() {
    let index = indexed()
    let comparer = RowComparer(index.columns[0])
    let counts = index.columns[1].flat.values
    let source = counts.pointer(as: Int64.self)
    var kept: [UInt32] = []
    var sums: [Int64] = []
    var groups: [UInt32] = []
    for group in 0..<groupCount {
      let rows = index.rows(group)
      if rows.isEmpty { continue }
      var seen = RowSet(comparer, capacity: rows.count)
      var places: [Int: Int] = [:]
      for row in rows {
        if let known = seen.indexInserting(Int(row)), let place = places[known] {
          sums[place] &+= source[Int(row)]
        } else {
          places[Int(row)] = kept.count
          kept.append(row)
          sums.append(source[Int(row)])
          groups.append(UInt32(truncatingIfNeeded: group))
        }
      }
    }
    if kept.count == count { return }
    replace(
      [index.columns[0].take(kept), Column(type: .bigint, count: sums.count, values: Buffer.of(sums))], groups: groups)
  }
}

/// Maps of the groups' rows (key, value); NULL for groups without rows.
private func mapColumn(_ rows: GroupedRows, _ start: Int, _ count: Int, _ type: SQLType) -> Column {
  let (keys, counts) = rows.listed(start: start, count: count, column: 0)
  let (values, _) = rows.listed(start: start, count: count, column: 1)
  var list = ListBuilder(count: count)
  for size in counts { if size == 0 { list.appendNull() } else { list.append(size) } }
  return list.finish(type, children: [keys, values])
}

/// approx_most_frequent, counted exactly.
private final class MostFrequentState: AggregateState {
  private let counts: KeyedState
  private let limits = GroupValues<Int64>()
  private let resultType: SQLType

  init(_ type: SQLType, _ resultType: SQLType) {
    counts = KeyedState(.counts, type, .bigint) { rows, start, count in mapColumn(rows, start, count, resultType) }
    self.resultType = resultType
  }

  func resize(groupCount: Int) {
    counts.resize(groupCount: groupCount)
    limits.resize(groupCount)
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let limit = Operand(arguments[0])
    for row in 0..<count where limit.isValid(row) {
      let wanted = limit.pointer(as: Int64.self)[row & limit.mask]
      guard wanted >= 2 else {
        throw .invalidArgument("approx_most_frequent bucket count must be greater than one, input bucket count: \(wanted)")
      }
      limits.base[Int(groups[row])] = wanted
    }
    try counts.update([arguments[1]], groups: groups, count: count)
  }

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? MostFrequentState else { return }
    try counts.merge(other.counts, groupMap: groupMap, count: count)
    for group in 0..<count where other.limits[group] > 0 { limits.base[Int(groupMap[group])] = other.limits[group] }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let maps = ListOperand(try counts.finish(start: start, count: count))
    guard let values = maps.values else { return .nulls(resultType, count: count) }
    let numbers = Operand(values)
    var list = ListBuilder(count: count)
    var kept: [UInt32] = []
    for row in 0..<count {
      guard maps.isValid(row) else {
        list.appendNull()
        continue
      }
      let best = maps.range(row).sorted {
        let (first, second) = (numbers.pointer(as: Int64.self)[$0], numbers.pointer(as: Int64.self)[$1])
        return first == second ? $0 < $1 : first > second
      }.prefix(Int(clamping: limits[start + row]))
      list.append(best.count)
      kept += best.map { UInt32(truncatingIfNeeded: $0) }
    }
    return list.finish(resultType, children: [maps.elements.take(kept), values.take(kept)])
  }

  var byteCount: Int { counts.byteCount + limits.byteCount }
}
