import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// Some rows of one leaf: levels, and the present values without gaps.
struct LeafPiece {
  /// Level entries; the rows themselves for leaves that are not repeated.
  var count: Int
  /// One byte an entry; nil when all entries are present (and there is no list or NULL around).
  var definition: Buffer?
  /// One byte an entry; nil when all are 0.
  var repetition: Buffer?
  /// Without nulls, as long as there are present entries.
  var values: Column
}

/// Takes nested columns apart into leaves with levels (Dremel's record shredding, a column at a time).
struct Shredder {
  private(set) var pieces: [(leaf: Int, piece: LeafPiece)] = []

  /// Positions of a node: for each, its levels so far and the row of the node's column, or -1 where an ancestor is NULL or empty.
  private struct Entries {
    var repetition: [UInt8]
    var definition: [UInt8]
    var rows: [Int32]
  }

  mutating func shred(_ node: WriterNode, _ column: Column) throws(ParquetError) {
    if case .leaf(let leaf) = node.shape { return try flatLeaf(node, leaf, column) }
    let count = column.count
    guard count <= Int(Int32.max) else { throw .unsupported("batches of more than 2^31 rows") }
    let entries = Entries(
      repetition: Array(repeating: 0, count: count), definition: Array(repeating: 0, count: count),
      rows: (0..<Int32(count)).map { $0 })
    try descend(node, column, entries)
  }

  // MARK: Flat columns

  private mutating func flatLeaf(_ node: WriterNode, _ leaf: WrittenLeaf, _ column: Column) throws(ParquetError) {
    let column = column
    let count = column.count
    let view = ColumnView(column)
    if leaf.form == .null || (view.isConstant && count > 0 && !view.isValid(0)) {
      guard node.isOptional || count == 0 else { throw nullInRequired(node) }
      return pieces.append(
        (leaf.index, LeafPiece(count: count, definition: Buffer.zeroed(byteCount: count), values: column.slice(0, 0))))
    }
    guard view.mayHaveNulls, !view.isConstant else {
      return pieces.append((leaf.index, LeafPiece(count: count, values: Self.plain(column))))
    }
    let definition = Buffer(byteCount: count)
    let marks = definition.base.assumingMemoryBound(to: UInt8.self)
    if let validity = view.isFlat ? view.valueValidity : view.valueValidity == nil ? view.rowValidity : nil {
      memcpy(marks, validity, count)
    } else {
      for row in 0..<count { marks[row] = view.isValid(row) ? 1 : 0 }
    }
    let presentCount = Self.sum(marks, count)
    if presentCount == count { return pieces.append((leaf.index, LeafPiece(count: count, values: Self.plain(column)))) }
    guard node.isOptional else { throw nullInRequired(node) }
    let values: Column
    switch column.encoding {
    case .dictionary(let vector):
      let indices = Self.present(vector.indices, UInt32.self, marks, count, presentCount)
      values = Column(
        type: column.type, count: presentCount,
        encoding: .dictionary(DictionaryVector(values: vector.values, indices: BufferSlice(indices))))
    case .flat(let vector), .constant(let vector):  // constants were dealt with above
      values = Self.present(vector, column.type, marks, count, presentCount)
    }
    pieces.append((leaf.index, LeafPiece(count: count, definition: definition, values: Self.plain(values))))
  }

  private static func sum(_ marks: UnsafePointer<UInt8>, _ count: Int) -> Int {
    var total = 0
    for row in 0..<count { total &+= Int(marks[row]) }
    return total
  }

  /// The marked values without gaps. Values of NULLs are written too and then written over: cheaper than a branch.
  private static func present<Value: BitwiseCopyable>(
    _ values: BufferSlice, _: Value.Type, _ marks: UnsafePointer<UInt8>, _ count: Int, _ presentCount: Int
  ) -> Buffer {
    let dense = Buffer(byteCount: (presentCount &+ 1) &* MemoryLayout<Value>.size)
    let source = values.pointer(as: Value.self)
    let target = dense.base.assumingMemoryBound(to: Value.self)
    var next = 0
    for row in 0..<count {
      target[next] = source[row]
      next &+= Int(marks[row])
    }
    return dense
  }

  private static func present(
    _ vector: FlatVector, _ type: SQLType, _ marks: UnsafePointer<UInt8>, _ count: Int, _ presentCount: Int
  ) -> Column {
    let dense: Buffer
    switch type.physical.byteWidth {
    case 1: dense = present(vector.values, UInt8.self, marks, count, presentCount)
    case 2: dense = present(vector.values, UInt16.self, marks, count, presentCount)
    case 4: dense = present(vector.values, UInt32.self, marks, count, presentCount)
    case 8: dense = present(vector.values, UInt64.self, marks, count, presentCount)
    default: dense = present(vector.values, UInt128.self, marks, count, presentCount)
    }
    return Column(flat: FlatVector(values: BufferSlice(dense), heap: vector.heap), type: type, count: presentCount)
  }

  private func nullInRequired(_ node: WriterNode) -> ParquetError {
    .invalidRequest("column '\(node.name)' is required but has a NULL")
  }

  /// Zoned timestamps as their instants; everything else as it is.
  private static func plain(_ column: Column) -> Column {
    guard column.type.physical == .timestampTZ else { return column }
    func instants(_ vector: FlatVector, _ count: Int) -> FlatVector {
      let target = Buffer(byteCount: count &* 8)
      let source = vector.values.pointer(as: TimestampTZ.self)
      let output = target.base.assumingMemoryBound(to: Int64.self)
      for index in 0..<count { output[index] = source[index].instant }
      return FlatVector(values: BufferSlice(target), validity: vector.validity)
    }
    switch column.encoding {
    case .flat(let vector): return Column(flat: instants(vector, column.count), type: .bigint, count: column.count)
    case .constant(let vector): return Column(type: .bigint, count: column.count, encoding: .constant(instants(vector, 1)))
    case .dictionary(let vector):
      let entries = Column(flat: instants(vector.values.flat, vector.values.count), type: .bigint, count: vector.values.count)
      return Column(
        type: .bigint, count: column.count,
        encoding: .dictionary(DictionaryVector(values: entries, indices: vector.indices, validity: vector.validity)))
    }
  }

  // MARK: Nested columns

  private mutating func descend(_ node: WriterNode, _ column: Column, _ entries: Entries) throws(ParquetError) {
    let column = column
    let view = ColumnView(column)
    switch node.shape {
    case .leaf(let leaf): try finish(node, leaf, column, view, entries)
    case .row(let fields):
      var inner = entries
      for index in 0..<entries.rows.count where entries.rows[index] >= 0 {
        let row = Int(entries.rows[index])
        if view.isValid(row) {
          inner.definition[index] = UInt8(truncatingIfNeeded: node.definition)
          inner.rows[index] = Int32(truncatingIfNeeded: view.index(row))
        } else {
          guard node.isOptional else { throw nullInRequired(node) }
          inner.rows[index] = -1
        }
      }
      for (field, child) in zip(fields, view.children) { try descend(field, child, inner) }
    case .list(let element):
      let inner = try elements(node, view, entries)
      try descend(element, view.children[0], inner)
    case .map(let key, let value):
      let inner = try elements(node, view, entries)
      try descend(key, view.children[0], inner)
      try descend(value, view.children[1], inner)
    }
  }

  /// The entries of a list's elements.
  private func elements(_ node: WriterNode, _ view: ColumnView, _ entries: Entries) throws(ParquetError) -> Entries {
    var inner = Entries(repetition: [], definition: [], rows: [])
    inner.repetition.reserveCapacity(entries.rows.count)
    inner.definition.reserveCapacity(entries.rows.count)
    inner.rows.reserveCapacity(entries.rows.count)
    let present = UInt8(truncatingIfNeeded: node.definition)
    func append(_ repetition: UInt8, _ definition: UInt8, _ row: Int32) {
      inner.repetition.append(repetition)
      inner.definition.append(definition)
      inner.rows.append(row)
    }
    for index in 0..<entries.rows.count {
      let repetition = entries.repetition[index]
      guard entries.rows[index] >= 0 else {
        append(repetition, entries.definition[index], -1)
        continue
      }
      let row = Int(entries.rows[index])
      guard view.isValid(row) else {
        guard node.isOptional else { throw nullInRequired(node) }
        append(repetition, entries.definition[index], -1)
        continue
      }
      let entry = view.pointer(as: ListEntry.self)[view.index(row)]
      if entry.count == 0 {
        append(repetition, present, -1)
        continue
      }
      for element in 0..<Int(entry.count) {
        append(
          element == 0 ? repetition : UInt8(truncatingIfNeeded: node.elementRepetition), present &+ 1,
          Int32(truncatingIfNeeded: Int(entry.offset) &+ element))
      }
    }
    return inner
  }

  private mutating func finish(
    _ node: WriterNode, _ leaf: WrittenLeaf, _ column: Column, _ view: ColumnView, _ entries: Entries
  ) throws(ParquetError) {
    let count = entries.rows.count
    let definition = Buffer(byteCount: count)
    let marks = definition.base.assumingMemoryBound(to: UInt8.self)
    var present: [UInt32] = []
    present.reserveCapacity(count)
    for index in 0..<count {
      marks[index] = entries.definition[index]
      guard entries.rows[index] >= 0 else { continue }
      let row = Int(entries.rows[index])
      if leaf.form != .null && view.isValid(row) {
        marks[index] = UInt8(truncatingIfNeeded: leaf.maxDefinition)
        present.append(UInt32(truncatingIfNeeded: row))
      } else if !node.isOptional {
        throw nullInRequired(node)
      }
    }
    let repetition: Buffer? = leaf.maxRepetition > 0 ? Buffer.of(entries.repetition) : nil
    pieces.append(
      (
        leaf.index,
        LeafPiece(
          count: count, definition: present.count == count ? nil : definition, repetition: repetition,
          values: Self.plain(column.take(present)))
      ))
  }
}
