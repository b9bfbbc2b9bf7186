import Columnar
import Functions

/// max, min, sum and any_value of doubles: one dense column per cell.
///
/// A column is made of numbers of a `PivotValueTable`, two bytes each and 0 for "no value", as long as its input comes with a dictionary;
/// otherwise of the values, eight bytes each: their bits exclusive-or `absent`, so that fresh, zeroed memory reads as "no value". NaNs of the
/// data are made canonical, hence differ from `absent`.
final class DoublePivotCells: PivotCells {
  enum Operation { case maximum, minimum, sum, any }

  /// A NaN that no arithmetic makes and that data are canonicalised away from.
  private static let absent: UInt64 = 0x7FF4_F2A2_1100_ABCD
  private static let canonicalNaN: UInt64 = 0x7FF8_0000_0000_0000

  private struct CellColumn {
    var buffer: Buffer
    var isNumbers: Bool

    var capacity: Int { buffer.byteCount / (isNumbers ? 2 : 8) }
    var numbers: UnsafeMutablePointer<UInt16> { buffer.base.assumingMemoryBound(to: UInt16.self) }
    var values: UnsafeMutablePointer<UInt64> { buffer.base.assumingMemoryBound(to: UInt64.self) }
  }

  private let operation: Operation
  private let resultType: SQLType
  private var columns: [CellColumn?]
  private let table = PivotValueTable()
  /// Numbers of the entries of the dictionary last seen, 0 for a NULL entry; batches of one column chunk share their dictionary.
  private var known: (owner: Buffer, offset: Int, numbers: [UInt16]?)?

  /// The same cells of the other workers, and for each row here the row there.
  private var others: [(cells: DoublePivotCells, localRows: [UInt32])] = []
  /// `table` as a column, once no input follows.
  private var entries: Column?
  private var columnBytes = 0

  init(operation: Operation, resultType: SQLType, cellCount: Int) {
    self.operation = operation
    self.resultType = resultType
    columns = Array(repeating: nil, count: cellCount)
  }

  var byteCount: Int { columnBytes + table.byteCount }

  // MARK: Room

  /// A column with room for `rowCount` rows; a new one is made of numbers if `wantsNumbers`.
  private func column(_ cell: Int, rowCount: Int, wantsNumbers: Bool) -> CellColumn {
    if let column = columns[cell], column.capacity >= rowCount { return column }
    let old = columns[cell]
    let isNumbers = old?.isNumbers ?? wantsNumbers
    // One sample rarely has all keys, so the next one brings a few more: leave an eighth of room, which costs nothing while untouched.
    let capacity = max(rowCount + rowCount / 8, old.map { $0.capacity * 2 } ?? 4_096)
    let grown = CellColumn(buffer: Buffer.zeroed(byteCount: capacity * (isNumbers ? 2 : 8)), isNumbers: isNumbers)
    grown.buffer.prepare(byteCount: rowCount * (isNumbers ? 2 : 8))
    if let old { grown.buffer.base.copyMemory(from: old.buffer.base, byteCount: old.buffer.byteCount) }
    columnBytes += grown.buffer.byteCount - (old?.buffer.byteCount ?? 0)
    columns[cell] = grown
    return grown
  }

  /// The column with its values themselves from now on.
  private func valueColumn(_ cell: Int, rowCount: Int) -> UnsafeMutablePointer<UInt64> {
    if let old = columns[cell], old.isNumbers {
      let values = CellColumn(buffer: Buffer.zeroed(byteCount: max(old.capacity, rowCount) * 8), isNumbers: false)
      Self.expand(old.numbers, old.capacity, table.bits, into: values.values)
      columnBytes += values.buffer.byteCount - old.buffer.byteCount
      columns[cell] = values
    }
    return column(cell, rowCount: rowCount, wantsNumbers: false).values
  }

  private static func expand(
    _ numbers: UnsafePointer<UInt16>, _ count: Int, _ bits: UnsafePointer<UInt64>, into values: UnsafeMutablePointer<UInt64>
  ) {
    for row in 0..<count where numbers[row] != 0 { values[row] = bits[Int(numbers[row]) &- 1] ^ absent }
  }

  /// Numbers of the entries of a dictionary column; nil when there are too many values for numbers.
  private func entryNumbers(_ column: Column) -> [UInt16]? {
    guard let dictionary = column.dictionary, dictionary.values.count <= PivotValueTable.limit else { return nil }
    let vector = dictionary.values.flat
    if let known, known.owner === vector.values.buffer, known.offset == vector.values.byteOffset,
      known.numbers.map({ $0.count == dictionary.values.count }) ?? true
    {
      return known.numbers
    }
    let values = vector.values.pointer(as: Double.self)
    let validity = vector.validity?.pointer(as: UInt8.self)
    var numbers: [UInt16]? = []
    numbers?.reserveCapacity(dictionary.values.count)
    for index in 0..<dictionary.values.count {
      if let validity, validity[index] == 0 {
        numbers?.append(0)
        continue
      }
      let value = values[index]
      guard let number = table.number(value == value ? value.bitPattern : Self.canonicalNaN) else {
        numbers = nil
        break
      }
      numbers?.append(number)
    }
    known = (vector.values.buffer, vector.values.byteOffset, numbers)
    return numbers
  }

  // MARK: Adding

  func add(_ arguments: [Column], to cell: Int, rows: UnsafePointer<UInt32>, count: Int, rowCount: Int)
    throws(KernelError)
  {
    let argument = arguments[0]
    var done = 0
    if columns[cell]?.isNumbers ?? true, let numbers = entryNumbers(argument), let dictionary = argument.dictionary {
      let target = column(cell, rowCount: rowCount, wantsNumbers: true).numbers
      done = numbers.withUnsafeBufferPointer {
        addNumbers($0, dictionary, rows: rows, count: count, into: target)
      }
      if done == count { return }
    }
    addValues(argument, from: done, rows: rows, count: count, into: valueColumn(cell, rowCount: rowCount))
  }

  /// - Returns: rows done; fewer than `count` when the next one needs a value that has no number (a sum).
  private func addNumbers(
    _ numbers: UnsafeBufferPointer<UInt16>, _ dictionary: DictionaryVector, rows: UnsafePointer<UInt32>, count: Int,
    into target: UnsafeMutablePointer<UInt16>
  ) -> Int {
    let indices = dictionary.indices.pointer(as: UInt32.self)
    let validity = dictionary.validity?.pointer(as: UInt8.self)
    guard numbers.count > 0 else { return count }
    for index in 0..<count {
      if let validity, validity[index] == 0 { continue }
      let number = numbers[Int(indices[index])]
      let cell = target + Int(rows[index])
      if cell.pointee == 0 {
        cell.pointee = number
      } else if number != 0, !settle(cell, number) {
        return index
      }
    }
    return count
  }

  /// Decides between the value in a cell and another; false when the result is neither of them.
  private func settle(_ cell: UnsafeMutablePointer<UInt16>, _ number: UInt16) -> Bool {
    let old = Double(bitPattern: table.bits[Int(cell.pointee) &- 1])
    let new = Double(bitPattern: table.bits[Int(number) &- 1])
    switch operation {
    case .maximum: if new > old || old != old { cell.pointee = number }
    case .minimum: if new < old || old != old { cell.pointee = number }
    case .sum: return false
    case .any: break
    }
    return true
  }

  private func addValues(
    _ argument: Column, from start: Int, rows: UnsafePointer<UInt32>, count: Int, into target: UnsafeMutablePointer<UInt64>
  ) {
    let view = ColumnView(argument)
    let values = view.pointer(as: Double.self)
    if let indices = view.indices, !view.mayHaveNulls {
      accumulate(start, count) { index in (target + Int(rows[index]), values[Int(indices[index])]) }
    } else if view.isFlat {
      if let validity = view.valueValidity {
        accumulate(start, count, where: { validity[$0] != 0 }) { index in (target + Int(rows[index]), values[index]) }
      } else {
        accumulate(start, count) { index in (target + Int(rows[index]), values[index]) }
      }
    } else {
      accumulate(start, count, where: { view.isValid($0) }) { index in
        (target + Int(rows[index]), values[view.index(index)])
      }
    }
  }

  func add(
    _ arguments: [Column], toEach cells: UnsafePointer<UInt32>, rows: UnsafePointer<UInt32>, count: Int, rowCount: Int
  ) throws(KernelError) {
    let argument = arguments[0]
    let view = ColumnView(argument)
    let values = view.pointer(as: Double.self)
    let entries = entryNumbers(argument)
    var numberBases = [UnsafeMutablePointer<UInt16>?](repeating: nil, count: columns.count)
    var valueBases = [UnsafeMutablePointer<UInt64>?](repeating: nil, count: columns.count)
    for index in 0..<count where cells[index] != PivotKeyTable.none {
      let cell = Int(cells[index])
      if numberBases[cell] != nil || valueBases[cell] != nil { continue }
      if entries != nil, columns[cell]?.isNumbers ?? true {
        numberBases[cell] = column(cell, rowCount: rowCount, wantsNumbers: true).numbers
      } else {
        valueBases[cell] = valueColumn(cell, rowCount: rowCount)
      }
    }
    for index in 0..<count where cells[index] != PivotKeyTable.none && view.isValid(index) {
      let cell = Int(cells[index])
      let row = Int(rows[index])
      if let base = numberBases[cell], let number = entries?[view.index(index)] {
        if base[row] == 0 {
          base[row] = number
          continue
        }
        if settle(base + row, number) { continue }
        numberBases[cell] = nil
        valueBases[cell] = valueColumn(cell, rowCount: rowCount)
      }
      if let base = valueBases[cell] { combine(base + row, values[view.index(index)]) }
    }
  }

  @inline(__always)
  private func accumulate(
    _ start: Int, _ count: Int, where isWanted: (Int) -> Bool = { _ in true },
    _ pair: (Int) -> (UnsafeMutablePointer<UInt64>, Double)
  ) {
    switch operation {
    case .maximum:
      for index in start..<count where isWanted(index) {
        let (cell, value) = pair(index)
        Self.store(cell, Self.maximum(cell.pointee, value))
      }
    case .minimum:
      for index in start..<count where isWanted(index) {
        let (cell, value) = pair(index)
        Self.store(cell, Self.minimum(cell.pointee, value))
      }
    case .sum, .any:
      for index in start..<count where isWanted(index) {
        let (cell, value) = pair(index)
        combine(cell, value)
      }
    }
  }

  /// Adds a value to a cell.
  private func combine(_ cell: UnsafeMutablePointer<UInt64>, _ value: Double) {
    switch operation {
    case .maximum: Self.store(cell, Self.maximum(cell.pointee, value))
    case .minimum: Self.store(cell, Self.minimum(cell.pointee, value))
    case .sum: Self.store(cell, cell.pointee == 0 ? value : Self.value(cell.pointee) + value)
    case .any: if cell.pointee == 0 { Self.store(cell, value) }
    }
  }

  @inline(__always)
  private static func value(_ stored: UInt64) -> Double { Double(bitPattern: stored ^ absent) }

  @inline(__always)
  private static func store(_ cell: UnsafeMutablePointer<UInt64>, _ value: Double) {
    let bits = value == value ? value.bitPattern : canonicalNaN
    cell.pointee = bits ^ absent
  }

  /// Trino's max: NaN only when there is nothing else.
  @inline(__always)
  private static func maximum(_ stored: UInt64, _ value: Double) -> Double {
    let old = Self.value(stored)
    return stored == 0 || value > old || old != old ? value : old
  }

  /// Trino's min: NaN only when there is nothing else.
  @inline(__always)
  private static func minimum(_ stored: UInt64, _ value: Double) -> Double {
    let old = Self.value(stored)
    return stored == 0 || value < old || old != old ? value : old
  }

  // MARK: Results

  func absorb(_ others: [any PivotCells], maps: [[UInt32]], rowCount: Int) throws(KernelError) {
    entries = table.column(resultType)
    for (other, map) in zip(others, maps) {
      guard let other = other as? DoublePivotCells else { continue }
      other.entries = other.table.column(resultType)
      var localRows = [UInt32](repeating: PivotKeyTable.none, count: rowCount)
      for (local, row) in map.enumerated() { localRows[Int(row)] = UInt32(truncatingIfNeeded: local) }
      self.others.append((other, localRows))
    }
  }

  func results(_ cell: Int, rows: UnsafePointer<UInt32>, count: Int) throws(KernelError) -> Column {
    let theirs = others.filter { $0.cells.columns[cell] != nil }
    // Usually a sample has been read by one worker.
    if theirs.isEmpty {
      guard let own = columns[cell] else { return .nulls(resultType, count: count) }
      return show(own, entries, count) { rows[$0] }
    }
    if theirs.count == 1, columns[cell] == nil, let column = theirs[0].cells.columns[cell] {
      return theirs[0].localRows.withUnsafeBufferPointer { localRows in
        show(column, theirs[0].cells.entries, count) { localRows[Int(rows[$0])] }
      }
    }
    return merged(cell, theirs, rows, count)
  }

  /// The rows `row(0) ..< row(count)` of one worker's column, with their validity, in one pass.
  @inline(__always)
  private func show(_ column: CellColumn, _ entries: Column?, _ count: Int, _ row: (Int) -> UInt32) -> Column {
    let limit = UInt32(clamping: column.capacity)
    let validity = Buffer(byteCount: count)
    let flags = validity.base.assumingMemoryBound(to: UInt8.self)
    var present = 0
    defer { withExtendedLifetime(column) {} }
    if column.isNumbers, let entries {
      let indices = Buffer(byteCount: count * 4)
      let target = indices.base.assumingMemoryBound(to: UInt32.self)
      let numbers = column.numbers
      for index in 0..<count {
        let row = row(index)
        let number = row < limit ? UInt32(numbers[Int(row)]) : 0
        let flag: UInt8 = number == 0 ? 0 : 1
        target[index] = number &- UInt32(flag)
        flags[index] = flag
        present &+= Int(flag)
      }
      if present == 0 { return .nulls(resultType, count: count) }
      return .dictionary(values: entries, indices: indices, count: count, validity: present == count ? nil : validity)
    }
    let output = Buffer(byteCount: count * 8)
    let bits = output.base.assumingMemoryBound(to: UInt64.self)
    let values = column.values
    for index in 0..<count {
      let row = row(index)
      let stored = row < limit ? values[Int(row)] : 0
      let flag: UInt8 = stored == 0 ? 0 : 1
      bits[index] = stored ^ Self.absent
      flags[index] = flag
      present &+= Int(flag)
    }
    return Column(type: resultType, count: count, values: output, validity: present == count ? nil : validity)
  }

  /// The rows of a column that several workers have values for.
  private func merged(
    _ cell: Int, _ theirs: [(cells: DoublePivotCells, localRows: [UInt32])], _ rows: UnsafePointer<UInt32>, _ count: Int
  ) -> Column {
    let merged = Buffer.zeroed(byteCount: count * 8)
    let target = merged.base.assumingMemoryBound(to: UInt64.self)
    /// Adds another worker's values; the first one's are merely stored.
    func add(_ cells: DoublePivotCells, _ row: (Int) -> UInt32) {
      guard let column = cells.columns[cell] else { return }
      let limit = UInt32(clamping: column.capacity)
      for index in 0..<count {
        let row = row(index)
        guard row < limit else { continue }
        if column.isNumbers {
          let number = column.numbers[Int(row)]
          if number != 0 { combine(target + index, Double(bitPattern: cells.table.bits[Int(number) &- 1])) }
        } else if column.values[Int(row)] != 0 {
          combine(target + index, Self.value(column.values[Int(row)]))
        }
      }
    }
    add(self) { rows[$0] }
    for (other, localRows) in theirs { add(other) { localRows[Int(rows[$0])] } }
    let whole = CellColumn(buffer: merged, isNumbers: false)
    return show(whole, nil, count) { UInt32(truncatingIfNeeded: $0) }
  }
}
