import Columnar

extension FunctionLibrary {
  static let lambdas: [ScalarDefinition] = arrayLambdas + mapLambdas

  private static let list = TypePattern.array(.variable("T"))
  private static let entries = TypePattern.map(.variable("K"), .variable("V"))

  private static let arrayLambdas: [ScalarDefinition] = [
    ScalarDefinition(
      "transform", "What a function makes of each element.", [list, .function([.variable("T")], .variable("R"))],
      returns: .pattern(.array(.variable("R")))
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let spread = SpreadList(arguments[0], call.count)
      let results = try spread.evaluate(call.lambdas[0], [spread.elements])
      return spread.listed(call.resultType, children: [results])
    },
    ScalarDefinition(
      "filter", "The elements for which a function is true.", [list, .function([.variable("T")], .boolean)],
      returns: .argument(0)
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let spread = SpreadList(arguments[0], call.count)
      let flags = BooleanView(try spread.evaluate(call.lambdas[0], [spread.elements]))
      return try pickLists(call, from: spread.elements) { (row: Int, out: inout RowPicker) throws(KernelError) -> Bool in
        guard let range = spread.range(row) else { return false }
        for element in range where flags[element] == true { out.append(element) }
        return true
      }
    },
    matching("any_match", "Whether a function is true for some element.") { sawTrue, _, sawNull in
      sawTrue ? true : (sawNull ? nil : false)
    },
    matching("all_match", "Whether a function is true for every element.") { _, sawFalse, sawNull in
      sawFalse ? false : (sawNull ? nil : true)
    },
    matching("none_match", "Whether a function is true for no element.") { sawTrue, _, sawNull in
      sawTrue ? false : (sawNull ? nil : true)
    },
    ScalarDefinition(
      "reduce", aliases: ["aggregate"], "One value of all elements: a start, a function of state and element, and one of the last state.",
      [
        list, .variable("S"), .function([.variable("S"), .variable("T")], .variable("S")),
        .function([.variable("S")], .variable("R")),
      ], returns: .pattern(.variable("R")), propagatesNulls: false
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      try reduce(arguments, call, finish: call.lambdas[1])
    },
    ScalarDefinition(
      "aggregate", aliases: ["reduce"], "One value of all elements: a start, and a function of state and element (Spark).",
      [list, .variable("S"), .function([.variable("S"), .variable("T")], .variable("S"))],
      returns: .pattern(.variable("S")), propagatesNulls: false
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in try reduce(arguments, call, finish: nil) },
    ScalarDefinition(
      "zip_with", "What a function makes of the elements at the same position.",
      [
        .array(.variable("T")), .array(.variable("U")), .function([.variable("T"), .variable("U")], .variable("R")),
      ], returns: .pattern(.array(.variable("R"))), kernel: zipWith),
    ScalarDefinition(
      "array_sort", "The elements in the order of a function of two, which gives -1, 0 or 1.",
      [list, .function([.variable("T"), .variable("T")], .integer)], returns: .argument(0), kernel: sortByLambda),
  ]

  private static func matching(
    _ name: String, _ description: String, _ decide: @escaping @Sendable (_ sawTrue: Bool, _ sawFalse: Bool, _ sawNull: Bool) -> Bool?
  ) -> ScalarDefinition {
    ScalarDefinition(
      name, description, [list, .function([.variable("T")], .boolean)], returns: .type(.boolean)
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let spread = SpreadList(arguments[0], call.count)
      let flags = BooleanView(try spread.evaluate(call.lambdas[0], [spread.elements]))
      let builder = ColumnBuilder(type: .boolean, capacity: call.count)
      for row in 0..<call.count {
        guard let range = spread.range(row) else {
          builder.appendNull()
          continue
        }
        let result = decide(
          range.contains { flags[$0] == true }, range.contains { flags[$0] == false }, range.contains { flags[$0] == nil })
        if let result { builder.append(fixed: UInt8(result ? 1 : 0)) } else { builder.appendNull() }
      }
      return builder.finish()
    }
  }

  private static let mapLambdas: [ScalarDefinition] = [
    ScalarDefinition(
      "map_filter", "The entries for which a function of key and value is true.",
      [entries, .function([.variable("K"), .variable("V")], .boolean)], returns: .argument(0)
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let spread = SpreadList(arguments[0], call.count)
      let flags = BooleanView(try spread.evaluate(call.lambdas[0], [spread.elements, spread.values]))
      var result = ListBuilder(count: call.count)
      var kept: [UInt32] = []
      for row in 0..<call.count {
        guard let range = spread.range(row) else {
          result.appendNull()
          continue
        }
        let before = kept.count
        for entry in range where flags[entry] == true { kept.append(UInt32(truncatingIfNeeded: entry)) }
        result.append(kept.count - before)
      }
      return result.finish(call.resultType, children: [spread.elements.take(kept), spread.values.take(kept)])
    },
    ScalarDefinition(
      "transform_values", "The map with what a function makes of each key and value as values.",
      [entries, .function([.variable("K"), .variable("V")], .variable("R"))],
      returns: .pattern(.map(.variable("K"), .variable("R")))
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let spread = SpreadList(arguments[0], call.count)
      let results = try spread.evaluate(call.lambdas[0], [spread.elements, spread.values])
      return spread.listed(call.resultType, children: [spread.elements, results])
    },
    ScalarDefinition(
      "transform_keys", "The map with what a function makes of each key and value as keys.",
      [entries, .function([.variable("K"), .variable("V")], .variable("R"))],
      returns: .pattern(.map(.variable("R"), .variable("V")))
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let spread = SpreadList(arguments[0], call.count)
      let keys = try spread.evaluate(call.lambdas[0], [spread.elements, spread.values])
      let result = spread.listed(call.resultType, children: [keys, spread.values])
      try checkKeys(result) { "Duplicate keys (\($0)) are not allowed" }
      return result
    },
    ScalarDefinition(
      "map_zip_with", "The map of all keys of two maps, with what a function makes of key and both values.",
      [
        .map(.variable("K"), .variable("V")), .map(.variable("K"), .variable("W")),
        .function([.variable("K"), .variable("V"), .variable("W")], .variable("R")),
      ], returns: .pattern(.map(.variable("K"), .variable("R"))), kernel: mapZipWith),
  ]
}

/// The elements of all rows of an array or map side by side, as lambdas take them.
struct SpreadList {
  /// Elements, or the keys of a map.
  let elements: Column
  /// Values of a map; the elements again for arrays.
  let values: Column
  /// The row of the call that each element belongs to.
  let rows: [UInt32]
  private let ranges: [Range<Int>?]

  init(_ column: Column, _ count: Int) {
    let list = ListOperand(column)
    var indices: [UInt32] = []
    var rows: [UInt32] = []
    var ranges: [Range<Int>?] = []
    ranges.reserveCapacity(count)
    for row in 0..<count {
      guard list.isValid(row) else {
        ranges.append(nil)
        continue
      }
      let before = indices.count
      for element in list.range(row) {
        indices.append(UInt32(truncatingIfNeeded: element))
        rows.append(UInt32(truncatingIfNeeded: row))
      }
      ranges.append(before..<indices.count)
    }
    elements = list.elements.take(indices).flattened()
    values = (list.values ?? list.elements).take(indices).flattened()
    self.rows = rows
    self.ranges = ranges
  }

  /// Where a row's elements lie; nil for NULL.
  func range(_ row: Int) -> Range<Int>? { ranges[row] }

  /// The lambda's results for all elements, flat.
  func evaluate(_ lambda: LambdaEvaluator, _ parameters: [Column]) throws(KernelError) -> Column {
    try lambda(parameters, rows, rows.count).flattened()
  }

  /// Arrays or maps of the same shape over other children.
  func listed(_ type: SQLType, children: [Column]) -> Column {
    var list = ListBuilder(count: ranges.count)
    for range in ranges { if let range { list.append(range.count) } else { list.appendNull() } }
    return list.finish(type, children: children)
  }
}

/// Rows of a flat boolean column; nil is NULL.
struct BooleanView {
  private let column: Column
  private let operand: Operand

  init(_ column: Column) {
    self.column = column
    operand = Operand(column)
  }

  subscript(_ row: Int) -> Bool? {
    operand.isValid(row) ? operand.pointer(as: UInt8.self)[row & operand.mask] != 0 : nil
  }
}

/// All rows take their steps together: step `i` hands the `i`-th elements of the rows that have one to the lambda.
private func reduce(_ arguments: [Column], _ call: FunctionCall, finish: LambdaEvaluator?) throws(KernelError) -> Column {
  let list = ListOperand(arguments[0])
  let elements = list.elements
  var active: [UInt32] = []
  for row in 0..<call.count where list.isValid(row) { active.append(UInt32(truncatingIfNeeded: row)) }
  var state = arguments[1].flattened().take(active)
  // Rows that are through, with their states.
  var done: [UInt32] = []
  var states: [Column] = []
  var step = 0
  while !active.isEmpty {
    var ended: [UInt32] = []
    var going: [UInt32] = []
    var next: [UInt32] = []
    var rows: [UInt32] = []
    for (place, row) in active.enumerated() {
      let range = list.range(Int(row))
      if step < range.count {
        going.append(UInt32(truncatingIfNeeded: place))
        rows.append(row)
        next.append(UInt32(truncatingIfNeeded: range.lowerBound + step))
      } else {
        ended.append(UInt32(truncatingIfNeeded: place))
        done.append(row)
      }
    }
    if !ended.isEmpty { states.append(state.take(ended).flattened()) }
    active = rows
    if rows.isEmpty { break }
    let carried = going.count == state.count ? state : state.take(going)
    state = try call.lambdas[0]([carried, elements.take(next)], rows, rows.count).flattened()
    step += 1
  }
  guard !done.isEmpty else { return .nulls(call.resultType, count: call.count) }
  var result = Column.concatenated(states, type: states[0].type)
  if let finish { result = try finish([result], done, done.count).flattened() }
  var places = [Int](repeating: -1, count: call.count)
  for (place, row) in done.enumerated() { places[Int(row)] = place }
  var picker = RowPicker(capacity: call.count)
  for place in places { if place >= 0 { picker.append(place) } else { picker.appendNull() } }
  return picker.take(from: result)
}

private let zipWith: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let (first, second) = (ListOperand(arguments[0]), ListOperand(arguments[1]))
  var left = RowPicker(capacity: call.count * 4)
  var right = RowPicker(capacity: call.count * 4)
  var rows: [UInt32] = []
  var result = ListBuilder(count: call.count)
  for row in 0..<call.count {
    guard first.isValid(row), second.isValid(row) else {
      result.appendNull()
      continue
    }
    let (one, other) = (first.range(row), second.range(row))
    let longest = max(one.count, other.count)
    for place in 0..<longest {
      if place < one.count { left.append(one.lowerBound + place) } else { left.appendNull() }
      if place < other.count { right.append(other.lowerBound + place) } else { right.appendNull() }
      rows.append(UInt32(truncatingIfNeeded: row))
    }
    result.append(longest)
  }
  let elements = try call.lambdas[0](
    [left.take(from: first.elements), right.take(from: second.elements)], rows, rows.count)
  return result.finish(call.resultType, children: [elements.flattened()])
}

/// Small arrays compare all pairs in one call of the lambda; larger ones merge with a call per comparison.
private let sortByLambda: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let spread = SpreadList(arguments[0], call.count)
  let lambda = call.lambdas[0]
  func compare(_ left: [UInt32], _ right: [UInt32], _ rows: [UInt32]) throws(KernelError) -> [Int32] {
    let result = Operand(try lambda([spread.elements.take(left), spread.elements.take(right)], rows, rows.count).flattened())
    var orders: [Int32] = []
    orders.reserveCapacity(rows.count)
    for index in 0..<rows.count {
      let order = result.pointer(as: Int32.self)[index & result.mask]
      guard result.isValid(index), (-1...1).contains(order) else {
        throw KernelError.invalidArgument("Lambda comparator must return either -1, 0, or 1").at(row: Int(rows[index]))
      }
      orders.append(order)
    }
    return orders
  }
  return try pickLists(call, from: spread.elements) { (row: Int, out: inout RowPicker) throws(KernelError) -> Bool in
    guard let range = spread.range(row) else { return false }
    let size = range.count
    let number = UInt32(truncatingIfNeeded: row)
    var orders: [Int32] = []
    let knowsAll = size <= 64
    if knowsAll {
      var left: [UInt32] = []
      var right: [UInt32] = []
      for first in range {
        for second in range {
          left.append(UInt32(truncatingIfNeeded: first))
          right.append(UInt32(truncatingIfNeeded: second))
        }
      }
      orders = try compare(left, right, Array(repeating: number, count: left.count))
    }
    func isAfter(_ first: Int, _ second: Int) throws(KernelError) -> Bool {
      if knowsAll { return orders[(first - range.lowerBound) * size + second - range.lowerBound] > 0 }
      return try compare([UInt32(truncatingIfNeeded: first)], [UInt32(truncatingIfNeeded: second)], [number])[0] > 0
    }
    // Merge sort from runs of one: stable, and bounded whatever the lambda answers.
    var sorted = Array(range)
    var width = 1
    while width < size {
      var merged: [Int] = []
      merged.reserveCapacity(size)
      var start = 0
      while start < size {
        var (left, right) = (start, min(start + width, size))
        let (middle, end) = (right, min(start + 2 * width, size))
        while left < middle && right < end {
          if try isAfter(sorted[left], sorted[right]) {
            merged.append(sorted[right])
            right += 1
          } else {
            merged.append(sorted[left])
            left += 1
          }
        }
        merged += sorted[left..<middle]
        merged += sorted[right..<end]
        start = end
      }
      sorted = merged
      width *= 2
    }
    for element in sorted { out.append(element) }
    return true
  }
}

private let mapZipWith: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let (first, second) = (ListOperand(arguments[0]), ListOperand(arguments[1]))
  guard let firstValues = first.values, let secondValues = second.values else { return .nulls(call.resultType, count: call.count) }
  let base = first.elements.count
  let keys = Column.concatenated([first.elements.flattened(), second.elements.flattened()], type: first.elements.type)
  let comparer = RowComparer(keys)
  var keyRows: [UInt32] = []
  var left = RowPicker(capacity: call.count * 4)
  var right = RowPicker(capacity: call.count * 4)
  var rows: [UInt32] = []
  var result = ListBuilder(count: call.count)
  for row in 0..<call.count {
    guard first.isValid(row), second.isValid(row) else {
      result.appendNull()
      continue
    }
    var theirs = RowSet(comparer, capacity: second.range(row).count)
    for entry in second.range(row) { _ = theirs.insert(base + entry) }
    var mine = RowSet(comparer, capacity: first.range(row).count)
    let before = rows.count
    func add(_ key: Int, _ one: Int?, _ other: Int?) {
      keyRows.append(UInt32(truncatingIfNeeded: key))
      if let one { left.append(one) } else { left.appendNull() }
      if let other { right.append(other) } else { right.appendNull() }
      rows.append(UInt32(truncatingIfNeeded: row))
    }
    for entry in first.range(row) {
      _ = mine.insert(entry)
      add(entry, entry, theirs.index(of: entry).map { $0 - base })
    }
    for entry in second.range(row) where !mine.contains(base + entry) { add(base + entry, nil, entry) }
    result.append(rows.count - before)
  }
  let keyColumn = keys.take(keyRows)
  let values = try call.lambdas[0](
    [keyColumn, left.take(from: firstValues), right.take(from: secondValues)], rows, rows.count)
  return result.finish(call.resultType, children: [keyColumn, values.flattened()])
}

/// - Throws: when a valid row of a map has a NULL key or a key twice.
func checkKeys(_ map: Column, duplicate: (String) -> String) throws(KernelError) {
  let list = ListOperand(map)
  let comparer = RowComparer(list.elements)
  for row in 0..<map.count where list.isValid(row) {
    let range = list.range(row)
    guard range.allSatisfy({ comparer.isLeftValid($0) }) else {
      throw KernelError.invalidArgument("map key cannot be null").at(row: row)
    }
    let entry = ListEntry(
      offset: UInt32(truncatingIfNeeded: range.lowerBound), count: UInt32(truncatingIfNeeded: range.count))
    if let key = MapKeys.firstDuplicate(comparer, entry) {
      throw KernelError.invalidArgument(duplicate(shown(list.elements, key))).at(row: row)
    }
  }
}

/// A value of any type for a message.
func shown(_ column: Column, _ row: Int) -> String {
  var formatter = AthenaText(column)
  var text = TextBuffer()
  formatter.append(row: row, to: &text)
  return String(decoding: text.bytes, as: UTF8.self)
}
