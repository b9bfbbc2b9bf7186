import Columnar

extension FunctionLibrary {
  /// What LISTAGG with ON OVERFLOW TRUNCATE is called: a name that no script can write.
  package static let listaggTruncating = "$listagg_truncate"

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
      { _ in
        CollectingState(types, skipsNulls: true) { (rows: GroupedRows, start: Int, count: Int) throws(KernelError) in
          try joined(rows, start, count, isTruncating: false)
        }
      }
    },
    AggregateDefinition(
      listaggTruncating, "LISTAGG(x, separator ON OVERFLOW TRUNCATE filler WITH or WITHOUT COUNT).",
      [.varchar, .varchar, .varchar, .boolean], returns: .type(.varchar), isOrderSensitive: true
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) in
      { _ in
        CollectingState(types, skipsNulls: true) { (rows: GroupedRows, start: Int, count: Int) throws(KernelError) in
          try joined(rows, start, count, isTruncating: true)
        }
      }
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
  private let result: (GroupedRows, Int, Int) throws(KernelError) -> Column

  /// - Parameter skipsNulls: rows whose first argument is NULL are left out.
  init(
    _ types: [SQLType], skipsNulls: Bool, finish: @escaping (GroupedRows, Int, Int) throws(KernelError) -> Column
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

  func finish(start: Int, count: Int) throws(KernelError) -> Column { try result(rows, start, count) }

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

/// Bytes that a result of LISTAGG may have; Trino's.
private let longestJoined = 1_048_576

/// Texts one after the other with separators between them. What is longer than allowed is an error, or ends with a filler instead of the first entry
/// that does not fit: `a, b, ...(3)`.
private func joined(_ rows: GroupedRows, _ start: Int, _ count: Int, isTruncating: Bool) throws(KernelError) -> Column {
  let index = rows.indexed()
  let operands = index.columns.map { Operand($0) }
  func text(_ column: Int, _ row: UInt32) -> UnsafeRawBufferPointer {
    guard operands[column].isValid(Int(row)) else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return StringView.buffer(at: operands[column].pointer(as: StringView.self) + Int(row))
  }
  var out = TextColumnBuilder(count: count)
  for group in start..<start + count {
    let list = index.rows(group)
    if list.isEmpty { out.setNull() }
    var length = 0
    for (position, row) in list.enumerated() {
      let separator = text(1, row)
      let entry = text(0, row)
      length += entry.count + (position > 0 ? separator.count : 0)
      guard length > longestJoined else {
        if position > 0 { out.bytes.append(separator) }
        out.bytes.append(entry)
        continue
      }
      guard isTruncating else {
        throw KernelError(
          "EXCEEDED_FUNCTION_MEMORY_LIMIT",
          "Concatenated string has the length in bytes larger than the maximum output length \(longestJoined)")
      }
      if position > 0 { out.bytes.append(separator) }
      out.bytes.append(text(2, row))
      if operands[3].pointer(as: UInt8.self)[Int(row)] != 0 { out.bytes.append(text: "(\(list.count - position))") }
      break
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
