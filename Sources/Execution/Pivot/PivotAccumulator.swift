import Columnar
import Functions

/// One worker's part of a pivot: its key table and its cells.
final class PivotAccumulator {
  private let layout: PivotLayout
  private let codec: PivotKeyCodec
  let table = PivotKeyTable()
  let cells: [any PivotCells]
  private var rowScratch = Buffer(byteCount: 0)
  private var numberScratch = Buffer(byteCount: 0)
  private var cellScratch = Buffer(byteCount: 0)
  /// Value numbers of the entries of the last dictionary seen; batches of one column chunk share their dictionary.
  private var dictionaryNumbers: (owner: Buffer, numbers: [UInt32])?

  init(layout: PivotLayout, context: QueryContext) {
    self.layout = layout
    codec = PivotKeyCodec(types: layout.keyTypes)
    cells = layout.measures.map { Self.makeCells($0, context) }
  }

  private static func makeCells(_ measure: PivotLayout.Measure, _ context: QueryContext) -> any PivotCells {
    let aggregate = measure.aggregate
    if aggregate.argumentTypes == [.double] && aggregate.resultType == .double {
      let operation: DoublePivotCells.Operation? =
        switch aggregate.name {
        case "max": .maximum
        case "min": .minimum
        case "sum": .sum
        case "any_value", "arbitrary": .any
        default: nil
        }
      if let operation {
        return DoublePivotCells(operation: operation, resultType: aggregate.resultType, cellCount: measure.cellCount)
      }
    }
    return GeneralPivotCells(aggregate: aggregate, cellCount: measure.cellCount, context: context)
  }

  var byteCount: Int { table.byteCount + cells.reduce(0) { $0 + $1.byteCount } }

  /// - Parameters:
  ///   - keys: the group key columns.
  ///   - pivotKey: decides the column; rows whose value is none of the pivot's only bring their group into the result.
  ///   - arguments: those of all measures, in the layout's order.
  func consume(keys: [Column], pivotKey: Column, arguments: [Column], count: Int) throws(KernelError) {
    guard count > 0 else { return }
    let encoded = codec.encode(keys, count: count)
    if rowScratch.byteCount < count * 4 { rowScratch = Buffer(byteCount: count * 4) }
    let rows = rowScratch.base.assumingMemoryBound(to: UInt32.self)
    withExtendedLifetime(encoded) {
      table.resolve(encoded.views, validity: encoded.validity, count: count, into: rows)
    }

    if let number = singleNumber(pivotKey) {
      guard number != PivotKeyTable.none else { return }
      for (index, measure) in layout.measures.enumerated() {
        guard let cell = layout.cells[index][Int(number)] else { continue }
        try cells[index].add(
          Array(arguments[measure.arguments]), to: cell, rows: rows, count: count, rowCount: table.count)
      }
      return
    }
    let numbers = self.numbers(pivotKey, count)
    if cellScratch.byteCount < count * 4 { cellScratch = Buffer(byteCount: count * 4) }
    let cellOfRow = cellScratch.base.assumingMemoryBound(to: UInt32.self)
    for (index, measure) in layout.measures.enumerated() {
      let slots = layout.cells[index].map { $0.map { UInt32(truncatingIfNeeded: $0) } ?? PivotKeyTable.none }
      slots.withUnsafeBufferPointer { slots in
        for row in 0..<count {
          let number = numbers[row]
          cellOfRow[row] = number == PivotKeyTable.none ? PivotKeyTable.none : slots[Int(number)]
        }
      }
      try cells[index].add(
        Array(arguments[measure.arguments]), toEach: cellOfRow, rows: rows, count: count, rowCount: table.count)
    }
  }

  private func number(_ value: ScalarValue) -> UInt32 {
    guard value != .null, let number = layout.valueNumbers[PivotLayout.normalised(value)] else {
      return PivotKeyTable.none
    }
    return UInt32(truncatingIfNeeded: number)
  }

  /// The number of the only pivot value in the column, when that is plain to see.
  private func singleNumber(_ column: Column) -> UInt32? {
    if column.isConstant || column.count == 1 { return number(column.scalarValue(at: 0)) }
    guard let dictionary = column.dictionary, dictionary.values.count == 1, dictionary.validity == nil else { return nil }
    return number(dictionary.values.scalarValue(at: 0))
  }

  /// The value number of every row. Dictionary entries are looked up once, runs of equal text once per run.
  private func numbers(_ column: Column, _ count: Int) -> UnsafePointer<UInt32> {
    if numberScratch.byteCount < count * 4 { numberScratch = Buffer(byteCount: count * 4) }
    let target = numberScratch.base.assumingMemoryBound(to: UInt32.self)
    if let dictionary = column.dictionary, dictionary.values.count > 0, dictionary.values.count <= count * 4 {
      let entries = entryNumbers(dictionary)
      let indices = dictionary.indices.pointer(as: UInt32.self)
      let validity = dictionary.validity?.pointer(as: UInt8.self)
      entries.withUnsafeBufferPointer { entries in
        if let validity {
          for row in 0..<count { target[row] = validity[row] == 0 ? PivotKeyTable.none : entries[Int(indices[row])] }
        } else {
          for row in 0..<count { target[row] = entries[Int(indices[row])] }
        }
      }
    } else if column.type.physical == .string {
      let flat = column.flattened()
      defer { withExtendedLifetime(flat) {} }
      let views = flat.flat.values.pointer(as: StringView.self)
      let validity = flat.flat.validity?.pointer(as: UInt8.self)
      var last = -1
      for row in 0..<count {
        if let validity, validity[row] == 0 {
          target[row] = PivotKeyTable.none
        } else if last >= 0, StringView.equal(views + last, views + row) {
          target[row] = target[last]
        } else {
          target[row] = number(.bytes(Array(StringView.buffer(at: views + row))))
          last = row
        }
      }
    } else {
      for row in 0..<count { target[row] = number(column.scalarValue(at: row)) }
    }
    return UnsafePointer(target)
  }

  private func entryNumbers(_ dictionary: DictionaryVector) -> [UInt32] {
    let owner = dictionary.values.flat.values.buffer
    if let known = dictionaryNumbers, known.owner === owner, known.numbers.count == dictionary.values.count {
      return known.numbers
    }
    let numbers = (0..<dictionary.values.count).map { number(dictionary.values.scalarValue(at: $0)) }
    dictionaryNumbers = (owner, numbers)
    return numbers
  }
}

/// The finished matrix: rows in the order learned from the data, or in the one asked for; columns in the pivot's order.
final class PivotResult: @unchecked Sendable {  // read-only after init
  private let layout: PivotLayout
  private let codec: PivotKeyCodec
  private let table: PivotKeyTable
  private let cells: [any PivotCells]
  private let order: [UInt32]

  /// Joins the workers' parts: the others' keys are looked up in the first one's table, in order.
  init(_ parts: [PivotAccumulator], layout: PivotLayout, order wanted: SortOrder?) throws(KernelError) {
    self.layout = layout
    codec = PivotKeyCodec(types: layout.keyTypes)
    let first = parts[0]
    let others = Array(parts.dropFirst())
    table = first.table
    let maps = others.map { first.table.absorb($0.table) }
    for (index, own) in first.cells.enumerated() {
      try own.absorb(others.map { $0.cells[index] }, maps: maps, rowCount: first.table.count)
    }
    cells = first.cells
    let learned = first.table.orderedRows()
    if let wanted {
      let rows = Buffer.of(learned)
      defer { withExtendedLifetime(rows) {} }
      let keys = codec.decode(table, rows: rows.base.assumingMemoryBound(to: UInt32.self), count: learned.count)
      order = wanted.sortedRows(of: Batch(columns: keys, count: learned.count)).map { learned[Int($0)] }
    } else {
      order = learned
    }
  }

  var rowCount: Int { order.count }
  var columnCount: Int { layout.keyTypes.count + layout.sources.count }

  /// Rows `start ..< start + count` of the matrix.
  func batch(start: Int, count: Int) throws(KernelError) -> Batch {
    let rows = Buffer.of(Array(order[start..<start + count]))
    defer { withExtendedLifetime(rows) {} }
    let pointer = UnsafePointer(rows.base.assumingMemoryBound(to: UInt32.self))
    var columns = codec.decode(table, rows: pointer, count: count)
    columns.reserveCapacity(columnCount)
    for source in layout.sources {
      columns.append(try cells[source.measure].results(source.cell, rows: pointer, count: count))
    }
    return Batch(columns: columns, count: count)
  }
}
