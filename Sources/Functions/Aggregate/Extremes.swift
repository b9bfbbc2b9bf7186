import Columnar

extension FunctionLibrary {
  /// The rows with the smallest or largest keys.
  static let extremes: [AggregateDefinition] = [false, true].flatMap { isMax -> [AggregateDefinition] in
    let word = isMax ? "largest" : "smallest"
    let name = isMax ? "max" : "min"
    return [
      AggregateDefinition(
        name, "The n \(word) values as an array: \(name)(x, n).", [.variable("T"), .bigint],
        returns: .pattern(.array(.variable("T")))
      ) { (types: [SQLType], result: SQLType) throws(FunctionError) in
        try requireOrderable(types[0], name)
        return { _ in ExtremeRowsState(value: 0, key: 0, limit: 1, isMax: isMax, types: types, result) }
      },
      AggregateDefinition(
        "\(name)_by", "The value of x where y is \(word).", [.variable("T"), .variable("K")], returns: .argument(0)
      ) { (types: [SQLType], result: SQLType) throws(FunctionError) in
        try requireOrderable(types[1], "\(name)_by")
        return { _ in ExtremeRowsState(value: 0, key: 1, limit: nil, isMax: isMax, types: types, result) }
      },
      AggregateDefinition(
        "\(name)_by", "The values of x where y is among the n \(word): \(name)_by(x, y, n).",
        [.variable("T"), .variable("K"), .bigint], returns: .pattern(.array(.variable("T")))
      ) { (types: [SQLType], result: SQLType) throws(FunctionError) in
        try requireOrderable(types[1], "\(name)_by")
        return { _ in ExtremeRowsState(value: 0, key: 1, limit: 2, isMax: isMax, types: types, result) }
      },
    ]
  }
}

func requireOrderable(_ type: SQLType, _ function: String) throws(FunctionError) {
  guard type.isOrderable else {
    throw FunctionError("TYPE_MISMATCH", "Cannot order values of type \(type) in \(function)")
  }
}

/// The best rows of each group by a key; rows with a NULL key do not count, NaN is worse than every number.
private final class ExtremeRowsState: AggregateState {
  private let value: Int
  private let key: Int
  /// The argument with the number of rows to keep; nil for one row, whose value is the result itself.
  private let limit: Int?
  private let isMax: Bool
  private let resultType: SQLType
  private let rows: GroupedRows
  private let limits = GroupValues<Int64>()
  private var compactAt = 1 << 14

  init(value: Int, key: Int, limit: Int?, isMax: Bool, types: [SQLType], _ resultType: SQLType) {
    self.value = value
    self.key = key
    self.limit = limit
    self.isMax = isMax
    self.resultType = resultType
    rows = GroupedRows([types[value], types[key]])
  }

  func resize(groupCount: Int) {
    rows.resize(groupCount)
    limits.resize(groupCount)
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let keys = arguments[key].flattened()
    var wanted = validRows(keys)
    if let limit {
      let numbers = Operand(arguments[limit])
      wanted = (wanted ?? (0..<UInt32(truncatingIfNeeded: count)).map { $0 }).filter { numbers.isValid(Int($0)) }
      for row in wanted ?? [] {
        let number = numbers.pointer(as: Int64.self)[Int(row) & numbers.mask]
        let place = limit == 1 ? "second argument of max_n/min_n" : "third argument of max_by/min_by"
        guard number > 0 else { throw .invalidArgument("\(place) must be a positive integer") }
        guard number <= 10_000 else { throw .invalidArgument("\(place) must be less than or equal to 10000; found \(number)") }
        limits.base[Int(groups[Int(row)])] = number
      }
    } else {
      wanted = bestOfBatch(keys, wanted, groups, count)
    }
    rows.append([arguments[value], keys], groups: groups, count: count, rows: wanted)
    compactIfGrown()
  }

  /// One row per group of the batch.
  private func bestOfBatch(
    _ keys: Column, _ rows: [UInt32]?, _ groups: UnsafePointer<UInt32>, _ count: Int
  ) -> [UInt32] {
    let order = KeyOrder(keys, isMax: isMax)
    var best: [UInt32: UInt32] = [:]
    for row in rows ?? (0..<UInt32(truncatingIfNeeded: count)).map({ $0 }) {
      let group = groups[Int(row)]
      guard let known = best[group] else {
        best[group] = row
        continue
      }
      if order.isBetter(row, known) { best[group] = row }
    }
    return best.values.sorted()
  }

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? ExtremeRowsState else { return }
    rows.append(other.rows, groupMap: groupMap)
    for group in 0..<count where other.limits[group] > 0 { limits.base[Int(groupMap[group])] = other.limits[group] }
    compactIfGrown()
  }

  private func best(_ group: Int, _ index: GroupedRows.Index, _ order: KeyOrder) -> [UInt32] {
    let rows = index.rows(group)
    guard limit != nil else {
      guard var best = rows.first else { return [] }
      for row in rows.dropFirst() where order.isBetter(row, best) { best = row }
      return [best]
    }
    // Rows are in order of arrival: equal keys stay so.
    let sorted = rows.enumerated().sorted { first, second in
      if order.isBetter(first.element, second.element) { return true }
      return !order.isBetter(second.element, first.element) && first.offset < second.offset
    }
    return sorted.prefix(Int(limits[group])).map(\.element)
  }

  private func compactIfGrown() {
    guard rows.count > compactAt else { return }
    let order = KeyOrder(rows.indexed().columns[1], isMax: isMax)
    rows.reduce { group, index in self.best(group, index, order) }
    compactAt = max(1 << 14, rows.count * 2)
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let index = rows.indexed()
    let order = KeyOrder(index.columns[1], isMax: isMax)
    let groups = (start..<start + count).map { best($0, index, order) }
    guard limit != nil else {
      var picker = RowPicker(capacity: count)
      for rows in groups { if let row = rows.first { picker.append(Int(row)) } else { picker.appendNull() } }
      return picker.take(from: index.columns[0])
    }
    var list = ListBuilder(count: count)
    for rows in groups { if rows.isEmpty { list.appendNull() } else { list.append(rows.count) } }
    return list.finish(resultType, children: [index.columns[0].take(groups.flatMap { $0 })])
  }

  var byteCount: Int { rows.byteCount + limits.byteCount }
}

/// Which of two rows of a flat column is nearer to the wanted end.
struct KeyOrder {
  private let comparer: RowComparer
  private let column: Column
  private let isMax: Bool

  init(_ column: Column, isMax: Bool) {
    self.column = column
    self.isMax = isMax
    comparer = RowComparer(column)
  }

  func isBetter(_ row: UInt32, _ other: UInt32) -> Bool {
    if isNaN(row) { return false }
    if isNaN(other) { return true }
    let order = comparer.order(Int(row), Int(other))
    return isMax ? order > 0 : order < 0
  }

  private func isNaN(_ row: UInt32) -> Bool {
    switch column.type {
    case .double: column.flat.values.pointer(as: Double.self)[Int(row)].isNaN
    case .real: column.flat.values.pointer(as: Float.self)[Int(row)].isNaN
    default: false
    }
  }
}
