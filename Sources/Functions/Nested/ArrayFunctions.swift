import Columnar

extension FunctionLibrary {
  static let array: [ScalarDefinition] = arrayTests + arraySets + arrayPieces + arrayMakers

  private static let element = TypePattern.variable("T")
  private static let list = TypePattern.array(.variable("T"))

  // MARK: Questions about arrays

  private static let arrayTests: [ScalarDefinition] = [
    ScalarDefinition(
      "cardinality", aliases: ["size", "array_size"], "Number of elements.", [list], returns: .type(.bigint),
      kernel: cardinalityKernel),
    ScalarDefinition(
      "cardinality", aliases: ["size"], "Number of entries.", [.map(.variable("K"), .variable("V"))], returns: .type(.bigint),
      kernel: cardinalityKernel),
    ScalarDefinition(
      "contains", aliases: ["array_contains"], "Whether an element equals x; NULL when only a NULL element could.",
      [list, element], returns: .type(.boolean),
      kernel: listScalarKernel(.boolean) { (lists: ListArguments, row: Int) throws(KernelError) -> Bool? in
        let comparer = lists.comparer(0, with: 1)
        var sawUnknown = false
        for element in lists[0].range(row) {
          switch comparer.equality(element, row) {
          case .equal: return true
          case .unknown: sawUnknown = true
          case .different: break
          }
        }
        return sawUnknown ? nil : false
      }),
    ScalarDefinition(
      "array_position", "Position of the first element that equals x; 0 without one.", [list, element],
      returns: .type(.bigint),
      kernel: listScalarKernel(.bigint) { (lists: ListArguments, row: Int) throws(KernelError) -> Int64? in
        position(lists, row, instance: 1)
      }),
    ScalarDefinition(
      "array_position", "Position of the n-th element that equals x, from the end when n is negative.",
      [list, element, .bigint], returns: .type(.bigint),
      kernel: listScalarKernel(.bigint) { (lists: ListArguments, row: Int) throws(KernelError) -> Int64? in
        let instance = lists.bigint(2, row)
        guard instance != 0 else { throw .invalidArgument("array_position cannot take a 0-valued instance argument.") }
        return position(lists, row, instance: instance)
      }),
    ScalarDefinition(
      "arrays_overlap", "Whether two arrays share an element that is not NULL.", [list, list], returns: .type(.boolean),
      kernel: listScalarKernel(.boolean) { (lists: ListArguments, row: Int) throws(KernelError) -> Bool? in
        let comparer = lists.comparer(0, withElementsOf: 1)
        let mine = lists[0].range(row)
        let theirs = lists[1].range(row)
        if mine.isEmpty || theirs.isEmpty { return false }
        let hasNull = mine.contains { !comparer.isLeftValid($0) } || theirs.contains { !comparer.isRightValid($0) }
        for one in mine where comparer.isLeftValid(one) {
          for other in theirs where comparer.isRightValid(other) && comparer.isSame(one, other) { return true }
        }
        return hasNull ? nil : false
      }),
    ScalarDefinition(
      "contains_sequence", "Whether the second array occurs in the first without gaps.", [list, list],
      returns: .type(.boolean),
      kernel: listScalarKernel(.boolean) { (lists: ListArguments, row: Int) throws(KernelError) -> Bool? in
        let comparer = lists.comparer(0, withElementsOf: 1)
        let mine = lists[0].range(row)
        let theirs = lists[1].range(row)
        guard theirs.count <= mine.count else { return false }
        return (0...(mine.count - theirs.count)).contains { start in
          (0..<theirs.count).allSatisfy { comparer.isSame(mine.lowerBound + start + $0, theirs.lowerBound + $0) }
        }
      }),
    extreme("array_min", "Smallest element; NULL when one is NULL.", isGreatest: false),
    extreme("array_max", "Largest element; NULL when one is NULL.", isGreatest: true),
    ScalarDefinition(
      "array_first", "First element; NULL for an empty array.", [list], returns: .pattern(element),
      kernel: elementKernel { $0.first }),
    ScalarDefinition(
      "array_last", "Last element; NULL for an empty array.", [list], returns: .pattern(element),
      kernel: elementKernel { $0.last }),
  ]

  private static func position(_ lists: ListArguments, _ row: Int, instance: Int64) -> Int64 {
    let comparer = lists.comparer(0, with: 1)
    let range = lists[0].range(row)
    var left = instance.magnitude
    for step in 0..<range.count {
      let place = instance > 0 ? step : range.count - 1 - step
      guard comparer.equality(range.lowerBound + place, row) == .equal else { continue }
      left -= 1
      if left == 0 { return Int64(place + 1) }
    }
    return 0
  }

  private static func extreme(_ name: String, _ description: String, isGreatest: Bool) -> ScalarDefinition {
    ScalarDefinition(name, description, [list], returns: .pattern(element)) {
      (types: [SQLType], result: SQLType) throws(FunctionError) -> ScalarKernel in
      try requireOrderable(result, name)
      return { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let list = ListOperand(arguments[0])
        let elements = list.elements.flattened()
        let order = KeyOrder(elements, isMax: isGreatest)
        let valid = elements.flat.validity?.pointer(as: UInt8.self)
        var picker = RowPicker(capacity: call.count)
        for row in 0..<call.count {
          let range = list.isValid(row) ? list.range(row) : 0..<0
          guard var best = range.first, valid.map({ flags in range.allSatisfy { flags[$0] != 0 } }) ?? true else {
            picker.appendNull()
            continue
          }
          for element in range.dropFirst()
          where order.isBetter(UInt32(truncatingIfNeeded: element), UInt32(truncatingIfNeeded: best)) { best = element }
          picker.append(best)
        }
        return picker.take(from: elements)
      }
    }
  }

  // MARK: Arrays as sets; NULL is an element like others

  private static let arraySets: [ScalarDefinition] = [
    ScalarDefinition(
      "array_distinct", "Each element once, in order of first appearance.", [list], returns: .argument(0),
      kernel: pickingKernel { (lists: JoinedLists, row: Int, out: inout RowPicker) throws(KernelError) in
        var seen = RowSet(lists.comparer, capacity: lists.range(0, row).count)
        for element in lists.range(0, row) where seen.insert(element) { out.append(element) }
      }),
    ScalarDefinition(
      "array_union", "Elements of either array, each once.", [list, list], returns: .argument(0),
      kernel: pickingKernel { (lists: JoinedLists, row: Int, out: inout RowPicker) throws(KernelError) in
        var seen = RowSet(lists.comparer, capacity: lists.range(0, row).count + lists.range(1, row).count)
        for list in 0..<2 { for element in lists.range(list, row) where seen.insert(element) { out.append(element) } }
      }),
    ScalarDefinition(
      "array_intersect", "Elements of both arrays, each once.", [list, list], returns: .argument(0),
      kernel: pickingKernel { (lists: JoinedLists, row: Int, out: inout RowPicker) throws(KernelError) in
        var others = RowSet(lists.comparer, capacity: lists.range(1, row).count)
        for element in lists.range(1, row) { _ = others.insert(element) }
        var seen = RowSet(lists.comparer, capacity: lists.range(0, row).count)
        for element in lists.range(0, row) where others.contains(element) && seen.insert(element) { out.append(element) }
      }),
    ScalarDefinition(
      "array_except", "Elements of the first array that the second lacks, each once.", [list, list], returns: .argument(0),
      kernel: pickingKernel { (lists: JoinedLists, row: Int, out: inout RowPicker) throws(KernelError) in
        var seen = RowSet(lists.comparer, capacity: lists.range(0, row).count + lists.range(1, row).count)
        for element in lists.range(1, row) { _ = seen.insert(element) }
        for element in lists.range(0, row) where seen.insert(element) { out.append(element) }
      }),
    ScalarDefinition(
      "array_remove", "The array without elements that equal x.", [list, element], returns: .argument(0),
      kernel: { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let list = ListOperand(arguments[0])
        let needle = Operand(arguments[1])
        let comparer = RowComparer(list.elements, arguments[1])
        return try pickLists(call, from: list.elements) { (row: Int, out: inout RowPicker) throws(KernelError) -> Bool in
          guard list.isValid(row), needle.isValid(row) else { return false }
          for element in list.range(row) where comparer.equality(element, row) != .equal { out.append(element) }
          return true
        }
      }),
  ]

  // MARK: Other arrays of the same elements

  private static let arrayPieces: [ScalarDefinition] = [
    ScalarDefinition(
      "reverse", "The elements from the last to the first.", [list], returns: .argument(0),
      kernel: pickingKernel { (lists: JoinedLists, row: Int, out: inout RowPicker) throws(KernelError) in
        for element in lists.range(0, row).reversed() { out.append(element) }
      }),
    ScalarDefinition(
      "shuffle", "The elements in random order.", [list], returns: .argument(0), isDeterministic: false,
      kernel: { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let list = ListOperand(arguments[0])
        var generator = SeededGenerator(call.context)
        return try pickLists(call, from: list.elements) { (row: Int, out: inout RowPicker) throws(KernelError) -> Bool in
          guard list.isValid(row) else { return false }
          for element in Array(list.range(row)).shuffled(using: &generator) { out.append(element) }
          return true
        }
      }),
    ScalarDefinition(
      "slice", "So many elements from a position on, from the end when it is negative.", [list, .bigint, .bigint],
      returns: .argument(0),
      kernel: pickingKernel { (lists: JoinedLists, row: Int, out: inout RowPicker) throws(KernelError) in
        let range = lists.range(0, row)
        let start = lists.bigint(1, row)
        let length = lists.bigint(2, row)
        guard start != 0 else { throw .invalidArgument("SQL array indices start at 1") }
        guard length >= 0 else { throw .invalidArgument("length must be greater than or equal to 0") }
        let first = start > 0 ? start - 1 : Int64(range.count) + start
        guard first >= 0, first < Int64(range.count) else { return }
        let begin = range.lowerBound + Int(first)
        for element in begin..<(begin + Int(min(length, Int64(range.upperBound - begin)))) { out.append(element) }
      }),
    ScalarDefinition(
      "trim_array", "The array without its last n elements.", [list, .bigint], returns: .argument(0),
      kernel: pickingKernel { (lists: JoinedLists, row: Int, out: inout RowPicker) throws(KernelError) in
        let range = lists.range(0, row)
        let size = lists.bigint(1, row)
        guard size >= 0 else { throw .invalidArgument("size must not be negative: \(size)") }
        guard size <= Int64(range.count) else {
          throw .invalidArgument("size must not exceed array cardinality \(range.count): \(size)")
        }
        for element in range.dropLast(Int(size)) { out.append(element) }
      }),
    ScalarDefinition(
      "array_sort", aliases: ["sort_array"], "The elements in ascending order, NULLs last.", [list], returns: .argument(0)
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) -> ScalarKernel in
      try requireOrderable(types[0].children[0], "array_sort")
      return pickingKernel { (lists: JoinedLists, row: Int, out: inout RowPicker) throws(KernelError) in
        for element in lists.range(0, row).sorted(by: { lists.comparer.order($0, $1) < 0 }) { out.append(element) }
      }
    },
    ScalarDefinition(
      "flatten", "The elements of the inner arrays; NULL ones are left out.", [.array(list)], returns: .pattern(list),
      kernel: { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let outer = ListOperand(arguments[0])
        let inner = ListOperand(outer.elements)
        return try pickLists(call, from: inner.elements) { (row: Int, out: inout RowPicker) throws(KernelError) -> Bool in
          guard outer.isValid(row) else { return false }
          for list in outer.range(row) where inner.isValid(list) { for element in inner.range(list) { out.append(element) } }
          return true
        }
      }),
    ScalarDefinition(
      "ngrams", "All runs of n neighbours.", [list, .bigint], returns: .pattern(.array(list)),
      kernel: nestedPickingKernel { (lists: JoinedLists, row: Int, out: inout [[Int]]) throws(KernelError) in
        let range = lists.range(0, row)
        let size = lists.bigint(1, row)
        guard size > 0 else { throw .invalidArgument("N must be positive") }
        guard size < Int64(range.count) else { return out.append(Array(range)) }
        for start in range.lowerBound...(range.upperBound - Int(size)) { out.append(Array(start..<(start + Int(size)))) }
      }),
    ScalarDefinition(
      "combinations", "All subsets of n elements, n at most 5.", [list, .bigint], returns: .pattern(.array(list)),
      kernel: nestedPickingKernel { (lists: JoinedLists, row: Int, out: inout [[Int]]) throws(KernelError) in
        let range = lists.range(0, row)
        let size = lists.bigint(1, row)
        guard size >= 0 else { throw .invalidArgument("combination size must not be negative: \(size)") }
        guard size <= 5 else { throw .invalidArgument("combination size must not exceed 5: \(size)") }
        try combinations(of: range, Int(size), into: &out)
      }),
  ]

  /// Subsets in the order in which the largest position grows last, as Trino lists them.
  private static func combinations(of range: Range<Int>, _ size: Int, into out: inout [[Int]]) throws(KernelError) {
    guard size <= range.count else { return }
    var places = Array(0..<size)
    while true {
      guard out.count < 100_000 else { throw .invalidArgument("combinations exceed max size") }
      out.append(places.map { range.lowerBound + $0 })
      guard let next = (0..<size).first(where: { $0 + 1 < size ? places[$0] + 1 < places[$0 + 1] : places[$0] + 1 < range.count })
      else { return }
      places[next] += 1
      for place in 0..<next { places[place] = place }
    }
  }

  // MARK: Arrays of something else

  private static let arrayMakers: [ScalarDefinition] = [
    ScalarDefinition(
      "repeat", "An array of n times the same value.", [element, .bigint], returns: .pattern(list), propagatesNulls: false,
      kernel: { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let counts = Operand(arguments[1])
        return try pickLists(call, from: arguments[0].flattened()) { (row: Int, out: inout RowPicker) throws(KernelError) -> Bool in
          guard counts.isValid(row) else { return false }
          let size = counts.pointer(as: Int64.self)[row & counts.mask]
          guard size <= 10_000 else {
            throw .invalidArgument("count argument of repeat function must be less than or equal to 10000")
          }
          guard size >= 0 else { throw .invalidArgument("count argument of repeat function must be greater than or equal to 0") }
          for _ in 0..<size { out.append(row) }
          return true
        }
      }),
    ScalarDefinition(
      "array_join", "The elements as text with a delimiter between them; NULLs are left out.", [list, .varchar],
      returns: .type(.varchar), build: arrayJoin),
    ScalarDefinition(
      "array_join", "The same with a text in place of NULLs.", [list, .varchar, .varchar], returns: .type(.varchar),
      build: arrayJoin),
    zip(2), zip(3), zip(4), zip(5),
    ScalarDefinition(
      "array_histogram", "How often each element occurs; NULLs do not count.", [list],
      returns: .pattern(.map(element, .bigint)),
      kernel: { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let list = ListOperand(arguments[0])
        let comparer = RowComparer(list.elements)
        var maps = ListBuilder(count: call.count)
        var keys: [UInt32] = []
        var counts: [Int64] = []
        for row in 0..<call.count {
          guard list.isValid(row) else {
            maps.appendNull()
            continue
          }
          var seen = RowSet(comparer, capacity: list.range(row).count)
          var places: [Int: Int] = [:]
          let first = keys.count
          for element in list.range(row) where comparer.isLeftValid(element) {
            if let known = seen.indexInserting(element), let place = places[known] {
              counts[place] += 1
            } else {
              places[element] = keys.count
              keys.append(UInt32(truncatingIfNeeded: element))
              counts.append(1)
            }
          }
          maps.append(keys.count - first)
        }
        return maps.finish(
          call.resultType,
          children: [list.elements.take(keys), Column(type: .bigint, count: counts.count, values: Buffer.of(counts))])
      }),
  ]

  private static let arrayJoin:
    @Sendable (_ types: [SQLType], _ result: SQLType) throws(FunctionError) -> ScalarKernel = {
      (types: [SQLType], _: SQLType) throws(FunctionError) -> ScalarKernel in
      guard canCast(from: types[0].children[0], to: .varchar) else {
        throw FunctionError("INVALID_FUNCTION_ARGUMENT", "Input type \(types[0]) not supported")
      }
      return { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let list = ListOperand(arguments[0])
        let texts = Operand(try castColumn(list.elements, to: .varchar, isTry: false, context: call.context))
        return try textKernel { (operands: [Operand], row: Int, out: inout TextColumnBuilder) throws(KernelError) in
          func text(_ index: Int) -> UnsafeRawBufferPointer {
            StringView.buffer(at: operands[index].pointer(as: StringView.self) + (row & operands[index].mask))
          }
          var isFirst = true
          for element in list.range(row) {
            let isValid = texts.isValid(element)
            guard isValid || operands.count == 3 else { continue }
            if !isFirst { out.bytes.append(text(1)) }
            isFirst = false
            out.bytes.append(
              isValid ? StringView.buffer(at: texts.pointer(as: StringView.self) + (element & texts.mask)) : text(2))
          }
        }(arguments, call)
      }
    }

  /// Rows of the elements at the same position; shorter arrays are filled up with NULL.
  private static func zip(_ count: Int) -> ScalarDefinition {
    let variables = (0..<count).map { TypePattern.variable("T\($0)") }
    return ScalarDefinition(
      "zip", aliases: ["arrays_zip"], "Rows of the elements at the same position; shorter arrays are filled up with NULL.",
      variables.map { .array($0) },
      returns: .computed("array(row(...))") { (types: [SQLType]) throws(FunctionError) -> SQLType in
        .array(.row(types.map { RowField(name: nil, type: $0.children[0]) }))
      },
      kernel: { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let lists = arguments.map { ListOperand($0) }
        var result = ListBuilder(count: call.count)
        var pickers = lists.map { _ in RowPicker(capacity: call.count * 4) }
        for row in 0..<call.count {
          guard lists.allSatisfy({ $0.isValid(row) }) else {
            result.appendNull()
            continue
          }
          let ranges = lists.map { $0.range(row) }
          let longest = ranges.map(\.count).max() ?? 0
          for index in pickers.indices {
            for element in ranges[index] { pickers[index].append(element) }
            for _ in ranges[index].count..<longest { pickers[index].appendNull() }
          }
          result.append(longest)
        }
        let children = Swift.zip(lists, pickers).map { $1.take(from: $0.elements) }
        let rows = Column(
          flat: FlatVector(values: BufferSlice(Buffer(byteCount: 0)), children: children),
          type: call.resultType.children[0], count: result.elementCount)
        return result.finish(call.resultType, children: [rows])
      })
  }
}

private let cardinalityKernel: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  try optionalKernel(.bigint) { (operands: [Operand], row: Int) throws(KernelError) -> Int64? in
    Int64(operands[0].pointer(as: ListEntry.self)[row & operands[0].mask].count)
  }(arguments, call)
}

/// One element of each array, or NULL.
private func elementKernel(_ choose: @escaping @Sendable (Range<Int>) -> Int?) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let list = ListOperand(arguments[0])
    var picker = RowPicker(capacity: call.count)
    for row in 0..<call.count {
      if list.isValid(row), let element = choose(list.range(row)) { picker.append(element) } else { picker.appendNull() }
    }
    return picker.take(from: list.elements)
  }
}
