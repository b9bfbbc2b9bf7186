import Columnar

/// The arguments of a function over arrays, with comparers that are made once per batch.
final class ListArguments {
  private let columns: [Column]
  private let operands: [Operand]
  private var lists: [Int: ListOperand] = [:]
  private var comparers: [Int: RowComparer] = [:]

  init(_ columns: [Column]) {
    self.columns = columns
    operands = columns.map { Operand($0) }
    for (index, column) in columns.enumerated() where column.type.physical == .list { lists[index] = ListOperand(column) }
  }

  subscript(_ index: Int) -> ListOperand { lists[index] ?? ListOperand(columns[index]) }

  func isValid(_ row: Int) -> Bool { operands.allSatisfy { $0.isValid(row) } }
  func bigint(_ index: Int, _ row: Int) -> Int64 { operands[index].pointer(as: Int64.self)[row & operands[index].mask] }

  /// Elements of one argument against the rows of another.
  func comparer(_ list: Int, with argument: Int) -> RowComparer {
    if let known = comparers[list << 8 | argument] { return known }
    let made = RowComparer(self[list].elements, columns[argument])
    comparers[list << 8 | argument] = made
    return made
  }

  /// Elements of one argument against elements of another.
  func comparer(_ list: Int, withElementsOf other: Int) -> RowComparer {
    if let known = comparers[list << 8 | other | 1 << 16] { return known }
    let made = RowComparer(self[list].elements, self[other].elements)
    comparers[list << 8 | other | 1 << 16] = made
    return made
  }
}

/// Fixed-width results of array arguments; rows with a NULL argument are NULL.
func listScalarKernel<R: SQLResult>(
  _ type: SQLType, _ body: @escaping @Sendable (ListArguments, Int) throws(KernelError) -> R?
) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let lists = ListArguments(arguments)
      let values = Buffer.zeroed(byteCount: call.count * MemoryLayout<R.Output>.stride)
      let target = values.pointer(as: R.Output.self)
      let validity = Buffer.allValid(count: call.count)
      var hasNulls = false
      for row in 0..<call.count {
        do throws(KernelError) {
          if lists.isValid(row), let value = try body(lists, row) {
            target[row] = value.output
            continue
          }
        } catch { throw error.at(row: row) }
        validity.pointer(as: UInt8.self)[row] = 0
        hasNulls = true
      }
      return Column(type: type, count: call.count, values: values, validity: hasNulls ? validity : nil)
    }
  }
}

/// Arrays made of elements of one column; `body` says false for NULL.
func pickLists(
  _ call: FunctionCall, from elements: Column, _ body: (Int, inout RowPicker) throws(KernelError) -> Bool
) throws(KernelError) -> Column {
  var result = ListBuilder(count: call.count)
  var picker = RowPicker(capacity: call.count * 4)
  for row in 0..<call.count {
    let before = picker.count
    do throws(KernelError) {
      if try body(row, &picker) { result.append(picker.count - before) } else { result.appendNull() }
    } catch { throw error.at(row: row) }
  }
  return result.finish(call.resultType, children: [picker.take(from: elements)])
}

/// The elements of all array arguments in one column, so that results may mix them; further arguments are numbers.
struct JoinedLists {
  let elements: Column
  let comparer: RowComparer
  private let arguments: ListArguments
  private let lists: [ListOperand]
  private let starts: [Int]

  init(_ columns: [Column]) {
    arguments = ListArguments(columns)
    lists = columns.filter { $0.type.physical == .list }.map { ListOperand($0) }
    var starts: [Int] = []
    var total = 0
    for list in lists {
      starts.append(total)
      total += list.elements.count
    }
    self.starts = starts
    elements =
      lists.count == 1
      ? lists[0].elements.flattened()
      : Column.concatenated(lists.map { $0.elements.flattened() }, type: lists[0].elements.type)
    comparer = RowComparer(elements)
  }

  func isValid(_ row: Int) -> Bool { arguments.isValid(row) }
  func bigint(_ index: Int, _ row: Int) -> Int64 { arguments.bigint(index, row) }

  /// Where the elements of an argument's array lie.
  func range(_ list: Int, _ row: Int) -> Range<Int> {
    let range = lists[list].range(row)
    return (range.lowerBound + starts[list])..<(range.upperBound + starts[list])
  }
}

func pickingKernel(
  _ body: @escaping @Sendable (JoinedLists, Int, inout RowPicker) throws(KernelError) -> Void
) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let lists = JoinedLists(arguments)
      return try pickLists(call, from: lists.elements) { (row: Int, out: inout RowPicker) throws(KernelError) -> Bool in
        guard lists.isValid(row) else { return false }
        try body(lists, row, &out)
        return true
      }
    }
  }
}

/// Arrays of arrays of the elements.
func nestedPickingKernel(
  _ body: @escaping @Sendable (JoinedLists, Int, inout [[Int]]) throws(KernelError) -> Void
) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let lists = JoinedLists(arguments)
      var outer = ListBuilder(count: call.count)
      var groups: [[Int]] = []
      for row in 0..<call.count {
        guard lists.isValid(row) else {
          outer.appendNull()
          continue
        }
        var mine: [[Int]] = []
        do throws(KernelError) { try body(lists, row, &mine) } catch { throw error.at(row: row) }
        outer.append(mine.count)
        groups += mine
      }
      var inner = ListBuilder(count: groups.count)
      var picker = RowPicker(capacity: groups.count * 2)
      for group in groups {
        inner.append(group.count)
        for element in group { picker.append(element) }
      }
      let innerColumn = inner.finish(call.resultType.children[0], children: [picker.take(from: lists.elements)])
      return outer.finish(call.resultType, children: [innerColumn])
    }
  }
}

extension RowSet {
  /// Whether an equal row is in the set.
  func contains(_ row: Int) -> Bool { index(of: row) != nil }
}
