import Columnar

extension FunctionLibrary {
  static let map: [ScalarDefinition] = mapMakers + mapParts

  private static let keys = TypePattern.array(.variable("K"))
  private static let values = TypePattern.array(.variable("V"))
  private static let pattern = TypePattern.map(.variable("K"), .variable("V"))

  private static let mapMakers: [ScalarDefinition] = [
    ScalarDefinition("map", "An empty map.", [], returns: .type(.map(key: .unknown, value: .unknown))) {
      (_: [Column], call: FunctionCall) throws(KernelError) -> Column in
      .constant(Scalar(call.resultType, .map([])), count: call.count)
    },
    ScalarDefinition(
      "map", aliases: ["map_from_arrays"], "A map of an array of keys and one of values.", [keys, values],
      returns: .pattern(pattern)
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let (keys, values) = (ListOperand(arguments[0]), ListOperand(arguments[1]))
      var result = ListBuilder(count: call.count)
      var keyRows: [UInt32] = []
      var valueRows: [UInt32] = []
      for row in 0..<call.count {
        guard keys.isValid(row), values.isValid(row) else {
          result.appendNull()
          continue
        }
        let (one, other) = (keys.range(row), values.range(row))
        guard one.count == other.count else {
          throw KernelError.invalidArgument("Key and value arrays must be the same length").at(row: row)
        }
        for entry in one { keyRows.append(UInt32(truncatingIfNeeded: entry)) }
        for entry in other { valueRows.append(UInt32(truncatingIfNeeded: entry)) }
        result.append(one.count)
      }
      let map = result.finish(
        call.resultType, children: [keys.elements.take(keyRows), values.elements.take(valueRows)])
      try checkKeys(map) { "Duplicate map keys (\($0)) are not allowed" }
      return map
    },
    ScalarDefinition(
      "map_from_entries", "A map of an array of rows of key and value.", [.array(.row("R"))],
      returns: .computed("map(K,V)") { (types: [SQLType]) throws(FunctionError) -> SQLType in
        let (key, value) = try entryTypes(types[0], "map_from_entries")
        return .map(key: key, value: value)
      }
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let entries = try MapEntries(arguments[0], call)
      let map = entries.listed(call.resultType, children: [entries.keys, entries.values])
      try checkKeys(map) { "Duplicate keys (\($0)) are not allowed" }
      return map
    },
    ScalarDefinition(
      "multimap_from_entries", "A map from each key to the array of its values, of an array of rows.", [.array(.row("R"))],
      returns: .computed("map(K,array(V))") { (types: [SQLType]) throws(FunctionError) -> SQLType in
        let (key, value) = try entryTypes(types[0], "multimap_from_entries")
        return .map(key: key, value: .array(value))
      }
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let entries = try MapEntries(arguments[0], call)
      let comparer = RowComparer(entries.keys)
      var maps = ListBuilder(count: call.count)
      var keyRows: [UInt32] = []
      var lists: [[UInt32]] = []
      for row in 0..<call.count {
        guard let range = entries.range(row) else {
          maps.appendNull()
          continue
        }
        var seen = RowSet(comparer, capacity: range.count)
        var places: [Int: Int] = [:]
        let first = keyRows.count
        for entry in range {
          guard comparer.isLeftValid(entry) else { throw KernelError.invalidArgument("map key cannot be null").at(row: row) }
          if let known = seen.indexInserting(entry), let place = places[known] {
            lists[place].append(UInt32(truncatingIfNeeded: entry))
          } else {
            places[entry] = lists.count
            keyRows.append(UInt32(truncatingIfNeeded: entry))
            lists.append([UInt32(truncatingIfNeeded: entry)])
          }
        }
        maps.append(keyRows.count - first)
      }
      var arrays = ListBuilder(count: lists.count)
      for list in lists { arrays.append(list.count) }
      let values = arrays.finish(call.resultType.children[1], children: [entries.values.take(lists.flatMap { $0 })])
      return maps.finish(call.resultType, children: [entries.keys.take(keyRows), values])
    },
    ScalarDefinition(
      "map_concat", "The union of maps; of equal keys the last value counts.", [pattern, pattern], isVariadic: true,
      returns: .pattern(pattern), kernel: concatenateMaps),
  ]

  private static let mapParts: [ScalarDefinition] = [
    ScalarDefinition("map_keys", "All keys.", [pattern], returns: .pattern(keys)) {
      (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in child(0, arguments[0], call)
    },
    ScalarDefinition("map_values", "All values.", [pattern], returns: .pattern(values)) {
      (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in child(1, arguments[0], call)
    },
    ScalarDefinition(
      "map_entries", "All entries as rows of key and value.", [pattern],
      returns: .computed("array(row(K,V))") { (types: [SQLType]) throws(FunctionError) -> SQLType in
        .array(.row(types[0].children.map { RowField(name: nil, type: $0) }))
      }
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let spread = SpreadList(arguments[0], call.count)
      let rows = Column(
        flat: FlatVector(values: BufferSlice(Buffer(byteCount: 0)), children: [spread.elements, spread.values]),
        type: call.resultType.children[0], count: spread.rows.count)
      return spread.listed(call.resultType, children: [rows])
    },
    ScalarDefinition(
      "cosine_similarity", "Cosine of the angle between two sparse vectors.",
      [.map(.varchar, .double), .map(.varchar, .double)], returns: .type(.double), kernel: cosineKernel { $0 }),
    ScalarDefinition(
      "cosine_distance", "1 minus the cosine of the angle between two sparse vectors.",
      [.map(.varchar, .double), .map(.varchar, .double)], returns: .type(.double), kernel: cosineKernel { 1 - $0 }),
  ]

  /// Keys or values as arrays of the same shape.
  private static func child(_ index: Int, _ argument: Column, _ call: FunctionCall) -> Column {
    let spread = SpreadList(argument, call.count)
    return spread.listed(call.resultType, children: [index == 0 ? spread.elements : spread.values])
  }

  private static func entryTypes(_ type: SQLType, _ function: String) throws(FunctionError) -> (SQLType, SQLType) {
    guard case .array(.row(let fields)) = type, fields.count == 2 else {
      throw FunctionError("FUNCTION_NOT_FOUND", "Unexpected parameters (\(type)) for function \(function). Expected: \(function)(array(row(K,V)))")
    }
    return (fields[0].type, fields[1].type)
  }
}

/// Arrays of (key, value) rows taken apart.
private struct MapEntries {
  let keys: Column
  let values: Column
  private let spread: SpreadList

  init(_ column: Column, _ call: FunctionCall) throws(KernelError) {
    spread = SpreadList(column, call.count)
    let fields = spread.elements.flat
    if let validity = fields.validity?.pointer(as: UInt8.self) {
      for entry in 0..<spread.elements.count where validity[entry] == 0 {
        throw KernelError.invalidArgument("map entry cannot be null").at(row: Int(spread.rows[entry]))
      }
    }
    keys = fields.children[0].flattened()
    values = fields.children[1].flattened()
  }

  func range(_ row: Int) -> Range<Int>? { spread.range(row) }
  func listed(_ type: SQLType, children: [Column]) -> Column { spread.listed(type, children: children) }
}

private let concatenateMaps: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let maps = arguments.map { ListOperand($0) }
  var starts: [Int] = []
  var total = 0
  for map in maps {
    starts.append(total)
    total += map.elements.count
  }
  let keys = Column.concatenated(maps.map { $0.elements.flattened() }, type: call.resultType.children[0])
  let values = Column.concatenated(
    maps.map { ($0.values ?? $0.elements).flattened() }, type: call.resultType.children[1])
  let comparer = RowComparer(keys)
  var result = ListBuilder(count: call.count)
  var keyRows: [UInt32] = []
  var valueRows: [UInt32] = []
  for row in 0..<call.count {
    guard maps.allSatisfy({ $0.isValid(row) }) else {
      result.appendNull()
      continue
    }
    var seen = RowSet(comparer, capacity: 16)
    var places: [Int: Int] = [:]
    let first = keyRows.count
    for (index, map) in maps.enumerated() {
      for entry in map.range(row) {
        let place = starts[index] + entry
        if let known = seen.indexInserting(place), let target = places[known] {
          valueRows[target] = UInt32(truncatingIfNeeded: place)
        } else {
          places[place] = keyRows.count
          keyRows.append(UInt32(truncatingIfNeeded: place))
          valueRows.append(UInt32(truncatingIfNeeded: place))
        }
      }
    }
    result.append(keyRows.count - first)
  }
  return result.finish(call.resultType, children: [keys.take(keyRows), values.take(valueRows)])
}

private func cosineKernel(_ result: @escaping @Sendable (_ cosine: Double) -> Double) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let maps = arguments.map { ListOperand($0) }
    let values = maps.map { Operand($0.values ?? $0.elements) }
    let comparer = RowComparer(maps[0].elements, maps[1].elements)
    let builder = ColumnBuilder(type: .double, capacity: call.count)
    for row in 0..<call.count {
      guard maps.allSatisfy({ $0.isValid(row) }) else {
        builder.appendNull()
        continue
      }
      func value(_ map: Int, _ entry: Int) -> Double { values[map].pointer(as: Double.self)[entry & values[map].mask] }
      var product = 0.0
      for one in maps[0].range(row) {
        for other in maps[1].range(row) where comparer.isSame(one, other) { product += value(0, one) * value(1, other) }
      }
      var squares = [0.0, 0.0]
      var hasNull = false
      for map in 0..<2 {
        for entry in maps[map].range(row) {
          if !values[map].isValid(entry) { hasNull = true }
          squares[map] += value(map, entry) * value(map, entry)
        }
      }
      if hasNull || squares.contains(0) { builder.appendNull() } else { builder.append(fixed: result(product / (squares[0] * squares[1]).squareRoot())) }
    }
    return builder.finish()
  }
}
