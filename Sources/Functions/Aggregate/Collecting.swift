import Columnar

extension FunctionLibrary {
  /// Aggregates that keep all their rows.
  static let collecting: [AggregateDefinition] = [
    AggregateDefinition(
      "array_agg", "All values, NULLs included, as an array.", [.variable("T")], returns: .pattern(.array(.variable("T"))),
      isOrderSensitive: true
    ) { (types: [SQLType], result: SQLType) throws(FunctionError) in
      { _ in CollectingState(types, skipsNulls: false) { (rows: GroupedRows, start: Int, count: Int) in arrays(rows, start, count, result) } }
    },
    AggregateDefinition(
      "listagg", aliases: ["string_agg"], "Texts one after the other, with a separator between them.", [.varchar, .varchar],
      returns: .type(.varchar), isOrderSensitive: true
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) in
      { _ in CollectingState(types, skipsNulls: true, finish: joined) }
    },
    AggregateDefinition(
      "multimap_agg", "A map from each key to the array of its values.", [.variable("K"), .variable("V")],
      returns: .pattern(.map(.variable("K"), .array(.variable("V")))), isOrderSensitive: true
    ) { (types: [SQLType], result: SQLType) throws(FunctionError) in
      try requireComparable(types[0], "multimap_agg")
      return { _ in CollectingState(types, skipsNulls: true) { rows, start, count in multimaps(rows, start, count, result) } }
    },
  ]
}

func requireComparable(_ type: SQLType, _ function: String) throws(FunctionError) {
  guard type.isComparable else {
    throw FunctionError("TYPE_MISMATCH", "Values of type \(type) cannot be compared in \(function)")
  }
}

/// Keeps the rows of its arguments and makes results of them at the end.
private final class CollectingState: AggregateState {
  private let rows: GroupedRows
  private let skipsNulls: Bool
  private let result: (GroupedRows, Int, Int) -> Column

  /// - Parameter skipsNulls: rows whose first argument is NULL are left out.
  init(
    _ types: [SQLType], skipsNulls: Bool, finish: @escaping (GroupedRows, Int, Int) -> Column
  ) {
    rows = GroupedRows(types)
    self.skipsNulls = skipsNulls
    result = finish
  }

  func resize(groupCount: Int) { rows.resize(groupCount) }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    rows.append(arguments, groups: groups, count: count, rows: skipsNulls ? validRows(arguments[0]) : nil)
  }

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? CollectingState else { return }
    rows.append(other.rows, groupMap: groupMap)
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column { result(rows, start, count) }

  var byteCount: Int { rows.byteCount }
}

/// The rows of a batch in which a column is not NULL; nil when that is all of them.
func validRows(_ column: Column) -> [UInt32]? {
  if column.hasNoValidity { return nil }
  let view = ColumnView(column)
  return (0..<UInt32(truncatingIfNeeded: column.count)).filter { view.isValid(Int($0)) }
}

private func arrays(_ rows: GroupedRows, _ start: Int, _ count: Int, _ type: SQLType) -> Column {
  let (elements, counts) = rows.listed(start: start, count: count, column: 0)
  var list = ListBuilder(count: count)
  for size in counts { if size == 0 { list.appendNull() } else { list.append(size) } }
  return list.finish(type, children: [elements])
}

private func joined(_ rows: GroupedRows, _ start: Int, _ count: Int) -> Column {
  let index = rows.indexed()
  let texts = Operand(index.columns[0])
  let separators = Operand(index.columns[1])
  var out = TextColumnBuilder(count: count)
  for group in start..<start + count {
    let list = index.rows(group)
    if list.isEmpty { out.setNull() }
    var isFirst = true
    for row in list {
      if !isFirst, separators.isValid(Int(row)) {
        out.bytes.append(StringView.buffer(at: separators.pointer(as: StringView.self) + Int(row)))
      }
      isFirst = false
      out.bytes.append(StringView.buffer(at: texts.pointer(as: StringView.self) + Int(row)))
    }
    out.endRow()
  }
  return out.finish(.varchar)
}

/// Keys in order of their first appearance, each with its values in order of arrival.
private func multimaps(_ rows: GroupedRows, _ start: Int, _ count: Int, _ type: SQLType) -> Column {
  let index = rows.indexed()
  let comparer = RowComparer(index.columns[0])
  var maps = ListBuilder(count: count)
  var keys: [UInt32] = []
  var values: [UInt32] = []
  var sizes: [Int] = []
  for group in start..<start + count {
    let list = index.rows(group)
    if list.isEmpty {
      maps.appendNull()
      continue
    }
    var seen = RowSet(comparer, capacity: list.count)
    var places: [Int: Int] = [:]
    var lists: [[UInt32]] = []
    for row in list {
      if let known = seen.indexInserting(Int(row)), let place = places[known] {
        lists[place].append(row)
      } else {
        places[Int(row)] = lists.count
        keys.append(row)
        lists.append([row])
      }
    }
    maps.append(lists.count)
    for list in lists {
      values += list
      sizes.append(list.count)
    }
  }
  var arrays = ListBuilder(count: sizes.count)
  for size in sizes { arrays.append(size) }
  let valueColumn = arrays.finish(type.children[1], children: [index.columns[1].take(values)])
  return maps.finish(type, children: [index.columns[0].take(keys), valueColumn])
}
