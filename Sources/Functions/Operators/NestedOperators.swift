import Columnar

extension FunctionLibrary {
  static let nestedOperators: [ScalarDefinition] = [
    ScalarDefinition(
      "subscript", "The element at a 1-based position; outside is an error.", [.array(.variable("T")), .bigint],
      returns: .pattern(.variable("T")), kernel: arraySubscript(isStrict: true)),
    ScalarDefinition(
      "subscript", "The value of a key; a missing key is an error.", [.map(.variable("K"), .variable("V")), .variable("K")],
      returns: .pattern(.variable("V")), kernel: mapSubscript(isStrict: true)),
    ScalarDefinition(
      "element_at", "The element at a position, from the end when negative; NULL outside.",
      [.array(.variable("T")), .bigint], returns: .pattern(.variable("T")), kernel: arraySubscript(isStrict: false)),
    ScalarDefinition(
      "element_at", "The value of a key, or NULL.", [.map(.variable("K"), .variable("V")), .variable("K")],
      returns: .pattern(.variable("V")), kernel: mapSubscript(isStrict: false)),
    ScalarDefinition(
      "array_constructor", "ARRAY[...]", [], returns: .type(.array(.unknown)), propagatesNulls: false, kernel: makeArray),
    ScalarDefinition(
      "array_constructor", "ARRAY[...]", [.variable("T")], isVariadic: true, returns: .pattern(.array(.variable("T"))),
      propagatesNulls: false, kernel: makeArray),
  ]

  static let concatenationOperators: [ScalarDefinition] = [
    ScalarDefinition(
      "||", "Texts one after the other.", [.varchar, .varchar], returns: .type(.varchar), kernel: concatenateBytes),
    ScalarDefinition(
      "||", "Bytes one after the other.", [.varbinary, .varbinary], returns: .type(.varbinary), kernel: concatenateBytes),
    ScalarDefinition(
      "concat", "Texts one after the other.", [.varchar, .varchar], isVariadic: true, returns: .type(.varchar),
      kernel: concatenateBytes),
    ScalarDefinition(
      "concat", "Bytes one after the other.", [.varbinary, .varbinary], isVariadic: true, returns: .type(.varbinary),
      kernel: concatenateBytes),
    ScalarDefinition(
      "concat", "Arrays one after the other.", [.array(.variable("T")), .array(.variable("T"))], isVariadic: true,
      returns: .pattern(.array(.variable("T"))), kernel: concatenateArrays),
    ScalarDefinition(
      "||", "Arrays one after the other.", [.array(.variable("T")), .array(.variable("T"))],
      returns: .pattern(.array(.variable("T"))), kernel: concatenateArrays),
    elementConcatenation("||", isFront: false),
    elementConcatenation("concat", isFront: false),
    elementConcatenation("||", isFront: true),
    elementConcatenation("concat", isFront: true),
  ]
}

private let concatenateBytes: ScalarKernel = textKernel {
  (operands: [Operand], row: Int, out: inout TextColumnBuilder) throws(KernelError) in
  for operand in operands {
    out.bytes.append(StringView.buffer(at: operand.pointer(as: StringView.self) + (row & operand.mask)))
  }
}

private func arraySubscript(isStrict: Bool) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let list = ListOperand(arguments[0])
    let position = Operand(arguments[1])
    let positions = position.pointer(as: Int64.self)
    var picker = RowPicker(capacity: call.count)
    for row in 0..<call.count {
      guard list.isValid(row), position.isValid(row) else {
        picker.appendNull()
        continue
      }
      let range = list.range(row)
      let index = positions[row & position.mask]
      if index == 0 { throw KernelError.invalidArgument("SQL array indices start at 1").at(row: row) }
      if isStrict {
        if index < 0 { throw KernelError.invalidArgument("Array subscript is negative: \(index)").at(row: row) }
        if index > range.count {
          throw KernelError.invalidArgument(
            "Array subscript must be less than or equal to array length: \(index) > \(range.count)").at(row: row)
        }
      }
      if index.magnitude > UInt64(range.count) {
        picker.appendNull()
      } else {
        picker.append(index > 0 ? range.lowerBound &+ Int(index) &- 1 : range.upperBound &+ Int(index))
      }
    }
    return picker.take(from: list.elements)
  }
}

private func mapSubscript(isStrict: Bool) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let map = ListOperand(arguments[0])
    guard let values = map.values else { return arguments[0] }
    let key = Operand(arguments[1])
    let finder = ElementFinder(elements: map.elements, needles: arguments[1])
    var picker = RowPicker(capacity: call.count)
    for row in 0..<call.count {
      guard map.isValid(row), key.isValid(row) else {
        picker.appendNull()
        continue
      }
      if let found = finder.find(map.range(row), row) {
        picker.append(found)
      } else if isStrict {
        throw KernelError.invalidArgument("Key not present in map: \(ValuePrinter(arguments[1]).string(row))").at(row: row)
      } else {
        picker.appendNull()
      }
    }
    return picker.take(from: values)
  }
}

/// `ARRAY[a, b, c]` of columns: the elements of one row side by side.
private let makeArray: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let count = call.count
  var list = ListBuilder(count: count)
  for _ in 0..<count { list.append(arguments.count) }
  guard let first = arguments.first else {
    return list.finish(call.resultType, children: [ColumnBuilder(type: .unknown).finish()])
  }
  let all = Column.concatenated(arguments.map { $0.flattened() }, type: first.type)
  var picker = RowPicker(capacity: count * arguments.count)
  for row in 0..<count { for argument in 0..<arguments.count { picker.append(argument * count + row) } }
  return list.finish(call.resultType, children: [picker.take(from: all)])
}

private let concatenateArrays: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let lists = arguments.map { ListOperand($0) }
  var starts: [Int] = []
  var total = 0
  for list in lists {
    starts.append(total)
    total += list.elements.count
  }
  let all = Column.concatenated(lists.map { $0.elements.flattened() }, type: lists[0].elements.type)
  var result = ListBuilder(count: call.count)
  var picker = RowPicker(capacity: call.count * 4)
  for row in 0..<call.count {
    guard lists.allSatisfy({ $0.isValid(row) }) else {
      result.appendNull()
      continue
    }
    var size = 0
    for (index, list) in lists.enumerated() {
      let range = list.range(row)
      for element in range { picker.append(starts[index] &+ element) }
      size += range.count
    }
    result.append(size)
  }
  return result.finish(call.resultType, children: [picker.take(from: all)])
}

/// `array || element` and `element || array`.
private func elementConcatenation(_ name: String, isFront: Bool) -> ScalarDefinition {
  let parameters: [TypePattern] =
    isFront ? [.variable("T"), .array(.variable("T"))] : [.array(.variable("T")), .variable("T")]
  return ScalarDefinition(
    name, isFront ? "An array with an element before it." : "An array with one more element.", parameters,
    returns: .pattern(.array(.variable("T"))), propagatesNulls: false
  ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let list = ListOperand(arguments[isFront ? 1 : 0])
    let extra = arguments[isFront ? 0 : 1].flattened()
    let all = Column.concatenated([list.elements.flattened(), extra], type: extra.type)
    let base = list.elements.count
    var result = ListBuilder(count: call.count)
    var picker = RowPicker(capacity: call.count * 4)
    for row in 0..<call.count {
      guard list.isValid(row) else {
        result.appendNull()
        continue
      }
      if isFront { picker.append(base &+ row) }
      for element in list.range(row) { picker.append(element) }
      if !isFront { picker.append(base &+ row) }
      result.append(list.range(row).count + 1)
    }
    return result.finish(call.resultType, children: [picker.take(from: all)])
  }
}
